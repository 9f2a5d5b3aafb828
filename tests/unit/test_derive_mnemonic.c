/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/hostkey.h"
#include "derive/mnemonic.h"
#include "derive/secret.h"
#include "test_derive_vectors.h"

static const char all_words[] = "all all all all all all all all all all all all";

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(mnemonic, .init = start);

Test(mnemonic, word_list_is_the_proposals)
{
	FILE *f = fopen("derive/bip39_english.txt", "re");
	uint8_t hash[32];
	char text[16 * 1024];
	size_t n;

	cr_assert(f != NULL);
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	hash_sha256(hash, text, n);
	expect_hex(hash, 32, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda",
		   "bip39_english.txt", 0);
}

Test(mnemonic, bip39_vectors)
{
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, "tests/vectors/bip39.tsv");
	for (; tsv_next(&t, 3); rows++) {
		uint8_t entropy[32], seed[MNEMONIC_SEED_LEN];
		size_t n = unhex(entropy, sizeof entropy, t.column[0]);
		char made[MNEMONIC_MAX], checked[MNEMONIC_MAX];
		struct why why = {""};

		cr_assert(mnemonic_from_entropy(made, entropy, n) == ERR_OK);
		cr_expect(strcmp(made, t.column[1]) == 0, "line %u: %s", t.line, made);
		cr_assert(mnemonic_check(checked, t.column[1], &why) == ERR_OK, "%s", why.text);
		cr_expect(strcmp(checked, made) == 0);
		cr_assert(mnemonic_seed(seed, checked, "TREZOR", NULL) == ERR_OK);
		expect_hex(seed, sizeof seed, t.column[2], "seed", t.line);
	}
	tsv_close(&t, rows, 24);
}

/* Every word of the list, at every position, there and back; and the longest mnemonic fits. */
Test(mnemonic, every_word_round_trips)
{
	char words[MNEMONIC_MAX], again[MNEMONIC_MAX];
	uint8_t entropy[32];

	for (unsigned i = 0; i < 2048; i++) {
		memset(entropy, 0, sizeof entropy);
		for (size_t bit = 0; bit < 256; bit++) {
			unsigned b = i >> (10 - bit % 11) & 1;

			entropy[bit / 8] |= (uint8_t)(b << (7 - bit % 8));
		}
		cr_assert(mnemonic_from_entropy(words, entropy, 32) == ERR_OK);
		cr_assert(mnemonic_check(again, words, NULL) == ERR_OK, "%u", i);
		cr_expect(strcmp(words, again) == 0);
	}
}

Test(mnemonic, entropy_sizes)
{
	char words[MNEMONIC_MAX];
	uint8_t entropy[40] = {0};

	for (size_t n = 0; n <= sizeof entropy; n++) {
		bool good = n == 16 || n == 20 || n == 24 || n == 28 || n == 32;

		cr_expect((mnemonic_from_entropy(words, entropy, n) == ERR_OK) == good, "%zu", n);
	}
}

Test(mnemonic, white_space_and_case)
{
	char out[MNEMONIC_MAX];

	cr_assert(mnemonic_check(out,
				 " \tALL all\nAll all\r\nall  all\vall\fall all aLL\n\nall all \n",
				 NULL) == ERR_OK);
	cr_expect(strcmp(out, all_words) == 0, "%s", out);
}

Test(mnemonic, errors_name_the_number_never_the_word)
{
	static const struct {
		const char *typed, *says;
	} tests[] = {
		{"", "0 words"},
		{"all all all", "3 words"},
		{"all all all all all all all all all all all all all", "13 words"},
		{"all all all all all all all all all all all", "11 words"},
		{"all all all all all all all all all all all all all all all all all all all all "
		 "all "
		 "all all all all all all",
		 "27 words"},
		{"all all all all all all all all all all all sesame", "word 12 is not"},
		{"all sesame sesame all", "word 2 is not"},
		{"abandonabandon all", "word 1 is not"},
		{"all al", "word 2 is not"},
		{"all all\xc2\xa0"
		 "all",
		 "word 2 is not"},
		{"all all all all all all all all all all all zoo", "checksum"},
		{"zoo zoo all all all all all all all all all all", "checksum"},
	};
	char out[MNEMONIC_MAX];

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		struct why why = {""};

		cr_expect(mnemonic_check(out, tests[i].typed, &why) == ERR_INVALID, "%s",
			  tests[i].typed);
		cr_expect(strstr(why.text, tests[i].says) != NULL, "%s: %s", tests[i].typed,
			  why.text);
		cr_expect(strstr(why.text, "sesame") == NULL && strstr(why.text, "zoo") == NULL);
	}
}

Test(mnemonic, seed_of_the_recorded_trezor)
{
	uint8_t want[SEED_MAX], seed[MNEMONIC_SEED_LEN];

	cr_assert(tsv_seed("tests/vectors/trezor_one_sign.tsv", want) == sizeof seed);
	cr_assert(mnemonic_seed(seed, all_words, NULL, NULL) == ERR_OK);
	cr_expect(memcmp(seed, want, sizeof seed) == 0);
	cr_assert(mnemonic_seed(seed, all_words, "", NULL) == ERR_OK);
	cr_expect(memcmp(seed, want, sizeof seed) == 0);
}

Test(mnemonic, passphrase_is_ascii)
{
	uint8_t seed[MNEMONIC_SEED_LEN];
	char longest[1026];
	struct why why = {""};

	cr_expect(mnemonic_seed(seed, all_words, " ~", NULL) == ERR_OK);
	cr_expect(mnemonic_seed(seed, all_words, "caf\xc3\xa9", &why) == ERR_INVALID);
	cr_expect(strstr(why.text, "ASCII") != NULL && strstr(why.text, "caf") == NULL);
	cr_expect(mnemonic_seed(seed, all_words, "line\n", &why) == ERR_INVALID);
	memset(longest, 'x', sizeof longest);
	longest[1025] = '\0';
	cr_expect(mnemonic_seed(seed, all_words, longest, &why) == ERR_INVALID);
	cr_expect(strstr(why.text, "1025 bytes; at most 1024") != NULL, "%s", why.text);
	longest[1024] = '\0';
	cr_expect(mnemonic_seed(seed, all_words, longest, &why) == ERR_OK);
}
