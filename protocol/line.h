/* SPDX-License-Identifier: MIT */
/*
 * Codec of the line protocol (doc/PROTOCOL.md), compatible with Assuan.
 *
 * A line is at most LINE_LEN_MAX bytes before its LF. A command is VERB (letters, digits, "_"; case
 * does not matter) and words, separated by single or repeated spaces; words of the form --name or
 * --name=value that stand before the first other word are options, each at most once; "--" ends
 * them. Each word is percent-decoded after splitting, and after it was seen whether it is an
 * option: an operand may begin with "%2D-". NUL is refused, raw or decoded; a CR before the LF is
 * accepted and dropped, elsewhere refused. Empty lines and lines that begin with "#" mean nothing.
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

/* A parsed command; everything points into `text`, so it cannot be copied. */
struct line {
	const char *verb; /* upper case; "" for an empty line or a comment: ignore it */
	struct line_word words[LINE_WORDS_MAX];
	size_t count;
	char text[LINE_LEN_MAX + 1];
};

/* Parses the line in `p` (without LF). On error (ERR_SYNTAX, ERR_TOO_LARGE) `why` says what is
 * wrong. */
enum err line_parse(struct line *l, const void *p, size_t n, struct why *why) MUST_CHECK;

/* The value of option `name`, or NULL. */
const char *line_option(const struct line *l, const char *name);
/* The i-th operand, or NULL. */
const char *line_operand(const struct line *l, size_t i);
size_t line_operands(const struct line *l);

/* Appends the data of a D line (what follows "D ", the CR before the LF dropped already), %XX
 * decoded. All bytes may occur, except a raw CR or LF: ERR_SYNTAX, like a bad escape. ERR_TOO_LARGE
 * when it does not fit. After an error `out` has a part of it. */
enum err line_decode(struct wbuf *out, const void *p, size_t n) MUST_CHECK;
/* Appends bytes percent-encoded: everything outside 0x21..0x7E and '%' becomes %XX; a space stays a
 * space when `keep_space`. A word of a command or status line needs keep_space = false. */
void line_encode(struct wbuf *w, const void *p, size_t n, bool keep_space);
/* Appends as many "D ...\n" lines as the data needs (none for no data), each at most LINE_LEN_MAX
 * bytes + LF, no escape split between two. */
void line_data(struct wbuf *w, const void *p, size_t n);
/* Appends "ERR code word: text\n"; code is the gpg-error number of doc/PROTOCOL.md. */
void line_error(struct wbuf *w, enum err e, const struct why *why);
/* The gpg-error number (source USER_1) of an error; the line dialect's table. */
uint32_t line_error_code(enum err e);
/* The error of an "ERR ..." line (without LF), and its text into `why`. Never ERR_OK: a line
 * without a word of ours (another program's) is ERR_INTERNAL with its text kept. */
enum err line_parse_error(const char *text, struct why *why) MUST_CHECK;

#endif
