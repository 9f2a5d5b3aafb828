/* SPDX-License-Identifier: MIT */
#include "protocol/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool streams_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return false;
	return true;
}

enum err streams_flush(struct why *why)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ERR_OK;
	return why_set(why, ERR_IO, "writing to standard output: %s", strerror(errno));
}
