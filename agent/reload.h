/* SPDX-License-Identifier: MIT */
/*
 * Reading the configuration again while the agent runs (SIGHUP, RELOAD): clients and requests stay.
 * A configuration that cannot be read changes nothing. One that asks less of its owner than the one
 * in force is confirmed by a person first, asked where the one in force says. Loop thread only.
 */
#ifndef LANYARD_RELOAD_H
#define LANYARD_RELOAD_H

#include "agent/agent.h"

struct confirmation;
struct reload_env;

/* One who wants to know; lives where it waits. */
struct reload_waiter {
	void (*done)(struct reload_waiter *w, enum err e, const struct why *why);
	struct reload_waiter *next;
	bool waiting;
};

struct reloader {
	struct agent *agent;
	bool level_fixed;    /* by the command line */
	struct config *next; /* what a person is asked about */
	struct confirmation *asked;
	char loosens[WHY_MAX / 2]; /* by `next` */
	struct reload_waiter *waiters;
	struct reload_env *env; /* what drivers were told, the latest first */
};

/* What drivers are to be told from the start; owned by the reloader. NULL: out of memory. */
const struct driver_env *reload_init(struct reloader *r, struct agent *a, const char *data_dir,
				     bool level_fixed) MUST_CHECK;
/* Reads the file again. w->done(), unless w is NULL, comes once, possibly from inside; `asker` is
 * the process that waits, or 0. Over a question that is still open it begins anew. */
void reload_start(struct reloader *r, pid_t asker, struct reload_waiter *w);
/* done() will not come; the reload goes on. Also for one that does not wait. */
void reload_leave(struct reloader *r, struct reload_waiter *w);
/* Takes a question away; done() comes for those who wait, with ERR_SHUTDOWN. */
void reload_stop(struct reloader *r);
/* When no device is left. */
void reload_free(struct reloader *r);

/* Whether `to` asks less of its owner than `from`, lets more be done, or asks elsewhere, with the
 * devices that `store` knows or any other. `what`, which may be NULL, names it. Pure. */
bool reload_loosens(const struct config *from, const struct config *to, const struct store *store,
		    char *what, size_t cap);

#endif
