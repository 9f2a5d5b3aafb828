/* SPDX-License-Identifier: MIT */
#include "agent/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "derive/encode.h"
#include "protocol/streams.h"
#include "protocol/text.h"

enum { MESSAGE_MAX = 4096, SHORT_MAX = 512 };

const char *cli_value(const struct cli *cli, const char *name)
{
	const struct cli_option *o = cli->command->options;

	for (size_t i = 0; o != NULL && o[i].name != NULL; i++)
		if (strcmp(o[i].name, name) == 0)
			return cli->values[i];
	return NULL;
}

static void PRINTF_LIKE(1, 0) complain(const char *fmt, va_list args)
{
	char raw[MESSAGE_MAX], text[MESSAGE_MAX];

	vsnprintf(raw, sizeof(raw), fmt, args);
	fprintf(stderr, "lanyard: %s\n", text_clean_message(text, sizeof(text), raw, strlen(raw)));
}

int cli_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	return 1;
}

int cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	cli_usage_line(stderr, cli->command);
	return 2;
}

/* ---- the command again, for each candidate ---- */

static bool is_plain_word(const char *w)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./:@%+,=-";

	return w[0] != '\0' && w[strspn(w, plain)] == '\0';
}

/* Appends " word", quoted for a shell where it needs to be. */
static void add_word(struct wbuf *line, const char *w)
{
	wbuf_u8(line, ' ');
	if (is_plain_word(w)) {
		wbuf_text(line, w);
		return;
	}
	wbuf_u8(line, '\'');
	for (; *w != '\0'; w++) {
		if (*w == '\'')
			wbuf_text(line, "'\\''");
		else
			wbuf_u8(line, (uint8_t)*w);
	}
	wbuf_u8(line, '\'');
}

/* Where in the word the user's choice of device stands: "-dX", "--device=X", "X"; NULL elsewhere.
 */
static const char *device_in(const struct cli *cli, const char *word)
{
	for (; cli->device != NULL; word++) {
		if (word == cli->device)
			return word;
		if (*word == '\0')
			break;
	}
	return NULL;
}

static void print_again(const struct cli *cli, const char *device, const char *name)
{
	char text[MESSAGE_MAX], word[SHORT_MAX];
	uint8_t raw[MESSAGE_MAX];
	struct wbuf line = wbuf_new(raw, sizeof(raw));
	/* Words before the verb's operands: lanyard NOUN [VERB]. */
	int head = cli->command->verb != NULL && cli->word_count > 2 &&
				   strcmp(cli->words[2], cli->command->verb) == 0
			   ? 3
			   : 2;

	wbuf_text(&line, " lanyard");
	for (int i = 1; i < cli->word_count; i++) {
		const char *w = cli->words[i], *at = device_in(cli, w);

		if (i == head && cli->device == NULL)
			wbuf_printf(&line, " -d %s", device);
		if (at == NULL) {
			add_word(&line, w);
			continue;
		}
		snprintf(word, sizeof(word), "%.*s%s", (int)(at - w), w, device);
		add_word(&line, word);
	}
	if (cli->word_count == head && cli->device == NULL)
		wbuf_printf(&line, " -d %s", device);
	if (wbuf_ok(&line))
		fprintf(stderr, " %s    # %s\n",
			text_clean_message(text, sizeof(text), raw, line.n), name);
}

/* How to name a candidate so that only it is meant. */
static const char *candidate_selector(const struct cli *cli, unsigned which)
{
	const struct cli_candidate *c = cli->candidates;

	for (unsigned i = 0; i < cli->candidate_count; i++)
		if (i != which && strcmp(c[i].serial, c[which].serial) == 0)
			return c[which].index;
	return c[which].serial;
}

int cli_error(const struct cli *cli, enum err e, const struct why *why)
{
	cli_fail("%s", why_text(why, e));
	if (e != ERR_AMBIGUOUS || cli->candidate_count == 0)
		return 1;
	fprintf(stderr, "choose one:\n");
	for (unsigned i = 0; i < cli->candidate_count; i++)
		print_again(cli, candidate_selector(cli, i), cli->candidates[i].name);
	return 1;
}

/* ---- output ---- */

int cli_write(const void *p, size_t n)
{
	struct rbuf r = rbuf_new(p, n);

	/* What stdio holds came first. */
	if (fflush(stdout) != 0)
		return cli_fail("writing to standard output: %s", strerror(errno));
	while (r.n > 0) {
		ssize_t done = write(STDOUT_FILENO, r.p, r.n);

		if (done < 0 && errno != EINTR)
			return cli_fail("writing to standard output: %s", strerror(errno));
		if (done > 0)
			rbuf_bytes(&r, (size_t)done);
	}
	return 0;
}

int cli_write_hex(const void *p, size_t n)
{
	char *text = secret_alloc(2 * n + 2);
	int status;

	if (text == NULL)
		return cli_fail("%s", err_text(ERR_NO_MEMORY));
	hex_encode(text, p, n);
	text[2 * n] = '\n';
	status = cli_write(text, 2 * n + 1);
	secret_free_mem(text);
	return status;
}

/* ---- the program ---- */

static int run_parsed(struct cli *cli, enum cli_parsed parsed, const struct why *why)
{
	switch (parsed) {
	case CLI_RUN:
		return cli->command->run(cli);
	case CLI_HELP:
		cli_help(stdout, cli->tables, cli->noun, cli->command);
		return 0;
	case CLI_VERSION:
		printf("lanyard " LANYARD_VERSION "\n");
		return 0;
	case CLI_NOTHING:
		cli_help(stderr, cli->tables, NULL, NULL);
		return 2;
	case CLI_WRONG:
		break;
	}
	if (cli->command != NULL)
		return cli_usage(cli, "%s", why->text);
	cli_fail("%s", why->text);
	fprintf(stderr, "`lanyard help%s%s` says what there is\n", cli->noun != NULL ? " " : "",
		cli->noun != NULL ? cli->noun : "");
	return 2;
}

int cli_main(const struct command *const *tables, int argc, char **argv)
{
	struct why why = {0};
	struct cli cli;
	int status = run_parsed(&cli, cli_parse(&cli, tables, argc, argv, &why), &why);

	cli_free(&cli);
	if (streams_flush(&why) != ERR_OK && status == 0)
		status = cli_fail("%s", why.text);
	return status;
}
