/* SPDX-License-Identifier: MIT */
/*
 * A lock with a passphrase of its own: `lanyard lock --passphrase` and SSH's LOCK, one and the
 * same. It locks all; what opens it is this passphrase and nothing else. Only a salted hash is
 * kept. Tries are looked at one after the other, and a wrong one is answered the later, the more
 * there were (as ssh-agent does: 0.1 s more each, at most 10 s). Loop thread only.
 */
#ifndef LANYARD_PASSLOCK_H
#define LANYARD_PASSLOCK_H

#include "derive/secret.h"
#include "protocol/err.h"

struct agent;
struct passlock;

/* One try to open it. Lives in the dialect's connection state. */
struct passtry {
	/* Exactly once, possibly from inside passlock_try(): ERR_OK, ERR_BAD_PASSPHRASE,
	 * ERR_NOT_FOUND when there is no such lock, ERR_CANCELED after passlock_leave(). */
	void (*done)(struct passtry *t, enum err e);
	/* passlock.c's. */
	struct passtry *next;
	struct secret passphrase;
	bool queued;
};

enum err passlock_new(struct agent *a) MUST_CHECK;
void passlock_close(struct agent *a); /* nobody waits any more; freed when the loop has run */

/* Locks all; done() as for lock_wipe(). ERR_EXISTS when all is locked already. */
enum err passlock_lock(struct agent *a, const void *p, size_t n, void (*done)(void *arg), void *arg,
		       struct why *why) MUST_CHECK;
bool passlock_set(const struct agent *a);
/* Classes that were locked meanwhile on their own: they stay locked when it ends. */
void passlock_keep(struct agent *a, unsigned classes);
void passlock_try(struct agent *a, struct passtry *t, const void *p, size_t n);
/* The client has gone. Nothing when it does not try. */
void passlock_leave(struct agent *a, struct passtry *t);

#endif
