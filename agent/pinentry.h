/* SPDX-License-Identifier: MIT */
/*
 * A client of pinentry: its Assuan dialect (pinentry's manual, "Protocol"). Every byte from it is
 * parsed as hostile. Single-threaded; it blocks, so it runs in a process of its own (launcher.h).
 */
#ifndef LANYARD_PINENTRY_H
#define LANYARD_PINENTRY_H

#include "devices/device.h"
#include "protocol/buf.h"

/* Of a line with its LF (Assuan); a longer one is no pinentry's. */
enum { PINENTRY_LINE_MAX = 1000 };

enum pinentry_kind {
	PINENTRY_OK,
	PINENTRY_ERR,     /* code */
	PINENTRY_DATA,    /* data, still percent-encoded */
	PINENTRY_INQUIRE, /* it asks us something */
	PINENTRY_IGNORE,  /* a status or a comment */
};
struct pinentry_reply {
	enum pinentry_kind kind;
	unsigned code; /* libgpg-error's number without its source */
	struct slice data;
};

/* Takes a line (without its LF) apart. ERR_SYNTAX: no pinentry says that. */
enum err pinentry_parse(struct pinentry_reply *out, struct slice line) MUST_CHECK;

struct pinentry_question {
	enum ask_kind kind;
	bool again;         /* the answer before was wrong */
	const char *text;   /* what is asked; one clean line */
	const char *detail; /* what for; "" for nothing */
	const char *who;    /* asks, as it says; "" for nobody */
	const char *tty;    /* a terminal's path and type, or NULL for a display */
	const char *term;
	const char *lc_ctype; /* or NULL */
};

/*
 * Asks over `fd`, a socket that is the standard input and output of a pinentry. `cancel` becomes
 * readable when the question is not wanted any more. The answer is appended to `answer`, whose
 * memory should be locked. ERR_CANCELED, ERR_REFUSED, ERR_TIMEOUT and ERR_TOO_LARGE are a person's
 * doing; with ERR_NO_PROMPT it could not ask (`why` says how it failed), another place may work.
 */
enum err pinentry_ask(int fd, int cancel, const struct pinentry_question *q, struct wbuf *answer,
		      struct why *why) MUST_CHECK;

#endif
