/* SPDX-License-Identifier: MIT */
/* `lanyard`, the command line: a client of lanyard-agent. lanyard(1) is its specification. */
#include <signal.h>

#include "agent/cli/cli.h"
#include "protocol/streams.h"

int main(int argc, char **argv)
{
	struct why why = {0};
	enum err e;

	if (!streams_open())
		return 1;
	/* A file size limit is then an error of write(), like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	e = secret_start(&why);
	if (e != ERR_OK)
		return cli_fail("%s", why_text(&why, e));
	secret_harden_process();
	return cli_main(cli_tables, argc, argv);
}
