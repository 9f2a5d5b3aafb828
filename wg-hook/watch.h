/* SPDX-License-Identifier: MIT */
/*
 * The watcher: fetches an interface's keys from the agent, puts them in, follows the agent's WATCH
 * and closes the interface when the device or the agent goes; restores it, with keys fetched again,
 * when they are back. Also changes the preshared keys with time (rotate.h): then it keeps their
 * trees, in one block of locked memory, else no secret at all.
 *
 * One thread. It handles no signal: whatever ends it, its other half (guard.h, or ExecStopPost of
 * the unit) closes the interface.
 */
#ifndef LANYARD_WG_WATCH_H
#define LANYARD_WG_WATCH_H

#include "wg-hook/owner.h"
#include "wg-hook/state.h"
#include "wg-hook/tunnel.h"

/*
 * Runs until the interface is gone, the guard (`guard`, or -1) ends, or the first try fails with
 * on-missing = fail. `lock` is of state_open(), held as ROLE_WATCHER. What happens is in the state
 * file, for `up`. Returns the exit status.
 */
int watch_run(const char *iface, int lock, int guard, const struct tunnel *t,
	      const struct owner *owner);

#endif
