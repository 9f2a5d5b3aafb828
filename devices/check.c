/* SPDX-License-Identifier: MIT */
#include "devices/device_internal.h"

#include <string.h>

#include "derive/encode.h"

const char *custody_name(enum custody c)
{
	static const char *const names[] = {
		[CUSTODY_DEVICE] = "device",
		[CUSTODY_AGENT] = "agent",
		[CUSTODY_KERNEL] = "kernel",
	};
	return names[c];
}

const char *ask_keyword(enum ask_kind k)
{
	static const char *const keywords[ASK_KIND_COUNT] = {
		[ASK_PASSPHRASE] = "PASSPHRASE",
		[ASK_NEW_PASSPHRASE] = "NEW_PASSPHRASE",
		[ASK_PIN] = "PIN",
		[ASK_CONFIRM] = "CONFIRM",
	};
	return keywords[k];
}

enum err job_expect(struct job *job, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	char now[2 * PUBLIC_KEY_LEN + 1], known[2 * PUBLIC_KEY_LEN + 1];

	if (!job->has_expect || !memcmp(pub, job->expect, PUBLIC_KEY_LEN))
		return ERR_OK;
	hex_encode(now, pub, PUBLIC_KEY_LEN);
	hex_encode(known, job->expect, PUBLIC_KEY_LEN);
	return why_set(&job->why, ERR_MISMATCH,
		       "the device's key is %s, but %s is the known one: probably another "
		       "wallet, passphrase or token",
		       now, known);
}

static enum err check_public_key(struct job *job)
{
	if (job->out_len != PUBLIC_KEY_LEN)
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "the device answered with a public key of %zu bytes, not %d",
			       job->out_len, PUBLIC_KEY_LEN);
	if (ecc_check_public(job->id.curve, job->out))
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "the device's public key is not a point of %s",
			       curve_name(job->id.curve));
	return job_expect(job, job->out);
}

static enum err check_signature(struct job *job, struct ecc_kept *kept)
{
	if (job->out_len != SIGNATURE_LEN)
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "the device answered with a signature of %zu bytes, not %d",
			       job->out_len, SIGNATURE_LEN);
	enum err e = ecc_verify(kept, job->id.curve, signing_of(&job->id), job->expect, job->data.p,
				job->data.n, job->visual, job->out);
	if (e)
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "the device's signature is not by the known key: probably another "
			       "wallet, passphrase or token");
	return ERR_OK;
}

static enum err check_secret(struct job *job)
{
	static const uint8_t zero[SHARED_MAX];
	bool point = job->op == OP_ECDH && job->id.curve != CURVE_CURVE25519;
	size_t want = point ? SHARED_MAX : 32;

	if (job->secret.n != want || (point && job->secret.p[0] != 0x04) ||
	    secret_equal(job->secret.p, zero, want))
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "the device's shared secret is not one of %s",
			       curve_name(point ? job->id.curve : CURVE_CURVE25519));
	return ERR_OK;
}

enum err device_check(struct job *job, struct ecc_kept *kept)
{
	switch (job->op) {
	case OP_PUBLIC_KEY:
		return check_public_key(job);
	case OP_SIGN:
		return check_signature(job, kept);
	case OP_ECDH:
	case OP_SECRET:
		return check_secret(job);
	default:
		return ERR_OK;
	}
}
