/* SPDX-License-Identifier: MIT */
/* `lanyard unlock`, `lanyard lock` and `lanyard tty`. */
#include <stdlib.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"

/* Sends VERB with a class of use, or the device, which may be said with -d too. */
static int send_verb(struct cli *cli, const char *verb)
{
	char command[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(command, sizeof(command));

	if (cli->argc > 0 && cli->device != NULL)
		return cli_usage(cli,
				 "what is meant is given twice: with --device and as an operand");
	if (cli->argc > 0)
		cli->device = cli->argv[0];
	wbuf_text(&w, verb);
	if (cli_value(cli, "passphrase") != NULL)
		wbuf_text(&w, " --passphrase");
	if (cli->device != NULL)
		client_word(&w, cli->device);
	wbuf_u8(&w, 0);
	if (!wbuf_ok(&w))
		return cli_fail("the device's name is too long");
	return cli_run(cli, command, (struct slice){0}, NULL);
}

static int run_unlock(struct cli *cli)
{
	return send_verb(cli, "UNLOCK");
}

static int run_lock(struct cli *cli)
{
	return send_verb(cli, "LOCK");
}

/* Names the terminal that we are on, for the agent's questions. */
static int run_tty(struct cli *cli)
{
	char command[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(command, sizeof(command));
	const char *term = getenv("TERM"), *tty = NULL;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && tty == NULL; fd++)
		tty = ttyname(fd);
	if (tty == NULL)
		return cli_fail("standard input is not a terminal: run it in the one that is to be "
				"asked on");
	wbuf_text(&w, "TTY");
	client_word(&w, tty);
	if (term != NULL && term[0] != '\0')
		client_word(&w, term);
	wbuf_u8(&w, 0);
	if (!wbuf_ok(&w))
		return cli_fail("the terminal's name is too long");
	return cli_run(cli, command, (struct slice){0}, NULL);
}

static const struct cli_option lock_options[] = {
	{"passphrase", NULL, "lock all with a passphrase of its own, which is asked here"},
	{"new-passphrase-file", "FILE", "its first line is that (-: standard input)"},
	{NULL, NULL, NULL},
};

static const struct cli_option unlock_options[] = {
	{"passphrase-file", "FILE", "its first line is the passphrase (-: standard input)"},
	{NULL, NULL, NULL},
};

const struct command cmd_lock[] = {
	{
		.noun = "unlock",
		.args = "[all|sign|decrypt|auth|DEVICE]",
		.max = 1,
		.help = "end a lock, make a device able to work; asks its passphrase here",
		.options = unlock_options,
		.run = run_unlock,
	},
	{
		.noun = "lock",
		.args = "[all|sign|decrypt|auth|DEVICE]",
		.max = 1,
		.help = "wipe every secret, of one device or of all; or refuse one use",
		.options = lock_options,
		.run = run_lock,
	},
	{
		.noun = "tty",
		.args = "",
		.help = "have the agent ask on this terminal from now on",
		.run = run_tty,
	},
	{.noun = NULL},
};
