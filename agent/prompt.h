/* SPDX-License-Identifier: MIT */
/*
 * Questions and notifications for a person, as the daemon sees them: one question on the screen at
 * a time, in the order asked; the keeper's launcher shows it. Loop thread only.
 */
#ifndef LANYARD_PROMPT_H
#define LANYARD_PROMPT_H

#include <uv.h>

#include "agent/launcher.h"

struct prompter;
struct prompt; /* a question that is asked or waits for its turn */

/* `fd` leads to the keeper; lost() comes when that is gone. */
enum err prompter_new(struct prompter **out, uv_loop_t *loop, int fd, void (*lost)(void *arg),
		      void *arg, struct why *why) MUST_CHECK;
/* Tells the keeper that clients can connect. */
enum err prompter_ready(struct prompter *pr, struct why *why) MUST_CHECK;
/* A socket to a new process of the keeper's that stretches a passphrase; -1. Any thread. */
int prompter_stretch(void *prompter);
/* A socket to a new lanyard-logind, which watches for LOCK_ON_… (config.h); -1. */
int prompter_logind(struct prompter *pr, unsigned lock_on);
/* Where to ask from now on (`lanyard tty`); ERR_INVALID when it is no terminal of ours. `term` may
 * be NULL. */
enum err prompter_set_tty(struct prompter *pr, const char *tty, const char *term,
			  struct why *why) MUST_CHECK;
/* The keeper reads the config again, who asks and where, if it still has this digest. */
enum err prompter_reload(struct prompter *pr, const char *digest) MUST_CHECK;
/* Takes what is on the screen away. Nobody may be waiting. */
void prompter_close(struct prompter *pr);

/*
 * Asks; `asker` is the process that waits (its terminal is a place for PIN and passphrase) or 0,
 * `detail` is what for, or NULL. done() follows once, never from inside, unless prompt_cancel()
 * comes before; the bytes are wiped after it. NULL: there is nobody to ask, as for every
 * ASK_NEW_PASSPHRASE: whoever sets one is at a terminal.
 */
struct prompt *prompt_start(struct prompter *pr, const struct ask *ask, const char *detail,
			    pid_t asker,
			    void (*done)(void *arg, enum err e, const void *bytes, size_t n),
			    void *arg) MUST_CHECK;
/* done() will not come; what is on the screen goes. NULL: nothing. */
void prompt_cancel(struct prompt *p);

/* Shows a notification from 300 ms on until prompt_note_end(). Returns its id. */
uint32_t prompt_note(struct prompter *pr, const char *text, pid_t asker);
void prompt_note_end(struct prompter *pr, uint32_t id); /* 0: nothing */

#endif
