/* SPDX-License-Identifier: MIT */
/* wg-hook/backend.h: the attributes of the kernel's answers. An input is several messages of a
 * dump, each with its length (16 bits, big endian) in front. */
#include "fuzz.h"

#include "derive/secret.h"
#include "wg-hook/backend.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(secret_start(NULL) == ERR_OK);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	struct wg_device d = {0};
	enum err e = ERR_OK;
	size_t allowed = 0;

	while (e == ERR_OK && r.n > 2) {
		size_t n = (size_t)rbuf_u8(&r) << 8;
		struct why why = {0};
		struct slice message;
		uint8_t *copy;

		n |= rbuf_u8(&r);
		message = rbuf_bytes(&r, n < r.n ? n : r.n);
		copy = fuzz_copy(message.p, message.n);
		e = wg_netlink_parse(&d, (struct slice){copy, message.n}, &why);
		fuzz_check_why(e, &why);
		free(copy);
	}
	for (size_t i = 0; i < d.count; i++) {
		CHECK(i == 0 ||
		      memcmp(d.peers[i - 1].public_key, d.peers[i].public_key, WG_KEY_LEN) != 0);
		CHECK(d.peers[i].allowed == allowed);
		allowed += d.peers[i].allowed_count;
	}
	CHECK(allowed == d.allowed_count);
	for (size_t i = 0; i < allowed; i++)
		CHECK(d.allowed[i].cidr <= (d.allowed[i].family == AF_INET ? 32 : 128));
	wg_device_free(&d);
	return 0;
}
