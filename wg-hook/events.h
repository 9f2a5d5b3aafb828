/* SPDX-License-Identifier: MIT */
/* What the agent tells by WATCH (doc/PROTOCOL.md): a connection that is read without blocking.
 * Every line is taken as hostile. */
#ifndef LANYARD_WG_EVENTS_H
#define LANYARD_WG_EVENTS_H

#include "protocol/client.h"
#include "wg-hook/owner.h"

enum { EVENT_WORD_MAX = 64, EVENT_DEVICES_MAX = 32 };

enum event_kind {
	EVENT_NONE, /* nothing we need */
	EVENT_WATCHING,
	EVENT_DEVICE, /* it is there: serial, name, custody, ready */
	EVENT_LEFT,   /* serial */
	EVENT_LOCKED,
	EVENT_UNLOCKED,
	EVENT_USED, /* uri, index; with serial when a device did it */
	EVENT_END,  /* the agent ended it */
};

struct event {
	enum event_kind kind;
	bool ready; /* of EVENT_DEVICE: not locked */
	bool ok;    /* of EVENT_USED */
	uint32_t index;
	char uri[IDENTITY_URI_MAX + 1];
	/* Clean, cut; a serial that does not fit is none of ours. */
	char serial[EVENT_WORD_MAX], name[EVENT_WORD_MAX], custody[EVENT_WORD_MAX];
};

/* One line without LF. ERR_SYNTAX for one that WATCH does not send. Pure. */
enum err event_parse(struct event *e, const void *p, size_t n, struct why *why) MUST_CHECK;

/* What follows from the events so far. */
struct events {
	struct client *client; /* NULL: no agent */
	bool locked;           /* the agent as a whole */
	size_t devices;
	struct {
		char serial[EVENT_WORD_MAX];
		char name[EVENT_WORD_MAX]; /* driver:label */
		char custody[EVENT_WORD_MAX];
		bool ready;
	} device[EVENT_DEVICES_MAX]; /* connected now; more than fit are left out */
	size_t have;
	char bytes[LINE_LEN_MAX + 1];
};

/* Connects, and reads until EVENT_WATCHING, five seconds at most. On error there is no client. */
enum err events_open(struct events *w, const struct owner *owner, struct why *why) MUST_CHECK;
void events_close(struct events *w);
int events_fd(const struct events *w); /* -1 without a client */
/* The next event, taken into account in `w` already; EVENT_NONE when nothing has come. After
 * EVENT_END, which any violation is too (with `why`), there is no client. */
struct event events_next(struct events *w, struct why *why);
/* Takes it into account: for events_next(). Pure. */
void events_apply(struct events *w, const struct event *e);
/* The place in `device` of a serial or DRIVER:LABEL, or -1. */
int events_find(const struct events *w, const char *selector);

#endif
