/* SPDX-License-Identifier: MIT */
#include "agent/request.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "derive/kdf.h"
#include "protocol/log.h"

/* What the job in flight is for. */
enum step { STEP_LEARN_KEY, STEP_OPERATION };

static void request_finish(struct request *r, enum err e)
{
	r->running = false;
	r->asking = false;
	if (e != ERR_OK) {
		secret_wipe(r->out, sizeof(r->out));
		r->out_len = 0;
		secret_free(&r->secret);
	}
	r->calls->done(r, e);
}

static enum purpose request_purpose(const struct request *r)
{
	switch (r->op) {
	case OP_ECDH:
	case OP_SECRET:
		return PURPOSE_ECDH;
	case OP_PUBLIC_KEY:
		return r->id.curve == CURVE_CURVE25519 ? PURPOSE_ECDH : r->purpose;
	default:
		return PURPOSE_SIGN;
	}
}

/* WireGuard's public key is that of a private key made from SECRET, so that is what to ask for. */
static bool request_is_wg_key(const struct request *r)
{
	return r->op == OP_PUBLIC_KEY && r->id.class == CLASS_WG_INTERFACE && !r->raw;
}

static bool request_has_identity(const struct request *r)
{
	return r->op != OP_UNLOCK && r->op != OP_LOCK && r->op != OP_VERB;
}

static enum err request_check(struct request *r)
{
	static const enum use use_of[OP_COUNT] = {
		[OP_PUBLIC_KEY] = USE_PUBLIC_KEY,
		[OP_SIGN] = USE_SIGN,
		[OP_ECDH] = USE_ECDH,
		[OP_SECRET] = USE_SECRET,
	};
	enum curve c = r->id.curve;
	enum err e;

	if (r->agent->stopping)
		return why_set(&r->why, ERR_SHUTDOWN, "the agent is shutting down");
	if (r->agent->locked && r->op != OP_UNLOCK)
		return why_set(&r->why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
	if (!request_has_identity(r))
		return ERR_OK;
	e = identity_may(&r->id, use_of[r->op], &r->why);
	if (e != ERR_OK)
		return e;
	if ((r->op == OP_SIGN && c == CURVE_CURVE25519) ||
	    (request_purpose(r) == PURPOSE_ECDH && c == CURVE_ED25519) ||
	    (r->op == OP_SECRET && c != CURVE_CURVE25519))
		return why_set(
			&r->why, ERR_UNSUPPORTED,
			"curve %s cannot do that: sign with ed25519, nist256p1 or secp256k1; ECDH "
			"with curve25519, nist256p1 or secp256k1; SECRET with curve25519",
			curve_name(c));
	return ERR_OK;
}

static const char *request_config_device(const struct request *r)
{
	const struct config *config = r->agent->config;

	if (request_has_identity(r))
		for (size_t i = 0; i < config->key_count; i++)
			if (identity_equal(&config->keys[i].id, &r->id) &&
			    config->keys[i].device != NULL)
				return config->keys[i].device;
	return config->device;
}

/* The device named in the request, else the one the identity stays with, else the configured one,
 * else the only one. Several and none chosen is an error, never the first. */
static enum err request_pick_device(struct request *r)
{
	struct registry *registry = r->agent->registry;
	const char *selector = r->device;
	const char *home;

	if (selector == NULL && request_has_identity(r)) {
		home = keyring_home(&r->agent->keys, &r->id);
		if (home != NULL) {
			r->target = registry_by_serial(registry, home);
			if (r->target != NULL)
				return ERR_OK;
			return why_set(
				&r->why, ERR_NO_DEVICE,
				"the device with serial %s, which holds %s, is not connected", home,
				r->id.uri);
		}
	}
	if (selector == NULL)
		selector = request_config_device(r);
	if (selector != NULL)
		return registry_find(registry, selector, &r->target, &r->why);
	r->target = registry_next(registry, NULL);
	if (r->target == NULL)
		return why_set(&r->why, ERR_NO_DEVICE,
			       "no device is connected: plug one in, or make one with `lanyard "
			       "soft init`");
	if (registry_next(registry, r->target) != NULL)
		return why_set(&r->why, ERR_AMBIGUOUS,
			       "%zu devices are connected: choose one with -d, or set `device` in "
			       "the config",
			       registry_count(registry));
	return ERR_OK;
}

static enum err request_check_driver(struct request *r)
{
	const struct driver *driver = device_driver(r->target);
	enum op op = request_is_wg_key(r) ? OP_SECRET : r->op;

	if ((driver->ops & 1u << op) != 0)
		return ERR_OK;
	return why_set(&r->why, ERR_UNSUPPORTED,
		       "%s:%s cannot do that: the %s driver has no such operation", driver->name,
		       device_info(r->target)->label, driver->name);
}

/* What a scheme's parser says of the data; schemes without one may sign anything. */
static enum err request_check_data(struct request *r, const struct key *key)
{
	const struct scheme *scheme = agent_scheme(r->agent, r->id.class);

	snprintf(r->facts, sizeof(r->facts), "%s", r->id.uri);
	if (scheme == NULL || scheme->check_sign == NULL)
		return ERR_OK;
	return scheme->check_sign(key, r->context, r->data, r->facts, sizeof(r->facts), &r->why);
}

static void request_job_done(struct job *job, enum err e);

static void request_job_ask(struct job *job, const struct ask *ask)
{
	struct request *r = job->arg;

	if (r->calls->ask == NULL) {
		job_answer(job, ERR_NO_PROMPT, NULL, 0);
		return;
	}
	r->asking = true;
	r->calls->ask(r, ask);
}

static enum err request_submit(struct request *r, enum step step, enum op op)
{
	struct key *key = keyring_find(&r->agent->keys, &r->id, request_purpose(r),
				       device_info(r->target)->serial);
	bool known = request_has_identity(r) && key != NULL && key->known;

	r->step = step;
	r->job = (struct job){
		.op = op,
		.id = r->id,
		.purpose = request_purpose(r),
		.data = r->data,
		.visual = r->visual,
		.has_expect = known,
		.verb = r->verb,
		.args = r->args,
		.done = request_job_done,
		.ask = request_job_ask,
		.arg = r,
	};
	if (known)
		memcpy(r->job.expect, key->public_key, PUBLIC_KEY_LEN);
	return device_submit(r->target, &r->job);
}

/* Next job, or none when the answer is known already. *done says which. */
static enum err request_step(struct request *r, bool *done)
{
	const struct key *key;
	enum err e;

	*done = false;
	if (!request_has_identity(r))
		return request_submit(r, STEP_OPERATION, r->op);
	if (request_is_wg_key(r))
		return request_submit(r, STEP_OPERATION, OP_SECRET);
	key = keyring_find(&r->agent->keys, &r->id, request_purpose(r),
			   device_info(r->target)->serial);
	if (r->op == OP_PUBLIC_KEY && key != NULL && key->known) {
		memcpy(r->out, key->public_key, PUBLIC_KEY_LEN);
		r->out_len = PUBLIC_KEY_LEN;
		*done = true;
		return ERR_OK;
	}
	if (r->op == OP_SIGN) {
		/* A signature is checked against the public key before it leaves. */
		if (key == NULL || !key->known)
			return request_submit(r, STEP_LEARN_KEY, OP_PUBLIC_KEY);
		e = request_check_data(r, key);
		if (e != ERR_OK)
			return e;
	}
	return request_submit(r, STEP_OPERATION, r->op);
}

static void request_go(struct request *r)
{
	bool done = false;
	enum err e = request_step(r, &done);

	if (e != ERR_OK || done)
		request_finish(r, e);
}

static unsigned request_allow(const struct request *r)
{
	const struct config *config = r->agent->config;

	for (size_t i = 0; i < config->key_count; i++)
		if (identity_equal(&config->keys[i].id, &r->id))
			return config->keys[i].allow;
	return ALLOW_DEFAULT;
}

/* Remembers which device an identity stays with, and its public key. A raw look at a node is no
 * use of it. */
static void request_remember(struct request *r, const struct job *job)
{
	struct key *key;

	if (!request_has_identity(r) || r->raw)
		return;
	key = keyring_add(&r->agent->keys, &r->id, request_purpose(r), r->serial);
	if (key == NULL)
		return;
	key->allow = request_allow(r);
	if (job->op == OP_PUBLIC_KEY && !key->known) {
		memcpy(key->public_key, job->out, PUBLIC_KEY_LEN);
		key->known = true;
	}
}

static void request_take_result(struct request *r, struct job *job)
{
	if (request_is_wg_key(r)) {
		kdf_wg_private(job->secret.p, job->secret.p, r->id.uri);
		kdf_wg_public(r->out, job->secret.p);
		r->out_len = 32;
		secret_free(&job->secret);
		return;
	}
	memcpy(r->out, job->out, job->out_len);
	r->out_len = job->out_len;
	r->secret = job->secret;
	r->text = job->text;
	job->secret = (struct secret){0};
}

static void request_job_done(struct job *job, enum err e)
{
	struct request *r = job->arg;

	r->asking = false;
	if (r->canceled && e == ERR_OK)
		e = ERR_CANCELED;
	if (e != ERR_OK) {
		r->why = job->why;
		secret_free(&job->secret);
		request_finish(r, e);
		return;
	}
	request_remember(r, job);
	if (r->step == STEP_LEARN_KEY) {
		request_go(r);
		return;
	}
	if (r->op == OP_UNLOCK && r->agent->locked) {
		r->agent->locked = false;
		log_info("unlocked");
	}
	request_take_result(r, job);
	request_finish(r, ERR_OK);
}

void request_start(struct request *r)
{
	enum err e;

	request_clear(r);
	r->running = true;
	e = request_check(r);
	if (e == ERR_OK)
		e = request_pick_device(r);
	if (e == ERR_OK)
		e = request_check_driver(r);
	if (e != ERR_OK) {
		request_finish(r, e);
		return;
	}
	snprintf(r->serial, sizeof(r->serial), "%s", device_info(r->target)->serial);
	request_go(r);
}

void request_cancel(struct request *r)
{
	if (!r->running)
		return;
	r->canceled = true;
	device_cancel(&r->job);
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
	r->serial[0] = '\0';
	r->facts[0] = '\0';
	r->why.text[0] = '\0';
	r->target = NULL;
	r->canceled = false;
	r->asking = false;
}

const struct key *request_next_key(struct agent *a, const struct key *after)
{
	size_t i = after == NULL ? 0 : after->position + 1;

	return i < a->keys.count ? a->keys.keys[i] : NULL;
}

const struct key *request_find_key(struct agent *a, enum curve curve,
				   const uint8_t pub[static PUBLIC_KEY_LEN])
{
	for (size_t i = 0; i < a->keys.count; i++) {
		const struct key *key = a->keys.keys[i];

		if (key->known && key->id.curve == curve &&
		    memcmp(key->public_key, pub, PUBLIC_KEY_LEN) == 0)
			return key;
	}
	return NULL;
}

enum err request_unlist(struct agent *a, const struct key *key)
{
	enum err e = ERR_NOT_FOUND;

	for (size_t i = 0; i < a->keys.count; i++)
		if (a->keys.keys[i]->listed && (key == NULL || key == a->keys.keys[i])) {
			a->keys.keys[i]->listed = false;
			e = ERR_OK;
		}
	return e;
}

bool request_locked(const struct agent *a)
{
	return a->locked;
}
