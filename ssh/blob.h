/* SPDX-License-Identifier: MIT */
/*
 * Public keys and signatures as SSH writes them: RFC 4253 section 6.6, RFC 5656 section 3, RFC
 * 8709. Only the two types that a derived key can be, ssh-ed25519 and ecdsa-sha2-nistp256. Pure;
 * any thread.
 */
#ifndef LANYARD_SSH_BLOB_H
#define LANYARD_SSH_BLOB_H

#include "derive/ecc.h"
#include "derive/identity.h"
#include "protocol/buf.h"
#include "protocol/err.h"

struct key; /* agent/request.h */

enum {
	SSH_BLOB_MAX = 104,                        /* public key, ECDSA */
	SSH_SIGNATURE_MAX = 101,                   /* signature, ECDSA with both high bits set */
	SSH_COMMENT_MAX = IDENTITY_URI_MAX + 20,   /* and " (index 4294967295)" */
	SSH_LINE_MAX = 20 + 140 + SSH_COMMENT_MAX, /* authorized_keys line, without its NUL */
	SSH_FINGERPRINT_LEN = 50,                  /* "SHA256:" and 43 characters, without NUL */
};

/* "ssh-ed25519", "ecdsa-sha2-nistp256", or NULL: SSH has no such keys. */
const char *ssh_type(enum curve curve);

/* Appends the blob (not as a string). ERR_UNSUPPORTED for the other curves. */
enum err ssh_put_key(struct wbuf *w, enum curve curve,
		     const uint8_t pub[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* A whole blob of one of the two types: ERR_UNSUPPORTED for another type, ERR_SYNTAX, or
 * ERR_BAD_POINT when it is no point of the curve. */
enum err ssh_parse_key(struct slice blob, enum curve *curve,
		       uint8_t pub[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* True when `blob` is exactly this key. */
bool ssh_key_is(struct slice blob, enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN]);
/* Both for a key that the agent holds, without working its point out again: every listing and every
 * signature comes by here. */
enum err ssh_put_blob(struct wbuf *w, const struct key *key) MUST_CHECK;
bool ssh_blob_is(struct slice blob, const struct key *key);

/* Appends the signature blob (not as a string) of r || s or an RFC 8032 signature. */
enum err ssh_put_signature(struct wbuf *w, enum curve curve,
			   const uint8_t sig[static SIGNATURE_LEN]) MUST_CHECK;

/* What names a key to people: the URI, and " (index N)" unless N is 0. */
void ssh_comment(char out[static SSH_COMMENT_MAX + 1], const struct identity *id);
/* The authorized_keys line without a newline; room for SSH_LINE_MAX + 1 always does. */
enum err ssh_key_line(char *out, size_t cap, const struct identity *id,
		      const uint8_t pub[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* ssh-keygen's form of the SHA-256 of a public key blob. */
void ssh_fingerprint(char out[static SSH_FINGERPRINT_LEN + 1], const uint8_t hash[static 32]);

#endif
