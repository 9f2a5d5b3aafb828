/* SPDX-License-Identifier: MIT */
#include "agent/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/log.h"

enum {
	READ_MAX = 16 * 1024,    /* by one recv(): many messages, or a part of a large one */
	DRAIN_MAX = 1024 * 1024, /* read after the last answer, so that it arrives */
};

struct listener {
	uv_poll_t poll;
	uv_timer_t pause; /* runs while accept() is short of descriptors */
	struct server *server;
	const struct frontend *frontend;
	int fd;
	char path[SOCKET_PATH_MAX + 1];
};

struct conn {
	uv_poll_t poll;
	struct server *server;
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

struct server {
	struct agent *agent;
	struct conn *conns;
	size_t count;
	struct secret buffer; /* what one read() fills */
	bool closing;
	void (*closed)(void *arg);
	void *arg;
	unsigned handles; /* open uv handles of listeners */
	size_t listener_count;
	struct listener listeners[];
};

static void conn_update(struct conn *c);

/* ---- the end of things ---- */

static void server_free_if_done(struct server *s)
{
	if (!s->closing || s->count > 0 || s->handles > 0)
		return;
	secret_free(&s->buffer);
	s->closed(s->arg);
	free(s);
}

static void conn_freed(uv_handle_t *handle)
{
	struct conn *c = handle->data;
	struct server *s = c->server;

	free(c->state);
	free(c);
	s->count--;
	server_free_if_done(s);
}

static void conn_unlink(struct conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->server->conns = c->next;
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
}

/* The client is not there any more: nothing is read or sent, a request in flight is cancelled. */
static void conn_drop(struct conn *c)
{
	if (c->gone)
		return;
	c->gone = true;
	uv_poll_stop(&c->poll);
	close(c->fd);
	c->fd = -1;
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
	if (c->out_used + n > SERVER_OUTPUT_MAX || !conn_make_room(c, n)) {
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
	struct server *s = c->server;
	size_t used = 0, room = conn_room(c) < READ_MAX ? conn_room(c) : READ_MAX;
	ssize_t n;

	do
		n = recv(c->fd, s->buffer.p, room, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		c->eof = true;
		return;
	}
	/* The usual case: a whole message, taken from the buffer with no copy. */
	if (c->in_used == 0)
		used = conn_feed(c, s->buffer.p, (size_t)n);
	if (!c->gone && !conn_keep(c, s->buffer.p + used, (size_t)n - used)) {
		log_error("%s: out of memory: client %d dropped", c->frontend->name, (int)c->pid);
		conn_drop(c);
	}
	secret_wipe(s->buffer.p, (size_t)n);
	if (!c->gone && used == 0)
		conn_feed_kept(c);
}

/* Closing with something unread would take the last answer away from the client: what it goes on
 * sending is thrown away until it closes. */
static void conn_drain(struct conn *c)
{
	struct server *s = c->server;
	ssize_t n = recv(c->fd, s->buffer.p, READ_MAX, MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		c->eof = true;
		return;
	}
	secret_wipe(s->buffer.p, (size_t)n);
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
	return c->server->agent;
}

uid_t conn_uid(const struct conn *c)
{
	return c->uid;
}

pid_t conn_pid(const struct conn *c)
{
	return c->pid;
}

/* ---- listening ---- */

static enum err conn_new(struct listener *l, int fd, const struct ucred *peer)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return ERR_NO_MEMORY;
	c->state = calloc(1, l->frontend->state_size);
	if (c->state == NULL || uv_poll_init(l->server->agent->loop, &c->poll, fd) != 0) {
		free(c->state);
		free(c);
		return ERR_NO_MEMORY;
	}
	c->poll.data = c;
	c->server = l->server;
	c->frontend = l->frontend;
	c->fd = fd;
	c->uid = peer->uid;
	c->pid = peer->pid;
	c->next = l->server->conns;
	if (c->next != NULL)
		c->next->prev = c;
	l->server->conns = c;
	l->server->count++;
	c->frontend->open(c, c->state);
	conn_update(c);
	return ERR_OK;
}

static void listener_accepted(struct listener *l, int fd)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
	    (peer.uid != geteuid() && peer.uid != 0)) {
		log_warn("%s: uid %u is neither ours nor root: refused", l->frontend->name,
			 (unsigned)peer.uid);
		close(fd);
	} else if (l->server->count >= SERVER_CLIENTS_MAX) {
		log_warn("%s: %d clients are connected already: refused", l->frontend->name,
			 SERVER_CLIENTS_MAX);
		close(fd);
	} else if (conn_new(l, fd, &peer) != ERR_OK) {
		log_error("%s: out of memory: client refused", l->frontend->name);
		close(fd);
	}
}

static void listener_ready(uv_poll_t *poll, int status, int events);

static void listener_unpause(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, listener_ready);
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int fd;

	(void)status;
	(void)events;
	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		listener_accepted(l, fd);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warn("%s: accept: %s", l->frontend->name, strerror(errno));
		uv_poll_stop(&l->poll);
		uv_timer_start(&l->pause, listener_unpause, 100, 0);
	}
}

static enum err listener_bind(struct listener *l, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int failed;

	memcpy(address.sun_path, l->path, strlen(l->path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_set(why, ERR_IO, "socket: %s", strerror(errno));
	if (unlink(l->path) != 0 && errno != ENOENT)
		return why_set(why, ERR_IO, "%s: cannot replace it: %s", l->path, strerror(errno));
	mask = umask(0177);
	failed = bind(l->fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (failed != 0 || listen(l->fd, 128) != 0)
		return why_set(why, ERR_IO, "%s: %s", l->path, strerror(errno));
	return ERR_OK;
}

static void listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	l->server->handles--;
	server_free_if_done(l->server);
}

static void listener_close(struct listener *l)
{
	unlink(l->path);
	uv_close((uv_handle_t *)&l->poll, listener_closed);
	uv_close((uv_handle_t *)&l->pause, listener_closed);
	close(l->fd);
}

static enum err listener_open(struct listener *l, struct server *s, const char *dir,
			      const struct frontend *frontend, struct why *why)
{
	enum err e;

	l->server = s;
	l->frontend = frontend;
	e = client_socket_path(l->path, dir, frontend->socket, why);
	if (e == ERR_OK)
		e = listener_bind(l, why);
	if (e != ERR_OK) {
		if (l->fd >= 0)
			close(l->fd);
		return e;
	}
	if (uv_poll_init(s->agent->loop, &l->poll, l->fd) != 0) {
		unlink(l->path);
		close(l->fd);
		return why_set(why, ERR_INTERNAL, "%s: cannot be polled", l->path);
	}
	uv_timer_init(s->agent->loop, &l->pause);
	l->poll.data = l->pause.data = l;
	s->handles += 2;
	uv_poll_start(&l->poll, UV_READABLE, listener_ready);
	return ERR_OK;
}

static void server_forget(void *arg)
{
	(void)arg;
}

enum err server_new(struct server **out, struct agent *agent, const char *dir,
		    const struct frontend *const *frontends, struct why *why)
{
	struct server *s;
	size_t count = 0;
	enum err e;

	while (frontends[count] != NULL)
		count++;
	s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));
	if (s == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	s->agent = agent;
	e = secret_new(&s->buffer, READ_MAX);
	if (e != ERR_OK) {
		free(s);
		return why_set(why, e, "no memory for the receive buffer");
	}
	for (size_t i = 0; i < count; i++) {
		s->listeners[i].fd = -1;
		e = listener_open(&s->listeners[i], s, dir, frontends[i], why);
		if (e != ERR_OK) {
			server_close(s, server_forget, NULL);
			return e;
		}
		s->listener_count++;
	}
	*out = s;
	return ERR_OK;
}

size_t server_clients(const struct server *s)
{
	return s->count;
}

void server_close(struct server *s, void (*closed)(void *arg), void *arg)
{
	struct conn *next;

	s->closing = true;
	s->closed = closed;
	s->arg = arg;
	for (size_t i = 0; i < s->listener_count; i++)
		listener_close(&s->listeners[i]);
	for (struct conn *c = s->conns; c != NULL; c = next) {
		next = c->next;
		conn_drop(c);
	}
	server_free_if_done(s);
}
