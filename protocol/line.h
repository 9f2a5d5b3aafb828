/* SPDX-License-Identifier: MIT */
/*
 * Codec of the line protocol (doc/PROTOCOL.md), compatible with Assuan.
 *
 * A line is at most LINE_LEN_MAX bytes before its LF. A command is VERB and words, separated by
 * single or repeated spaces; words of the form --name or --name=value that stand before the first
 * other word are options; "--" ends them. Each word is percent-decoded after splitting. NUL is
 * refused, raw or decoded; a CR before the LF is accepted and dropped, elsewhere refused.
 */
#ifndef LANYARD_LINE_H
#define LANYARD_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"
#include "protocol/err.h"

enum {
	LINE_LEN_MAX = 1000,
	LINE_WORDS_MAX = 16,
	LINE_DATA_MAX = 256 * 1024, /* decoded bytes of one D ... END answer */
};

struct line_word {
	const char *name;  /* an option's name without "--"; NULL for an operand */
	const char *value; /* an option's value, "" without one; an operand's text */
};

/* A parsed command; everything points into `text`. */
struct line {
	const char *verb; /* upper case */
	struct line_word words[LINE_WORDS_MAX];
	size_t count;
	char text[LINE_LEN_MAX + 1];
};

/* Parses the line in `p` (without LF). On error `why` says what is wrong. */
enum err line_parse(struct line *l, const void *p, size_t n, struct why *why) MUST_CHECK;

/* The value of option `name`, or NULL. */
const char *line_option(const struct line *l, const char *name);
/* The i-th operand, or NULL. */
const char *line_operand(const struct line *l, size_t i);
size_t line_operands(const struct line *l);

/* Decodes %XX in place-free fashion: refuses a bad escape. For the data of a D line. */
enum err line_decode(struct wbuf *out, const void *p, size_t n) MUST_CHECK;
/* Appends bytes percent-encoded: everything outside 0x21..0x7E and '%' becomes %XX; a space stays a
 * space when `keep_space`. A word of a command or status line needs keep_space = false. */
void line_encode(struct wbuf *w, const void *p, size_t n, bool keep_space);
/* Appends as many "D ...\n" lines as the data needs, each at most LINE_LEN_MAX bytes + LF. */
void line_data(struct wbuf *w, const void *p, size_t n);
/* Upper bound of what line_data() writes for n bytes. */
size_t line_data_size(size_t n);
/* Appends "ERR code word: text\n"; code is the gpg-error number of doc/PROTOCOL.md. */
void line_error(struct wbuf *w, enum err e, const struct why *why);
/* The gpg-error number (source USER_1) of an error; the line dialect's table. */
uint32_t line_error_code(enum err e);
/* The error of an "ERR ..." line (without LF), and its text into `why`. */
enum err line_parse_error(const char *text, struct why *why) MUST_CHECK;

#endif
