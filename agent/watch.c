/* SPDX-License-Identifier: MIT */
#include "agent/watch.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/frontend.h"
#include "agent/peer.h"
#include "agent/pick.h"
#include "agent/status.h"
#include "agent/upstream.h"

void watch_add(struct watch *watch, struct watcher *w, struct conn *c)
{
	w->conn = c;
	w->prev = NULL;
	w->next = watch->first;
	if (w->next != NULL)
		w->next->prev = w;
	watch->first = w;
}

void watch_remove(struct watch *watch, struct watcher *w)
{
	if (w->conn == NULL)
		return;
	w->conn = NULL;
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		watch->first = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
}

bool watch_any(const struct watch *watch)
{
	return watch->first != NULL || watch->log.to != EVENTS_NOWHERE;
}

/* "S EVENT name word …" to everybody. */
static void watch_send(struct watch *watch, const char *const *words, size_t count)
{
	uint8_t text[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct watcher *next;

	event_log_write(&watch->log, words, count);
	if (watch->first == NULL)
		return;
	status_format(&w, "EVENT", words, count);
	for (struct watcher *one = watch->first; one != NULL; one = next) {
		next = one->next; /* this one may be dropped */
		conn_push(one->conn, w.p, w.n, WATCH_UNREAD_MAX);
	}
}

static void watch_device(struct watch *watch, const char *name, const struct device *d,
			 enum device_state state)
{
	const char *words[1 + STATUS_DEVICE_WORDS] = {name};
	struct status_device told;

	status_device(&told, d, state);
	for (size_t i = 0; i < STATUS_DEVICE_WORDS; i++)
		words[1 + i] = told.words[i];
	watch_send(watch, words, 1 + STATUS_DEVICE_WORDS);
}

void watch_device_arrived(struct watch *watch, const struct device *d)
{
	watch_device(watch, "device-arrived", d, device_state(d));
}

void watch_device_left(struct watch *watch, const struct device *d)
{
	watch_device(watch, "device-left", d, DEVICE_GONE);
}

void watch_device_state(struct watch *watch, const struct device *d)
{
	watch_device(watch, "device-state", d, device_state(d));
}

void watch_locked(struct watch *watch, bool locked, const char *what)
{
	const char *const words[] = {locked ? "locked" : "unlocked", what};

	watch_send(watch, words, sizeof(words) / sizeof(words[0]));
}

/* What a use is for, beyond its URI; "" when there is nothing to say. */
static const char *use_facts(const struct request *r, char *room, size_t cap)
{
	if (r->wg_keys && r->op == OP_SECRET && r->id.class == CLASS_WG_INTERFACE &&
	    r->wg_peers > 0) {
		snprintf(room, cap, "with %u preshared key%s", r->wg_peers,
			 r->wg_peers == 1 ? "" : "s");
		return room;
	}
	return strcmp(r->proof.facts, r->id.uri) != 0 ? r->proof.facts : "";
}

void watch_request(struct watch *watch, const struct request *r, enum err e)
{
	static const char *const ops[OP_COUNT] = {
		[OP_SIGN] = "sign",
		[OP_ECDH] = "ecdh",
		[OP_SECRET] = "secret",
	};
	const struct device *d = pick_connected(r->agent, r->driver, r->serial);
	char index[12], pid[12], uid[12], keys[40], process[PEER_CHAIN_MAX] = "";
	const char *const words[] = {
		"key-used",
		r->id.uri,
		index,
		curve_name(r->id.curve),
		r->wg_keys ? "wgkeys" : ops[r->op],
		err_word(e),
		r->serial,
		r->driver,
		d == NULL    ? ""
		: r->wg_keys ? custody_name(CUSTODY_KERNEL)
			     : custody_name(device_driver(d)->custody),
		use_facts(r, keys, sizeof(keys)),
		r->client,
		pid,
		uid,
		process,
	};

	/* /proc is read for somebody only. */
	if (ops[r->op] == NULL || !watch_any(watch))
		return;
	peer_chain(process, sizeof(process), r->asker);
	snprintf(pid, sizeof(pid), "%d", (int)r->asker);
	snprintf(uid, sizeof(uid), "%u", (unsigned)r->asker_uid);
	snprintf(index, sizeof(index), "%u", r->id.index);
	watch_send(watch, words, sizeof(words) / sizeof(words[0]));
}

void watch_upstream(struct watch *watch, const struct upstream_use *use)
{
	char pid[12], uid[12], process[PEER_CHAIN_MAX] = "";
	const char *const words[] = {
		"key-used", use->key,   "", "",         "sign",      err_word(use->result),
		use->path,  "upstream", "", use->facts, use->client, pid,
		uid,        process,
	};

	if (!watch_any(watch))
		return;
	peer_chain(process, sizeof(process), use->asker);
	snprintf(pid, sizeof(pid), "%d", (int)use->asker);
	snprintf(uid, sizeof(uid), "%u", (unsigned)use->asker_uid);
	watch_send(watch, words, sizeof(words) / sizeof(words[0]));
}
