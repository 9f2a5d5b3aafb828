/* SPDX-License-Identifier: MIT */
#include "agent/consent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/confirm.h"
#include "agent/pick.h"
#include "protocol/log.h"

enum { NAME_MAX_LEN = DRIVER_NAME_MAX + 1 + DEVICE_LABEL_MAX + 1 };

static uint64_t consent_now(struct agent *a)
{
	return policy_look(&a->consent.windows, a->clock->read(a->clock->arg));
}

static void consent_use(const struct request *r, struct policy *policy, struct policy_use *use)
{
	const struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);
	const struct key *key = keyring_find(&r->agent->keys, &r->id, PURPOSE_SIGN, r->driver,
					     r->serial);

	*use = (struct policy_use){
		.class = r->op == OP_SIGN ? r->proof.class : op_class_of(r->op, &r->id),
		.id = &r->id,
		.serial = r->serial,
		.forwarded = r->forwarded,
	};
	config_policy(r->agent->config, &r->id, r->driver, r->serial, d ? d->is.label : NULL,
		      policy);
	if (r->op == OP_SIGN && key != NULL && key->confirm)
		policy->confirm = CONFIRM_ALWAYS;
}

static enum verdict consent_decide(struct request *r, struct policy *policy, struct policy_use *use)
{
	struct consent *c = &r->agent->consent;
	uint64_t now = consent_now(r->agent);

	consent_use(r, policy, use);
	return policy_decide(policy, use, &c->windows, now);
}

enum err consent_check(struct request *r)
{
	struct policy policy;
	struct policy_use use;

	if (consent_decide(r, &policy, &use) != VERDICT_DENY)
		return ERR_OK;
	return why_set(&r->why, ERR_NOT_ALLOWED,
		       "%s: a forwarded connection may not use it; if it should, set `forwarded` "
		       "in the config",
		       r->id.uri);
}

/* ---- the question ---- */

static const char *device_name(const struct request *r, char out[static NAME_MAX_LEN])
{
	const struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);

	snprintf(out, NAME_MAX_LEN, "%s:%s", r->driver, d != NULL ? d->is.label : r->serial);
	return out;
}

/* "10 min", "90 s", "2 h". */
static void say_time(char *out, size_t cap, uint32_t seconds)
{
	if (seconds % 3600 == 0)
		snprintf(out, cap, "%" PRIu32 " h", seconds / 3600);
	else if (seconds % 60 == 0)
		snprintf(out, cap, "%" PRIu32 " min", seconds / 60);
	else
		snprintf(out, cap, "%" PRIu32 " s", seconds);
}

/* What a yes is worth beyond this one use. */
static void say_window(char *out, size_t cap, const struct policy *p)
{
	char time[16], uses[40] = "";

	say_time(time, sizeof(time), policy_remember(p));
	if (p->max_uses != 0)
		snprintf(uses, sizeof(uses), ", %" PRIu32 " uses", p->max_uses);
	snprintf(out, cap, " (then not again for %s%s, %s)", time, uses,
		 p->scope == SCOPE_ALL ? "for all its keys" : "for this key");
}

static struct confirmation *consent_question(struct request *r, const struct policy *policy,
					     const struct policy_use *use,
					     void (*done)(void *arg, enum err e))
{
	static const char *const what[OP_CLASS_COUNT] = {
		[OP_CLASS_AUTH] = "a login",
		[OP_CLASS_SIGN] = "a signature",
		[OP_CLASS_DECRYPT] = "a decryption",
		[OP_CLASS_RELEASE] = "giving out a secret key",
	};
	char name[NAME_MAX_LEN], window[100] = "", text[sizeof(((struct ask *)0)->prompt)];

	device_name(r, name);
	if (r->wg_keys) {
		snprintf(text, sizeof(text),
			 "Allow giving WireGuard a private key and %u preshared key%s with %s?",
			 r->wg_peers, r->wg_peers == 1 ? "" : "s", name);
		return confirm_start(r->agent, text, r->id.uri, r->asker, done, r);
	}
	if (policy_opens_window(policy, use))
		say_window(window, sizeof(window), policy);
	snprintf(text, sizeof(text), "Allow %s with %s?%s", what[use->class], name, window);
	return confirm_start(r->agent, text, r->op == OP_SIGN ? r->proof.facts : r->id.uri,
			     r->asker, done, r);
}

/* ---- those who wait ---- */

void consent_leave(struct request *r)
{
	struct request **at = &r->agent->consent.pending;

	if (r->confirmation == NULL)
		return;
	confirm_cancel(r->confirmation);
	r->confirmation = NULL;
	while (*at != r)
		at = &(*at)->consent_next;
	*at = r->consent_next;
}

static void consent_end(struct request *r, enum err e)
{
	consent_leave(r);
	r->consented = e == ERR_OK;
	request_consented(r, e);
}

/* A yes may be one for others that wait as well. */
static void consent_extend(struct agent *a)
{
	struct request *r = a->consent.pending, *next;
	struct policy policy;
	struct policy_use use;

	for (; r != NULL; r = next) {
		next = r->consent_next;
		if (consent_decide(r, &policy, &use) != VERDICT_ALLOW)
			continue;
		policy_used(&policy, &use, &a->consent.windows, consent_now(a));
		consent_end(r, ERR_OK);
		next = a->consent.pending; /* what ended may have changed the list */
	}
}

static void consent_answered(void *arg, enum err e)
{
	struct request *r = arg;
	struct agent *a = r->agent;
	struct consent *c = &a->consent;
	struct policy policy;
	struct policy_use use;
	char name[NAME_MAX_LEN];
	struct request **at = &c->pending;

	r->confirmation = NULL; /* it has gone by itself */
	while (*at != r)
		at = &(*at)->consent_next;
	*at = r->consent_next;
	if (e == ERR_OK) {
		uint64_t now = consent_now(a);

		consent_use(r, &policy, &use);
		policy_confirmed(&policy, &use, &c->windows, now);
		policy_used(&policy, &use, &c->windows, now);
	} else if (e == ERR_NO_PROMPT) {
		why_set(&r->why, e,
			"nobody could be asked to confirm %s: `lanyard tty` in a terminal has the "
			"agent "
			"ask there; `confirm = never` for it in the config asks nobody",
			r->id.uri);
	} else {
		why_set(&r->why, e, "the use of %s on %s was not confirmed", r->id.uri,
			device_name(r, name));
	}
	r->consented = e == ERR_OK;
	request_consented(r, e);
	if (e == ERR_OK)
		consent_extend(a);
}

enum err consent_ask(struct request *r, bool *asked)
{
	struct consent *c = &r->agent->consent;
	struct request **last = &c->pending;
	struct policy policy;
	struct policy_use use;
	enum verdict verdict;

	*asked = false;
	/* A peer's key is part of its interface's, which was asked for on the same connection. */
	if (r->consented || (r->wg_keys && r->op == OP_ECDH))
		return ERR_OK;
	verdict = consent_decide(r, &policy, &use);
	if (verdict == VERDICT_DENY)
		return consent_check(r);
	if (verdict == VERDICT_ALLOW) {
		policy_used(&policy, &use, &c->windows, consent_now(r->agent));
		r->consented = true;
		return ERR_OK;
	}
	r->confirmation = consent_question(r, &policy, &use, consent_answered);
	if (r->confirmation == NULL)
		return why_set(&r->why, ERR_NO_PROMPT,
			       "nobody can be asked to confirm %s: the process that asks is gone",
			       r->id.uri);
	while (*last != NULL)
		last = &(*last)->consent_next;
	*last = r;
	r->consent_next = NULL;
	*asked = true;
	return ERR_OK;
}

void consent_forget(struct agent *a, const char *serial)
{
	policy_end(&a->consent.windows, serial);
}

void consent_lock(struct agent *a)
{
	struct request *r;

	consent_forget(a, NULL);
	while ((r = a->consent.pending) != NULL) {
		why_set(&r->why, ERR_LOCKED, "the agent was locked before it was confirmed");
		consent_end(r, ERR_LOCKED);
	}
}
