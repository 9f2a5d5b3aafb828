/* SPDX-License-Identifier: MIT */
/*
 * The Unix sockets that clients connect to; conn.c has the clients. Loop thread only.
 */
#ifndef LANYARD_SERVER_H
#define LANYARD_SERVER_H

#include "agent/agent.h"
#include "agent/frontend.h"

struct server;

enum { SERVER_CLIENTS_MAX = 1000 };

/*
 * Binds and listens on one socket a front end in `dir` (0700, checked by the caller, who holds its
 * lock: a socket that lies there is stale and replaced). `frontends` ends with NULL.
 */
enum err server_new(struct server **out, struct agent *agent, const char *dir,
		    const struct frontend *const *frontends, struct why *why) MUST_CHECK;
/* Unlinks the sockets, drops every client; closed() when the last request has ended and all is
 * freed. */
void server_close(struct server *s, void (*closed)(void *arg), void *arg);

#endif
