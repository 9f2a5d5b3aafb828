/* SPDX-License-Identifier: MIT */
/*
 * A passphrase that is only compared: a salted hash of it, for as long as the process lives.
 * Argon2id with 8 MiB and one pass: some milliseconds, so that the loop can make one. Any thread.
 */
#ifndef LANYARD_PASSHASH_H
#define LANYARD_PASSHASH_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

/* Keep it in memory from secret_alloc(). */
struct passhash {
	uint8_t salt[16], hash[32];
};

/* ERR_NO_MEMORY. */
enum err passhash_set(struct passhash *h, const void *p, size_t n) MUST_CHECK;
/* ERR_BAD_PASSPHRASE; in constant time once both hashes are made. */
enum err passhash_check(const struct passhash *h, const void *p, size_t n) MUST_CHECK;

#endif
