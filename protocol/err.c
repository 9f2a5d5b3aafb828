/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/err.h"
#include "protocol/text.h"

static const struct {
	const char *word, *text;
} errors[ERR_COUNT] = {
#define X(symbol, number, error_word, error_text)                                                  \
	[ERR_##symbol] = {.word = error_word, .text = error_text},
	ERR_LIST(X)
#undef X
};

/* A number outside the list can only come from a bug. */
static enum err err_known(enum err e)
{
	return (unsigned)e < ERR_COUNT ? e : ERR_INTERNAL;
}

const char *err_word(enum err e)
{
	return errors[err_known(e)].word;
}

const char *err_text(enum err e)
{
	return errors[err_known(e)].text;
}

enum err err_from_word(const char *word)
{
	for (unsigned i = 0; i < ERR_COUNT; i++)
		if (strcmp(errors[i].word, word) == 0)
			return (enum err)i;
	return ERR_COUNT;
}

enum err why_set(struct why *why, enum err e, const char *fmt, ...)
{
	/* Longer than `why`, so that what is lost here is seen as "..." there; and apart from it,
	 * because an argument may be the text that is there already. */
	char raw[2 * WHY_MAX];
	va_list args;

	if (!why)
		return e;
	va_start(args, fmt);
	int n = vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	text_clean_message(why->text, sizeof(why->text), raw, n < 0 ? 0 : strlen(raw));
	return e;
}

const char *why_text(const struct why *why, enum err e)
{
	return why && why->text[0] ? why->text : err_text(e);
}
