/* SPDX-License-Identifier: MIT */
/* `lanyard`, the command line: a client of lanyard-agent. lanyard(1) is its specification. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "agent/cli/cli.h"

/* Standard streams that are closed would be taken by the next file or socket that is opened. */
static bool streams_open(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

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
