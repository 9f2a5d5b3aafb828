/* SPDX-License-Identifier: MIT */
/* `lanyard status` and `lanyard devices`. */
#include <ctype.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"
#include "protocol/text.h"

enum { JSON_MAX = 6 * LINE_LEN_MAX + 3 };

/* A word of the agent as JSON: a number when `number` and it is one, else a string. */
static void print_json(const char *word, bool number)
{
	char text[JSON_MAX];
	uint32_t value;

	if (number && text_to_u32(word, 0, UINT32_MAX, &value)) {
		printf("%u", (unsigned)value);
		return;
	}
	text_json(text, sizeof(text), word, strlen(word));
	fputs(text, stdout);
}

static void print_clean(const char *word, int width)
{
	char text[LINE_LEN_MAX + 1];

	printf("%-*s", width, text_clean(text, sizeof(text), word, strlen(word)));
}

/* ---- status ---- */

static const struct status_line {
	const char *keyword, *label;
	bool number, yes_no;
} status_lines[] = {
	{"VERSION", "version", false, false},
	{"PROTOCOL", "protocol", true, false},
	{"PID", "process", true, false},
	{"LOCKED", "locked", false, true},
	{"DEVICES", "devices", true, false},
	{"KEYS", "keys", true, false},
	{"SOCKET", "agent socket", false, false},
	{"SSH_AUTH_SOCK", "ssh socket", false, false},
	{"CONFIG", "configuration", false, false},
	{"PINENTRY", "pinentry", false, false},
	{"LOGIND", "logind", false, false},
	{"MLOCK", "memory lock", false, false},
	{NULL, NULL, false, false},
};

static void print_status_json(const struct status_line *l, const char *word, bool first)
{
	fputs(first ? "{\n  \"" : ",\n  \"", stdout);
	for (const char *k = l->keyword; *k != '\0'; k++)
		putchar(tolower((unsigned char)*k));
	fputs("\": ", stdout);
	if (l->yes_no)
		fputs(strcmp(word, "yes") == 0 ? "true" : "false", stdout);
	else
		print_json(word, l->number);
}

/* The words after "yes", "partly" or "no". */
static void print_classes_json(const struct line *words)
{
	fputs(",\n  \"locked_classes\": [", stdout);
	for (size_t i = 1; i < line_operands(words); i++) {
		fputs(i > 1 ? ", " : "", stdout);
		print_json(line_operand(words, i), false);
	}
	putchar(']');
}

static bool on_status(struct cli *cli, const char *keyword, const char *text)
{
	const struct status_line *l = status_lines;
	size_t *count = cli->status_arg;
	struct line words;

	while (l->keyword != NULL && strcmp(l->keyword, keyword) != 0)
		l++;
	if (l->keyword == NULL || cli_status_words(&words, keyword, text) != ERR_OK ||
	    line_operands(&words) < 1)
		return false;
	if (cli->json) {
		print_status_json(l, line_operand(&words, 0), *count == 0);
		if (l->yes_no)
			print_classes_json(&words);
	} else {
		printf("%-14s ", l->label);
		for (size_t i = 0; i < line_operands(&words); i++) {
			fputs(i == 0 ? "" : i == 1 ? ": " : ", ", stdout);
			print_clean(line_operand(&words, i), 0);
		}
		putchar('\n');
	}
	++*count;
	return true;
}

static int run_status(struct cli *cli)
{
	size_t count = 0;
	int status;

	cli->status = on_status;
	cli->status_arg = &count;
	status = cli_run(cli, "STATUS", (struct slice){0}, NULL);
	if (cli->json && (count > 0 || status == 0))
		puts(count > 0 ? "\n}" : "{}");
	return status;
}

/* ---- devices ---- */

/* The words of "S DEVICE", in their order. */
enum { DEVICE_INDEX, DEVICE_SERIAL, DEVICE_DRIVER, DEVICE_LABEL, DEVICE_STATE, DEVICE_CUSTODY };
enum { DEVICE_WORDS = DEVICE_CUSTODY + 1 };

struct devices {
	size_t count, unusable;
	char about[LINE_LEN_MAX + 1]; /* of the next one: "S ABOUT" comes before it */
};

static void print_device_json(const struct line *words, const char *about, bool first)
{
	static const char *const names[DEVICE_WORDS] = {"index", "serial", "driver",
							"label", "state",  "custody"};

	fputs(first ? "[\n  {" : ",\n  {", stdout);
	for (size_t i = 0; i < DEVICE_WORDS; i++) {
		printf("%s\"%s\": ", i > 0 ? ", " : "", names[i]);
		print_json(line_operand(words, i), i == DEVICE_INDEX);
	}
	if (about[0] != '\0') {
		fputs(", \"about\": ", stdout);
		print_json(about, false);
	}
	putchar('}');
}

static void print_device(const struct line *words, const char *about, bool first)
{
	char name[LINE_LEN_MAX + 1];

	if (first)
		printf("%-6s%-22s%-26s%-8s%s\n", "INDEX", "SERIAL", "DEVICE", "STATE", "CUSTODY");
	snprintf(name, sizeof(name), "%s:%s", line_operand(words, DEVICE_DRIVER),
		 line_operand(words, DEVICE_LABEL));
	print_clean(line_operand(words, DEVICE_INDEX), 5);
	putchar(' ');
	print_clean(line_operand(words, DEVICE_SERIAL), 21);
	putchar(' ');
	print_clean(name, 25);
	putchar(' ');
	print_clean(line_operand(words, DEVICE_STATE), 7);
	putchar(' ');
	print_clean(line_operand(words, DEVICE_CUSTODY), 0);
	if (about[0] != '\0') {
		fputs("  ", stdout);
		print_clean(about, 0);
	}
	putchar('\n');
}

static bool on_device(struct cli *cli, const char *keyword, const char *text)
{
	struct devices *devices = cli->status_arg;
	bool about = strcmp(keyword, "ABOUT") == 0;
	struct line words;

	if (strcmp(keyword, "UNUSABLE") == 0) {
		if (cli_status_words(&words, keyword, text) != ERR_OK || line_operands(&words) != 1)
			return false;
		cli_fail("%s", line_operand(&words, 0));
		devices->unusable++;
		return true;
	}
	if ((!about && strcmp(keyword, "DEVICE") != 0) ||
	    cli_status_words(&words, keyword, text) != ERR_OK ||
	    line_operands(&words) != (about ? 2 : DEVICE_WORDS))
		return false;
	if (about) {
		snprintf(devices->about, sizeof(devices->about), "%s", line_operand(&words, 1));
		return true;
	}
	if (cli->json)
		print_device_json(&words, devices->about, devices->count == 0);
	else
		print_device(&words, devices->about, devices->count == 0);
	devices->count++;
	devices->about[0] = '\0';
	return true;
}

static int run_devices(struct cli *cli)
{
	struct devices devices = {0};
	int status;

	cli->status = on_device;
	cli->status_arg = &devices;
	status = cli_run(cli, "DEVICES", (struct slice){0}, NULL);
	if (cli->json && (devices.count > 0 || status == 0))
		puts(devices.count > 0 ? "\n]" : "[]");
	else if (devices.count == 0 && devices.unusable == 0 && status == 0)
		fputs("no device; `lanyard soft init` makes a software device, `lanyard soft list` "
		      "says why one that is there is not used\n",
		      stderr);
	return status;
}

const struct command cmd_status[] = {
	{
		.noun = "status",
		.args = "",
		.help = "the agent: process, sockets, whether it is locked",
		.run = run_status,
		.json = true,
	},
	{
		.noun = "devices",
		.args = "",
		.help = "the devices: index, serial number, label, state, custody",
		.run = run_devices,
		.json = true,
	},
	{.noun = NULL},
};
