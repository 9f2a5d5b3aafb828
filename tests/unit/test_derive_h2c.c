/* SPDX-License-Identifier: MIT */
/*
 * RFC 9380's suite P256_XMD:SHA-256_SSWU_RO_, to check what doc/DERIVATION.md says of devices that
 * have ECDH on P-256 only. Straight from the RFC's text, in no constant time: for tests.
 */
#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "derive/hostkey.h"
#include "test_derive_vectors.h"

enum { L = 48 }; /* bytes a field element is made of, section 8.2 */

/* The field and the curve y^2 = x^3 + ax + b, with z of the map. */
struct field {
	BN_CTX *ctx;
	EC_GROUP *group;
	BIGNUM *p, *a, *b, *z;
};

/* A new number that lives until the context does. */
static BIGNUM *num(const struct field *f)
{
	BIGNUM *n = BN_CTX_get(f->ctx);

	cr_assert(n != NULL);
	return n;
}

static BIGNUM *mul(const struct field *f, const BIGNUM *x, const BIGNUM *y)
{
	BIGNUM *r = num(f);

	cr_assert(BN_mod_mul(r, x, y, f->p, f->ctx) == 1);
	return r;
}

static BIGNUM *add(const struct field *f, const BIGNUM *x, const BIGNUM *y)
{
	BIGNUM *r = num(f);

	cr_assert(BN_mod_add(r, x, y, f->p, f->ctx) == 1);
	return r;
}

static BIGNUM *inverse(const struct field *f, const BIGNUM *x)
{
	BIGNUM *r = num(f);

	cr_assert(BN_mod_inverse(r, x, f->p, f->ctx) != NULL);
	return r;
}

static BIGNUM *curve_at(const struct field *f, const BIGNUM *x)
{
	return add(f, mul(f, x, add(f, mul(f, x, x), f->a)), f->b);
}

/* expand_message_xmd with SHA-256 (section 5.3.1), 96 bytes. */
static void expand(uint8_t out[static 2 * L], const void *msg, size_t n, const char *dst)
{
	uint8_t text[512] = {0}, b0[32], block[32] = {0};
	size_t dst_len = strlen(dst), at = 64; /* a zero block first */

	cr_assert(n + dst_len + 80 < sizeof text && dst_len < 256);
	memcpy(text + at, msg, n);
	at += n;
	text[at++] = 0;
	text[at++] = 2 * L;
	text[at++] = 0;
	memcpy(text + at, dst, dst_len);
	at += dst_len;
	text[at++] = (uint8_t)dst_len;
	hash_sha256(b0, text, at);
	for (uint8_t i = 1; i <= 3; i++) {
		for (size_t j = 0; j < 32; j++) {
			text[j] = b0[j] ^ block[j];
		}
		text[32] = i;
		memcpy(text + 33, dst, dst_len);
		text[33 + dst_len] = (uint8_t)dst_len;
		hash_sha256(block, text, 34 + dst_len);
		memcpy(out + 32 * (i - 1), block, 32);
	}
}

/* map_to_curve_simple_swu (section 6.6.2) of 48 bytes mod p. */
static EC_POINT *map(const struct field *f, const uint8_t bytes[static L])
{
	BIGNUM *u = num(f), *x = num(f), *y = num(f), *minus_b = num(f), *tv;
	EC_POINT *point = EC_POINT_new(f->group);
	const BIGNUM *one = BN_value_one();

	cr_assert(BN_bin2bn(bytes, L, u) != NULL && BN_nnmod(u, u, f->p, f->ctx) == 1);
	tv = mul(f, f->z, mul(f, u, u)); /* z u^2 */
	tv = add(f, mul(f, tv, tv), tv);
	cr_assert(!BN_is_zero(tv), "the exceptional case, which no message here meets");
	cr_assert(BN_sub(minus_b, f->p, f->b) == 1);
	x = mul(f, mul(f, minus_b, inverse(f, f->a)), add(f, one, inverse(f, tv)));
	if (BN_kronecker(curve_at(f, x), f->p, f->ctx) != 1) {
		x = mul(f, mul(f, f->z, mul(f, u, u)), x);
	}
	cr_assert(BN_mod_sqrt(y, curve_at(f, x), f->p, f->ctx) != NULL);
	if (BN_is_odd(u) != BN_is_odd(y)) {
		cr_assert(BN_sub(y, f->p, y) == 1);
	}
	cr_assert(EC_POINT_set_affine_coordinates(f->group, point, x, y, f->ctx) == 1);
	return point;
}

void hash_to_p256(uint8_t out[static 65], const void *msg, size_t n, const char *dst)
{
	struct field f = {.ctx = BN_CTX_new(),
			  .group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
	uint8_t uniform[2 * L];
	EC_POINT *p, *q;

	BN_CTX_start(f.ctx);
	f.p = num(&f);
	f.a = num(&f);
	f.b = num(&f);
	f.z = num(&f);
	cr_assert(EC_GROUP_get_curve(f.group, f.p, f.a, f.b, f.ctx) == 1);
	cr_assert(BN_copy(f.z, f.p) != NULL && BN_sub_word(f.z, 10) == 1);
	expand(uniform, msg, n, dst);
	p = map(&f, uniform);
	q = map(&f, uniform + L);
	cr_assert(EC_POINT_add(f.group, p, p, q, f.ctx) == 1);
	cr_assert(EC_POINT_point2oct(f.group, p, POINT_CONVERSION_UNCOMPRESSED, out, 65, f.ctx) ==
		  65);
	EC_POINT_free(p);
	EC_POINT_free(q);
	BN_CTX_end(f.ctx);
	BN_CTX_free(f.ctx);
	EC_GROUP_free(f.group);
}

/* RFC 9380 appendix J.1.1. */
Test(hash_to_curve, rfc9380_p256)
{
	static const char dst[] = "QUUX-V01-CS02-with-P256_XMD:SHA-256_SSWU_RO_";
	uint8_t out[65];

	hash_to_p256(out, "", 0, dst);
	expect_hex(out, 65,
		   "042c15230b26dbc6fc9a37051158c95b79656e17a1a920b11394ca91c44247d3e4"
		   "8a7a74985cc5c776cdfe4b1f19884970453912e9d31528c060be9ab5c43e8415",
		   "empty message", 0);
	hash_to_p256(out, "abc", 3, dst);
	expect_hex(out, 65,
		   "040bb8b87485551aa43ed54f009230450b492fead5f1cc91658775dac4a3388a0f"
		   "5c41b3d0731a27a7b14bc0bf0ccded2d8751f83493404c84a88e71ffd424212e",
		   "abc", 0);
}
