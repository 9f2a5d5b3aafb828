/* SPDX-License-Identifier: MIT */
#include "agent/autoload.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/log.h"

static void autoload_go(struct autoload *l)
{
	const struct config *config = l->request.agent->config;

	l->going = true;
	while (!l->request.running && (l->at < config->key_count || l->again)) {
		if (l->at == config->key_count) {
			l->at = 0;
			l->again = false;
			continue;
		}
		if (l->loaded[l->at]) {
			l->at++;
			continue;
		}
		l->request.op = OP_PUBLIC_KEY;
		l->request.purpose = PURPOSE_SIGN;
		l->request.id = config->keys[l->at].id;
		l->request.device = NULL;
		if (config->keys[l->at].device != NULL) {
			snprintf(l->device, sizeof(l->device), "%s", config->keys[l->at].device);
			l->request.device = l->device;
		}
		request_start(&l->request);
	}
	l->going = false;
}

static void autoload_done(struct request *r, enum err e)
{
	struct autoload *l = r->arg;
	struct key *key;

	if (l->stale) {
		l->stale = false;
		if (!l->going)
			autoload_go(l);
		return;
	}
	if (e == ERR_OK) {
		l->loaded[l->at] = true;
		key = keyring_find(&r->agent->keys, &r->id, PURPOSE_SIGN, r->driver, r->serial);
		if (key != NULL && r->id.class == CLASS_SSH)
			key->listed = true;
	} else if (e == ERR_MISMATCH)
		log_warn("config key %s: %s", r->id.uri, why_text(&r->why, e));
	else
		log_debug("config key %s: %s", r->id.uri, why_text(&r->why, e));
	l->at++;
	/* When it ends inside request_start(), autoload_go() is on the stack and goes on itself. */
	if (!l->going)
		autoload_go(l);
}

static const struct request_calls autoload_calls = {.done = autoload_done};

/* The key that the config means, as far as it is recorded. */
static struct key *autoload_recorded(struct agent *a, const struct config_key *k)
{
	const struct key *home = keyring_home(&a->keys, &k->id);
	struct known_device *d;

	if (k->device == NULL)
		return home != NULL ? keyring_find(&a->keys, &k->id, PURPOSE_SIGN, home->driver,
						   home->serial)
				    : NULL;
	if (store_select(&a->store, k->device, &d, NULL) != ERR_OK)
		return NULL;
	return keyring_find(&a->keys, &k->id, PURPOSE_SIGN, d->is.driver, d->is.serial);
}

/* What is recorded is offered from the start: no device is needed for a list. */
static void autoload_list_recorded(struct agent *a)
{
	for (size_t i = 0; i < a->config->key_count; i++) {
		const struct config_key *k = &a->config->keys[i];
		struct key *key = autoload_recorded(a, k);

		if (key == NULL)
			continue;
		config_key_settings(a->config, key);
		key->listed = k->id.class == CLASS_SSH && key->known;
	}
}

enum err autoload_init(struct autoload *l, struct agent *a)
{
	autoload_list_recorded(a);
	*l = (struct autoload){
		.request = {.agent = a, .calls = &autoload_calls, .arg = l},
		.loaded = calloc(a->config->key_count + 1, sizeof(bool)),
		.at = a->config->key_count,
	};
	return l->loaded != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err autoload_replace(struct autoload *l, const struct config *next)
{
	bool *loaded = calloc(next->key_count + 1, sizeof(bool));

	if (loaded == NULL)
		return ERR_NO_MEMORY;
	free(l->loaded);
	l->loaded = loaded;
	l->at = next->key_count;
	l->stale = l->request.running;
	return ERR_OK;
}

void autoload_begin(struct autoload *l)
{
	autoload_list_recorded(l->request.agent);
	autoload_kick(l);
}

void autoload_kick(struct autoload *l)
{
	l->again = true;
	autoload_go(l);
}

void autoload_again(struct autoload *l, const struct identity *id)
{
	const struct config *config = l->request.agent->config;

	for (size_t i = 0; i < config->key_count; i++)
		if (identity_equal(&config->keys[i].id, id))
			l->loaded[i] = false;
}

void autoload_free(struct autoload *l)
{
	free(l->loaded);
	l->loaded = NULL;
}
