/* SPDX-License-Identifier: MIT */
#include "devices/trezor/check.h"

#include <string.h>

enum {
	CHALLENGE_TREZOR_ONE = 512,
	CHALLENGE_KEEPKEY = 256,
	CHALLENGE_OTHER = WIRE_MESSAGE_MAX - 1024, /* room for the rest of the message */
	VISUAL_MAX = 255,
	CIPHER_KEY_MAX = 255,
	CIPHER_LABEL_LEN = 18, /* "lanyard secret v1 " */
	DIGEST_LEN = 32
};

static enum err check_part(const struct wallet *w, struct job *job, struct slice part, size_t max,
			   const char *name)
{
	if (part.n <= max)
		return ERR_OK;
	return why_set(&job->why, ERR_UNSUPPORTED,
		       "%s takes at most %zu characters of %s, and %s has %zu", w->name, max, name,
		       job->id.uri, part.n);
}

static enum err check_identity(const struct wallet *w, struct job *job)
{
	const struct identity *id = &job->id;

	if (!w->features.small)
		return ERR_OK;
	enum err e = check_part(w, job, IDENTITY_PART(id, proto), 8, "protocol");
	if (!e)
		e = check_part(w, job, IDENTITY_PART(id, user), 63, "user");
	if (!e)
		e = check_part(w, job, IDENTITY_PART(id, host), 63,
			       id->class == CLASS_GPG ? "user ID" : "host");
	if (!e)
		e = check_part(w, job, IDENTITY_PART(id, port), 5, "port");
	if (!e)
		e = check_part(w, job, IDENTITY_PART(id, path), 255, "path");
	return e;
}

static enum err check_curve(const struct wallet *w, struct job *job, enum curve not,
			    const char *verb, const char *allowed)
{
	enum curve c = job->id.curve;

	if (c < CURVE_COUNT && c != not )
		return ERR_OK;
	return why_set(&job->why, ERR_UNSUPPORTED, "%s does not %s with %s; allowed: %s", w->name,
		       verb, c < CURVE_COUNT ? curve_name(c) : "that curve", allowed);
}

static enum err check_challenge(const struct wallet *w, struct job *job)
{
	size_t max = w->features.keepkey ? CHALLENGE_KEEPKEY
		     : w->features.small ? CHALLENGE_TREZOR_ONE
					 : CHALLENGE_OTHER;

	if (job->data.n <= max)
		return ERR_OK;
	if (job->id.class != CLASS_SSH)
		return why_set(&job->why, ERR_TOO_LARGE,
			       "%s signs at most %zu bytes, and this is %zu", w->name, max,
			       job->data.n);
	return why_set(&job->why, ERR_TOO_LARGE,
		       "%s signs at most %zu bytes, and this login is %zu: host-bound "
		       "authentication%s makes it so long. Put `PubkeyAuthentication unbound` "
		       "into ~/.ssh/config for this host",
		       w->name, max, job->data.n,
		       w->features.keepkey ? ""
					   : " with an RSA host key of 3072 bits or more "
					     "(2048 beside a nist256p1 key)");
}

enum err check_sign(const struct wallet *w, struct job *job)
{
	enum signing how = signing_of(&job->id);
	bool ec = job->id.curve != CURVE_ED25519;
	enum err e = check_curve(w, job, CURVE_CURVE25519, "sign", "ed25519, nist256p1, secp256k1");

	if (!e)
		e = check_identity(w, job);
	if (e)
		return e;
	if (how == SIGNING_SIGNIFY && (ec || w->features.keepkey))
		return why_set(&job->why, ERR_UNSUPPORTED,
			       "signify:// keys sign with ed25519, on a Trezor");
	if (how == SIGNING_GPG && ec) {
		if (job->data.n < DIGEST_LEN)
			return why_set(&job->why, ERR_INVALID,
				       "gpg with %s signs a digest of at least %d bytes, not %zu",
				       curve_name(job->id.curve), DIGEST_LEN, job->data.n);
		return ERR_OK; /* the first 32 bytes are sent */
	}
	if (job->visual && strlen(job->visual) > VISUAL_MAX)
		return why_set(&job->why, ERR_TOO_LARGE,
			       "%s shows at most %d characters beside the data", w->name,
			       VISUAL_MAX);
	return check_challenge(w, job);
}

/* 04 || X || Y of a point in either form, on the curve. */
static bool point_of(enum curve curve, struct slice p, uint8_t out[static SHARED_MAX])
{
	uint8_t compressed[PUBLIC_KEY_LEN];

	if (p.n == PUBLIC_KEY_LEN)
		return !ecc_uncompress(curve, p.p, out);
	if (p.n != SHARED_MAX)
		return false;
	memcpy(compressed, p.p, PUBLIC_KEY_LEN);
	compressed[0] = 0x02 | (p.p[SHARED_MAX - 1] & 1);
	return !ecc_uncompress(curve, compressed, out) && !memcmp(out, p.p, SHARED_MAX);
}

/* 40 and 32 bytes; firmware would take a point of low order, too. */
static bool coordinate_of(struct slice p, uint8_t out[static SHARED_MAX])
{
	uint8_t pub[PUBLIC_KEY_LEN] = {0};
	bool prefixed = p.n == PUBLIC_KEY_LEN && (p.p[0] == 0x40 || p.p[0] == 0x00);

	if (p.n != PUBLIC_KEY_LEN - 1 && !prefixed)
		return false;
	memcpy(pub + 1, p.p + prefixed, PUBLIC_KEY_LEN - 1);
	memcpy(out, pub, PUBLIC_KEY_LEN);
	out[0] = 0x40;
	return !ecc_check_public(CURVE_CURVE25519, pub);
}

enum err check_ecdh(const struct wallet *w, struct job *job, uint8_t out[static SHARED_MAX],
		    size_t *n)
{
	bool x = job->id.curve == CURVE_CURVE25519;
	enum err e = check_curve(w, job, CURVE_ED25519, "agree on a key",
				 "curve25519, nist256p1, secp256k1");

	if (!e)
		e = check_identity(w, job);
	if (e)
		return e;
	*n = x ? PUBLIC_KEY_LEN : SHARED_MAX;
	if (x ? !coordinate_of(job->data, out) : !point_of(job->id.curve, job->data, out))
		return why_set(&job->why, ERR_BAD_POINT, "the other side's key is no point of %s",
			       curve_name(job->id.curve));
	return ERR_OK;
}

enum err check_secret(const struct wallet *w, struct job *job)
{
	struct slice uri = {(const uint8_t *)job->id.uri, strlen(job->id.uri)};

	if (w->features.keepkey)
		return check_part(w, job, uri, CIPHER_KEY_MAX - CIPHER_LABEL_LEN, "URI");
	return check_identity(w, job);
}
