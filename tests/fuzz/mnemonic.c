/* SPDX-License-Identifier: MIT */
/* derive/mnemonic.h: words as typed and, after a LF, a passphrase; or bare entropy. */
#include "fuzz.h"

#include <ctype.h>

#include "derive/mnemonic.h"
#include "derive/secret.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(secret_start(NULL) == ERR_OK);
	return 0;
}

/* The form that is hashed: lower case, single spaces, 12 to 24 words. */
static void check_form(const char *words)
{
	size_t count = 1;

	CHECK(strlen(words) < MNEMONIC_MAX);
	for (const char *c = words; *c != '\0'; c++) {
		CHECK(islower((unsigned char)*c) || (*c == ' ' && c != words && c[1] != ' '));
		count += *c == ' ';
	}
	CHECK(count >= 12 && count <= 24 && count % 3 == 0);
}

/* They are the words that were typed. */
static void check_same_words(const char *words, const char *typed)
{
	for (;; words++) {
		typed += strspn(typed, " \t\n\v\f\r");
		for (; *words != ' ' && *words != '\0'; words++)
			CHECK(tolower((unsigned char)*typed++) == *words);
		if (*words == '\0')
			break;
	}
	CHECK(typed[strspn(typed, " \t\n\v\f\r")] == '\0');
}

static void check_typed(const char *typed, const char *passphrase)
{
	uint8_t seed[MNEMONIC_SEED_LEN], again[MNEMONIC_SEED_LEN];
	char words[MNEMONIC_MAX], twice[MNEMONIC_MAX];
	struct why why = {0};
	enum err e = mnemonic_check(words, typed, &why);

	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_INVALID);
	if (e != ERR_OK)
		return;
	check_form(words);
	check_same_words(words, typed);
	CHECK(mnemonic_check(twice, words, NULL) == ERR_OK && strcmp(words, twice) == 0);
	e = mnemonic_seed(seed, twice, passphrase, &why);
	CHECK(e == ERR_OK || e == ERR_INVALID);
	CHECK((e == ERR_OK) == (strlen(passphrase) <= 1024 &&
				text_is_ascii_printable(passphrase, strlen(passphrase))));
	if (e == ERR_OK && *passphrase == '\0') {
		CHECK(mnemonic_seed(again, twice, NULL, NULL) == ERR_OK);
		CHECK(memcmp(seed, again, sizeof(seed)) == 0);
	}
}

static void check_entropy(const uint8_t *data, size_t size)
{
	char words[MNEMONIC_MAX], again[MNEMONIC_MAX];
	enum err e = mnemonic_from_entropy(words, data, size);

	CHECK((e == ERR_OK) == (size >= 16 && size <= 32 && size % 4 == 0));
	if (e != ERR_OK)
		return;
	check_form(words);
	CHECK(mnemonic_check(again, words, NULL) == ERR_OK && strcmp(words, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *mark = strchr(text, '\n');

	check_entropy(data, size);
	/* The first LF may be between words as well. */
	check_typed(text, "");
	if (mark != NULL) {
		*mark = '\0';
		check_typed(text, mark + 1);
	}
	free(text);
	return 0;
}
