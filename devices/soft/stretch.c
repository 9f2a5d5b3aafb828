/* SPDX-License-Identifier: MIT */
#include "devices/soft/stretch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "derive/secret.h"

struct request {
	uint8_t salt[SOFT_SALT_LEN];
	uint64_t ops, mem;
	uint64_t n;
	uint8_t pass[SOFT_PASSPHRASE_MAX];
};

/* From now on SIGIO ends this process when the other side shuts the socket. It comes as well when
 * bytes do, but there are none after the request. False: it has shut it already. */
static bool arm(int fd)
{
	sigset_t none;
	char byte;

	signal(SIGIO, SIG_DFL);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0 && fcntl(fd, F_SETOWN, getpid()) == 0 &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0 &&
	       recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

int stretch_serve(int fd)
{
	struct why why = {0};
	struct request *r;
	uint8_t key[32];

	secret_harden_process();
	if (secret_start(&why) != ERR_OK || (r = secret_alloc(sizeof(*r))) == NULL)
		return 1;
	if (recv(fd, r, sizeof(*r), 0) != (ssize_t)sizeof(*r) || r->n > sizeof(r->pass) || !arm(fd))
		return 1;
	if (soft_stretch_here(&(struct soft_stretch){r->salt, r->ops, r->mem, r->pass, r->n}, key,
			      &why) != ERR_OK)
		return 1;
	return send(fd, key, sizeof(key), MSG_NOSIGNAL) == sizeof(key) ? 0 : 1;
}

/* Waits for the answer, or with `wake` for that. */
static enum err stretch_wait(int fd, int wake)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return ERR_IO;
	return fds[1].revents != 0 ? ERR_CANCELED : ERR_OK;
}

enum err stretch_ask(int fd, int wake, const struct soft_stretch *what, uint8_t key[static 32],
		     struct why *why)
{
	struct request *r;
	enum err e = ERR_OK;
	ssize_t n;

	if (what->n > sizeof(r->pass))
		return why_set(why, ERR_TOO_LARGE, "a passphrase has at most %d bytes",
			       SOFT_PASSPHRASE_MAX);
	r = secret_alloc(sizeof(*r));
	if (r == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of locked memory");
	memcpy(r->salt, what->salt, sizeof(r->salt));
	r->ops = what->ops;
	r->mem = what->mem;
	r->n = what->n;
	if (what->n > 0)
		memcpy(r->pass, what->pass, what->n);
	if (send(fd, r, sizeof(*r), MSG_NOSIGNAL) != (ssize_t)sizeof(*r))
		e = ERR_IO;
	secret_free_mem(r);
	if (e == ERR_OK)
		e = stretch_wait(fd, wake);
	if (e == ERR_CANCELED)
		shutdown(fd, SHUT_WR);
	/* Its end of the socket is closed after its memory is given back. */
	do
		n = recv(fd, key, 32, 0);
	while (n < 0 && errno == EINTR);
	if (e == ERR_OK && n != 32)
		e = why_set(why, ERR_NO_MEMORY,
			    "the process that runs Argon2id has ended: it needs %u MiB of memory",
			    (unsigned)(what->mem >> 20));
	if (e != ERR_OK)
		secret_wipe(key, 32);
	return e;
}
