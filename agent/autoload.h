/* SPDX-License-Identifier: MIT */
/* Offers the config's ssh:// identities: those whose public key is recorded from the start, the
 * others, and the public keys of the rest, as their devices come. Loop thread only. */
#ifndef LANYARD_AUTOLOAD_H
#define LANYARD_AUTOLOAD_H

#include "agent/agent.h"

struct autoload {
	struct request request; /* one at a time */
	bool *loaded;           /* for each config key */
	size_t at;
	bool going;                    /* autoload_go() is on the stack */
	bool again;                    /* a device came meanwhile: once more from the start */
	bool stale;                    /* the request is for a key of the config before */
	char device[SELECTOR_MAX + 1]; /* the request's */
};

enum err autoload_init(struct autoload *l, struct agent *a) MUST_CHECK;
/* A device arrived or was unlocked: try what is still unknown. */
void autoload_kick(struct autoload *l);
/* The identity's key is unknown again. */
void autoload_again(struct autoload *l, const struct identity *id);
/* For another config, which is about to be the agent's; then autoload_begin(). An error changes
 * nothing. */
enum err autoload_replace(struct autoload *l, const struct config *next) MUST_CHECK;
/* Offers what is recorded, and tries the rest. */
void autoload_begin(struct autoload *l);
void autoload_free(struct autoload *l);

#endif
