/* SPDX-License-Identifier: MIT */
/* Vector files of tests/vectors/: tab-separated values, comment lines begin with #. Tests only. */
#ifndef LANYARD_TEST_DERIVE_VECTORS_H
#define LANYARD_TEST_DERIVE_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "derive/slip10.h"

enum { TSV_COLUMNS_MAX = 10 };

struct tsv {
	FILE *file;
	const char *path;
	unsigned line;
	char *text;
	size_t cap;
	char *column[TSV_COLUMNS_MAX];
};

void tsv_open(struct tsv *t, const char *path);
/* The next line that is no comment; it must have exactly `columns` columns. */
bool tsv_next(struct tsv *t, size_t columns);
/* Checks that `rows` were read, so that a cut file is not a passed test. */
void tsv_close(struct tsv *t, unsigned read, unsigned rows);
/* The seed in the file's "# seed" comment. */
size_t tsv_seed(const char *path, uint8_t out[static SEED_MAX]);

size_t unhex(uint8_t *out, size_t cap, const char *hex);
/* Fails the test, with both values, unless `p` is what `hex` says. */
void expect_hex(const void *p, size_t n, const char *hex, const char *what, unsigned line);
enum curve curve_of(const char *name);
/* "m/13'/5" or "m/2147483661/5" to numbers; how many. */
size_t path_of(const char *text, uint32_t *out, size_t cap);
/* RFC 9380, P256_XMD:SHA-256_SSWU_RO_: 04 || X || Y. */
void hash_to_p256(uint8_t out[static 65], const void *msg, size_t n, const char *dst);

#endif
