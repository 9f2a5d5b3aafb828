/* SPDX-License-Identifier: MIT */
/*
 * A closed loop over an agent's socket: each of CLIENTS connections sends a request, waits for
 * the answer and sends the next, until COUNT requests have been sent or SECONDS have passed.
 *
 *	load list|lines|TYPE SOCKET CLIENTS COUNT SECONDS
 *
 * lists the keys, over lanyard's line protocol with `lines`, or signs with the first key of that
 * type. Prints one line: operations/s, and the
 * median and the 99th percentile of the latency in µs. The first signature is verified; an answer
 * that is none, or takes 10 s, ends the program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/wire.h"

enum { CLIENTS_MAX = 1024, COUNT_MAX = 10 * 1000 * 1000, STALL_MS = 10 * 1000 };

struct client {
	int fd;
	uint64_t sent_at;
	size_t n; /* bytes of the answer so far */
	uint8_t answer[WIRE_MAX];
};

struct load {
	struct put request;
	uint8_t expect; /* type of a good answer */
	bool lines;     /* the line protocol */
	struct client *clients;
	size_t client_count, count, sent, done;
	uint64_t deadline, *latencies;
	int epoll;
};

static void client_send(struct load *l, struct client *c)
{
	c->n = 0;
	c->sent_at = now_ns();
	l->sent++;
	/* Requests are far smaller than a socket's buffer. */
	if (send(c->fd, l->request.p, l->request.n, MSG_NOSIGNAL) != (ssize_t)l->request.n)
		die("a request could not be sent: %s", strerror(errno));
}

/* An answer is there, and a good one. */
static bool client_has_answer(const struct load *l, const struct client *c)
{
	if (l->lines) {
		if (memcmp(c->answer, "ERR", 3) == 0)
			die("refused: %.*s", (int)c->n, (const char *)c->answer);
		return c->n >= 3 && memcmp(c->answer + c->n - 3, "OK\n", 3) == 0;
	}
	if (c->n < 5 || c->n < 4 + (size_t)get_u32(&(struct get){.p = c->answer, .n = 4}))
		return false;
	if (c->answer[4] != l->expect)
		die("an answer of type %u, not %u", c->answer[4], l->expect);
	return true;
}

static void client_read(struct load *l, struct client *c)
{
	ssize_t k = recv(c->fd, c->answer + c->n, sizeof(c->answer) - c->n, 0);
	uint64_t now;

	if (k <= 0)
		die("the agent closed a connection");
	c->n += (size_t)k;
	if (!client_has_answer(l, c))
		return;
	now = now_ns();
	l->latencies[l->done++] = now - c->sent_at;
	if (l->sent < l->count && now < l->deadline)
		client_send(l, c);
}

/* The request, whose answer is looked at once with care. */
static void load_prepare(struct load *l, const char *what, const char *path)
{
	static uint8_t request[1024], answer[WIRE_MAX];
	uint8_t key[WIRE_BLOB_MAX];
	size_t n, len;
	int fd = wire_dial(path);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	l->request = (struct put){.p = request, .room = sizeof(request)};
	if (strcmp(what, "lines") == 0) {
		static const char command[] = "KEYS\n";

		l->lines = true;
		for (n = 0; n < sizeof(command) - 1; n++)
			put_u8(&l->request, (uint8_t)command[n]);
		close(fd);
		return;
	}
	l->expect = WIRE_KEYS;
	wire_put_list(&l->request);
	len = wire_call(fd, &l->request, answer);
	if (strcmp(what, "list") != 0) {
		enum wire_type type = wire_type_of(what);

		wire_find_key(answer, len, type, key, &n);
		if (n == 0)
			die("%s: no %s key is listed", path, what);
		l->request.n = 0;
		l->expect = WIRE_SIGNATURE;
		wire_put_sign(&l->request, type, key, n);
		len = wire_call(fd, &l->request, answer);
		wire_check(type, &l->request, answer, len);
	} else {
		wire_find_key(answer, len, WIRE_ED25519, key, &n);
	}
	close(fd);
}

static void load_connect(struct load *l, const char *path)
{
	l->clients = calloc(l->client_count, sizeof(*l->clients));
	l->latencies = calloc(l->count, sizeof(*l->latencies));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->clients == NULL || l->latencies == NULL || l->epoll < 0)
		die("out of memory");
	for (size_t i = 0; i < l->client_count; i++) {
		struct client *c = &l->clients[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

		c->fd = wire_dial(path);
		if (c->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
			die("%s: client %zu: %s", path, i + 1, strerror(errno));
		if (l->lines && recv(c->fd, c->answer, sizeof(c->answer), 0) <= 0)
			die("%s: no greeting", path);
	}
}

static double load_run(struct load *l, unsigned seconds)
{
	struct epoll_event events[64];
	uint64_t start = now_ns();
	int n;

	l->deadline = start + seconds * UINT64_C(1000000000);
	for (size_t i = 0; i < l->client_count && l->sent < l->count; i++)
		client_send(l, &l->clients[i]);
	while (l->done < l->sent) {
		n = epoll_wait(l->epoll, events, 64, STALL_MS);
		if (n == 0)
			die("no answer for %d s", STALL_MS / 1000);
		for (int i = 0; i < n; i++)
			client_read(l, events[i].data.ptr);
	}
	return (double)l->done * 1e9 / (double)(now_ns() - start);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile(const struct load *l, unsigned percent)
{
	return (double)l->latencies[(l->done - 1) * percent / 100] / 1000;
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v < 1 || v > max)
		die("'%s' is no number from 1 to %u", text, max);
	return (unsigned)v;
}

int main(int argc, char **argv)
{
	struct load l = {0};
	double rate;

	if (argc != 6) {
		fputs("usage: load list|lines|TYPE SOCKET CLIENTS COUNT SECONDS\n", stderr);
		return 2;
	}
	l.client_count = number(argv[3], CLIENTS_MAX);
	l.count = number(argv[4], COUNT_MAX);
	load_prepare(&l, argv[1], argv[2]);
	load_connect(&l, argv[2]);
	rate = load_run(&l, number(argv[5], 3600));
	qsort(l.latencies, l.done, sizeof(*l.latencies), compare);
	printf("%.0f %.1f %.1f\n", rate, percentile(&l, 50), percentile(&l, 99));
	return 0;
}
