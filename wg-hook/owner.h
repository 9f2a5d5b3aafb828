/* SPDX-License-Identifier: MIT */
/* Whose agent lanyard-wg asks, and that it is that one's. */
#ifndef LANYARD_WG_OWNER_H
#define LANYARD_WG_OWNER_H

#include <sys/types.h>

#include "protocol/client.h"
#include "wg-hook/settings.h"

struct owner {
	char path[SOCKET_PATH_MAX + 1]; /* agent.sock */
	uid_t uid;                      /* the server must be this user or root */
	bool is_default;                /* where that user's agent is when nobody says */
	const char *because;            /* "the settings say so": a constant, for people */
};

/*
 * As root: the settings' `socket` and `agent-user`, else --socket-dir, else under sudo from a
 * terminal the invoking user's agent (said on standard error), else /run/lanyard. The environment
 * is not believed but for SUDO_UID, and that only there. Not as root: --socket-dir, else the
 * caller's own agent as every client finds it. `s` may be NULL (no settings yet).
 */
enum err owner_find(struct owner *w, const struct settings *s, const struct options *o,
		    struct why *why) MUST_CHECK;
/* Looks for a default path again: before that user has logged in it is another. */
void owner_again(struct owner *w);
/* Connects and reads the greeting. ERR_NO_AGENT, ERR_PERMISSION (another user listens there). */
enum err owner_connect(const struct owner *w, struct client **out, struct why *why) MUST_CHECK;

#endif
