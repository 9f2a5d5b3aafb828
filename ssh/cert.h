/* SPDX-License-Identifier: MIT */
/*
 * OpenSSH certificates (PROTOCOL.certkeys), as far as their signature: what a host shows us, and
 * what `ssh-keygen -s` asks a key to sign. Pure; any thread.
 */
#ifndef LANYARD_SSH_CERT_H
#define LANYARD_SSH_CERT_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum { SSH_CERT_USER = 1, SSH_CERT_HOST = 2 };

struct ssh_cert {
	struct slice key_type; /* of the certified key: "ssh-ed25519" */
	struct slice key;      /* its blob without the type */
	uint32_t kind;         /* SSH_CERT_… */
	uint64_t serial;
	struct slice key_id;
	struct slice ca; /* blob of the key that signs */
};

/* Reads from the type through the signature key; the signature, if any, is left in `r`. False: not
 * a certificate of a type that PROTOCOL.certkeys or PROTOCOL.u2f names. */
bool ssh_cert_read(struct rbuf *r, struct ssh_cert *out) MUST_CHECK;

#endif
