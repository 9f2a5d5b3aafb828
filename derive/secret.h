/* SPDX-License-Identifier: MIT */
/*
 * Memory for secrets: guarded, locked into RAM, kept out of core dumps, wiped when freed.
 *
 * sodium_malloc() under the hood; it hides a failing mlock(2), so secret_probe() tells the truth.
 * Any thread; a secret belongs to one owner at a time.
 */
#ifndef LANYARD_SECRET_H
#define LANYARD_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

struct secret {
	uint8_t *p; /* NULL when empty */
	size_t n;
};

/* Once per process before anything else in derive/: starts libsodium and the locked heap that
 * libcrypto keeps private scalars in. */
enum err secret_start(struct why *why) MUST_CHECK;
/* Core dumps off, not dumpable or traceable by the same user (prctl PR_SET_DUMPABLE). */
void secret_harden_process(void);
/* ERR_OK when `n` bytes can be locked; else `why` says the limit and how to raise it. */
enum err secret_probe(size_t n, struct why *why) MUST_CHECK;

/* Zeroed bytes; NULL when out of memory. Free with secret_free_mem(). For structs with secrets. */
void *secret_alloc(size_t n) MUST_CHECK;
void secret_free_mem(void *p);

enum err secret_new(struct secret *s, size_t n) MUST_CHECK;
enum err secret_copy(struct secret *s, const void *p, size_t n) MUST_CHECK;
void secret_free(struct secret *s); /* wipes; s becomes empty; an empty one is fine */

bool secret_equal(const void *a, const void *b, size_t n); /* constant time */
void secret_random(void *p, size_t n);
void secret_wipe(void *p, size_t n);

#endif
