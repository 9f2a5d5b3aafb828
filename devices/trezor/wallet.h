/* SPDX-License-Identifier: MIT */
/*
 * A conversation with a Trezor or KeepKey: flows, calls, and what a person is asked in between.
 * Worker, but for wallet_abort().
 *
 * A flow is wallet_begin(), calls, wallet_end(): the interface is ours that long, so that other
 * programs have their turns between flows. Whatever happened to the device meanwhile is seen in
 * wallet_begin().
 */
#ifndef LANYARD_TREZOR_WALLET_H
#define LANYARD_TREZOR_WALLET_H

#include "devices/trezor/messages.h"

/* Milliseconds. */
struct budgets {
	unsigned answer; /* the device alone */
	unsigned person; /* someone has to act on it */
	unsigned probe;  /* is anything there? */
	unsigned idle;   /* from Cancel to the end of what was running */
	unsigned stray;  /* for what else may come after a Failure out of turn */
};
extern const struct budgets wallet_budgets;

/* All of it in locked memory. */
struct wallet {
	struct transport *transport;
	struct budgets budgets;
	const struct driver_env *env;
	char name[DEVICE_LABEL_MAX + 10]; /* "trezor:LABEL" */
	char where[DEVICE_WHERE_MAX + 1];
	struct features features; /* as of the last flow */
	struct wallet_setting setting;
	bool known; /* features has been filled in: a first flow was there */
	bool met;   /* without sessions: its passphrase was not another program's */
	bool thp;   /* answers, but not to this protocol */
	uint8_t session[SESSION_LEN];
	bool has_session;
	/* The SLIP-0013 ed25519 public key of lanyard://wallet, if it was asked for since the last
	 * wallet_forget(); and whether another passphrase may have come since. */
	uint8_t mark[PUBLIC_KEY_LEN];
	bool marked, unsure;
	bool typed;       /* a passphrase, in this flow */
	bool ready;       /* asks for nothing but a button */
	bool kept_locked; /* by OP_LOCK */
	bool calling;     /* a call of ours has no answer yet */
	bool half;        /* nor has it been sent to its end */
	bool dirty;       /* the last flow ended in the middle of something */
	unsigned wrong_pins, passphrase_buttons;
	uint64_t deaf_until; /* it made us wait for a PIN, as far as we know that long */
	struct wire_message message;
	struct arena arena;
};

/* Keeps `transport` when ERR_OK. */
enum err wallet_new(struct wallet **out, struct transport *transport, const char *where,
		    const struct driver_env *env, const struct budgets *budgets) MUST_CHECK;
void wallet_free(struct wallet *w);
void wallet_abort(struct wallet *w); /* any thread */

/* Is anything there, and what? Disturbs nobody's flow. Begins and ends one itself. */
enum err wallet_probe(struct wallet *w, struct job *job) MUST_CHECK;

/* Afterwards w->features and the session are those of now. On an error there is nothing to end. */
enum err wallet_begin(struct wallet *w, struct job *job) MUST_CHECK;
/*
 * Sends w->message and answers what is asked until `want` comes, which is then in w->message.
 * `what` is what a person confirms: "a signature for ssh://…". job->why says more than the error.
 */
enum err wallet_call(struct wallet *w, struct job *job, enum message_type want,
		     const char *what) MUST_CHECK;
/* The device is idle again, or the next flow will know that it may not be. */
void wallet_end(struct wallet *w);

/* Forgets the session, and with it the passphrase. */
void wallet_forget(struct wallet *w);

#endif
