/* SPDX-License-Identifier: MIT */
/*
 * known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): the names a host key has. Any thread.
 *
 * Lookup is by key, for a session-bind proves a key and no name. Patterns and negations are names
 * of no one host and are not shown; @cert-authority lines are about other keys and are passed over.
 */
#ifndef LANYARD_SSH_KNOWN_HOSTS_H
#define LANYARD_SSH_KNOWN_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"

enum { SSH_KNOWN_NAMES_MAX = 160, SSH_KNOWN_FILE_MAX = 4 * 1024 * 1024 };

struct ssh_known {
	bool known;                      /* a line has this key */
	bool revoked;                    /* a @revoked line has it: whatever else says */
	char names[SSH_KNOWN_NAMES_MAX]; /* "a, b, …", clean; "" when all are hashed or patterns */
};

/*
 * Looks for the key whose blob has this SHA-256 in the text of one file, adding to `out` (start
 * with zeros; call it for each file). `host` and `port` (as text, may be empty) are the name to try
 * on hashed entries.
 */
void ssh_known_hosts_find(struct ssh_known *out, struct slice text,
			  const uint8_t fingerprint[static 32], struct slice host,
			  struct slice port);

/* The same over the files that ssh(1) reads by default; those that cannot be read have no names. */
void ssh_known_hosts_read(struct ssh_known *out, const uint8_t fingerprint[static 32],
			  struct slice host, struct slice port);

#endif
