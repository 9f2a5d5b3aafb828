/* SPDX-License-Identifier: MIT */
/*
 * Locks all when no key was used for a while (config lock-after). Time goes on while the machine is
 * suspended. It begins with a use or an unlock: where nothing was unlocked there is nothing to
 * lock. Loop thread only.
 */
#ifndef LANYARD_IDLE_H
#define LANYARD_IDLE_H

#include "protocol/err.h"

struct agent;
struct idle;

enum err idle_new(struct agent *a, struct why *why) MUST_CHECK;
void idle_close(struct agent *a);
/* A key was used, or a device unlocked. */
void idle_used(struct agent *a);

#endif
