/* SPDX-License-Identifier: MIT */
#include "agent/pick.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"

bool request_has_identity(const struct request *r)
{
	return r->op != OP_UNLOCK && r->op != OP_LOCK && r->op != OP_VERB;
}

struct device *pick_connected(const struct agent *a, const char *driver, const char *serial)
{
	struct device *d = NULL;

	while ((d = registry_next(a->registry, d)) != NULL)
		if (strcmp(device_info(d)->serial, serial) == 0 &&
		    strcmp(device_driver(d)->name, driver) == 0)
			return d;
	return NULL;
}

static enum err pick_known(struct request *r, const char *driver, const char *serial)
{
	snprintf(r->driver, sizeof(r->driver), "%s", driver);
	snprintf(r->serial, sizeof(r->serial), "%s", serial);
	r->target = pick_connected(r->agent, driver, serial);
	return ERR_OK;
}

static enum err pick_target(struct request *r, struct device *d)
{
	return pick_known(r, device_driver(d)->name, device_info(d)->serial);
}

/* A device that is connected goes before one that was once called the same. */
static enum err pick_selected(struct request *r, const char *selector)
{
	struct known_device *known;
	struct device *d;
	enum err e = registry_find(r->agent->registry, selector, &d, &r->why);

	if (e == ERR_OK)
		return pick_target(r, d);
	if (e != ERR_NO_DEVICE || !request_has_identity(r) ||
	    store_select(&r->agent->store, selector, &known, NULL) != ERR_OK)
		return e;
	r->why.text[0] = '\0';
	return pick_known(r, known->is.driver, known->is.serial);
}

static const char *pick_configured(const struct request *r)
{
	const struct config_key *k = config_find_key(r->agent->config, &r->id);

	return k != NULL ? k->device : NULL;
}

enum err pick_device(struct request *r)
{
	struct registry *registry = r->agent->registry;
	const char *selector = r->device;
	const struct key *home = NULL;
	struct device *only;

	if (selector == NULL && request_has_identity(r)) {
		selector = pick_configured(r);
		home = keyring_home(&r->agent->keys, &r->id);
	}
	if (selector == NULL && home != NULL)
		return pick_known(r, home->driver, home->serial);
	if (selector == NULL)
		selector = r->agent->config->device;
	if (selector != NULL)
		return pick_selected(r, selector);
	only = registry_next(registry, NULL);
	if (only == NULL && registry_trouble(registry, 0) != NULL)
		return why_set(&r->why, ERR_NO_DEVICE, "no device is usable: %s",
			       registry_trouble(registry, 0));
	if (only == NULL)
		return why_set(&r->why, ERR_NO_DEVICE,
			       "no device is connected: plug one in, or make one with `lanyard "
			       "soft init`; `lanyard soft list` says why one is not used");
	if (registry_next(registry, only) != NULL)
		return why_set(&r->why, ERR_AMBIGUOUS,
			       "%zu devices are connected: choose one with -d, or set `device` in "
			       "the config",
			       registry_count(registry));
	return pick_target(r, only);
}
