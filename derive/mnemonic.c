/* SPDX-License-Identifier: MIT */
#include "derive/mnemonic.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "derive/secret.h"
#include "protocol/text.h"

enum {
	WORDS = 2048,
	WORD_BITS = 11,
	WORD_LEN_MAX = 8,
	COUNT_MAX = 24,
	ENTROPY_MAX = 32,
	ROUNDS = 2048,
	PASSPHRASE_MAX = 1024,
};

static const char *const words[WORDS] = {
#include "bip39_english.inc"
};

static bool is_entropy_size(size_t n)
{
	return n >= 16 && n <= ENTROPY_MAX && n % 4 == 0;
}

/* Bits `at` to `at` + 10 of p, the first bit being the highest of p[0]. */
static unsigned read_word(const uint8_t *p, size_t at)
{
	unsigned v = 0;

	for (size_t i = at; i < at + WORD_BITS; i++) {
		v = v << 1 | (p[i / 8] >> (7 - i % 8) & 1);
	}
	return v;
}

static void write_word(uint8_t *p, size_t at, unsigned v)
{
	for (size_t i = 0; i < WORD_BITS; i++) {
		unsigned bit = v >> (WORD_BITS - 1 - i) & 1;

		p[(at + i) / 8] |= (uint8_t)(bit << (7 - (at + i) % 8));
	}
}

enum err mnemonic_from_entropy(char out[static MNEMONIC_MAX], const uint8_t *p, size_t n)
{
	uint8_t bits[ENTROPY_MAX + crypto_hash_sha256_BYTES];
	size_t count = n * 3 / 4; /* 33 bits, three words, for every 4 bytes */
	char *end = out;

	if (!is_entropy_size(n)) {
		return ERR_INVALID;
	}
	/* The checksum is the first n / 4 bits of the hash; the words end within them. */
	memcpy(bits, p, n);
	(void)crypto_hash_sha256(bits + n, p, n);
	for (size_t i = 0; i < count; i++) {
		end = stpcpy(end, words[read_word(bits, i * WORD_BITS)]);
		end = stpcpy(end, i + 1 < count ? " " : "");
	}
	sodium_memzero(bits, sizeof bits);
	return ERR_OK;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int compare_word(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

/* The number of a word as typed, or -1. */
static int find_word(const char *p, size_t n)
{
	char word[WORD_LEN_MAX + 1] = {0};
	const char *const *found = NULL;

	if (n <= WORD_LEN_MAX) {
		for (size_t i = 0; i < n; i++) {
			word[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + ('a' - 'A')) : p[i];
		}
		found = bsearch(word, words, WORDS, sizeof words[0], compare_word);
	}
	sodium_memzero(word, sizeof word);
	return found != NULL ? (int)(found - words) : -1;
}

/* The words' bits, and how many there are; more than COUNT_MAX are counted only. */
static enum err read_words(uint8_t bits[static ENTROPY_MAX + 1], size_t *count, const char *typed,
			   struct why *why)
{
	*count = 0;
	for (;;) {
		size_t n = 0;
		int number;

		while (is_space(*typed)) {
			typed++;
		}
		if (*typed == '\0') {
			return ERR_OK;
		}
		while (typed[n] != '\0' && !is_space(typed[n])) {
			n++;
		}
		number = find_word(typed, n);
		if (number < 0) {
			return why_set(why, ERR_INVALID,
				       "word %zu is not in the BIP-39 English list; check its "
				       "spelling",
				       *count + 1);
		}
		if (*count < COUNT_MAX) {
			write_word(bits, *count * WORD_BITS, (unsigned)number);
		}
		*count += 1;
		typed += n;
	}
}

enum err mnemonic_check(char out[static MNEMONIC_MAX], const char *typed, struct why *why)
{
	uint8_t bits[ENTROPY_MAX + 1] = {0};
	uint8_t hash[crypto_hash_sha256_BYTES];
	uint8_t mask;
	size_t count, n;
	enum err e = read_words(bits, &count, typed, why);

	if (e != ERR_OK) {
		goto out;
	}
	if (count < 12 || count > COUNT_MAX || count % 3 != 0) {
		e = why_set(why, ERR_INVALID, "%zu words; a mnemonic has 12, 15, 18, 21 or 24",
			    count);
		goto out;
	}
	n = count * 4 / 3;
	mask = (uint8_t)(0xFF00 >> (count / 3));
	(void)crypto_hash_sha256(hash, bits, n);
	if ((hash[0] & mask) != bits[n]) {
		e = why_set(why, ERR_INVALID,
			    "the words' checksum is wrong: a word is another one of the list, or "
			    "two changed places");
		goto out;
	}
	e = mnemonic_from_entropy(out, bits, n);
out:
	sodium_memzero(bits, sizeof bits);
	sodium_memzero(hash, sizeof hash);
	return e;
}

enum err mnemonic_seed(uint8_t out[static MNEMONIC_SEED_LEN], const char *mnemonic,
		       const char *passphrase, struct why *why)
{
	static const char prefix[] = "mnemonic";
	size_t n = passphrase != NULL ? strlen(passphrase) : 0;
	struct secret salt;
	enum err e;

	if (n > PASSPHRASE_MAX) {
		return why_set(why, ERR_INVALID,
			       "the BIP-39 passphrase has %zu bytes; at most %d are allowed", n,
			       PASSPHRASE_MAX);
	}
	if (n > 0 && !text_is_ascii_printable(passphrase, n)) {
		return why_set(why, ERR_INVALID,
			       "the BIP-39 passphrase may hold ASCII letters, digits, signs and "
			       "spaces only: others have several spellings, each another key");
	}
	e = secret_new(&salt, sizeof prefix - 1 + n);
	if (e != ERR_OK) {
		return e;
	}
	memcpy(salt.p, prefix, sizeof prefix - 1);
	if (n > 0) {
		memcpy(salt.p + sizeof prefix - 1, passphrase, n);
	}
	if (PKCS5_PBKDF2_HMAC(mnemonic, (int)strlen(mnemonic), salt.p, (int)salt.n, ROUNDS,
			      EVP_sha512(), MNEMONIC_SEED_LEN, out) != 1) {
		ERR_clear_error();
		e = ERR_NO_MEMORY;
	}
	secret_free(&salt);
	return e;
}
