/* SPDX-License-Identifier: MIT */
/*
 * Every error lanyard can report, as one list: symbol, number, word, text for a person.
 *
 * The number and the word are part of the line protocol (doc/PROTOCOL.md) and never change once
 * released; new ones go at the end. Each dialect maps the list in one table of its own, and a unit
 * test checks that no table has a gap.
 */
#ifndef LANYARD_ERR_H
#define LANYARD_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                                                \
	X(OK, 0, "ok", "success")                                                                  \
	X(INVALID, 1, "invalid", "an argument is outside its allowed range")                       \
	X(SYNTAX, 2, "syntax", "the message does not follow the protocol")                         \
	X(TOO_LARGE, 3, "too-large", "the message is longer than allowed")                         \
	X(UNKNOWN_COMMAND, 4, "unknown-command", "there is no such command")                       \
	X(NO_MEMORY, 5, "no-memory", "out of memory")                                              \
	X(IO, 6, "io", "reading or writing failed")                                                \
	X(INTERNAL, 7, "internal", "a bug in lanyard")                                             \
	X(NOT_FOUND, 8, "not-found", "there is no such thing")                                     \
	X(EXISTS, 9, "exists", "it exists already")                                                \
	X(NO_DEVICE, 10, "no-device", "no such device is connected")                               \
	X(AMBIGUOUS, 11, "ambiguous", "several devices match")                                     \
	X(DEVICE_GONE, 12, "device-gone", "the device was removed")                                \
	X(DEVICE_BUSY, 13, "device-busy", "another program is using the device")                   \
	X(DEVICE_ERROR, 14, "device-error", "the device gave an answer that makes no sense")       \
	X(TIMEOUT, 15, "timeout", "nobody answered in time")                                       \
	X(CANCELED, 16, "canceled", "canceled")                                                    \
	X(REFUSED, 17, "refused", "refused on the device or in the prompt")                        \
	X(LOCKED, 18, "locked", "locked")                                                          \
	X(BAD_PASSPHRASE, 19, "bad-passphrase", "wrong passphrase")                                \
	X(BAD_PIN, 20, "bad-pin", "wrong PIN")                                                     \
	X(NOT_ALLOWED, 21, "not-allowed", "this identity may not do that")                         \
	X(UNSUPPORTED, 22, "unsupported", "the device or lanyard cannot do that")                  \
	X(NO_PROMPT, 23, "no-prompt", "nobody to ask")                                             \
	X(CORRUPT, 24, "corrupt", "the file is damaged")                                           \
	X(VERSION, 25, "version", "written by a newer lanyard")                                    \
	X(PERMISSION, 26, "permission", "permission denied")                                       \
	X(MISMATCH, 27, "mismatch", "the device answered with another key than before")            \
	X(NO_AGENT, 28, "no-agent", "no agent is running")                                         \
	X(SHUTDOWN, 29, "shutdown", "the agent is shutting down")                                  \
	X(BAD_POINT, 30, "bad-point", "the public key is not an acceptable point")

enum err {
#define X(symbol, number, word, text) ERR_##symbol = number,
	ERR_LIST(X)
#undef X
		ERR_COUNT
};

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* The word and the sentence of an error; never NULL, also for a number outside the list. */
const char *err_word(enum err e);
const char *err_text(enum err e);

/* The error with this word, or ERR_COUNT. */
enum err err_from_word(const char *word);

/*
 * What went wrong, for a person: names the thing, the allowed range and the next step.
 * One line, no control characters, cut at WHY_MAX - 1 bytes.
 */
enum { WHY_MAX = 400 };
struct why {
	char text[WHY_MAX];
};

/* Fills `why` (which may be NULL) through the text sanitiser and returns `e`, so that a function
 * can end with `return why_set(why, ERR_X, "…")`. why->text itself may be an argument. */
enum err why_set(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* `why`'s text if it has one, else the error's own sentence. */
const char *why_text(const struct why *why, enum err e);

#endif
