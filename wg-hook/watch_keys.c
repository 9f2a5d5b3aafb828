/* SPDX-License-Identifier: MIT */
#include "wg-hook/watch_keys.h"

#include <poll.h>
#include <string.h>

#include "protocol/log.h"
#include "wg-hook/keys.h"
#include "wg-hook/session.h"

enum {
	/* For the agent to say on one connection what it did on the other. */
	USED_MS = 2000,
};

/* The device that the keys come from; once it has answered it is that one for good. *named is
 * false when it can be any. */
static int find_device(const struct watch *w, bool *named)
{
	const char *selector = w->s->device;

	*named = true;
	if (w->state.serial[0] != '\0')
		return events_find(&w->events, w->state.serial);
	/* An index is known to the agent alone. */
	*named = selector[0] != '\0' && strspn(selector, "0123456789") != strlen(selector);
	return *named ? events_find(&w->events, selector) : -1;
}

enum err watch_missing(const struct watch *w, struct why *why)
{
	const struct events *v = &w->events;
	bool named;
	int at = find_device(w, &named);

	if (!v->client)
		return why_set(why, ERR_NO_AGENT, "no agent answers at %s", w->owner.path);
	if (named && at < 0)
		return why_set(why, ERR_NO_DEVICE, "the device %s is not connected",
			       w->state.device[0] ? w->state.device : w->s->device);
	if (v->devices == 0)
		return why_set(why, ERR_NO_DEVICE, "no device is connected");
	if (v->locked)
		return why_set(why, ERR_LOCKED, "the agent is locked");
	if (at >= 0 && !v->device[at].ready)
		return why_set(why, ERR_LOCKED, "the device %s is locked", v->device[at].name);
	return ERR_OK;
}

static void take_event(struct watch *w, const struct event *e)
{
	if (e->kind == EVENT_USED) {
		int at = events_find(&w->events, e->serial);

		if (!e->ok || e->index != w->s->id.index || strcmp(e->uri, w->s->id.uri) != 0)
			return;
		/* A backup with the same seed that somebody else has used is not watched. */
		if (w->state.serial[0] != '\0' && strcmp(e->serial, w->state.serial) != 0)
			return;
		memcpy(w->state.serial, e->serial, sizeof(w->state.serial));
		if (at < 0)
			return;
		memcpy(w->state.device, w->events.device[at].name, sizeof(w->state.device));
		memcpy(w->state.custody, w->events.device[at].custody, sizeof(w->state.custody));
	} else if (e->kind != EVENT_NONE) {
		w->try = true;
	}
}

void watch_take_events(struct watch *w)
{
	struct why why;
	struct event e;

	while (w->events.client) {
		e = events_next(&w->events, &why);
		if (e.kind == EVENT_NONE)
			return;
		if (e.kind == EVENT_END)
			log_warn("%s: %s", w->iface, why.text);
		take_event(w, &e);
	}
}

/* Until it is known which device has answered. */
static enum err learn_device(struct watch *w, struct why *why)
{
	int64_t end = watch_now() + USED_MS;

	for (;;) {
		struct pollfd p = {.fd = events_fd(&w->events), .events = POLLIN};
		int64_t left = end - watch_now();

		watch_take_events(w);
		if (w->state.serial[0] != '\0' || !w->events.client || left <= 0)
			break;
		(void)poll(&p, 1, (int)left);
	}
	if (w->events.client && w->state.serial[0] == '\0')
		return why_set(why, ERR_DEVICE_ERROR,
			       "the agent did not say which device has the key of %s: name it as "
			       "device in %s",
			       w->s->id.uri, w->t->settings_path);
	return watch_missing(w, why);
}

/* What the interface is to have, from the keys and the epoch. */
static enum err want_new(struct wg_device *want, struct watch *w, const struct keys *k,
			 struct why *why)
{
	enum err e = ERR_OK;

	memset(want, 0, sizeof(*want));
	memcpy(want->private_key, k->private_key, WG_KEY_LEN);
	memcpy(want->public_key, k->public_key, WG_KEY_LEN);
	for (size_t i = 0; i < k->count; i++) {
		struct wg_peer *p = wg_device_add(want);

		if (!p)
			return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
		memcpy(p->public_key, k->peers[i].key, WG_KEY_LEN);
		if (k->peers[i].has_psk && !k->peers[i].is_root)
			memcpy(p->psk, k->peers[i].psk, WG_KEY_LEN);
	}
	wg_device_sort(want);
	w->epoch = w->s->rotate ? epoch_at(clock_ms(), w->s->rotate) : 0;
	e = rotation_new(&w->rotation, k, w->epoch, why);
	if (e == ERR_OK && w->rotation)
		e = rotation_keys(w->rotation, w->epoch, false, want, why);
	return e;
}

static void take_events_of(void *arg)
{
	watch_take_events(arg);
}

enum err watch_fetch(struct watch *w, struct why *why)
{
	const struct keys_meanwhile meanwhile = {take_events_of, w};
	struct client *c = NULL;
	struct keys *k = NULL;
	struct wg_device want = {0};
	enum err e = owner_connect(&w->owner, &c, why);

	/* Until it was open once, whatever was used before is not ours. */
	if (w->state.phase == PHASE_STARTING || w->state.phase == PHASE_WAITING)
		w->state.serial[0] = w->state.device[0] = '\0';
	if (e == ERR_OK)
		e = keys_fetch(&k, c, w->s, w->t->peers, w->t->conf.count, &meanwhile, why);
	/* The agent forgets what it had for us. */
	client_close(c);
	if (e == ERR_OK)
		e = learn_device(w, why);
	if (e == ERR_OK)
		e = want_new(&want, w, k, why);
	keys_free(k);
	if (e == ERR_OK)
		e = session_install(w->iface, &want, why);
	wg_device_free(&want);
	if (e == ERR_OK && w->linked_down) {
		e = session_link(w->iface, true, why);
		w->linked_down = e != ERR_OK;
	}
	if (e != ERR_OK) {
		rotation_free(w->rotation);
		w->rotation = NULL;
	}
	return e;
}
