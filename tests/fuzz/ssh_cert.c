/* SPDX-License-Identifier: MIT */
/* ssh/cert.h: a file of the folder certs/. */
#include "fuzz.h"

#include "agent/request.h"
#include "derive/encode.h"
#include "ssh/blob.h"
#include "ssh/cert.h"

/* OpenSSH's clients can read what is offered, and a login with it is one with its key. */
static void check_cert(const struct cert *cert, struct slice text)
{
	struct slice blob = {cert->blob, cert->blob_n};
	struct key key = {.id.curve = cert->curve, .known = true};
	char base64[2 * CERT_FILE_MAX];
	struct rbuf r = rbuf_from(blob);

	memcpy(key.public_key, cert->public_key, PUBLIC_KEY_LEN);
	CHECK(ssh_cert_type(cert->curve) != NULL);
	CHECK(slice_is(rbuf_string(&r), ssh_cert_type(cert->curve)));
	CHECK(ssh_cert_is_of(blob, &key));
	CHECK(!ssh_cert_is_of((struct slice){blob.p, blob.n - 1}, &key));
	key.public_key[1] ^= 1;
	CHECK(!ssh_cert_is_of(blob, &key));
	base64_encode(base64, sizeof(base64), blob.p, blob.n);
	CHECK(memmem(text.p, text.n, base64, strlen(base64)) != NULL);
	CHECK(memchr(cert->key_id, '\0', sizeof(cert->key_id)) != NULL);
	fuzz_check_shown(cert->key_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	struct slice text = {copy, size};
	struct cert cert = {0};
	struct why why = {0};
	enum err e = ssh_cert_parse_file(text, &cert, &why);

	fuzz_check_why(e, &why);
	CHECK((e == ERR_OK) == (cert.blob != NULL));
	CHECK(size <= CERT_FILE_MAX || e == ERR_TOO_LARGE);
	if (e == ERR_OK)
		check_cert(&cert, text);
	free(cert.blob);
	free(copy);
	return 0;
}
