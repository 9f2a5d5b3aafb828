/* SPDX-License-Identifier: MIT */
#include "agent/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "agent/agent.h"

enum { READ_FIRST = 4096 }; /* most answers fit */

/* Counted so, a time in which the machine stood still is one step, however long it was. */
enum { STEPS = 6 };

struct upstream {
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned steps;   /* until an answer is too late */
	unsigned handles; /* of these two, not closed yet */
	int fd;
	upstream_done *done;
	void *arg;
	bool waiting;       /* for an answer */
	struct slice frame; /* what is left to be sent */
	uint8_t *in;
	size_t in_used, in_room;
};

const char *upstream_path(const struct agent *a, size_t i)
{
	char **paths = a->config->upstreams;

	for (size_t k = 0; paths != NULL && paths[k] != NULL; k++)
		if (k == i)
			return paths[k];
	return NULL;
}

bool upstream_watched(const struct agent *a)
{
	return watch_any(&a->watch);
}

void upstream_used(struct agent *a, const struct upstream_use *use)
{
	watch_upstream(&a->watch, use);
}

void upstream_id(const struct agent *a, uint8_t id[static UPSTREAM_ID_LEN])
{
	memcpy(id, a->id, UPSTREAM_ID_LEN);
}

/* ---- opening and closing ---- */

static void upstream_handle_closed(uv_handle_t *handle)
{
	struct upstream *u = handle->data;

	if (--u->handles == 0)
		free(u);
}

/* Answers to extensions may be secrets. */
static void upstream_free_input(uint8_t *in, size_t n)
{
	if (in != NULL)
		secret_wipe(in, n);
	free(in);
}

void upstream_close(struct upstream *u)
{
	if (u == NULL)
		return;
	u->waiting = false;
	uv_poll_stop(&u->poll);
	close(u->fd);
	upstream_free_input(u->in, u->in_used);
	u->in = NULL;
	uv_close((uv_handle_t *)&u->poll, upstream_handle_closed);
	uv_close((uv_handle_t *)&u->timer, upstream_handle_closed);
}

/* Who made the socket that `fd` is connected to: it is going to see private keys. */
static enum err upstream_check_peer(int fd, struct why *why)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return why_set(why, ERR_IO, "whose it is cannot be found out: %s", strerror(errno));
	if (peer.uid != geteuid() && peer.uid != 0)
		return why_set(why, ERR_PERMISSION, "it belongs to uid %u, neither you nor root",
			       (unsigned)peer.uid);
	if (peer.pid == getpid())
		return why_set(why, ERR_INVALID, "it is this agent's own socket");
	return ERR_OK;
}

static enum err upstream_connect(int *fd, const char *path, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum err e;

	memcpy(address.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return why_set(why, ERR_IO, "socket: %s", strerror(errno));
	/* A Unix socket connects at once or not at all. */
	e = connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0
		    ? upstream_check_peer(*fd, why)
		    : why_set(why, errno == ENOENT || errno == ECONNREFUSED ? ERR_NO_AGENT : ERR_IO,
			      "%s", errno == EAGAIN ? "too many wait for it" : strerror(errno));
	if (e != ERR_OK)
		close(*fd);
	return e;
}

enum err upstream_open(struct upstream **out, const struct agent *a, const char *path,
		       upstream_done *done, void *arg, struct why *why)
{
	struct upstream *u = calloc(1, sizeof(*u));
	enum err e;

	*out = NULL;
	if (u == NULL)
		return ERR_NO_MEMORY;
	e = upstream_connect(&u->fd, path, why);
	if (e != ERR_OK) {
		free(u);
		return e;
	}
	if (uv_poll_init(a->loop, &u->poll, u->fd) != 0) {
		close(u->fd);
		free(u);
		return why_set(why, ERR_INTERNAL, "it cannot be polled");
	}
	uv_timer_init(a->loop, &u->timer);
	u->poll.data = u->timer.data = u;
	u->handles = 2;
	u->done = done;
	u->arg = arg;
	*out = u;
	return ERR_OK;
}

/* ---- a frame ---- */

static void upstream_ended(struct upstream *u, enum err e, struct slice answer,
			   const struct why *why)
{
	uint8_t *in = u->in;
	size_t n = u->in_used;

	u->waiting = false;
	u->in = NULL;
	u->in_used = u->in_room = 0;
	uv_poll_stop(&u->poll);
	u->done(u->arg, e, answer, why); /* may have closed it */
	upstream_free_input(in, n);
}

static void upstream_failed(struct upstream *u, enum err e, const char *text)
{
	struct why why = {0};

	why_set(&why, e, "%s", text);
	upstream_ended(u, e, (struct slice){0}, &why);
}

static void upstream_late(uv_timer_t *timer)
{
	struct upstream *u = timer->data;

	if (--u->steps > 0)
		return;
	uv_timer_stop(timer);
	if (u->waiting)
		upstream_failed(u, ERR_TIMEOUT, "it did not answer in time");
}

void upstream_deadline(struct upstream *u, unsigned ms)
{
	uv_timer_stop(&u->timer);
	u->steps = STEPS;
	if (ms > 0)
		uv_timer_start(&u->timer, upstream_late, ms / STEPS, ms / STEPS);
}

bool upstream_idle(const struct upstream *u)
{
	uint8_t byte;

	return !u->waiting && recv(u->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* A failure shows when the answer is read. */
static void upstream_write(struct upstream *u)
{
	ssize_t n;

	do
		n = send(u->fd, u->frame.p, u->frame.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n < 0)
		n = (ssize_t)u->frame.n;
	u->frame.p += n;
	u->frame.n -= (size_t)n;
}

/* Room for what an answer of at most UPSTREAM_FRAME_MAX needs more, as its bytes arrive. */
static bool upstream_make_room(struct upstream *u)
{
	size_t room = u->in_room > 0 ? u->in_room * 2 : READ_FIRST;
	uint8_t *in;

	if (u->in_used < u->in_room)
		return true;
	in = malloc(room);
	if (in == NULL)
		return false;
	if (u->in != NULL)
		memcpy(in, u->in, u->in_used);
	upstream_free_input(u->in, u->in_used);
	u->in = in;
	u->in_room = room;
	return true;
}

static void upstream_read(struct upstream *u)
{
	struct rbuf r;
	uint32_t length;
	ssize_t n;

	if (!upstream_make_room(u)) {
		upstream_failed(u, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
		return;
	}
	do
		n = recv(u->fd, u->in + u->in_used, u->in_room - u->in_used, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		upstream_failed(u, ERR_IO, "it closed the connection");
		return;
	}
	u->in_used += (size_t)n;
	r = rbuf_new(u->in, u->in_used);
	length = rbuf_u32(&r);
	if (r.bad)
		return;
	if (length == 0 || length > UPSTREAM_FRAME_MAX || r.n > length)
		upstream_failed(u, ERR_SYNTAX, "it sends what is no answer");
	else if (r.n == length)
		upstream_ended(u, ERR_OK, rbuf_bytes(&r, length), NULL);
}

static void upstream_ready(uv_poll_t *poll, int status, int events);

static enum err upstream_wait(struct upstream *u)
{
	int events = UV_READABLE | (u->frame.n > 0 ? UV_WRITABLE : 0);

	return uv_poll_start(&u->poll, events, upstream_ready) == 0 ? ERR_OK : ERR_INTERNAL;
}

static void upstream_ready(uv_poll_t *poll, int status, int events)
{
	struct upstream *u = poll->data;

	if (status < 0) {
		upstream_failed(u, ERR_IO, uv_strerror(status));
		return;
	}
	if ((events & UV_WRITABLE) != 0 && u->frame.n > 0) {
		upstream_write(u);
		if (u->frame.n == 0 && upstream_wait(u) != ERR_OK) {
			upstream_failed(u, ERR_INTERNAL, "it cannot be polled");
			return;
		}
	}
	if ((events & UV_READABLE) != 0)
		upstream_read(u);
}

enum err upstream_send(struct upstream *u, struct slice frame)
{
	enum err e;

	u->frame = frame;
	upstream_write(u);
	e = upstream_wait(u);
	u->waiting = e == ERR_OK;
	return e;
}
