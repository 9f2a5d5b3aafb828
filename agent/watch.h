/* SPDX-License-Identifier: MIT */
/*
 * Clients that follow what happens (WATCH of doc/PROTOCOL.md). An event is sent at once; a client
 * that does not read is dropped, and holds up nobody. The log of events gets the same. Loop thread
 * only.
 */
#ifndef LANYARD_WATCH_H
#define LANYARD_WATCH_H

#include "agent/event_log.h"
#include "agent/request.h"

struct conn;

/* Unread bytes of a watcher, beyond what its socket holds, that end its connection. */
enum { WATCH_UNREAD_MAX = 64 * 1024 };

/* One client; lives in the dialect's connection state. */
struct watcher {
	struct conn *conn; /* NULL: does not watch */
	struct watcher *prev, *next;
};

struct watch {
	struct watcher *first;
	struct event_log log;
};

/* Somebody watches, or a log is kept. */
bool watch_any(const struct watch *watch);
void watch_add(struct watch *watch, struct watcher *w, struct conn *c);
/* Also for one that does not watch. */
void watch_remove(struct watch *watch, struct watcher *w);

void watch_device_arrived(struct watch *watch, const struct device *d);
void watch_device_left(struct watch *watch, const struct device *d);
void watch_device_state(struct watch *watch, const struct device *d);
/* The agent is locked, or is not any more: `what` is "all" or a class of use. */
void watch_locked(struct watch *watch, bool locked, const char *what);
struct upstream_use;
/* A use of another agent's key has ended. */
void watch_upstream(struct watch *watch, const struct upstream_use *use);
/* A request has ended; nothing unless it was to use a private key. */
void watch_request(struct watch *watch, const struct request *r, enum err e);

#endif
