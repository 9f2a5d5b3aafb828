/* SPDX-License-Identifier: MIT */
/* `lanyard events`. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"
#include "protocol/event.h"
#include "protocol/streams.h"

/* At once, also into a pipe; with nobody to print for there is nothing to follow. */
static void print_event(const struct cli *cli, const char *const *words, size_t count)
{
	char text[EVENT_JSON_MAX];
	struct timespec now;
	struct why why = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	if (!cli->json)
		event_text(text, sizeof(text), &now, words, count);
	else if (event_json(text, sizeof(text), &now, words, count) == 0)
		return;
	puts(text);
	if (streams_flush(&why) != ERR_OK)
		exit(cli_fail("%s", why.text));
}

/* What is there at the start is `lanyard devices` and `lanyard status`. */
static bool on_status(struct cli *cli, const char *keyword, const char *text)
{
	const char *list[LINE_WORDS_MAX];
	struct line words;
	size_t count;

	if (strcmp(keyword, "EVENT") != 0)
		return strcmp(keyword, "WATCHING") != 0;
	if (cli_status_words(&words, keyword, text) != ERR_OK || line_operands(&words) == 0)
		return false;
	count = line_operands(&words);
	for (size_t i = 0; i < count; i++)
		list[i] = line_operand(&words, i);
	print_event(cli, list, count);
	return true;
}

static int run_events(struct cli *cli)
{
	cli->status = on_status;
	return cli_run(cli, "WATCH", (struct slice){0}, NULL);
}

const struct command cmd_events[] = {
	{
		.noun = "events",
		.args = "",
		.help = "follow what happens: each use of a key, devices, locks",
		.run = run_events,
		.json = true,
	},
	{.noun = NULL},
};
