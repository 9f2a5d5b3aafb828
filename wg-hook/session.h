/* SPDX-License-Identifier: MIT */
/*
 * An interface's keys as a whole: all of them in, or none. Used by the watcher, its guard and the
 * commands; after any of these is killed in the middle, doing it again puts the interface right.
 */
#ifndef LANYARD_WG_SESSION_H
#define LANYARD_WG_SESSION_H

#include "wg-hook/backend.h"

/*
 * Puts `want` in: private key, and for each of its peers the preshared key (all zero: none). Peers
 * that were closed come back. The peers of the interface, closed ones included, must be exactly
 * those of `want`: ERR_MISMATCH. Preshared keys go first, so that no handshake is possible without
 * them. Read back and compared, the public key with want->public_key; on any error after the first
 * change the interface is closed again.
 */
enum err session_install(const char *iface, const struct wg_device *want,
			 struct why *why) MUST_CHECK;
/* ERR_OK when the interface has its key, this public key unless NULL, and no peer is closed. */
enum err session_check(const char *iface, const uint8_t *public_key, struct why *why) MUST_CHECK;
/*
 * Peers out, private key zero: at once no packet passes in either direction. The peers are kept
 * in the closed file (state.h). Read back; where that fails, the link is set down instead. ERR_OK
 * when nothing can pass, ERR_NOT_FOUND without the interface.
 */
enum err session_close(const char *iface, struct why *why) MUST_CHECK;
/* The same, but the peers come back without preshared keys, as wg-quick had made them: nothing
 * passes, for there is no private key. The closed file is removed. */
enum err session_wipe(const char *iface, struct why *why) MUST_CHECK;
/* ip link set IFACE up|down */
enum err session_link(const char *iface, bool up, struct why *why) MUST_CHECK;

#endif
