/* SPDX-License-Identifier: MIT */
/*
 * agent/pinentry.h: a line, and a whole conversation. An input is two bytes of choices and what the
 * pinentry says. The socket is this file's (fuzz.mk: --wrap).
 */
#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "agent/pinentry.h"
#include "derive/secret.h"

enum { PINENTRY_FD = 1000, CANCEL_FD = 1001 };
enum fault { NO_FAULT, CANCELED, SILENT, POLL_FAILED, INTERRUPTED, SEND_FAILED, FAULTS };

static struct {
	struct rbuf in;
	size_t piece;
	enum fault fault;
	bool interrupted;
	char last[PINENTRY_LINE_MAX + 1]; /* line that it was sent */
} peer;

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(secret_start(NULL) == ERR_OK);
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	CHECK(n == 2 && fds[0].fd == PINENTRY_FD && fds[1].fd == CANCEL_FD && timeout >= 0);
	fds[0].revents = fds[1].revents = 0;
	peer.interrupted = peer.fault == INTERRUPTED && !peer.interrupted;
	if (peer.interrupted || (peer.in.n == 0 && peer.fault == POLL_FAILED)) {
		errno = peer.interrupted ? EINTR : ENOMEM;
		return -1;
	}
	if (peer.in.n == 0 && peer.fault == SILENT)
		return 0;
	if (peer.in.n == 0 && peer.fault == CANCELED)
		fds[1].revents = POLLIN;
	else
		fds[0].revents = POLLIN;
	return 1;
}

ssize_t __wrap_recv(int fd, void *p, size_t n, int flags)
{
	struct slice s;

	CHECK(fd == PINENTRY_FD && n > 0 && n <= PINENTRY_LINE_MAX && (flags & MSG_DONTWAIT));
	if (peer.interrupted) {
		errno = EAGAIN;
		return -1;
	}
	if (n > peer.piece)
		n = peer.piece;
	s = rbuf_bytes(&peer.in, n < peer.in.n ? n : peer.in.n);
	memcpy(p, s.p, s.n);
	return (ssize_t)s.n;
}

/* Only whole commands, each a line of Assuan's length. */
ssize_t __wrap_send(int fd, const void *p, size_t n, int flags)
{
	static const char *const verbs[] = {"OPTION ", "SETTITLE ",  "SETDESC ",   "SETOK ",
					    "GETPIN",  "SETCANCEL ", "SETPROMPT ", "SETERROR ",
					    "CONFIRM", "CAN",        "BYE"};
	size_t verb = 0, count = sizeof(verbs) / sizeof(*verbs);

	CHECK(fd == PINENTRY_FD && (flags & MSG_NOSIGNAL) && n > 1 && n <= PINENTRY_LINE_MAX);
	CHECK(memchr(p, '\n', n) == (const char *)p + n - 1);
	if (peer.fault == SEND_FAILED && peer.in.n == 0) {
		errno = EPIPE;
		return -1;
	}
	memcpy(peer.last, p, n - 1);
	peer.last[n - 1] = '\0';
	while (verb < count && strncmp(peer.last, verbs[verb], strlen(verbs[verb])) != 0)
		verb++;
	CHECK(verb < count && text_is_ascii_printable(p, n - 1));
	return (ssize_t)n;
}

static void check_line(struct slice line)
{
	uint8_t *copy = fuzz_copy(line.p, line.n);
	struct slice own = {copy, line.n};
	struct pinentry_reply reply;
	enum err e = pinentry_parse(&reply, own);

	CHECK(e == ERR_OK || e == ERR_SYNTAX);
	if (e == ERR_OK) {
		CHECK(reply.kind <= PINENTRY_IGNORE && fuzz_within(reply.data, own));
		CHECK(reply.kind == PINENTRY_ERR ? reply.code <= 0xFFFF : reply.code == 0);
		CHECK(reply.kind == PINENTRY_DATA || reply.data.n == 0);
		CHECK(reply.kind != PINENTRY_DATA || line.p[0] == 'D');
		CHECK(reply.kind != PINENTRY_OK || memcmp(line.p, "OK", 2) == 0);
	}
	free(copy);
}

static void check_conversation(unsigned choice)
{
	char detail[2000];
	uint8_t room[64];
	size_t cap = choice & 4 ? sizeof(room) : 4;
	struct wbuf answer = wbuf_new(room, cap);
	struct pinentry_question q = {
		.kind = choice & 1   ? ASK_CONFIRM
			: choice & 2 ? ASK_PIN
				     : ASK_PASSPHRASE,
		.again = choice & 8,
		.text = "Passphrase of soft:home",
		.detail = choice & 16 ? "login with ssh://git@host, 100% of it" : "",
		.who = choice & 3 ? "ssh (7) <- zsh" : "",
		.tty = choice & 32 ? "/dev/pts/1" : NULL,
		.term = "xterm",
		.lc_ctype = choice & 64 ? "C.UTF-8" : NULL,
	};
	struct why why = {0};
	enum err e;

	if (choice & 128) {
		memset(detail, '%', sizeof(detail) - 1);
		detail[sizeof(detail) - 1] = '\0';
		q.detail = detail;
	}
	e = pinentry_ask(PINENTRY_FD, CANCEL_FD, &q, &answer, &why);
	fuzz_check_why(e == ERR_NO_PROMPT ? e : ERR_OK, &why);
	CHECK(e == ERR_OK || e == ERR_NO_PROMPT || e == ERR_CANCELED || e == ERR_REFUSED ||
	      e == ERR_TIMEOUT || e == ERR_TOO_LARGE);
	CHECK(answer.n <= cap && (e != ERR_OK || wbuf_ok(&answer)));
	CHECK(e != ERR_TIMEOUT || peer.fault == SILENT || why.text[0] == '\0');
	/* Nothing is an answer before it was asked. */
	if (e == ERR_OK)
		CHECK(strcmp(peer.last, "BYE") == 0 || peer.fault == SEND_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	unsigned choice = rbuf_u8(&r);
	uint8_t how = rbuf_u8(&r);

	check_line((struct slice){r.p, r.n});
	memset(&peer, 0, sizeof(peer));
	peer.piece = how & 128 ? 1 : PINENTRY_LINE_MAX;
	peer.fault = (how & 127) % FAULTS;
	peer.in = r;
	check_conversation(choice);
	return 0;
}
