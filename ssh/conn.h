/* SPDX-License-Identifier: MIT */
/*
 * A connection of the ssh-agent dialect, for the files that are it: agent.c (dispatch and the
 * rest), list.c, sign.c. Loop thread only.
 */
#ifndef LANYARD_SSH_CONN_H
#define LANYARD_SSH_CONN_H

#include "agent/passlock.h"
#include "agent/request.h"
#include "ssh/bind.h"
#include "ssh/message.h"
#include "ssh/relay.h"

struct confirmation;

struct ssh_conn {
	struct conn *conn;
	struct ssh_binds binds;
	bool finished;      /* given up: nothing more is read */
	struct slice frame; /* the request, while it is dispatched */
	/* Other agents; the type of the request that they work on; whether they may sign. */
	struct relay relay;
	uint8_t relayed;
	struct confirmation *confirmation;
	enum op_class relayed_class; /* of a signature that they make */
	/* The signature in flight, and what it borrows. */
	bool signing;
	bool locking; /* a LOCK or UNLOCK waits for its answer */
	struct passtry try;
	struct request request;
	uint8_t *data;
	char device[DRIVER_NAME_MAX + 1 + DEVICE_SERIAL_MAX + 1]; /* DRIVER:SERIAL */
};

/* Sends what `w` holds: a whole message whose first four bytes wait for the length. */
void ssh_send(struct ssh_conn *s, struct wbuf *w);
/* An answer that is its type alone. */
void ssh_answer(struct ssh_conn *s, uint8_t type);
/* The same; the protocol has no room for a reason: it is in the log. */
void ssh_fail(struct ssh_conn *s, uint8_t type, enum err e, const struct why *why);
/* There are other agents that this client may use now. */
bool ssh_upstream(struct ssh_conn *s);
/* Hands the request to them. False: there are none. */
bool ssh_relay(struct ssh_conn *s, enum relay_kind kind, const struct ssh_message *m);

void ssh_list(struct ssh_conn *s, const struct ssh_message *m);
/* Our keys, then those that the other agents have listed. */
void ssh_send_list(struct ssh_conn *s);
/* The key that a client names, itself or by a certificate of it, if it is offered to clients; also
 * when this one may not use it now, which is for the request to say. */
const struct key *ssh_find(struct ssh_conn *s, struct slice blob, struct why *why);
/* ERR_NOT_ALLOWED: its destinations hide it from this client. */
enum err ssh_visible(struct ssh_conn *s, const struct key *key, struct why *why) MUST_CHECK;

void ssh_sign(struct ssh_conn *s, const struct ssh_message *m);
/* Another agent has the key: may it sign? */
void ssh_sign_upstream(struct relay *r);
/* It has signed, or not: told as an event when it was to. */
void ssh_sign_told(struct ssh_conn *s, enum err e);
/* ERR_LOCKED when such a use is locked, also while that agent worked. */
enum err ssh_sign_relayed(struct ssh_conn *s, struct why *why) MUST_CHECK;

/* The connection whose relay this is. */
struct ssh_conn *ssh_conn_of(struct relay *r);

#endif
