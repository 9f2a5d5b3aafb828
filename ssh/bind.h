/* SPDX-License-Identifier: MIT */
/*
 * session-bind@openssh.com (OpenSSH's PROTOCOL.agent, section 1): which SSH sessions, with which
 * host keys, a connection to the agent is for. Pure; one connection's list, one thread.
 */
#ifndef LANYARD_SSH_BIND_H
#define LANYARD_SSH_BIND_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum { SSH_BINDS_MAX = 16, SSH_SESSION_ID_MAX = 128, SSH_BIND_CERT_MAX = 16 * 1024 };

/* One verified bind. Session id and host key are compared only, so their SHA-256 will do. */
struct ssh_bind {
	uint8_t session_id[32];
	uint8_t host_key[32];    /* of the blob as it came, maybe a certificate */
	uint8_t fingerprint[32]; /* of the plain key */
	bool forwarding;         /* for a hop of agent forwarding, not for a login */
	/* The blob, when it is a certificate that its CA has signed; the binds' own. */
	uint8_t *cert;
	size_t cert_n;
};

struct ssh_binds {
	struct ssh_bind list[SSH_BINDS_MAX];
	size_t count;
	bool forwarded; /* some bind, verified or not, said that the connection is forwarded */
	bool tried;     /* there was some bind, good or bad */
};

/*
 * Verifies the contents of a session-bind request and records it. A bind for a login ends the list:
 * later ones are refused, as is a session id under a second host key. A hop bound twice is one hop.
 */
enum err ssh_bind_add(struct ssh_binds *binds, struct slice contents, struct why *why) MUST_CHECK;

/* Frees the certificates; their hosts have no names from then on. */
void ssh_binds_end(struct ssh_binds *binds);

/* The last bind, or NULL. */
const struct ssh_bind *ssh_bind_last(const struct ssh_binds *binds);
/* `hash` is the SHA-256 of these bytes. */
bool ssh_hash_is(const uint8_t hash[static 32], struct slice bytes);

#endif
