/* SPDX-License-Identifier: MIT */
#include "agent/logind_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/logind_wire.h"

void logind_find(char out[static PATH_MAX])
{
	static const char *const places[] = {"../libexec/lanyard/", ""};
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	out[0] = '\0';
	if (n < 0)
		return;
	self[n] = '\0';
	if ((slash = strrchr(self, '/')) == NULL)
		return;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%slanyard-logind", self, places[i]);
		if (access(path, X_OK) == 0 && realpath(path, out) != NULL)
			return;
	}
	out[0] = '\0';
}

_Noreturn void logind_exec(const char *program, unsigned lock_on, int fd, pid_t keeper)
{
	struct logind_message m = {.what = LOGIND_ABSENT};
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	char name[] = "lanyard-logind", sleep[] = LOGIND_WORD_SLEEP,
	     session[] = LOGIND_WORD_SESSION;
	char *argv[] = {name, NULL, NULL, NULL}, *env[] = {NULL, NULL};
	size_t n = 1;

	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != keeper)
		_exit(1);
	if ((lock_on & LOCK_ON_SLEEP) != 0)
		argv[n++] = sleep;
	if ((lock_on & LOCK_ON_SESSION) != 0)
		argv[n++] = session;
	/* What a terminal sends to its foreground is not for it. */
	setsid();
	if (program[0] == '\0')
		snprintf(m.text, sizeof(m.text), "lanyard-logind is not installed");
	else if (address != NULL && asprintf(&env[0], "DBUS_SYSTEM_BUS_ADDRESS=%s", address) < 0)
		snprintf(m.text, sizeof(m.text), "out of memory");
	else if (dup2(fd, STDIN_FILENO) < 0 || execve(program, argv, env) != 0)
		snprintf(m.text, sizeof(m.text), "%.100s: %s", program, strerror(errno));
	/* An end without it would say as much, less clearly. */
	_exit(send(fd, &m, sizeof(m), MSG_NOSIGNAL) == (ssize_t)sizeof(m) ? 0 : 1);
}
