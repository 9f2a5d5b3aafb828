/* SPDX-License-Identifier: MIT */
/* What the agent says of keys without giving any out. Replies are taken as hostile. */
#ifndef LANYARD_WG_QUERY_H
#define LANYARD_WG_QUERY_H

#include "protocol/client.h"
#include "wg-hook/tunnel.h"

/* The interface's public key (`peer` NULL), or the point Q for a peer, by its psk_mode (device or
 * agent). A good point, or an error. */
enum err query_public(uint8_t out[static WG_KEY_LEN], struct client *c, const struct settings *s,
		      const struct tunnel_peer *peer, struct why *why) MUST_CHECK;

/* The serial of the device that the interface's identity is on; ERR_NOT_FOUND before its public key
 * was asked for. */
enum err query_serial(char out[static SETTINGS_DEVICE_MAX], struct client *c,
		      const struct settings *s, struct why *why) MUST_CHECK;

/* Calls for client_command() while a command runs: tells a person what is waited for, and which
 * devices may be meant. An inquiry is `inquire`'s, with `arg`; NULL: refused with what to do. */
struct client_calls query_calls(enum err (*inquire)(void *arg, const char *keyword,
						    const char *text, struct wbuf *answer),
				void *arg);

#endif
