/* SPDX-License-Identifier: MIT */
/*
 * The frame of `lanyard NOUN VERB`: command tables, common options, the agent's client, the
 * terminal. Commands live in agent/cli/ and in cmd_*.c of ssh/, gpg/ and the drivers' folders; each
 * file has one table, which ends with noun == NULL and is listed in agent/cli/tables.c.
 * Single-threaded.
 */
#ifndef LANYARD_CLI_H
#define LANYARD_CLI_H

#include <stdio.h>

#include "derive/identity.h"
#include "derive/secret.h"
#include "protocol/client.h"
#include "protocol/err.h"
#include "protocol/line.h"

struct cli_option {
	const char *name; /* long name without "--" */
	/* What to call its argument in help; NULL for a flag. With "..." at its end the option may
	 * be there several times, and its value is all of theirs with commas between. */
	const char *arg;
	const char *help;
};

enum { CLI_OPTIONS_MAX = 12, CLI_CANDIDATES_MAX = 16 };

/* A device that the agent named because several match; clean text. */
struct cli_candidate {
	char index[12], serial[64], name[160];
};

struct cli {
	/* Common options; NULL or false when not given. */
	const char *device, *index, *curve, *config, *socket_dir;
	bool yes, json;
	int verbose;
	/* The command's own options, in the order of its table: "" for a flag that was given. */
	const char *values[CLI_OPTIONS_MAX];
	const struct command *command;
	/* Operands. After "--" everything is one. Ends with NULL. */
	int argc;
	char **argv;

	/* Set by a command before cli_run(), to see "S keyword text" lines: text as it came, still
	 * percent-encoded (cli_status_words() takes it apart). True: seen to. */
	bool (*status)(struct cli *cli, const char *keyword, const char *text);
	void *status_arg;

	/* The frame's own. */
	const struct command *const *tables; /* ends with NULL */
	const char *noun;                    /* of --help */
	char **words;                        /* as typed, words[0] the program */
	int word_count;
	char **operands; /* owned */
	char *many;      /* the values of an option that may be there many times; owned */
	struct cli_candidate candidates[CLI_CANDIDATES_MAX];
	unsigned candidate_count;
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
	bool json; /* takes --json */
};

/* ---- the frame ---- */

enum cli_parsed {
	CLI_RUN,     /* cli->command with its values and operands */
	CLI_HELP,    /* of cli->noun and cli->command, where not NULL */
	CLI_VERSION, /* --version */
	CLI_NOTHING, /* no word at all */
	CLI_WRONG,   /* `why` says what; cli->command if it got that far */
};

/*
 * Reads a command line. Pure but for getopt's own variables; argv stays as it is and must outlive
 * `cli`. Release with cli_free() whatever it returns.
 */
enum cli_parsed cli_parse(struct cli *cli, const struct command *const *tables, int argc,
			  char **argv, struct why *why) MUST_CHECK;
void cli_free(struct cli *cli);
/* Parses, runs, reports; the program's exit status. */
int cli_main(const struct command *const *tables, int argc, char **argv);

/* Help texts from the tables. `noun` NULL: all commands; `command` NULL: all of the noun. */
void cli_help(FILE *to, const struct command *const *tables, const char *noun,
	      const struct command *command);
/* "lanyard NOUN VERB [options] ARGS" */
void cli_usage_line(FILE *to, const struct command *command);
/* The common options, in the order of help; ends with name == NULL. */
struct cli_common_option {
	struct cli_option option;
	char letter; /* 0: long only */
};
extern const struct cli_common_option cli_common_options[];
/* The one of `count` words that `word` most likely meant, or NULL. */
const char *cli_nearest(const char *word, const char *const *words, size_t count);

extern const struct command *const cli_tables[]; /* ends with NULL */

/* ---- for commands ---- */

/* The value of the command's own option, "" for a given flag, NULL when not given. */
const char *cli_value(const struct cli *cli, const char *name);

/* Prints "lanyard: …" to standard error, cleaned; returns 1. */
int cli_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same from an error: why's text, or the error's own; for ERR_AMBIGUOUS the caller's command
 * again for each candidate device. Returns 1. */
int cli_error(const struct cli *cli, enum err e, const struct why *why);
/* "usage: lanyard NOUN VERB …" and the reason; returns 2. */
int cli_usage(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends --device, --index and --curve as given to a command line for the agent. */
void cli_common(const struct cli *cli, struct wbuf *command);
/*
 * Runs one command on a new connection; INQUIREs for PASSPHRASE, NEW_PASSPHRASE and PIN are asked
 * on the terminal (or read from --passphrase-file where the command has that option), INQUIRE DATA
 * is answered with `input`. On failure it has printed the reason. Returns the exit status.
 */
int cli_run(struct cli *cli, const char *command, struct slice input, struct wbuf *data);
/* The words of a status line, decoded, as operands of `out` (whose verb is the keyword). */
enum err cli_status_words(struct line *out, const char *keyword, const char *text) MUST_CHECK;

/* Writes all of it to standard output, past stdio, so that no copy of a secret stays in a buffer.
 * Returns the exit status. */
int cli_write(const void *p, size_t n);
/* The same as one line of hexadecimal. */
int cli_write_hex(const void *p, size_t n);

/* Asks on /dev/tty with echo off (twice when `twice`, until both agree); ERR_NO_PROMPT without a
 * terminal, ERR_CANCELED for ^D. ": " is put after the prompt. An answer may be empty. ^C, ^Z and
 * the like restore the terminal before they do what they do. */
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
