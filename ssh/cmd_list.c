/* SPDX-License-Identifier: MIT */
/* `lanyard ssh list`. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "protocol/text.h"
#include "ssh/cmd_ssh.h"

/* The words of "S KEY" and of the "S DESTINATION" and "S CERT" that follow it, in their order. */
enum {
	KEY_URI,
	KEY_INDEX,
	KEY_CURVE,
	KEY_SERIAL,
	KEY_KNOWN,
	KEY_LISTED,
	KEY_PUBLIC,
	KEY_DRIVER,
	KEY_PURPOSE,
	KEY_LIFE,
	KEY_CONFIRM,
	KEY_WORDS
};
enum { CERT_FILE, CERT_SERIAL, CERT_AFTER, CERT_BEFORE, CERT_KEY_ID, CERT_WORDS };

struct listing {
	bool json;
	size_t keys;         /* shown */
	size_t destinations; /* of the key that came last, shown */
	size_t certs;        /* the same */
	bool shown;          /* that key is */
};

static void json_text(const char *name, const char *value)
{
	char text[6 * LINE_LEN_MAX + 3];

	text_json(text, sizeof(text), value, strlen(value));
	printf("\"%s\": %s", name, text);
}

/* Digits, but not more than a reader of JSON takes for a number without loss; else null. */
static void json_number(const char *name, const char *value)
{
	size_t n = strlen(value);
	bool good = n > 0 && n <= 15 && strspn(value, "0123456789") == n;

	printf("\"%s\": %s", name, good ? value : "null");
}

static void json_key(const struct listing *l, const char *const words[KEY_WORDS])
{
	fputs(l->keys == 0 ? "[\n  {" : ",\n  {", stdout);
	json_text("uri", words[KEY_URI]);
	fputs(", ", stdout);
	json_number("index", words[KEY_INDEX]);
	fputs(", ", stdout);
	json_text("curve", words[KEY_CURVE]);
	fputs(", ", stdout);
	if (strcmp(words[KEY_SERIAL], "-") == 0)
		fputs("\"device\": null", stdout);
	else
		json_text("device", words[KEY_SERIAL]);
	printf(", \"known\": %s", strcmp(words[KEY_KNOWN], "known") == 0 ? "true" : "false");
	fputs(", ", stdout);
	json_number("life", words[KEY_LIFE]);
	printf(", \"confirm\": %s", strcmp(words[KEY_CONFIRM], "confirm") == 0 ? "true" : "false");
	fputs(", \"destinations\": [", stdout);
}

static void json_destination(const struct listing *l, const char *destination)
{
	char text[6 * LINE_LEN_MAX + 3];

	text_json(text, sizeof(text), destination, strlen(destination));
	printf("%s%s", l->destinations == 0 ? "" : ", ", text);
}

static void json_destinations_end(void)
{
	fputs("], \"certificates\": [", stdout);
}

static void json_key_end(const struct listing *l)
{
	if (l->certs == 0)
		json_destinations_end();
	fputs("]}", stdout);
}

static void json_cert(const struct listing *l, const char *const words[CERT_WORDS])
{
	if (l->certs == 0)
		json_destinations_end();
	fputs(l->certs == 0 ? "{" : ", {", stdout);
	json_text("file", words[CERT_FILE]);
	fputs(", ", stdout);
	json_text("serial", words[CERT_SERIAL]);
	fputs(", ", stdout);
	json_number("valid_after", words[CERT_AFTER]);
	fputs(", ", stdout);
	json_number("valid_before", words[CERT_BEFORE]);
	fputs(", ", stdout);
	json_text("key_id", words[CERT_KEY_ID]);
	fputs("}", stdout);
}

/* What is left of a life, rounded up: "90 s", "30 min", "8 h", "2 days". */
static void print_life(const char *seconds)
{
	uint32_t n;

	if (!text_to_u32(seconds, 0, UINT32_MAX, &n))
		return; /* "-" */
	if (n < 120)
		printf(", for %u s", n);
	else if (n < 2 * 3600)
		printf(", for %u min", (n + 59) / 60);
	else if (n < 2 * 86400)
		printf(", for %u h", (n + 3599) / 3600);
	else
		printf(", for %u days", (n + 86399) / 86400);
}

static void row_key(const struct listing *l, const char *const words[KEY_WORDS])
{
	char clean[KEY_WORDS][IDENTITY_URI_MAX + 8];

	for (size_t i = 0; i < KEY_WORDS; i++)
		text_clean(clean[i], sizeof(clean[i]), words[i], strlen(words[i]));
	if (l->keys == 0)
		printf("%-40s %-10s %5s  %s\n", "IDENTITY", "CURVE", "INDEX", "DEVICE");
	printf("%-40s %-10s %5s  %s%s", clean[KEY_URI], clean[KEY_CURVE], clean[KEY_INDEX],
	       clean[KEY_SERIAL],
	       strcmp(words[KEY_KNOWN], "known") == 0 ? "" : " (key not fetched yet)");
	print_life(words[KEY_LIFE]);
	puts(strcmp(words[KEY_CONFIRM], "confirm") == 0 ? ", asks before each use" : "");
}

/* " until 2027-01-31 12:00", or what is wrong with the time. */
static void print_validity(const char *const words[CERT_WORDS])
{
	time_t now = time(NULL);
	uint32_t after = 0, before = UINT32_MAX;
	char text[40];
	struct tm tm;

	if (strcmp(words[CERT_AFTER], "-") != 0 &&
	    (!text_to_u32(words[CERT_AFTER], 0, UINT32_MAX, &after) || now < (time_t)after))
		fputs(", NOT VALID YET", stdout);
	if (!text_to_u32(words[CERT_BEFORE], 0, UINT32_MAX, &before))
		return; /* "-", or in the next century */
	if (now >= (time_t)before)
		fputs(", EXPIRED", stdout);
	else if (localtime_r(&(time_t){before}, &tm) != NULL &&
		 strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) > 0)
		printf(", until %s", text);
}

static void row_cert(const char *const words[CERT_WORDS])
{
	char file[300], id[100];

	printf("  certificate %s",
	       text_clean(file, sizeof(file), words[CERT_FILE], strlen(words[CERT_FILE])));
	print_validity(words);
	printf(", key id \"%s\"\n",
	       text_clean_message(id, sizeof(id), words[CERT_KEY_ID], strlen(words[CERT_KEY_ID])));
}

static void list_key(struct listing *l, const char *const words[KEY_WORDS])
{
	if (l->json && l->shown)
		json_key_end(l);
	l->shown = strcmp(words[KEY_LISTED], "listed") == 0;
	l->certs = l->destinations = 0;
	if (!l->shown)
		return;
	if (l->json)
		json_key(l, words);
	else
		row_key(l, words);
	l->keys++;
}

static void list_destination(struct listing *l, const char *destination)
{
	char clean[IDENTITY_URI_MAX * 2];

	if (!l->shown)
		return;
	if (l->json)
		json_destination(l, destination);
	else
		printf("  only to %s\n",
		       text_clean(clean, sizeof(clean), destination, strlen(destination)));
	l->destinations++;
}

static void list_cert(struct listing *l, const char *const words[CERT_WORDS])
{
	if (!l->shown)
		return;
	if (l->json)
		json_cert(l, words);
	else
		row_cert(words);
	l->certs++;
}

static bool list_status(struct cli *cli, const char *keyword, const char *text)
{
	enum { WORDS = KEY_WORDS + CERT_WORDS };
	bool key = strcmp(keyword, "KEY") == 0, cert = strcmp(keyword, "CERT") == 0;
	bool destination = strcmp(keyword, "DESTINATION") == 0;
	size_t need = key ? KEY_WORDS : cert ? CERT_WORDS : 1;
	const char *words[WORDS];
	struct line line;

	if (!key && !cert && !destination)
		return false;
	if (cli_status_words(&line, keyword, text) != ERR_OK || line_operands(&line) < need)
		return true;
	for (size_t i = 0; i < need; i++)
		words[i] = line_operand(&line, i);
	if (key)
		list_key(cli->status_arg, words);
	else if (destination)
		list_destination(cli->status_arg, words[0]);
	else
		list_cert(cli->status_arg, words);
	return true;
}

int cmd_ssh_list(struct cli *cli)
{
	struct listing l = {.json = cli->json};
	int status;

	cli->status = list_status;
	cli->status_arg = &l;
	status = cli_run(cli, "KEYS", (struct slice){0}, NULL);
	if (cli->json && l.shown)
		json_key_end(&l);
	if (cli->json && (l.keys > 0 || status == 0))
		puts(l.keys > 0 ? "\n]" : "[]");
	else if (l.keys == 0 && status == 0)
		fputs("no key is offered; add one with `lanyard ssh add [user@]host`\n", stderr);
	return status;
}
