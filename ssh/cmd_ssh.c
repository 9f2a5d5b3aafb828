/* SPDX-License-Identifier: MIT */
/* `lanyard ssh add|rm`. */
#include "ssh/cmd_ssh.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "protocol/text.h"

extern const struct command cmd_ssh[];

enum err cmd_ssh_identity(const char *what, struct identity *id, struct why *why)
{
	char uri[IDENTITY_URI_MAX + 8];
	const char *scheme = strstr(what, "://") == NULL ? "ssh://" : "";
	struct slice host;
	enum err e;

	if (strlen(what) > IDENTITY_URI_MAX)
		return why_set(why, ERR_TOO_LARGE, "a name of %zu bytes; at most %d are allowed",
			       strlen(what), IDENTITY_URI_MAX);
	snprintf(uri, sizeof(uri), "%s%s", scheme, what);
	e = identity_parse(id, uri, why);
	if (e == ERR_OK && id->class != CLASS_SSH)
		e = why_set(why, ERR_INVALID,
			    "%s is no ssh:// identity: give [user@]host[:port] or ssh://…", what);
	if (e != ERR_OK || *scheme == '\0')
		return e;
	/* A whole URI may be what it likes; who types ::1 means the address. */
	host = IDENTITY_PART(id, host);
	if (host.p[0] != '[' && memchr(host.p, ':', host.n) != NULL)
		e = why_set(why, ERR_INVALID,
			    "%s: an IPv6 address stands in brackets, such as [::1]", what);
	return e;
}

/* Sends VERB with the common options and the identity; `answer` gets the data that comes. */
static int send_verb(struct cli *cli, const char *verb, const struct identity *id,
		     struct wbuf *answer)
{
	char command[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(command, sizeof(command));

	wbuf_text(&w, verb);
	cli_common(cli, &w);
	if (cli_value(cli, "save") != NULL)
		wbuf_text(&w, " --save");
	if (cli_value(cli, "confirm") != NULL)
		wbuf_text(&w, " --confirm");
	client_option(&w, "life", cli_value(cli, "life"));
	client_option(&w, "destination", cli_value(cli, "destination"));
	client_word(&w, id->uri);
	wbuf_u8(&w, 0);
	if (!wbuf_ok(&w))
		return cli_fail("the command is too long; at most %d bytes are allowed",
				LINE_LEN_MAX);
	return cli_run(cli, command, (struct slice){0}, answer);
}

/* The agent uses another spelling of the same place, for which the key is another one. */
static bool warn_near(struct cli *cli, const char *keyword, const char *text)
{
	struct line words;
	const char *uri;

	(void)cli;
	if (strcmp(keyword, "NEAR") != 0)
		return false;
	if (cli_status_words(&words, keyword, text) == ERR_OK) {
		uri = line_operand(&words, 0);
		if (uri != NULL)
			(void)cli_fail("warning: %s is in use too; this is another key", uri);
	}
	return true;
}

int cmd_ssh_offer(struct cli *cli, const struct identity *id, char line[static SSH_LINE_MAX + 1])
{
	struct wbuf w = wbuf_new(line, SSH_LINE_MAX);
	int status;

	cli->status = warn_near;
	status = send_verb(cli, "ADD", id, &w);
	if (status == 0 && !text_is_ascii_printable(line, w.n))
		status = cli_fail("the agent's answer is no public key");
	line[w.n] = '\0';
	return status;
}

static int run_add(struct cli *cli)
{
	char line[SSH_LINE_MAX + 1];
	struct identity id;
	struct why why = {0};
	enum err e = cmd_ssh_identity(cli->argv[0], &id, &why);
	int status;

	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	status = cmd_ssh_offer(cli, &id, line);
	if (status == 0)
		puts(line);
	return status;
}

static int run_rm(struct cli *cli)
{
	struct identity id;
	struct why why = {0};
	enum err e = cmd_ssh_identity(cli->argv[0], &id, &why);

	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	return send_verb(cli, "REMOVE", &id, NULL);
}

static const struct cli_option add_options[] = {
	{.name = "save",
	 .help = "write it to the config, so that the agent offers it from its start"},
	{.name = "life", .arg = "TIME", .help = "stop offering it after this: 90s, 30m, 8h, 2d"},
	{.name = "confirm", .help = "ask before each use of it"},
	{.name = "destination",
	 .arg = "[HOP>][USER@]HOST...",
	 .help = "use it there alone, from this machine or HOP on"},
	{.name = NULL},
};

static const struct cli_option config_options[] = {
	{.name = "write", .help = "write it to ~/.ssh/config, and the public key beside it"},
	{.name = NULL},
};

const struct command cmd_ssh[] = {
	{
		.noun = "ssh",
		.verb = "add",
		.args = "[user@]host[:port]",
		.min = 1,
		.max = 1,
		.help = "offer the key for a host to SSH clients; print its authorized_keys line",
		.options = add_options,
		.run = run_add,
	},
	{
		.noun = "ssh",
		.verb = "rm",
		.args = "[user@]host[:port]",
		.min = 1,
		.max = 1,
		.help = "stop offering a key",
		.run = run_rm,
	},
	{
		.noun = "ssh",
		.verb = "list",
		.args = "",
		.help = "the keys that SSH clients are offered",
		.run = cmd_ssh_list,
		.json = true,
	},
	{
		.noun = "ssh",
		.verb = "connect",
		.args = "[user@]host[:port] [-- COMMAND...]",
		.min = 1,
		.max = -1,
		.help = "add the key for a host and run ssh there with that key alone",
		.run = cmd_ssh_connect,
	},
	{
		.noun = "ssh",
		.verb = "config",
		.args = "[user@]host[:port]",
		.min = 1,
		.max = 1,
		.help = "print a Host block that offers only the key for this host",
		.options = config_options,
		.run = cmd_ssh_config,
	},
	{
		.noun = "ssh",
		.verb = "setup",
		.args = "",
		.help = "make ssh use the agent: IdentityAgent in ~/.ssh/config",
		.run = cmd_ssh_setup,
	},
	{
		.noun = "ssh",
		.verb = "teardown",
		.args = "",
		.help = "undo setup",
		.run = cmd_ssh_teardown,
	},
	{.noun = NULL},
};
