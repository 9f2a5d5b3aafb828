/* SPDX-License-Identifier: MIT */
#include "wg-hook/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/dirs.h"
#include "protocol/log.h"
#include "protocol/text.h"
#include "wg-hook/guard.h"
#include "wg-hook/state.h"
#include "wg-hook/watch.h"

enum { ARGS_MAX = 3 * PATH_MAX, LEASH_FD = 3 };

static void args_path(char out[static 64], const char *iface)
{
	snprintf(out, 64, STATE_DIR "/%s.args", iface);
}

bool start_is_unit(void)
{
	return getenv("LANYARD_WG_UNIT") != NULL;
}

/* Of what `up` blocks for itself. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs systemctl without our environment; its exit status, or -1. */
static int systemctl(const char *verb, const char *iface)
{
	static char *const environment[] = {NULL};
	char unit[64];
	struct stat st;
	int status;
	pid_t child;

	/* sd_booted(3) */
	if (lstat("/run/systemd/system", &st) < 0 || !S_ISDIR(st.st_mode))
		return -1;
	/* No unit's name has them, systemd.unit(5). */
	if (strpbrk(iface, "=+") != NULL)
		return -1;
	snprintf(unit, sizeof(unit), "lanyard-wg@%s.service", iface);
	child = fork();
	if (child == 0) {
		unblock_signals();
		char *const argv[] = {(char *)"systemctl",
				      (char *)"--quiet",
				      (char *)verb,
				      (char *)"--",
				      unit,
				      NULL};

		execve("/usr/bin/systemctl", argv, environment);
		execve("/bin/systemctl", argv, environment);
		_exit(127);
	}
	if (child < 0)
		return -1;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void start_unit_stop(const char *iface)
{
	if (!start_is_unit())
		(void)systemctl("stop", iface);
}

/* What the unit's process needs of this command line: the agent is the one chosen here. */
static enum err write_args(const struct options *o, const struct tunnel *t,
			   const struct owner *owner, struct why *why)
{
	char path[64], text[ARGS_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));

	args_path(path, o->iface);
	wbuf_printf(&w, "config %s\nsocket %s\nuid %u\ndefault %d\nyes %d\nwait %d\n", t->conf_path,
		    owner->path, (unsigned)owner->uid, owner->is_default, o->yes,
		    t->settings.on_missing == MISSING_WAIT);
	if (o->device)
		wbuf_printf(&w, "device %s\n", o->device);
	if (o->index)
		wbuf_printf(&w, "index %s\n", o->index);
	if (!wbuf_ok(&w) || strpbrk(t->conf_path, "\n") || strpbrk(owner->path, "\n"))
		return why_set(why, ERR_INVALID,
			       "the path of the config or of the agent is too "
			       "long, or holds a line feed");
	return file_write(path, w.p, w.n, 0600, true, why);
}

/* `text` stays; the options point into it. */
static enum err read_args(char text[static ARGS_MAX], struct options *o, struct owner *owner,
			  bool *wait, struct why *why)
{
	char path[64];
	uint8_t *bytes;
	char *line, *next;
	size_t n;
	enum err e;

	args_path(path, o->iface);
	e = file_read(path, ARGS_MAX - 1, FILE_OURS, &bytes, &n, NULL, why);
	if (e != ERR_OK)
		return why_set(why, e, "nobody said what to watch: lanyard-wg up %s starts it",
			       o->iface);
	memcpy(text, bytes, n);
	text[n] = '\0';
	free(bytes);
	for (line = text; (next = strchr(line, '\n')); line = next) {
		char *value = strchr(line, ' ');

		*next++ = '\0';
		if (!value)
			continue;
		*value++ = '\0';
		if (strcmp(line, "config") == 0)
			o->config = value;
		else if (strcmp(line, "device") == 0)
			o->device = value;
		else if (strcmp(line, "index") == 0)
			o->index = value;
		else if (strcmp(line, "yes") == 0)
			o->yes = *value == '1';
		else if (strcmp(line, "wait") == 0)
			*wait = *value == '1';
		else if (strcmp(line, "socket") == 0)
			snprintf(owner->path, sizeof(owner->path), "%s", value);
		else if (strcmp(line, "uid") == 0)
			owner->uid = (uid_t)strtoul(value, NULL, 10);
		else if (strcmp(line, "default") == 0)
			owner->is_default = *value == '1';
	}
	owner->because = "`up` chose it";
	return ERR_OK;
}

/* What runs in the watcher's process, whoever made it. */
static int watch_start(const char *iface, bool guarded, int leash, const struct tunnel *t,
		       const struct owner *owner, struct why *why)
{
	int lock, guard = -1;
	enum err e = state_open(&lock, iface, why);

	if (e == ERR_OK)
		e = state_lock(lock, ROLE_WATCHER, 1000, why);
	if (e == ERR_OK && guarded)
		e = guard_start(iface, leash, &guard, why);
	if (leash >= 0)
		close(leash);
	if (e == ERR_OK)
		return watch_run(iface, lock, guard, t, owner);
	log_error("%s: %s", iface, why->text);
	return 1;
}

/* The daemon: a session of its own, nothing of the caller's terminal, nor of what else it has open:
 * somebody may wait for the last to close it, as for a lock or a pipe. */
static _Noreturn void daemon_run(const char *iface, int leash, const struct tunnel *t,
				 const struct owner *owner)
{
	int null = open("/dev/null", O_RDWR);
	struct why why = {0};

	unblock_signals();
	if (setsid() < 0 || chdir("/") < 0 || null < 0)
		_exit(1);
	if (leash < LEASH_FD && (leash = fcntl(leash, F_DUPFD, LEASH_FD)) < 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (leash != LEASH_FD && dup2(leash, LEASH_FD) < 0)
		_exit(1);
	closefrom(LEASH_FD + 1);
	log_open("lanyard-wg", LOG_LEVEL_INFO, true);
	_exit(watch_start(iface, true, LEASH_FD, t, owner, &why));
}

static enum err start_daemon(const char *iface, const struct tunnel *t, const struct owner *owner,
			     int *leash, struct why *why)
{
	int ends[2], status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return why_set(why, ERR_IO, "cannot make a pipe: %m");
	child = fork();
	if (child == 0) {
		/* Twice, so that it is nobody's child here. */
		close(ends[1]);
		child = fork();
		if (child == 0)
			daemon_run(iface, ends[0], t, owner);
		_exit(child > 0 ? 0 : 1);
	}
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || status != 0) {
		close(ends[1]);
		return why_set(why, ERR_IO, "cannot start a watcher for %s: %m", iface);
	}
	*leash = ends[1];
	return ERR_OK;
}

enum err start_watcher(const struct options *o, const struct tunnel *t, const struct owner *owner,
		       int *leash, struct why *why)
{
	enum err e = write_args(o, t, owner, why);

	*leash = -1;
	if (e != ERR_OK)
		return e;
	if (systemctl("start", o->iface) == 0)
		return ERR_OK;
	return start_daemon(o->iface, t, owner, leash, why);
}

int cmd_watch(const struct options *given)
{
	struct options o = *given;
	struct tunnel t = {0};
	struct owner owner = {0};
	struct why why = {0};
	char *text = calloc(1, ARGS_MAX);
	bool wait = false;
	int status = 1;
	enum err e = wg_need_root(&o, "watch an interface", &why);

	log_open("lanyard-wg", LOG_LEVEL_INFO, false);
	if (e == ERR_OK && !text)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK)
		e = read_args(text, &o, &owner, &wait, &why);
	if (e == ERR_OK)
		e = tunnel_load(&t, &o, &why);
	t.settings.on_missing = wait ? MISSING_WAIT : MISSING_FAIL;
	if (e == ERR_OK)
		status = watch_start(o.iface, !start_is_unit(), -1, &t, &owner, &why);
	else
		wg_error(e, &why);
	tunnel_free(&t);
	free(text);
	return status;
}
