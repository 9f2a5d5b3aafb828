/* SPDX-License-Identifier: MIT */
/*
 * A client's way to other ssh-agents (config `upstream`): one connection to each, made when it is
 * first needed, made again when the other side has come back. Before any request an agent gets the
 * client's session-binds, all of them and in order, so that it judges the client as if that were
 * connected to it; one that refuses a bind is not there for this client any more. Loop thread only.
 *
 * A chain of lanyard-agents may be a circle. Each tells the next, in an extension request of its
 * own, through whom the connection has come; who finds itself there asks nobody else.
 */
#ifndef LANYARD_SSH_RELAY_H
#define LANYARD_SSH_RELAY_H

#include "agent/frontend.h"
#include "agent/upstream.h"
#include "derive/secret.h"
#include "protocol/buf.h"
#include "protocol/err.h"

#define SSH_RELAY_CHAIN "upstream-chain@lanyard"

enum {
	RELAY_CHAIN_MAX = 8,         /* agents before us in a chain */
	RELAY_BINDS_MAX = 64 * 1024, /* bytes of a client's session-binds */
	RELAY_HELLO_MAX = 64 + (RELAY_CHAIN_MAX + 1) * UPSTREAM_ID_LEN,
};

enum relay_kind {
	RELAY_LIST,  /* to all; what has not come in time is left out */
	RELAY_SIGN,  /* to the first that lists the key; as long as it takes */
	RELAY_ALL,   /* to all */
	RELAY_FIRST, /* to the first of the configuration */
};

struct relay_link;
struct relay;

/* A request has ended, possibly inside relay_start(). `answer` (type and body) is that of
 * RELAY_SIGN and RELAY_FIRST, one that may follow the request, valid until this returns. The
 * connection is resumed after it. */
typedef void relay_done(struct relay *r, enum err e, struct slice answer, const struct why *why);

/* RELAY_SIGN: one of the agents has the key. relay_permit() follows, once, possibly from inside;
 * nothing is signed without it. */
typedef void relay_ask(struct relay *r);

/* In the dialect's state of a connection; everything is relay.c's own, but for what is said. */
struct relay {
	struct conn *conn;
	relay_done *done;
	relay_ask *ask;
	struct relay_link *links;
	size_t count;
	uint8_t hello[RELAY_HELLO_MAX]; /* the frame that tells the chain */
	size_t hello_n;
	uint8_t chain[RELAY_CHAIN_MAX * UPSTREAM_ID_LEN];
	size_t chain_n;
	uint8_t *binds; /* frames */
	size_t binds_n;
	bool off; /* there are no other agents for this client */
	/* The request in flight. */
	bool busy; /* to be read */
	enum relay_kind kind;
	bool listing;              /* its first part: which keys are where */
	struct secret op;          /* the frame, to be read by ask() */
	struct slice key;          /* within op */
	struct relay_link *holder; /* RELAY_SIGN: who has it */
	size_t left; /* links that have not ended, and one more while they are started */
	unsigned accepted, refused; /* RELAY_ALL, to be read: how many said so */
};

void relay_open(struct relay *r, struct conn *c, relay_done *done, relay_ask *ask);
/* A session-bind, the whole frame, whatever we think of it. Not while busy. */
void relay_bind(struct relay *r, struct slice frame);
/* The contents of a chain extension; only before the first request. */
enum err relay_chain(struct relay *r, struct slice contents, struct why *why) MUST_CHECK;
/* There are other agents for this client. */
bool relay_any(struct relay *r);
/* Not while busy. The frame is copied; `key` (RELAY_SIGN) lies within it. */
void relay_start(struct relay *r, enum relay_kind kind, struct slice frame, struct slice key);
/* Answers ask(): ERR_OK, or what the request ends with. */
void relay_permit(struct relay *r, enum err e, const struct why *why);
/* Appends the entries of the last listing that are not there yet to `w`, an identities answer whose
 * entries begin at `first`, and counts them. */
void relay_put(const struct relay *r, struct wbuf *w, size_t first, uint32_t *count);
/* RELAY_SIGN: the socket of the agent that has the key, or NULL: none, or it is not known yet. */
const char *relay_holder_path(const struct relay *r);
/* How many bytes relay_put() may write. */
size_t relay_put_max(const struct relay *r);
/* Ends everything; done() does not come. */
void relay_close(struct relay *r);

#endif
