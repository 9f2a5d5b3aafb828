/* SPDX-License-Identifier: MIT */
/*
 * A yes or no from a person that belongs to no device and no job: policy's question, a use of
 * another agent's key. It waits for its turn like every question. Loop thread only.
 */
#ifndef LANYARD_CONFIRM_H
#define LANYARD_CONFIRM_H

#include <sys/types.h>

#include "agent/policy.h"
#include "protocol/err.h"

struct agent;
struct confirmation; /* is asked, or waits for its turn */

/*
 * Asks: `text` is the question, `detail` what is proved (or NULL); both are copied, cleaned, and
 * cut at 199 and LAUNCH_DETAIL_MAX - 1 bytes. `asker` is the process that waits, or 0; the question
 * says who that is, and it is never asked itself. done() follows once, never from inside, unless
 * confirm_cancel() comes before: ERR_OK for a yes; ERR_REFUSED, ERR_TIMEOUT or ERR_NO_PROMPT
 * (nothing could be shown). NULL: there is nobody to ask, and done() will not come.
 */
struct confirmation *confirm_start(struct agent *a, const char *text, const char *detail,
				   pid_t asker, void (*done)(void *arg, enum err e),
				   void *arg) MUST_CHECK;
/* It is for a use of this class: a lock of that ends it with ERR_LOCKED. */
void confirm_for(struct confirmation *c, enum op_class class);
/* Something was locked. */
void confirm_lock(struct agent *a);
/* done() will not come; what is on the screen goes. NULL: nothing. */
void confirm_cancel(struct confirmation *c);

#endif
