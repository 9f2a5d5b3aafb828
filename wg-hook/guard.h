/* SPDX-License-Identifier: MIT */
/*
 * The watcher's second half, where there is no systemd to do the same (ExecStopPost): a process
 * with CAP_NET_ADMIN alone that was forked before there was a secret. It waits for the watcher's
 * end, however that comes, and closes the interface. Its own end makes the watcher close.
 */
#ifndef LANYARD_WG_GUARD_H
#define LANYARD_WG_GUARD_H

#include "protocol/err.h"

/* Capabilities as bits, 1 << CAP_… of <linux/capability.h>. For good, also over an exec. */
enum err privileges_keep(unsigned long long capabilities, struct why *why) MUST_CHECK;

/*
 * Forks it and waits until it is ready. *fd ends (POLLHUP) with it, and it sees that *fd is closed,
 * by the end of this process too. While the other end of `leash` (-1: none) is open without having
 * said a byte, its end is this process's too: that is `up`, which a person interrupted.
 */
enum err guard_start(const char *iface, int leash, int *fd, struct why *why) MUST_CHECK;

#endif
