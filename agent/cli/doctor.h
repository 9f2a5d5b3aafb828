/* SPDX-License-Identifier: MIT */
/*
 * `lanyard doctor`: what of this machine is in the way of an agent, and what to type against it.
 * A check reads small files below `root`, which is "" but in tests, and reports what it finds.
 */
#ifndef LANYARD_DOCTOR_H
#define LANYARD_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/err.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE, /* worth knowing; nothing has to be done */
	DOCTOR_TODO,
	DOCTOR_STATE_COUNT
};
const char *doctor_state_name(enum doctor_state s); /* "ok", "note", "todo" */

struct doctor {
	const char *root; /* a directory that stands for "/" */
	/* `says` is a sentence without its stop, `type` what to type, or "" for nothing; both
	 * clean. */
	void (*found)(void *arg, const char *check, enum doctor_state state, const char *says,
		      const char *type);
	void *arg;
	bool hears_of_sleep; /* the agent, from logind */
};

/* For checks. `type` NULL: nothing to type. */
void doctor_say(const struct doctor *d, const char *check, enum doctor_state state,
		const char *type, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* The first bytes of a file below the root, up to a NUL or the end, without a final newline. False:
 * it cannot be read. */
bool doctor_read(const struct doctor *d, char *out, size_t cap, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
bool doctor_exists(const struct doctor *d, const char *path);

/* doctor_system.c */
void doctor_machine(const struct doctor *d); /* WSL, containers */
void doctor_swap(const struct doctor *d);    /* hibernation and swap */
void doctor_usb(const struct doctor *d);     /* nodes of wallets and tokens */
/* doctor_session.c */
/* Programs beside the agent. `replaced`: SSH_AUTH_SOCK is not the agent's. */
void doctor_others(const struct doctor *d, bool replaced);
/* `path` is $PATH; `configured` what the agent is told to run, or NULL. */
void doctor_pinentry(const struct doctor *d, const char *path, const char *configured);
/* ~/.ssh/config has `socket` for an IdentityAgent; `home` is $HOME or NULL. */
bool doctor_ssh_config(const struct doctor *d, const char *home, const char *socket);
/* `value` is $SSH_AUTH_SOCK or NULL, `wanted` the agent's. True: it is that. `configured`: ssh
 * finds the agent without it. */
bool doctor_auth_sock(const struct doctor *d, const char *value, const char *wanted,
		      bool configured);

#endif
