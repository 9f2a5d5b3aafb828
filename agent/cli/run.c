/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "agent/cli/cli.h"
#include "protocol/text.h"

enum { ANSWER_LEN_MAX = 1024 };

/* A command that runs. */
struct run {
	struct cli *cli;
	struct slice input;
	bool file_used; /* the passphrase file has been tried */
	enum err error; /* why an INQUIRE got no answer */
	struct why why;
};

/* --socket-dir, LANYARD_SOCK, default. */
static enum err cli_connect(const struct cli *cli, struct client **out, struct why *why)
{
	char path[SOCKET_PATH_MAX + 1];
	enum err e = client_socket_path(path, cli->socket_dir, "agent.sock", why);

	*out = NULL;
	if (e != ERR_OK)
		return e;
	if (cli->verbose > 0)
		cli_fail("the agent is at %s", path);
	return client_open(out, path, why);
}

void cli_common(const struct cli *cli, struct wbuf *command)
{
	client_option(command, "device", cli->device);
	client_option(command, "index", cli->index);
	client_option(command, "curve", cli->curve);
}

enum err cli_status_words(struct line *out, const char *keyword, const char *text)
{
	char line[LINE_LEN_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s -- %s", keyword, text);

	if (n < 0 || (size_t)n >= sizeof(line))
		return ERR_TOO_LARGE;
	return line_parse(out, line, (size_t)n, NULL);
}

/* ---- status lines ---- */

static void keep_candidate(struct cli *cli, const struct line *words)
{
	struct cli_candidate *c = &cli->candidates[cli->candidate_count];

	if (line_operands(words) != 3 || cli->candidate_count == CLI_CANDIDATES_MAX)
		return;
	snprintf(c->index, sizeof(c->index), "%s", line_operand(words, 0));
	text_clean(c->serial, sizeof(c->serial), line_operand(words, 1),
		   strlen(line_operand(words, 1)));
	text_clean(c->name, sizeof(c->name), line_operand(words, 2),
		   strlen(line_operand(words, 2)));
	cli->candidate_count++;
}

static void on_status(void *arg, const char *keyword, const char *text)
{
	struct run *r = arg;
	struct line words;

	if (r->cli->status != NULL && r->cli->status(r->cli, keyword, text))
		return;
	if (cli_status_words(&words, keyword, text) != ERR_OK)
		return;
	if (strcmp(keyword, "CANDIDATE") == 0)
		keep_candidate(r->cli, &words);
	else if (strcmp(keyword, "NEAR") == 0 && line_operands(&words) == 1)
		cli_fail("warning: %s is in use too; this is another key", line_operand(&words, 0));
	else if (strcmp(keyword, "WAITING") == 0 && line_operands(&words) == 3)
		cli_fail("waiting %s s for %s (serial %s): plug it in", line_operand(&words, 2),
			 line_operand(&words, 1), line_operand(&words, 0));
	else if (strcmp(keyword, "AGAIN") == 0 && !r->file_used)
		cli_fail("that was wrong; again");
	else if (r->cli->verbose > 0)
		cli_fail("agent: %s %s", keyword, text);
}

/* ---- inquiries ---- */

/* The agent's words for a prompt: decoded and cleaned. */
static void prompt_text(char *out, size_t cap, const char *text)
{
	uint8_t raw[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(raw, sizeof(raw));

	if (line_decode(&w, text, strlen(text)) != ERR_OK || !wbuf_ok(&w))
		w.n = 0;
	text_clean(out, cap, raw, w.n);
}

static enum err ask(struct run *r, const char *option, const char *text, bool twice,
		    struct wbuf *answer)
{
	const char *file = option != NULL ? cli_value(r->cli, option) : NULL;
	char prompt[300];
	struct secret secret = {0};
	enum err e;

	prompt_text(prompt, sizeof(prompt), text);
	if (file != NULL && r->file_used && !twice)
		return why_set(&r->why, ERR_BAD_PASSPHRASE, "the passphrase in %s is wrong", file);
	if (file != NULL)
		e = cli_read_secret_file(file, ANSWER_LEN_MAX, &secret, &r->why);
	else
		e = cli_ask_secret(prompt, twice, &secret, &r->why);
	r->file_used = r->file_used || (file != NULL && !twice);
	if (e == ERR_OK)
		wbuf_bytes(answer, secret.p, secret.n);
	secret_free(&secret);
	return e;
}

static enum err on_inquire(void *arg, const char *keyword, const char *text, struct wbuf *answer)
{
	struct run *r = arg;

	if (strcmp(keyword, "DATA") == 0 && r->input.p != NULL)
		wbuf_bytes(answer, r->input.p, r->input.n);
	else if (strcmp(keyword, "PASSPHRASE") == 0)
		r->error = ask(r, "passphrase-file", text, false, answer);
	else if (strcmp(keyword, "NEW_PASSPHRASE") == 0)
		r->error = ask(r, "new-passphrase-file", text, true, answer);
	else if (strcmp(keyword, "PIN") == 0)
		r->error = ask(r, NULL, text, false, answer);
	else
		r->error = why_set(&r->why, ERR_UNSUPPORTED,
				   "the agent asks for %s, which this program cannot answer",
				   keyword);
	return r->error;
}

int cli_run(struct cli *cli, const char *command, struct slice input, struct wbuf *data)
{
	struct run r = {.cli = cli, .input = input};
	const struct client_calls calls = {.status = on_status, .inquire = on_inquire, .arg = &r};
	struct client *client;
	struct why why = {0};
	enum err e;

	cli->candidate_count = 0;
	e = cli_connect(cli, &client, &why);
	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	e = client_command(client, command, data, &calls, &why);
	client_close(client);
	if (e == ERR_OK)
		return 0;
	/* Why there was no answer says more than the agent's "canceled". */
	if (r.error != ERR_OK)
		return cli_error(cli, r.error, &r.why);
	return cli_error(cli, e, &why);
}
