/* SPDX-License-Identifier: MIT */
/*
 * Sends an agent what no honest client would: hostile AGENT.SOCK SSH.SOCK SSH-KEY-BLOB-HEX. Each
 * message gets one failure answer or a closed connection, and the agent serves others meanwhile.
 * Prints what failed and exits with 1 at the first thing that is not so.
 */
#include "tests/e2e/hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1000, DEAF_MAX = 64 * 1024 * 1024 };

struct hostile hostile = {.doing = "start"};

void die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "hostile: %s: ", hostile.doing);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect %s: %s", path, strerror(errno));
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		die("fcntl: %s", strerror(errno));
	return fd;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (poll(&p, 1, WAIT_MS) <= 0)
		die("neither an answer nor an end in %d s", WAIT_MS / 1000);
}

bool put(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = send(fd, (const uint8_t *)p + done, n - done, MSG_NOSIGNAL);

		if (k > 0)
			done += (size_t)k;
		else if (errno == EAGAIN)
			wait_for(fd, POLLOUT);
		else
			return false;
	}
	return true;
}

bool get(int fd, void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = recv(fd, (uint8_t *)p + done, n - done, 0);

		if (k > 0)
			done += (size_t)k;
		else if (k < 0 && errno == EAGAIN)
			wait_for(fd, POLLIN);
		else
			return false;
	}
	return true;
}

/* Greeted, or turned away. */
static bool is_greeted(int fd)
{
	char c;

	return get(fd, &c, 1);
}

/* Closes a connection and sees that the agent has: there is room for another one. */
static void let_go(int fd)
{
	uint8_t byte;

	shutdown(fd, SHUT_WR);
	while (get(fd, &byte, 1))
		;
	close(fd);
}

static void connections(void)
{
	static int fds[CLIENTS_MAX];
	struct rlimit limit = {.rlim_cur = CLIENTS_MAX + 100, .rlim_max = CLIENTS_MAX + 100};
	uint8_t byte;
	int fd;

	hostile.doing = "1000 connections";
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("descriptors: %s", strerror(errno));
	for (int i = 0; i < CLIENTS_MAX; i++) {
		fds[i] = dial(hostile.line_path);
		if (!is_greeted(fds[i]))
			die("number %d was turned away", i + 1);
	}
	hostile.doing = "one connection more than 1000";
	fd = dial(hostile.line_path);
	if (is_greeted(fd))
		die("it was let in on agent.sock");
	close(fd);
	fd = dial(hostile.ssh_path);
	if (get(fd, &byte, 1))
		die("it was let in on ssh.sock");
	close(fd);
	hostile.doing = "a connection after one of 1000 has gone";
	let_go(fds[0]);
	fd = dial(hostile.line_path);
	if (!is_greeted(fd))
		die("it was turned away");
	close(fd);
	for (int i = 1; i < CLIENTS_MAX; i++)
		let_go(fds[i]);
}

/* Asks and never reads. The agent must end it, or stop listening to it, before it has kept
 * everything, and serve others. */
static void deaf(const char *path, const char *request, size_t n)
{
	int fd = dial(path);
	size_t sent = 0, told = 0;

	while (sent < DEAF_MAX) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		ssize_t k;

		if (poll(&p, 1, 2000) == 0)
			return; /* it does not listen any more; left open until we end */
		k = send(fd, request + sent % n, n - sent % n, MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN) {
			close(fd);
			return;
		}
		sent += k > 0 ? (size_t)k : 0;
		if (sent - told > 1024 * 1024) {
			told = sent;
			expect_alive();
		}
	}
	die("the agent took %zu bytes of requests from a client that reads nothing", sent);
}

static void deaf_clients(void)
{
	static char help[8 * 1024], list[8 * 1000];

	for (size_t i = 0; i + 5 <= sizeof(help); i += 5)
		memcpy(help + i, "HELP\n", 5);
	for (size_t i = 0; i + 5 <= sizeof(list); i += 5)
		memcpy(list + i, "\0\0\0\1\13", 5);
	hostile.doing = "a client of agent.sock that never reads";
	deaf(hostile.line_path, help, sizeof(help) / 5 * 5);
	hostile.doing = "a client of ssh.sock that never reads";
	deaf(hostile.ssh_path, list, sizeof(list));
	expect_alive();
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: hostile AGENT.SOCK SSH.SOCK SSH-KEY-BLOB-HEX\n", stderr);
		return 2;
	}
	hostile.line_path = argv[1];
	hostile.ssh_path = argv[2];
	hostile.blob = argv[3];
	connections();
	ssh_lengths();
	ssh_cut();
	lines();
	line_garbage();
	deaf_clients();
	ssh_types(); /* last: one of them removes every key */
	hostile.doing = "the end";
	expect_alive();
	return 0;
}
