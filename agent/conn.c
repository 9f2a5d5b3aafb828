/* SPDX-License-Identifier: MIT */
#include "agent/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/log.h"

enum {
	READ_MAX = 16 * 1024,         /* by one recv(): many messages, or a part of a large one */
	OUTPUT_MAX = 4 * 1024 * 1024, /* unsent: a client that does not read is dropped */
	DRAIN_MAX = 1024 * 1024,      /* read after the last answer, so that it arrives */
};

struct conn {
	uv_poll_t poll;
	struct conns *all;
	const struct frontend *frontend;
	void *state;
	struct conn *prev, *next;
	int fd;
	uid_t uid;
	pid_t pid;
	/* Input that the dialect has not consumed. May hold a passphrase. */
	struct secret in;
	size_t in_used;
	uint8_t *out;
	size_t out_used, out_room;
	int events;    /* what is waited for */
	bool feeding;  /* inside the dialect's input() */
	bool eof;      /* nothing more will come; answers are still sent */
	bool finished; /* close when the output is flushed */
	bool gone;     /* closed; waits only for the request in flight */
	size_t drained;
};

static void conn_update(struct conn *c);

/* ---- the end of things ---- */

static void conn_freed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct conns *all = c->all;

	free(c->state);
	free(c);
	all->count--;
	all->freed(all);
}

static void conn_unlink(struct conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->all->first = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
}

static void conn_free_if_idle(struct conn *c)
{
	if (!c->gone || c->feeding || c->frontend->busy(c->state) ||
	    uv_is_closing((uv_handle_t *)&c->poll))
		return;
	conn_unlink(c);
	uv_close((uv_handle_t *)&c->poll, conn_freed);
	/* Not before: libuv would take the number out of its set, which is another client's by
	 * then. */
	close(c->fd);
	c->fd = -1;
}

/* The client is not there any more: nothing is read or sent, a request in flight is cancelled. */
static void conn_drop(struct conn *c)
{
	if (c->gone)
		return;
	c->gone = true;
	uv_poll_stop(&c->poll);
	shutdown(c->fd, SHUT_RDWR);
	secret_free(&c->in);
	c->in_used = 0;
	if (c->out != NULL)
		secret_wipe(c->out, c->out_room);
	free(c->out);
	c->out = NULL;
	c->out_used = c->out_room = 0;
	c->frontend->close(c, c->state);
	conn_free_if_idle(c);
}

/* ---- output ---- */

static void conn_flush(struct conn *c)
{
	size_t sent = 0;

	while (sent < c->out_used) {
		ssize_t n = send(c->fd, c->out + sent, c->out_used - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			conn_drop(c);
			return;
		}
		sent += (size_t)n;
	}
	if (sent == 0)
		return;
	c->out_used -= sent;
	memmove(c->out, c->out + sent, c->out_used);
	/* Answers may be secrets. */
	secret_wipe(c->out + c->out_used, sent);
	if (c->out_used > 0)
		return;
	/* Most clients are idle most of the time. */
	free(c->out);
	c->out = NULL;
	c->out_room = 0;
}

static bool conn_make_room(struct conn *c, size_t n)
{
	size_t room = c->out_room > 0 ? c->out_room : 4096;
	uint8_t *out;

	while (room < c->out_used + n)
		room *= 2;
	if (room == c->out_room)
		return true;
	out = malloc(room);
	if (out == NULL)
		return false;
	if (c->out != NULL) {
		memcpy(out, c->out, c->out_used);
		secret_wipe(c->out, c->out_room);
		free(c->out);
	}
	c->out = out;
	c->out_room = room;
	return true;
}

void conn_send(struct conn *c, const void *p, size_t n)
{
	if (c->gone)
		return;
	if (c->out_used + n > OUTPUT_MAX || !conn_make_room(c, n)) {
		log_warn("%s: client %d does not read its answers: dropped", c->frontend->name,
			 (int)c->pid);
		conn_drop(c);
		return;
	}
	memcpy(c->out + c->out_used, p, n);
	c->out_used += n;
}

/* ---- input ---- */

/* Hands bytes to the dialect while it takes some. Returns how many it took. */
static size_t conn_feed(struct conn *c, uint8_t *p, size_t n)
{
	size_t used = 0;

	c->feeding = true;
	while (used < n && !c->gone && !c->finished) {
		size_t k = c->frontend->input(c, c->state, p + used, n - used);

		if (k == 0)
			break;
		used += k;
	}
	c->feeding = false;
	if (c->gone)
		conn_free_if_idle(c);
	else
		secret_wipe(p, used);
	return used;
}

static void conn_feed_kept(struct conn *c)
{
	size_t used;

	if (c->in_used == 0)
		return;
	used = conn_feed(c, c->in.p, c->in_used);
	if (c->gone)
		return;
	c->in_used -= used;
	memmove(c->in.p, c->in.p + used, c->in_used);
	secret_wipe(c->in.p + c->in_used, used);
	if (c->in_used == 0)
		secret_free(&c->in);
}

/* Keeps what the dialect left, at most one message. */
static bool conn_keep(struct conn *c, const uint8_t *p, size_t n)
{
	size_t room = c->in.n > 0 ? c->in.n : 4096;
	struct secret bigger;

	if (n == 0)
		return true;
	while (room < c->in_used + n)
		room *= 2;
	if (room != c->in.n) {
		if (secret_new(&bigger, room) != ERR_OK)
			return false;
		if (c->in_used > 0)
			memcpy(bigger.p, c->in.p, c->in_used);
		secret_free(&c->in);
		c->in = bigger;
	}
	memcpy(c->in.p + c->in_used, p, n);
	c->in_used += n;
	return true;
}

/* How many bytes may be read now: the rest of one message. */
static size_t conn_room(const struct conn *c)
{
	return c->frontend->message_max - c->in_used;
}

static void conn_read(struct conn *c)
{
	struct conns *all = c->all;
	size_t used = 0, room = conn_room(c) < READ_MAX ? conn_room(c) : READ_MAX;
	ssize_t n;

	do
		n = recv(c->fd, all->buffer.p, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		c->eof = true;
		return;
	}
	/* The usual case: a whole message, taken from the buffer with no copy. */
	if (c->in_used == 0)
		used = conn_feed(c, all->buffer.p, (size_t)n);
	if (!c->gone && !conn_keep(c, all->buffer.p + used, (size_t)n - used)) {
		log_error("%s: out of memory: client %d dropped", c->frontend->name, (int)c->pid);
		conn_drop(c);
	}
	secret_wipe(all->buffer.p, (size_t)n);
	if (!c->gone && used == 0)
		conn_feed_kept(c);
}

/* Closing with something unread would take the last answer away from the client: what it goes on
 * sending is thrown away until it closes. */
static void conn_drain(struct conn *c)
{
	struct conns *all = c->all;
	ssize_t n = recv(c->fd, all->buffer.p, READ_MAX, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		c->eof = true;
		return;
	}
	secret_wipe(all->buffer.p, (size_t)n);
	c->drained += (size_t)n;
	if (c->drained > DRAIN_MAX)
		conn_drop(c);
}

/* True when the other side is closed in both directions: nobody will read an answer. */
static bool conn_hung_up(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void conn_ready(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	if (status < 0) {
		conn_drop(c);
		return;
	}
	if ((events & UV_READABLE) != 0 && c->finished && !c->eof)
		conn_drain(c);
	else if ((events & UV_READABLE) != 0 && !c->eof && conn_room(c) > 0)
		conn_read(c);
	conn_update(c);
}

/* After anything happened: send, decide whether the client is done, choose what to wait for. */
static void conn_update(struct conn *c)
{
	bool busy;
	int events = UV_PRIORITIZED; /* epoll tells of a hang-up with any interest registered */

	if (c->gone || c->feeding)
		return;
	conn_flush(c);
	if (c->gone)
		return;
	busy = c->frontend->busy(c->state);
	if (!busy && !c->finished && c->in_used == c->frontend->message_max) {
		log_warn("%s: client %d sent a message over %zu bytes: dropped", c->frontend->name,
			 (int)c->pid, c->frontend->message_max);
		conn_drop(c);
		return;
	}
	/* With everything read, a client that hung up gets nothing more; one that only said that it
	 * will send no more waits for its answers. */
	if ((c->eof || conn_room(c) == 0) && conn_hung_up(c)) {
		conn_drop(c);
		return;
	}
	if (!busy && c->out_used == 0 && c->eof) {
		conn_drop(c);
		return;
	}
	if (!busy && c->out_used == 0 && c->finished)
		shutdown(c->fd, SHUT_WR);
	if (!c->eof && (c->finished || conn_room(c) > 0))
		events |= UV_READABLE;
	if (c->out_used > 0)
		events |= UV_WRITABLE;
	/* Asking libuv for the same again would cost two system calls. */
	if (events == c->events)
		return;
	c->events = events;
	if (uv_poll_start(&c->poll, events, conn_ready) != 0)
		conn_drop(c);
}

void conn_push(struct conn *c, const void *p, size_t n, size_t max)
{
	if (c->gone)
		return;
	if (c->out_used + n > max) {
		log_warn("%s: client %d does not read what it waits for: dropped",
			 c->frontend->name, (int)c->pid);
		conn_drop(c);
		return;
	}
	conn_send(c, p, n);
	conn_update(c);
}

void conn_resume(struct conn *c)
{
	if (c->feeding)
		return; /* conn_feed() goes on by itself */
	if (c->gone) {
		conn_free_if_idle(c);
		return;
	}
	conn_feed_kept(c);
	conn_update(c);
}

void conn_finish(struct conn *c)
{
	c->finished = true;
}

struct agent *conn_agent(struct conn *c)
{
	return c->all->agent;
}

uid_t conn_uid(const struct conn *c)
{
	return c->uid;
}

pid_t conn_pid(const struct conn *c)
{
	return c->pid;
}

/* ---- the beginning, and all at once ---- */

enum err conn_new(struct conns *all, const struct frontend *frontend, int fd,
		  const struct ucred *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return ERR_NO_MEMORY;
	c->state = calloc(1, frontend->state_size);
	if (c->state == NULL || uv_poll_init(all->agent->loop, &c->poll, fd) != 0) {
		free(c->state);
		free(c);
		return ERR_NO_MEMORY;
	}
	c->poll.data = c;
	c->all = all;
	c->frontend = frontend;
	c->fd = fd;
	c->uid = peer->uid;
	c->pid = peer->pid;
	c->next = all->first;
	if (c->next != NULL)
		c->next->prev = c;
	all->first = c;
	all->count++;
	c->frontend->open(c, c->state);
	conn_update(c);
	return ERR_OK;
}

enum err conns_init(struct conns *all, struct agent *agent, void (*freed)(struct conns *all))
{
	*all = (struct conns){.agent = agent, .freed = freed};
	return secret_new(&all->buffer, READ_MAX);
}

void conns_drop(struct conns *all)
{
	struct conn *next;

	for (struct conn *c = all->first; c != NULL; c = next) {
		next = c->next;
		conn_drop(c);
	}
}
