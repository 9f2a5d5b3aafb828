/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "agent/cli/cli.h"

enum { WORD_MAX = 32, COLUMN = 34 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) from a to b; WORD_MAX for long words. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (unsigned i = 0; i <= m; i++)
		d[i][0] = i;
	for (unsigned k = 0; k <= n; k++)
		d[0][k] = k;
	for (size_t i = 1; i <= m; i++) {
		for (size_t k = 1; k <= n; k++) {
			unsigned replace = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);

			d[i][k] = least(replace, least(d[i - 1][k], d[i][k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
		}
	}
	return d[m][n];
}

const char *cli_nearest(const char *word, const char *const *words, size_t count)
{
	const char *best = NULL;
	unsigned allowed = strlen(word) <= 3 ? 1 : 2;

	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(word, words[i]);

		if (d <= allowed && (best == NULL || d < distance(word, best)))
			best = words[i];
	}
	return best;
}

/* "noun verb args" */
static void command_name(char *out, size_t cap, const struct command *c, bool args)
{
	bool has_args = args && c->args != NULL && c->args[0] != '\0';

	snprintf(out, cap, "%s%s%s%s%s", c->noun, c->verb != NULL ? " " : "",
		 c->verb != NULL ? c->verb : "", has_args ? " " : "", has_args ? c->args : "");
}

void cli_usage_line(FILE *to, const struct command *c)
{
	char name[64];
	bool has_args = c->args != NULL && c->args[0] != '\0';

	command_name(name, sizeof(name), c, false);
	fprintf(to, "usage: lanyard %s [options]%s%s\n", name, has_args ? " " : "",
		has_args ? c->args : "");
}

/* A name, and its help beside it or below it. */
static void help_line(FILE *to, const char *indent, const char *name, const char *help)
{
	int width = COLUMN - (int)strlen(indent);

	if ((int)strlen(name) < width)
		fprintf(to, "%s%-*s%s\n", indent, width, name, help);
	else
		fprintf(to, "%s%s\n%*s%s\n", indent, name, COLUMN, "", help);
}

static void help_option(FILE *to, const struct cli_option *o, char letter)
{
	char name[80], short_name[8] = "";

	if (letter != 0)
		snprintf(short_name, sizeof(short_name), "-%c, ", letter);
	snprintf(name, sizeof(name), "%s--%s%s%s", short_name, o->name, o->arg != NULL ? "=" : "",
		 o->arg != NULL ? o->arg : "");
	help_line(to, "      ", name, o->help);
}

static void help_common(FILE *to)
{
	fprintf(to, "\ncommon options:\n");
	for (const struct cli_common_option *o = cli_common_options; o->option.name != NULL; o++)
		help_option(to, &o->option, o->letter);
}

static void help_command(FILE *to, const struct command *c)
{
	char name[160];

	command_name(name, sizeof(name), c, true);
	help_line(to, "  ", name, c->help);
	for (const struct cli_option *o = c->options; o != NULL && o->name != NULL; o++)
		help_option(to, o, 0);
}

/* The command that a noun is by itself; NULL when it has verbs. */
static const struct command *noun_command(const struct command *const *tables, const char *noun)
{
	for (; *tables != NULL; tables++)
		for (const struct command *c = *tables; c->noun != NULL; c++)
			if (c->verb == NULL && strcmp(c->noun, noun) == 0)
				return c;
	return NULL;
}

void cli_help(FILE *to, const struct command *const *tables, const char *noun,
	      const struct command *command)
{
	char name[160];

	if (command == NULL && noun != NULL)
		command = noun_command(tables, noun);
	if (command != NULL)
		cli_usage_line(to, command);
	else if (noun != NULL)
		fprintf(to, "usage: lanyard %s VERB [options] [operands]\n", noun);
	else
		fprintf(to, "usage: lanyard NOUN [VERB] [options] [operands]\n");
	fprintf(to, "\n");
	for (; *tables != NULL; tables++) {
		for (const struct command *c = *tables; c->noun != NULL; c++) {
			if ((noun != NULL && strcmp(noun, c->noun) != 0) ||
			    (command != NULL && command != c))
				continue;
			if (noun != NULL) {
				help_command(to, c);
				continue;
			}
			command_name(name, sizeof(name), c, true);
			help_line(to, "  ", name, c->help);
		}
	}
	if (noun != NULL)
		help_common(to);
	else
		fprintf(to, "\n`lanyard help NOUN` shows the options; lanyard(1) is the manual.\n");
}
