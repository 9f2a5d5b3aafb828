/* SPDX-License-Identifier: MIT */
/*
 * Preshared keys that change with time: rotate = T, derive/kdf.h wg_tree.
 *
 * WireGuard has one preshared key a peer and needs it for a handshake only, every 120 s. Both ends
 * change it when an epoch begins, each by its own clock. Between the one and the other a handshake
 * fails, and is tried again every 5 s; what was agreed before goes on to 180 s. So clocks that
 * differ by less than 180 - 120 - 5 = 55 s lose no packet, and nothing is measured or exchanged.
 *
 * What is known of the other clock follows from that. With clocks within 30 s, a reachable peer and
 * T >= 60, a handshake that is due succeeds within 30 + 6 s. One that is due for longer while
 * packets are sent proves that the clocks differ by more, or that the peer is not reachable, or has
 * another rotate, point or extra-psk-file; which of them nobody here can tell. An idle tunnel
 * proves nothing. A difference of 30 to 55 s need not show: once a handshake was agreed on, the
 * next is due at the same second of an epoch of 60.
 */
#ifndef LANYARD_WG_ROTATE_H
#define LANYARD_WG_ROTATE_H

#include "derive/kdf.h"
#include "wg-hook/backend.h"
#include "wg-hook/keys.h"

struct rotation; /* one block of locked memory */

/* From the roots in `k`, for epochs from the one before `epoch` on. *out is NULL when no peer has a
 * root. */
enum err rotation_new(struct rotation **out, const struct keys *k, uint32_t epoch,
		      struct why *why) MUST_CHECK;
void rotation_free(struct rotation *r); /* wipes; NULL is fine */
/* Forgets what epochs before `epoch` - 1 need. ERR_INVALID when `epoch` itself is forgotten. */
enum err rotation_step(struct rotation *r, uint32_t epoch) MUST_CHECK;
/* The preshared keys of `epoch`: into the peers of `d` that have one; with `add`, such peers are
 * appended for wg_set(). */
enum err rotation_keys(const struct rotation *r, uint32_t epoch, bool add, struct wg_device *d,
		       struct why *why) MUST_CHECK;
/* Looks at handshakes (above), at `now`, in milliseconds of CLOCK_MONOTONIC. True when that of some
 * peer is missing; `why` names the last one. What is new about it goes to the log. */
bool rotation_judge(struct rotation *r, const struct wg_device *d, int64_t now, struct why *why);

/* Milliseconds of CLOCK_REALTIME. In test builds they pass LANYARD_WG_CLOCK_RATE times as fast;
 * with LANYARD_WG_CLOCK they are the seconds in that file. */
int64_t clock_ms(void);
int64_t clock_rate(void); /* 1, but for tests */
uint32_t epoch_at(int64_t ms, uint32_t rotate);
/* Real milliseconds until the epoch after the one at `ms`. */
int64_t epoch_left(int64_t ms, uint32_t rotate);

#endif
