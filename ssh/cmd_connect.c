/* SPDX-License-Identifier: MIT */
/*
 * `lanyard ssh connect`: ssh with the one key of the identity.
 *
 * Without "user@" the identity has no user, its key logs in as any, and ssh chooses the name as it
 * always does. The key stays in the agent afterwards, as after `lanyard ssh add`.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "ssh/cmd_ssh.h"

/* "keyword=path" for ssh -o: in quotes, for spaces, with % doubled, for ssh_config expands it. */
static enum err option_path(char *out, size_t cap, const char *keyword, const char *path,
			    struct why *why)
{
	struct wbuf w = wbuf_new(out, cap);

	wbuf_printf(&w, "%s=\"", keyword);
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("\"\\$", *p) != NULL || (unsigned char)*p < 0x20)
			return why_set(
				why, ERR_INVALID,
				"%s: ssh takes no path with quotes, backslashes, $ or control "
				"characters; start the agent with another --socket-dir",
				path);
		wbuf_bytes(&w, *p == '%' ? "%%" : p, *p == '%' ? 2 : 1);
	}
	wbuf_bytes(&w, "\"", 2);
	return wbuf_ok(&w) ? ERR_OK : why_set(why, ERR_TOO_LARGE, "%s: path too long", path);
}

/* A file beside the sockets that holds the line; mkstemp() makes it 0600, without which ssh
 * complains about an "unprotected private key". */
static enum err write_key(char path[static PATH_MAX], const char *dir, const char *line,
			  struct why *why)
{
	int n = snprintf(path, PATH_MAX, "%s/connect-XXXXXX", dir);
	int fd = n < PATH_MAX ? mkstemp(path) : -1;
	FILE *f;
	bool bad;

	if (fd < 0)
		return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	f = fdopen(fd, "w");
	bad = f == NULL || fprintf(f, "%s\n", line) < 0;
	bad |= (f == NULL ? close(fd) : fclose(f)) != 0;
	if (!bad)
		return ERR_OK;
	unlink(path);
	return why_set(why, ERR_IO, "%s: cannot be written", path);
}

/* [user@]host for ssh's operand, an IPv6 address without its brackets. */
static void destination(char *out, size_t cap, const struct identity *id)
{
	struct slice user = IDENTITY_PART(id, user);
	struct slice host = IDENTITY_PART(id, host);

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){host.p + 1, host.n - 2};
	snprintf(out, cap, "%.*s%s%.*s", (int)user.n, (const char *)user.p, user.n > 0 ? "@" : "",
		 (int)host.n, (const char *)host.p);
}

/* What ssh is run with; its argv points in here. */
struct ssh_call {
	char agent[2 * PATH_MAX];
	char key[2 * PATH_MAX];
	char port[IDENTITY_URI_MAX + 1];
	char where[IDENTITY_URI_MAX + 1];
	sigset_t mask; /* to restore in the child */
};

static void exec_ssh(const struct ssh_call *call, char **command)
{
	enum { FIXED = 12 };
	size_t n = 0, count = 0;
	const char **argv;

	while (command[count] != NULL)
		count++;
	argv = calloc(FIXED + count + 1, sizeof(*argv));
	if (argv == NULL)
		_exit(cli_fail("out of memory"));
	argv[n++] = "ssh";
	argv[n++] = "-o";
	argv[n++] = "IdentitiesOnly=yes";
	argv[n++] = "-o";
	argv[n++] = call->key;
	argv[n++] = "-o";
	argv[n++] = call->agent;
	if (call->port[0] != '\0') {
		argv[n++] = "-p";
		argv[n++] = call->port;
	}
	argv[n++] = "--";
	argv[n++] = call->where;
	memcpy(argv + n, command, count * sizeof(*argv));
	sigprocmask(SIG_SETMASK, &call->mask, NULL);
	signal(SIGXFSZ, SIG_DFL); /* main() ignores it */
	execvp("ssh", (char *const *)argv);
	cli_fail("cannot run ssh: %s", strerror(errno));
	_exit(127);
}

/* Waits with all signals blocked. What the terminal sends has gone to ssh already; what a process
 * sends us is passed on. */
static int wait_ssh(pid_t child, const sigset_t *set)
{
	siginfo_t info;
	int status, sig;

	for (;;) {
		sig = sigwaitinfo(set, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, sig);
		if (sig != SIGCHLD || waitpid(child, &status, WNOHANG | WUNTRACED) != child)
			continue;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		/* ssh's ~^Z stops ssh alone: the shell waits for us. */
		raise(SIGSTOP);
		kill(child, SIGCONT);
	}
}

static int run_ssh(const struct ssh_call *call, char **command, const sigset_t *set)
{
	pid_t child = fork();

	if (child < 0)
		return cli_fail("cannot start ssh: %s", strerror(errno));
	if (child == 0)
		exec_ssh(call, command);
	return wait_ssh(child, set);
}

/* The file is there while ssh runs: a signal ends us only after it is gone. */
static int run_with_key(struct cli *cli, struct ssh_call *call, const char *dir, const char *line)
{
	static const int signals[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	char path[PATH_MAX];
	struct why why = {0};
	sigset_t set;
	int status = 0;
	enum err e;

	signal(SIGCHLD, SIG_DFL); /* ignored, it would never come */
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, &call->mask);
	e = write_key(path, dir, line, &why);
	if (e == ERR_OK) {
		e = option_path(call->key, sizeof(call->key), "IdentityFile", path, &why);
		if (e == ERR_OK)
			status = run_ssh(call, cli->argv + 1, &set);
		unlink(path);
	}
	sigprocmask(SIG_SETMASK, &call->mask, NULL);
	return e == ERR_OK ? status : cli_error(cli, e, &why);
}

int cmd_ssh_connect(struct cli *cli)
{
	char line[SSH_LINE_MAX + 1], dir[PATH_MAX], sock[SOCKET_PATH_MAX + 1];
	struct ssh_call call = {0};
	struct identity id;
	struct why why = {0};
	struct slice port;
	enum err e;
	int status;

	e = cmd_ssh_identity(cli->argv[0], &id, &why);
	if (e == ERR_OK)
		e = client_socket_dir(dir, sizeof(dir), cli->socket_dir, &why);
	if (e == ERR_OK)
		e = client_socket_path(sock, cli->socket_dir, "ssh.sock", &why);
	if (e == ERR_OK)
		e = option_path(call.agent, sizeof(call.agent), "IdentityAgent", sock, &why);
	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	port = IDENTITY_PART(&id, port);
	snprintf(call.port, sizeof(call.port), "%.*s", (int)port.n, (const char *)port.p);
	destination(call.where, sizeof(call.where), &id);
	status = cmd_ssh_offer(cli, &id, line);
	return status != 0 ? status : run_with_key(cli, &call, dir, line);
}
