/* SPDX-License-Identifier: MIT */
#include "derive/slip10.h"

#include <string.h>

#include <sodium.h>

#include "derive/eccp.h"
#include "derive/ecc.h"

enum { HALF = 32, HMAC_LEN = crypto_auth_hmacsha512_BYTES, DATA_LEN = 1 + 32 + 4 };

static const char *const master_salt[CURVE_COUNT] = {
	[CURVE_NIST256P1] = "Nist256p1 seed",
	[CURVE_SECP256K1] = "Bitcoin seed",
	[CURVE_ED25519] = "ed25519 seed",
	[CURVE_CURVE25519] = "curve25519 seed",
};

/* `out` may be `p`. */
static void hmac(uint8_t out[static HMAC_LEN], const void *key, size_t key_len, const void *p,
		 size_t n)
{
	crypto_auth_hmacsha512_state st;

	(void)crypto_auth_hmacsha512_init(&st, key, key_len);
	(void)crypto_auth_hmacsha512_update(&st, p, n);
	(void)crypto_auth_hmacsha512_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

enum err slip10_master(struct node *out, enum curve curve, const uint8_t *seed, size_t n)
{
	uint8_t i[HMAC_LEN];
	const char *salt;
	enum err e = ERR_OK;

	if (n < SEED_MIN || n > SEED_MAX || (unsigned)curve >= CURVE_COUNT) {
		return ERR_INVALID;
	}
	salt = master_salt[curve];
	hmac(i, salt, strlen(salt), seed, n);
	if (eccp_has(curve)) {
		while ((e = eccp_check_scalar(curve, i)) == ERR_INVALID) {
			hmac(i, salt, strlen(salt), i, sizeof i);
		}
	}
	if (e == ERR_OK) {
		out->curve = curve;
		memcpy(out->key, i, HALF);
		memcpy(out->chain, i + HALF, HALF);
	}
	sodium_memzero(i, sizeof i);
	return e;
}

static void put_index(uint8_t data[static DATA_LEN], uint32_t index)
{
	data[33] = (uint8_t)(index >> 24);
	data[34] = (uint8_t)(index >> 16);
	data[35] = (uint8_t)(index >> 8);
	data[36] = (uint8_t)index;
}

enum err slip10_child(struct node *node, uint32_t index)
{
	uint8_t data[DATA_LEN] = {0};
	uint8_t i[HMAC_LEN] = {0};
	enum err e = ERR_OK;

	if ((index & HARDENED) != 0) {
		memcpy(data + 1, node->key, HALF);
	} else if (eccp_has(node->curve)) {
		e = ecc_public(node->curve, node->key, data);
	} else {
		e = ERR_UNSUPPORTED;
	}
	if (e != ERR_OK) {
		goto out;
	}
	put_index(data, index);
	hmac(i, node->chain, HALF, data, sizeof data);
	if (eccp_has(node->curve)) {
		/* ERR_INVALID: IL >= n or the sum is 0, the specification's retry. */
		while ((e = eccp_add_scalar(node->curve, i, node->key)) == ERR_INVALID) {
			data[0] = 1;
			memcpy(data + 1, i + HALF, HALF);
			put_index(data, index);
			hmac(i, node->chain, HALF, data, sizeof data);
		}
	}
	if (e == ERR_OK) {
		memcpy(node->key, i, HALF);
		memcpy(node->chain, i + HALF, HALF);
	}
out:
	if (e != ERR_OK) {
		sodium_memzero(node, sizeof *node);
	}
	sodium_memzero(data, sizeof data);
	sodium_memzero(i, sizeof i);
	return e;
}

static uint32_t read_le32(const uint8_t p[static 4])
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void slip13_path(uint32_t out[static PATH_LEN], enum purpose purpose, const char *uri,
		 uint32_t index)
{
	const uint8_t le[4] = {(uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16),
			       (uint8_t)(index >> 24)};
	crypto_hash_sha256_state st;
	uint8_t hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256_init(&st);
	(void)crypto_hash_sha256_update(&st, le, sizeof le);
	(void)crypto_hash_sha256_update(&st, (const uint8_t *)uri, strlen(uri));
	(void)crypto_hash_sha256_final(&st, hash);
	out[0] = (uint32_t)purpose | HARDENED;
	for (size_t i = 1; i < PATH_LEN; i++) {
		out[i] = read_le32(hash + 4 * (i - 1)) | HARDENED;
	}
}

enum err slip13_node(struct node *out, const uint8_t *seed, size_t n, enum curve curve,
		     enum purpose purpose, const char *uri, uint32_t index)
{
	uint32_t path[PATH_LEN];
	enum err e = slip10_master(out, curve, seed, n);

	slip13_path(path, purpose, uri, index);
	for (size_t i = 0; i < PATH_LEN && e == ERR_OK; i++) {
		e = slip10_child(out, path[i]);
	}
	return e;
}
