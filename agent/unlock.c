/* SPDX-License-Identifier: MIT */
#include "agent/unlock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/prompt.h"
#include "protocol/log.h"

/* One running OP_UNLOCK. Freed when its job is done. */
struct unlock {
	struct unlock *next;
	struct agent *agent;
	struct device *device;
	struct job job;
	struct request *waiters; /* the first one's terminal, and purpose, are in the question */
	struct prompt *prompt;
	struct ask ask; /* what the prompt asks */
	uint32_t note;
	bool asked;
};

struct held {
	struct held *next;
	const struct driver *driver;
	char serial[DEVICE_SERIAL_MAX + 1];
};

/* ---- devices that somebody locked ---- */

static struct held **held_find(struct agent *a, const struct device *d)
{
	struct held **at = &a->held;

	while (*at != NULL && ((*at)->driver != device_driver(d) ||
			       strcmp((*at)->serial, device_info(d)->serial) != 0))
		at = &(*at)->next;
	return at;
}

void unlock_hold(struct agent *a, const struct device *d)
{
	struct held **at = held_find(a, d);

	if (*at != NULL)
		return;
	*at = calloc(1, sizeof(**at));
	if (*at == NULL) {
		log_error("out of memory: a request may ask to unlock %s:%s again",
			  device_driver(d)->name, device_info(d)->label);
		return;
	}
	(*at)->driver = device_driver(d);
	snprintf((*at)->serial, sizeof((*at)->serial), "%s", device_info(d)->serial);
}

void unlock_release(struct agent *a, const struct device *d)
{
	struct held **at = held_find(a, d), *held = *at;

	if (held == NULL)
		return;
	*at = held->next;
	free(held);
}

bool unlock_held(const struct agent *a, const struct device *d)
{
	return *held_find((struct agent *)a, d) != NULL;
}

void unlock_free(struct agent *a)
{
	struct held *held;

	while ((held = a->held) != NULL) {
		a->held = held->next;
		free(held);
	}
}

enum err unlock_nobody(const struct device *d, struct why *why)
{
	return why_set(why, ERR_NO_PROMPT,
		       "%s:%s: nobody to ask: run `lanyard unlock` in a terminal",
		       device_driver(d)->name, device_info(d)->label);
}

/* ---- the job ---- */

static void unlock_quiet(struct unlock *u)
{
	prompt_cancel(u->prompt);
	u->prompt = NULL;
	prompt_note_end(u->agent->prompter, u->note);
	u->note = 0;
}

static void unlock_done(struct job *job, enum err e)
{
	struct unlock *u = job->arg, **at = &u->agent->unlocks;
	struct request *r;

	unlock_quiet(u);
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	if (e == ERR_OK && u->asked)
		u->agent->loopback_refused = false;
	if (e == ERR_NO_PROMPT)
		unlock_nobody(u->device, &job->why);
	/* Each may start anew, or let another one leave, from inside. */
	while ((r = u->waiters) != NULL) {
		u->waiters = r->unlock_next;
		r->unlock = NULL;
		request_unlocked(r, e, &job->why);
	}
	free(u);
}

static void unlock_answered(void *arg, enum err e, const void *bytes, size_t n)
{
	struct unlock *u = arg;

	u->prompt = NULL;
	job_answer(&u->job, e, bytes, n);
}

static void unlock_ask(struct unlock *u)
{
	const struct request *r = u->waiters;
	char detail[FACTS_MAX + 8];

	if (r == NULL)
		return; /* canceled: the job's end is on its way */
	snprintf(detail, sizeof(detail), "for %s",
		 r->proof.facts[0] != '\0' ? r->proof.facts : r->id.uri);
	u->prompt = prompt_start(u->agent->prompter, &u->ask, detail, r->asker, unlock_answered, u);
	if (u->prompt == NULL)
		job_answer(&u->job, ERR_NO_PROMPT, NULL, 0);
}

static void unlock_job_ask(struct job *job, const struct ask *ask)
{
	struct unlock *u = job->arg;

	u->ask = *ask;
	u->asked = true;
	unlock_ask(u);
}

static void unlock_job_note(struct job *job, const char *text)
{
	struct unlock *u = job->arg;

	prompt_note_end(u->agent->prompter, u->note);
	u->note = prompt_note(u->agent->prompter, text, u->waiters != NULL ? u->waiters->asker : 0);
}

static enum err unlock_new(struct unlock **out, struct request *r)
{
	struct unlock *u = calloc(1, sizeof(*u));
	enum err e;

	if (u == NULL)
		return ERR_NO_MEMORY;
	u->agent = r->agent;
	u->device = r->target;
	u->job = (struct job){
		.op = OP_UNLOCK,
		.done = unlock_done,
		.ask = unlock_job_ask,
		.note = unlock_job_note,
		.arg = u,
	};
	u->job.has_wallet = store_wallet(&u->agent->store, u->device, u->job.wallet);
	e = device_submit(u->device, &u->job);
	if (e != ERR_OK) {
		r->why = u->job.why;
		free(u);
		return e;
	}
	u->next = u->agent->unlocks;
	u->agent->unlocks = u;
	*out = u;
	return ERR_OK;
}

static struct unlock *unlock_find(const struct agent *a, const struct device *d)
{
	struct unlock *u = a->unlocks;

	/* One that lost its last waiter is about to end as canceled. */
	while (u != NULL && (u->device != d || u->waiters == NULL))
		u = u->next;
	return u;
}

bool unlock_running(const struct agent *a, const struct device *d)
{
	return unlock_find(a, d) != NULL;
}

enum err unlock_join(struct request *r)
{
	struct unlock *u = unlock_find(r->agent, r->target);
	struct request **last;
	enum err e;

	if (u == NULL) {
		e = unlock_new(&u, r);
		if (e != ERR_OK)
			return e;
	}
	for (last = &u->waiters; *last != NULL;)
		last = &(*last)->unlock_next;
	*last = r;
	r->unlock_next = NULL;
	r->unlock = u;
	log_debug("client %d waits for %s:%s to be unlocked", (int)r->asker,
		  device_driver(u->device)->name, device_info(u->device)->label);
	return ERR_OK;
}

void unlock_leave(struct request *r)
{
	struct unlock *u = r->unlock;
	struct request **at;
	bool first;

	if (u == NULL)
		return;
	first = u->waiters == r;
	for (at = &u->waiters; *at != r;)
		at = &(*at)->unlock_next;
	*at = r->unlock_next;
	r->unlock = NULL;
	if (u->waiters == NULL) {
		unlock_quiet(u);
		device_cancel(&u->job);
	} else if (first && u->prompt != NULL) {
		prompt_cancel(u->prompt);
		unlock_ask(u);
	}
}
