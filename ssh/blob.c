/* SPDX-License-Identifier: MIT */
#include "ssh/blob.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/request.h"
#include "derive/encode.h"

const char *ssh_type(enum curve curve)
{
	switch (curve) {
	case CURVE_ED25519:
		return "ssh-ed25519";
	case CURVE_NIST256P1:
		return "ecdsa-sha2-nistp256";
	default:
		return NULL;
	}
}

static void put_point(struct wbuf *w, const uint8_t point[static 65])
{
	wbuf_cstring(w, ssh_type(CURVE_NIST256P1));
	wbuf_cstring(w, "nistp256");
	wbuf_string(w, point, 65);
}

enum err ssh_put_key(struct wbuf *w, enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t point[65];
	enum err e;

	if (curve == CURVE_ED25519) {
		wbuf_cstring(w, ssh_type(curve));
		wbuf_string(w, pub + 1, 32);
	} else if (curve == CURVE_NIST256P1) {
		e = ecc_uncompress(curve, pub, point);
		if (e != ERR_OK)
			return e;
		put_point(w, point);
	} else {
		return ERR_UNSUPPORTED;
	}
	return wbuf_ok(w) ? ERR_OK : ERR_TOO_LARGE;
}

/* The compressed form keeps only Y's parity, so the point has to come back from it unchanged. */
static enum err parse_point(struct slice point, uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t again[65];
	enum err e;

	if (point.n != sizeof(again) || point.p[0] != 0x04)
		return ERR_BAD_POINT;
	pub[0] = 0x02 | (point.p[64] & 1);
	memcpy(pub + 1, point.p + 1, 32);
	e = ecc_uncompress(CURVE_NIST256P1, pub, again);
	if (e != ERR_OK)
		return e;
	return memcmp(point.p, again, sizeof(again)) == 0 ? ERR_OK : ERR_BAD_POINT;
}

enum err ssh_parse_key(struct slice blob, enum curve *curve, uint8_t pub[static PUBLIC_KEY_LEN])
{
	struct rbuf r = rbuf_from(blob);
	struct slice type = rbuf_string(&r);
	struct slice name, key;

	if (r.bad)
		return ERR_SYNTAX;
	if (slice_is(type, "ssh-ed25519")) {
		key = rbuf_string(&r);
		if (!rbuf_end(&r) || key.n != 32)
			return ERR_SYNTAX;
		*curve = CURVE_ED25519;
		pub[0] = 0;
		memcpy(pub + 1, key.p, 32);
		return ERR_OK;
	}
	if (slice_is(type, "ecdsa-sha2-nistp256")) {
		name = rbuf_string(&r);
		key = rbuf_string(&r);
		if (!rbuf_end(&r) || !slice_is(name, "nistp256"))
			return ERR_SYNTAX;
		*curve = CURVE_NIST256P1;
		return parse_point(key, pub);
	}
	return ERR_UNSUPPORTED;
}

bool ssh_key_is(struct slice blob, enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t ours[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(ours, sizeof(ours));

	return ssh_put_key(&w, curve, pub) == ERR_OK && slice_eq(blob, (struct slice){ours, w.n});
}

enum err ssh_put_blob(struct wbuf *w, const struct key *key)
{
	if (key->id.curve != CURVE_NIST256P1 || key->point[0] != 0x04)
		return ssh_put_key(w, key->id.curve, key->public_key);
	put_point(w, key->point);
	return wbuf_ok(w) ? ERR_OK : ERR_TOO_LARGE;
}

bool ssh_blob_is(struct slice blob, const struct key *key)
{
	uint8_t ours[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(ours, sizeof(ours));

	return ssh_put_blob(&w, key) == ERR_OK && slice_eq(blob, (struct slice){ours, w.n});
}

enum err ssh_put_signature(struct wbuf *w, enum curve curve,
			   const uint8_t sig[static SIGNATURE_LEN])
{
	size_t mark;

	if (ssh_type(curve) == NULL)
		return ERR_UNSUPPORTED;
	wbuf_cstring(w, ssh_type(curve));
	if (curve == CURVE_ED25519) {
		wbuf_string(w, sig, SIGNATURE_LEN);
	} else {
		mark = wbuf_open_string(w);
		wbuf_mpint(w, sig, 32);
		wbuf_mpint(w, sig + 32, 32);
		wbuf_close_string(w, mark);
	}
	return wbuf_ok(w) ? ERR_OK : ERR_TOO_LARGE;
}

void ssh_comment(char out[static SSH_COMMENT_MAX + 1], const struct identity *id)
{
	if (id->index == 0)
		memcpy(out, id->uri, strlen(id->uri) + 1); /* a listing has one for each key */
	else
		snprintf(out, SSH_COMMENT_MAX + 1, "%s (index %" PRIu32 ")", id->uri, id->index);
}

enum err ssh_key_line(char *out, size_t cap, const struct identity *id,
		      const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t blob[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(blob, sizeof(blob));
	char text[4 * SSH_BLOB_MAX / 3 + 4];
	char comment[SSH_COMMENT_MAX + 1];
	enum err e = ssh_put_key(&w, id->curve, pub);
	int n;

	if (e != ERR_OK)
		return e;
	base64_encode(text, sizeof(text), blob, w.n);
	ssh_comment(comment, id);
	n = snprintf(out, cap, "%s %s %s", ssh_type(id->curve), text, comment);
	return n > 0 && (size_t)n < cap ? ERR_OK : ERR_TOO_LARGE;
}

void ssh_fingerprint(char out[static SSH_FINGERPRINT_LEN + 1], const uint8_t hash[static 32])
{
	char text[45]; /* with the one '=' that ssh-keygen leaves away */

	base64_encode(text, sizeof(text), hash, 32);
	snprintf(out, SSH_FINGERPRINT_LEN + 1, "SHA256:%.43s", text);
}
