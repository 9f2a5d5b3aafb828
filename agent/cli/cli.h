/* SPDX-License-Identifier: MIT */
/*
 * The frame of `lanyard NOUN VERB`: command tables, common options, the agent's client, the
 * terminal. Commands live in agent/cli/ and in cmd_*.c of ssh/, gpg/ and the drivers' folders; each
 * file has one table, listed in agent/cli/main.c. Single-threaded.
 */
#ifndef LANYARD_CLI_H
#define LANYARD_CLI_H

#include "derive/identity.h"
#include "derive/secret.h"
#include "protocol/client.h"
#include "protocol/err.h"

struct cli_option {
	const char *name; /* long name without "--" */
	const char *arg;  /* what to call its argument in help; NULL for a flag */
	const char *help;
};

enum { CLI_OPTIONS_MAX = 12 };

struct cli {
	/* Common options; NULL or false when not given. */
	const char *device, *index, *curve, *config, *socket_dir;
	bool yes, json;
	int verbose;
	/* The command's own options, in the order of its table: "" for a flag that was given. */
	const char *values[CLI_OPTIONS_MAX];
	const struct command *command;
	/* Operands. After "--" everything is one. */
	int argc;
	char **argv;
};

struct command {
	const char *noun; /* "ssh"; the command itself when it has no verb ("lock") */
	const char *verb; /* "add"; NULL */
	const char *args; /* "[user@]host" for the usage line */
	int min, max;     /* operands; max < 0: any number */
	const char *help; /* one line */
	const struct cli_option *options; /* own ones, ends with name == NULL; may be NULL */
	/* Exit status: 0, 1 failure, 2 usage. */
	int (*run)(struct cli *cli);
};

/* The value of the command's own option, "" for a given flag, NULL when not given. */
const char *cli_value(const struct cli *cli, const char *name);

/* Prints "lanyard: …" to standard error, cleaned; returns 1. */
int cli_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same from an error: why's text, or the error's own; for ERR_AMBIGUOUS the caller's command
 * again for each candidate device. Returns 1. */
int cli_error(const struct cli *cli, enum err e, const struct why *why);
/* "usage: lanyard NOUN VERB …" and the reason; returns 2. */
int cli_usage(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Connects to the agent (--socket-dir, LANYARD_SOCK, default). */
enum err cli_connect(const struct cli *cli, struct client **out, struct why *why) MUST_CHECK;
/* Appends --device, --index and --curve as given to a command line for the agent. */
void cli_common(const struct cli *cli, struct wbuf *command);
/*
 * Runs one command on a new connection; INQUIREs for PASSPHRASE, NEW_PASSPHRASE and PIN are asked
 * on the terminal (or read from --passphrase-file where the command has that option), INQUIRE DATA
 * is answered with `input`. On failure it has printed the reason. Returns the exit status.
 */
int cli_run(struct cli *cli, const char *command, struct slice input, struct wbuf *data);

/* Asks on /dev/tty with echo off (twice when `twice`, until both agree); ERR_NO_PROMPT without a
 * terminal. ^C restores the terminal. */
enum err cli_ask_secret(const char *prompt, bool twice, struct secret *out,
			struct why *why) MUST_CHECK;
/* y/N on /dev/tty; true at once with --yes. ERR_REFUSED for no. */
enum err cli_confirm(const struct cli *cli, const char *question, struct why *why) MUST_CHECK;
/* First line of a file ("-": standard input) without its newline, at most `max` bytes. */
enum err cli_read_secret_file(const char *path, size_t max, struct secret *out,
			      struct why *why) MUST_CHECK;
/* A whole file ("-": standard input), at most `max` bytes; free() it. */
enum err cli_read_file(const char *path, size_t max, uint8_t **out, size_t *n,
		       struct why *why) MUST_CHECK;

#endif
