/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"

#include <stdlib.h>

#include "protocol/log.h"

const struct scheme *agent_scheme(const struct agent *a, enum identity_class class)
{
	for (const struct scheme *const *s = a->schemes; *s != NULL; s++)
		if ((*s)->class == class)
			return *s;
	return NULL;
}

/* ---- the keys, for dialects (request.h) ---- */

void agent_offer_key(const struct agent *a, struct key *key, uint32_t life, bool confirm)
{
	if (!key->listed)
		key->confirm = false;
	key->listed = true;
	if (life > 0)
		key->until = clock_now(a->clock) + life * UINT64_C(1000);
	key->confirm |= confirm;
}

void agent_unlist_key(struct key *key)
{
	key->listed = false;
	key->until = 0;
	free(key->added_destinations);
	key->added_destinations = NULL;
}

uint32_t agent_key_life(const struct agent *a, const struct key *key)
{
	uint64_t now = key->until != 0 ? clock_now(a->clock) : 0;

	return key->until > now ? (uint32_t)((key->until - now + 999) / 1000) : 0;
}

void agent_expire_key(const struct agent *a, struct key *key)
{
	if (key->until == 0 || clock_now(a->clock) < key->until)
		return;
	agent_unlist_key(key);
	log_info("%s is no longer offered to SSH clients: its time is over", key->id.uri);
}

/* Whoever looks at a key finds out here that its time is over: that needs no timer. */
const struct key *request_next_key(struct agent *a, const struct key *after)
{
	size_t i = after == NULL ? 0 : after->position + 1;
	struct key *key = i < a->keys.count ? a->keys.keys[i] : NULL;

	if (key != NULL)
		agent_expire_key(a, key);
	return key;
}

enum err request_unlist(struct agent *a, const struct key *key)
{
	enum err e = ERR_NOT_FOUND;

	for (size_t i = 0; i < a->keys.count; i++)
		if (a->keys.keys[i]->listed && (key == NULL || key == a->keys.keys[i])) {
			agent_unlist_key(a->keys.keys[i]);
			e = ERR_OK;
		}
	return e;
}

void request_refresh_certs(struct agent *a)
{
	const struct scheme *scheme = agent_scheme(a, CLASS_SSH);

	if (scheme != NULL && scheme->read_cert != NULL)
		certs_refresh(&a->certs, scheme->read_cert);
}

const struct cert *request_next_cert(const struct agent *a, const struct key *key,
				     const struct cert *after)
{
	return certs_next(&a->certs, key, after);
}

const char *request_destinations(const struct key *key)
{
	return key->destinations != NULL ? key->destinations : key->added_destinations;
}

bool request_locked(const struct agent *a)
{
	return a->locked == LOCKED_ALL;
}

bool request_class_locked(const struct agent *a, enum op_class class)
{
	return (a->locked & 1u << class) != 0;
}

enum forwarded request_forwarded(const struct agent *a, const struct key *key)
{
	static const struct identity others = {.class = CLASS_SSH, .uri = "ssh://"};
	const struct known_device *d = key != NULL ? store_find(&a->store, key->driver, key->serial)
						   : NULL;
	struct policy policy;

	config_policy(a->config, key != NULL ? &key->id : &others, key != NULL ? key->driver : "",
		      key != NULL ? key->serial : "", d != NULL ? d->is.label : NULL, &policy);
	return policy.forwarded != FORWARDED_UNSET ? policy.forwarded : FORWARDED_CONFIRM;
}
