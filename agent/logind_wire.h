/* SPDX-License-Identifier: MIT */
/*
 * What the daemon and lanyard-logind say to each other: whole messages of a SOCK_SEQPACKET socket,
 * which is the program's standard input. Its arguments are the words of `lock-on`.
 */
#ifndef LANYARD_LOGIND_WIRE_H
#define LANYARD_LOGIND_WIRE_H

#include <stdint.h>

enum { LOGIND_TEXT_MAX = 200 };

#define LOGIND_WORD_SLEEP   "sleep"
#define LOGIND_WORD_SESSION "session-lock"

enum logind_what {
	LOGIND_WATCHING = 1, /* of logind, which from now on waits for us */
	LOGIND_ABSENT,       /* `text` says why */
	LOGIND_SESSION,      /* a session of this user was locked */
	LOGIND_SLEEP,        /* the machine waits with its sleep for LOGIND_WIPED of this id */
	LOGIND_WIPED,        /* to the program: no secret is left */
};

struct logind_message {
	uint32_t what, id;
	char text[LOGIND_TEXT_MAX]; /* ends with NUL */
};

#endif
