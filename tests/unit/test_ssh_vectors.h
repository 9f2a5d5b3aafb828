/* SPDX-License-Identifier: MIT */
/* tests/vectors/ssh_agent.txt, and messages made by hand. Tests only. */
#ifndef LANYARD_TEST_SSH_VECTORS_H
#define LANYARD_TEST_SSH_VECTORS_H

#include "agent/request.h"
#include "protocol/buf.h"
#include "ssh/bind.h"
#include "ssh/message.h"

struct ssh_vector {
	char fingerprint[64];
	uint8_t data[2048];
	size_t n;
};

/* The line "KIND NAME FINGERPRINT HEX"; fails the test when there is none. */
void ssh_vector(struct ssh_vector *v, const char *kind, const char *name);
/* The same, read as a whole agent message. */
void ssh_vector_message(struct ssh_vector *v, const char *kind, const char *name,
			struct ssh_message *m);
/* A key with the public key of that name ("ed25519", "nist256p1"). */
void ssh_vector_key(struct key *key, const char *name, const char *uri);

/* A copy that ends where its memory ends, so that a read past it is seen; free it. */
uint8_t *exact_copy(const void *p, size_t n);

/* The contents of a session-bind by a host whose ed25519 key has this first byte. */
void make_bind(struct wbuf *w, uint8_t host, struct slice session_id, uint8_t forwarding);
/* The blob of that host key. */
void make_host_key(struct wbuf *w, uint8_t host);

struct slice slice_text(const char *text);

#endif
