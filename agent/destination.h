/* SPDX-License-Identifier: MIT */
/*
 * Where a key may be used, as ssh-add -h says it: [HOP>][USER@]HOST. Of a list, which a key has,
 * one is enough for each hop of a connection (ssh/destination.h). Pure; any thread.
 */
#ifndef LANYARD_DESTINATION_H
#define LANYARD_DESTINATION_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum {
	DESTINATION_NAME_MAX = 263, /* a DNS name, brackets and a port */
	DESTINATION_USER_MAX = 100,
	DESTINATION_TEXT_MAX = 2 * DESTINATION_NAME_MAX + DESTINATION_USER_MAX + 2,
	DESTINATION_COUNT_MAX = 16, /* in a list */
};

struct destination {
	/* Names as known_hosts has them: lower case, [host]:port unless the port is 22. */
	char from[DESTINATION_NAME_MAX + 1]; /* the hop before it; "": this machine */
	char user[DESTINATION_USER_MAX + 1]; /* may have * and ?; "": any */
	char host[DESTINATION_NAME_MAX + 1];
};

/* One of them. host:port is taken for [host]:port. */
enum err destination_parse(struct destination *out, struct slice text, struct why *why) MUST_CHECK;
/* As it is parsed. */
void destination_text(char out[static DESTINATION_TEXT_MAX + 1], const struct destination *d);

/* Adds those in `text`, with commas between, to a list: text of the same form, on the heap, NULL
 * when empty. One that is there already is no second one. On error the list is as it was. */
enum err destinations_add(char **list, const char *text, struct why *why) MUST_CHECK;
/* Takes the first off the list; false at its end. */
bool destinations_next(const char **list, struct destination *out);
/* `a` allows no more than `b`, as far as their words tell. NULL allows all. */
bool destinations_within(const char *a, const char *b);

#endif
