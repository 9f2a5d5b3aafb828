/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct port_udp {
	struct port port;
	int fd;
	struct sockaddr_in here, host; /* host: who sent the last datagram */
	char name[8];
};

static bool udp_attach(struct port *port)
{
	struct port_udp *udp = (struct port_udp *)port;
	socklen_t len = sizeof(udp->here);

	udp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (udp->fd < 0 || bind(udp->fd, (struct sockaddr *)&udp->here, len) < 0 ||
	    getsockname(udp->fd, (struct sockaddr *)&udp->here, &len) < 0) {
		perror("trezor: cannot listen on the UDP port");
		return false;
	}
	return true;
}

static void udp_detach(struct port *port)
{
	struct port_udp *udp = (struct port_udp *)port;

	if (udp->fd >= 0)
		close(udp->fd);
	udp->fd = -1;
}

static int udp_fd(const struct port *port)
{
	return ((const struct port_udp *)port)->fd;
}

static size_t udp_recv(struct port *port, uint8_t packet[static PACKET_LEN])
{
	struct port_udp *udp = (struct port_udp *)port;
	socklen_t len = sizeof(udp->host);
	ssize_t n = recvfrom(udp->fd, packet, PACKET_LEN, MSG_DONTWAIT,
			     (struct sockaddr *)&udp->host, &len);

	if (n <= 0)
		return 0;
	if (n == 8 && !memcmp(packet, "PINGPING", 8)) {
		(void)!sendto(udp->fd, "PONGPONG", 8, 0, (struct sockaddr *)&udp->host, len);
		return 0;
	}
	return (size_t)n;
}

static void udp_send(struct port *port, const uint8_t packet[static PACKET_LEN])
{
	struct port_udp *udp = (struct port_udp *)port;

	/* A host that has gone away is no concern of the device. */
	(void)!sendto(udp->fd, packet, PACKET_LEN, 0, (struct sockaddr *)&udp->host,
		      sizeof(udp->host));
}

static const char *udp_name(struct port *port)
{
	struct port_udp *udp = (struct port_udp *)port;

	snprintf(udp->name, sizeof(udp->name), "%u", ntohs(udp->here.sin_port));
	return udp->name;
}

static void udp_close(struct port *port)
{
	udp_detach(port);
	free(port);
}

static const struct port_ops udp_ops = {
	.attach = udp_attach,
	.detach = udp_detach,
	.fd = udp_fd,
	.recv = udp_recv,
	.send = udp_send,
	.name = udp_name,
	.close = udp_close,
};

struct port *port_udp_open(uint16_t number)
{
	struct port_udp *udp = calloc(1, sizeof(*udp));

	if (!udp)
		abort();
	udp->port.ops = &udp_ops;
	udp->fd = -1;
	udp->here.sin_family = AF_INET;
	udp->here.sin_port = htons(number);
	udp->here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return &udp->port;
}
