/* SPDX-License-Identifier: MIT */
/* Everything that a recorded Trezor answers and a seed can reproduce. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/secret.h"
#include "derive/slip10.h"
#include "test_derive_vectors.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(trezor_one, .init = start);

static enum signing signing_named(const char *name)
{
	static const char *const names[] = {[SIGNING_SSH] = "ssh",
					    [SIGNING_GPG] = "gpg",
					    [SIGNING_SIGNIFY] = "signify",
					    [SIGNING_OTHER] = "other"};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], name) == 0) {
			return (enum signing)i;
		}
	}
	cr_assert_fail("%s", name);
	return SIGNING_OTHER;
}

static bool s_is_low(enum curve curve, const uint8_t sig[static SIGNATURE_LEN])
{
	/* The first bytes of n / 2; no signature here comes close enough to need more. */
	static const uint8_t half[CURVE_COUNT][4] = {
		[CURVE_NIST256P1] = {0x7F, 0xFF, 0xFF, 0xFF},
		[CURVE_SECP256K1] = {0x7F, 0xFF, 0xFF, 0xFF},
	};

	return memcmp(sig + 32, half[curve], 4) <= 0;
}

struct row {
	enum curve curve;
	enum signing how;
	uint8_t key[32];
	uint8_t data[512];
	size_t n;
	const char *visual;
	unsigned line;
};

static void check_signatures(const struct row *r, const char *want_pub, const char *want_sig)
{
	uint8_t pub[PUBLIC_KEY_LEN], recorded[SIGNATURE_LEN], ours[SIGNATURE_LEN];

	cr_assert(ecc_public(r->curve, r->key, pub) == ERR_OK);
	expect_hex(pub, sizeof pub, want_pub, "public key", r->line);
	cr_assert(ecc_check_public(r->curve, pub) == ERR_OK);

	cr_assert(unhex(recorded, sizeof recorded, want_sig) == sizeof recorded);
	cr_expect(ecc_verify(NULL, r->curve, r->how, pub, r->data, r->n, r->visual, recorded) ==
			  ERR_OK,
		  "line %u: the recorded signature", r->line);
	cr_assert(ecc_sign(r->curve, r->how, r->key, r->data, r->n, r->visual, ours) == ERR_OK);
	cr_expect(ecc_verify(NULL, r->curve, r->how, pub, r->data, r->n, r->visual, ours) == ERR_OK,
		  "line %u: our signature", r->line);
	if (r->curve == CURVE_ED25519) {
		expect_hex(ours, sizeof ours, want_sig, "signature", r->line);
	} else {
		cr_expect(s_is_low(r->curve, ours), "line %u: s is high", r->line);
		cr_expect(s_is_low(r->curve, recorded), "line %u: recorded s", r->line);
	}
	for (size_t i = 0; i < SIGNATURE_LEN; i += 21) {
		recorded[i] ^= 1;
		cr_expect(ecc_verify(NULL, r->curve, r->how, pub, r->data, r->n, r->visual,
				     recorded) == ERR_DEVICE_ERROR,
			  "line %u: byte %zu changed", r->line, i);
		recorded[i] ^= 1;
	}
}

Test(trezor_one, sign_identity)
{
	static const char file[] = "tests/vectors/trezor_one_sign.tsv";
	uint8_t seed[SEED_MAX];
	size_t seed_len = tsv_seed(file, seed);
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, file);
	for (; tsv_next(&t, 8); rows++) {
		struct row r = {.curve = curve_of(t.column[2]),
				.how = signing_named(t.column[3]),
				.visual = t.column[5],
				.line = t.line};
		uint8_t sig[SIGNATURE_LEN];
		struct node node;

		r.n = unhex(r.data, sizeof r.data, t.column[4]);
		cr_assert(slip13_node(&node, seed, seed_len, r.curve, PURPOSE_SIGN, t.column[0],
				      (uint32_t)strtoul(t.column[1], NULL, 10)) == ERR_OK);
		memcpy(r.key, node.key, 32);
		if (strcmp(t.column[7], "refused") == 0) {
			/* A device gets the first 32 bytes of a longer digest. */
			if (r.how == SIGNING_GPG && r.n > 32)
				continue;
			cr_expect(ecc_sign(r.curve, r.how, r.key, r.data, r.n, r.visual, sig) !=
					  ERR_OK,
				  "line %u: not refused", t.line);
		} else {
			check_signatures(&r, t.column[6], t.column[7]);
		}
	}
	tsv_close(&t, rows, 63);
}

/* The scheme of each recorded URI gives the signing rule, but for the one URI that a client sent
 * whole in the host field: the firmware then saw no scheme. lanyard always sends the scheme. */
Test(trezor_one, signing_rule_follows_the_scheme)
{
	struct tsv t;
	unsigned rows = 0, other = 0;

	tsv_open(&t, "tests/vectors/trezor_one_sign.tsv");
	for (; tsv_next(&t, 8); rows++) {
		struct identity id;

		cr_assert(identity_parse(&id, t.column[0], NULL) == ERR_OK, "%s", t.column[0]);
		if (signing_of(&id) != signing_named(t.column[3])) {
			other++;
			cr_expect(strcmp(t.column[0], "ssh://satoshi@bitcoin.org") == 0);
		}
	}
	cr_expect(other == 1);
	tsv_close(&t, rows, 63);
}

Test(trezor_one, ecdh)
{
	static const char file[] = "tests/vectors/trezor_one_ecdh.tsv";
	uint8_t seed[SEED_MAX];
	size_t seed_len = tsv_seed(file, seed);
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, file);
	for (; tsv_next(&t, 6); rows++) {
		enum curve curve = curve_of(t.column[2]);
		uint8_t peer[80], shared[SHARED_MAX], pub[PUBLIC_KEY_LEN];
		size_t peer_len = unhex(peer, sizeof peer, t.column[3]);
		size_t n = 99;
		struct node node;
		enum err e;

		cr_assert(slip13_node(&node, seed, seed_len, curve, PURPOSE_ECDH, t.column[0],
				      (uint32_t)strtoul(t.column[1], NULL, 10)) == ERR_OK);
		e = ecc_ecdh(curve, node.key, peer, peer_len, shared, &n);
		if (strcmp(t.column[5], "refused") == 0) {
			cr_expect(e == (curve == CURVE_ED25519 ? ERR_UNSUPPORTED : ERR_BAD_POINT),
				  "line %u: not refused", t.line);
			cr_expect(n == 0);
			continue;
		}
		cr_assert(e == ERR_OK, "line %u", t.line);
		expect_hex(shared, n, t.column[5], "shared point", t.line);
		cr_assert(ecc_public(curve, node.key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, t.column[4], "public key", t.line);
	}
	tsv_close(&t, rows, 48);
}
