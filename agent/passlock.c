/* SPDX-License-Identifier: MIT */
#include "agent/passlock.h"

#include <stdlib.h>

#include "agent/lock.h"
#include "derive/passhash.h"
#include "protocol/log.h"

enum { DELAY_MS = 100, DELAYS_MAX = 100 };

struct passlock {
	struct agent *agent;
	uv_timer_t timer; /* runs while a wrong try waits for its answer */
	struct passhash *hash;
	bool set;
	unsigned before; /* classes that were locked before */
	unsigned wrong;  /* tries in a row */
	struct passtry *first;
};

static void passlock_next(struct passlock *l);

bool passlock_set(const struct agent *a)
{
	return a->passlock != NULL && a->passlock->set;
}

void passlock_keep(struct agent *a, unsigned classes)
{
	if (passlock_set(a))
		a->passlock->before |= classes;
}

static void try_done(struct passlock *l, struct passtry *t, enum err e)
{
	struct passtry **at = &l->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->queued = false;
	secret_free(&t->passphrase);
	t->done(t, e);
}

static void passlock_due(uv_timer_t *timer)
{
	struct passlock *l = timer->data;

	/* Whose try it was may have left. */
	if (l->first != NULL && l->first->passphrase.p == NULL)
		try_done(l, l->first, ERR_BAD_PASSPHRASE);
	passlock_next(l);
}

static void passlock_open(struct passlock *l)
{
	l->set = false;
	l->wrong = 0;
	secret_wipe(l->hash, sizeof(*l->hash));
	lock_open(l->agent, LOCKED_ALL & ~l->before);
}

/* Looks at tries until one is wrong. */
static void passlock_next(struct passlock *l)
{
	struct passtry *t;
	enum err e;

	while ((t = l->first) != NULL && !uv_is_active((uv_handle_t *)&l->timer)) {
		e = l->set ? passhash_check(l->hash, t->passphrase.p, t->passphrase.n)
			   : ERR_NOT_FOUND;
		if (e == ERR_BAD_PASSPHRASE) {
			log_warn("a wrong passphrase for the lock");
			secret_free(&t->passphrase);
			l->wrong += l->wrong < DELAYS_MAX;
			uv_timer_start(&l->timer, passlock_due, (uint64_t)l->wrong * DELAY_MS, 0);
			return;
		}
		if (e == ERR_OK)
			passlock_open(l);
		try_done(l, t, e);
	}
}

void passlock_try(struct agent *a, struct passtry *t, const void *p, size_t n)
{
	struct passlock *l = a->passlock;
	struct passtry **last = &l->first;

	t->next = NULL;
	if (secret_copy(&t->passphrase, p, n) != ERR_OK) {
		t->done(t, ERR_NO_MEMORY);
		return;
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = t;
	t->queued = true;
	passlock_next(l);
}

void passlock_leave(struct agent *a, struct passtry *t)
{
	if (t->queued)
		try_done(a->passlock, t, ERR_CANCELED);
}

enum err passlock_lock(struct agent *a, const void *p, size_t n, void (*done)(void *arg), void *arg,
		       struct why *why)
{
	struct passlock *l = a->passlock;
	enum err e;

	/* It could otherwise be opened by whoever sets a passphrase now. */
	if (request_locked(a))
		return why_set(why, ERR_EXISTS,
			       "the agent is locked already: run `lanyard unlock`");
	e = passhash_set(l->hash, p, n);
	if (e != ERR_OK)
		return why_set(why, e, "no memory for the hash of the passphrase");
	l->set = true;
	l->wrong = 0;
	l->before = a->locked;
	return lock_wipe(a, NULL, done, arg);
}

enum err passlock_new(struct agent *a)
{
	struct passlock *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->hash = secret_alloc(sizeof(*l->hash))) == NULL ||
	    uv_timer_init(a->loop, &l->timer) != 0) {
		if (l != NULL)
			secret_free_mem(l->hash);
		free(l);
		return ERR_NO_MEMORY;
	}
	l->agent = a;
	l->timer.data = l;
	a->passlock = l;
	return ERR_OK;
}

static void passlock_freed(uv_handle_t *handle)
{
	struct passlock *l = handle->data;

	secret_free_mem(l->hash);
	free(l);
}

void passlock_close(struct agent *a)
{
	uv_close((uv_handle_t *)&a->passlock->timer, passlock_freed);
	a->passlock = NULL;
}
