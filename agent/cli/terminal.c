/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "protocol/text.h"

enum { SECRET_LINE_MAX = 1024 };

/*
 * A question with echo off. The signals that end or stop a program are blocked meanwhile and seen
 * through a signalfd: it is only polled, so that they stay pending and do what they do, in the
 * process as it was, once the terminal is restored and the mask is.
 */
struct terminal {
	int fd, signals;
	sigset_t held, before;
	struct termios normal;
};

static enum err tty_fail(struct why *why)
{
	return why_set(why, ERR_IO, "the terminal: %s", strerror(errno));
}

static enum err tty_open(struct terminal *t, struct why *why)
{
	static const int held[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGALRM};

	t->signals = -1;
	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0 || tcgetattr(t->fd, &t->normal) != 0) {
		if (t->fd >= 0)
			close(t->fd);
		t->fd = -1;
		return why_set(
			why, ERR_NO_PROMPT,
			"nobody to ask: there is no terminal; run this in one, or give files "
			"(`lanyard help` with the command has the options)");
	}
	sigemptyset(&t->held);
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		sigaddset(&t->held, held[i]);
	t->signals = signalfd(-1, &t->held, SFD_CLOEXEC);
	return t->signals >= 0 ? ERR_OK : tty_fail(why);
}

static void tty_close(struct terminal *t)
{
	if (t->signals >= 0)
		close(t->signals);
	if (t->fd >= 0)
		close(t->fd);
}

/* Echo off, signals held. In the background this stops the program until it is brought forward. */
static enum err tty_quiet(struct terminal *t, struct why *why)
{
	struct termios quiet = t->normal;

	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON;
	sigprocmask(SIG_BLOCK, &t->held, &t->before);
	while (tcsetattr(t->fd, TCSAFLUSH, &quiet) != 0)
		if (errno != EINTR)
			return tty_fail(why);
	return ERR_OK;
}

/* Back to normal; a signal that was held arrives now. */
static void tty_restore(struct terminal *t)
{
	while (tcsetattr(t->fd, TCSAFLUSH, &t->normal) != 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &t->before, NULL);
}

static enum err tty_print(const struct terminal *t, const char *text)
{
	size_t n = strlen(text);

	return write(t->fd, text, n) == (ssize_t)n ? ERR_OK : ERR_IO;
}

/* One line into `out`, without its end. *interrupted: a signal came first. */
static enum err tty_read_line(struct terminal *t, struct secret *out, bool *interrupted,
			      struct why *why)
{
	struct pollfd fds[] = {{t->fd, POLLIN, 0}, {t->signals, POLLIN, 0}};
	size_t cap = out->n;
	ssize_t got;

	*interrupted = false;
	out->n = 0;
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return tty_fail(why);
		*interrupted = (fds[1].revents & POLLIN) != 0;
		if (*interrupted)
			return ERR_OK;
		got = read(t->fd, out->p + out->n, cap - out->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return tty_fail(why);
		out->n += (size_t)got;
		if (out->n == 0)
			return why_set(why, ERR_CANCELED, "canceled: no answer");
		if (got == 0)
			return ERR_OK;
		if (out->p[out->n - 1] == '\n') {
			out->n--;
			return ERR_OK;
		}
		if (out->n == cap)
			return why_set(why, ERR_TOO_LARGE, "an answer has at most %d bytes",
				       SECRET_LINE_MAX);
	}
}

static enum err ask_once(const char *prompt, struct secret *out, struct why *why)
{
	struct terminal t;
	bool again = true;
	size_t cap = SECRET_LINE_MAX + 1;
	enum err e = secret_new(out, cap);

	if (e != ERR_OK)
		return e;
	e = tty_open(&t, why);
	while (e == ERR_OK && again) {
		secret_wipe(out->p, cap);
		out->n = cap;
		e = tty_quiet(&t, why);
		if (e == ERR_OK)
			e = tty_print(&t, prompt);
		if (e == ERR_OK)
			e = tty_read_line(&t, out, &again, why);
		(void)tty_print(&t, "\n");
		tty_restore(&t);
	}
	tty_close(&t);
	if (e != ERR_OK)
		secret_free(out);
	return e;
}

enum err cli_ask_secret(const char *prompt, bool twice, struct secret *out, struct why *why)
{
	struct secret repeat;
	char first[400], second[420];
	size_t n = strlen(prompt);
	bool same = false;
	enum err e;

	while (n > 0 && (prompt[n - 1] == ' ' || prompt[n - 1] == ':'))
		n--;
	snprintf(first, sizeof(first), "%.*s: ", (int)n, prompt);
	snprintf(second, sizeof(second), "%.*s (again): ", (int)n, prompt);
	e = ask_once(first, out, why);
	while (e == ERR_OK && twice && !same) {
		e = ask_once(second, &repeat, why);
		if (e != ERR_OK) {
			secret_free(out);
			break;
		}
		same = out->n == repeat.n && secret_equal(out->p, repeat.p, out->n);
		secret_free(&repeat);
		if (!same) {
			secret_free(out);
			cli_fail("the two differ");
			e = ask_once(first, out, why);
		}
	}
	return e;
}

enum err cli_confirm(const struct cli *cli, const char *question, struct why *why)
{
	char text[600], answer[16] = "", clean[512];
	FILE *tty;

	if (cli->yes)
		return ERR_OK;
	tty = fopen("/dev/tty", "r+e");
	if (tty == NULL)
		return why_set(why, ERR_NO_PROMPT,
			       "nobody to ask: there is no terminal; --yes answers yes");
	snprintf(text, sizeof(text), "%s [y/N] ",
		 text_clean_message(clean, sizeof(clean), question, strlen(question)));
	fputs(text, tty);
	fflush(tty);
	if (fgets(answer, sizeof(answer), tty) == NULL)
		answer[0] = '\0';
	fclose(tty);
	if (strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 ||
	    strcmp(answer, "yes\n") == 0)
		return ERR_OK;
	return why_set(why, ERR_REFUSED, "not done: the answer was not yes");
}

/* ---- files ---- */

/* Up to `cap` bytes of a file into `p`; with `line`, no further than the read that has its end. */
static enum err read_some(const char *path, bool line, uint8_t *p, size_t cap, size_t *n,
			  struct why *why)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = 1;
	int error = 0;

	*n = 0;
	if (fd < 0)
		return why_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
			       strerror(errno));
	while (*n < cap && got != 0 && error == 0) {
		got = read(fd, p + *n, cap - *n);
		if (got > 0)
			*n += (size_t)got;
		else if (got < 0 && errno != EINTR)
			error = errno;
		if (line && memchr(p, '\n', *n) != NULL)
			break;
	}
	if (!standard)
		close(fd);
	return error == 0 ? ERR_OK
			  : why_set(why, ERR_IO, "%s: %s", standard ? "standard input" : path,
				    strerror(error));
}

enum err cli_read_secret_file(const char *path, size_t max, struct secret *out, struct why *why)
{
	size_t n = 0;
	const uint8_t *end;
	/* Room for CR LF, and to see that there is more. */
	enum err e = secret_new(out, max + 3);

	if (e != ERR_OK)
		return e;
	e = read_some(path, true, out->p, max + 3, &n, why);
	end = memchr(out->p, '\n', n);
	if (end != NULL)
		n = (size_t)(end - out->p);
	if (end != NULL && n > 0 && out->p[n - 1] == '\r')
		n--;
	if (e == ERR_OK && n > max)
		e = why_set(why, ERR_TOO_LARGE, "the first line of %s has more than %zu bytes",
			    path, max);
	if (e == ERR_OK)
		out->n = n;
	else
		secret_free(out);
	return e;
}

enum err cli_read_file(const char *path, size_t max, uint8_t **out, size_t *n, struct why *why)
{
	uint8_t *p = malloc(max + 1);
	enum err e;

	*out = NULL;
	if (p == NULL)
		return ERR_NO_MEMORY;
	e = read_some(path, false, p, max + 1, n, why);
	if (e == ERR_OK && *n > max)
		e = why_set(why, ERR_TOO_LARGE, "%s has more than %zu bytes", path, max);
	if (e == ERR_OK)
		*out = p;
	else
		free(p);
	return e;
}
