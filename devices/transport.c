/* SPDX-License-Identifier: MIT */
#include "devices/transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "devices/node.h"

enum { TURN_MS = 1000, LOOK_MS = 50, GONE_MS = 500 };

uint64_t transport_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum err transport_new(struct transport **out, const char *where, struct why *why)
{
	if (!strncmp(where, "usb:", 4))
		return transport_usb_new(out, where + 4, why);
	if (!strncmp(where, "hid:", 4))
		return transport_hidraw_new(out, where + 4, why);
	if (!strncmp(where, "udp:", 4))
		return transport_udp_new(out, where + 4, why);
	return why_set(why, ERR_INTERNAL, "no transport for %s", where);
}

void transport_free(struct transport *t)
{
	if (!t)
		return;
	close(t->wake);
	t->ops->free(t);
}

enum err transport_init(struct transport *t, const struct transport_ops *ops)
{
	t->ops = ops;
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return t->wake < 0 ? ERR_NO_MEMORY : ERR_OK;
}

void transport_abort(struct transport *t)
{
	/* It cannot fail: the counter of one that is never read 2^64 times does not overflow. */
	(void)eventfd_write(t->wake, 1);
}

void transport_rearm(struct transport *t)
{
	eventfd_t count;

	(void)eventfd_read(t->wake, &count); /* EAGAIN: nobody woke us */
}

enum err transport_wait(struct transport *t, int fd, short events, uint64_t deadline)
{
	struct pollfd fds[2] = {{.fd = t->wake, .events = POLLIN}, {.fd = fd, .events = events}};

	for (;;) {
		uint64_t now = transport_now();
		uint64_t left = now < deadline ? deadline - now : 0;
		if (!left) /* whatever is there: a flood has its end too */
			return ERR_TIMEOUT;
		int n = poll(fds, 2, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return ERR_IO;
		if (n > 0)
			return fds[0].revents ? ERR_CANCELED : ERR_OK;
	}
}

enum err transport_failed(struct transport *t, int fd)
{
	enum err e = transport_wait(t, fd, 0, transport_now() + GONE_MS);

	return e == ERR_TIMEOUT ? ERR_IO : e == ERR_OK ? ERR_DEVICE_GONE : e;
}

enum err transport_take(struct transport *t, const char *node,
			enum err (*take)(struct transport *t, struct why *why), struct why *why)
{
	uint64_t end = transport_now() + TURN_MS;

	for (;;) {
		enum err e = take(t, why);
		if (e != ERR_DEVICE_BUSY)
			return e;
		if (transport_now() >= end)
			return node_busy(node, why);
		e = transport_wait(t, -1, 0, transport_now() + LOOK_MS);
		if (e != ERR_TIMEOUT)
			return e;
	}
}
