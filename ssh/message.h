/* SPDX-License-Identifier: MIT */
/*
 * Requests of the ssh-agent protocol (RFC 9987, OpenSSH's PROTOCOL.agent) as bytes: a uint32 length
 * and that many, the first of which is the type. Pure; any thread.
 */
#ifndef LANYARD_SSH_MESSAGE_H
#define LANYARD_SSH_MESSAGE_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum { SSH_FRAME_MAX = 256 * 1024 }; /* bytes after the length, as OpenSSH limits it */

/* Requests. */
enum {
	SSH_AGENTC_REQUEST_IDENTITIES = 11,
	SSH_AGENTC_SIGN_REQUEST = 13,
	SSH_AGENTC_ADD_IDENTITY = 17,
	SSH_AGENTC_REMOVE_IDENTITY = 18,
	SSH_AGENTC_REMOVE_ALL_IDENTITIES = 19,
	SSH_AGENTC_ADD_SMARTCARD_KEY = 20,
	SSH_AGENTC_REMOVE_SMARTCARD_KEY = 21,
	SSH_AGENTC_LOCK = 22,
	SSH_AGENTC_UNLOCK = 23,
	SSH_AGENTC_ADD_ID_CONSTRAINED = 25,
	SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED = 26,
	SSH_AGENTC_EXTENSION = 27,
	/* Protocol 1; `ssh-add -D` still sends it after type 19. */
	SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES = 9,
};

/* Answers. */
enum {
	SSH_AGENT_FAILURE = 5,
	SSH_AGENT_SUCCESS = 6,
	SSH_AGENT_IDENTITIES_ANSWER = 12,
	SSH_AGENT_SIGN_RESPONSE = 14,
	SSH_AGENT_EXTENSION_FAILURE = 28,
	SSH_AGENT_EXTENSION_RESPONSE = 29,
};

/* Flags of a sign request: which hash an RSA key signs with. */
enum { SSH_AGENT_RSA_SHA2_256 = 2, SSH_AGENT_RSA_SHA2_512 = 4 };

/* A request; everything points into the frame. Fields of other types are empty. The bodies of types
 * that lanyard never carries out (they may hold private keys) are not looked at. */
struct ssh_message {
	uint8_t type;
	struct slice key;        /* SIGN_REQUEST, REMOVE_IDENTITY: public key blob */
	struct slice data;       /* SIGN_REQUEST */
	uint32_t flags;          /* SIGN_REQUEST */
	struct slice passphrase; /* LOCK, UNLOCK */
	struct slice name;       /* EXTENSION */
	struct slice contents;   /* EXTENSION: what follows the name */
};

enum ssh_frame {
	SSH_FRAME_OK,
	SSH_FRAME_BAD,      /* whole, but no request: answer FAILURE and go on */
	SSH_FRAME_MORE,     /* not whole yet */
	SSH_FRAME_TOO_LONG, /* longer than SSH_FRAME_MAX: give up the connection */
};

/* The first request in `p`; OK and BAD set *used to its bytes, BAD and TOO_LONG say why. */
enum ssh_frame ssh_frame_parse(const uint8_t *p, size_t n, struct ssh_message *m, size_t *used,
			       struct why *why) MUST_CHECK;

#endif
