/* SPDX-License-Identifier: MIT */
/*
 * A wallet with HID firmware (Trezor One before 1.7, old KeepKey), by its hidraw node: a report a
 * packet. The first such firmware had numbered reports with '?' (0x3F) as the number, later ones
 * have none and begin the data with '?': the same 64 bytes go over the wire, and come from read(2).
 * For write(2) the byte 0 before them says that the kernel shall put no number there.
 *
 * A write cannot be woken; the kernel ends one that the device does not take after 5 s.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "derive/secret.h"
#include "devices/node.h"
#include "devices/transport.h"

struct hidraw {
	struct transport t;
	char node[NODE_PATH_MAX + 1];
	int fd; /* of a flow: what came before it was opened is not in it */
};

static enum err hidraw_error(struct hidraw *h)
{
	switch (errno) {
	case EIO: /* what read(2) says of one that was unplugged */
	case ENODEV:
	case ESHUTDOWN:
		return ERR_DEVICE_GONE;
	default:
		return transport_failed(&h->t, h->fd);
	}
}

/* Nothing stops two programs from talking at once, and each gets the other's answers: so whoever
 * else has it open is let finish. Agents, which do not see each other's files, have a lock. */
static enum err hidraw_take(struct transport *t, struct why *why)
{
	struct hidraw *h = (struct hidraw *)t;

	(void)why;
	return flock(h->fd, LOCK_EX | LOCK_NB) || node_used(h->node) ? ERR_DEVICE_BUSY : ERR_OK;
}

static enum err hidraw_claim(struct transport *t, struct why *why)
{
	struct hidraw *h = (struct hidraw *)t;
	uint8_t old[PACKET_LEN];
	enum err e = node_open(&h->fd, h->node, why);

	if (!e)
		e = transport_take(t, h->node, hidraw_take, why);
	if (!e)
		while (read(h->fd, old, sizeof(old)) > 0)
			; /* another program's answers, while we waited */
	return e;
}

static void hidraw_release(struct transport *t)
{
	struct hidraw *h = (struct hidraw *)t;

	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

static enum err hidraw_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			    uint64_t deadline)
{
	struct hidraw *h = (struct hidraw *)t;
	uint8_t report[1 + PACKET_LEN] = {0};
	ssize_t n;

	enum err e = transport_wait(t, h->fd, POLLOUT, deadline);
	if (e)
		return e;
	memcpy(report + 1, packet, PACKET_LEN);
	do
		n = write(h->fd, report, sizeof(report));
	while (n < 0 && errno == EINTR);
	e = n == (ssize_t)sizeof(report) ? ERR_OK : n < 0 ? hidraw_error(h) : ERR_IO;
	secret_wipe(report, sizeof(report));
	return e;
}

static enum err hidraw_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			       uint64_t deadline)
{
	struct hidraw *h = (struct hidraw *)t;

	for (;;) {
		enum err e = transport_wait(t, h->fd, POLLIN, deadline);
		if (e)
			return e;
		ssize_t n = read(h->fd, packet, PACKET_LEN);
		if (n == 0) /* no report is empty */
			return ERR_DEVICE_GONE;
		if (n > 0) {
			if (n != PACKET_LEN)
				memset(packet, 0, PACKET_LEN);
			return ERR_OK;
		}
		if (errno != EAGAIN && errno != EINTR)
			return hidraw_error(h);
	}
}

static void hidraw_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops hidraw_ops = {
	.claim = hidraw_claim,
	.release = hidraw_release,
	.send = hidraw_send,
	.receive = hidraw_receive,
	.free = hidraw_free,
};

enum err transport_hidraw_new(struct transport **out, const char *node, struct why *why)
{
	struct hidraw *h = calloc(1, sizeof(*h));
	if (!h)
		return ERR_NO_MEMORY;
	h->fd = -1;
	int n = snprintf(h->node, sizeof(h->node), "%s", node);
	enum err e = n > 0 && n < (int)sizeof(h->node)
			     ? ERR_OK
			     : why_set(why, ERR_INVALID, "hid:%s is no device node", node);
	if (!e)
		e = transport_init(&h->t, &hidraw_ops);
	if (e)
		free(h);
	else
		*out = &h->t;
	return e;
}
