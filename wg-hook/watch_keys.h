/* SPDX-License-Identifier: MIT */
/* What the watcher knows, and its dealings with the agent: for watch.c and watch_keys.c alone. */
#ifndef LANYARD_WG_WATCH_KEYS_H
#define LANYARD_WG_WATCH_KEYS_H

#include "wg-hook/events.h"
#include "wg-hook/rotate.h"
#include "wg-hook/state.h"
#include "wg-hook/tunnel.h"

struct watch {
	const char *iface;
	const struct tunnel *t;
	const struct settings *s;
	struct owner owner;
	int lock, guard;
	int links; /* rtnetlink: interfaces come and go */
	int clock; /* timerfd: somebody set the clock, or the machine slept */
	unsigned index;
	struct events events;
	struct state state;
	struct rotation *rotation; /* NULL: nothing rotates, or not open */
	uint32_t epoch;
	bool linked_down;  /* on-…=down was carried out */
	bool slept;        /* and no device has been asked since */
	bool try;          /* something changed: the keys may be had now */
	int64_t retry;     /* monotonic ms; 0: only when something changes */
	int64_t reconnect; /* monotonic ms */
	int64_t judge;     /* monotonic ms */
	int64_t asleep;    /* ms that the machine has slept since it booted */
	int status;        /* exit status; -1: go on */
};

/* CLOCK_MONOTONIC in milliseconds. */
int64_t watch_now(void);
/* Why the keys may not be there now: ERR_OK when nothing speaks against them. */
enum err watch_missing(const struct watch *w, struct why *why) MUST_CHECK;
/* Takes all that the agent has said so far; w->try when it is a reason to ask for the keys. */
void watch_take_events(struct watch *w);
/* Fetches the keys and puts them in. Blocks while a person is asked. On error nothing is in the
 * interface, nor kept. */
enum err watch_fetch(struct watch *w, struct why *why) MUST_CHECK;

#endif
