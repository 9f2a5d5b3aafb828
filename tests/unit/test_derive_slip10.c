/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/secret.h"
#include "derive/slip10.h"
#include "test_derive_vectors.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(slip10, .init = start);

static enum err walk(struct node *node, enum curve curve, const uint8_t *seed, size_t n,
		     const uint32_t *path, size_t steps)
{
	enum err e = slip10_master(node, curve, seed, n);

	for (size_t i = 0; i < steps && e == ERR_OK; i++) {
		e = slip10_child(node, path[i]);
	}
	return e;
}

Test(slip10, specification_vectors)
{
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, "tests/vectors/slip10.tsv");
	for (; tsv_next(&t, 8); rows++) {
		uint8_t seed[SEED_MAX], pub[PUBLIC_KEY_LEN];
		size_t n = unhex(seed, sizeof seed, t.column[2]);
		uint32_t path[8];
		size_t steps = path_of(t.column[3], path, 8);
		struct node node;

		cr_assert(walk(&node, curve_of(t.column[1]), seed, n, path, steps) == ERR_OK);
		expect_hex(node.chain, 32, t.column[5], "chain code", t.line);
		expect_hex(node.key, 32, t.column[6], "private key", t.line);
		cr_assert(ecc_public(node.curve, node.key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, t.column[7], "public key", t.line);
	}
	tsv_close(&t, rows, 52);
}

Test(slip10, slip13_and_slip17_vectors)
{
	static const char file[] = "tests/vectors/slip13_17.tsv";
	uint8_t seed[SEED_MAX];
	size_t n = tsv_seed(file, seed);
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, file);
	for (; tsv_next(&t, 9); rows++) {
		enum purpose purpose = strcmp(t.column[0], "13") == 0 ? PURPOSE_SIGN : PURPOSE_ECDH;
		uint32_t index = (uint32_t)strtoul(t.column[3], NULL, 10);
		uint32_t want[PATH_LEN], path[PATH_LEN];
		uint8_t pub[PUBLIC_KEY_LEN];
		struct node node;

		cr_assert(path_of(t.column[5], want, PATH_LEN) == PATH_LEN);
		slip13_path(path, purpose, t.column[2], index);
		cr_expect(memcmp(path, want, sizeof want) == 0, "line %u: path", t.line);
		cr_assert(slip13_node(&node, seed, n, curve_of(t.column[1]), purpose, t.column[2],
				      index) == ERR_OK);
		expect_hex(node.key, 32, t.column[6], "private key", t.line);
		expect_hex(node.chain, 32, t.column[7], "chain code", t.line);
		cr_assert(ecc_public(node.curve, node.key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, t.column[8], "public key", t.line);
	}
	tsv_close(&t, rows, 10);
}

Test(slip10, trezor_one_nodes)
{
	static const char file[] = "tests/vectors/trezor_one_nodes.tsv";
	uint8_t seed[SEED_MAX];
	size_t n = tsv_seed(file, seed);
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, file);
	for (; tsv_next(&t, 4); rows++) {
		uint32_t path[8];
		size_t steps = path_of(t.column[0], path, 8);
		uint8_t pub[PUBLIC_KEY_LEN];
		struct node node;
		enum err e = walk(&node, curve_of(t.column[1]), seed, n, path, steps);

		if (strcmp(t.column[2], "refused") == 0) {
			cr_expect(e == ERR_UNSUPPORTED, "line %u: not refused", t.line);
			continue;
		}
		cr_assert(e == ERR_OK);
		expect_hex(node.chain, 32, t.column[2], "chain code", t.line);
		cr_assert(ecc_public(node.curve, node.key, pub) == ERR_OK);
		expect_hex(pub, sizeof pub, t.column[3], "public key", t.line);
	}
	tsv_close(&t, rows, 10);
}

/* The path in the tests of trezor-agent. */
Test(slip10, path_as_trezor_agent)
{
	static const uint32_t want[PATH_LEN] = {2147483661U, 2810943954U, 3938368396U, 3454558782U,
						3848009040U};
	uint32_t path[PATH_LEN];

	slip13_path(path, PURPOSE_SIGN, "ssh://localhost:22", 0);
	cr_expect(memcmp(path, want, sizeof want) == 0);
}

Test(slip10, seed_length_and_curve_are_checked)
{
	uint8_t seed[SEED_MAX + 1] = {1};
	struct node node;

	for (size_t n = 0; n <= SEED_MAX + 1; n++) {
		bool good = n >= SEED_MIN && n <= SEED_MAX;

		cr_expect(slip10_master(&node, CURVE_ED25519, seed, n) ==
				  (good ? ERR_OK : ERR_INVALID),
			  "%zu", n);
	}
	cr_expect(slip10_master(&node, CURVE_COUNT, seed, SEED_MAX) == ERR_INVALID);
}

Test(slip10, refused_child_leaves_no_key)
{
	static const struct node zero;
	const uint8_t seed[SEED_MIN] = {1};
	struct node node;

	cr_assert(slip10_master(&node, CURVE_CURVE25519, seed, sizeof seed) == ERR_OK);
	cr_expect(slip10_child(&node, 0) == ERR_UNSUPPORTED);
	cr_expect(memcmp(node.key, zero.key, 32) == 0 && memcmp(node.chain, zero.chain, 32) == 0);
}
