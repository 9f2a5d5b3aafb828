/* SPDX-License-Identifier: MIT */
#include "agent/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/status.h"

/* Enough to see many pipelined commands at once; a line itself is at most LINE_LEN_MAX. */
enum { LINE_MESSAGE_MAX = 16 * 1024, LINE_OUT_MAX = 4 * LINE_LEN_MAX };

/* ---- answers ---- */

static void line_send(struct line_conn *lc, const struct wbuf *w)
{
	conn_send(lc->conn, w->p, w->n);
}

void line_reply_ok(struct line_conn *lc)
{
	conn_send(lc->conn, "OK\n", 3);
}

void line_reply_error(struct line_conn *lc, enum err e, const struct why *why)
{
	uint8_t text[LINE_OUT_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));

	line_error(&w, e, why);
	line_send(lc, &w);
}

void line_status(struct line_conn *lc, const char *keyword, ...)
{
	uint8_t text[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	const char *words[STATUS_WORDS_MAX], *word;
	size_t count = 0;
	va_list args;

	va_start(args, keyword);
	while (count < STATUS_WORDS_MAX && (word = va_arg(args, const char *)) != NULL)
		words[count++] = word;
	va_end(args);
	status_format(&w, keyword, words, count);
	line_send(lc, &w);
}

void line_send_data(struct line_conn *lc, const void *p, size_t n)
{
	uint8_t text[LINE_OUT_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));

	line_data(&w, p, n);
	line_send(lc, &w);
	secret_wipe(text, w.n);
}

void line_comment(struct line_conn *lc, const char *fmt, ...)
{
	uint8_t text[LINE_LEN_MAX + 1];
	char words[LINE_LEN_MAX - 2];
	struct wbuf w = wbuf_new(text, sizeof(text));
	va_list args;

	va_start(args, fmt);
	vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	wbuf_printf(&w, "# %s\n", words);
	line_send(lc, &w);
}

/* ---- requests ---- */

static void line_input_free(struct line_conn *lc)
{
	secret_free(&lc->input);
	lc->input_used = lc->input_max = 0;
}

/* Those that `selector` may mean; NULL: all. */
static void line_candidates(struct line_conn *lc, const char *selector)
{
	struct registry *registry = lc->request.agent->registry;
	char index[12], name[2 * DEVICE_LABEL_MAX];

	for (struct device *d = registry_next(registry, NULL); d != NULL;
	     d = registry_next(registry, d)) {
		if (selector != NULL && !registry_matches(d, selector))
			continue;
		snprintf(index, sizeof(index), "%u", device_index(d));
		snprintf(name, sizeof(name), "%s:%s", device_driver(d)->name,
			 device_info(d)->label);
		line_status(lc, "CANDIDATE", index, device_info(d)->serial, name, NULL);
	}
}

void line_reply_choice(struct line_conn *lc, const char *selector, enum err e,
		       const struct why *why)
{
	if (e == ERR_AMBIGUOUS)
		line_candidates(lc, selector);
	line_reply_error(lc, e, why);
}

static void line_request_done(struct request *r, enum err e)
{
	struct line_conn *lc = r->arg;

	if (e == ERR_OK)
		lc->reply(lc);
	else
		line_reply_choice(lc, r->device, e, &r->why);
	request_clear(r);
	secret_free(&lc->data);
	line_input_free(lc);
	lc->state = LINE_IDLE;
	conn_resume(lc->conn);
}

/* Passes a device's question on to this client. */
static void line_request_ask(struct request *r, const struct ask *ask)
{
	struct line_conn *lc = r->arg;
	uint8_t text[LINE_OUT_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));

	line_input_free(lc);
	if (secret_new(&lc->input, ANSWER_MAX) != ERR_OK) {
		request_answer(r, ERR_NO_MEMORY, NULL, 0);
		return;
	}
	lc->input_max = ANSWER_MAX;
	lc->state = LINE_INQUIRE_ASK;
	if (ask->again)
		line_status(lc, "AGAIN", ask_keyword(ask->kind), NULL);
	wbuf_printf(&w, "INQUIRE %s ", ask_keyword(ask->kind));
	line_encode(&w, ask->prompt, strlen(ask->prompt), true);
	wbuf_u8(&w, '\n');
	line_send(lc, &w);
	conn_resume(lc->conn);
}

static void line_request_waiting(struct request *r, const char *device, unsigned seconds)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", seconds);
	line_status(r->arg, "WAITING", r->serial, device, number, NULL);
}

static const struct request_calls line_request_calls = {
	.done = line_request_done,
	.ask = line_request_ask,
	.waiting = line_request_waiting,
};

/* UNLOCK and DEVICE hand questions to their client, who came to answer them; other commands only in
 * loopback mode. */
static const struct request_calls line_silent_calls = {
	.done = line_request_done,
	.waiting = line_request_waiting,
};

bool line_refuse_locked(struct line_conn *lc)
{
	struct why why = {0};

	if (!request_locked(lc->request.agent))
		return false;
	why_set(&why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
	line_reply_error(lc, ERR_LOCKED, &why);
	return true;
}

void line_start(struct line_conn *lc, void (*reply)(struct line_conn *lc))
{
	struct request *r = &lc->request;

	lc->reply = reply;
	lc->state = LINE_RUNNING;
	r->calls = r->op == OP_UNLOCK || r->op == OP_VERB ||
				   (lc->loopback && r->agent->config->allow_loopback)
			   ? &line_request_calls
			   : &line_silent_calls;
	r->arg = lc;
	request_start(r);
}

void line_inquire(struct line_conn *lc, const char *keyword, size_t max,
		  void (*then)(struct line_conn *lc))
{
	uint8_t out[200];
	struct wbuf w = wbuf_new(out, sizeof(out));

	lc->inquired = then;
	lc->input_max = max;
	lc->state = LINE_INQUIRE_DATA;
	wbuf_printf(&w, "S INQUIRE_MAXLEN %zu\nINQUIRE %s\n", max, keyword);
	line_send(lc, &w);
}

static void line_start_inquired(struct line_conn *lc)
{
	lc->request.data = (struct slice){lc->data.p, lc->data_used};
	line_start(lc, lc->reply);
}

void line_start_with_data(struct line_conn *lc, size_t max, void (*reply)(struct line_conn *lc))
{
	lc->reply = reply;
	line_inquire(lc, "DATA", max, line_start_inquired);
}

/* ---- input ---- */

/* END, or CAN, of an inquiry. */
static void line_inquire_end(struct line_conn *lc, bool canceled)
{
	struct why why = {0};

	if (lc->state == LINE_INQUIRE_ASK) {
		lc->state = LINE_RUNNING;
		request_answer(&lc->request, canceled ? ERR_CANCELED : ERR_OK, lc->input.p,
			       lc->input_used);
		line_input_free(lc);
	} else if (canceled) {
		lc->state = LINE_IDLE;
		line_input_free(lc);
		why_set(&why, ERR_CANCELED, "canceled by the client");
		line_reply_error(lc, ERR_CANCELED, &why);
	} else {
		lc->data = lc->input;
		lc->data_used = lc->input_used;
		lc->input = (struct secret){0};
		lc->input_used = lc->input_max = 0;
		lc->state = LINE_IDLE;
		lc->inquired(lc);
		if (lc->state == LINE_IDLE)
			secret_free(&lc->data);
	}
}

/* Makes room for at least `n` more bytes of an inquiry's answer. */
static enum err line_input_room(struct line_conn *lc, size_t n)
{
	size_t room = lc->input.n > 0 ? lc->input.n : 1024;
	struct secret bigger;
	enum err e;

	if (n > lc->input_max - lc->input_used)
		return ERR_TOO_LARGE;
	while (room < lc->input_used + n)
		room *= 2;
	if (room == lc->input.n)
		return ERR_OK;
	e = secret_new(&bigger, room);
	if (e != ERR_OK)
		return e;
	if (lc->input_used > 0)
		memcpy(bigger.p, lc->input.p, lc->input_used);
	secret_free(&lc->input);
	lc->input = bigger;
	return ERR_OK;
}

/* A D line: its decoded length is known only after decoding, at most the encoded one. */
static enum err line_inquire_data(struct line_conn *lc, const uint8_t *p, size_t n)
{
	struct wbuf out;
	size_t max = n < lc->input_max - lc->input_used ? n : lc->input_max - lc->input_used;
	enum err e = line_input_room(lc, max);

	if (e != ERR_OK)
		return e;
	out = wbuf_new(lc->input.p + lc->input_used, max);
	e = line_decode(&out, p, n);
	if (e == ERR_OK && !wbuf_ok(&out))
		e = ERR_TOO_LARGE;
	lc->input_used += out.n;
	return e;
}

static bool line_is(const uint8_t *p, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp((const char *)p, word, n) == 0;
}

/* One line while an inquiry is open: "D data", END or CAN. */
static void line_inquire_line(struct line_conn *lc, const uint8_t *p, size_t n)
{
	struct why why = {0};
	enum err e;

	if (n >= 2 && (p[0] == 'D' || p[0] == 'd') && p[1] == ' ')
		e = line_inquire_data(lc, p + 2, n - 2);
	else if (line_is(p, n, "D"))
		e = ERR_OK;
	else if (line_is(p, n, "END")) {
		line_inquire_end(lc, false);
		return;
	} else if (line_is(p, n, "CAN") || line_is(p, n, "CANCEL")) {
		/* gpg-connect-agent says the latter. */
		line_inquire_end(lc, true);
		return;
	} else
		e = why_set(&why, ERR_SYNTAX,
			    "an INQUIRE is open: answer it with D lines and END, or CAN");
	if (e == ERR_OK)
		return;
	if (e == ERR_TOO_LARGE)
		why_set(&why, e, "what was given is longer than %zu bytes", lc->input_max);
	/* Whatever comes next would be taken for commands: the client is out of step. */
	conn_finish(lc->conn);
	if (lc->state == LINE_INQUIRE_ASK) {
		lc->state = LINE_RUNNING;
		request_answer(&lc->request, e, NULL, 0);
	} else {
		lc->state = LINE_IDLE;
		line_input_free(lc);
		line_reply_error(lc, e, &why);
	}
}

static bool line_option_allowed(const struct line_command *command, const char *name)
{
	char padded[64];

	if (command->options == NULL ||
	    (size_t)snprintf(padded, sizeof(padded), " --%s ", name) >= sizeof(padded))
		return false;
	return strstr(command->options, padded) != NULL;
}

static enum err line_check(const struct line_conn *lc, const struct line_command *command,
			   struct why *why)
{
	const struct line *l = &lc->command;
	size_t operands = line_operands(l);

	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].name != NULL && !line_option_allowed(command, l->words[i].name))
			return why_set(why, ERR_SYNTAX, "%s has no option --%s: %s %s",
				       command->verb, l->words[i].name, command->verb,
				       command->usage);
	if (operands < command->min || operands > command->max)
		return why_set(why, ERR_SYNTAX, "usage: %s %s", command->verb, command->usage);
	return ERR_OK;
}

/* Who the client is decides what it may ask for (lanyard.conf(5), allow-root and allow-owner). */
static enum err line_check_client(const struct line_conn *lc, const struct line_command *command,
				  struct why *why)
{
	const struct config *config = lc->request.agent->config;
	const char *operand = line_operand(&lc->command, 0);
	bool wg_uri = operand != NULL && strncmp(operand, "wg://", 5) == 0;
	bool wg = command->who == FOR_WG || command->who == FOR_RELEASE ||
		  (command->who == FOR_WG_URI && wg_uri);

	if (geteuid() == 0 || command->who == FOR_ALL)
		return ERR_OK;
	if (conn_uid(lc->conn) != 0) {
		if (command->who != FOR_RELEASE || config->allow_owner)
			return ERR_OK;
		return why_set(why, ERR_PERMISSION,
			       "WireGuard keys are handed to root only: `sudo`, or `allow-owner = "
			       "wg` in %s",
			       config->path);
	}
	if (config->allow_root == ROOT_ALL || (config->allow_root == ROOT_WG && wg))
		return ERR_OK;
	return why_set(why, ERR_PERMISSION,
		       "root may not use %s%s here: `allow-root = %s` in %s allows it",
		       command->verb, command->who == FOR_WG_URI && !wg_uri ? " but of wg://" : "",
		       wg ? "wg" : "all", config->path);
}

static void line_command_line(struct line_conn *lc, const uint8_t *p, size_t n)
{
	const struct line_command *command = line_commands;
	struct why why = {0};
	enum err e = line_parse(&lc->command, p, n, &why);

	if (e == ERR_OK && lc->command.verb[0] == '\0')
		return; /* an empty line or a comment */
	if (e == ERR_OK) {
		while (command->verb != NULL && strcmp(command->verb, lc->command.verb) != 0)
			command++;
		e = command->verb == NULL
			    ? why_set(&why, ERR_UNKNOWN_COMMAND, "no command %s: HELP lists them",
				      lc->command.verb)
			    : line_check(lc, command, &why);
	}
	if (e == ERR_OK)
		e = line_check_client(lc, command, &why);
	if (e == ERR_OK)
		command->run(lc);
	else
		line_reply_error(lc, e, &why);
}

/* Any line, whatever it says. */
static void line_watch_end(struct line_conn *lc)
{
	watch_remove(&lc->request.agent->watch, &lc->watcher);
	lc->state = LINE_IDLE;
	line_reply_ok(lc);
}

static size_t line_input(struct conn *c, void *state, const uint8_t *p, size_t n)
{
	struct line_conn *lc = state;
	const uint8_t *end = memchr(p, '\n', n);
	size_t len = end != NULL ? (size_t)(end - p) : n;
	struct why why = {0};

	if (lc->state == LINE_RUNNING)
		return 0;
	/* One more for the CR that may stand before the LF. */
	if (len > LINE_LEN_MAX + 1) {
		why_set(&why, ERR_TOO_LARGE, "a line is at most %d bytes", LINE_LEN_MAX);
		line_reply_error(lc, ERR_TOO_LARGE, &why);
		conn_finish(c);
		return n;
	}
	if (end == NULL)
		return 0;
	if (lc->state == LINE_WATCHING)
		line_watch_end(lc);
	else if (lc->state == LINE_IDLE)
		line_command_line(lc, p, len);
	else
		line_inquire_line(lc, p, len > 0 && p[len - 1] == '\r' ? len - 1 : len);
	return len + 1;
}

static void line_open(struct conn *c, void *state)
{
	struct line_conn *lc = state;
	static const char greeting[] = "OK lanyard " LANYARD_VERSION " ready\n";

	lc->conn = c;
	lc->request.agent = conn_agent(c);
	lc->request.patient = lc->request.attended = true;
	lc->request.asker = conn_pid(c);
	lc->request.asker_uid = conn_uid(c);
	lc->request.client = line_frontend.name;
	conn_send(c, greeting, sizeof(greeting) - 1);
}

static void line_close(struct conn *c, void *state)
{
	struct line_conn *lc = state;

	(void)c;
	request_cancel(&lc->request);
	wgkeys_drop(&lc->wg);
	passlock_leave(lc->request.agent, &lc->try);
	watch_remove(&lc->request.agent->watch, &lc->watcher);
	if (lc->state == LINE_WATCHING || lc->reload.waiting)
		lc->state = LINE_IDLE;
	reload_leave(lc->request.agent->reloader, &lc->reload);
	if (lc->state != LINE_RUNNING && lc->state != LINE_INQUIRE_ASK)
		line_input_free(lc);
}

static bool line_busy(const void *state)
{
	const struct line_conn *lc = state;

	return lc->state == LINE_RUNNING || lc->state == LINE_INQUIRE_ASK ||
	       lc->state == LINE_WATCHING;
}

const struct frontend line_frontend = {
	.name = "line",
	.socket = "agent.sock",
	.root = ROOT_NONE, /* each command says for itself */
	.state_size = sizeof(struct line_conn),
	.message_max = LINE_MESSAGE_MAX,
	.open = line_open,
	.input = line_input,
	.close = line_close,
	.busy = line_busy,
};
