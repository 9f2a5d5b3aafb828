/* SPDX-License-Identifier: MIT */
#include "agent/asking.h"

#include <stdio.h>

#include "agent/prompt.h"
#include "agent/unlock.h"
#include "protocol/log.h"

/* Its client came to answer. */
static bool asking_direct(const struct request *r)
{
	return r->op == OP_UNLOCK || r->op == OP_VERB;
}

bool asking_client(const struct request *r)
{
	return r->calls->ask != NULL && (asking_direct(r) || !r->agent->loopback_refused);
}

bool asking_may_unlock(const struct request *r)
{
	return r->attended && !r->unlock_tried && !r->canceled && !asking_direct(r) &&
	       !request_locked(r->agent) && !r->agent->stopping &&
	       !unlock_held(r->agent, r->target) &&
	       (device_driver(r->target)->ops & 1u << OP_UNLOCK) != 0;
}

/* A program that guesses would use up a token's tries: one wrong answer, then a person. */
static void asking_refuse_loopback(struct request *r)
{
	if (!r->agent->loopback_refused)
		log_warn("client %d answered wrongly: loopback is refused until a prompt or "
			 "`lanyard unlock` succeeds",
			 (int)r->asker);
	r->agent->loopback_refused = true;
}

static void asking_answered(void *arg, enum err e, const void *bytes, size_t n)
{
	struct request *r = arg;

	r->prompt = NULL;
	job_answer(&r->job, e, bytes, n);
}

void asking_ask(struct job *job, const struct ask *ask)
{
	struct request *r = job->arg;
	char detail[FACTS_MAX + 8] = "";

	r->asked = true;
	if (ask->kind != ASK_CONFIRM && asking_client(r)) {
		if (ask->again && !asking_direct(r)) {
			asking_refuse_loopback(r);
			job_answer(job, ask->kind == ASK_PIN ? ERR_BAD_PIN : ERR_BAD_PASSPHRASE,
				   NULL, 0);
			return;
		}
		r->asked_client = true;
		r->asking = true;
		r->calls->ask(r, ask);
		return;
	}
	if (!asking_direct(r))
		snprintf(detail, sizeof(detail), "for %s",
			 r->proof.facts[0] != '\0' ? r->proof.facts : r->id.uri);
	if (r->attended)
		r->prompt = prompt_start(r->agent->prompter, ask, detail, r->asker, asking_answered,
					 r);
	if (r->prompt == NULL)
		job_answer(job, ERR_NO_PROMPT, NULL, 0);
}

void asking_note(struct job *job, const char *text)
{
	struct request *r = job->arg;

	prompt_note_end(r->agent->prompter, r->note);
	r->note = prompt_note(r->agent->prompter, text, r->asker);
}

void asking_end(struct request *r, enum err e)
{
	prompt_cancel(r->prompt);
	r->prompt = NULL;
	prompt_note_end(r->agent->prompter, r->note);
	r->note = 0;
	if (e == ERR_NO_PROMPT)
		unlock_nobody(r->target, &r->job.why);
	if (e == ERR_OK && r->asked && (r->op == OP_UNLOCK || !r->asked_client))
		r->agent->loopback_refused = false;
	if ((e == ERR_BAD_PIN || e == ERR_BAD_PASSPHRASE) && r->asked_client && !asking_direct(r))
		asking_refuse_loopback(r);
	r->asking = r->asked = r->asked_client = false;
}
