/* SPDX-License-Identifier: MIT */
/* How a watcher comes to run: as lanyard-wg@IFACE.service where systemd is and has that unit, else
 * as a daemon of our own with a guard (guard.h). */
#ifndef LANYARD_WG_START_H
#define LANYARD_WG_START_H

#include "wg-hook/owner.h"
#include "wg-hook/tunnel.h"

/*
 * Starts it. How it goes is in the state file. *leash (-1 under systemd) is to be written a byte to
 * once that is known: without it, this process's end ends the watcher.
 */
enum err start_watcher(const struct options *o, const struct tunnel *t, const struct owner *owner,
		       int *leash, struct why *why) MUST_CHECK;
/* Stops the unit, if there is systemd; waits for it. */
void start_unit_stop(const char *iface);
/* This process was started by systemd for the unit. */
bool start_is_unit(void);

#endif
