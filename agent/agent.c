/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"

const struct scheme *agent_scheme(const struct agent *a, enum identity_class class)
{
	for (const struct scheme *const *s = a->schemes; *s != NULL; s++)
		if ((*s)->class == class)
			return *s;
	return NULL;
}

/* ---- the keys, for dialects (request.h) ---- */

const struct key *request_next_key(struct agent *a, const struct key *after)
{
	size_t i = after == NULL ? 0 : after->position + 1;

	return i < a->keys.count ? a->keys.keys[i] : NULL;
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
