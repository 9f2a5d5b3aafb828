/* SPDX-License-Identifier: MIT */
#include "derive/hostkey.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <sodium.h>

enum {
	RSA_BITS_MIN = 1024,
	RSA_BITS_MAX = 16384,
	RSA_EXPONENT_MAX = 8, /* libcrypto's own limit for moduli over 3072 bits */
	FIELD_MAX = 66,       /* P-521 */
	DER_MAX = 150,
};

void hash_sha256(uint8_t out[static 32], const void *p, size_t n)
{
	(void)crypto_hash_sha256(out, p, n);
}

void hash_hmac_sha1(uint8_t out[static 20], const void *key, size_t key_len, const void *p,
		    size_t n)
{
	unsigned len = 20;

	/* Fails only without memory; the zeros it then leaves match no hashed name. */
	if (HMAC(EVP_sha1(), key, (int)key_len, p, n, out, &len) == NULL)
		memset(out, 0, 20);
}

static const EVP_MD *hash_md(enum hash hash)
{
	switch (hash) {
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA384:
		return EVP_sha384();
	case HASH_SHA512:
		return EVP_sha512();
	}
	return NULL;
}

static struct slice without_zeros(struct slice s)
{
	while (s.n > 0 && s.p[0] == 0) {
		s.p++;
		s.n--;
	}
	return s;
}

static EVP_PKEY *pkey_new(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* EVP's default for RSA is PKCS #1 v1.5 padding. */
static enum err verify(EVP_PKEY *pkey, const EVP_MD *md, struct slice data, const uint8_t *sig,
		       size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum err e;

	if (ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, md, NULL, pkey) != 1) {
		e = ERR_NO_MEMORY;
	} else if (EVP_DigestVerify(ctx, sig, sig_len, data.p, data.n) == 1) {
		e = ERR_OK;
	} else {
		e = ERR_DEVICE_ERROR;
	}
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	return e;
}

static EVP_PKEY *rsa_key(struct slice e, struct slice n)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *bn_e = BN_bin2bn(e.p, (int)e.n, NULL);
	BIGNUM *bn_n = BN_bin2bn(n.p, (int)n.n, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;

	if (build != NULL && bn_e != NULL && bn_n != NULL &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1) {
		params = OSSL_PARAM_BLD_to_param(build);
		pkey = pkey_new("RSA", params);
	}
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(bn_e);
	BN_free(bn_n);
	return pkey;
}

static size_t bit_length(struct slice s)
{
	size_t bits = s.n * 8;

	if (s.n == 0) {
		return 0;
	}
	for (unsigned top = s.p[0]; top < 0x80; top <<= 1) {
		bits--;
	}
	return bits;
}

enum err verify_rsa(struct slice e, struct slice n, enum hash hash, struct slice data,
		    struct slice sig)
{
	uint8_t padded[RSA_BITS_MAX / 8];
	EVP_PKEY *pkey;
	enum err err;

	e = without_zeros(e);
	n = without_zeros(n);
	if (bit_length(n) < RSA_BITS_MIN || bit_length(n) > RSA_BITS_MAX || bit_length(e) < 2 ||
	    e.n > RSA_EXPONENT_MAX || (e.p[e.n - 1] & 1) == 0 || (n.p[n.n - 1] & 1) == 0 ||
	    hash_md(hash) == NULL) {
		return ERR_UNSUPPORTED;
	}
	/* SSH writes the signature as a number, which may have lost leading zeros. */
	sig = without_zeros(sig);
	if (sig.n > n.n) {
		return ERR_DEVICE_ERROR;
	}
	memset(padded, 0, n.n);
	if (sig.n > 0) {
		memcpy(padded + n.n - sig.n, sig.p, sig.n);
	}
	pkey = rsa_key(e, n);
	if (pkey == NULL) {
		ERR_clear_error();
		return ERR_NO_MEMORY;
	}
	err = verify(pkey, hash_md(hash), data, padded, n.n);
	EVP_PKEY_free(pkey);
	return err;
}

static const struct ecdsa {
	unsigned bits;
	size_t field;
	enum hash hash; /* RFC 5656 section 6.2.1 */
	char group[12];
} ecdsas[] = {
	{256, 32, HASH_SHA256, SN_X9_62_prime256v1},
	{384, 48, HASH_SHA384, SN_secp384r1},
	{521, FIELD_MAX, HASH_SHA512, SN_secp521r1},
};

static EVP_PKEY *ecdsa_key(const struct ecdsa *curve, struct slice point)
{
	uint8_t copy[1 + 2 * FIELD_MAX];
	char group[sizeof curve->group];
	OSSL_PARAM params[3];

	memcpy(copy, point.p, point.n);
	memcpy(group, curve->group, sizeof group);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, point.n);
	params[2] = OSSL_PARAM_construct_end();
	return pkey_new("EC", params);
}

/* Length of the DER form, 0 when out of memory. */
static size_t ecdsa_to_der(uint8_t der[static DER_MAX], struct slice r, struct slice s)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *bn_r = BN_bin2bn(r.p, (int)r.n, NULL);
	BIGNUM *bn_s = BN_bin2bn(s.p, (int)s.n, NULL);
	uint8_t *p = der;
	int n = 0;

	if (sig != NULL && bn_r != NULL && bn_s != NULL && ECDSA_SIG_set0(sig, bn_r, bn_s) == 1) {
		bn_r = bn_s = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(sig, &p);
	}
	BN_free(bn_r);
	BN_free(bn_s);
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

enum err verify_ecdsa(unsigned bits, struct slice point, struct slice data, struct slice r,
		      struct slice s)
{
	const struct ecdsa *curve = NULL;
	uint8_t der[DER_MAX];
	EVP_PKEY *pkey;
	size_t n;
	enum err e;

	for (size_t i = 0; i < sizeof ecdsas / sizeof ecdsas[0]; i++) {
		if (ecdsas[i].bits == bits) {
			curve = &ecdsas[i];
		}
	}
	if (curve == NULL) {
		return ERR_UNSUPPORTED;
	}
	if (point.n != 1 + 2 * curve->field || point.p[0] != 0x04) {
		return ERR_BAD_POINT;
	}
	r = without_zeros(r);
	s = without_zeros(s);
	if (r.n > curve->field || s.n > curve->field) {
		return ERR_DEVICE_ERROR;
	}
	pkey = ecdsa_key(curve, point);
	if (pkey == NULL) {
		ERR_clear_error();
		return ERR_BAD_POINT;
	}
	n = ecdsa_to_der(der, r, s);
	e = n > 0 ? verify(pkey, hash_md(curve->hash), data, der, n) : ERR_NO_MEMORY;
	EVP_PKEY_free(pkey);
	return e;
}

enum err verify_ed25519(struct slice pub, struct slice data, struct slice sig)
{
	if (pub.n != crypto_sign_PUBLICKEYBYTES) {
		return ERR_BAD_POINT;
	}
	if (sig.n != crypto_sign_BYTES ||
	    crypto_sign_verify_detached(sig.p, data.p, data.n, pub.p) != 0) {
		return ERR_DEVICE_ERROR;
	}
	return ERR_OK;
}
