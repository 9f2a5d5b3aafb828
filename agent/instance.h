/* SPDX-License-Identifier: MIT */
/*
 * One agent a socket directory: finding it, claiming it, telling shells about it.
 *
 * The claim is an flock(2) on the directory, held as long as the agent lives, so that whoever holds
 * it may replace a stale socket without a race.
 */
#ifndef LANYARD_INSTANCE_H
#define LANYARD_INSTANCE_H

#include <limits.h>
#include <sys/types.h>

#include "protocol/client.h"
#include "protocol/err.h"

struct instance {
	char dir[PATH_MAX]; /* absolute */
	char agent_socket[SOCKET_PATH_MAX + 1];
	char ssh_socket[SOCKET_PATH_MAX + 1];
	int lock;
	bool transient; /* made by instance_make() */
};

/* Makes the directory (0700) if it is missing; refuses one that others can write. */
enum err instance_find(struct instance *i, const char *socket_dir, struct why *why) MUST_CHECK;
/* Makes a directory of its own beside the user's agent, for `-- COMMAND`; LANYARD_SOCK is unset,
 * for the agent that it names is another. */
enum err instance_make(struct instance *i, struct why *why) MUST_CHECK;
/* Removes what instance_make() made, and sockets in it; nothing else. */
void instance_remove(const struct instance *i);
/* ERR_EXISTS when an agent lives there. */
enum err instance_claim(struct instance *i, struct why *why) MUST_CHECK;

/* The commands that set LANYARD_SOCK, SSH_AUTH_SOCK and LANYARD_AGENT_PID, quoted. */
void instance_print(const struct instance *i, pid_t pid, bool csh);
/* After ERR_EXISTS: prints the running agent's environment and says so. Returns the exit status: 0,
 * or 2 for one that was to stay in the foreground. */
int instance_say_running(const struct instance *i, bool foreground, bool csh);
/* Stops the running agent and waits for it; returns the exit status. */
int instance_kill(struct instance *i, bool csh);

/* "lanyard-agent: …" to standard error, cleaned: it may name what was typed. */
void instance_say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Standard input, output and error to /dev/null. */
void instance_detach_stdio(void);

#endif
