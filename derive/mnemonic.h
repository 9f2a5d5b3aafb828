/* SPDX-License-Identifier: MIT */
/*
 * BIP-39 English mnemonics. Words and entropy are secret. Any thread.
 *
 * Passphrases are ASCII only: BIP-39 wants NFKD, and a silently different normal form would be a
 * silently different key.
 */
#ifndef LANYARD_MNEMONIC_H
#define LANYARD_MNEMONIC_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

enum { MNEMONIC_MAX = 24 * 9, MNEMONIC_SEED_LEN = 64 }; /* 24 words of <= 8 letters, spaces, NUL */

/* Entropy of 16, 20, 24, 28 or 32 bytes to 12 … 24 words, single spaces, NUL. */
enum err mnemonic_from_entropy(char out[static MNEMONIC_MAX], const uint8_t *p,
			       size_t n) MUST_CHECK;
/*
 * Checks and normalises words as typed (any white space, any case) into `out`. ERR_INVALID names
 * the first unknown word by its number (never the word itself), a wrong count, or a wrong checksum.
 */
enum err mnemonic_check(char out[static MNEMONIC_MAX], const char *typed,
			struct why *why) MUST_CHECK;
/* PBKDF2-HMAC-SHA512, 2048 rounds, of a checked mnemonic; passphrase NULL = "". */
enum err mnemonic_seed(uint8_t out[static MNEMONIC_SEED_LEN], const char *mnemonic,
		       const char *passphrase, struct why *why) MUST_CHECK;

#endif
