/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/keys.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { HARDENED = 0x80000000u };

static const struct {
	const char *name, *salt;
	int nid;
} curves[CURVES] = {
	[CURVE_SECP256K1] = {"secp256k1", "Bitcoin seed", NID_secp256k1},
	[CURVE_NIST256P1] = {"nist256p1", "Nist256p1 seed", NID_X9_62_prime256v1},
	[CURVE_ED25519] = {"ed25519", "ed25519 seed", 0},
	[CURVE_CURVE25519] = {"curve25519", "curve25519 seed", 0},
};

/* OpenSSL fails here for want of memory only. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

static void put_be32(uint8_t *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> (24 - 8 * i));
}

enum curve curve_by_name(const char *name)
{
	enum curve curve = CURVE_SECP256K1;

	while (curve < CURVES && strcmp(curves[curve].name, name))
		curve++;
	return curve;
}

void seed_from_mnemonic(const char *mnemonic, const char *passphrase, uint8_t seed[static SEED_LEN])
{
	uint8_t salt[8 + 256] = "mnemonic";
	size_t len = strlen(passphrase);

	must(len <= sizeof(salt) - 8);
	memcpy(salt + 8, passphrase, len);
	must(PKCS5_PBKDF2_HMAC(mnemonic, (int)strlen(mnemonic), salt, (int)(8 + len), 2048,
			       EVP_sha512(), SEED_LEN, seed) == 1);
}

static void hmac512(const void *key, size_t key_len, const uint8_t *data, size_t len,
		    uint8_t mac[static 64])
{
	crypto_auth_hmacsha512_state state;

	crypto_auth_hmacsha512_init(&state, key, key_len);
	crypto_auth_hmacsha512_update(&state, data, len);
	crypto_auth_hmacsha512_final(&state, mac);
}

/* A short Weierstrass group and scratch numbers, for the length of one computation. */
struct ec {
	EC_GROUP *group;
	BN_CTX *ctx;
	const BIGNUM *order;
};

static struct ec ec_open(enum curve curve)
{
	struct ec ec = {EC_GROUP_new_by_curve_name(curves[curve].nid), BN_CTX_new(), NULL};

	must(ec.group && ec.ctx);
	ec.order = EC_GROUP_get0_order(ec.group);
	BN_CTX_start(ec.ctx);
	return ec;
}

static void ec_close(struct ec *ec)
{
	BN_CTX_end(ec->ctx);
	BN_CTX_free(ec->ctx);
	EC_GROUP_free(ec->group);
}

static BIGNUM *ec_number(struct ec *ec, const uint8_t *be)
{
	BIGNUM *n = BN_CTX_get(ec->ctx);

	must(n && (!be || BN_bin2bn(be, 32, n)));
	return n;
}

/* point (or the generator) times k. */
static EC_POINT *ec_times(struct ec *ec, const EC_POINT *point, const BIGNUM *k)
{
	EC_POINT *to = EC_POINT_new(ec->group);

	must(to && EC_POINT_mul(ec->group, to, point ? NULL : k, point, point ? k : NULL, ec->ctx));
	return to;
}

static void ec_write(struct ec *ec, const EC_POINT *point, bool compressed, uint8_t *out)
{
	size_t len = compressed ? 33 : 65;

	must(EC_POINT_point2oct(ec->group, point,
				compressed ? POINT_CONVERSION_COMPRESSED
					   : POINT_CONVERSION_UNCOMPRESSED,
				out, len, ec->ctx) == len);
}

void node_public(const struct node *node, uint8_t pub[static 33])
{
	uint8_t secret[64];

	pub[0] = 0;
	if (node->curve == CURVE_ED25519) {
		crypto_sign_seed_keypair(pub + 1, secret, node->key);
	} else if (node->curve == CURVE_CURVE25519) {
		crypto_scalarmult_base(pub + 1, node->key);
	} else {
		struct ec ec = ec_open(node->curve);
		EC_POINT *point = ec_times(&ec, NULL, ec_number(&ec, node->key));

		ec_write(&ec, point, true, pub);
		EC_POINT_free(point);
		ec_close(&ec);
	}
}

static void hash160(const uint8_t *data, size_t len, uint8_t out[static 20])
{
	uint8_t sha[32];

	crypto_hash_sha256(sha, data, len);
	must(EVP_Digest(sha, sizeof(sha), out, NULL, EVP_ripemd160(), NULL) == 1);
}

/* The public key as it is hashed and put into an xpub. */
static void public_hashed(const struct node *node, uint8_t pub[static 33])
{
	node_public(node, pub);
	if (curves[node->curve].nid == 0)
		pub[0] = node->prefix25519;
}

uint32_t node_fingerprint(const struct node *node)
{
	uint8_t pub[33], hash[20];

	public_hashed(node, pub);
	hash160(pub, sizeof(pub), hash);
	return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

void node_master(struct node *node, enum curve curve, uint8_t prefix25519,
		 const uint8_t seed[static SEED_LEN])
{
	const char *salt = curves[curve].salt;
	uint8_t mac[64];
	bool good = curves[curve].nid == 0;

	*node = (struct node){.curve = curve, .prefix25519 = prefix25519};
	hmac512(salt, strlen(salt), seed, SEED_LEN, mac);
	while (!good) {
		struct ec ec = ec_open(curve);
		BIGNUM *k = ec_number(&ec, mac);

		good = !BN_is_zero(k) && BN_cmp(k, ec.order) < 0;
		ec_close(&ec);
		if (!good)
			hmac512(salt, strlen(salt), mac, sizeof(mac), mac);
	}
	memcpy(node->key, mac, 32);
	memcpy(node->chain, mac + 32, 32);
}

/* key += left, or false where SLIP-0010 wants another try. */
static bool ec_child(enum curve curve, const uint8_t left[static 32], uint8_t key[static 32])
{
	struct ec ec = ec_open(curve);
	BIGNUM *il = ec_number(&ec, left), *k = ec_number(&ec, key);
	bool good = BN_cmp(il, ec.order) < 0;

	if (good) {
		must(BN_mod_add(k, k, il, ec.order, ec.ctx));
		good = !BN_is_zero(k);
	}
	if (good)
		must(BN_bn2binpad(k, key, 32) == 32);
	ec_close(&ec);
	return good;
}

static bool node_child(struct node *node, uint32_t index)
{
	uint8_t data[37] = {0}, mac[64];
	bool ec = curves[node->curve].nid != 0, good;

	if (index & HARDENED)
		memcpy(data + 1, node->key, 32);
	else if (ec)
		node_public(node, data);
	else
		return false;
	put_be32(data + 33, index);
	do {
		hmac512(node->chain, 32, data, sizeof(data), mac);
		good = !ec || ec_child(node->curve, mac, node->key);
		data[0] = 1;
		memcpy(data + 1, mac + 32, 32);
	} while (!good);
	if (!ec)
		memcpy(node->key, mac, 32);
	memcpy(node->chain, mac + 32, 32);
	node->depth++;
	node->child = index;
	return true;
}

bool node_derive(struct node *node, const uint32_t *path, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i == count - 1)
			node->parent = node_fingerprint(node);
		if (!node_child(node, path[i]))
			return false;
	}
	return true;
}

void node_xpub(const struct node *node, char xpub[static XPUB_MAX + 1])
{
	uint8_t data[78] = {0x04, 0x88, 0xb2, 0x1e, (uint8_t)node->depth};

	put_be32(data + 5, node->parent);
	put_be32(data + 9, node->child);
	memcpy(data + 13, node->chain, 32);
	public_hashed(node, data + 45);
	base58check(data, sizeof(data), xpub);
}

void node_address(const struct node *node, char address[static ADDRESS_MAX])
{
	uint8_t pub[33], data[21] = {0};

	node_public(node, pub);
	hash160(pub, sizeof(pub), data + 1);
	base58check(data, sizeof(data), address);
}

static void hmac256(const uint8_t key[static 32], const uint8_t *data, size_t len,
		    uint8_t out[static 32])
{
	crypto_auth_hmacsha256(out, data, len, key);
}

/* RFC 6979, section 3.2, for SHA-256 and a 256-bit order: K and V, then candidates. */
struct nonces {
	uint8_t k[32], v[32 + 1 + 64];
};

static void nonces_init(struct nonces *n, const uint8_t key[static 32],
			const uint8_t hash[static 32])
{
	memset(n->k, 0, sizeof(n->k));
	memset(n->v, 1, 32);
	for (uint8_t round = 0; round < 2; round++) {
		n->v[32] = round;
		memcpy(n->v + 33, key, 32);
		memcpy(n->v + 65, hash, 32);
		hmac256(n->k, n->v, sizeof(n->v), n->k);
		hmac256(n->k, n->v, 32, n->v);
	}
}

static void nonces_next(struct nonces *n, uint8_t out[static 32])
{
	hmac256(n->k, n->v, 32, n->v);
	memcpy(out, n->v, 32);
	n->v[32] = 0;
	hmac256(n->k, n->v, 33, n->k);
	hmac256(n->k, n->v, 32, n->v);
}

/* One signature with nonce k, or false where r or s would be zero. */
static bool ecdsa_try(struct ec *ec, const BIGNUM *d, const BIGNUM *z, const BIGNUM *k,
		      uint8_t sig[static 64], uint8_t *parity)
{
	BIGNUM *r = ec_number(ec, NULL), *s = ec_number(ec, NULL), *x = ec_number(ec, NULL);
	EC_POINT *point = ec_times(ec, NULL, k);
	uint8_t raw[65];
	bool good;

	ec_write(ec, point, false, raw);
	EC_POINT_free(point);
	must(BN_bin2bn(raw + 1, 32, x) && BN_nnmod(r, x, ec->order, ec->ctx));
	*parity = (uint8_t)((raw[64] & 1) | (BN_cmp(x, ec->order) >= 0 ? 2 : 0));
	must(BN_mod_mul(s, r, d, ec->order, ec->ctx) && BN_mod_add(s, s, z, ec->order, ec->ctx) &&
	     BN_mod_inverse(x, k, ec->order, ec->ctx) && BN_mod_mul(s, s, x, ec->order, ec->ctx));
	good = !BN_is_zero(r) && !BN_is_zero(s);
	must(BN_rshift1(x, ec->order));
	if (BN_cmp(s, x) > 0) {
		must(BN_sub(s, ec->order, s));
		*parity ^= 1;
	}
	must(BN_bn2binpad(r, sig, 32) == 32 && BN_bn2binpad(s, sig + 32, 32) == 32);
	return good;
}

static void ecdsa_sign(const struct node *node, const uint8_t hash[static 32],
		       uint8_t sig[static 64], uint8_t *parity)
{
	struct ec ec = ec_open(node->curve);
	BIGNUM *d = ec_number(&ec, node->key), *z = ec_number(&ec, hash), *k;
	struct nonces nonces;
	uint8_t raw[32], reduced[32];

	must(BN_nnmod(z, z, ec.order, ec.ctx) && BN_bn2binpad(z, reduced, 32) == 32);
	nonces_init(&nonces, node->key, reduced);
	do {
		nonces_next(&nonces, raw);
		k = ec_number(&ec, raw);
	} while (BN_is_zero(k) || BN_cmp(k, ec.order) >= 0 ||
		 !ecdsa_try(&ec, d, z, k, sig, parity));
	ec_close(&ec);
}

bool node_sign(const struct node *node, const uint8_t *data, size_t len, uint8_t sig[static 64],
	       uint8_t *parity)
{
	uint8_t pub[32], secret[64];

	*parity = 0;
	if (node->curve == CURVE_CURVE25519)
		return false;
	if (node->curve == CURVE_ED25519) {
		crypto_sign_seed_keypair(pub, secret, node->key);
		crypto_sign_detached(sig, NULL, data, len, secret);
	} else {
		ecdsa_sign(node, data, sig, parity);
	}
	return true;
}

bool node_ecdh(const struct node *node, const uint8_t peer[static 66], uint8_t out[static 65],
	       size_t *out_len)
{
	struct ec ec;
	EC_POINT *theirs, *shared;
	bool good;

	if (node->curve == CURVE_ED25519)
		return false;
	if (node->curve == CURVE_CURVE25519) {
		if (peer[0] != 0x40)
			return false;
		out[0] = 0x04;
		/* The firmware does not mind a point of low order; libsodium does. */
		if (crypto_scalarmult(out + 1, node->key, peer + 1) != 0)
			memset(out + 1, 0, 32);
		*out_len = 33;
		return true;
	}
	if (peer[0] < 2 || peer[0] > 4)
		return false;
	ec = ec_open(node->curve);
	theirs = EC_POINT_new(ec.group);
	must(theirs);
	good = EC_POINT_oct2point(ec.group, theirs, peer, peer[0] == 4 ? 65 : 33, ec.ctx) == 1;
	if (good) {
		shared = ec_times(&ec, theirs, ec_number(&ec, node->key));
		ec_write(&ec, shared, false, out);
		*out_len = 65;
		EC_POINT_free(shared);
	}
	EC_POINT_free(theirs);
	ec_close(&ec);
	return good;
}

void node_cipher(const struct node *node, bool encrypt, const char *key, const uint8_t *iv,
		 const uint8_t *value, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t mac[64];
	int done = 0;

	hmac512(node->key, 32, (const uint8_t *)key, strlen(key), mac);
	must(ctx &&
	     EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, mac, iv ? iv : mac + 32, encrypt) &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) &&
	     (len == 0 || EVP_CipherUpdate(ctx, out, &done, value, (int)len)));
	must((size_t)done == len);
	EVP_CIPHER_CTX_free(ctx);
}
