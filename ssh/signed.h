/* SPDX-License-Identifier: MIT */
/*
 * What the bytes that an SSH key is asked to sign are. Pure; any thread.
 *
 * No data is two kinds: SSHSIG begins with six letters, which read as a uint32 (USERAUTH's session
 * id, a certificate's type) are a length of 1.4 GB; and what follows a certificate's type is a
 * nonce's length, whose first byte would have to be USERAUTH's message number 50, for 838 MB.
 */
#ifndef LANYARD_SSH_SIGNED_H
#define LANYARD_SSH_SIGNED_H

#include "protocol/buf.h"
#include "ssh/cert.h"

enum ssh_signed_kind {
	SSH_SIGNED_UNKNOWN,
	SSH_SIGNED_USERAUTH,    /* RFC 4252 section 7; OpenSSH's PROTOCOL, section 3.1 */
	SSH_SIGNED_SSHSIG,      /* PROTOCOL.sshsig, section 3 */
	SSH_SIGNED_CERTIFICATE, /* PROTOCOL.certkeys, all but the signature */
};

/* Everything points into the data. */
struct ssh_signed {
	enum ssh_signed_kind kind;
	union {
		struct {
			struct slice session_id, user, service, algorithm, key;
			uint8_t have_signature;
			bool hostbound;
			struct slice host_key; /* when hostbound */
		} userauth;
		struct {
			struct slice namespace, reserved, hash, digest;
		} sshsig;
		struct ssh_cert cert;
	};
};

/* A kind's fields are all there, with nothing after them, and names hold no NUL; what they say is
 * not judged. */
void ssh_signed_parse(struct slice data, struct ssh_signed *out);

#endif
