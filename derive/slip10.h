/* SPDX-License-Identifier: MIT */
/*
 * SLIP-0010 hierarchical keys for nist256p1, secp256k1, ed25519 and curve25519, and the SLIP-0013
 * (signing) and SLIP-0017 (ECDH) paths of an identity. Nodes are secret: keep them in memory from
 * secret_alloc(). Pure; any thread.
 */
#ifndef LANYARD_SLIP10_H
#define LANYARD_SLIP10_H

#include "derive/identity.h"

enum { SEED_MIN = 16, SEED_MAX = 64, PATH_LEN = 5 };
#define HARDENED UINT32_C(0x80000000)

struct node {
	enum curve curve;
	uint8_t key[32];   /* private key */
	uint8_t chain[32]; /* chain code */
};

/* Master node from a seed of SEED_MIN..SEED_MAX bytes, with the spec's retry when the key is 0 or
 * >= n. */
enum err slip10_master(struct node *out, enum curve curve, const uint8_t *seed,
		       size_t n) MUST_CHECK;
/* Child in place; a normal (not hardened) index is for the two EC curves only, with the spec's
 * retry when IL >= n or the sum is 0. On error the node is wiped. */
enum err slip10_child(struct node *node, uint32_t index) MUST_CHECK;

/* SLIP-0013 purpose 13' or SLIP-0017 purpose 17': SHA-256(LE32(index) || uri), four LE words. */
enum purpose { PURPOSE_SIGN = 13, PURPOSE_ECDH = 17 };
void slip13_path(uint32_t out[static PATH_LEN], enum purpose purpose, const char *uri,
		 uint32_t index);

/* The node of an identity: master, then the five steps of its path. */
enum err slip13_node(struct node *out, const uint8_t *seed, size_t n, enum curve curve,
		     enum purpose purpose, const char *uri, uint32_t index) MUST_CHECK;

#endif
