/* SPDX-License-Identifier: MIT */
/*
 * OpenSSH certificates (PROTOCOL.certkeys), as far as their signature: what a host shows us, and
 * what `ssh-keygen -s` asks a key to sign. Pure; any thread.
 */
#ifndef LANYARD_SSH_CERT_H
#define LANYARD_SSH_CERT_H

#include "derive/ecc.h"
#include "protocol/buf.h"
#include "protocol/err.h"

struct cert; /* agent/request.h */
struct key;

enum { SSH_CERT_USER = 1, SSH_CERT_HOST = 2 };

struct ssh_cert {
	struct slice key_type; /* of the certified key: "ssh-ed25519" */
	struct slice key;      /* its blob without the type */
	uint32_t kind;         /* SSH_CERT_… */
	uint64_t serial;
	struct slice key_id;
	struct slice principals;            /* names, each a string */
	uint64_t valid_after, valid_before; /* seconds since 1970 */
	struct slice critical, extensions;  /* name and data, each a string */
	struct slice ca;                    /* blob of the key that signs */
};

/* Reads from the type through the signature key; the signature, if any, is left in `r`. False: not
 * a certificate of a type that PROTOCOL.certkeys or PROTOCOL.u2f names. */
bool ssh_cert_read(struct rbuf *r, struct ssh_cert *out) MUST_CHECK;

/* ERR_OK when its CA, a plain key, has made the `signature` that ends its whole `blob`. */
enum err ssh_cert_verify(struct slice blob, const struct ssh_cert *cert, struct slice signature,
			 struct why *why) MUST_CHECK;

/* The certificates' type for a plain key's curve, or NULL: SSH has none. */
const char *ssh_cert_type(enum curve curve);
/* `blob` is a whole user certificate of the key. The CA's signature is not looked at: whom a server
 * believes is its own affair. */
bool ssh_cert_is_of(struct slice blob, const struct key *key);

/*
 * The text of a file as `ssh-keygen -s` writes it: one line of type, base64 and comment, at most
 * CERT_FILE_MAX bytes. Everything is checked that OpenSSH's clients check, the CA's signature
 * included, for they give up a whole listing over one certificate that they cannot read. Fills in
 * `out` but for its file, with a blob to be freed.
 */
enum err ssh_cert_parse_file(struct slice text, struct cert *out, struct why *why) MUST_CHECK;

#endif
