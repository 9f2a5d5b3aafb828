/* SPDX-License-Identifier: MIT */
/*
 * What is locked: all, or classes of use (`lanyard lock auth`). All of it wipes every device; a
 * class alone is refused, and the devices go on working for the others. Loop thread only.
 */
#ifndef LANYARD_LOCK_H
#define LANYARD_LOCK_H

#include "agent/agent.h"

/* The word of a LOCK or UNLOCK as a set of 1 << enum op_class. False, and unchanged: it is none. */
bool lock_parse(unsigned *classes, const char *word);

/*
 * Locks one device (d) or, with NULL, the agent and every device: done() when all secrets are
 * wiped, always on the loop and never from inside. done may be NULL. ERR_NO_DEVICE: there is no
 * device to wait for; the agent is locked all the same, done() will not come.
 */
enum err lock_wipe(struct agent *a, struct device *d, void (*done)(void *arg),
		   void *arg) MUST_CHECK;
/* Classes alone: nothing is wiped, what runs of them is refused when it ends. */
void lock_classes(struct agent *a, unsigned classes);
/* Its owner said so. Devices stay as they are. */
void lock_open(struct agent *a, unsigned classes);

/* ERR_LOCKED, with r->why, when what the request does is locked, as far as it is known yet: what a
 * signature is for is known once r->proof is. */
enum err lock_check(struct request *r) MUST_CHECK;

/* Calls told() with "all", or with each class that is locked. */
void lock_tell(unsigned classes, void (*told)(void *arg, const char *word), void *arg);

#endif
