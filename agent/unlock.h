/* SPDX-License-Identifier: MIT */
/*
 * Unlocking a device because requests need it: one OP_UNLOCK and one question, however many wait.
 * And which devices must not be unlocked so, because somebody locked them. Loop thread only.
 */
#ifndef LANYARD_UNLOCK_H
#define LANYARD_UNLOCK_H

#include "agent/agent.h"

struct held; /* a device that only UNLOCK unlocks */

/* Waits for r->target to be unlocked, asking its owner if nobody does yet: request_unlocked()
 * follows once, never from inside. An error: it will not come. */
enum err unlock_join(struct request *r) MUST_CHECK;
/* Waits no more. The question goes when nobody is left, and to the next one's place otherwise. */
void unlock_leave(struct request *r);

/* Somebody waits for it to be unlocked. */
bool unlock_running(const struct agent *a, const struct device *d);

/* LOCK said so: no request unlocks the device until UNLOCK has. */
void unlock_hold(struct agent *a, const struct device *d);
void unlock_release(struct agent *a, const struct device *d);
bool unlock_held(const struct agent *a, const struct device *d);
void unlock_free(struct agent *a);

/* What a request fails with when there is nobody to ask. */
enum err unlock_nobody(const struct device *d, struct why *why);

#endif
