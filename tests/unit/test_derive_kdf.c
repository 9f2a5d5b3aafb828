/* SPDX-License-Identifier: MIT */
/* The values of SECRET and WireGuard are pinned in doc/DERIVATION.md (test_derive_doc.c). */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/kdf.h"
#include "derive/secret.h"
#include "test_derive_vectors.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(kdf, .init = start);

/* RFC 5869 appendix A, the first 32 bytes of cases 2 and 3 (case 1 has a salt with a NUL in it,
 * which no salt of ours has). */
Test(kdf, rfc5869)
{
	uint8_t ikm[80], info[80], out[32];
	char salt[81];

	for (unsigned i = 0; i < 80; i++) {
		ikm[i] = (uint8_t)i;
		salt[i] = (char)(0x60 + i);
		info[i] = (uint8_t)(0xB0 + i);
	}
	salt[80] = '\0';
	hkdf(out, ikm, sizeof ikm, salt, info, sizeof info);
	expect_hex(out, 32, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
		   "case 2", 0);
	memset(ikm, 0x0B, 22);
	hkdf(out, ikm, 22, "", NULL, 0);
	expect_hex(out, 32, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
		   "case 3", 0);
}

Test(kdf, secret_points_are_distinct_points)
{
	uint8_t a[PUBLIC_KEY_LEN] = {0}, b[PUBLIC_KEY_LEN] = {0};

	for (uint32_t i = 0; i < 200; i++) {
		kdf_secret_point(a + 1, "secret://x", i);
		kdf_secret_point(b + 1, "secret://x", i + 1);
		cr_expect(memcmp(a, b, sizeof a) != 0);
		cr_expect((a[32] & 0x80) == 0);
		cr_expect(ecc_check_public(CURVE_CURVE25519, a) == ERR_OK);
	}
}

Test(kdf, scalars_are_clamped)
{
	uint8_t secret[32] = {0}, k[2][32];

	for (unsigned i = 0; i < 100; i++) {
		secret[0] = (uint8_t)i;
		kdf_wg_private(k[0], secret, "wg://wg0@h");
		kdf_wg_child(k[1], secret, "wg://wg0@h/p");
		for (unsigned j = 0; j < 2; j++) {
			cr_expect((k[j][0] & 7) == 0 && (k[j][31] & 0xC0) == 0x40);
		}
	}
}

struct party {
	uint8_t q[32];
	struct wg_side side;
};

static struct party party(uint8_t n)
{
	uint8_t secret[32] = {n}, key[32];
	struct party p;

	kdf_wg_private(key, secret, "wg://wg0@h");
	kdf_wg_public(p.side.public_key, key);
	kdf_wg_child(p.q, secret, "wg://wg0@h/p");
	kdf_wg_public(p.side.point, p.q);
	return p;
}

Test(kdf, wg_pair_is_symmetric_and_bound_to_everything)
{
	struct party a = party(1), b = party(2), c = party(3);
	const uint8_t extra[32] = {9};
	uint8_t r[32], other[32];

	cr_assert(kdf_wg_pair(r, a.q, &a.side, &b.side, 120, NULL) == ERR_OK);
	cr_assert(kdf_wg_pair(other, b.q, &b.side, &a.side, 120, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) == 0);
	cr_assert(kdf_wg_pair(other, a.q, &a.side, &b.side, 121, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) != 0, "T");
	cr_assert(kdf_wg_pair(other, a.q, &a.side, &b.side, 120, extra) == ERR_OK);
	cr_expect(memcmp(r, other, 32) != 0, "extra");
	cr_assert(kdf_wg_pair(other, a.q, &a.side, &c.side, 120, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) != 0, "peer");
	/* Same X25519 result, another WireGuard key. */
	memcpy(b.side.public_key, c.side.public_key, 32);
	cr_assert(kdf_wg_pair(other, a.q, &a.side, &b.side, 120, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) != 0, "public key");
}

Test(kdf, wg_pair_from_the_devices_result)
{
	struct party a = party(1), b = party(2);
	uint8_t shared[SHARED_MAX], r[32], other[32];
	size_t n;

	cr_assert(ecc_ecdh(CURVE_CURVE25519, a.q, b.side.point, 32, shared, &n) == ERR_OK);
	cr_assert(kdf_wg_pair_shared(r, shared, &a.side, &b.side, 0, NULL) == ERR_OK);
	cr_assert(kdf_wg_pair(other, b.q, &b.side, &a.side, 0, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) == 0);
	memset(shared, 0, sizeof shared);
	cr_expect(kdf_wg_pair_shared(r, shared, &a.side, &b.side, 0, NULL) == ERR_BAD_POINT);
}

Test(kdf, wg_bad_points)
{
	static const char *const bad[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0900000000000000000000000000000000000000000000000000000000000080",
	};
	struct party a = party(1), b = party(2);
	uint8_t point[32], r[32];

	cr_expect(kdf_wg_check(b.side.point, NULL) == ERR_OK);
	cr_expect(kdf_wg_check(b.side.point, a.side.point) == ERR_OK);
	cr_expect(kdf_wg_check(a.side.point, a.side.point) == ERR_BAD_POINT);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct wg_side theirs = b.side;

		unhex(point, 32, bad[i]);
		cr_expect(kdf_wg_check(point, NULL) == ERR_BAD_POINT, "%s", bad[i]);
		memcpy(theirs.point, point, 32);
		cr_expect(kdf_wg_pair(r, a.q, &a.side, &theirs, 0, NULL) == ERR_BAD_POINT, "%s",
			  bad[i]);
		theirs = b.side;
		memcpy(theirs.public_key, point, 32);
		cr_expect(kdf_wg_pair(r, a.q, &a.side, &theirs, 0, NULL) == ERR_BAD_POINT, "%s",
			  bad[i]);
	}
	memcpy(b.side.public_key, a.side.public_key, 32);
	cr_expect(kdf_wg_pair(r, a.q, &a.side, &b.side, 0, NULL) == ERR_BAD_POINT, "our own key");
	b = party(2);
	memcpy(b.side.point, a.side.point, 32);
	cr_expect(kdf_wg_pair(r, a.q, &a.side, &b.side, 0, NULL) == ERR_BAD_POINT, "our own Q");
}

/* From an independent model: root 00 01 … 1f. */
static const struct {
	uint32_t epoch;
	const char *psk;
} epochs[] = {
	{0, "104d0c57b4e997ed97b880e1b0dc788a239dc6521deaefbf98bb85433933c6e3"},
	{1, "587a7d42336a70eb05adcab9ad795aaa62a1cf9d2f0dffa5ebe4e5968c2ba666"},
	{2, "40ad32af545c2b4cb4be04f80dce220549dd64b93eab088ec1852aefffce2dd5"},
	{14186666, "4faa216b450b10e014a350418580359281868d10a3db6aebbbb5415912e66759"},
	{0x7FFFFFFF, "b490c3b19838212dbc9cce8dcb439ad9ef2e658cf291c4d9b93f775311b7dc3b"},
	{0x80000000, "0cd231f2d2b13b7587c86f692a41144bcc7d26fde56bba6ed1bfedc196a78fea"},
	{0xFFFFFFFE, "789dbb88d425379865d9f90138b62f3ab1b8fb58da7e44db44f7315b54ecb8da"},
	{0xFFFFFFFF, "27b67d0de29eec1daa07ac6ad06dcecca23852a24d4ad53d3bcda54d5f9b3466"},
};
enum { EPOCHS = sizeof epochs / sizeof epochs[0] };

static void tree_new(struct wg_tree *t)
{
	uint8_t root[32];

	for (unsigned i = 0; i < 32; i++) {
		root[i] = (uint8_t)i;
	}
	wg_tree_start(t, root);
}

/* Exactly the epochs from `from` on are covered, once each, and nothing else is kept. */
static void check_cover(const struct wg_tree *t, uint32_t from)
{
	static const uint8_t zero[sizeof t->nodes[0]];
	uint64_t next = from;

	cr_assert(t->from == from && t->count >= 1 && t->count <= 33);
	for (unsigned i = t->count; i > 0; i--) {
		cr_assert(t->nodes[i - 1].prefix == next, "from %u node %u", from, i - 1);
		cr_assert(t->nodes[i - 1].depth <= 32);
		next += UINT64_C(1) << (32 - t->nodes[i - 1].depth);
	}
	cr_expect(next == UINT64_C(1) << 32, "from %u", from);
	for (unsigned i = t->count; i < 33; i++) {
		cr_expect(memcmp(&t->nodes[i], zero, sizeof zero) == 0, "from %u: not wiped", from);
	}
}

static void check_psks(const struct wg_tree *t)
{
	uint8_t psk[32];

	for (unsigned i = 0; i < EPOCHS; i++) {
		if (epochs[i].epoch < t->from) {
			cr_expect(wg_tree_psk(psk, t, epochs[i].epoch) == ERR_INVALID);
		} else {
			cr_assert(wg_tree_psk(psk, t, epochs[i].epoch) == ERR_OK);
			expect_hex(psk, 32, epochs[i].psk, "PSK", i);
		}
	}
}

Test(kdf, wg_tree_forward_only)
{
	struct wg_tree t;

	tree_new(&t);
	check_cover(&t, 0);
	check_psks(&t);
	for (unsigned i = 0; i < EPOCHS; i++) {
		cr_assert(wg_tree_step(&t, epochs[i].epoch) == ERR_OK);
		check_cover(&t, epochs[i].epoch);
		check_psks(&t);
		cr_assert(wg_tree_step(&t, epochs[i].epoch) == ERR_OK, "standing still");
		check_cover(&t, epochs[i].epoch);
		if (epochs[i].epoch > 0) {
			cr_expect(wg_tree_step(&t, epochs[i].epoch - 1) == ERR_INVALID);
			check_cover(&t, epochs[i].epoch);
		}
	}
}

/* However one gets to an epoch, what is kept there is the same. */
Test(kdf, wg_tree_steps_commute)
{
	uint32_t x = 1;

	for (unsigned round = 0; round < 50; round++) {
		struct wg_tree walked, direct;
		uint32_t at = 0;

		tree_new(&walked);
		tree_new(&direct);
		while (at < UINT32_C(0xF0000000)) {
			x = x * 1664525 + 1013904223;
			at += x >> (x >> 28);
			if (at < walked.from) {
				break;
			}
			cr_assert(wg_tree_step(&walked, at) == ERR_OK);
			check_cover(&walked, at);
		}
		cr_assert(wg_tree_step(&direct, walked.from) == ERR_OK);
		cr_expect(memcmp(&walked, &direct, sizeof walked) == 0);
	}
}

Test(kdf, wg_tree_without_root)
{
	struct wg_tree t = {.count = 0};
	uint8_t psk[32];

	cr_expect(wg_tree_step(&t, 1) == ERR_INVALID);
	cr_expect(wg_tree_psk(psk, &t, 1) == ERR_INVALID);
}
