/* SPDX-License-Identifier: MIT */
/* `lanyard key list|forget` and `lanyard device list|forget`: what the agent remembers. */
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"
#include "protocol/text.h"

enum { TEXT_MAX = LINE_LEN_MAX + 1, JSON_MAX = 6 * LINE_LEN_MAX + 3 };

/* A kind of status line, and how to show it. */
struct listing {
	const char *keyword;
	size_t words;
	void (*row)(const struct line *words, bool first);
	void (*json)(const struct line *words);
};

struct shown {
	const struct listing *listing;
	size_t count;
};

static void print_clean(const char *word, int width)
{
	char text[TEXT_MAX];

	printf("%-*s", width, text_clean(text, sizeof(text), word, strlen(word)));
}

/* DRIVER:NAME in a column. */
static void print_name(const char *driver, const char *name, int width)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s:%s", driver, name);
	print_clean(text, width);
}

/* "name": the word, as a number if it shall be one, "-" as null. */
static void print_json(const char *name, const char *word, bool number)
{
	char text[JSON_MAX];
	uint32_t value;

	printf("\"%s\": ", name);
	if (number && text_to_u32(word, 0, UINT32_MAX, &value)) {
		printf("%u", (unsigned)value);
	} else if (strcmp(word, "-") == 0) {
		fputs("null", stdout);
	} else {
		text_json(text, sizeof(text), word, strlen(word));
		fputs(text, stdout);
	}
}

static bool on_line(struct cli *cli, const char *keyword, const char *text)
{
	struct shown *shown = cli->status_arg;
	const struct listing *l = shown->listing;
	struct line words;

	if (strcmp(keyword, l->keyword) != 0 || cli_status_words(&words, keyword, text) != ERR_OK ||
	    line_operands(&words) < l->words)
		return false;
	if (cli->json) {
		fputs(shown->count == 0 ? "[\n  {" : ",\n  {", stdout);
		l->json(&words);
		putchar('}');
	} else {
		l->row(&words, shown->count == 0);
	}
	shown->count++;
	return true;
}

/* Runs a command and shows its lines; `none` when there are none. */
static int show(struct cli *cli, const char *command, const struct listing *listing,
		const char *none)
{
	struct shown shown = {.listing = listing};
	int status;

	cli->status = on_line;
	cli->status_arg = &shown;
	status = cli_run(cli, command, (struct slice){0}, NULL);
	cli->status = NULL;
	if (cli->json && (shown.count > 0 || status == 0))
		puts(shown.count > 0 ? "\n]" : "[]");
	else if (shown.count == 0 && status == 0)
		fprintf(stderr, "%s\n", none);
	return status;
}

/* ---- key ---- */

/* The words of "S KEY", in their order. */
enum {
	KEY_URI,
	KEY_INDEX,
	KEY_CURVE,
	KEY_SERIAL,
	KEY_KNOWN,
	KEY_LISTED,
	KEY_PUBLIC,
	KEY_DRIVER,
	KEY_USE,
	KEY_WORDS
};

static void key_row(const struct line *w, bool first)
{
	if (first)
		printf("%-40s %-10s %5s %-4s %-28s %s\n", "IDENTITY", "CURVE", "INDEX", "USE",
		       "DEVICE", "PUBLIC KEY");
	print_clean(line_operand(w, KEY_URI), 40);
	putchar(' ');
	print_clean(line_operand(w, KEY_CURVE), 10);
	printf(" %5s ", line_operand(w, KEY_INDEX));
	print_clean(line_operand(w, KEY_USE), 4);
	putchar(' ');
	print_name(line_operand(w, KEY_DRIVER), line_operand(w, KEY_SERIAL), 28);
	putchar(' ');
	print_clean(line_operand(w, KEY_PUBLIC), 0);
	putchar('\n');
}

static void key_json(const struct line *w)
{
	static const char *const names[KEY_WORDS] = {
		[KEY_URI] = "uri",       [KEY_INDEX] = "index",       [KEY_CURVE] = "curve",
		[KEY_USE] = "use",       [KEY_DRIVER] = "driver",     [KEY_SERIAL] = "serial",
		[KEY_LISTED] = "listed", [KEY_PUBLIC] = "public_key",
	};
	static const int order[] = {KEY_URI,    KEY_INDEX,  KEY_CURVE, KEY_USE,
				    KEY_DRIVER, KEY_SERIAL, KEY_PUBLIC};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		print_json(names[order[i]], line_operand(w, (size_t)order[i]),
			   order[i] == KEY_INDEX);
		fputs(", ", stdout);
	}
	printf("\"offered\": %s",
	       strcmp(line_operand(w, KEY_LISTED), "listed") == 0 ? "true" : "false");
}

static const struct listing key_listing = {
	.keyword = "KEY", .words = KEY_WORDS, .row = key_row, .json = key_json};

static int run_key_list(struct cli *cli)
{
	return show(cli, "KEYS", &key_listing, "no key is recorded: none has been used yet");
}

/* FORGET with the options and the URI, if there is one. */
static bool forget_command(const struct cli *cli, bool dry, char out[static LINE_LEN_MAX + 1])
{
	struct wbuf w = wbuf_new(out, LINE_LEN_MAX + 1);

	wbuf_text(&w, "FORGET");
	cli_common(cli, &w);
	if (dry)
		wbuf_text(&w, " --dry-run");
	if (cli->argc > 0)
		client_word(&w, cli->argv[0]);
	else
		wbuf_text(&w, " --all");
	wbuf_u8(&w, 0);
	return wbuf_ok(&w);
}

static int run_key_forget(struct cli *cli)
{
	char dry[LINE_LEN_MAX + 1], command[LINE_LEN_MAX + 1];
	bool all = cli_value(cli, "all") != NULL;
	struct why why = {0};
	int status;
	enum err e;

	if ((cli->argc > 0) == all)
		return cli_usage(cli, "give an identity's URI, or --all with --device");
	if (all && cli->device == NULL)
		return cli_usage(cli, "--all goes with --device: it means every key of one device");
	if (!forget_command(cli, true, dry) || !forget_command(cli, false, command))
		return cli_fail("the identity and the options have more than %d bytes together",
				LINE_LEN_MAX);
	status = show(cli, dry, &key_listing, "");
	if (status != 0)
		return status;
	e = cli_confirm(cli,
			"Forget this? The next use records whatever key the device then answers "
			"with, and any device may be the one",
			&why);
	return e == ERR_OK ? cli_run(cli, command, (struct slice){0}, NULL)
			   : cli_error(cli, e, &why);
}

/* ---- device ---- */

/* The words of "S KNOWN", in their order. */
enum {
	KNOWN_INDEX,
	KNOWN_SERIAL,
	KNOWN_DRIVER,
	KNOWN_LABEL,
	KNOWN_STATE,
	KNOWN_WALLET,
	KNOWN_KEYS,
	KNOWN_WORDS
};

static void device_row(const struct line *w, bool first)
{
	char wallet[17];

	if (first)
		printf("%5s  %-21s %-25s %-7s %5s  %s\n", "INDEX", "SERIAL", "DEVICE", "STATE",
		       "KEYS", "WALLET");
	snprintf(wallet, sizeof(wallet), "%s", line_operand(w, KNOWN_WALLET));
	printf("%5s  ", line_operand(w, KNOWN_INDEX));
	print_clean(line_operand(w, KNOWN_SERIAL), 21);
	putchar(' ');
	print_name(line_operand(w, KNOWN_DRIVER), line_operand(w, KNOWN_LABEL), 25);
	putchar(' ');
	print_clean(line_operand(w, KNOWN_STATE), 7);
	printf(" %5s  ", line_operand(w, KNOWN_KEYS));
	print_clean(wallet, 0);
	putchar('\n');
}

static void device_json(const struct line *w)
{
	static const char *const names[KNOWN_WORDS] = {
		[KNOWN_INDEX] = "index", [KNOWN_SERIAL] = "serial", [KNOWN_DRIVER] = "driver",
		[KNOWN_LABEL] = "label", [KNOWN_STATE] = "state",   [KNOWN_WALLET] = "wallet",
		[KNOWN_KEYS] = "keys",
	};

	for (size_t i = 0; i < KNOWN_WORDS; i++) {
		if (i > 0)
			fputs(", ", stdout);
		print_json(names[i], line_operand(w, i), i == KNOWN_INDEX || i == KNOWN_KEYS);
	}
}

static const struct listing device_listing = {
	.keyword = "KNOWN", .words = KNOWN_WORDS, .row = device_row, .json = device_json};

static int run_device_list(struct cli *cli)
{
	return show(cli, "DEVICES --known", &device_listing, "no device has been seen yet");
}

static int run_device_forget(struct cli *cli)
{
	char command[LINE_LEN_MAX + 1], question[TEXT_MAX + 80], name[TEXT_MAX];
	struct wbuf w = wbuf_new(command, sizeof(command));
	struct why why = {0};
	enum err e;

	wbuf_text(&w, "FORGETDEVICE");
	client_word(&w, cli->argv[0]);
	wbuf_u8(&w, 0);
	if (!wbuf_ok(&w))
		return cli_fail("the device's name is too long");
	text_clean(name, sizeof(name), cli->argv[0], strlen(cli->argv[0]));
	snprintf(question, sizeof(question),
		 "Forget the device %s? Another one may then get its index", name);
	e = cli_confirm(cli, question, &why);
	return e == ERR_OK ? cli_run(cli, command, (struct slice){0}, NULL)
			   : cli_error(cli, e, &why);
}

static const struct cli_option forget_options[] = {
	{"all", NULL, "with --device: every key of it"},
	{NULL, NULL, NULL},
};

const struct command cmd_state[] = {
	{
		.noun = "key",
		.verb = "list",
		.args = "",
		.help = "the keys in use: identity, device, public key",
		.run = run_key_list,
		.json = true,
	},
	{
		.noun = "key",
		.verb = "forget",
		.args = "URI | --all",
		.max = 1,
		.help = "stop insisting on a recorded public key",
		.options = forget_options,
		.run = run_key_forget,
	},
	{
		.noun = "device",
		.verb = "list",
		.args = "",
		.help = "the devices that were ever seen, connected or not",
		.run = run_device_list,
		.json = true,
	},
	{
		.noun = "device",
		.verb = "forget",
		.args = "DEVICE",
		.min = 1,
		.max = 1,
		.help = "give up the index of a device that is gone",
		.run = run_device_forget,
	},
	{.noun = NULL},
};
