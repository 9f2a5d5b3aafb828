/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(), libFuzzer's
 * entry point; replay.c is a plain main() for the same, which takes files.
 */
#ifndef LANYARD_FUZZ_H
#define LANYARD_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buf.h"
#include "protocol/err.h"
#include "protocol/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Optional; before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* An invariant; assert() would vanish with NDEBUG. */
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Exactly `n` bytes on the heap, where a sanitizer sees a read past them; free() it. */
static inline void *fuzz_copy(const void *p, size_t n)
{
	void *copy = malloc(n > 0 ? n : 1);

	CHECK(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* The same with a NUL after it; the text ends at the first one, as in C. */
static inline char *fuzz_text(const void *p, size_t n)
{
	char *text = malloc(n + 1);

	CHECK(text != NULL);
	if (n > 0)
		memcpy(text, p, n);
	text[n] = '\0';
	return text;
}

static inline bool fuzz_within(struct slice part, struct slice whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n &&
			       (size_t)(part.p - whole.p) <= whole.n - part.n);
}

/* One line that may be shown: passing the sanitiser again changes nothing. */
static inline void fuzz_check_shown(const char *text)
{
	size_t n = strlen(text);
	char *again = malloc(n + 8);

	CHECK(again != NULL);
	CHECK(strcmp(text_clean_message(again, n + 8, text, n), text) == 0);
	free(again);
}

/* What every function with a `why` promises. */
static inline void fuzz_check_why(enum err e, const struct why *why)
{
	CHECK((unsigned)e < ERR_COUNT);
	CHECK(memchr(why->text, '\0', sizeof(why->text)) != NULL);
	if (e != ERR_OK)
		CHECK(why->text[0] != '\0');
	fuzz_check_shown(why->text);
}

#endif
