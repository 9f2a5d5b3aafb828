/* SPDX-License-Identifier: MIT */
/*
 * known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): the names a host key has. Any thread.
 *
 * Lookup is by key, for a session-bind proves a key and no name. Patterns and negations are names
 * of no one host and are not shown; @cert-authority lines are about other keys and are passed over.
 * Whether a line is about a host that somebody named is told as ssh(1) does, patterns included.
 */
#ifndef LANYARD_SSH_KNOWN_HOSTS_H
#define LANYARD_SSH_KNOWN_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"

enum { SSH_KNOWN_NAMES_MAX = 160, SSH_KNOWN_FILES = 4, SSH_KNOWN_FILE_MAX = 4 * 1024 * 1024 };

/* A line with a key that could be read. */
struct ssh_known_line {
	enum ssh_known_kind { SSH_KNOWN_KEY, SSH_KNOWN_CA, SSH_KNOWN_REVOKED } kind;
	struct slice names;
	uint8_t fingerprint[32]; /* SHA-256 of the key's blob */
};

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

/* Takes the next line with a key off the text; false at its end. */
bool ssh_known_next(struct slice *text, struct ssh_known_line *out);
/* One of a line's names is `host` (lower case, [host]:port unless the port is 22). */
bool ssh_known_names(struct slice names, const char *host);
/* A whole pattern of * and ? against a whole text. */
bool ssh_known_matches(struct slice pattern, struct slice text);

/* The files that ssh(1) reads by default: their text, to be freed, NULL when one cannot be read. */
void ssh_known_files(uint8_t *files[static SSH_KNOWN_FILES], size_t n[static SSH_KNOWN_FILES]);

/* ssh_known_hosts_find() over those files; those that cannot be read have no names. */
void ssh_known_hosts_read(struct ssh_known *out, const uint8_t fingerprint[static 32],
			  struct slice host, struct slice port);

#endif
