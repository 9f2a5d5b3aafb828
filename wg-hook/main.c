/* SPDX-License-Identifier: MIT */
/* lanyard-wg: WireGuard keys from a device, by hooks of wg-quick. lanyard-wg(8). */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "derive/secret.h"
#include "protocol/streams.h"
#include "protocol/text.h"
#include "wg-hook/wg.h"

enum { USAGE = 2, LONG_IDENTITY = 256, LONG_PSK_MODE, LONG_CONFIG, LONG_SOCKET_DIR };

static const struct command {
	const char *name, *args; /* what follows IFACE */
	int min, max;            /* how many of them; max < 0: any number */
	bool setup;              /* takes --identity and --psk-mode */
	const char *help;        /* NULL: not in help */
	int (*run)(const struct options *o);
} commands[] = {
	{"setup", "", 0, 0, true, "write the settings and the hook lines (shown first)", cmd_setup},
	{"teardown", "", 0, 0, false, "take the hook lines out again, put the settings aside",
	 cmd_teardown},
	{"check", "", 0, 0, false, "look at all that `up` needs; says what to type", cmd_check},
	{"pub", " [PEER...]", 0, -1, false,
	 "print the interface's key and each peer's point for us", cmd_pub},
	{"point", " PEER POINT", 2, 2, false, "store the point that `pub` printed at the peer",
	 cmd_point},
	{"psk", " PEER", 1, 1, false, "print a preshared key, for a peer without lanyard", cmd_psk},
	{"up", "", 0, 0, false, "give the interface its keys (wg-quick's PostUp)", cmd_up},
	{"down", "", 0, 0, false, "take them out, stop watching (wg-quick's PreDown)", cmd_down},
	{"close", "", 0, 0, false, "let no packet pass until `up` is run again", cmd_close},
	{"show", "", 0, 0, false, "what is installed and who watches it", cmd_show},
	{"watch", "", 0, 0, false, NULL, cmd_watch},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static const struct option longs[] = {
	{"device", required_argument, NULL, 'd'},
	{"index", required_argument, NULL, 'i'},
	{"yes", no_argument, NULL, 'y'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"identity", required_argument, NULL, LONG_IDENTITY},
	{"psk-mode", required_argument, NULL, LONG_PSK_MODE},
	{"config", required_argument, NULL, LONG_CONFIG},
	{"socket-dir", required_argument, NULL, LONG_SOCKET_DIR},
	{NULL, 0, NULL, 0},
};

static void help(FILE *to)
{
	fputs("usage: lanyard-wg COMMAND [options] IFACE [operands]\n\n", to);
	for (const struct command *c = commands; c < commands + COMMANDS; c++)
		if (c->help != NULL)
			fprintf(to, "  %-8s IFACE%-12s %s\n", c->name, c->args, c->help);
	fputs("\noptions:\n"
	      "  --config=FILE        the wg-quick config; default /etc/wireguard/IFACE.conf\n"
	      "  -d, --device=DEVICE  instead of the settings': index, serial or DRIVER:LABEL\n"
	      "  -i, --index=INDEX    instead of the settings': the identity's index\n"
	      "  --socket-dir=DIR     the directory of the agent's sockets\n"
	      "  --identity=URI       for setup: wg://IFACE@HOST; default: this host's name\n"
	      "  --psk-mode=MODE      for setup: agent (default), device, single or none\n"
	      "  -y, --yes            answer yes; more than 8 peers of psk-mode device\n"
	      "  -v, --verbose        say more on standard error\n"
	      "  -h, --help           show this\n"
	      "  -V, --version        print the version\n"
	      "\nSettings are in /etc/lanyard/wg/IFACE.conf; lanyard-wg(8) is the manual.\n",
	      to);
}

static int PRINTF_LIKE(2, 3) usage(const struct command *c, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	wg_fail("%s", what);
	if (c != NULL)
		fprintf(stderr, "usage: lanyard-wg %s [options] IFACE%s\n", c->name, c->args);
	else
		fputs("`lanyard-wg --help` says what there is\n", stderr);
	return USAGE;
}

/* What wg-quick(8) takes, but for a "-" in front: such a name would pass for an option. */
static bool is_interface(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_=+.-";
	size_t n = strlen(name);

	return n >= 1 && n <= WG_IFACE_MAX && name[strspn(name, allowed)] == '\0' &&
	       name[0] != '-' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Reads the options. -1, or the exit status. */
static int take_options(struct options *o, int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "d:i:yvhV", longs, NULL)) != -1) {
		switch (letter) {
		case 'd':
			o->device = optarg;
			break;
		case 'i':
			o->index = optarg;
			break;
		case 'y':
			o->yes = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case LONG_IDENTITY:
			o->identity = optarg;
			break;
		case LONG_PSK_MODE:
			o->psk_mode = optarg;
			break;
		case LONG_CONFIG:
			o->config = optarg;
			break;
		case LONG_SOCKET_DIR:
			o->socket_dir = optarg;
			break;
		case 'h':
			help(stdout);
			return 0;
		case 'V':
			puts("lanyard-wg " LANYARD_VERSION);
			return 0;
		default:
			fputs("`lanyard-wg --help` says what there is\n", stderr);
			return USAGE;
		}
	}
	return -1;
}

static int run(struct options *o, int argc, char **argv)
{
	const struct command *c = commands;
	struct why why = {0};
	uint32_t index;
	enum err e;

	if (argc < 1) {
		help(stderr);
		return USAGE;
	}
	while (c < commands + COMMANDS && strcmp(c->name, argv[0]) != 0)
		c++;
	if (c == commands + COMMANDS)
		return usage(NULL, "there is no command \"%s\"", argv[0]);
	if (argc < 2)
		return usage(c, "which interface?");
	if (!is_interface(argv[1]))
		return usage(
			c,
			"\"%s\" is no interface: a name has 1 to 15 of A-Z a-z 0-9 _ = + . - and "
			"does not begin with -",
			argv[1]);
	if (argc - 2 < c->min || (c->max >= 0 && argc - 2 > c->max))
		return usage(c, argc - 2 < c->min ? "operands are missing" : "too many operands");
	if (!c->setup && (o->identity != NULL || o->psk_mode != NULL))
		return usage(c, "--identity and --psk-mode are for setup; the settings have them");
	if (o->index != NULL && !text_to_u32(o->index, 0, UINT32_MAX, &index))
		return usage(c, "--index is \"%s\"; allowed: 0 to 4294967295", o->index);
	o->iface = argv[1];
	o->argc = argc - 2;
	o->argv = argv + 2;
	e = secret_start(&why);
	return e == ERR_OK ? c->run(o) : wg_error(e, &why);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct why why = {0};
	int status;

	if (!streams_open())
		return 1;
	secret_harden_process();
	status = take_options(&o, argc, argv);
	if (status < 0)
		status = run(&o, argc - optind, argv + optind);
	if (streams_flush(&why) != ERR_OK && status == 0)
		status = wg_fail("%s", why.text);
	return status;
}
