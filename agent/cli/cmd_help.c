/* SPDX-License-Identifier: MIT */
/* `lanyard help`. */
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"

static int run_help(struct cli *cli)
{
	/* Asked for as `lanyard NOUN [VERB] --help`, so that a wrong word is told in the same way.
	 */
	char program[] = "lanyard", option[] = "--help";
	char *words[] = {program, option, NULL, NULL, NULL};
	struct why why = {0};
	struct cli asked;
	int n = 1;

	for (int i = 0; i < cli->argc; i++)
		words[n++] = cli->argv[i];
	words[n++] = option;
	if (cli_parse(&asked, cli->tables, n, words, &why) != CLI_HELP) {
		cli_free(&asked);
		return cli_usage(cli, "%s", why.text);
	}
	cli_help(stdout, cli->tables, asked.noun, asked.command);
	cli_free(&asked);
	return 0;
}

const struct command cmd_help[] = {
	{
		.noun = "help",
		.args = "[NOUN [VERB]]",
		.max = 2,
		.help = "all commands, or a noun's with their options",
		.run = run_help,
	},
	{.noun = NULL},
};
