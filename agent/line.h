/* SPDX-License-Identifier: MIT */
/* The line dialect: doc/PROTOCOL.md on agent.sock. line.c frames, line_commands.c answers. */
#ifndef LANYARD_AGENT_LINE_H
#define LANYARD_AGENT_LINE_H

#include "agent/agent.h"
#include "agent/frontend.h"
#include "agent/passlock.h"
#include "agent/reload.h"
#include "agent/wgkeys.h"
#include "protocol/line.h"

extern const struct frontend line_frontend;

enum { PROTOCOL_VERSION = 1 };

enum line_state {
	LINE_IDLE,
	LINE_RUNNING,      /* a request or a lock is in flight */
	LINE_INQUIRE_DATA, /* INQUIRE was sent; the command goes on at END */
	LINE_INQUIRE_ASK,  /* a device's question was passed on; its answer ends at END */
	LINE_WATCHING,     /* events are sent until a line comes */
};

struct line_conn {
	struct conn *conn;
	enum line_state state;
	struct line command;                    /* the one being answered; request points into it */
	void (*reply)(struct line_conn *lc);    /* writes the answer of a request that succeeded */
	void (*inquired)(struct line_conn *lc); /* goes on with `data` */
	struct request request;
	struct passtry try;
	struct watcher watcher;
	struct reload_waiter reload;
	bool save, confirm; /* ADD --save, --confirm */
	uint32_t life;      /* ADD --life, seconds; 0 for ever */
	bool loopback;      /* OPTION pinentry-mode=loopback */
	struct secret data; /* the command's, once an INQUIRE has brought it */
	size_t data_used;
	struct secret input; /* what D lines brought; locked, for it may be a passphrase */
	size_t input_used, input_max;
	struct wgkeys wg;         /* SECRET of a wg:// interface, from WGKEYS or PUBKEY */
	struct wgkeys_psk wg_psk; /* what WGKEYS is asked for */
	char wg_device[WGKEYS_DEVICE_MAX + 1]; /* request.device of a peer: its interface's */
};

/* Who may use a command, beside the agent's own user and root with allow-root = all. */
enum line_for {
	FOR_OWNER,  /* nobody */
	FOR_ALL,    /* whoever is connected */
	FOR_WG,     /* root with allow-root = wg */
	FOR_WG_URI, /* the same, of a wg:// identity */
	FOR_RELEASE /* the same; but its own user only with allow-owner = wg */
};

/* One row a command, for HELP too. */
struct line_command {
	const char *verb;
	const char *usage; /* the words after the verb */
	const char *help;
	const char *options; /* allowed options, " --a --b " with spaces round each */
	unsigned min, max;   /* operands */
	void (*run)(struct line_conn *lc);
	enum line_for who;
};
extern const struct line_command line_commands[]; /* ends with verb == NULL */

/* line_option.c */
void line_run_option(struct line_conn *lc);
void line_run_tty(struct line_conn *lc);

/* For line_commands.c. */
void line_reply_ok(struct line_conn *lc);
void line_reply_error(struct line_conn *lc, enum err e, const struct why *why);
/* Of a command whose device was chosen by `selector` (NULL: by nothing): before ERR_AMBIGUOUS comes
 * each that may be meant, so that a client can show the command for it. */
void line_reply_choice(struct line_conn *lc, const char *selector, enum err e,
		       const struct why *why);
/* "S keyword word word …", each word percent-encoded; ends with NULL. */
void line_status(struct line_conn *lc, const char *keyword, ...) __attribute__((sentinel));
void line_send_data(struct line_conn *lc, const void *p, size_t n);
void line_comment(struct line_conn *lc, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* --device, --index, --curve and the identity of the first operand, into lc->request. */
enum err line_identity(struct line_conn *lc, enum op op, enum use use, struct why *why) MUST_CHECK;
/* The answer of an OP_PUBLIC_KEY: the key as its user pastes it. */
void line_reply_public(struct line_conn *lc);
/* For what names keys without a request: true, and answered, while all is locked. */
bool line_refuse_locked(struct line_conn *lc);
/* Starts lc->request; lc->reply answers when it succeeds. */
void line_start(struct line_conn *lc, void (*reply)(struct line_conn *lc));
/* Asks for data first (INQUIRE DATA, at most `max` bytes), which becomes lc->request.data. */
void line_start_with_data(struct line_conn *lc, size_t max, void (*reply)(struct line_conn *lc));
/* Asks for at most `max` bytes, which are lc->data when `then` goes on: it starts the request, or
 * ends the command by an answer. */
void line_inquire(struct line_conn *lc, const char *keyword, size_t max,
		  void (*then)(struct line_conn *lc));

/* line_destination.c: ADD --destination */
/* What it says is well-formed, and its hosts can be told from others. */
enum err line_check_destinations(struct line_conn *lc, struct why *why) MUST_CHECK;
/* Its list, to be freed, NULL without the option. ERR_NOT_ALLOWED when the config has others. */
enum err line_destinations(struct line_conn *lc, const struct key *key, char **out,
			   struct why *why) MUST_CHECK;
/* The key keeps `destinations`; NULL: those that it has. */
void line_restrict(struct key *key, char *destinations);
/* "S DESTINATION" lines. */
void line_status_destinations(struct line_conn *lc, const struct key *key);

/* line_wg.c */
void line_run_wgkeys(struct line_conn *lc);
/* PUBKEY --psk-mode. */
void line_run_wg_point(struct line_conn *lc);

/* line_lock.c */
void line_run_unlock(struct line_conn *lc);
void line_run_lock(struct line_conn *lc);

/* line_watch.c */
void line_list_devices(struct line_conn *lc);
void line_status_locked(struct line_conn *lc);
void line_run_watch(struct line_conn *lc);

/* line_reload.c */
void line_run_reload(struct line_conn *lc);

/* line_state.c */
void line_status_key(struct line_conn *lc, const struct key *key);
void line_list_known(struct line_conn *lc);
void line_run_keys(struct line_conn *lc);
void line_run_forget(struct line_conn *lc);
void line_run_forget_device(struct line_conn *lc);

#endif
