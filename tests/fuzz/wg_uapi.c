/* SPDX-License-Identifier: MIT */
/* wg-hook/backend.h: what a user-space WireGuard, or who passes for one, answers; and the closed
 * file, which is in the same language. */
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

static void check_device(const struct wg_device *d)
{
	size_t allowed = 0;

	CHECK(d->count <= WG_PEERS_MAX && d->allowed_count <= WG_ALLOWED_MAX);
	for (size_t i = 0; i < d->count; i++) {
		const struct wg_peer *p = &d->peers[i];

		CHECK(p->allowed == allowed);
		allowed += p->allowed_count;
		CHECK(p->endpoint.any.sa_family == AF_UNSPEC ||
		      p->endpoint.any.sa_family == AF_INET ||
		      p->endpoint.any.sa_family == AF_INET6);
	}
	CHECK(allowed == d->allowed_count);
	for (size_t i = 0; i < allowed; i++)
		CHECK(d->allowed[i].cidr <= (d->allowed[i].family == AF_INET ? 32 : 128));
}

/* Written as a request and read again, it is the same. */
static void check_again(const struct wg_device *d)
{
	size_t cap = 64 + d->count * 512 + d->allowed_count * 128;
	struct wbuf w = wbuf_new(malloc(cap), cap);
	struct wg_device again = {0};
	struct why why = {0};

	CHECK(w.p != NULL);
	for (size_t i = 0; i < d->count; i++) {
		const struct wg_peer *p = &d->peers[i];

		wg_uapi_write_key(&w, "public_key", p->public_key);
		wg_uapi_write_key(&w, "preshared_key", p->psk);
		wg_uapi_write_peer(&w, p);
		for (uint32_t a = 0; a < p->allowed_count; a++)
			wg_uapi_write_allowed(&w, &d->allowed[p->allowed + a]);
	}
	wbuf_text(&w, "errno=0\n\n");
	CHECK(wbuf_ok(&w));
	CHECK(wg_uapi_parse(&again, (struct slice){w.p, w.n}, &why) == ERR_OK);
	CHECK(again.count == d->count && again.allowed_count == d->allowed_count);
	for (size_t i = 0; i < d->count; i++) {
		CHECK(memcmp(again.peers[i].public_key, d->peers[i].public_key, WG_KEY_LEN) == 0);
		CHECK(memcmp(again.peers[i].psk, d->peers[i].psk, WG_KEY_LEN) == 0);
		CHECK(again.peers[i].keepalive == d->peers[i].keepalive);
		CHECK(memcmp(&again.peers[i].endpoint, &d->peers[i].endpoint,
			     sizeof(union wg_endpoint)) == 0);
	}
	CHECK(d->allowed_count == 0 ||
	      memcmp(again.allowed, d->allowed, d->allowed_count * sizeof(*d->allowed)) == 0);
	wg_device_free(&again);
	free(w.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	struct wg_device d = {0};
	struct why why = {0};
	enum err e = wg_uapi_parse(&d, (struct slice){copy, size}, &why);

	fuzz_check_why(e, &why);
	check_device(&d);
	if (e == ERR_OK) {
		check_again(&d);
		wg_device_sort(&d);
		for (size_t i = 0; i < d.count; i++) {
			CHECK(i == 0 || memcmp(d.peers[i - 1].public_key, d.peers[i].public_key,
					       WG_KEY_LEN) <= 0);
			CHECK(wg_device_find(&d, d.peers[i].public_key) != NULL);
		}
	}
	wg_device_free(&d);
	free(copy);
	return 0;
}
