/* SPDX-License-Identifier: MIT */
/*
 * The clients' connections: buffers, limits, and the hand-over to a dialect (frontend.h says what
 * dialects see of them). server.c accepts them. Loop thread only.
 *
 * Reads while a request is in flight, bounded at one message: a closed connection cancels it. After
 * a half-close the complete messages already received are still answered.
 */
#ifndef LANYARD_CONN_H
#define LANYARD_CONN_H

#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/frontend.h"

/* What all connections of a server share. */
struct conns {
	struct agent *agent;
	struct conn *first;
	size_t count;
	struct secret buffer;             /* what one recv() fills */
	void (*freed)(struct conns *all); /* a connection is gone for good: count has dropped */
};

enum err conns_init(struct conns *all, struct agent *agent,
		    void (*freed)(struct conns *all)) MUST_CHECK;
/* Takes over the descriptor, unless it fails. */
enum err conn_new(struct conns *all, const struct frontend *frontend, int fd,
		  const struct ucred *peer) MUST_CHECK;
/* Drops every client; freed() comes for each, later. */
void conns_drop(struct conns *all);

#endif
