/* SPDX-License-Identifier: MIT */
/*
 * What the daemon and the keeper say to each other, and the launcher: the keeper's child that asks
 * one question, or shows one notification, and ends (doc/ARCHITECTURE.md, "Processes").
 */
#ifndef LANYARD_LAUNCHER_H
#define LANYARD_LAUNCHER_H

#include <limits.h>
#include <signal.h>

#include "agent/peer.h"
#include "agent/place.h"
#include "agent/request.h"
#include "devices/device.h"

struct config;

enum { LAUNCH_TEXT_MAX = 256, LAUNCH_DETAIL_MAX = FACTS_MAX + 8 };

enum launch_what {
	LAUNCH_READY = 1, /* clients can connect */
	LAUNCH_ASK,       /* exactly one answer with this id follows */
	LAUNCH_NOTE,      /* show `text` until its LAUNCH_END */
	LAUNCH_STRETCH,   /* a process for keeper_calls.stretch, on the socket that comes along */
	LAUNCH_END,       /* of the question or notification with this id */
	LAUNCH_RELOAD,    /* the config is to be read again */
	LAUNCH_LOGIND,    /* lanyard-logind, on the socket that comes along; `kind`: LOCK_ON_… */
};

/* Daemon to keeper; whole, as one message of a SOCK_SEQPACKET socket. Strings are clean, one line,
 * and end with NUL. */
struct launch_request {
	uint32_t what, id;
	uint32_t kind;  /* enum ask_kind */
	uint32_t again; /* the answer before was wrong */
	int32_t asker;  /* the process that waits, or 0 */
	char text[LAUNCH_TEXT_MAX], detail[LAUNCH_DETAIL_MAX];
	char tty[PLACE_NAME_MAX], term[PLACE_NAME_MAX]; /* `lanyard tty`, or "" */
};

/* Launcher or keeper to daemon. */
struct launch_answer {
	uint32_t id;
	uint32_t error; /* enum err */
	uint32_t length;
	uint8_t bytes[ANSWER_MAX];
};

/* Found out when the agent starts; the config's part again when that is read again. */
struct launcher {
	char pinentry[PATH_MAX], askpass[PATH_MAX], notify[PATH_MAX]; /* "" for none */
	char logind[PATH_MAX];                                        /* so, too */
	char display[PLACE_NAME_MAX], tty[PLACE_NAME_MAX];            /* the config's */
	struct place start;                                           /* terminal, or name "" */
	sigset_t mask; /* for the programs that it runs */
};

/* `mask` is the signal mask that the process was started with. */
void launcher_init(struct launcher *l, const struct config *config, const sigset_t *mask);

/* The config's part alone. */
void launcher_configure(struct launcher *l, const struct config *config);

/* For a child that is about to exec: the signals as they were when the agent was started. */
void launcher_restore_signals(const struct launcher *l);

/* The launcher's whole life, in a process just forked by `keeper`; `fd` leads to the daemon. It
 * ends with status 0 if it has answered. SIGTERM ends what it shows. */
_Noreturn void launcher_child(const struct launcher *l, const struct launch_request *r, int fd,
			      pid_t keeper);

#endif
