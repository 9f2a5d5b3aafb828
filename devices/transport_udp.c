/* SPDX-License-Identifier: MIT */
/* A wallet's emulator: one datagram a packet. Loopback only, for PINs pass in clear. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/transport.h"
#include "protocol/address.h"

enum { PING_LEN = 8, PING_MS = 100, PING_LOST_MS = 1000 };

struct udp {
	struct transport t;
	struct sockaddr_in address;
	int fd; /* a new one each flow, so that no answer to the last one is in it; -1 between */
};

static enum err udp_error(void)
{
	switch (errno) {
	case ECONNREFUSED: /* of an earlier datagram: nobody has the port */
	case ENETUNREACH:
	case EHOSTUNREACH:
		return ERR_DEVICE_GONE;
	default:
		return ERR_IO;
	}
}

static enum err udp_claim(struct transport *t, struct why *why)
{
	struct udp *u = (struct udp *)t;

	u->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0 || connect(u->fd, (struct sockaddr *)&u->address, sizeof(u->address)))
		return why_set(why, ERR_IO, "no socket for UDP: %s", strerror(errno));
	return ERR_OK;
}

static void udp_release(struct transport *t)
{
	struct udp *u = (struct udp *)t;

	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

static enum err udp_send_bytes(struct udp *u, const void *p, size_t n, uint64_t deadline)
{
	for (;;) {
		if (send(u->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n)
			return ERR_OK;
		if (errno != EAGAIN && errno != EINTR)
			return udp_error();
		enum err e = transport_wait(&u->t, u->fd, POLLOUT, deadline);
		if (e)
			return e;
	}
}

/* One datagram; *n is its size, though no more than `cap` of it is kept. */
static enum err udp_receive_bytes(struct udp *u, void *p, size_t cap, size_t *n, uint64_t deadline)
{
	for (;;) {
		enum err e = transport_wait(&u->t, u->fd, POLLIN, deadline);
		if (e)
			return e;
		ssize_t got = recv(u->fd, p, cap, MSG_TRUNC);
		if (got >= 0) {
			*n = (size_t)got;
			return ERR_OK;
		}
		if (errno != EAGAIN && errno != EINTR)
			return udp_error();
	}
}

static enum err udp_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			 uint64_t deadline)
{
	return udp_send_bytes((struct udp *)t, packet, PACKET_LEN, deadline);
}

/* Nothing tells that nobody has the port any more but the answer to a datagram: one goes there now
 * and then while a person is waited for, often enough to see an emulator end that is started again
 * at once. The emulators answer it in every state, but not while they sleep. */
static const char ping[PING_LEN] = "PINGPING", pong[PING_LEN] = "PONGPONG";

static bool is_pong(const uint8_t *p, size_t n)
{
	return n == PING_LEN && !memcmp(p, pong, PING_LEN);
}

static enum err udp_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			    uint64_t deadline)
{
	struct udp *u = (struct udp *)t;
	size_t n = 0;
	unsigned pause = PING_MS;
	enum err e = ERR_OK;

	for (;;) {
		uint64_t soon = transport_now() + pause;
		e = udp_receive_bytes(u, packet, PACKET_LEN, &n, soon < deadline ? soon : deadline);
		bool idle = e == ERR_TIMEOUT && soon < deadline;
		if (idle)
			e = udp_send_bytes(u, ping, PING_LEN, deadline);
		else if (e || !is_pong(packet, n))
			break;
		pause = idle ? PING_LOST_MS : PING_MS;
		if (e)
			break;
	}
	if (!e && n != PACKET_LEN)
		memset(packet, 0, PACKET_LEN);
	return e;
}

static enum err udp_alive(struct transport *t, uint64_t deadline)
{
	struct udp *u = (struct udp *)t;
	uint8_t reply[PACKET_LEN];
	size_t n = 0;
	enum err e = udp_send_bytes(u, ping, PING_LEN, deadline);

	do {
		if (!e)
			e = udp_receive_bytes(u, reply, sizeof(reply), &n, deadline);
	} while (!e && !is_pong(reply, n));
	return e;
}

static void udp_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops udp_ops = {
	.claim = udp_claim,
	.release = udp_release,
	.alive = udp_alive,
	.send = udp_send,
	.receive = udp_receive,
	.free = udp_free,
};

enum err transport_udp_new(struct transport **out, const char *address, struct why *why)
{
	struct udp *u = calloc(1, sizeof(*u));
	if (!u)
		return ERR_NO_MEMORY;
	u->fd = -1;
	enum err e = address_parse(&u->address, address, why);
	if (!e)
		e = transport_init(&u->t, &udp_ops);
	if (e)
		free(u);
	else
		*out = &u->t;
	return e;
}
