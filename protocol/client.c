/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "protocol/client.h"
#include "protocol/text.h"

enum {
	GREETING_SECONDS = 10,
	/* Bytes of an answer that are encoded and sent at once. */
	CHUNK = 4096,
	CHUNK_ENCODED = 3 * CHUNK + 64,
};

struct client {
	int fd;         /* -1 once the connection is closed */
	unsigned ahead; /* commands, and the greeting, whose answers are due */
	size_t unsent;  /* bytes in `out` */
	size_t have;    /* bytes in `in` */
	size_t used;    /* of them, the line that is being looked at, with its LF */
	char in[LINE_LEN_MAX + 1];
	char out[CHUNK_ENCODED];
	uint8_t answer[LINE_DATA_MAX];
};

/* A command on its way. */
struct exchange {
	struct wbuf *data;
	const struct client_calls *calls;
	struct why *why;
	enum err answer; /* why the last INQUIRE got no answer */
	bool done;
};

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->ahead = 0;
	c->unsent = 0;
}

static enum err violation(struct client *c, struct exchange *x, const char *what)
{
	hang_up(c);
	return why_set(x->why, ERR_SYNTAX, "the agent does not follow the protocol: %s", what);
}

static enum err connection_lost(struct client *c, struct exchange *x)
{
	int error = errno;

	hang_up(c);
	errno = error;
	if (error == 0 || error == EPIPE || error == ECONNRESET)
		return why_set(x->why, ERR_NO_AGENT, "the agent closed the connection");
	if (error == EAGAIN || error == EWOULDBLOCK)
		return why_set(x->why, ERR_TIMEOUT,
			       "no greeting came within %d seconds: is this an agent's agent.sock?",
			       GREETING_SECONDS);
	return why_set(x->why, ERR_IO, "the connection to the agent failed: %m");
}

static enum err send_all(struct client *c, struct exchange *x, const void *p, size_t n)
{
	struct rbuf r = rbuf_new(p, n);

	while (r.n > 0) {
		ssize_t sent = send(c->fd, r.p, r.n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return connection_lost(c, x);
		rbuf_bytes(&r, (size_t)sent);
	}
	return ERR_OK;
}

static enum err flush(struct client *c, struct exchange *x)
{
	size_t n = c->unsent;

	c->unsent = 0;
	return n > 0 ? send_all(c, x, c->out, n) : ERR_OK;
}

/* The next line, without LF and a CR before it, ended with NUL; valid until the next call. */
static enum err read_line(struct client *c, struct exchange *x, char **line, size_t *n)
{
	char *end;

	c->have -= c->used;
	memmove(c->in, c->in + c->used, c->have);
	c->used = 0;
	while (!(end = memchr(c->in, '\n', c->have))) {
		if (c->have == sizeof(c->in))
			return violation(c, x, "a line is longer than 1000 bytes");
		enum err e = flush(c, x);
		if (e != ERR_OK)
			return e;
		ssize_t got = recv(c->fd, c->in + c->have, sizeof(c->in) - c->have, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = 0;
		if (got <= 0)
			return connection_lost(c, x);
		c->have += (size_t)got;
	}
	*line = c->in;
	*n = (size_t)(end - c->in);
	c->used = *n + 1;
	if (*n > 0 && c->in[*n - 1] == '\r')
		--*n;
	c->in[*n] = '\0';
	return ERR_OK;
}

/* Cuts "keyword text" at its first space; false without a keyword. */
static bool split_keyword(char *line, const char **text)
{
	size_t n = strcspn(line, " ");

	*text = line + n;
	if (line[n] == ' ') {
		line[n] = '\0';
		*text = line + n + 1;
	}
	return n > 0;
}

static enum err handle_data(struct client *c, struct exchange *x, const char *p, size_t n)
{
	if (!x->data)
		return violation(c, x, "it sent data that was not asked for");
	enum err e = line_decode(x->data, p, n);
	if (e == ERR_SYNTAX)
		return violation(c, x, "a data line has a bad escape");
	if (e == ERR_TOO_LARGE) {
		hang_up(c);
		return why_set(x->why, e, "the agent's answer is longer than %zu bytes",
			       x->data->cap);
	}
	return ERR_OK;
}

static enum err send_answer(struct client *c, struct exchange *x, const struct wbuf *answer)
{
	struct rbuf r = rbuf_new(answer->p, answer->n);
	enum err e = ERR_OK;

	while (e == ERR_OK && r.n > 0) {
		struct wbuf out = wbuf_new(c->out, sizeof(c->out));
		struct slice part = rbuf_bytes(&r, r.n < CHUNK ? r.n : CHUNK);

		line_data(&out, part.p, part.n);
		e = wbuf_ok(&out) ? send_all(c, x, out.p, out.n) : ERR_INTERNAL;
	}
	return e == ERR_OK ? send_all(c, x, "END\n", 4) : e;
}

static enum err handle_inquire(struct client *c, struct exchange *x, char *line)
{
	struct wbuf answer = wbuf_new(c->answer, sizeof(c->answer));
	const char *text;
	enum err e;

	if (!split_keyword(line, &text))
		return violation(c, x, "INQUIRE without a keyword");
	if (c->ahead > 1)
		return violation(c, x, "it asks what the next commands would answer");
	x->answer = ERR_NO_PROMPT;
	if (x->calls->inquire)
		x->answer = x->calls->inquire(x->calls->arg, line, text, &answer);
	if (x->answer == ERR_OK && !wbuf_ok(&answer))
		x->answer = why_set(x->why, ERR_TOO_LARGE, "more than %d bytes for %s",
				    LINE_DATA_MAX, line);
	if (x->answer == ERR_OK)
		e = send_answer(c, x, &answer);
	else
		e = send_all(c, x, "CAN\n", 4);
	text_wipe(c->out, sizeof(c->out));
	text_wipe(c->answer, sizeof(c->answer));
	return e;
}

static enum err handle_error(struct exchange *x, const char *line)
{
	struct why why;
	enum err e = line_parse_error(line, &why);

	x->done = true;
	/* What kept us from answering says more than the agent's "canceled". */
	if (e == ERR_CANCELED && x->answer != ERR_OK)
		return x->calls->inquire ? x->answer
					 : why_set(x->why, x->answer,
						   "the agent asks what this program does not "
						   "answer: run `lanyard unlock` in a terminal");
	return why_set(x->why, e, "%s", why.text);
}

static enum err handle_line(struct client *c, struct exchange *x, char *line, size_t n)
{
	const char *text;

	if (strncmp(line, "D ", 2) == 0)
		return handle_data(c, x, line + 2, n - 2);
	if (strlen(line) != n)
		return violation(c, x, "a line holds a NUL byte");
	if (strcmp(line, "OK") == 0 || strncmp(line, "OK ", 3) == 0) {
		x->done = true;
		return ERR_OK;
	}
	if (strncmp(line, "ERR ", 4) == 0)
		return handle_error(x, line);
	if (line[0] == '#') {
		if (x->calls->comment)
			x->calls->comment(x->calls->arg, line + (line[1] == ' ' ? 2 : 1));
		return ERR_OK;
	}
	if (strncmp(line, "S ", 2) == 0) {
		if (!split_keyword(line + 2, &text))
			return violation(c, x, "a status line without a keyword");
		if (x->calls->status)
			x->calls->status(x->calls->arg, line + 2, text);
		return ERR_OK;
	}
	if (strncmp(line, "INQUIRE ", 8) == 0)
		return handle_inquire(c, x, line + 8);
	return violation(c, x, "a line of an unknown kind");
}

/* Reads until OK or ERR. Nothing of it stays in memory. */
static enum err read_replies(struct client *c, struct exchange *x)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && !x->done) {
		char *line = c->in;
		size_t n = 0;

		e = read_line(c, x, &line, &n);
		if (e == ERR_OK)
			e = handle_line(c, x, line, n);
	}
	if (c->fd >= 0)
		c->ahead--;
	/* What nobody asked for would pass as the reply to the next command. */
	if (c->ahead == 0 && c->have != c->used)
		hang_up(c);
	c->have = c->fd >= 0 ? c->have - c->used : 0;
	memmove(c->in, c->in + c->used, c->have);
	c->used = 0;
	text_wipe(c->in + c->have, sizeof(c->in) - c->have);
	return e;
}

static enum err check_server(struct client *c, const char *path, uid_t uid, struct why *why)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return why_set(why, ERR_IO, "cannot tell who listens at %s: %m", path);
	if (peer.uid != uid && peer.uid != 0)
		return why_set(why, ERR_PERMISSION,
			       "user id %u listens at %s; it must be %s (%u) or root",
			       (unsigned)peer.uid, path, uid == geteuid() ? "you" : "its user",
			       (unsigned)uid);
	return ERR_OK;
}

/* How long to wait for the agent; 0: as long as it takes, since a person may be asked. */
static bool set_receive_timeout(struct client *c, time_t seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	return setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0;
}

enum err client_open(struct client **out, const char *path, struct why *why)
{
	return client_open_of(out, path, geteuid(), why);
}

enum err client_open_of(struct client **out, const char *path, uid_t uid, struct why *why)
{
	static const struct client_calls no_calls;
	struct exchange x = {.calls = &no_calls, .why = why};
	struct client *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*out = NULL;
	if (c == MAP_FAILED)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	/* Best effort: an answer may be a passphrase. The limit may allow less than all. */
	(void)madvise(c, sizeof(*c), MADV_DONTDUMP);
	if (mlock(c, sizeof(*c)) < 0)
		(void)mlock(c, sizeof(*c) - sizeof(c->answer) + CHUNK);
	c->fd = -1;
	enum err e = client_connect(path, &c->fd, why);
	if (e == ERR_OK)
		e = check_server(c, path, uid, why);
	if (e == ERR_OK && !set_receive_timeout(c, GREETING_SECONDS))
		e = why_set(why, ERR_IO, "cannot set a timeout for %s: %m", path);
	c->ahead = 1;
	if (e == ERR_OK)
		e = read_replies(c, &x);
	if (e == ERR_OK && c->fd >= 0 && !set_receive_timeout(c, 0))
		e = why_set(why, ERR_IO, "cannot set a timeout for %s: %m", path);
	if (e == ERR_OK)
		*out = c;
	else
		client_close(c);
	return e;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	hang_up(c);
	text_wipe(c, sizeof(*c));
	munmap(c, sizeof(*c));
}

int client_fd(const struct client *c)
{
	return c->fd;
}

unsigned client_ahead(const struct client *c)
{
	return c->ahead;
}

enum err client_send(struct client *c, const char *command, struct why *why)
{
	struct exchange x = {.why = why};
	size_t n = strlen(command);
	enum err e = ERR_OK;

	if (why)
		why->text[0] = '\0';
	if (c->fd < 0)
		return why_set(why, ERR_NO_AGENT, "the connection to the agent is closed");
	if (n > LINE_LEN_MAX)
		return why_set(why, ERR_TOO_LARGE,
			       "the command is %zu bytes long; at most %d are allowed", n,
			       LINE_LEN_MAX);
	if (strpbrk(command, "\r\n"))
		return why_set(why, ERR_INVALID, "the command holds a CR or LF");
	if (c->ahead == CLIENT_AHEAD_MAX)
		return why_set(why, ERR_INTERNAL, "%u answers of the agent are due already",
			       c->ahead);
	if (c->unsent + n + 1 > sizeof(c->out))
		e = flush(c, &x);
	if (e != ERR_OK)
		return e;
	memcpy(c->out + c->unsent, command, n);
	c->out[c->unsent + n] = '\n';
	c->unsent += n + 1;
	c->ahead++;
	return ERR_OK;
}

enum err client_answer(struct client *c, struct wbuf *data, const struct client_calls *calls,
		       struct why *why)
{
	static const struct client_calls no_calls;
	struct exchange x = {.data = data, .calls = calls ? calls : &no_calls, .why = why};

	if (why)
		why->text[0] = '\0';
	if (c->fd < 0)
		return why_set(why, ERR_NO_AGENT, "the connection to the agent is closed");
	if (c->ahead == 0)
		return why_set(why, ERR_INTERNAL, "the agent was asked nothing");
	return read_replies(c, &x);
}

enum err client_command(struct client *c, const char *command, struct wbuf *data,
			const struct client_calls *calls, struct why *why)
{
	enum err e;

	if (c->ahead > 0)
		return why_set(why, ERR_INTERNAL, "%u answers of the agent are due", c->ahead);
	e = client_send(c, command, why);
	return e == ERR_OK ? client_answer(c, data, calls, why) : e;
}

void client_word(struct wbuf *command, const char *word)
{
	if (*word == '\0') {
		command->bad = true;
		return;
	}
	wbuf_u8(command, ' ');
	if (*word == '-') {
		wbuf_text(command, "%2D");
		word++;
	}
	line_encode(command, word, strlen(word), false);
}

void client_option(struct wbuf *command, const char *name, const char *value)
{
	if (!value)
		return;
	wbuf_text(command, " --");
	wbuf_text(command, name);
	wbuf_u8(command, '=');
	line_encode(command, value, strlen(value), false);
}
