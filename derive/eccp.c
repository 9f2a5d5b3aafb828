/* SPDX-License-Identifier: MIT */
#include "derive/eccp.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <sodium.h>

enum { FIELD = 32, POINT = 1 + 2 * FIELD, DER_MAX = 80 };

struct eccp_curve {
	int nid;
	char group[12]; /* libcrypto's name */
	uint8_t order[FIELD];
};

static const struct eccp_curve curves[CURVE_COUNT] = {
	[CURVE_NIST256P1] = {.nid = NID_X9_62_prime256v1,
			     .group = SN_X9_62_prime256v1,
			     .order = {0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00,
				       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
				       0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84,
				       0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51}},
	[CURVE_SECP256K1] = {.nid = NID_secp256k1,
			     .group = SN_secp256k1,
			     .order = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
				       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE,
				       0xBA, 0xAE, 0xDC, 0xE6, 0xAF, 0x48, 0xA0, 0x3B,
				       0xBF, 0xD2, 0x5E, 0x8C, 0xD0, 0x36, 0x41, 0x41}},
};

bool eccp_has(enum curve curve)
{
	return curve == CURVE_NIST256P1 || curve == CURVE_SECP256K1;
}

/* A secret number: on libcrypto's protected heap, for its constant-time code. */
static BIGNUM *scalar_new(const uint8_t p[static FIELD])
{
	BIGNUM *bn = BN_secure_new();

	if (bn == NULL) {
		return NULL;
	}
	BN_set_flags(bn, BN_FLG_CONSTTIME);
	if (BN_bin2bn(p, FIELD, bn) == NULL) {
		BN_clear_free(bn);
		return NULL;
	}
	return bn;
}

static enum err check_range(const BIGNUM *k, const BIGNUM *order)
{
	return BN_is_zero(k) || BN_cmp(k, order) >= 0 ? ERR_INVALID : ERR_OK;
}

/* What libcrypto fails with here is lack of memory: the inputs have been checked. */
static enum err no_memory(void)
{
	ERR_clear_error();
	return ERR_NO_MEMORY;
}

enum err eccp_check_scalar(enum curve curve, const uint8_t scalar[static 32])
{
	BIGNUM *k = scalar_new(scalar);
	BIGNUM *order = BN_bin2bn(curves[curve].order, FIELD, NULL);
	enum err e = k != NULL && order != NULL ? check_range(k, order) : no_memory();

	BN_clear_free(k);
	BN_free(order);
	return e;
}

enum err eccp_add_scalar(enum curve curve, uint8_t il[static 32], const uint8_t key[static 32])
{
	BIGNUM *a = scalar_new(il);
	BIGNUM *b = scalar_new(key);
	BIGNUM *sum = BN_secure_new();
	BIGNUM *order = BN_bin2bn(curves[curve].order, FIELD, NULL);
	enum err e = ERR_OK;

	if (a == NULL || b == NULL || sum == NULL || order == NULL) {
		e = no_memory();
		goto out;
	}
	/* il = 0 is fine: the child is then the parent's key. */
	if (BN_cmp(a, order) >= 0) {
		e = ERR_INVALID;
		goto out;
	}
	/* Constant time for operands below the modulus. */
	if (BN_mod_add_quick(sum, a, b, order) != 1) {
		e = no_memory();
	} else if (BN_is_zero(sum)) {
		e = ERR_INVALID;
	} else if (BN_bn2binpad(sum, il, FIELD) != FIELD) {
		e = no_memory();
	}
out:
	BN_clear_free(a);
	BN_clear_free(b);
	BN_clear_free(sum);
	BN_free(order);
	return e;
}

/* The base point (peer NULL) or `peer` times the key, in `form`. */
static enum err multiply(enum curve curve, const uint8_t key[static 32], const uint8_t *peer,
			 size_t peer_len, point_conversion_form_t form, uint8_t *out,
			 size_t out_len)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[curve].nid);
	EC_POINT *p = group != NULL ? EC_POINT_new(group) : NULL;
	EC_POINT *result = group != NULL ? EC_POINT_new(group) : NULL;
	BIGNUM *k = scalar_new(key);
	int ok;
	enum err e;

	if (p == NULL || result == NULL || k == NULL) {
		e = no_memory();
		goto out;
	}
	e = check_range(k, EC_GROUP_get0_order(group));
	if (e != ERR_OK) {
		goto out;
	}
	if (peer == NULL) {
		ok = EC_POINT_mul(group, result, k, NULL, NULL, NULL);
	} else if (EC_POINT_oct2point(group, p, peer, peer_len, NULL) == 1 &&
		   !EC_POINT_is_at_infinity(group, p)) {
		ok = EC_POINT_mul(group, result, NULL, p, k, NULL);
	} else {
		ERR_clear_error();
		e = ERR_BAD_POINT;
		goto out;
	}
	if (ok != 1 || EC_POINT_point2oct(group, result, form, out, out_len, NULL) != out_len) {
		e = no_memory();
	}
out:
	BN_clear_free(k);
	EC_POINT_clear_free(result);
	EC_POINT_free(p);
	EC_GROUP_free(group);
	return e;
}

enum err eccp_public(enum curve curve, const uint8_t key[static 32],
		     uint8_t out[static PUBLIC_KEY_LEN])
{
	return multiply(curve, key, NULL, 0, POINT_CONVERSION_COMPRESSED, out, PUBLIC_KEY_LEN);
}

/* libcrypto also reads the hybrid form (06, 07) and infinity (00): only 02, 03 and 04 go there. */
static bool is_point_form(const uint8_t *p, size_t n)
{
	return (n == PUBLIC_KEY_LEN && (p[0] == 0x02 || p[0] == 0x03)) ||
	       (n == POINT && p[0] == 0x04);
}

enum err eccp_point(enum curve curve, const uint8_t *p, size_t n, uint8_t out[static 65])
{
	EC_GROUP *group;
	EC_POINT *point;
	enum err e = ERR_OK;

	if (!is_point_form(p, n)) {
		return ERR_BAD_POINT;
	}
	group = EC_GROUP_new_by_curve_name(curves[curve].nid);
	point = group != NULL ? EC_POINT_new(group) : NULL;
	if (point == NULL) {
		e = no_memory();
	} else if (EC_POINT_oct2point(group, point, p, n, NULL) != 1 ||
		   EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT,
				      NULL) != POINT) {
		ERR_clear_error();
		e = ERR_BAD_POINT;
	}
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return e;
}

enum err eccp_ecdh(enum curve curve, const uint8_t key[static 32], const uint8_t *peer, size_t n,
		   uint8_t out[static 65])
{
	if (!is_point_form(peer, n)) {
		return ERR_BAD_POINT;
	}
	return multiply(curve, key, peer, n, POINT_CONVERSION_UNCOMPRESSED, out, POINT);
}

static EVP_PKEY *pkey_new(int selection, OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1) {
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *private_key(enum curve curve, const uint8_t key[static 32])
{
	/* OSSL_PARAM wants numbers in the machine's byte order, and non-const pointers. */
	uint8_t native[FIELD];
	char group[sizeof curves->group];
	OSSL_PARAM params[3];
	BIGNUM *k = scalar_new(key);
	EVP_PKEY *pkey = NULL;

	if (k != NULL && BN_bn2nativepad(k, native, FIELD) == FIELD) {
		memcpy(group, curves[curve].group, sizeof group);
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
		params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, FIELD);
		params[2] = OSSL_PARAM_construct_end();
		pkey = pkey_new(EVP_PKEY_KEYPAIR, params);
	}
	sodium_memzero(native, sizeof native);
	BN_clear_free(k);
	return pkey;
}

static EVP_PKEY *public_key(enum curve curve, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t copy[PUBLIC_KEY_LEN];
	char group[sizeof curves->group];
	OSSL_PARAM params[3];

	memcpy(copy, pub, sizeof copy);
	memcpy(group, curves[curve].group, sizeof group);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy);
	params[2] = OSSL_PARAM_construct_end();
	return pkey_new(EVP_PKEY_PUBLIC_KEY, params);
}

/* DER to r || s, with the lower of s and n - s: both are valid, the wallets give this one. */
static enum err signature_from_der(enum curve curve, const uint8_t *der, size_t n,
				   uint8_t out[static SIGNATURE_LEN])
{
	const uint8_t *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	BIGNUM *order = BN_bin2bn(curves[curve].order, FIELD, NULL);
	BIGNUM *other = BN_new();
	const BIGNUM *s;
	enum err e = ERR_OK;

	if (sig == NULL || order == NULL || other == NULL ||
	    BN_sub(other, order, ECDSA_SIG_get0_s(sig)) != 1) {
		e = no_memory();
		goto out;
	}
	s = BN_cmp(other, ECDSA_SIG_get0_s(sig)) < 0 ? other : ECDSA_SIG_get0_s(sig);
	if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, FIELD) != FIELD ||
	    BN_bn2binpad(s, out + FIELD, FIELD) != FIELD) {
		e = no_memory();
	}
out:
	ECDSA_SIG_free(sig);
	BN_free(order);
	BN_free(other);
	return e;
}

enum err eccp_sign(enum curve curve, const uint8_t key[static 32], const uint8_t digest[static 32],
		   uint8_t out[static SIGNATURE_LEN])
{
	uint8_t der[DER_MAX];
	size_t n = sizeof der;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx = NULL;
	enum err e = eccp_check_scalar(curve, key);

	if (e != ERR_OK) {
		return e;
	}
	pkey = private_key(curve, key);
	if (pkey != NULL) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	}
	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, der, &n, digest, FIELD) != 1) {
		e = no_memory();
	} else {
		e = signature_from_der(curve, der, n, out);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return e;
}

/* Length of the DER form, 0 when out of memory. */
static size_t signature_to_der(uint8_t der[static DER_MAX], const uint8_t sig[static SIGNATURE_LEN])
{
	ECDSA_SIG *rs = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, FIELD, NULL);
	BIGNUM *s = BN_bin2bn(sig + FIELD, FIELD, NULL);
	uint8_t *p = der;
	int n = 0;

	if (rs != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(rs, r, s) == 1) {
		r = s = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(rs, &p);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(rs);
	return n > 0 ? (size_t)n : 0;
}

/* NULL: the point is not on the curve. */
static EVP_PKEY *kept_key(struct ecc_kept *kept, enum curve curve,
			  const uint8_t pub[static PUBLIC_KEY_LEN])
{
	struct ecc_kept_key *k;
	EVP_PKEY *pkey;

	for (k = kept->keys; k < kept->keys + ECC_KEPT; k++) {
		if (k->key != NULL && k->curve == curve && !memcmp(k->pub, pub, PUBLIC_KEY_LEN)) {
			return k->key;
		}
	}
	pkey = public_key(curve, pub);
	if (pkey != NULL) {
		k = &kept->keys[kept->next++ % ECC_KEPT];
		EVP_PKEY_free(k->key);
		k->curve = curve;
		memcpy(k->pub, pub, PUBLIC_KEY_LEN);
		k->key = pkey;
	}
	return pkey;
}

void ecc_kept_free(struct ecc_kept *kept)
{
	for (size_t i = 0; i < ECC_KEPT; i++) {
		EVP_PKEY_free(kept->keys[i].key);
	}
	*kept = (struct ecc_kept){0};
}

enum err eccp_verify(struct ecc_kept *kept, enum curve curve,
		     const uint8_t pub[static PUBLIC_KEY_LEN], const uint8_t digest[static 32],
		     const uint8_t sig[static SIGNATURE_LEN])
{
	uint8_t der[DER_MAX];
	size_t n;
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx = NULL;
	enum err e;

	if (!is_point_form(pub, PUBLIC_KEY_LEN)) {
		return ERR_BAD_POINT;
	}
	pkey = kept_key(kept, curve, pub);
	if (pkey == NULL) {
		ERR_clear_error();
		return ERR_BAD_POINT;
	}
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	n = signature_to_der(der, sig);
	if (ctx == NULL || n == 0 || EVP_PKEY_verify_init(ctx) != 1) {
		e = no_memory();
	} else {
		/* libcrypto refuses r and s outside 1 .. n - 1. */
		e = EVP_PKEY_verify(ctx, der, n, digest, FIELD) == 1 ? ERR_OK : ERR_DEVICE_ERROR;
		ERR_clear_error();
	}
	EVP_PKEY_CTX_free(ctx);
	return e;
}
