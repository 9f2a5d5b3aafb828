/* SPDX-License-Identifier: MIT */
/*
 * protocol/client.h: what an agent, or whoever passes for one, answers.
 *
 * An input is three bytes of choices and the bytes that arrive. The socket is this file's (fuzz.mk:
 * --wrap): it gives them in pieces, fails where it should, and judges what the client sends.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "protocol/client.h"

enum fault {
	NO_FAULT,
	CONNECT_NO_ENTRY,
	CONNECT_DENIED,
	CONNECT_FAILED,
	CONNECT_INTERRUPTED,
	NO_PEER,
	OTHER_PEER,
	NO_TIMEOUT,
	SEND_FAILED,
	SEND_INTERRUPTED,
	RECEIVE_RESET,
	RECEIVE_TIMEOUT,
	RECEIVE_FAILED,
	RECEIVE_INTERRUPTED,
	FAULTS
};

/* How an INQUIRE is answered. */
enum inquiry { NO_CALL, SHORT, LONG, CANCEL, TOO_MUCH, INQUIRIES };

static struct {
	const uint8_t *start; /* of all that arrives */
	struct rbuf in;
	size_t piece; /* bytes that arrive at once; 0: a line */
	enum fault fault;
	bool interrupted;
	int fd;
	char line[LINE_LEN_MAX + 1]; /* that the client is sending */
	size_t line_len;
	enum inquiry how;
	size_t inquiries, answered, commands;
	bool many;    /* commands are sent together: */
	size_t ahead; /* so many before */
} peer;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t n);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);

static char too_long[LINE_LEN_MAX + 2];

static int fail_with(int error)
{
	errno = error;
	return -1;
}

/* Every other call is interrupted. */
static bool interrupts(enum fault fault)
{
	peer.interrupted = peer.fault == fault && !peer.interrupted;
	return peer.interrupted;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t n)
{
	CHECK(address->sa_family == AF_UNIX && n > 0);
	peer.fd = fd;
	if (interrupts(CONNECT_INTERRUPTED))
		return fail_with(EINTR);
	return peer.fault == CONNECT_NO_ENTRY ? fail_with(ENOENT)
	       : peer.fault == CONNECT_DENIED ? fail_with(EACCES)
	       : peer.fault == CONNECT_FAILED ? fail_with(ENOBUFS)
					      : 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	struct ucred ucred = {.uid = geteuid() + (peer.fault == OTHER_PEER)};

	CHECK(fd == peer.fd && level == SOL_SOCKET && name == SO_PEERCRED && *n == sizeof(ucred));
	memcpy(value, &ucred, sizeof(ucred));
	return peer.fault == NO_PEER ? fail_with(ENOTCONN) : 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	CHECK(fd == peer.fd && level == SOL_SOCKET && name == SO_RCVTIMEO && value != NULL);
	CHECK(n == sizeof(struct timeval));
	return peer.fault == NO_TIMEOUT ? fail_with(ENOBUFS) : 0;
}

/* Replies so far; SIZE_MAX when there is a part of another one. */
static size_t replies(void)
{
	struct rbuf r = rbuf_new(peer.start, (size_t)(peer.in.p - peer.start));
	size_t count = 0;

	while (r.n > 0) {
		const uint8_t *end = memchr(r.p, '\n', r.n);
		struct slice line;

		if (end == NULL)
			return SIZE_MAX;
		line = rbuf_bytes(&r, (size_t)(end - r.p));
		rbuf_u8(&r);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		count += slice_is(line, "OK") || (line.n > 2 && memcmp(line.p, "OK ", 3) == 0) ||
			 (line.n > 3 && memcmp(line.p, "ERR ", 4) == 0);
	}
	return count;
}

/* Answers come in whole lines, and only when they were asked for. */
static void check_sent_line(const char *line)
{
	if (strcmp(line, "END") == 0 || strcmp(line, "CAN") == 0) {
		peer.answered += peer.how != NO_CALL;
		CHECK(peer.answered <= peer.inquiries);
		CHECK((line[0] == 'E') == (peer.how == SHORT || peer.how == LONG));
	} else if (strncmp(line, "D ", 2) == 0) {
		CHECK(peer.answered < peer.inquiries);
	} else {
		CHECK(strcmp(line, "COMMAND word --option=a%20b") == 0);
		/* The greeting, and what was asked for: nothing is left for this command, nor for
		 * those that are sent with it. */
		CHECK(replies() + (peer.many ? peer.ahead++ : 0) == ++peer.commands);
	}
}

ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
	struct rbuf r = rbuf_new(p, n < 700 ? n : 700); /* a socket may take a part */

	CHECK(fd == peer.fd && (flags & MSG_NOSIGNAL) && n > 0);
	if (interrupts(SEND_INTERRUPTED))
		return fail_with(EINTR);
	if (peer.fault == SEND_FAILED)
		return fail_with(EPIPE);
	for (n = r.n; r.n > 0;) {
		char c = (char)rbuf_u8(&r);

		if (c != '\n') {
			CHECK(peer.line_len < LINE_LEN_MAX);
			peer.line[peer.line_len++] = c;
			continue;
		}
		peer.line[peer.line_len] = '\0';
		CHECK(strlen(peer.line) == peer.line_len);
		check_sent_line(peer.line);
		peer.line_len = 0;
	}
	return (ssize_t)n;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
	const uint8_t *end;
	struct slice s;
	size_t piece;

	CHECK(fd == peer.fd && flags == 0 && n > 0 && n <= LINE_LEN_MAX + 1);
	if (interrupts(RECEIVE_INTERRUPTED))
		return fail_with(EINTR);
	piece = peer.piece;
	if (piece == 0 && peer.in.n > 0) {
		end = memchr(peer.in.p, '\n', peer.in.n);
		piece = end != NULL ? (size_t)(end - peer.in.p) + 1 : peer.in.n;
	}
	if (n > piece)
		n = piece;
	s = rbuf_bytes(&peer.in, n < peer.in.n ? n : peer.in.n);
	if (s.n == 0 && peer.fault >= RECEIVE_RESET && peer.fault <= RECEIVE_FAILED)
		return fail_with(peer.fault == RECEIVE_RESET     ? ECONNRESET
				 : peer.fault == RECEIVE_TIMEOUT ? EAGAIN
								 : EIO);
	memcpy(p, s.p, s.n);
	return (ssize_t)s.n;
}

static void check_line(const char *text)
{
	CHECK(strlen(text) <= LINE_LEN_MAX && strchr(text, '\n') == NULL);
}

static void take_status(void *arg, const char *keyword, const char *text)
{
	CHECK(arg == &peer && *keyword != '\0' && strchr(keyword, ' ') == NULL);
	check_line(keyword);
	check_line(text);
}

static void take_comment(void *arg, const char *text)
{
	CHECK(arg == &peer);
	check_line(text);
}

static enum err answer(void *arg, const char *keyword, const char *text, struct wbuf *out)
{
	take_status(arg, keyword, text);
	CHECK(out->n == 0 && out->cap == LINE_DATA_MAX);
	peer.inquiries++;
	for (unsigned i = 0; i < (peer.how == SHORT ? 3 : 9000); i++)
		wbuf_u8(out, (uint8_t)i);
	if (peer.how == TOO_MUCH)
		out->bad = true;
	return peer.how == CANCEL ? ERR_REFUSED : ERR_OK;
}

static void run_commands(struct client *c, size_t cap, enum inquiry how)
{
	uint8_t *bytes = malloc(cap > 0 ? cap : 1);
	struct client_calls calls = {.status = take_status,
				     .comment = take_comment,
				     .inquire = how == NO_CALL ? NULL : answer,
				     .arg = &peer};
	char text[64];
	struct wbuf command = wbuf_new(text, sizeof(text) - 1);

	wbuf_text(&command, "COMMAND");
	client_word(&command, "word");
	client_option(&command, "none", NULL);
	client_option(&command, "option", "a b");
	text[command.n] = '\0';
	CHECK(bytes != NULL && client_command(c, "A\nB", NULL, NULL, NULL) != ERR_OK);
	CHECK(client_command(c, too_long, NULL, NULL, NULL) != ERR_OK);
	for (int i = 0; i < 4; i++) {
		struct wbuf data = wbuf_new(bytes, cap);
		struct why why = {0};
		bool open = client_fd(c) >= 0;
		enum err e;

		peer.how = i > 0 ? how : NO_CALL;
		e = client_command(c, text, cap > 0 ? &data : NULL, i > 0 ? &calls : NULL, &why);
		/* This file's answer() gives no reason when it refuses. */
		fuzz_check_why(e == ERR_REFUSED ? ERR_OK : e, &why);
		CHECK(data.n <= cap);
		CHECK(open || (e == ERR_NO_AGENT && client_fd(c) < 0));
		CHECK(e != ERR_OK || (open && peer.line_len == 0));
	}
	/* Three ahead of their answers. */
	peer.many = true;
	for (int i = 0; i < 3; i++)
		CHECK(client_send(c, text, NULL) == (client_fd(c) >= 0 ? ERR_OK : ERR_NO_AGENT));
	for (unsigned due = client_ahead(c); client_fd(c) >= 0; due--) {
		struct wbuf data = wbuf_new(bytes, cap);

		CHECK(client_ahead(c) == due);
		if (client_answer(c, cap > 0 ? &data : NULL, &calls, NULL) == ERR_OK)
			CHECK(data.n <= cap);
		if (due == 0)
			break;
	}
	free(bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char text[16];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct client *c;

	(void)argc;
	(void)argv;
	memset(too_long, 'x', sizeof(too_long) - 1);
	CHECK(client_open(&c, too_long, NULL) == ERR_TOO_LARGE && c == NULL);
	client_word(&w, "--x");
	CHECK(w.n == 6 && memcmp(text, " %2D-x", 6) == 0);
	client_word(&w, "");
	CHECK(!wbuf_ok(&w));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	struct client *c = NULL;
	struct why why = {0};
	size_t choice, cap;
	enum err e;

	memset(&peer, 0, sizeof(peer));
	peer.fd = -1;
	peer.piece = rbuf_u8(&r);
	peer.fault = rbuf_u8(&r) % FAULTS;
	choice = rbuf_u8(&r);
	cap = choice / INQUIRIES;
	peer.in = r;
	peer.start = r.p;
	e = client_open(&c, "/run/lanyard/agent.sock", &why);
	fuzz_check_why(e, &why);
	CHECK((e == ERR_OK) == (c != NULL));
	if (c != NULL)
		run_commands(c, cap * cap, choice % INQUIRIES);
	client_close(c);
	/* It is closed, and closed once. */
	CHECK(peer.fd < 0 || close(peer.fd) < 0);
	return 0;
}
