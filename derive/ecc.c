/* SPDX-License-Identifier: MIT */
#include "derive/ecc.h"

#include <string.h>

#include <sodium.h>

#include "derive/eccp.h"

enum { HASH = crypto_hash_sha256_BYTES, POINT = 65 };

enum err ecc_public(enum curve curve, const uint8_t key[static 32],
		    uint8_t out[static PUBLIC_KEY_LEN])
{
	uint8_t sk[crypto_sign_SECRETKEYBYTES];

	switch (curve) {
	case CURVE_NIST256P1:
	case CURVE_SECP256K1:
		return eccp_public(curve, key, out);
	case CURVE_ED25519:
		out[0] = 0;
		(void)crypto_sign_seed_keypair(out + 1, sk, key);
		sodium_memzero(sk, sizeof sk);
		return ERR_OK;
	case CURVE_CURVE25519:
		out[0] = 0;
		(void)crypto_scalarmult_curve25519_base(out + 1, key);
		return ERR_OK;
	case CURVE_COUNT:
		break;
	}
	return ERR_INVALID;
}

/* 2^255 - 20 is the largest canonical coordinate (RFC 7748 section 5, little endian). */
static bool is_canonical(const uint8_t u[static 32])
{
	if (u[31] != 0x7F) {
		return u[31] < 0x7F;
	}
	for (size_t i = 30; i > 0; i--) {
		if (u[i] != 0xFF) {
			return true;
		}
	}
	return u[0] < 0xED;
}

/* The points of order 1, 2, 4 and 8 of the curve and its twist, of which a clamped scalar makes
 * zero, in their canonical form. By a table: a product for each peer of a large WireGuard hub, at
 * each place that reads it, would take longer than making its keys. */
static bool is_low_order(const uint8_t u[static 32])
{
	static const uint8_t low[][32] = {
		{0},
		{1},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
		{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
		 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
		 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
		{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
	};

	for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++)
		if (memcmp(u, low[i], sizeof(low[i])) == 0)
			return true;
	return false;
}

enum err ecc_check_public(enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t point[POINT];
	bool good = false;

	switch (curve) {
	case CURVE_NIST256P1:
	case CURVE_SECP256K1:
		return eccp_point(curve, pub, PUBLIC_KEY_LEN, point);
	case CURVE_ED25519:
		good = pub[0] == 0 && crypto_core_ed25519_is_valid_point(pub + 1) == 1;
		break;
	case CURVE_CURVE25519:
		good = pub[0] == 0 && is_canonical(pub + 1) && !is_low_order(pub + 1);
		break;
	case CURVE_COUNT:
		break;
	}
	return good ? ERR_OK : ERR_BAD_POINT;
}

enum err ecc_uncompress(enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN],
			uint8_t out[static 65])
{
	return eccp_has(curve) ? eccp_point(curve, pub, PUBLIC_KEY_LEN, out) : ERR_UNSUPPORTED;
}

enum signing signing_of(const struct identity *id)
{
	if (id->class == CLASS_SSH) {
		return SIGNING_SSH;
	}
	if (id->class == CLASS_GPG) {
		return SIGNING_GPG;
	}
	/* Exact lower case, as the firmware compares it. */
	return slice_is(IDENTITY_PART(id, proto), "signify") ? SIGNING_SIGNIFY : SIGNING_OTHER;
}

/* SHA-256 twice over 18 "Bitcoin Signed Message:\n" 40 SHA-256(data) SHA-256(visual). */
static void bitcoin_digest(uint8_t out[static HASH], const uint8_t *data, size_t n,
			   const char *visual)
{
	static const char magic[] = "\x18"
				    "Bitcoin Signed Message:\n"
				    "\x40";
	crypto_hash_sha256_state st;
	uint8_t parts[2 * HASH];

	if (visual == NULL) {
		visual = "";
	}
	(void)crypto_hash_sha256(parts, data, n);
	(void)crypto_hash_sha256(parts + HASH, (const uint8_t *)visual, strlen(visual));
	(void)crypto_hash_sha256_init(&st);
	(void)crypto_hash_sha256_update(&st, (const uint8_t *)magic, sizeof magic - 1);
	(void)crypto_hash_sha256_update(&st, parts, sizeof parts);
	(void)crypto_hash_sha256_final(&st, out);
	(void)crypto_hash_sha256(out, out, HASH);
}

/* What is signed: `message` for ed25519 (the data, or `digest`), `digest` for the EC curves. */
static enum err prepare(enum curve curve, enum signing how, const uint8_t *data, size_t n,
			const char *visual, uint8_t digest[static HASH], struct slice *message)
{
	*message = (struct slice){data, n};
	if (!eccp_has(curve) && curve != CURVE_ED25519) {
		return ERR_UNSUPPORTED;
	}
	switch (how) {
	case SIGNING_SSH:
		(void)crypto_hash_sha256(digest, data, n);
		return ERR_OK;
	case SIGNING_GPG:
		if (!eccp_has(curve)) {
			return ERR_OK;
		}
		if (n < HASH) {
			return ERR_INVALID;
		}
		memcpy(digest, data, HASH);
		return ERR_OK;
	case SIGNING_SIGNIFY:
		return eccp_has(curve) ? ERR_UNSUPPORTED : ERR_OK;
	case SIGNING_OTHER:
		bitcoin_digest(digest, data, n, visual);
		*message = (struct slice){digest, HASH};
		return ERR_OK;
	}
	return ERR_INVALID;
}

enum err ecc_sign(enum curve curve, enum signing how, const uint8_t key[static 32],
		  const uint8_t *data, size_t n, const char *visual,
		  uint8_t out[static SIGNATURE_LEN])
{
	uint8_t pub[crypto_sign_PUBLICKEYBYTES];
	uint8_t sk[crypto_sign_SECRETKEYBYTES];
	uint8_t digest[HASH];
	struct slice message;
	enum err e = prepare(curve, how, data, n, visual, digest, &message);

	if (e != ERR_OK) {
		return e;
	}
	if (eccp_has(curve)) {
		return eccp_sign(curve, key, digest, out);
	}
	/* The public key goes into the signature's hash: a stored one that is wrong would give
	 * the private key away, so it is made afresh. */
	(void)crypto_sign_seed_keypair(pub, sk, key);
	(void)crypto_sign_detached(out, NULL, message.p, message.n, sk);
	sodium_memzero(sk, sizeof sk);
	return ERR_OK;
}

enum err ecc_verify(struct ecc_kept *kept, enum curve curve, enum signing how,
		    const uint8_t pub[static PUBLIC_KEY_LEN], const uint8_t *data, size_t n,
		    const char *visual, const uint8_t sig[static SIGNATURE_LEN])
{
	struct ecc_kept once = {0};
	uint8_t digest[HASH];
	struct slice message;
	enum err e = prepare(curve, how, data, n, visual, digest, &message);

	if (e != ERR_OK) {
		return e;
	}
	if (eccp_has(curve)) {
		e = eccp_verify(kept != NULL ? kept : &once, curve, pub, digest, sig);
		ecc_kept_free(&once);
		return e;
	}
	if (pub[0] != 0) {
		return ERR_BAD_POINT;
	}
	return crypto_sign_verify_detached(sig, message.p, message.n, pub + 1) == 0
		       ? ERR_OK
		       : ERR_DEVICE_ERROR;
}

enum err ecc_ecdh(enum curve curve, const uint8_t key[static 32], const uint8_t *peer,
		  size_t peer_len, uint8_t out[static SHARED_MAX], size_t *n)
{
	*n = 0;
	if (eccp_has(curve)) {
		enum err e = eccp_ecdh(curve, key, peer, peer_len, out);

		*n = e == ERR_OK ? POINT : 0;
		return e;
	}
	if (curve != CURVE_CURVE25519) {
		return ERR_UNSUPPORTED;
	}
	if (peer_len == 33 && (peer[0] == 0x40 || peer[0] == 0x00)) {
		peer++;
	} else if (peer_len != 32) {
		return ERR_BAD_POINT;
	}
	/* -1: a point of low order, or an all-zero product. */
	if (crypto_scalarmult_curve25519(out, key, peer) != 0) {
		return ERR_BAD_POINT;
	}
	*n = 32;
	return ERR_OK;
}
