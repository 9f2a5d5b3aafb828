/* SPDX-License-Identifier: MIT */
#include "agent/request.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/asking.h"
#include "agent/idle.h"
#include "agent/lock.h"
#include "agent/pick.h"
#include "agent/request_check.h"
#include "agent/unlock.h"
#include "derive/encode.h"
#include "derive/kdf.h"
#include "protocol/log.h"

/* What the job in flight is for. */
enum step {
	STEP_WALLET,    /* whether the device holds what is recorded for it */
	STEP_LEARN_KEY, /* the public key, before the operation */
	STEP_OPERATION,
	STEP_UNLOCK, /* its device, with a client that answers itself */
};

static void request_finish(struct request *r, enum err e)
{
	r->running = false;
	r->asking = false;
	if (e != ERR_OK) {
		secret_wipe(r->out, sizeof(r->out));
		r->out_len = 0;
		secret_free(&r->secret);
	}
	watch_request(&r->agent->watch, r, e);
	if (e == ERR_OK &&
	    (r->op == OP_SIGN || r->op == OP_ECDH || r->op == OP_SECRET || r->op == OP_UNLOCK))
		idle_used(r->agent);
	r->calls->done(r, e);
}

/* The key whose public key is asked for, if that is recorded. */
static const struct key *request_recorded(const struct request *r)
{
	const struct key *key = NULL;

	/* Of a wg:// interface WireGuard's public key is recorded, not the node's. */
	if (r->op == OP_PUBLIC_KEY && !r->wg_keys && !(r->raw && r->id.class == CLASS_WG_INTERFACE))
		key = request_key(r);
	return key != NULL && key->known ? key : NULL;
}

static void request_answer_recorded(struct request *r, const struct key *key)
{
	size_t skip = request_is_wg_key(r) ? 1 : 0;

	memcpy(r->out, key->public_key + skip, PUBLIC_KEY_LEN - skip);
	r->out_len = PUBLIC_KEY_LEN - skip;
}

static void request_job_done(struct job *job, enum err e);

static enum err request_wait_unlock(struct request *r)
{
	r->unlock_tried = true;
	r->learned = false; /* it begins anew */
	return unlock_join(r);
}

static enum err request_submit(struct request *r, enum step step, enum op op)
{
	const struct key *key = request_key(r);
	bool known = request_has_identity(r) && step != STEP_WALLET && key != NULL && key->known &&
		     r->id.class != CLASS_WG_INTERFACE;
	enum err e;

	/* Behind an unlock that runs it would only learn late that it needs one as well. */
	if (step != STEP_UNLOCK && asking_may_unlock(r) && unlock_running(r->agent, r->target) &&
	    !asking_client(r))
		return request_wait_unlock(r);
	r->step = step;
	r->job = (struct job){
		.op = op,
		.id = r->id,
		.purpose = request_purpose(r),
		.data = r->data,
		.visual = r->visual,
		.has_expect = known,
		.verb = r->verb,
		.prove = (r->agent->locked & r->classes) != 0,
		.args = r->args,
		.done = request_job_done,
		.ask = asking_ask,
		.note = asking_note,
		.arg = r,
	};
	if (known)
		memcpy(r->job.expect, key->public_key, PUBLIC_KEY_LEN);
	if (step == STEP_WALLET) {
		store_wallet_identity(&r->job.id);
		r->job.purpose = PURPOSE_SIGN;
	}
	if (step == STEP_WALLET || op == OP_UNLOCK)
		r->job.has_wallet = store_wallet(&r->agent->store, r->target, r->job.wallet);
	e = device_submit(r->target, &r->job);
	if (e != ERR_OK)
		r->why = r->job.why;
	return e;
}

static enum err request_learn(struct request *r)
{
	if (r->learned)
		return why_set(&r->why, ERR_NO_MEMORY,
			       "the keyring is full: %d keys; `lanyard key forget` those you do "
			       "not need",
			       KEYRING_MAX);
	r->learned = true;
	return request_submit(r, STEP_LEARN_KEY, OP_PUBLIC_KEY);
}

/* Next job, or none when the answer is known already. *done says which. */
static enum err request_step(struct request *r, bool *done)
{
	const struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);
	const struct key *key = request_key(r), *recorded = request_recorded(r);
	bool known = key != NULL && key->known, proved, asked = false;
	enum err e;

	*done = false;
	if (!request_has_identity(r))
		return request_submit(r, STEP_OPERATION, r->op);
	if (d == NULL)
		return why_set(&r->why, ERR_NO_MEMORY,
			       "%s:%s cannot be recorded, and so not be used: the agent's log "
			       "says why",
			       r->driver, device_info(r->target)->label);
	proved = d->proved && d->session == device_session(r->target);
	/* What is recorded is the answer of a locked device, and of one that is what it was. */
	if (recorded != NULL &&
	    (device_state(r->target) == DEVICE_LOCKED || (proved && d->has_wallet))) {
		request_answer_recorded(r, recorded);
		*done = true;
		return ERR_OK;
	}
	if (!proved && (d->has_wallet || !r->raw))
		return request_submit(r, STEP_WALLET, OP_PUBLIC_KEY);
	/* A signature is checked against the public key before it leaves; a preshared key is made
	 * with it. */
	if ((r->op == OP_SIGN || (r->wg_keys && !request_is_wg_key(r))) && !known)
		return request_learn(r);
	e = r->op == OP_SIGN && r->learned ? request_check_data(r, key) : ERR_OK;
	if (e == ERR_OK && op_is_use(r->op))
		e = consent_ask(r, &asked);
	if (e != ERR_OK || asked)
		return e;
	if (request_is_wg_key(r))
		return request_submit(r, STEP_OPERATION, OP_SECRET);
	/* No signature and no wallet that would tell another key: then ask for the key. */
	if ((r->op == OP_ECDH || r->op == OP_SECRET) && known && !d->has_wallet && !r->learned)
		return request_learn(r);
	return request_submit(r, STEP_OPERATION, r->op);
}

static void request_go(struct request *r)
{
	bool done = false;
	enum err e = lock_check(r); /* it may have waited */

	if (e == ERR_OK)
		e = request_step(r, &done);

	if (e != ERR_OK || done)
		request_finish(r, e);
}

/* Its device is locked. True: the request goes on when that is unlocked, once. */
static bool request_unlock(struct request *r)
{
	if (!asking_may_unlock(r))
		return false;
	if (!asking_client(r))
		return request_wait_unlock(r) == ERR_OK;
	r->unlock_tried = true;
	r->learned = false;
	return request_submit(r, STEP_UNLOCK, OP_UNLOCK) == ERR_OK;
}

/* Remembers which device an identity stays with, and its public key (NULL: not told). A raw look at
 * a node is no use of it. */
static void request_remember(struct request *r, const uint8_t *pub)
{
	struct keyring *keys = &r->agent->keys;
	size_t before = keys->count;
	struct key *key;
	bool changed;

	if (!request_has_identity(r) || r->raw)
		return;
	key = keyring_add(keys, &r->id, request_purpose(r), r->driver, r->serial);
	if (key == NULL)
		return;
	changed = keys->count > before;
	config_key_settings(r->agent->config, key);
	if (pub != NULL && !key->known) {
		keyring_learn(key, pub);
		changed = true;
	}
	if (changed)
		store_save_keys(&r->agent->store);
}

/* Another key than the recorded one; `what` names both. */
static enum err request_mismatch(struct request *r, const char *what)
{
	char text[WHY_MAX];

	snprintf(text, sizeof(text), "%s", what);
	return why_set(&r->why, ERR_MISMATCH,
		       "%s:%s: %s; if that is meant: `lanyard key forget -d %s --all`", r->driver,
		       device_info(r->target)->label, text, r->serial);
}

void request_unlocked(struct request *r, enum err e, const struct why *why)
{
	if (e == ERR_OK) {
		request_go(r);
		return;
	}
	if (e == ERR_MISMATCH)
		request_mismatch(r, why->text);
	else
		r->why = *why;
	request_finish(r, e);
}

/* The WireGuard public key of SECRET, and SECRET itself where it is asked for. */
static enum err request_take_wg_key(struct request *r, struct job *job)
{
	const struct key *key = request_key(r);
	char now[2 * 32 + 1], known[2 * 32 + 1], what[WHY_MAX];
	uint8_t pub[PUBLIC_KEY_LEN] = {0};
	enum err e = ERR_OK;

	if (r->wg_keys)
		e = secret_copy(&r->secret, job->secret.p, job->secret.n);
	kdf_wg_private(job->secret.p, job->secret.p, r->id.uri);
	kdf_wg_public(pub + 1, job->secret.p);
	secret_free(&job->secret);
	if (e != ERR_OK)
		return why_set(&r->why, e, "no locked memory left: the agent's log says more");
	if (key != NULL && key->known && memcmp(key->public_key, pub, sizeof(pub)) != 0) {
		hex_encode(now, pub + 1, 32);
		hex_encode(known, key->public_key + 1, 32);
		snprintf(what, sizeof(what),
			 "the WireGuard key is %s, but %s is the known one: probably another "
			 "wallet, passphrase or token",
			 now, known);
		return request_mismatch(r, what);
	}
	memcpy(r->out, pub + 1, 32);
	r->out_len = 32;
	request_remember(r, pub);
	return ERR_OK;
}

static void request_take_result(struct request *r, struct job *job)
{
	memcpy(r->out, job->out, job->out_len);
	r->out_len = job->out_len;
	r->secret = job->secret;
	r->text = job->text;
	job->secret = (struct secret){0};
}

/* The device has shown its wallet, or said that it has none to show. */
static void request_wallet_done(struct request *r, const struct job *job, enum err e)
{
	struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);
	const struct key *key = request_key(r);

	if (e != ERR_OK && e != ERR_UNSUPPORTED)
		r->why = job->why;
	else if (d == NULL)
		e = why_set(&r->why, ERR_NO_DEVICE, "the device was forgotten meanwhile");
	else
		e = store_prove(&r->agent->store, d, job->session, e == ERR_OK ? job->out : NULL,
				&r->why);
	if (e == ERR_OK) {
		request_go(r);
		return;
	}
	/* Ask for the key too: both can then be named. */
	if (e == ERR_MISMATCH && key != NULL && key->known && r->id.class != CLASS_WG_INTERFACE) {
		r->foreign = true;
		if (request_submit(r, STEP_LEARN_KEY, OP_PUBLIC_KEY) == ERR_OK)
			return;
	}
	request_finish(r, e);
}

/* The device was locked, or opened anew, after it had answered for its wallet and before the job
 * ran: who knows what answered. A signature has been verified. */
static bool request_is_stale(const struct request *r, const struct job *job)
{
	const struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);

	return request_has_identity(r) && job->op != OP_SIGN && d != NULL && d->proved &&
	       d->session != job->session;
}

static void request_job_done(struct job *job, enum err e)
{
	struct request *r = job->arg;

	asking_end(r, e);
	if (r->canceled && e == ERR_OK)
		e = ERR_CANCELED;
	if (r->step == STEP_UNLOCK) {
		request_unlocked(r, e, &job->why);
		return;
	}
	if (e == ERR_LOCKED && !r->foreign && request_unlock(r))
		return;
	if (r->step == STEP_WALLET) {
		request_wallet_done(r, job, e);
		return;
	}
	if (r->foreign && e != ERR_MISMATCH && e != ERR_CANCELED) {
		request_finish(r, ERR_MISMATCH);
		return;
	}
	if (e == ERR_OK && request_is_stale(r, job)) {
		secret_free(&job->secret);
		r->learned = false;
		request_go(r);
		return;
	}
	if (e == ERR_OK && request_is_wg_key(r))
		e = request_take_wg_key(r, job);
	else if (e == ERR_MISMATCH)
		request_mismatch(r, job->why.text);
	else if (e != ERR_OK)
		r->why = job->why;
	if (e != ERR_OK) {
		secret_free(&job->secret);
		request_finish(r, e);
		return;
	}
	if (request_is_wg_key(r)) {
		request_finish(r, ERR_OK);
		return;
	}
	request_remember(r, job->op == OP_PUBLIC_KEY ? job->out : NULL);
	if (r->step == STEP_LEARN_KEY) {
		request_go(r);
		return;
	}
	if (r->op == OP_UNLOCK) {
		unlock_release(r->agent, r->target);
		lock_open(r->agent, r->classes);
	}
	e = lock_check(r);
	if (e == ERR_OK)
		request_take_result(r, job);
	else
		secret_free(&job->secret);
	request_finish(r, e);
}

static void request_no_device(struct request *r, const char *name)
{
	char waited[40] = "";

	if (r->wait_until != 0)
		snprintf(waited, sizeof(waited), " and did not come within %u s",
			 r->agent->config->wait_device);
	request_finish(r, why_set(&r->why, ERR_NO_DEVICE,
				  "%s (serial %s), which holds %s, is not connected%s: connect it "
				  "and try again",
				  name, r->serial, r->id.uri, waited));
}

/* The device is not connected: what is recorded needs none, all else waits for it. */
static void request_absent(struct request *r)
{
	const struct known_device *d = store_find(&r->agent->store, r->driver, r->serial);
	unsigned seconds = r->agent->config->wait_device;
	const struct key *key = request_recorded(r);
	char name[DRIVER_NAME_MAX + 1 + DEVICE_LABEL_MAX + 1];

	snprintf(name, sizeof(name), "%s:%s", r->driver, d != NULL ? d->is.label : "-");
	if (key != NULL) {
		request_answer_recorded(r, key);
		request_finish(r, ERR_OK);
	} else if (r->patient && r->wait_until == 0 && seconds > 0) {
		log_info("%s waits up to %u s for %s (serial %s)", r->id.uri, seconds, name,
			 r->serial);
		waiting_add(&r->agent->waiting, r, seconds);
		if (r->calls->waiting != NULL)
			r->calls->waiting(r, name, seconds);
	} else {
		request_no_device(r, name);
	}
}

static void request_locate(struct request *r)
{
	enum err e = request_check(r);
	const struct key *key;

	if (e == ERR_OK)
		e = pick_device(r);
	/* What may not be signed needs no device to be refused. */
	key = e == ERR_OK && r->op == OP_SIGN ? request_key(r) : NULL;
	if (key != NULL && key->known)
		e = request_check_data(r, key);
	if (e == ERR_OK && op_is_use(r->op))
		e = consent_check(r);
	if (e == ERR_OK && r->target == NULL) {
		request_absent(r);
		return;
	}
	if (e == ERR_OK)
		e = request_check_driver(r);
	if (e == ERR_OK)
		request_go(r);
	else
		request_finish(r, e);
}

void request_start(struct request *r)
{
	request_clear(r);
	r->running = true;
	request_locate(r);
}

void request_resume(struct request *r, enum err e)
{
	if (e == ERR_CANCELED)
		request_finish(r, e);
	else
		request_locate(r); /* without its device it has waited enough */
}

void request_cancel(struct request *r)
{
	if (!r->running)
		return;
	r->canceled = true;
	if (r->confirmation != NULL) {
		consent_leave(r);
		request_finish(r, ERR_CANCELED);
	} else if (r->waiting)
		waiting_cancel(&r->agent->waiting, r);
	else if (r->unlock != NULL) {
		unlock_leave(r);
		request_finish(r, ERR_CANCELED);
	} else
		device_cancel(&r->job);
}

void request_consented(struct request *r, enum err e)
{
	/* The device may have left meanwhile, and another have come. */
	r->target = pick_connected(r->agent, r->driver, r->serial);
	if (e == ERR_OK && r->target != NULL) {
		request_go(r);
		return;
	}
	if (e == ERR_OK)
		e = why_set(
			&r->why, ERR_NO_DEVICE,
			"%s (serial %s), which holds %s, was unplugged: connect it and try again",
			r->driver, r->serial, r->id.uri);
	request_finish(r, e);
}

void request_answer(struct request *r, enum err e, const void *p, size_t n)
{
	if (!r->asking)
		return;
	r->asking = false;
	job_answer(&r->job, e, p, n);
}

void request_clear(struct request *r)
{
	secret_wipe(r->out, sizeof(r->out));
	r->out_len = 0;
	secret_free(&r->secret);
	r->text = NULL;
	r->driver[0] = r->serial[0] = '\0';
	r->proof.facts[0] = '\0';
	r->why.text[0] = '\0';
	r->target = NULL;
	r->canceled = false;
	r->asking = false;
	r->learned = r->foreign = false;
	r->unlock_tried = r->consented = false;
	r->wait_until = 0;
}
