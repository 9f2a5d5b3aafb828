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
	bool going; /* autoload_go() is on the stack */
	bool again; /* a device came meanwhile: once more from the start */
};

enum err autoload_init(struct autoload *l, struct agent *a) MUST_CHECK;
/* A device arrived or was unlocked: try what is still unknown. */
void autoload_kick(struct autoload *l);
/* The identity's key is unknown again. */
void autoload_again(struct autoload *l, const struct identity *id);
void autoload_free(struct autoload *l);

#endif
