/* SPDX-License-Identifier: MIT */
#include "agent/pinentry.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "derive/secret.h"
#include "protocol/line.h"
#include "protocol/text.h"

/* It must show its dialog within the first; a person has the second. */
enum { PINENTRY_START_MS = 10 * 1000, PINENTRY_ANSWER_MS = 300 * 1000 };

/* Numbers of libgpg-error's gpg-error.h. */
enum { CODE_TIMEOUT = 62, CODE_CANCELED = 99, CODE_NOT_CONFIRMED = 114, CODE_FULLY_CANCELED = 198 };

/* Lives in locked memory: lines carry the answer. */
struct pinentry {
	int fd, cancel;
	int64_t deadline; /* milliseconds of CLOCK_MONOTONIC */
	size_t used;      /* bytes received */
	size_t line;      /* of them, those of the line that was returned last */
	uint8_t in[PINENTRY_LINE_MAX];
};

/* ---- parsing ---- */

static bool slice_starts(struct slice s, const char *word, struct slice *rest)
{
	size_t n = strlen(word);

	if (s.n < n || memcmp(s.p, word, n) != 0 || (s.n > n && s.p[n] != ' '))
		return false;
	*rest = s.n > n ? (struct slice){s.p + n + 1, s.n - n - 1} : (struct slice){s.p + n, 0};
	return true;
}

/* "83886179 Operation cancelled <Pinentry>" */
static enum err parse_code(unsigned *code, struct slice text)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		value = value * 10 + (text.p[i] - '0');
		if (value > UINT32_MAX)
			return ERR_SYNTAX;
	}
	if (i == 0 || (i < text.n && text.p[i] != ' '))
		return ERR_SYNTAX;
	*code = (unsigned)(value & 0xFFFF);
	return ERR_OK;
}

enum err pinentry_parse(struct pinentry_reply *out, struct slice line)
{
	struct slice rest;

	*out = (struct pinentry_reply){.kind = PINENTRY_IGNORE};
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n > 0 && line.p[0] == '#')
		return ERR_OK;
	if (slice_starts(line, "S", &rest))
		return ERR_OK;
	if (slice_starts(line, "OK", &rest)) {
		out->kind = PINENTRY_OK;
		return ERR_OK;
	}
	if (slice_starts(line, "D", &rest)) {
		out->kind = PINENTRY_DATA;
		out->data = rest;
		return ERR_OK;
	}
	if (slice_starts(line, "INQUIRE", &rest)) {
		out->kind = PINENTRY_INQUIRE;
		return ERR_OK;
	}
	if (!slice_starts(line, "ERR", &rest))
		return ERR_SYNTAX;
	out->kind = PINENTRY_ERR;
	return parse_code(&out->code, rest);
}

/* ---- lines over the socket ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for bytes of the pinentry. */
static enum err pinentry_wait(struct pinentry *p, struct why *why)
{
	struct pollfd fds[2] = {{.fd = p->fd, .events = POLLIN},
				{.fd = p->cancel, .events = POLLIN}};
	int64_t left = p->deadline - now_ms();
	int n = poll(fds, 2, left > 0 ? (int)left : 0);

	if (n < 0 && errno != EINTR)
		return why_set(why, ERR_NO_PROMPT, "poll: %s", strerror(errno));
	if (n > 0 && fds[1].revents != 0)
		return ERR_CANCELED;
	if (n == 0)
		return ERR_TIMEOUT;
	return ERR_OK;
}

static enum err pinentry_receive(struct pinentry *p, struct why *why)
{
	enum err e = pinentry_wait(p, why);
	ssize_t n;

	if (e != ERR_OK)
		return e;
	n = recv(p->fd, p->in + p->used, sizeof(p->in) - p->used, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_OK;
	if (n <= 0)
		return why_set(why, ERR_NO_PROMPT, "it ended without an answer");
	p->used += (size_t)n;
	return ERR_OK;
}

/* The next line, valid until the next call. */
static enum err pinentry_line(struct pinentry *p, struct slice *line, struct why *why)
{
	const uint8_t *end;
	enum err e = ERR_OK;

	p->used -= p->line;
	memmove(p->in, p->in + p->line, p->used);
	secret_wipe(p->in + p->used, p->line);
	p->line = 0;
	while ((end = memchr(p->in, '\n', p->used)) == NULL && e == ERR_OK) {
		if (p->used == sizeof(p->in))
			return why_set(why, ERR_NO_PROMPT, "it said a line over %d bytes",
				       PINENTRY_LINE_MAX);
		e = pinentry_receive(p, why);
	}
	if (e != ERR_OK)
		return e;
	*line = (struct slice){p->in, (size_t)(end - p->in)};
	p->line = line->n + 1;
	return ERR_OK;
}

static enum err pinentry_send(struct pinentry *p, const struct wbuf *w, struct why *why)
{
	if (!wbuf_ok(w))
		return why_set(why, ERR_NO_PROMPT, "a text for it is too long");
	/* A few short lines to somebody who reads: they fit the socket's buffer, or it is stuck. */
	if (send(p->fd, w->p, w->n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)w->n)
		return why_set(why, ERR_NO_PROMPT, "it does not read: %s", strerror(errno));
	return ERR_OK;
}

/* What a person's, or its own, refusal means. */
static enum err pinentry_error(unsigned code, struct why *why)
{
	switch (code) {
	case CODE_CANCELED:
	case CODE_FULLY_CANCELED:
		return ERR_CANCELED;
	case CODE_NOT_CONFIRMED:
		return ERR_REFUSED;
	case CODE_TIMEOUT:
		return ERR_TIMEOUT;
	default:
		return why_set(why, ERR_NO_PROMPT, "it cannot ask there (error %u)", code);
	}
}

/* Reads replies until OK or ERR; *code is 0 for OK. D lines go to `answer`, if there is one. */
static enum err pinentry_reply(struct pinentry *p, struct wbuf *answer, unsigned *code,
			       struct why *why)
{
	static const char cancel[] = "CAN\n";
	struct pinentry_reply reply;
	struct slice line;
	enum err e;

	for (;;) {
		e = pinentry_line(p, &line, why);
		if (e == ERR_OK && pinentry_parse(&reply, line) != ERR_OK)
			e = why_set(why, ERR_NO_PROMPT, "it does not speak pinentry's protocol");
		if (e != ERR_OK)
			return e;
		*code = reply.kind == PINENTRY_ERR ? reply.code : 0;
		if (reply.kind == PINENTRY_OK || reply.kind == PINENTRY_ERR)
			return ERR_OK;
		if (reply.kind == PINENTRY_INQUIRE &&
		    send(p->fd, cancel, 4, MSG_NOSIGNAL | MSG_DONTWAIT) != 4)
			return why_set(why, ERR_NO_PROMPT, "it does not read");
		if (reply.kind != PINENTRY_DATA || answer == NULL)
			continue;
		e = line_decode(answer, reply.data.p, reply.data.n);
		if (e == ERR_TOO_LARGE)
			return why_set(why, e, "the answer is longer than %zu bytes", answer->cap);
		if (e != ERR_OK)
			return why_set(why, ERR_NO_PROMPT, "its answer is not percent-encoded");
	}
}

/* ---- the conversation ---- */

/* "VERB text", the text percent-encoded. That it does not know the verb does not matter. */
static enum err pinentry_tell(struct pinentry *p, const char *verb, const char *text,
			      struct why *why)
{
	uint8_t out[PINENTRY_LINE_MAX];
	struct wbuf w = wbuf_new(out, sizeof(out));
	unsigned code;
	enum err e;

	wbuf_text(&w, verb);
	line_encode(&w, text, strlen(text), true);
	wbuf_u8(&w, '\n');
	e = pinentry_send(p, &w, why);
	return e == ERR_OK ? pinentry_reply(p, NULL, &code, why) : e;
}

static enum err pinentry_options(struct pinentry *p, const struct pinentry_question *q,
				 struct why *why)
{
	const struct {
		const char *verb, *value;
	} options[] = {
		{"OPTION no-grab", ""},
		{"OPTION ttyname=", q->tty},
		{"OPTION ttytype=", q->tty != NULL ? q->term : NULL},
		{"OPTION lc-ctype=", q->lc_ctype},
	};
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && e == ERR_OK; i++)
		if (options[i].value != NULL)
			e = pinentry_tell(p, options[i].verb, options[i].value, why);
	return e;
}

static bool pinentry_fits(const char *text)
{
	uint8_t out[PINENTRY_LINE_MAX - sizeof("SETDESC \n")];
	struct wbuf w = wbuf_new(out, sizeof(out));

	line_encode(&w, text, strlen(text), true);
	return wbuf_ok(&w);
}

/* The question, what for, and who asks. What does not fit a line, encoded, is cut from what for:
 * its end is what others chose (ssh/accept.c). */
static void pinentry_describe(char text[static PINENTRY_LINE_MAX],
			      const struct pinentry_question *q)
{
	char detail[PINENTRY_LINE_MAX / 2];
	size_t room = sizeof(detail);

	do {
		text_clean_message(detail, room, q->detail, strlen(q->detail));
		if (room < 20)
			detail[0] = '\0';
		snprintf(text, PINENTRY_LINE_MAX, "%s%s%s%s%s%s", q->text,
			 detail[0] != '\0' ? "\n" : "", detail, q->who[0] != '\0' ? "\n" : "",
			 q->who[0] != '\0' ? "Asked for by what says it is " : "", q->who);
		room -= room / 8;
	} while (!pinentry_fits(text) && detail[0] != '\0');
	if (!pinentry_fits(text))
		text_clean_message(text, PINENTRY_LINE_MAX / 4, q->text, strlen(q->text));
}

static enum err pinentry_texts(struct pinentry *p, const struct pinentry_question *q,
			       struct why *why)
{
	bool confirm = q->kind == ASK_CONFIRM, pin = q->kind == ASK_PIN;
	char text[PINENTRY_LINE_MAX];
	enum err e;

	pinentry_describe(text, q);
	e = pinentry_tell(p, "SETTITLE ", "lanyard", why);
	if (e == ERR_OK)
		e = pinentry_tell(p, "SETDESC ", text, why);
	if (e == ERR_OK)
		e = pinentry_tell(p, "SETOK ", confirm ? "Allow" : "OK", why);
	if (e == ERR_OK)
		e = pinentry_tell(p, "SETCANCEL ", confirm ? "Refuse" : "Cancel", why);
	if (e == ERR_OK && !confirm)
		e = pinentry_tell(p, "SETPROMPT ", pin ? "PIN:" : "Passphrase:", why);
	if (e == ERR_OK && q->again)
		e = pinentry_tell(p, "SETERROR ", pin ? "Wrong PIN" : "Wrong passphrase", why);
	return e;
}

static enum err pinentry_start(struct pinentry *p, const struct pinentry_question *q,
			       struct why *why)
{
	unsigned code = 0;
	enum err e = pinentry_reply(p, NULL, &code, why);

	if (e == ERR_OK && code != 0)
		e = why_set(why, ERR_NO_PROMPT, "it greets with error %u", code);
	if (e == ERR_OK)
		e = pinentry_options(p, q, why);
	if (e == ERR_OK)
		e = pinentry_texts(p, q, why);
	if (e == ERR_TIMEOUT)
		e = why_set(why, ERR_NO_PROMPT, "it does not answer");
	return e;
}

enum err pinentry_ask(int fd, int cancel, const struct pinentry_question *q, struct wbuf *answer,
		      struct why *why)
{
	static const char bye[] = "BYE\n";
	struct pinentry *p = secret_alloc(sizeof(*p));
	uint8_t verb[16];
	struct wbuf w = wbuf_new(verb, sizeof(verb));
	unsigned code = 0;
	enum err e;

	if (p == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of locked memory");
	p->fd = fd;
	p->cancel = cancel;
	p->deadline = now_ms() + PINENTRY_START_MS;
	e = pinentry_start(p, q, why);
	if (e == ERR_OK) {
		p->deadline = now_ms() + PINENTRY_ANSWER_MS;
		wbuf_text(&w, q->kind == ASK_CONFIRM ? "CONFIRM\n" : "GETPIN\n");
		e = pinentry_send(p, &w, why);
	}
	if (e == ERR_OK)
		e = pinentry_reply(p, answer, &code, why);
	if (e == ERR_OK && code != 0)
		e = pinentry_error(code, why);
	if (e == ERR_OK) /* the answer is there, whether it still listens or not */
		send(fd, bye, sizeof(bye) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	secret_free_mem(p);
	return e;
}
