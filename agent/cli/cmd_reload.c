/* SPDX-License-Identifier: MIT */
/* `lanyard reload`. */
#include "agent/cli/cli.h"
#include "agent/cli/tables.h"

static int run_reload(struct cli *cli)
{
	return cli_run(cli, "RELOAD", (struct slice){0}, NULL);
}

const struct command cmd_reload[] = {
	{
		.noun = "reload",
		.args = "",
		.help = "have the agent read its configuration again",
		.run = run_reload,
	},
	{.noun = NULL},
};
