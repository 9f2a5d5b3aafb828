/* SPDX-License-Identifier: MIT */
/*
 * What is proved about a login, in words for questions and the log: clean, one line. What others
 * chose comes last, so that it can neither push out nor pass for what is proved. Loop thread only:
 * known_hosts is read.
 */
#ifndef LANYARD_SSH_FACTS_H
#define LANYARD_SSH_FACTS_H

#include "derive/identity.h"
#include "ssh/bind.h"
#include "ssh/blob.h"
#include "ssh/known_hosts.h"

enum { SSH_FACTS_HOST_MAX = SSH_FINGERPRINT_LEN + SSH_KNOWN_NAMES_MAX + 40 };

/* "host SHA256:… (names that known_hosts has for it)" of the last bind, or "host not proved". `id`
 * has the name to try on hashed names; NULL: none. */
void ssh_facts_host(char out[static SSH_FACTS_HOST_MAX], const struct ssh_binds *binds,
		    const struct identity *id);

/* Of data that another agent's key is to sign; `key` is its blob. */
void ssh_facts_foreign(char *out, size_t cap, const struct ssh_binds *binds, struct slice key,
		       struct slice data);

#endif
