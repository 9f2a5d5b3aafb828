/* SPDX-License-Identifier: MIT */
/* What the wallets compute: SLIP-0010 nodes, signatures, shared points, SLIP-0011, written on
 * libsodium and OpenSSL alone so that a mistake in derive/ cannot hide here too. */
#ifndef EMULATOR_KEYS_H
#define EMULATOR_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEED_LEN = 64, XPUB_MAX = 112, DESCRIPTOR_MAX = 245, ADDRESS_MAX = 64 };

enum curve { CURVE_SECP256K1, CURVE_NIST256P1, CURVE_ED25519, CURVE_CURVE25519, CURVES };

struct node {
	enum curve curve;
	uint8_t key[32], chain[32];
	uint32_t depth, child, parent; /* parent: its fingerprint */
	uint8_t prefix25519;           /* of the public key when it is hashed: 00, KeepKey 01 */
};

/* CURVES if there is none of that name. */
enum curve curve_by_name(const char *name);

/* BIP-39 without looking at the words. */
void seed_from_mnemonic(const char *mnemonic, const char *passphrase,
			uint8_t seed[static SEED_LEN]);

void node_master(struct node *node, enum curve curve, uint8_t prefix25519,
		 const uint8_t seed[static SEED_LEN]);
/* False where the curve has no such child (not hardened, on 25519). */
bool node_derive(struct node *node, const uint32_t *path, size_t count);
/* 33 bytes; 00 before the 32 of the 25519 curves. */
void node_public(const struct node *node, uint8_t pub[static 33]);
uint32_t node_fingerprint(const struct node *node);
void node_xpub(const struct node *node, char xpub[static XPUB_MAX + 1]);
/* P2PKH on the Bitcoin main net. */
void node_address(const struct node *node, char address[static ADDRESS_MAX]);

/* ECDSA by RFC 6979 with a low s, or Ed25519. *parity is the recovery id (0 for Ed25519). False on
 * a curve that does not sign. `len` is 32 but for Ed25519. */
bool node_sign(const struct node *node, const uint8_t *data, size_t len, uint8_t sig[static 64],
	       uint8_t *parity);
/* peer: 66 bytes, zeros after its end. *out_len is 65 or 33. */
bool node_ecdh(const struct node *node, const uint8_t peer[static 66], uint8_t out[static 65],
	       size_t *out_len);

/* SLIP-0011. iv: 16 bytes or NULL. */
void node_cipher(const struct node *node, bool encrypt, const char *key, const uint8_t *iv,
		 const uint8_t *value, size_t len, uint8_t *out);

/* data[len] and its four check bytes, base 58. */
void base58check(const uint8_t *data, size_t len, char *out);
/* pkh([fingerprint/path]xpub/<0;1>/.) with a star for the dot, # and the checksum, BIP-380. */
void descriptor(uint32_t root, const uint32_t *path, size_t count, const char *xpub,
		char out[static DESCRIPTOR_MAX + 1]);

#endif
