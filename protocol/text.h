/* SPDX-License-Identifier: MIT */
/*
 * The one sanitiser for text from outside (user names, labels, namespaces, file names, /proc).
 *
 * Nothing that came from a client, a device, a server or a file reaches a terminal, a log, a
 * prompt, JSON or a child's arguments without passing here first; the sink's own escaping comes
 * after.
 */
#ifndef LANYARD_TEXT_H
#define LANYARD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

/*
 * Copies `n` bytes to `out` as one printable line: valid UTF-8 stays, except control characters
 * (C0, DEL, C1), line and paragraph separators, bidirectional and other format controls
 * (U+200B-200F, U+2028-202E, U+2060-206F, U+FEFF and the rest of the table in text.c); those and
 * every invalid byte become \xNN, a backslash \\. What does not fit is cut with "..." at a
 * character boundary. Always ends with NUL; `cap` >= 8. Returns `out`.
 */
char *text_clean(char *out, size_t cap, const void *in, size_t n);
/* The same, but a backslash stays: for messages built of parts that may be clean already (struct
 * why, the log, an ERR line), so that passing twice changes nothing. */
char *text_clean_message(char *out, size_t cap, const void *in, size_t n);

/* True when every byte is printable ASCII, 0x20 to 0x7E. */
bool text_is_ascii_printable(const void *in, size_t n);

/* Writes a JSON string, quotes included (RFC 8259). What text_clean would escape becomes a JSON
 * escape of the same character, an invalid byte U+FFFD. Returns the bytes that would be written,
 * like snprintf; when they do not fit, what is written ends with NUL between two characters. */
size_t text_json(char *out, size_t cap, const void *in, size_t n);

/*
 * A decimal number without sign, spaces or leading zeros, within [min, max]; a whole string.
 */
bool text_to_u32(const char *s, uint32_t min, uint32_t max, uint32_t *out) MUST_CHECK;

/* A time as users write it: a number as above, then s, m, h or d (nothing: s); in seconds, within
 * [min, max]. */
bool text_to_seconds(const char *s, uint32_t min, uint32_t max, uint32_t *out) MUST_CHECK;

/* Overwrites memory in a way that the compiler does not drop. */
void text_wipe(void *p, size_t n);

#endif
