/* SPDX-License-Identifier: MIT */
/*
 * The keeper: the process that a user or systemd starts. It forks the daemon before there is any
 * secret, thread or socket, and stays beside it with neither keys nor clients: it forks a launcher
 * for each question, runs `-- COMMAND`, passes signals on (doc/ARCHITECTURE.md, "Processes").
 */
#ifndef LANYARD_KEEPER_H
#define LANYARD_KEEPER_H

#include "agent/launcher.h"

struct keeper_calls {
	/* The daemon's whole life, in its own process; `fd` leads to the keeper. Its exit status.
	 */
	int (*daemon)(void *arg, int fd);
	/* In the keeper: clients can connect. */
	void (*ready)(void *arg, pid_t daemon);
	/* In the keeper: the daemon has taken a config with this digest (config.h). */
	void (*reload)(void *arg, const char *digest);
	/* Executes the command, in its own process; does not return. NULL: there is none. */
	void (*command)(void *arg, pid_t daemon);
	/* A process that derives a key from a passphrase, on the socket: its exit status. */
	int (*stretch)(int fd);
	void *arg;
};

/*
 * Forks the daemon and returns, in the keeper, when it has ended: its exit status, or the
 * command's; 128 + N for signal N. SIGTERM, SIGINT and SIGHUP are blocked by the caller. In the
 * keeper `lock` (-1 for none) is closed: it is the daemon's.
 */
int keeper_run(const struct keeper_calls *calls, const struct launcher *launcher, int lock);

#endif
