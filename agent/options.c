/* SPDX-License-Identifier: MIT */
#include "agent/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/instance.h"

static void usage(FILE *out)
{
	fputs("usage: lanyard-agent [-DcksvhV] [--config FILE] [--socket-dir DIR] [-- COMMAND "
	      "...]\n"
	      "  -- COMMAND ...     run it with an agent of its own, exit with its status\n"
	      "  -D, --foreground   stay in the foreground, log to standard error\n"
	      "  -k, --kill         stop the running agent\n"
	      "  -s, --sh           print Bourne shell commands (the default, but for csh users)\n"
	      "  -c, --csh          print C shell commands\n"
	      "  -v, --verbose      log more; twice: everything\n"
	      "      --config FILE  instead of ~/.config/lanyard/lanyard.conf\n"
	      "      --socket-dir DIR   where agent.sock and ssh.sock are\n"
	      "  -h, --help         show this\n"
	      "  -V, --version      print the version\n"
	      "See lanyard-agent(1).\n",
	      out);
}

static bool shell_is_csh(void)
{
	const char *shell = getenv("SHELL");
	size_t n = shell != NULL ? strlen(shell) : 0;

	return n >= 3 && strcmp(shell + n - 3, "csh") == 0;
}

static const char letters[] = "+:DkscvhV";

/* What getopt_long() found wrong, in or at `word`. */
static void say_wrong(int c, const char *word)
{
	if (c == ':')
		instance_say("option %s needs a value", word);
	else if (optopt == 0)
		instance_say("there is no option %s", word);
	else if (strchr(letters, optopt) == NULL)
		instance_say("there is no option -%c", optopt);
	else
		instance_say("option %.*s takes no value", (int)strcspn(word, "="), word);
}

int options_parse(struct options *o, int argc, char **argv)
{
	enum { OPT_CONFIG = 256, OPT_SOCKET_DIR };
	static const struct option longs[] = {
		{"foreground", no_argument, NULL, 'D'},
		{"kill", no_argument, NULL, 'k'},
		{"sh", no_argument, NULL, 's'},
		{"csh", no_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"socket-dir", required_argument, NULL, OPT_SOCKET_DIR},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	opterr = 0; /* getopt would show a word as it is */
	*o = (struct options){.csh = shell_is_csh()};
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		switch (c) {
		case 'D':
			o->foreground = true;
			break;
		case 'k':
			o->kill = true;
			break;
		case 's':
			o->csh = false;
			break;
		case 'c':
			o->csh = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_SOCKET_DIR:
			o->socket_dir = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("lanyard-agent " LANYARD_VERSION);
			return 0;
		default:
			say_wrong(c, argv[optind - 1]);
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc && !o->kill && optind > 1 && strcmp(argv[optind - 1], "--") == 0) {
		o->command = argv + optind;
	} else if (optind < argc) {
		instance_say("it takes no operands, but \"-- COMMAND ...\"");
		usage(stderr);
		return 2;
	}
	return -1;
}
