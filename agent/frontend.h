/* SPDX-License-Identifier: MIT */
/*
 * A dialect in the daemon: bytes in, requests out. agent/server owns the sockets, buffers and
 * limits; a dialect only parses and answers. Loop thread only.
 */
#ifndef LANYARD_FRONTEND_H
#define LANYARD_FRONTEND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/err.h"

struct agent;
struct conn; /* a client's connection; server.c's */

/* What root may do with a user's agent (config key allow-root). Each allows what the one before
 * does. */
enum allow_root {
	ROOT_NONE,
	ROOT_WG, /* WGKEYS, PUBKEY of wg://, and what tells the state */
	ROOT_ALL
};

struct frontend {
	const char *name;     /* "line", "ssh"; for the log */
	const char *socket;   /* file name in the socket directory */
	enum allow_root root; /* the least allow-root that lets root connect to a user's agent */
	size_t state_size;    /* bytes of zeroed memory for each connection's state */
	size_t message_max; /* bytes of the longest message; more unconsumed bytes close the client
			     */
	/* A client came. May send a greeting. */
	void (*open)(struct conn *c, void *state);
	/*
	 * Bytes have come, or conn_resume() was called. Returns how many were consumed, from the
	 * front; 0 asks for more bytes, or says that a request is in flight. It is called again
	 * while it consumes and bytes are left. The bytes are wiped when consumed.
	 */
	size_t (*input)(struct conn *c, void *state, const uint8_t *p, size_t n);
	/* The client is gone: cancel what runs. The state lives until conn_resume() if the dialect
	 * says that it is busy, else it is freed after this. */
	void (*close)(struct conn *c, void *state);
	/* A request is in flight (its done() has not come). */
	bool (*busy)(const void *state);
};

struct agent *conn_agent(struct conn *c);
uid_t conn_uid(const struct conn *c);
pid_t conn_pid(const struct conn *c);
/* Queues bytes for the client; nothing after it has gone. */
void conn_send(struct conn *c, const void *p, size_t n);
/* Sends now what the client waits for and did not just ask for. One that has more than `max` bytes
 * to read is dropped. */
void conn_push(struct conn *c, const void *p, size_t n, size_t max);
/* The request in flight has ended: input is looked at again (after the current call returns). */
void conn_resume(struct conn *c);
/* Close after what is queued has been sent. */
void conn_finish(struct conn *c);

#endif
