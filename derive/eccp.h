/* SPDX-License-Identifier: MIT */
/*
 * P-256 and secp256k1 over libcrypto, for ecc.c and slip10.c; everyone else uses ecc.h, whose
 * formats these are. Any thread; nothing is kept but in a struct ecc_kept.
 */
#ifndef LANYARD_ECCP_H
#define LANYARD_ECCP_H

#include "derive/ecc.h"

/* True for the two curves that are this file's; everything below wants one of them. */
bool eccp_has(enum curve curve);

/* ERR_INVALID unless 0 < scalar < n. */
enum err eccp_check_scalar(enum curve curve, const uint8_t scalar[static 32]) MUST_CHECK;
/* il = il + key mod n; ERR_INVALID, with il as it was, when il >= n or the sum is 0. */
enum err eccp_add_scalar(enum curve curve, uint8_t il[static 32],
			 const uint8_t key[static 32]) MUST_CHECK;

enum err eccp_public(enum curve curve, const uint8_t key[static 32],
		     uint8_t out[static PUBLIC_KEY_LEN]) MUST_CHECK;
/* 04 || X || Y of a point of `n` bytes in either form; ERR_BAD_POINT unless it is on the curve. */
enum err eccp_point(enum curve curve, const uint8_t *p, size_t n,
		    uint8_t out[static 65]) MUST_CHECK;
/* r || s, s in the low half. */
enum err eccp_sign(enum curve curve, const uint8_t key[static 32], const uint8_t digest[static 32],
		   uint8_t out[static SIGNATURE_LEN]) MUST_CHECK;
enum err eccp_verify(struct ecc_kept *kept, enum curve curve,
		     const uint8_t pub[static PUBLIC_KEY_LEN], const uint8_t digest[static 32],
		     const uint8_t sig[static SIGNATURE_LEN]) MUST_CHECK;
enum err eccp_ecdh(enum curve curve, const uint8_t key[static 32], const uint8_t *peer, size_t n,
		   uint8_t out[static 65]) MUST_CHECK;

#endif
