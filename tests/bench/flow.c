/* SPDX-License-Identifier: MIT */
/*
 * What the agent adds to a flow of a hardware wallet: the same packets, by a client that does
 * nothing else and through the agent, in turns.
 *
 *	flow relay PORT FILE
 *
 * stands between an agent and the emulator at UDP PORT, prints "port N", and writes the last flow
 * that passed to FILE when its standard input ends.
 *
 *	flow measure PORT FILE SOCKET TYPE COUNT
 *
 * prints the medians in µs: of the bare flow, of a signature by the agent at SOCKET, and of the
 * difference between the two of a turn.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/wire.h"

enum { PACKET_LEN = 64, PACKETS_MAX = 64, COUNT_MAX = 10000, WAIT_MS = 5000 };

struct flow {
	size_t n;
	struct packet {
		char from; /* 'H'ost or 'D'evice */
		uint8_t p[PACKET_LEN];
	} packets[PACKETS_MAX];
};

static int udp_socket(uint16_t bind_to, uint16_t connect_to)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(connect_to ? connect_to : bind_to);
	if (fd < 0 || (connect_to ? connect(fd, (struct sockaddr *)&a, sizeof(a))
				  : bind(fd, (struct sockaddr *)&a, sizeof(a))) != 0)
		die("no UDP socket");
	return fd;
}

/* ---- relay ---- */

/* A flow begins with Initialize. */
static void flow_add(struct flow *flow, char from, const uint8_t *p, size_t n)
{
	static const uint8_t initialize[] = {'?', '#', '#', 0, 0};

	if (n != PACKET_LEN)
		return; /* is it alive? */
	if (from == 'H' && memcmp(p, initialize, sizeof(initialize)) == 0)
		flow->n = 0;
	if (flow->n == PACKETS_MAX)
		die("a flow of more than %d packets", PACKETS_MAX);
	struct packet *packet = &flow->packets[flow->n++];
	packet->from = from;
	memcpy(packet->p, p, PACKET_LEN);
}

static int relay(uint16_t port, const char *file)
{
	static struct flow flow;
	struct sockaddr_in here, host = {0};
	socklen_t len = sizeof(here);
	int to_host = udp_socket(0, 0), to_device = udp_socket(0, port);
	struct pollfd fds[] = {{.fd = 0, .events = POLLIN},
			       {.fd = to_host, .events = POLLIN},
			       {.fd = to_device, .events = POLLIN}};
	uint8_t p[PACKET_LEN];
	ssize_t n;

	getsockname(to_host, (struct sockaddr *)&here, &len);
	printf("port %u\n", ntohs(here.sin_port));
	fflush(stdout);
	while (poll(fds, 3, -1) > 0 && !fds[0].revents) {
		if (fds[1].revents) {
			len = sizeof(host);
			n = recvfrom(to_host, p, sizeof(p), 0, (struct sockaddr *)&host, &len);
			if (n > 0 && send(to_device, p, (size_t)n, 0) == n)
				flow_add(&flow, 'H', p, (size_t)n);
		}
		if (fds[2].revents) {
			n = recv(to_device, p, sizeof(p), 0);
			if (n > 0 && sendto(to_host, p, (size_t)n, 0, (struct sockaddr *)&host,
					    sizeof(host)) == n)
				flow_add(&flow, 'D', p, (size_t)n);
		}
	}
	FILE *f = fopen(file, "w");
	if (!f || fwrite(&flow, sizeof(flow), 1, f) != 1 || fclose(f) != 0)
		die("cannot write %s", file);
	return 0;
}

/* ---- measure ---- */

static uint64_t bare(int fd, const struct flow *flow)
{
	uint64_t begin = now_ns();
	uint8_t got[PACKET_LEN];

	for (size_t i = 0; i < flow->n; i++) {
		const struct packet *packet = &flow->packets[i];
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		if (packet->from == 'H') {
			if (send(fd, packet->p, PACKET_LEN, 0) != PACKET_LEN)
				die("the emulator is gone");
		} else if (poll(&wait, 1, WAIT_MS) != 1 ||
			   recv(fd, got, PACKET_LEN, 0) != PACKET_LEN ||
			   memcmp(got, packet->p, 5) != 0) {
			die("packet %zu of %zu is not answered as it was recorded", i, flow->n);
		}
	}
	return now_ns() - begin;
}

static uint64_t by_agent(int fd, const struct put *request)
{
	static uint8_t answer[WIRE_MAX];
	uint64_t begin = now_ns();
	size_t n = wire_call(fd, request, answer);

	uint64_t took = now_ns() - begin;
	if (n < 5 || answer[4] != WIRE_SIGNATURE)
		die("the agent does not sign");
	return took;
}

static int by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double median_us(int64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return (double)values[n / 2] / 1000;
}

static void flow_read(struct flow *flow, const char *file)
{
	FILE *f = fopen(file, "r");

	if (!f || fread(flow, sizeof(*flow), 1, f) != 1 || flow->n < 2 || flow->n > PACKETS_MAX)
		die("%s has no flow", file);
	fclose(f);
}

/* A signing request for the agent's first key of the type. */
static void request_make(struct put *request, int agent, enum wire_type type)
{
	static uint8_t answer[WIRE_MAX], list_bytes[8];
	struct put list = {.p = list_bytes, .room = sizeof(list_bytes)};
	uint8_t key[WIRE_BLOB_MAX];
	size_t key_len = 0;

	wire_put_list(&list);
	size_t n = wire_call(agent, &list, answer);
	wire_find_key(answer, n, type, key, &key_len);
	if (!key_len)
		die("no key of the type");
	wire_put_sign(request, type, key, key_len);
	n = wire_call(agent, request, answer);
	wire_check(type, request, answer, n);
}

static int measure(uint16_t port, const char *file, const char *path, const char *type,
		   size_t count)
{
	static int64_t times[3][COUNT_MAX];
	static uint8_t bytes[WIRE_MAX];
	static struct flow flow;
	struct put request = {.p = bytes, .room = sizeof(bytes)};
	int agent = wire_dial(path), device = udp_socket(0, port);

	if (agent < 0 || count < 1 || count > COUNT_MAX)
		die("no agent at %s, or not 1 to %d turns", path, COUNT_MAX);
	flow_read(&flow, file);
	request_make(&request, agent, wire_type_of(type));
	for (size_t i = 0; i < count; i++) {
		times[0][i] = (int64_t)bare(device, &flow);
		times[1][i] = (int64_t)by_agent(agent, &request);
		times[2][i] = times[1][i] - times[0][i];
	}
	printf("%.0f %.0f %.0f\n", median_us(times[0], count), median_us(times[1], count),
	       median_us(times[2], count));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "relay") == 0)
		return relay((uint16_t)atoi(argv[2]), argv[3]);
	if (argc == 7 && strcmp(argv[1], "measure") == 0)
		return measure((uint16_t)atoi(argv[2]), argv[3], argv[4], argv[5],
			       (size_t)atoi(argv[6]));
	die("usage: flow relay PORT FILE | flow measure PORT FILE SOCKET TYPE COUNT");
}
