/* SPDX-License-Identifier: MIT */
/*
 * Every derivation of lanyard's own (doc/DERIVATION.md states them byte for byte, with vectors).
 * All outputs are secret unless said otherwise. Pure; any thread.
 */
#ifndef LANYARD_KDF_H
#define LANYARD_KDF_H

#include "derive/identity.h"

enum { SECRET_LEN = 32 };

/* RFC 5869 with SHA-256, 32 bytes out; salt is ASCII without a final NUL. */
void hkdf(uint8_t out[static 32], const void *ikm, size_t ikm_len, const char *salt,
	  const void *info, size_t info_len);

/* SECRET: the public point u that the device multiplies (not secret), and the last step. */
void kdf_secret_point(uint8_t u[static 32], const char *uri, uint32_t index);
/* The hash that u is made of: what a device without ECDH enciphers (not secret). */
void kdf_secret_hash(uint8_t out[static 32], const char *uri, uint32_t index);
void kdf_secret(uint8_t out[static SECRET_LEN], const void *shared, size_t n, const char *uri);

/* WireGuard, from SECRET of the interface. `scalar`s are clamped. */
void kdf_wg_private(uint8_t out[static 32], const uint8_t secret[static 32], const char *uri);
void kdf_wg_child(uint8_t out[static 32], const uint8_t secret[static 32], const char *peer_uri);
void kdf_wg_single(uint8_t out[static 32], const uint8_t secret[static 32], const char *peer_uri);
/* X25519 base point product; not secret. */
void kdf_wg_public(uint8_t out[static 32], const uint8_t scalar[static 32]);

/* A wallet's fingerprint, of the SLIP-0013 ed25519 public key (00 || 32 bytes) of
 * lanyard://wallet, index 0. */
void kdf_wallet(uint8_t out[static 32], const uint8_t pub[static 33]);

/* One side of a pair: its WireGuard public key and its point Q. */
struct wg_side {
	uint8_t public_key[32];
	uint8_t point[32];
};
/* R of DESIGN: X25519(q, theirs->point), optionally || extra (32 bytes, NULL without), ordered
 * info, BE32(t). ERR_BAD_POINT: bit 255 set, >= 2^255 - 19, low order, or equal to our own. */
enum err kdf_wg_pair(uint8_t out[static 32], const uint8_t q[static 32], const struct wg_side *ours,
		     const struct wg_side *theirs, uint32_t t, const uint8_t *extra) MUST_CHECK;
/* The same from X25519(q, theirs->point), for a q that does not leave its device. */
enum err kdf_wg_pair_shared(uint8_t out[static 32], const uint8_t shared[static 32],
			    const struct wg_side *ours, const struct wg_side *theirs, uint32_t t,
			    const uint8_t *extra) MUST_CHECK;
/* The same check alone, for a point or a WireGuard key that is read. */
enum err kdf_wg_check(const uint8_t theirs[static 32], const uint8_t *ours) MUST_CHECK;

/*
 * The epoch tree: root R over BE32(e), most significant bit first. A wg_tree keeps just the nodes
 * that cover epochs >= `from`; wg_tree_step() moves forward (ERR_INVALID backward) in at most 64
 * HMACs, wiping what it leaves; wg_tree_psk() gives PSK_e for e >= from.
 */
struct wg_tree {
	uint32_t from;
	unsigned count; /* nodes in use, <= 33 */
	struct {
		uint32_t prefix; /* first epoch covered */
		unsigned depth;  /* 0 root … 32 leaf */
		uint8_t node[32];
	} nodes[33];
};
void wg_tree_start(struct wg_tree *t, const uint8_t root[static 32]);
enum err wg_tree_step(struct wg_tree *t, uint32_t from) MUST_CHECK;
enum err wg_tree_psk(uint8_t out[static 32], const struct wg_tree *t, uint32_t epoch) MUST_CHECK;

#endif
