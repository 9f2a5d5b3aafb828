/* SPDX-License-Identifier: MIT */
/* The command line of lanyard-agent (lanyard-agent(1)). Single-threaded. */
#ifndef LANYARD_OPTIONS_H
#define LANYARD_OPTIONS_H

#include <stdbool.h>

struct options {
	bool foreground, kill, csh;
	int verbose;
	const char *config, *socket_dir;
	char **command; /* after "--", or NULL */
};

/* Returns -1 to go on, else the exit status: what there is to say has been said. */
int options_parse(struct options *o, int argc, char **argv);

#endif
