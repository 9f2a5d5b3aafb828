/* SPDX-License-Identifier: MIT */
#include "agent/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "protocol/dirs.h"
#include "protocol/text.h"

enum { TRY_EVERY_MS = 20, TRIES = 500 };

static void wait_a_moment(void)
{
	struct timespec t = {.tv_nsec = TRY_EVERY_MS * 1000000L};

	nanosleep(&t, NULL);
}

enum err instance_find(struct instance *i, const char *socket_dir, struct why *why)
{
	char dir[PATH_MAX];
	enum err e;

	*i = (struct instance){.lock = -1};
	e = client_socket_dir(dir, sizeof(dir), socket_dir, why);
	if (e == ERR_OK)
		e = dir_make(dir, why);
	if (e != ERR_OK)
		return e;
	if (realpath(dir, i->dir) == NULL)
		return why_set(why, ERR_IO, "%s: %s", dir, strerror(errno));
	e = dir_check_private(i->dir, why);
	if (e == ERR_OK)
		e = client_socket_path(i->agent_socket, i->dir, "agent.sock", why);
	if (e == ERR_OK)
		e = client_socket_path(i->ssh_socket, i->dir, "ssh.sock", why);
	return e;
}

enum err instance_make(struct instance *i, struct why *why)
{
	char dir[PATH_MAX];
	enum err e;
	size_t n;

	unsetenv("LANYARD_SOCK");
	e = client_socket_dir(dir, sizeof(dir), NULL, why);
	if (e == ERR_OK)
		e = dir_make(dir, why);
	if (e == ERR_OK)
		e = dir_check_private(dir, why);
	if (e != ERR_OK)
		return e;
	n = strlen(dir);
	if ((size_t)snprintf(dir + n, sizeof(dir) - n, "/" CLIENT_COMMAND_DIR "XXXXXX") >=
		    sizeof(dir) - n ||
	    mkdtemp(dir) == NULL)
		return why_set(why, ERR_IO, "%s: %s", dir, strerror(errno));
	e = instance_find(i, dir, why);
	if (e != ERR_OK)
		rmdir(dir);
	i->transient = e == ERR_OK;
	return e;
}

void instance_remove(const struct instance *i)
{
	if (!i->transient)
		return;
	unlink(i->agent_socket);
	unlink(i->ssh_socket);
	rmdir(i->dir);
}

enum err instance_claim(struct instance *i, struct why *why)
{
	i->lock = open(i->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (i->lock < 0)
		return why_set(why, ERR_IO, "%s: %s", i->dir, strerror(errno));
	if (flock(i->lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	if (errno != EWOULDBLOCK)
		return why_set(why, ERR_IO, "%s: cannot lock it: %s", i->dir, strerror(errno));
	return why_set(why, ERR_EXISTS, "an agent is running in %s", i->dir);
}

/* In single quotes, each quote of its own as '\''. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	putchar('\'');
}

static void print_variable(const char *name, const char *value, bool csh)
{
	printf(csh ? "setenv %s " : "%s=", name);
	print_quoted(value);
	if (csh)
		puts(";");
	else
		printf("; export %s;\n", name);
}

void instance_print(const struct instance *i, pid_t pid, bool csh)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", (int)pid);
	print_variable("LANYARD_SOCK", i->agent_socket, csh);
	print_variable("SSH_AUTH_SOCK", i->ssh_socket, csh);
	print_variable("LANYARD_AGENT_PID", number, csh);
	printf("echo Agent pid %s;\n", number);
	fflush(stdout);
}

/* The process that listens on agent.sock, or 0. */
static pid_t instance_pid(const struct instance *i)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	int fd;

	if (client_connect(i->agent_socket, &fd, NULL) != ERR_OK)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

void instance_say(const char *fmt, ...)
{
	char raw[PATH_MAX + 200], text[PATH_MAX + 200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	fprintf(stderr, "lanyard-agent: %s\n",
		text_clean_message(text, sizeof(text), raw, strlen(raw)));
}

int instance_say_running(const struct instance *i, bool foreground, bool csh)
{
	pid_t pid = 0;

	/* It may be starting just now. */
	for (int tries = 0; tries < TRIES && (pid = instance_pid(i)) == 0; tries++)
		wait_a_moment();
	if (pid == 0) {
		instance_say("an agent holds %s but does not answer on %s", i->dir,
			     i->agent_socket);
		return 1;
	}
	instance_say("an agent is running already (pid %d, %s)", (int)pid, i->agent_socket);
	if (foreground)
		return 2;
	instance_print(i, pid, csh);
	return 0;
}

int instance_kill(struct instance *i, bool csh)
{
	static const char *const names[] = {"LANYARD_SOCK", "SSH_AUTH_SOCK", "LANYARD_AGENT_PID"};
	pid_t pid = instance_pid(i);
	enum err e = ERR_EXISTS;

	if (pid == 0) {
		instance_say("no agent is running (%s)", i->agent_socket);
		return 1;
	}
	if (kill(pid, SIGTERM) != 0) {
		instance_say("cannot stop pid %d: %s", (int)pid, strerror(errno));
		return 1;
	}
	/* Its claim ends when its last secret is wiped and it is gone. */
	for (int tries = 0; tries < TRIES && e == ERR_EXISTS; tries++) {
		wait_a_moment();
		e = instance_claim(i, NULL);
		close(i->lock);
	}
	if (e == ERR_EXISTS) {
		instance_say("pid %d does not stop", (int)pid);
		return 1;
	}
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		printf(csh ? "unsetenv %s;\n" : "unset %s;\n", names[k]);
	printf("echo Agent pid %d killed;\n", (int)pid);
	return 0;
}

void instance_detach_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}
