/* SPDX-License-Identifier: MIT */
#include "agent/lock.h"

#include <stdlib.h>
#include <string.h>

#include "agent/confirm.h"
#include "agent/consent.h"
#include "agent/passlock.h"
#include "agent/unlock.h"
#include "agent/wgkeys.h"
#include "protocol/log.h"

/* ---- which classes ---- */

bool lock_parse(unsigned *classes, const char *word)
{
	unsigned found = strcmp(word, "all") == 0 ? LOCKED_ALL : 0;

	/* A release is locked with everything else, or not at all. */
	for (enum op_class c = 0; c < OP_CLASS_RELEASE; c++)
		if (strcmp(word, op_class_name(c)) == 0)
			found = 1u << c;
	if (found != 0)
		*classes = found;
	return found != 0;
}

void lock_tell(unsigned classes, void (*told)(void *arg, const char *word), void *arg)
{
	if (classes == LOCKED_ALL) {
		told(arg, "all");
		return;
	}
	for (enum op_class c = 0; c < OP_CLASS_COUNT; c++)
		if ((classes & 1u << c) != 0)
			told(arg, op_class_name(c));
}

static void told_locked(void *arg, const char *word)
{
	struct agent *a = arg;

	log_info("locked: %s", word);
	watch_locked(&a->watch, true, word);
}

static void told_unlocked(void *arg, const char *word)
{
	struct agent *a = arg;

	log_info("unlocked: %s", word);
	watch_locked(&a->watch, false, word);
}

void lock_classes(struct agent *a, unsigned classes)
{
	unsigned before = a->locked;

	a->locked |= classes;
	if (classes != LOCKED_ALL)
		passlock_keep(a, classes);
	consent_lock(a);
	confirm_lock(a);
	lock_tell(classes == LOCKED_ALL && before != LOCKED_ALL ? LOCKED_ALL : classes & ~before,
		  told_locked, a);
}

void lock_open(struct agent *a, unsigned classes)
{
	unsigned before = a->locked;

	a->locked &= ~classes;
	lock_tell(before & classes, told_unlocked, a);
}

/* What a request's use may be of; 0 when it uses no private key. */
static unsigned request_classes(const struct request *r)
{
	const struct scheme *scheme = agent_scheme(r->agent, r->id.class);

	if (r->op != OP_SIGN && r->op != OP_ECDH && r->op != OP_SECRET)
		return 0;
	if (r->op == OP_SIGN && r->proof.facts[0] != '\0')
		return 1u << r->proof.class;
	if (r->op == OP_SIGN && scheme != NULL && scheme->check_sign != NULL)
		return 1u << OP_CLASS_AUTH | 1u << OP_CLASS_SIGN;
	return 1u << op_class_of(r->op, &r->id);
}

enum err lock_check(struct request *r)
{
	unsigned classes = request_classes(r);
	enum op_class c = 0;

	if (r->op == OP_UNLOCK)
		return ERR_OK;
	if (request_locked(r->agent))
		return why_set(&r->why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
	if (classes == 0 || (classes & ~r->agent->locked) != 0)
		return ERR_OK;
	while ((classes & 1u << c) == 0)
		c++;
	return why_set(&r->why, ERR_LOCKED, "%s is locked: run `lanyard unlock %s`",
		       op_class_name(c), c == OP_CLASS_RELEASE ? "all" : op_class_name(c));
}

/* ---- wiping ---- */

/* One LOCK: a job for each device, done when the last one is. */
struct locking {
	unsigned left;
	void (*done)(void *arg);
	void *arg;
	struct job jobs[];
};

static void locking_job_done(struct job *job, enum err e)
{
	struct locking *l = job->arg;

	/* A device that is gone has no secrets either. */
	if (e != ERR_OK && e != ERR_DEVICE_GONE && e != ERR_SHUTDOWN)
		log_error("lock: %s", why_text(&job->why, e));
	if (--l->left > 0)
		return;
	if (l->done != NULL)
		l->done(l->arg);
	free(l);
}

enum err lock_wipe(struct agent *a, struct device *d, void (*done)(void *arg), void *arg)
{
	size_t count = d != NULL ? 1 : registry_count(a->registry);
	struct device *next = d != NULL ? d : registry_next(a->registry, NULL);
	struct locking *l;

	/* Whatever happens next, nothing is used any more. */
	if (d == NULL)
		lock_classes(a, LOCKED_ALL);
	l = calloc(1, sizeof(*l) + count * sizeof(l->jobs[0]));
	if (l == NULL)
		return ERR_NO_MEMORY;
	if (d != NULL)
		consent_forget(a, device_info(d)->serial);
	wgkeys_drop_device(a, d);
	l->done = done;
	l->arg = arg;
	/* One more than the jobs, so that the last submission below may be the one that counts. */
	l->left = 1;
	for (size_t i = 0; i < count && next != NULL; i++) {
		/* What its own passphrase opens asks for the devices' when they are needed. */
		if (d != NULL || !passlock_set(a))
			unlock_hold(a, next);
		l->jobs[i] = (struct job){.op = OP_LOCK, .done = locking_job_done, .arg = l};
		if (device_submit(next, &l->jobs[i]) == ERR_OK)
			l->left++;
		next = d != NULL ? NULL : registry_next(a->registry, next);
	}
	if (--l->left > 0)
		return ERR_OK;
	/* No device took it: nothing to wait for, but done() must not come from inside. */
	free(l);
	return ERR_NO_DEVICE;
}
