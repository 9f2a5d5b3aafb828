/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/unlock.h"
#include "agent/wgkeys.h"
#include "protocol/log.h"

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

enum err agent_lock(struct agent *a, struct device *d, void (*done)(void *arg), void *arg)
{
	size_t count = d != NULL ? 1 : registry_count(a->registry);
	struct device *next = d != NULL ? d : registry_next(a->registry, NULL);
	struct locking *l = calloc(1, sizeof(*l) + count * sizeof(l->jobs[0]));

	if (l == NULL)
		return ERR_NO_MEMORY;
	if (d == NULL && !a->locked) {
		a->locked = true;
		consent_lock(a);
		log_info("locked");
		watch_locked(&a->watch, true);
	}
	if (d != NULL)
		consent_forget(a, device_info(d)->serial);
	wgkeys_drop_device(a, d);
	l->done = done;
	l->arg = arg;
	/* One more than the jobs, so that the last submission below may be the one that counts. */
	l->left = 1;
	for (size_t i = 0; i < count && next != NULL; i++) {
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
