/* SPDX-License-Identifier: MIT */
/*
 * Answers of another ssh-agent (RFC 9987), parsed before any of their bytes reach a client: a
 * client gives up a whole listing for one entry that it cannot read. Pure; any thread.
 */
#ifndef LANYARD_SSH_ANSWER_H
#define LANYARD_SSH_ANSWER_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum { SSH_IDENTITIES_MAX = 2048 }; /* OpenSSH's clients refuse a list with more */

/* `answer` (type and body) may follow a request of this type. A listing is checked as below. */
bool ssh_answer_fits(uint8_t request, struct slice answer) MUST_CHECK;

/* The entries of an identities answer: key blob, comment, key blob, comment. False: it is none, or
 * an entry is nothing that a client can read. */
bool ssh_identities_parse(struct slice answer, struct slice *entries) MUST_CHECK;
/* The next of entries that were parsed; false after the last. */
bool ssh_identities_next(struct rbuf *entries, struct slice *key, struct slice *comment);
bool ssh_identities_have(struct slice entries, struct slice key);

#endif
