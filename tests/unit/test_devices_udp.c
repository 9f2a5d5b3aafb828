/* SPDX-License-Identifier: MIT */
/* devices/transport_udp.c, with a port of ours for the emulator. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices/transport.h"

TestSuite(devices_udp, .timeout = 60);

enum { LONG_MS = 20000, SHORT_MS = 20 };

static struct udp_test {
	int fd; /* the emulator's */
	struct sockaddr_in from;
	struct transport *t;
	uint8_t packet[PACKET_LEN]; /* that came */
	enum err result;
} u;

static void start(void)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = LONG_MS / 1000};
	socklen_t n = sizeof(here);
	struct why why = {0};
	char where[40];

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	u.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(u.fd, (struct sockaddr *)&here, n), 0);
	cr_assert_eq(getsockname(u.fd, (struct sockaddr *)&here, &n), 0);
	setsockopt(u.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	snprintf(where, sizeof(where), "udp:127.0.0.1:%u", ntohs(here.sin_port));
	cr_assert_eq(transport_new(&u.t, where, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(u.t->ops->claim(u.t, &why), ERR_OK, "%s", why.text);
}

static void end(void)
{
	u.t->ops->release(u.t);
	transport_free(u.t);
	if (u.fd >= 0)
		close(u.fd);
}

static uint64_t in(unsigned ms)
{
	return transport_now() + ms;
}

/* What comes at the emulator. */
static size_t emulator_receive(uint8_t *p, size_t cap)
{
	socklen_t len = sizeof(u.from);
	ssize_t n;

	do
		n = recvfrom(u.fd, p, cap, 0, (struct sockaddr *)&u.from, &len);
	while (n < 0 && errno == EINTR);
	cr_assert_geq(n, 0, "nothing came");
	return (size_t)n;
}

static void emulator_send(const void *p, size_t n)
{
	cr_assert_eq(sendto(u.fd, p, n, 0, (struct sockaddr *)&u.from, sizeof(u.from)), (ssize_t)n);
}

/* A packet goes there, so that it knows where to answer. */
static void greet(void)
{
	uint8_t packet[PACKET_LEN] = {'?', '#', '#', 1}, got[100];

	cr_assert_eq(u.t->ops->send(u.t, packet, in(LONG_MS)), ERR_OK);
	cr_assert_eq(emulator_receive(got, sizeof(got)), PACKET_LEN);
	cr_assert_arr_eq(got, packet, PACKET_LEN);
}

static enum err receive(unsigned ms)
{
	memset(u.packet, 0xEE, sizeof(u.packet));
	return u.t->ops->receive(u.t, u.packet, in(ms));
}

/* One datagram, one packet: another size is none, and is no part of one. */
Test(devices_udp, packets)
{
	uint8_t bytes[100], zeros[PACKET_LEN] = {0};

	start();
	greet();
	memset(bytes, 'x', sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n += 20) {
		emulator_send(bytes, n);
		cr_assert_eq(receive(LONG_MS), ERR_OK);
		cr_assert_arr_eq(u.packet, zeros, PACKET_LEN, "%zu bytes", n);
	}
	emulator_send(bytes, PACKET_LEN);
	cr_assert_eq(receive(LONG_MS), ERR_OK);
	cr_assert_arr_eq(u.packet, bytes, PACKET_LEN);
	cr_assert_eq(receive(SHORT_MS), ERR_TIMEOUT);
	end();
}

/* What is answered to the flow before is not seen. */
Test(devices_udp, flows)
{
	struct why why = {0};
	struct sockaddr_in before;
	uint8_t bytes[PACKET_LEN] = {1};

	start();
	greet();
	emulator_send(bytes, sizeof(bytes));
	before = u.from;
	u.t->ops->release(u.t);
	/* So that by chance it is not the next one's. */
	int hold = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(hold, (struct sockaddr *)&before, sizeof(before)), 0, "still in use");
	cr_assert_eq(u.t->ops->claim(u.t, &why), ERR_OK);
	emulator_send(bytes, sizeof(bytes));
	cr_assert_eq(receive(SHORT_MS), ERR_TIMEOUT);
	close(hold);
	end();
}

static void *receiver(void *arg)
{
	(void)arg;
	u.result = receive(LONG_MS);
	return NULL;
}

/* While it waits it looks whether somebody is there, which is no packet. */
Test(devices_udp, pings)
{
	uint8_t bytes[PACKET_LEN] = {7}, got[100];
	pthread_t thread;

	start();
	greet();
	cr_assert_eq(pthread_create(&thread, NULL, receiver, NULL), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(emulator_receive(got, sizeof(got)), 8);
		cr_assert_arr_eq(got, "PINGPING", 8);
		emulator_send("PONGPONG", 8);
	}
	emulator_send(bytes, sizeof(bytes));
	pthread_join(thread, NULL);
	cr_assert_eq(u.result, ERR_OK);
	cr_assert_eq(u.packet[0], 7);
	end();
}

Test(devices_udp, goes_while_it_is_waited_for)
{
	pthread_t thread;

	start();
	greet();
	cr_assert_eq(pthread_create(&thread, NULL, receiver, NULL), 0);
	close(u.fd);
	u.fd = -1;
	pthread_join(thread, NULL);
	cr_assert_eq(u.result, ERR_DEVICE_GONE);
	end();
}

Test(devices_udp, canceled)
{
	pthread_t thread;

	start();
	cr_assert_eq(pthread_create(&thread, NULL, receiver, NULL), 0);
	transport_abort(u.t);
	pthread_join(thread, NULL);
	cr_assert_eq(u.result, ERR_CANCELED);
	transport_rearm(u.t);
	cr_assert_eq(receive(SHORT_MS), ERR_TIMEOUT);
	end();
}

/* A flood has its end too. */
Test(devices_udp, pongs_without_end)
{
	start();
	greet();
	for (int i = 0; i < 100; i++)
		emulator_send("PONGPONG", 8);
	cr_assert_eq(receive(0), ERR_TIMEOUT);
	cr_assert_eq(receive(SHORT_MS), ERR_TIMEOUT);
	end();
}

Test(devices_udp, alive)
{
	uint8_t got[100];

	start();
	cr_assert_eq(u.t->ops->alive(u.t, in(SHORT_MS)), ERR_TIMEOUT);
	cr_assert_eq(emulator_receive(got, sizeof(got)), 8);
	emulator_send("something else", 14);
	cr_assert_eq(u.t->ops->alive(u.t, in(SHORT_MS)), ERR_TIMEOUT);
	emulator_send("something else", 14);
	emulator_send("PONGPONG", 8);
	cr_assert_eq(u.t->ops->alive(u.t, in(LONG_MS)), ERR_OK);
	close(u.fd);
	u.fd = -1;
	cr_assert_eq(u.t->ops->alive(u.t, in(LONG_MS)), ERR_DEVICE_GONE);
	end();
}
