/* SPDX-License-Identifier: MIT */
/*
 * Public keys, signatures and shared secrets on the four curves. libsodium for the 25519 curves,
 * libcrypto for P-256 and secp256k1. Any thread.
 *
 * A public key is PUBLIC_KEY_LEN bytes as SLIP-0010 writes it: compressed SEC 1 for the EC curves,
 * 00 || 32 bytes for ed25519 and curve25519. A signature is 64 bytes: r || s, big endian, s in the
 * low half (as the wallets do it), or an RFC 8032 signature.
 */
#ifndef LANYARD_ECC_H
#define LANYARD_ECC_H

#include "derive/identity.h"

enum { PUBLIC_KEY_LEN = 33, SIGNATURE_LEN = 64, SHARED_MAX = 65 };

enum err ecc_public(enum curve curve, const uint8_t key[static 32],
		    uint8_t out[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* ERR_BAD_POINT unless it is a point of the curve (25519 curves: not low order, canonical). */
enum err ecc_check_public(enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* 04 || X || Y of a compressed point; EC curves only. */
enum err ecc_uncompress(enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN],
			uint8_t out[static 65]) MUST_CHECK;

/*
 * What the four protocols sign (the wallets' firmware fixed it; doc/PROTOCOL.md states it):
 *   ssh      EC: SHA-256(data); ed25519: data
 *   gpg      EC: data is the digest, of which the first 32 bytes count; ed25519: data
 *   signify  ed25519: data; EC refused
 *   other    the Bitcoin message digest of SHA-256(data) || SHA-256(visual), also for ed25519
 */
enum signing { SIGNING_SSH, SIGNING_GPG, SIGNING_SIGNIFY, SIGNING_OTHER };
enum signing signing_of(const struct identity *id);

/* visual may be NULL (= ""). ERR_UNSUPPORTED for curve25519 and the refused pairs. */
enum err ecc_sign(enum curve curve, enum signing how, const uint8_t key[static 32],
		  const uint8_t *data, size_t n, const char *visual,
		  uint8_t out[static SIGNATURE_LEN]) MUST_CHECK;
/*
 * The EC keys of the last checks as libcrypto wants them: to make one takes half as long as to
 * check a signature with it. All zeros at first; one thread's. Public keys only: nothing to wipe.
 */
enum { ECC_KEPT = 8 };
struct ecc_kept {
	struct ecc_kept_key {
		enum curve curve;
		uint8_t pub[PUBLIC_KEY_LEN];
		struct evp_pkey_st *key; /* owned; NULL: none here */
	} keys[ECC_KEPT];
	unsigned next; /* the one that makes room */
};
void ecc_kept_free(struct ecc_kept *kept);

/* ERR_OK when `sig` is good, ERR_DEVICE_ERROR when it is not. `kept` may be NULL. */
enum err ecc_verify(struct ecc_kept *kept, enum curve curve, enum signing how,
		    const uint8_t pub[static PUBLIC_KEY_LEN], const uint8_t *data, size_t n,
		    const char *visual, const uint8_t sig[static SIGNATURE_LEN]) MUST_CHECK;

/*
 * ECDH: `peer` is 33 bytes compressed or 65 bytes 04||X||Y for the EC curves; 32 bytes, or 33 with
 * a 40 or 00 prefix, for curve25519. `out` gets 65 bytes 04||X||Y (EC) or 32 bytes (curve25519), as
 * *n says. A peer that is no point, of low order, or whose result is all zero: ERR_BAD_POINT.
 */
enum err ecc_ecdh(enum curve curve, const uint8_t key[static 32], const uint8_t *peer,
		  size_t peer_len, uint8_t out[static SHARED_MAX], size_t *n) MUST_CHECK;

#endif
