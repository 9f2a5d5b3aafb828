/* SPDX-License-Identifier: MIT */
/*
 * lanyard-wg: what its commands share. Single-threaded; a command is one function of the table in
 * main.c, and its return value is the exit status: 0, 1 failure, 2 usage.
 */
#ifndef LANYARD_WG_H
#define LANYARD_WG_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

enum {
	WG_KEY_LEN = 32,
	WG_KEY_TEXT = 45,   /* base64 and its NUL */
	WG_IFACE_MAX = 15,  /* IFNAMSIZ - 1 */
	WG_UP_SECONDS = 80, /* `up` gives up before systemd's 90 s */
};

/* The command line. Strings are argv's; NULL when not given. */
struct options {
	const char *iface;  /* 1-15 of [A-Za-z0-9_=+.-], no "-" in front: safe in paths, hooks */
	const char *config; /* --config: the wg-quick config; default /etc/wireguard/IFACE.conf */
	const char *device; /* -d: an agent's selector, instead of the settings' */
	const char *index;  /* -i: checked to be a uint32, instead of the settings' */
	const char *socket_dir; /* --socket-dir */
	const char *identity;   /* --identity, of setup */
	const char *psk_mode;   /* --psk-mode, of setup */
	bool yes;               /* -y */
	int verbose;            /* -v, counted */
	int argc;               /* operands after IFACE */
	char **argv;
};

/* cmd_setup.c, cmd_check.c, cmd_query.c */
int cmd_setup(const struct options *o);
int cmd_teardown(const struct options *o);
int cmd_check(const struct options *o);
int cmd_pub(const struct options *o);
int cmd_point(const struct options *o);
int cmd_psk(const struct options *o);
/* cmd_tunnel.c */
int cmd_up(const struct options *o);
int cmd_down(const struct options *o);
int cmd_close(const struct options *o);
int cmd_show(const struct options *o);
int cmd_watch(const struct options *o); /* the unit's and up's own; not in help */

/* "lanyard-wg: …" on standard error, cleaned. Returns 1. */
int wg_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same from an error. Returns 1. */
int wg_error(enum err e, const struct why *why);
/* The same without being a failure: a warning, what is going on. */
void wg_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* ERR_PERMISSION with the next step unless the effective uid is 0. */
enum err wg_need_root(const struct options *o, const char *what, struct why *why) MUST_CHECK;
/* y/N on /dev/tty; yes at once with -y. ERR_REFUSED for no, ERR_NO_PROMPT without a terminal. */
enum err wg_confirm(const struct options *o, const char *question, struct why *why) MUST_CHECK;

/* Canonical base64 of 32 bytes, as wg(8) writes keys. ERR_INVALID otherwise. */
enum err wg_key_parse(uint8_t key[static WG_KEY_LEN], const char *text, size_t n) MUST_CHECK;
void wg_key_format(char out[static WG_KEY_TEXT], const uint8_t key[static WG_KEY_LEN]);

#endif
