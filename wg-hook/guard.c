/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/log.h"
#include "wg-hook/guard.h"
#include "wg-hook/session.h"
#include "wg-hook/state.h"

enum { READY_MS = 5000 };

enum err privileges_keep(unsigned long long capabilities, struct why *why)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = (uint32_t)(capabilities >> (32 * i));
	/* Those that this kernel does not have cannot be dropped. */
	for (unsigned long c = 0; c <= CAP_LAST_CAP; c++) {
		if (!(capabilities >> c & 1))
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, data) < 0)
		return why_set(why, ERR_PERMISSION, "cannot give up privileges: %m");
	return ERR_OK;
}

/* Waits for an end; true when it is that of `up` before its time. */
static bool wait_for_end(int watcher, int leash)
{
	struct pollfd p[2] = {{.fd = watcher, .events = POLLIN}, {.fd = leash, .events = POLLIN}};
	char byte;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents != 0) {
			if (read(leash, &byte, 1) != 1)
				return true;
			p[1].fd = -1;
			p[1].revents = 0;
		}
		/* Nothing is ever written there. */
		if (p[0].revents != 0)
			return false;
	}
}

static _Noreturn void guard_run(const char *iface, pid_t watcher, int fd, int leash)
{
	struct why why = {0};
	int lock;
	enum err e = state_open(&lock, iface, &why);

	if (e == ERR_OK)
		e = state_lock(lock, ROLE_GUARD, 0, &why);
	if (e == ERR_OK)
		e = privileges_keep(1ULL << CAP_NET_ADMIN, &why);
	if (e != ERR_OK || write(fd, "", 1) != 1) {
		log_error("%s: %s", iface, why_text(&why, e));
		_exit(1);
	}
	/* The watcher has no time for its other end while it waits for a person. */
	if (wait_for_end(fd, leash))
		(void)kill(watcher, SIGKILL);
	/* Before anything is closed: it can put no key in any more. */
	while (state_holder(lock, ROLE_WATCHER) != 0 && state_holder(lock, ROLE_WATCHER) == watcher)
		poll(NULL, 0, 5);
	e = session_close(iface, &why);
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		log_error("%s: %s", iface, why_text(&why, e));
	_exit(e == ERR_OK || e == ERR_NOT_FOUND ? 0 : 1);
}

enum err guard_start(const char *iface, int leash, int *fd, struct why *why)
{
	pid_t watcher = getpid(), child;
	struct pollfd p;
	int ends[2];
	char byte;

	*fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return why_set(why, ERR_IO, "cannot make a socket pair: %m");
	child = fork();
	if (child < 0) {
		close(ends[0]);
		close(ends[1]);
		return why_set(why, ERR_IO, "cannot start the watcher's guard: %m");
	}
	if (child == 0) {
		close(ends[0]);
		guard_run(iface, watcher, ends[1], leash);
	}
	close(ends[1]);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	if (poll(&p, 1, READY_MS) != 1 || read(ends[0], &byte, 1) != 1) {
		close(ends[0]);
		return why_set(why, ERR_IO, "the watcher's guard of %s did not start", iface);
	}
	*fd = ends[0];
	return ERR_OK;
}
