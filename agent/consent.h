/* SPDX-License-Identifier: MIT */
/*
 * Whether a request's use of a key needs a person's yes (agent/policy.h, by the config), and the
 * question. Loop thread only.
 */
#ifndef LANYARD_CONSENT_H
#define LANYARD_CONSENT_H

#include "agent/policy.h"
#include "protocol/err.h"

struct agent;
struct request;

/* What people have confirmed, and what they are being asked. */
struct consent {
	struct policy_windows windows;
	struct request *pending; /* in the order they came */
};

/* ERR_NOT_ALLOWED when policy refuses this use, whoever says yes. r->proof is filled in. */
enum err consent_check(struct request *r) MUST_CHECK;
/*
 * Before the operation: *asked when somebody has to say yes first; request_consented() follows
 * then, once, not from inside, unless consent_leave() comes before. ERR_NO_PROMPT: there is nobody.
 */
enum err consent_ask(struct request *r, bool *asked) MUST_CHECK;
/* The request does not wait any more; nothing when it does not. */
void consent_leave(struct request *r);

/* Nothing is remembered any more, of a device or (NULL) at all: lock, removal, reload. */
void consent_forget(struct agent *a, const char *serial);
/* The agent is locked: the questions go, their requests end with ERR_LOCKED. */
void consent_lock(struct agent *a);

#endif
