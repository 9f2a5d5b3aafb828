/* SPDX-License-Identifier: MIT */
/* ssh/blob.h: public keys read from outside, and what is written of them. */
#include "fuzz.h"

#include "agent/request.h"
#include "derive/encode.h"
#include "ssh/blob.h"

static void check_line(const struct identity *id, const uint8_t pub[static PUBLIC_KEY_LEN],
		       struct slice blob)
{
	uint8_t decoded[SSH_BLOB_MAX];
	char line[SSH_LINE_MAX + 1];
	const char *text, *end;
	size_t n;

	CHECK(ssh_key_line(line, sizeof(line), id, pub) == ERR_OK);
	fuzz_check_shown(line);
	text = strchr(line, ' ');
	CHECK(text != NULL && strncmp(line, ssh_type(id->curve), (size_t)(text - line)) == 0);
	end = strchr(++text, ' ');
	CHECK(end != NULL);
	CHECK(base64_decode(decoded, sizeof(decoded), &n, text, (size_t)(end - text)) == ERR_OK);
	CHECK(slice_eq((struct slice){decoded, n}, blob));
	CHECK(strncmp(end + 1, id->uri, strlen(id->uri)) == 0);
	for (size_t cap = 0; cap < 2; cap++)
		CHECK(ssh_key_line(line, strlen(line) * cap, id, pub) == ERR_TOO_LARGE);
}

/* The agent's own key, its point worked out before or not, has the same blob. */
static void check_held(const struct identity *id, const uint8_t pub[static PUBLIC_KEY_LEN],
		       struct slice blob)
{
	struct key key = {.id = *id, .known = true};
	uint8_t again[SSH_BLOB_MAX];

	memcpy(key.public_key, pub, PUBLIC_KEY_LEN);
	for (int i = 0; i < 2; i++) {
		struct wbuf w = wbuf_new(again, sizeof(again));

		CHECK(ssh_put_blob(&w, &key) == ERR_OK && ssh_blob_is(blob, &key));
		CHECK(slice_eq((struct slice){again, w.n}, blob));
		w = wbuf_new(again, blob.n - 1);
		CHECK(ssh_put_blob(&w, &key) == ERR_TOO_LARGE);
		if (id->curve == CURVE_NIST256P1)
			CHECK(ecc_uncompress(id->curve, pub, key.point) == ERR_OK);
	}
	key.public_key[1] ^= 1;
	key.point[1] ^= 1;
	CHECK(!ssh_blob_is(blob, &key));
}

static void check_key(struct slice blob)
{
	uint8_t pub[PUBLIC_KEY_LEN] = {0}, again[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(again, sizeof(again));
	struct identity id;
	enum curve curve = CURVE_COUNT;
	enum err e = ssh_parse_key(blob, &curve, pub);

	CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_UNSUPPORTED || e == ERR_BAD_POINT);
	if (e != ERR_OK)
		return;
	/* One key has one blob. */
	CHECK(ssh_put_key(&w, curve, pub) == ERR_OK);
	CHECK(slice_eq((struct slice){again, w.n}, blob) && ssh_key_is(blob, curve, pub));
	CHECK(!ssh_key_is((struct slice){blob.p, blob.n - 1}, curve, pub));
	w = wbuf_new(again, blob.n - 1);
	CHECK(ssh_put_key(&w, curve, pub) == ERR_TOO_LARGE);
	CHECK(identity_parse(&id, "ssh://git@host", NULL) == ERR_OK);
	id.curve = curve;
	id.index = pub[1] & 1;
	check_line(&id, pub, blob);
	check_held(&id, pub, blob);
	pub[1] ^= 1;
	CHECK(!ssh_key_is(blob, curve, pub));
}

/* r and s as mpints: their bytes again, without leading zeros, never negative. */
static void check_number(struct rbuf *r, const uint8_t *p)
{
	struct slice s = rbuf_string(r);
	uint8_t number[33] = {0};

	CHECK(s.n <= 33 && (s.n == 0 || s.p[0] < 0x80));
	CHECK(s.n < 2 || s.p[0] != 0 || s.p[1] >= 0x80);
	if (s.n > 0)
		memcpy(number + 33 - s.n, s.p, s.n);
	CHECK(number[0] == 0 && memcmp(number + 1, p, 32) == 0);
}

static void check_signature(const uint8_t sig[static SIGNATURE_LEN], enum curve curve)
{
	uint8_t blob[SSH_SIGNATURE_MAX];
	struct wbuf w = wbuf_new(blob, sizeof(blob));
	enum err e = ssh_put_signature(&w, curve, sig);
	struct slice type, value;
	struct rbuf r = rbuf_new(blob, w.n), numbers;

	if (ssh_type(curve) == NULL) {
		CHECK(e == ERR_UNSUPPORTED && w.n == 0);
		CHECK(ssh_put_key(&w, curve, sig) == ERR_UNSUPPORTED && w.n == 0);
		return;
	}
	CHECK(e == ERR_OK);
	type = rbuf_string(&r);
	value = rbuf_string(&r);
	CHECK(rbuf_end(&r) && slice_is(type, ssh_type(curve)));
	if (curve == CURVE_ED25519) {
		CHECK(slice_eq(value, (struct slice){sig, SIGNATURE_LEN}));
		return;
	}
	numbers = rbuf_from(value);
	check_number(&numbers, sig);
	check_number(&numbers, sig + 32);
	CHECK(rbuf_end(&numbers));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_key((struct slice){data, size});
	if (size == SIGNATURE_LEN)
		for (unsigned curve = 0; curve < CURVE_COUNT; curve++)
			check_signature(data, (enum curve)curve);
	if (size == 32) {
		char text[SSH_FINGERPRINT_LEN + 1];

		ssh_fingerprint(text, data);
		CHECK(strlen(text) == SSH_FINGERPRINT_LEN && strncmp(text, "SHA256:", 7) == 0);
	}
	return 0;
}
