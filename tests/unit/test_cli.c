/* SPDX-License-Identifier: MIT */
/* agent/cli: the command line's words, help and messages. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"

enum { WORDS_MAX = 16 };

static int run_nothing(struct cli *cli)
{
	(void)cli;
	return 0;
}

static const struct cli_option add_options[] = {
	{"save", NULL, "x"}, {"life", "TIME", "x"}, {"only", "WHERE...", "x"}, {NULL, NULL, NULL}};
static const struct cli_option rm_options[] = {{"all", NULL, "x"}, {NULL, NULL, NULL}};

static const struct command test_commands[] = {
	{.noun = "host",
	 .verb = "add",
	 .args = "HOST",
	 .min = 1,
	 .max = 1,
	 .help = "x",
	 .options = add_options,
	 .run = run_nothing},
	{.noun = "host",
	 .verb = "rm",
	 .args = "[HOST]",
	 .max = 1,
	 .help = "x",
	 .options = rm_options,
	 .run = run_nothing},
	{.noun = "host", .verb = "run", .args = "HOST...", .min = 1, .max = -1, .run = run_nothing},
	{.noun = NULL},
};

static const struct command test_status[] = {
	{.noun = "status", .args = "", .help = "x", .run = run_nothing, .json = true},
	{.noun = NULL},
};

static const struct command *const test_tables[] = {test_commands, test_status, NULL};

/* Splits `text` at spaces; "''" is an empty word. */
static int split(char *text, char **words)
{
	static char empty[] = "";
	int n = 0;

	for (char *w = strtok(text, " "); w != NULL && n < WORDS_MAX - 1; w = strtok(NULL, " "))
		words[n++] = strcmp(w, "''") == 0 ? empty : w;
	words[n] = NULL;
	return n;
}

/* What was parsed, in one line. */
static void describe(char *out, size_t cap, enum cli_parsed r, const struct cli *cli,
		     const struct why *why)
{
	const struct command *c = cli->command;
	struct wbuf w = wbuf_new(out, cap - 1);

	if (r == CLI_WRONG)
		wbuf_printf(&w, "wrong: %s", why->text);
	else if (r == CLI_HELP)
		wbuf_printf(&w, "help %s %s", cli->noun ? cli->noun : "-", c ? c->verb : "-");
	else if (r == CLI_VERSION || r == CLI_NOTHING)
		wbuf_text(&w, r == CLI_VERSION ? "version" : "nothing");
	else {
		wbuf_printf(&w, "%s", c->verb ? c->verb : c->noun);
		for (int i = 0; i < cli->argc; i++)
			wbuf_printf(&w, " [%s]", cli->argv[i]);
		if (cli->device)
			wbuf_printf(&w, " device=%s", cli->device);
		if (cli->index)
			wbuf_printf(&w, " index=%s", cli->index);
		if (cli->curve)
			wbuf_printf(&w, " curve=%s", cli->curve);
		if (cli->config)
			wbuf_printf(&w, " config=%s", cli->config);
		if (cli->socket_dir)
			wbuf_printf(&w, " socket-dir=%s", cli->socket_dir);
		if (cli->yes)
			wbuf_text(&w, " yes");
		if (cli->json)
			wbuf_text(&w, " json");
		if (cli->verbose)
			wbuf_printf(&w, " verbose=%d", cli->verbose);
		for (size_t i = 0; c->options && c->options[i].name; i++)
			if (cli_value(cli, c->options[i].name))
				wbuf_printf(&w, " %s=(%s)", c->options[i].name,
					    cli_value(cli, c->options[i].name));
		cr_assert_null(cli->argv[cli->argc]);
	}
	cr_assert(wbuf_ok(&w));
	out[w.n] = '\0';
}

static const struct {
	const char *words, *result;
} lines[] = {
	{"lanyard", "nothing"},
	{"lanyard -h", "help - -"},
	{"lanyard --help", "help - -"},
	{"lanyard -V", "version"},
	{"lanyard --version", "version"},
	{"lanyard status", "status"},
	{"lanyard status --json -vv", "status json verbose=2"},
	{"lanyard status --version", "version"},
	{"lanyard host add h", "add [h]"},
	/* options anywhere after the noun */
	{"lanyard host -d 1 add h", "add [h] device=1"},
	{"lanyard host add -d1 h", "add [h] device=1"},
	{"lanyard host add h --device=soft:a", "add [h] device=soft:a"},
	{"lanyard host add h -yvi 7", "add [h] index=7 yes verbose=1"},
	{"lanyard host add h --only a", "add [h] only=(a)"},
	{"lanyard host --only a add h --only b@c,d --only=e", "add [h] only=(a,b@c,d,e)"},
	{"lanyard host rm --only a", "wrong: `lanyard host rm` has no option --only"},
	{"lanyard host --save add h --life 1h", "add [h] save=() life=(1h)"},
	{"lanyard host add --life= h", "add [h] life=()"},
	{"lanyard host add h -k nist256p1 --index=4294967295",
	 "add [h] index=4294967295 curve=nist256p1"},
	{"lanyard host add h --config c --socket-dir s", "add [h] config=c socket-dir=s"},
	{"lanyard host add h -d 1 -d 2", "add [h] device=2"},
	{"lanyard host rm", "rm"},
	{"lanyard host rm --all", "rm all=()"},
	/* "--" ends options */
	{"lanyard host add -- -h", "add [-h]"},
	{"lanyard host run h -- -d 1 -- x", "run [h] [-d] [1] [--] [x]"},
	{"lanyard host -y -- run h --all", "run [h] [--all] yes"},
	{"lanyard host add ''", "add []"},
	{"lanyard host add -", "add [-]"},
	/* help */
	{"lanyard host -h", "help host -"},
	{"lanyard host add --help", "help host add"},
	{"lanyard host add -h --life 1 x y z", "help host add"},
	/* wrong */
	{"lanyard -d 1 status", "wrong: options come after the command, not before it"},
	{"lanyard hots", "wrong: there is no command \"hots\"; did you mean \"host\"?"},
	{"lanyard frobnicate", "wrong: there is no command \"frobnicate\""},
	{"lanyard ''", "wrong: there is no command \"\""},
	{"lanyard host", "wrong: `lanyard host` needs one of: add, rm, run"},
	{"lanyard host ad h",
	 "wrong: there is no `lanyard host` command \"ad\"; did you mean \"add\"?"},
	{"lanyard host -h ad",
	 "wrong: there is no `lanyard host` command \"ad\"; did you mean \"add\"?"},
	{"lanyard host add", "wrong: an operand is missing"},
	{"lanyard host add a b", "wrong: \"b\" is one operand too many"},
	{"lanyard host add a -- -b", "wrong: \"-b\" is one operand too many"},
	{"lanyard status x", "wrong: \"x\" is one operand too many"},
	{"lanyard host add h --all", "wrong: `lanyard host add` has no option --all"},
	{"lanyard host add h --saev",
	 "wrong: there is no option \"--saev\"; did you mean \"--save\"?"},
	{"lanyard status --quiet", "wrong: there is no option \"--quiet\""},
	{"lanyard status --quiet=1", "wrong: there is no option \"--quiet\""},
	{"lanyard status --json=1", "wrong: option --json takes no argument"},
	{"lanyard host add h --save=1", "wrong: option --save takes no argument"},
	{"lanyard host add h --life", "wrong: option --life needs an argument"},
	{"lanyard host add h -d", "wrong: option --device needs an argument"},
	{"lanyard status --yes -Z", "wrong: there is no option \"-Z\""},
	{"lanyard status -yZv", "wrong: there is no option \"-Z\""},
	{"lanyard host add h --json", "wrong: this command has no --json"},
	{"lanyard host add h -i -1", "wrong: --index is \"-1\"; allowed: 0 to 4294967295"},
	{"lanyard host add h -i 4294967296",
	 "wrong: --index is \"4294967296\"; allowed: 0 to 4294967295"},
	{"lanyard host add h -i ''", "wrong: --index is \"\"; allowed: 0 to 4294967295"},
	{"lanyard host add h -k p256",
	 "wrong: --curve is \"p256\"; allowed: ed25519, nist256p1, secp256k1, curve25519"},
};

static void check_lines(void)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[200], got[600], *words[WORDS_MAX], *before[WORDS_MAX];
		struct why why = {0};
		struct cli cli;
		int n;

		snprintf(text, sizeof(text), "%s", lines[i].words);
		n = split(text, words);
		memcpy(before, words, sizeof(words));
		describe(got, sizeof(got), cli_parse(&cli, test_tables, n, words, &why), &cli,
			 &why);
		cr_expect_str_eq(got, lines[i].result, "%s\n  %s\nnot\n  %s", lines[i].words, got,
				 lines[i].result);
		/* cli_error() shows the words as they were typed. */
		cr_expect_arr_eq(words, before, sizeof(*words) * (size_t)(n + 1));
		cli_free(&cli);
	}
}

Test(cli, command_lines)
{
	check_lines();
}

/* getopt_long() would end options at the first operand. */
Test(cli, command_lines_do_not_depend_on_the_environment)
{
	setenv("POSIXLY_CORRECT", "1", 1);
	check_lines();
}

Test(cli, nearest_word)
{
	static const char *const words[] = {"status", "devices", "pubkey", "ssh",
					    "sign",   "lock",    "unlock"};
	static const struct {
		const char *typed, *meant;
	} cases[] = {
		{"stauts", "status"}, {"device", "devices"}, {"pubky", "pubkey"},
		{"shs", "ssh"},       {"lcok", "lock"},      {"unlck", "unlock"},
		{"sing", "sign"},     {"x", NULL},           {"xyz", NULL},
		{"", NULL},           {"secure", NULL},
	};
	char longer[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = cli_nearest(cases[i].typed, words, 7);

		cr_expect(cases[i].meant == NULL ? got == NULL
						 : got != NULL && strcmp(got, cases[i].meant) == 0,
			  "%s: %s", cases[i].typed, got ? got : "nothing");
	}
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	cr_expect_null(cli_nearest(longer, words, 7));
}

/* ---- the real tables ---- */

static char *help_text(const char *noun, const struct command *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	cli_help(f, cli_tables, noun, c);
	fclose(f);
	return text;
}

static void check_command(const struct command *c, const char *manual)
{
	char name[64], flag[96];
	char *all = help_text(NULL, NULL), *noun = help_text(c->noun, NULL);
	size_t n = 0;

	snprintf(name, sizeof(name), "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
	cr_expect_not_null(c->run, "%s", name);
	cr_expect(c->help && c->help[0], "%s", name);
	cr_expect(c->max < 0 || c->min <= c->max, "%s", name);
	snprintf(flag, sizeof(flag), "  %s ", name);
	cr_expect_not_null(strstr(all, flag), "help: %s", name);
	cr_expect_not_null(strstr(noun, flag), "help %s: %s", c->noun, name);
	snprintf(flag, sizeof(flag), "It Cm %s", name);
	cr_expect_not_null(strstr(manual, flag), "lanyard(1): %s", name);
	for (const struct cli_option *o = c->options; o && o->name; o++, n++) {
		for (const struct cli_common_option *k = cli_common_options; k->option.name; k++)
			cr_expect_str_neq(o->name, k->option.name, "%s", name);
		snprintf(flag, sizeof(flag), "  --%s", o->name);
		cr_expect_not_null(strstr(noun, flag), "help %s: --%s", c->noun, o->name);
		if (strcmp(o->name, "name") != 0) {
			snprintf(flag, sizeof(flag), "It Fl -%s", o->name);
			cr_expect(strstr(manual, flag) || strstr(manual, flag + 3),
				  "lanyard(1): %s --%s", name, o->name);
		}
	}
	cr_expect_leq(n, CLI_OPTIONS_MAX, "%s", name);
	free(all);
	free(noun);
}

/* Commands of one noun share their options' names, which parse as one set. */
static void check_shared_options(const struct command *a)
{
	size_t own = 0;

	for (const struct command *const *t = cli_tables; *t; t++)
		for (const struct command *b = *t; b->noun; b++) {
			if (strcmp(a->noun, b->noun) != 0)
				continue;
			cr_expect_eq(a->verb == NULL, b->verb == NULL, "%s", a->noun);
			cr_expect(a == b || (a->verb && strcmp(a->verb, b->verb) != 0), "%s",
				  a->noun);
			for (const struct cli_option *o = a->options; o && o->name; o++)
				for (const struct cli_option *p = b->options; p && p->name; p++)
					cr_expect(strcmp(o->name, p->name) != 0 ||
							  !o->arg == !p->arg,
						  "%s --%s", a->noun, o->name);
			for (const struct cli_option *p = b->options; p && p->name; p++)
				own++;
		}
	cr_expect_leq(own, 48, "%s has more options than cli_parse() has room for", a->noun);
}

Test(cli, help_and_manual_have_every_command_and_option)
{
	static char manual[64 * 1024];
	FILE *f = fopen("doc/lanyard.1", "r");
	size_t count = 0;

	cr_assert_not_null(f, "run from the top of the tree");
	manual[fread(manual, 1, sizeof(manual) - 1, f)] = '\0';
	fclose(f);
	for (const struct command *const *t = cli_tables; *t; t++)
		for (const struct command *c = *t; c->noun; c++, count++) {
			check_command(c, manual);
			check_shared_options(c);
		}
	cr_expect_geq(count, 18);
	for (const struct cli_common_option *k = cli_common_options; k->option.name; k++) {
		char flag[96];

		snprintf(flag, sizeof(flag), "Fl -%s", k->option.name);
		cr_expect_not_null(strstr(manual, flag), "lanyard(1): --%s", k->option.name);
	}
}

static int run_words(const char *line)
{
	char text[1000], *words[WORDS_MAX];

	cr_assert_eq(secret_start(NULL), ERR_OK);
	snprintf(text, sizeof(text), "%s", line);
	return cli_main(cli_tables, split(text, words), words);
}

static void redirect(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
}

Test(cli, wrong_words_exit_2_with_nothing_on_stdout, .init = redirect)
{
	static const char *const wrong[] = {
		"lanyard",
		"lanyard frob",
		"lanyard ssh",
		"lanyard ssh frob",
		"lanyard status extra",
		"lanyard pubkey",
		"lanyard sign x:",
		"lanyard sign x: 0",
		"lanyard sign x: zz",
		"lanyard ecdh x:",
		"lanyard sign x: 00 --file=f",
		"lanyard pubkey x: --ecdh",
		"lanyard help frob",
		"lanyard help ssh frob",
		"lanyard lock a -d b",
		"lanyard unlock a -d b",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_expect_eq(run_words(wrong[i]), 2, "%s", wrong[i]);
	fflush(stdout);
	cr_assert_stdout_eq_str("");
}

Test(cli, help_exits_0, .init = redirect)
{
	cr_expect_eq(run_words("lanyard help"), 0);
	cr_expect_eq(run_words("lanyard help ssh"), 0);
	cr_expect_eq(run_words("lanyard help ssh add"), 0);
	cr_expect_eq(run_words("lanyard soft init -h"), 0);
	cr_expect_eq(run_words("lanyard --version"), 0);
	fflush(stderr);
	cr_assert_stderr_eq_str("");
}

Test(cli, a_message_cannot_move_the_cursor, .init = cr_redirect_stderr)
{
	cr_assert_eq(cli_fail("%s", "a\033[2Jb\nc\r\xff"), 1);
	fflush(stderr);
	cr_assert_stderr_eq_str("lanyard: a\\x1b[2Jb\\x0ac\\x0d\\xff\n");
}
