/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/secret.h"
#include "test_derive_vectors.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(ecc, .init = start);

static const enum curve ec_curves[] = {CURVE_NIST256P1, CURVE_SECP256K1};

/* Group orders (SEC 2), to make scalars and signatures around them. */
static const char *const order_hex[CURVE_COUNT] = {
	[CURVE_NIST256P1] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	[CURVE_SECP256K1] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
};
/* Base points, compressed (SEC 2). */
static const char *const base_hex[CURVE_COUNT] = {
	[CURVE_NIST256P1] = "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
	[CURVE_SECP256K1] = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
};

/* RFC 8032 section 7.1, tests 1 to 3. */
Test(ecc, rfc8032_ed25519)
{
	static const struct {
		const char *key, *pub, *message, *sig;
	} tests[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		 "00d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc"
		 "61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		 "003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e4"
		 "58f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		 "00fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290a"
		 "e67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		uint8_t key[32], message[8], pub[PUBLIC_KEY_LEN], sig[SIGNATURE_LEN];
		size_t n = unhex(message, sizeof message, tests[i].message);

		unhex(key, sizeof key, tests[i].key);
		cr_assert(ecc_public(CURVE_ED25519, key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, tests[i].pub, "public key", i);
		cr_assert(ecc_check_public(CURVE_ED25519, pub) == ERR_OK);
		cr_assert(ecc_sign(CURVE_ED25519, SIGNING_SSH, key, message, n, NULL, sig) ==
			  ERR_OK);
		expect_hex(sig, sizeof sig, tests[i].sig, "signature", i);
		cr_expect(ecc_verify(NULL, CURVE_ED25519, SIGNING_SSH, pub, message, n, NULL,
				     sig) == ERR_OK);
	}
}

/* RFC 7748 section 5.2, the two single vectors. */
Test(ecc, rfc7748_x25519)
{
	static const struct {
		const char *key, *peer, *shared;
	} tests[] = {
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		static const uint8_t prefixes[] = {0x40, 0x00};
		uint8_t key[32], peer[33], shared[SHARED_MAX];
		size_t n;

		unhex(key, sizeof key, tests[i].key);
		unhex(peer + 1, 32, tests[i].peer);
		cr_assert(ecc_ecdh(CURVE_CURVE25519, key, peer + 1, 32, shared, &n) == ERR_OK);
		expect_hex(shared, n, tests[i].shared, "X25519", i);
		for (unsigned j = 0; j < sizeof prefixes; j++) {
			peer[0] = prefixes[j];
			memset(shared, 0, sizeof shared);
			cr_assert(ecc_ecdh(CURVE_CURVE25519, key, peer, 33, shared, &n) == ERR_OK);
			expect_hex(shared, n, tests[i].shared, "X25519 with a prefix", i);
		}
		peer[0] = 0x04;
		cr_expect(ecc_ecdh(CURVE_CURVE25519, key, peer, 33, shared, &n) == ERR_BAD_POINT);
		cr_expect(ecc_ecdh(CURVE_CURVE25519, key, peer, 31, shared, &n) == ERR_BAD_POINT);
		cr_expect(ecc_ecdh(CURVE_CURVE25519, key, peer, 0, shared, &n) == ERR_BAD_POINT);
	}
}

/* RFC 7748 section 5.2, a thousand rounds. */
Test(ecc, rfc7748_x25519_iterated)
{
	uint8_t k[32] = {9}, u[32] = {9}, r[SHARED_MAX];
	size_t n;

	for (unsigned i = 0; i < 1000; i++) {
		cr_assert(ecc_ecdh(CURVE_CURVE25519, k, u, 32, r, &n) == ERR_OK);
		memcpy(u, k, 32);
		memcpy(k, r, 32);
		if (i == 0) {
			expect_hex(
				k, 32,
				"422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
				"after 1", 0);
		}
	}
	expect_hex(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
		   "after 1000", 0);
}

/* RFC 7748 section 6.1. */
Test(ecc, rfc7748_key_pairs)
{
	uint8_t alice[32], bob[32], pub[PUBLIC_KEY_LEN], shared[SHARED_MAX];
	size_t n;

	unhex(alice, 32, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	unhex(bob, 32, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	cr_assert(ecc_public(CURVE_CURVE25519, alice, pub) == ERR_OK);
	expect_hex(pub, sizeof pub,
		   "008520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", "Alice",
		   0);
	cr_assert(ecc_ecdh(CURVE_CURVE25519, bob, pub, 33, shared, &n) == ERR_OK);
	expect_hex(shared, n, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
		   "Bob's shared secret", 0);
	cr_assert(ecc_public(CURVE_CURVE25519, bob, pub) == ERR_OK);
	expect_hex(pub, sizeof pub,
		   "00de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", "Bob", 0);
	cr_assert(ecc_ecdh(CURVE_CURVE25519, alice, pub, 33, shared, &n) == ERR_OK);
	expect_hex(shared, n, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
		   "Alice's shared secret", 0);
}

/* Every point of low order of curve25519 and its twist, canonical or not, with the bit that
 * X25519 ignores clear and set; and coordinates that are not canonical. */
Test(ecc, x25519_bad_points)
{
	static const struct {
		const char *u;
		bool low;
	} points[] = {
		{"0000000000000000000000000000000000000000000000000000000000000000", true},
		{"0100000000000000000000000000000000000000000000000000000000000000", true},
		{"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", true},
		{"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", true},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		{"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		{"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true},
		{"efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false},
		{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false},
	};
	const uint8_t key[32] = {1, 2, 3};
	uint8_t pub[PUBLIC_KEY_LEN] = {0}, out[SHARED_MAX];
	size_t n;

	for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
		for (unsigned high = 0; high <= 0x80; high += 0x80) {
			enum err want = points[i].low ? ERR_BAD_POINT : ERR_OK;

			unhex(pub + 1, 32, points[i].u);
			pub[32] |= (uint8_t)high;
			cr_expect(ecc_ecdh(CURVE_CURVE25519, key, pub + 1, 32, out, &n) == want,
				  "%s %02x", points[i].u, high);
			cr_expect(n == (want == ERR_OK ? 32 : 0));
			cr_expect(ecc_check_public(CURVE_CURVE25519, pub) == ERR_BAD_POINT,
				  "%s %02x", points[i].u, high);
		}
	}
	/* The largest canonical coordinate that is none of these, and a good one with a bad form.
	 */
	unhex(pub + 1, 32, "ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
	cr_expect(ecc_check_public(CURVE_CURVE25519, pub) == ERR_OK);
	pub[0] = 0x40;
	cr_expect(ecc_check_public(CURVE_CURVE25519, pub) == ERR_BAD_POINT);
}

Test(ecc, ed25519_bad_points)
{
	static const char *const points[] = {
		/* low order: identity, order 2, order 4 */
		"000100000000000000000000000000000000000000000000000000000000000000",
		"00ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"000000000000000000000000000000000000000000000000000000000000000000",
		/* not canonical */
		"00eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		/* not on the curve: y = 2 */
		"000200000000000000000000000000000000000000000000000000000000000000",
		/* a good key (RFC 8032) with another first byte */
		"02d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	};
	uint8_t pub[PUBLIC_KEY_LEN];

	for (unsigned i = 0; i < sizeof points / sizeof points[0]; i++) {
		unhex(pub, sizeof pub, points[i]);
		cr_expect(ecc_check_public(CURVE_ED25519, pub) == ERR_BAD_POINT, "%s", points[i]);
	}
}

Test(ecc, base_point_and_scalar_range)
{
	for (unsigned i = 0; i < 2; i++) {
		enum curve c = ec_curves[i];
		uint8_t key[32] = {0}, pub[PUBLIC_KEY_LEN], sig[SIGNATURE_LEN], out[SHARED_MAX];
		size_t n;

		cr_expect(ecc_public(c, key, pub) == ERR_INVALID, "zero");
		cr_expect(ecc_sign(c, SIGNING_SSH, key, key, 1, NULL, sig) == ERR_INVALID);
		key[31] = 1;
		cr_assert(ecc_public(c, key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, base_hex[c], "base point", i);

		unhex(key, 32, order_hex[c]);
		cr_expect(ecc_public(c, key, pub) == ERR_INVALID, "n");
		cr_expect(ecc_sign(c, SIGNING_SSH, key, key, 1, NULL, sig) == ERR_INVALID);
		unhex(pub, sizeof pub, base_hex[c]);
		cr_expect(ecc_ecdh(c, key, pub, sizeof pub, out, &n) == ERR_INVALID);
		/* (n - 1)G = -G: the same point with the other sign. */
		key[31]--;
		cr_assert(ecc_public(c, key, pub) == ERR_OK);
		pub[0] ^= 1;
		expect_hex(pub, sizeof pub, base_hex[c], "-(n - 1)G", i);
	}
}

Test(ecc, ec_point_forms)
{
	for (unsigned i = 0; i < 2; i++) {
		enum curve c = ec_curves[i];
		const uint8_t key[32] = {[31] = 7};
		uint8_t pub[PUBLIC_KEY_LEN], full[65], a[SHARED_MAX], b[SHARED_MAX];
		size_t na, nb;

		unhex(pub, sizeof pub, base_hex[c]);
		cr_assert(ecc_uncompress(c, pub, full) == ERR_OK);
		cr_expect(full[0] == 4 && memcmp(full + 1, pub + 1, 32) == 0);
		cr_expect((full[64] & 1) == (pub[0] & 1));
		cr_assert(ecc_ecdh(c, key, pub, sizeof pub, a, &na) == ERR_OK);
		cr_assert(ecc_ecdh(c, key, full, sizeof full, b, &nb) == ERR_OK);
		cr_expect(na == 65 && nb == 65 && a[0] == 4 && memcmp(a, b, 65) == 0);

		/* Hybrid form, infinity, cut, x coordinate not below p, point off the curve. */
		full[0] = (uint8_t)(6 + (full[64] & 1));
		cr_expect(ecc_ecdh(c, key, full, 65, b, &nb) == ERR_BAD_POINT && nb == 0);
		full[0] = 4;
		cr_expect(ecc_ecdh(c, key, full, 64, b, &nb) == ERR_BAD_POINT);
		cr_expect(ecc_ecdh(c, key, (const uint8_t[1]){0}, 1, b, &nb) == ERR_BAD_POINT);
		full[40] ^= 1;
		cr_expect(ecc_ecdh(c, key, full, 65, b, &nb) == ERR_BAD_POINT);
		memset(pub + 1, 0xFF, 32);
		cr_expect(ecc_check_public(c, pub) == ERR_BAD_POINT);
		unhex(pub, sizeof pub, base_hex[c]);
		pub[0] = 4;
		cr_expect(ecc_check_public(c, pub) == ERR_BAD_POINT);
		cr_expect(ecc_uncompress(c, pub, full) == ERR_BAD_POINT);
	}
	cr_expect(ecc_uncompress(CURVE_ED25519, (const uint8_t[PUBLIC_KEY_LEN]){0},
				 (uint8_t[65]){0}) == ERR_UNSUPPORTED);
}

/* d -> n - d, to make the high s of a signature. */
static void negate(uint8_t *p, const char *modulus)
{
	uint8_t n[32];
	int borrow = 0;

	unhex(n, sizeof n, modulus);
	for (int i = 31; i >= 0; i--) {
		int d = n[i] - p[i] - borrow;

		borrow = d < 0;
		p[i] = (uint8_t)d;
	}
}

Test(ecc, ecdsa_signature_range)
{
	for (unsigned i = 0; i < 2; i++) {
		enum curve c = ec_curves[i];
		const uint8_t key[32] = {[31] = 7};
		const uint8_t data[3] = "abc";
		uint8_t pub[PUBLIC_KEY_LEN], sig[SIGNATURE_LEN], bad[SIGNATURE_LEN];

		cr_assert(ecc_public(c, key, pub) == ERR_OK);
		cr_assert(ecc_sign(c, SIGNING_SSH, key, data, 3, NULL, sig) == ERR_OK);
		negate(sig + 32, order_hex[c]);
		cr_expect(ecc_verify(NULL, c, SIGNING_SSH, pub, data, 3, NULL, sig) == ERR_OK,
			  "high s");
		for (unsigned half = 0; half < 64; half += 32) {
			memcpy(bad, sig, sizeof bad);
			memset(bad + half, 0, 32);
			cr_expect(ecc_verify(NULL, c, SIGNING_SSH, pub, data, 3, NULL, bad) ==
				  ERR_DEVICE_ERROR);
			unhex(bad + half, 32, order_hex[c]);
			cr_expect(ecc_verify(NULL, c, SIGNING_SSH, pub, data, 3, NULL, bad) ==
				  ERR_DEVICE_ERROR);
			memset(bad + half, 0xFF, 32);
			cr_expect(ecc_verify(NULL, c, SIGNING_SSH, pub, data, 3, NULL, bad) ==
				  ERR_DEVICE_ERROR);
		}
		pub[0] = 0;
		cr_expect(ecc_verify(NULL, c, SIGNING_SSH, pub, data, 3, NULL, sig) ==
			  ERR_BAD_POINT);
	}
}

/* Twice as many keys as are kept, on both curves, each checked twice, in turns: with its own
 * signature and with its neighbour's. */
Test(ecc, kept_keys)
{
	enum { KEYS = 2 * ECC_KEPT };
	uint8_t key[32] = {0}, pub[KEYS][PUBLIC_KEY_LEN], sig[KEYS][SIGNATURE_LEN];
	struct ecc_kept kept = {0};

	for (unsigned i = 0; i < KEYS; i++) {
		key[31] = (uint8_t)(i / 2 + 1); /* the curves in turns, with the same key */
		cr_assert(ecc_public(ec_curves[i % 2], key, pub[i]) == ERR_OK);
		cr_assert(ecc_sign(ec_curves[i % 2], SIGNING_SSH, key, key, 32, NULL, sig[i]) ==
			  ERR_OK);
		for (unsigned j = i > ECC_KEPT ? i - ECC_KEPT : 0; j <= i; j++) {
			key[31] = (uint8_t)(j / 2 + 1);
			cr_expect(ecc_verify(&kept, ec_curves[j % 2], SIGNING_SSH, pub[j], key, 32,
					     NULL, sig[j]) == ERR_OK,
				  "%u after %u", j, i);
			cr_expect(ecc_verify(&kept, ec_curves[j % 2], SIGNING_SSH, pub[j], key, 32,
					     NULL, sig[j ? j - 1 : 1]) != ERR_OK,
				  "%u after %u", j, i);
		}
	}
	for (unsigned i = 0; i < ECC_KEPT; i++)
		cr_expect(kept.keys[i].key != NULL);
	/* The same bytes may be a point of both curves: two keys. */
	unsigned shared = 0;
	for (unsigned i = 0; i < KEYS; i++) {
		key[31] = (uint8_t)(i / 2 + 1);
		if (ecc_check_public(ec_curves[(i + 1) % 2], pub[i]) == ERR_OK) {
			shared++;
			cr_expect(ecc_verify(&kept, ec_curves[i % 2], SIGNING_SSH, pub[i], key, 32,
					     NULL, sig[i]) == ERR_OK);
			cr_expect(ecc_verify(&kept, ec_curves[(i + 1) % 2], SIGNING_SSH, pub[i],
					     key, 32, NULL, sig[i]) == ERR_DEVICE_ERROR);
		}
	}
	cr_expect(shared > 0);
	/* No point of the curve: refused each time, and nothing makes room for it. */
	memset(pub[0] + 1, 0xFF, 32);
	const struct ecc_kept before = kept;
	cr_expect(ecc_verify(&kept, ec_curves[0], SIGNING_SSH, pub[0], key, 32, NULL, sig[0]) ==
		  ERR_BAD_POINT);
	cr_expect(memcmp(&kept, &before, sizeof(kept)) == 0);
	ecc_kept_free(&kept);
	ecc_kept_free(&kept);
	cr_expect(kept.keys[0].key == NULL);
}

/* OpenSSL's nonces are not deterministic; s is low each time, which half of them are not before
 * it is made so. */
Test(ecc, s_is_always_low)
{
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t key[32] = {[31] = 9};
		uint8_t sig[SIGNATURE_LEN], high[32];

		for (unsigned round = 0; round < 40; round++) {
			cr_assert(ecc_sign(ec_curves[i], SIGNING_SSH, key, key, 32, NULL, sig) ==
				  ERR_OK);
			memcpy(high, sig + 32, 32);
			negate(high, order_hex[ec_curves[i]]);
			cr_expect(memcmp(sig + 32, high, 32) <= 0);
		}
	}
}

Test(ecc, refused_pairs)
{
	const uint8_t key[32] = {[31] = 7};
	uint8_t sig[SIGNATURE_LEN] = {0}, pub[PUBLIC_KEY_LEN] = {0}, out[SHARED_MAX];
	size_t n;

	for (unsigned how = SIGNING_SSH; how <= SIGNING_OTHER; how++) {
		cr_expect(ecc_sign(CURVE_CURVE25519, how, key, key, 32, NULL, sig) ==
			  ERR_UNSUPPORTED);
		cr_expect(ecc_verify(NULL, CURVE_CURVE25519, how, pub, key, 32, NULL, sig) ==
			  ERR_UNSUPPORTED);
	}
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(ecc_sign(ec_curves[i], SIGNING_SIGNIFY, key, key, 32, NULL, sig) ==
			  ERR_UNSUPPORTED);
		cr_expect(ecc_sign(ec_curves[i], SIGNING_GPG, key, key, 31, NULL, sig) ==
			  ERR_INVALID);
		cr_expect(ecc_sign(ec_curves[i], SIGNING_GPG, key, key, 0, NULL, sig) ==
			  ERR_INVALID);
	}
	cr_expect(ecc_ecdh(CURVE_ED25519, key, key, 32, out, &n) == ERR_UNSUPPORTED);
}

/* FIPS 186-5 6.4.1: of a digest longer than the group's order the leftmost bits count. */
Test(ecc, gpg_long_digest)
{
	const uint8_t key[32] = {[31] = 7}, digest[64] = {1, [31] = 2, [32] = 3, [63] = 4};
	uint8_t sig[SIGNATURE_LEN], pub[PUBLIC_KEY_LEN];

	for (unsigned i = 0; i < 2; i++) {
		cr_assert(ecc_public(ec_curves[i], key, pub) == ERR_OK);
		cr_assert(ecc_sign(ec_curves[i], SIGNING_GPG, key, digest, 64, NULL, sig) ==
			  ERR_OK);
		cr_expect(ecc_verify(NULL, ec_curves[i], SIGNING_GPG, pub, digest, 32, NULL, sig) ==
			  ERR_OK);
		cr_expect(ecc_verify(NULL, ec_curves[i], SIGNING_GPG, pub, digest + 1, 32, NULL,
				     sig) == ERR_DEVICE_ERROR);
	}
}

/* NULL and "" are the same visual challenge; any other gives another signature, but not for ssh. */
Test(ecc, visual_challenge)
{
	const uint8_t key[32] = {5};
	uint8_t a[SIGNATURE_LEN], b[SIGNATURE_LEN];

	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_OTHER, key, key, 32, NULL, a) == ERR_OK);
	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_OTHER, key, key, 32, "", b) == ERR_OK);
	cr_expect(memcmp(a, b, sizeof a) == 0);
	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_OTHER, key, key, 32, "x", b) == ERR_OK);
	cr_expect(memcmp(a, b, sizeof a) != 0);
	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_SSH, key, key, 32, NULL, a) == ERR_OK);
	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_SSH, key, key, 32, "x", b) == ERR_OK);
	cr_expect(memcmp(a, b, sizeof a) == 0);
}
