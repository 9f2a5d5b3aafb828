/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "protocol/text.h"

/* getopt's values: letters and 1 for operands are its own, then long ones without a letter, then
 * the commands' own. */
enum { COMMON_MAX = 16, OWN_MAX = 48, NAMES_MAX = 128, LONG_ONLY = 256, OWN_VALUE = 512 };

const struct cli_common_option cli_common_options[] = {
	{{"device", "DEVICE", "index, serial number or DRIVER:LABEL (`lanyard devices`)"}, 'd'},
	{{"index", "INDEX", "the identity's index; default 0"}, 'i'},
	{{"curve", "CURVE", "ed25519, nist256p1, secp256k1 or curve25519"}, 'k'},
	{{"yes", NULL, "answer yes to this program's questions"}, 'y'},
	{{"verbose", NULL, "say more on standard error"}, 'v'},
	{{"json", NULL, "print JSON, where a command can"}, 0},
	{{"config", "FILE", "for lanyard-agent; accepted everywhere"}, 0},
	{{"socket-dir", "DIR", "the directory of the agent's sockets"}, 0},
	{{"help", NULL, "show this"}, 'h'},
	{{"version", NULL, "print the version"}, 'V'},
	{{NULL, NULL, NULL}, 0},
};

/* getopt's letters for these, in the way it wants them: operands in their order ("-"), a missing
 * argument told apart (":"). */
static const char letters[] = "-:d:i:k:yvhV";

/* The options that a noun's commands take together; which of them the verb takes is known once the
 * verb is, and that may stand behind options. */
struct parse {
	struct cli *cli;
	struct option options[COMMON_MAX + OWN_MAX + 1];
	size_t common;
	const struct cli_option *own[OWN_MAX];
	const char *own_value[OWN_MAX];
	size_t own_count;
	bool help, version;
};

static struct option parse_option(const struct cli_option *o, int value)
{
	return (struct option){
		.name = o->name,
		.has_arg = o->arg != NULL ? required_argument : no_argument,
		.val = value,
	};
}

static void parse_add_own(struct parse *p, const struct cli_option *o)
{
	for (size_t i = 0; i < p->own_count; i++)
		if (strcmp(p->own[i]->name, o->name) == 0)
			return;
	if (p->own_count == OWN_MAX)
		return;
	p->options[p->common + p->own_count] = parse_option(o, OWN_VALUE + (int)p->own_count);
	p->own[p->own_count++] = o;
}

/* The next command of a noun after `last` (NULL starts and ends). */
static const struct command *noun_next(const struct command *const *tables, const char *noun,
				       const struct command *last)
{
	bool past = last == NULL;

	for (; *tables != NULL; tables++) {
		for (const struct command *c = *tables; c->noun != NULL; c++) {
			if (past && strcmp(c->noun, noun) == 0)
				return c;
			past = past || c == last;
		}
	}
	return NULL;
}

static void parse_options(struct parse *p)
{
	const struct command *c = NULL;

	for (const struct cli_common_option *o = cli_common_options; o->option.name != NULL; o++) {
		int value = o->letter != 0 ? o->letter : LONG_ONLY + (int)p->common;

		p->options[p->common++] = parse_option(&o->option, value);
	}
	while ((c = noun_next(p->cli->tables, p->cli->noun, c)) != NULL)
		for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
			parse_add_own(p, o);
}

/* ---- what is wrong ---- */

static enum cli_parsed wrong_word(const char *what, const char *dashes, const char *word,
				  const char *const *words, size_t count, struct why *why)
{
	const char *near = cli_nearest(word, words, count);

	if (near != NULL)
		why_set(why, ERR_INVALID, "there is no %s \"%s%s\"; did you mean \"%s%s\"?", what,
			dashes, word, dashes, near);
	else
		why_set(why, ERR_INVALID, "there is no %s \"%s%s\"", what, dashes, word);
	return CLI_WRONG;
}

static enum cli_parsed wrong_noun(const struct cli *cli, const char *word, struct why *why)
{
	const char *names[NAMES_MAX];
	size_t count = 0;

	for (const struct command *const *t = cli->tables; *t != NULL; t++)
		for (const struct command *c = *t; c->noun != NULL && count < NAMES_MAX; c++)
			names[count++] = c->noun;
	return wrong_word("command", "", word, names, count, why);
}

static enum cli_parsed wrong_verb(const struct cli *cli, const char *word, struct why *why)
{
	const char *names[NAMES_MAX];
	const struct command *c = NULL;
	char what[64], list[200] = "";
	size_t count = 0;

	while ((c = noun_next(cli->tables, cli->noun, c)) != NULL && count < NAMES_MAX) {
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 count > 0 ? ", " : "", c->verb);
		names[count++] = c->verb;
	}
	if (word == NULL) {
		why_set(why, ERR_INVALID, "`lanyard %s` needs one of: %s", cli->noun, list);
		return CLI_WRONG;
	}
	snprintf(what, sizeof(what), "`lanyard %s` command", cli->noun);
	return wrong_word(what, "", word, names, count, why);
}

/* getopt did not take an option. It sets optopt to 0 for a long one that it does not know; `word`
 * is that one. */
static enum cli_parsed wrong_option(const struct parse *p, const char *word, bool missing,
				    struct why *why)
{
	const char *names[COMMON_MAX + OWN_MAX];
	const struct option *o = p->options;
	size_t count = 0;
	char name[64];

	while (o->name != NULL && (optopt == 0 || o->val != optopt))
		o++;
	if (o->name != NULL) {
		why_set(why, ERR_INVALID, "option --%s %s", o->name,
			missing ? "needs an argument" : "takes no argument");
		return CLI_WRONG;
	}
	if (optopt != 0) {
		why_set(why, ERR_INVALID, "there is no option \"-%c\"", optopt);
		return CLI_WRONG;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (o = p->options; o->name != NULL; o++)
		names[count++] = o->name;
	return wrong_word("option", "--", name, names, count, why);
}

/* ---- options and operands ---- */

static void parse_common(struct parse *p, int letter, const char *name)
{
	struct cli *cli = p->cli;

	switch (letter) {
	case 'd':
		cli->device = optarg;
		break;
	case 'i':
		cli->index = optarg;
		break;
	case 'k':
		cli->curve = optarg;
		break;
	case 'y':
		cli->yes = true;
		break;
	case 'v':
		cli->verbose++;
		break;
	case 'h':
		p->help = true;
		break;
	case 'V':
		p->version = true;
		break;
	default:
		if (strcmp(name, "json") == 0)
			cli->json = true;
		else if (strcmp(name, "config") == 0)
			cli->config = optarg;
		else
			cli->socket_dir = optarg;
	}
}

/* A command has at most one option that may be there several times. */
static bool parse_value(struct parse *p, size_t i, struct why *why)
{
	const char *arg = p->own[i]->arg, *before = p->own_value[i];
	size_t n = arg != NULL ? strlen(arg) : 0;
	char *all;

	if (n < 3 || strcmp(arg + n - 3, "...") != 0) {
		p->own_value[i] = optarg != NULL ? optarg : "";
		return true;
	}
	if (asprintf(&all, "%s%s%s", before != NULL ? before : "", before != NULL ? "," : "",
		     optarg) < 0) {
		(void)why_set(why, ERR_NO_MEMORY, "out of memory");
		return false;
	}
	free(p->cli->many);
	p->cli->many = all;
	p->own_value[i] = all;
	return true;
}

static enum cli_parsed parse_words(struct parse *p, int argc, char **argv, struct why *why)
{
	int c, which = 0;

	optind = 0; /* glibc: start again */
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, p->options, &which)) != -1) {
		if (c == 1)
			p->cli->argv[p->cli->argc++] = optarg;
		else if (c == '?' || c == ':')
			return wrong_option(p, argv[optind - 1], c == ':', why);
		else if (c < OWN_VALUE)
			parse_common(p, c, p->options[which].name);
		else if (!parse_value(p, (size_t)(c - OWN_VALUE), why))
			return CLI_WRONG;
	}
	while (optind < argc)
		p->cli->argv[p->cli->argc++] = argv[optind++];
	return CLI_RUN;
}

/* Gives the command the values of its own options. */
static enum cli_parsed parse_own(struct parse *p, struct why *why)
{
	struct cli *cli = p->cli;
	const struct command *c = cli->command;

	for (size_t i = 0; i < p->own_count; i++) {
		size_t k = 0;

		if (p->own_value[i] == NULL)
			continue;
		while (c->options != NULL && c->options[k].name != NULL &&
		       strcmp(c->options[k].name, p->own[i]->name) != 0)
			k++;
		if (c->options == NULL || c->options[k].name == NULL || k >= CLI_OPTIONS_MAX) {
			why_set(why, ERR_INVALID, "`lanyard %s %s` has no option --%s", c->noun,
				c->verb, p->own[i]->name);
			return CLI_WRONG;
		}
		cli->values[k] = p->own_value[i];
	}
	return CLI_RUN;
}

static enum cli_parsed parse_check(const struct cli *cli, struct why *why)
{
	const struct command *c = cli->command;
	enum curve curve;
	uint32_t index;

	if (cli->index != NULL && !text_to_u32(cli->index, 0, UINT32_MAX, &index))
		why_set(why, ERR_INVALID, "--index is \"%s\"; allowed: 0 to 4294967295",
			cli->index);
	else if (cli->curve != NULL && curve_parse(cli->curve, &curve, NULL) != ERR_OK)
		why_set(why, ERR_INVALID,
			"--curve is \"%s\"; allowed: ed25519, nist256p1, secp256k1, curve25519",
			cli->curve);
	else if (cli->json && !c->json)
		why_set(why, ERR_INVALID, "this command has no --json");
	else if (cli->argc < c->min)
		why_set(why, ERR_INVALID, "an operand is missing");
	else if (c->max >= 0 && cli->argc > c->max)
		why_set(why, ERR_INVALID, "\"%s\" is one operand too many", cli->argv[c->max]);
	else
		return CLI_RUN;
	return CLI_WRONG;
}

/* The noun's command: its only one, or the one that the first operand names. */
static enum cli_parsed parse_verb(struct cli *cli, struct why *why)
{
	const struct command *c = noun_next(cli->tables, cli->noun, NULL);

	if (c->verb == NULL) {
		cli->command = c;
		return CLI_RUN;
	}
	if (cli->argc == 0)
		return wrong_verb(cli, NULL, why);
	while (c != NULL && strcmp(c->verb, cli->argv[0]) != 0)
		c = noun_next(cli->tables, cli->noun, c);
	if (c == NULL)
		return wrong_verb(cli, cli->argv[0], why);
	cli->command = c;
	cli->argv++;
	cli->argc--;
	return CLI_RUN;
}

enum cli_parsed cli_parse(struct cli *cli, const struct command *const *tables, int argc,
			  char **argv, struct why *why)
{
	struct parse p = {.cli = cli};
	enum cli_parsed r;

	*cli = (struct cli){.tables = tables, .words = argv, .word_count = argc};
	if (argc < 2)
		return CLI_NOTHING;
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return CLI_HELP;
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		return CLI_VERSION;
	if (argv[1][0] == '-') {
		why_set(why, ERR_INVALID, "options come after the command, not before it");
		return CLI_WRONG;
	}
	if (noun_next(tables, argv[1], NULL) == NULL)
		return wrong_noun(cli, argv[1], why);
	cli->noun = argv[1];
	cli->operands = calloc((size_t)argc, sizeof(*cli->operands));
	if (cli->operands == NULL) {
		why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
		return CLI_WRONG;
	}
	cli->argv = cli->operands;
	parse_options(&p);
	r = parse_words(&p, argc - 1, argv + 1, why);
	if (r == CLI_RUN && p.version)
		return CLI_VERSION;
	if (r == CLI_RUN && p.help && cli->argc == 0)
		return CLI_HELP;
	if (r == CLI_RUN)
		r = parse_verb(cli, why);
	if (r == CLI_RUN && p.help)
		return CLI_HELP;
	if (r == CLI_RUN)
		r = parse_own(&p, why);
	return r == CLI_RUN ? parse_check(cli, why) : r;
}

void cli_free(struct cli *cli)
{
	free(cli->operands);
	free(cli->many);
	cli->many = NULL;
	cli->operands = NULL;
}
