/* SPDX-License-Identifier: MIT */
/* The socket of a user-space WireGuard. Both directions pass one locked block. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "derive/secret.h"
#include "wg-hook/backend.h"

enum {
	ANSWER_MS = 10000,
	OUT_SIZE = 32 * 1024,
	/* More than a peer without its allowed IPs needs. */
	OUT_ROOM = 512,
};

struct talk {
	int fd;
	int64_t deadline; /* ms of CLOCK_MONOTONIC */
	const char *iface;
	struct why *why;
	enum err e; /* sticky */
	struct wbuf out;
	size_t have;
	uint8_t in[4096];
	uint8_t bytes[OUT_SIZE];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool fail(struct talk *t, const char *what)
{
	t->e = why_set(t->why, errno == EACCES || errno == EPERM ? ERR_PERMISSION : ERR_IO,
		       "cannot %s the WireGuard socket of %s: %m", what, t->iface);
	return false;
}

static bool wait_for(struct talk *t, short events)
{
	struct pollfd p = {.fd = t->fd, .events = events};
	int64_t left = t->deadline - now_ms();
	int got = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (got > 0 || (got < 0 && errno == EINTR))
		return true;
	if (got < 0)
		return fail(t, "wait for");
	t->e = why_set(t->why, ERR_TIMEOUT,
		       "the user-space WireGuard of %s did not answer in %d seconds", t->iface,
		       ANSWER_MS / 1000);
	return false;
}

static enum err talk_open(struct talk **out, const char *iface, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct talk *t = secret_alloc(sizeof(*t));

	*out = t;
	if (!t)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	t->iface = iface;
	t->why = why;
	t->out = wbuf_new(t->bytes, sizeof(t->bytes));
	t->deadline = now_ms() + ANSWER_MS;
	snprintf(address.sun_path, sizeof(address.sun_path), WG_UAPI_DIR "/%s.sock", iface);
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(t, "connect to");
	return t->e;
}

static void talk_close(struct talk *t)
{
	if (t && t->fd >= 0)
		close(t->fd);
	secret_free_mem(t);
}

/* Sends what is written when there is not `room` for more. */
static void flush(struct talk *t, size_t room)
{
	struct rbuf r = rbuf_new(t->out.p, t->out.n);

	if (t->e != ERR_OK || t->out.n + room <= t->out.cap)
		return;
	while (t->e == ERR_OK && r.n > 0) {
		ssize_t n = send(t->fd, r.p, r.n, MSG_NOSIGNAL);

		if (n >= 0)
			rbuf_bytes(&r, (size_t)n);
		else if (errno == EAGAIN)
			wait_for(t, POLLOUT);
		else if (errno != EINTR)
			fail(t, "write to");
	}
	secret_wipe(t->bytes, sizeof(t->bytes));
	t->out = wbuf_new(t->bytes, sizeof(t->bytes));
}

static void write_peer(struct talk *t, const struct wg_device *change, const struct wg_peer *p)
{
	flush(t, OUT_ROOM);
	wg_uapi_write_key(&t->out, "public_key", p->public_key);
	if (p->flags & WG_PEER_REMOVE) {
		wbuf_text(&t->out, "remove=true\n");
		return;
	}
	if (!(p->flags & WG_PEER_FULL))
		wbuf_text(&t->out, "update_only=true\n");
	if (p->flags & WG_PEER_PSK)
		wg_uapi_write_key(&t->out, "preshared_key", p->psk);
	if (!(p->flags & WG_PEER_FULL))
		return;
	wg_uapi_write_peer(&t->out, p);
	wbuf_text(&t->out, "replace_allowed_ips=true\n");
	for (uint32_t i = 0; i < p->allowed_count; i++) {
		flush(t, OUT_ROOM);
		wg_uapi_write_allowed(&t->out, &change->allowed[p->allowed + i]);
	}
}

/* All lines there are in what has come; the rest moves to the front. */
static void take_lines(struct talk *t, struct wg_uapi_reader *reader)
{
	struct rbuf r = rbuf_new(t->in, t->have);
	const uint8_t *end;

	while (t->e == ERR_OK && !reader->done && r.n > 0 && (end = memchr(r.p, '\n', r.n))) {
		struct slice line = rbuf_bytes(&r, (size_t)(end - r.p));

		rbuf_u8(&r);
		t->e = wg_uapi_line(reader, line, t->why);
	}
	t->have = r.n;
	memmove(t->in, r.p, r.n);
	if (t->e == ERR_OK && (reader->done ? t->have > 0 : t->have == sizeof(t->in)))
		t->e = why_set(t->why, ERR_SYNTAX,
			       "the WireGuard socket of %s sent a line that is too long, or more "
			       "than was asked for",
			       t->iface);
}

static enum err read_answer(struct talk *t, struct wg_uapi_reader *reader)
{
	flush(t, OUT_SIZE + 1);
	while (t->e == ERR_OK && !reader->done) {
		ssize_t n = recv(t->fd, t->in + t->have, sizeof(t->in) - t->have, 0);

		if (n > 0) {
			t->have += (size_t)n;
			take_lines(t, reader);
		} else if (n == 0) {
			t->e = why_set(t->why, ERR_IO, "the user-space WireGuard of %s ended",
				       t->iface);
		} else if (errno == EAGAIN) {
			wait_for(t, POLLIN);
		} else if (errno != EINTR) {
			fail(t, "read from");
		}
	}
	if (t->e == ERR_OK && reader->code != 0)
		t->e = why_set(t->why, ERR_INVALID,
			       "the user-space WireGuard of %s refused: errno %d (%s)", t->iface,
			       (int)reader->code,
			       strerror((int)(reader->code < 0 ? -reader->code : reader->code)));
	return t->e;
}

static enum err uapi_get(struct wg_device *out, const char *iface, struct why *why)
{
	struct wg_uapi_reader reader = {.out = out};
	struct talk *t;
	enum err e = talk_open(&t, iface, why);

	if (e == ERR_OK) {
		wbuf_text(&t->out, "get=1\n\n");
		e = read_answer(t, &reader);
	}
	talk_close(t);
	return e;
}

static enum err uapi_set(const char *iface, const struct wg_device *change, struct why *why)
{
	struct wg_device none = {0};
	struct wg_uapi_reader reader = {.out = &none};
	struct talk *t;
	enum err e = talk_open(&t, iface, why);

	if (e == ERR_OK) {
		wbuf_text(&t->out, "set=1\n");
		if (change->set_private)
			wg_uapi_write_key(&t->out, "private_key", change->private_key);
		for (size_t i = 0; i < change->count; i++)
			write_peer(t, change, &change->peers[i]);
		flush(t, OUT_ROOM);
		wbuf_text(&t->out, "\n");
		e = read_answer(t, &reader);
	}
	talk_close(t);
	wg_device_free(&none);
	return e;
}

const struct wg_backend wg_uapi = {
	.name = "the user-space WireGuard's socket",
	.get = uapi_get,
	.set = uapi_set,
};
