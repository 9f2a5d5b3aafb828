/* SPDX-License-Identifier: MIT */
/* agent/cli/terminal.c on a pseudo-terminal: echo, ^C, ^Z, two answers; and secrets from files. */
#include <criterion/criterion.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/cli/cli.h"

/* How the process on the terminal ended, as a letter. */
enum { AGREED = 'a', CANCELED = 'c', TOO_LONG = 'l', OTHER = 'o', KILLED = 'k', STOPPED = 's' };

static int master, leader; /* the terminal, and the line to its session leader */
static char seen[8192];    /* what the terminal has shown */
static size_t seen_to;     /* up to where the test has looked */

static void ask(const char *expect, bool twice)
{
	struct secret s;
	struct why why = {0};
	enum err e = cli_ask_secret("PIN", twice, &s, &why);

	if (e == ERR_OK)
		_exit(s.n == strlen(expect) && memcmp(s.p, expect, s.n) == 0 ? AGREED : OTHER);
	_exit(e == ERR_CANCELED ? CANCELED : e == ERR_TOO_LARGE ? TOO_LONG : OTHER);
}

/* The session's leader, in the place of a shell: it runs the question as a foreground job and says
 * what becomes of it. A stopped job is continued when the test says so. */
static void lead(const char *expect, bool twice, int test)
{
	pid_t job = fork();
	int status = 0;
	char letter;

	alarm(30);
	if (job == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		/* A shell's background job, which the tests may be, has these ignored. */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		ask(expect, twice);
	}
	do {
		if (waitpid(job, &status, WUNTRACED) != job)
			_exit(1);
		letter = WIFSTOPPED(status)    ? STOPPED
			 : WIFSIGNALED(status) ? KILLED
					       : (char)WEXITSTATUS(status);
		/* When the last process has gone, the terminal has too: stay until the test says
		 * so. */
		if (write(test, &letter, 1) != 1 || read(test, &letter, 1) != 1)
			_exit(1);
		if (WIFSTOPPED(status))
			kill(job, SIGCONT);
	} while (WIFSTOPPED(status));
	_exit(0);
}

static void start(const char *expect, bool twice)
{
	int ends[2];

	cr_assert_eq(secret_start(NULL), ERR_OK);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	if (forkpty(&master, NULL, NULL, NULL) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		lead(expect, twice, ends[1]);
	}
	close(ends[1]);
	leader = ends[0];
	seen_to = 0;
	seen[0] = '\0';
	alarm(30);
}

/* Reads until the terminal has shown `text`, after what was waited for before. */
static const char *wait_for(const char *text)
{
	const char *from = seen + seen_to;
	size_t n = strlen(seen);

	while (strstr(from, text) == NULL) {
		ssize_t got = read(master, seen + n, sizeof(seen) - 1 - n);

		cr_assert_gt(got, 0, "\"%s\" did not come: \"%s\"", text, from);
		n += (size_t)got;
		seen[n] = '\0';
	}
	seen_to = (size_t)(strstr(from, text) - seen) + strlen(text);
	return from;
}

static void type(const char *text)
{
	cr_assert_eq(write(master, text, strlen(text)), (ssize_t)strlen(text));
}

/* What became of the question; the leader waits for go_on(). */
static char became(void)
{
	char letter = 0;

	cr_assert_eq(read(leader, &letter, 1), 1);
	return letter;
}

static void go_on(void)
{
	cr_assert_eq(write(leader, "", 1), 1);
}

static bool echoes(void)
{
	struct termios t;

	cr_assert_eq(tcgetattr(master, &t), 0);
	return (t.c_lflag & ECHO) != 0;
}

Test(cli_terminal, an_answer_is_not_shown)
{
	start("1234", false);
	wait_for("PIN: ");
	cr_assert(!echoes());
	type("1234\n");
	cr_assert_null(strstr(wait_for("\n"), "1234"));
	cr_assert_eq(became(), AGREED);
	cr_assert(echoes());
}

Test(cli_terminal, an_answer_may_be_empty)
{
	start("", false);
	wait_for("PIN: ");
	type("\n");
	cr_assert_eq(became(), AGREED);
}

Test(cli_terminal, interrupt_restores_the_terminal_and_kills)
{
	static const char *const keys[] = {"\003", "12\003", "\034"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		start("1234", false);
		wait_for("PIN: ");
		cr_assert(!echoes());
		type(keys[i]);
		cr_assert_eq(became(), KILLED);
		cr_assert(echoes());
		close(master);
	}
}

Test(cli_terminal, stop_restores_the_terminal_and_continue_asks_again)
{
	start("1234", false);
	wait_for("PIN: ");
	type("99\032");
	cr_assert_eq(became(), STOPPED);
	cr_assert(echoes());
	go_on();
	wait_for("PIN: ");
	cr_assert(!echoes());
	type("1234\n");
	cr_assert_eq(became(), AGREED);
	cr_assert(echoes());
}

Test(cli_terminal, end_of_file_cancels)
{
	start("", false);
	wait_for("PIN: ");
	type("\004");
	cr_assert_eq(became(), CANCELED);
	cr_assert(echoes());
}

Test(cli_terminal, two_answers_until_they_agree)
{
	start("right", true);
	wait_for("PIN: ");
	type("right\n");
	wait_for("PIN (again): ");
	type("wrong\n");
	wait_for("the two differ");
	wait_for("PIN: ");
	type("right\n");
	wait_for("PIN (again): ");
	type("right\n");
	cr_assert_eq(became(), AGREED);
}

Test(cli_terminal, a_long_answer_is_refused)
{
	char text[1027];

	memset(text, 'x', sizeof(text));
	text[1024] = '\0';
	start(text, false);
	wait_for("PIN: ");
	type(text);
	type("\n");
	cr_assert_eq(became(), AGREED, "1024 bytes are allowed");
	go_on();
	close(master);
	start("", false);
	wait_for("PIN: ");
	type(text);
	type("x\n");
	cr_assert_eq(became(), TOO_LONG, "1025 bytes are not");
	cr_assert(echoes());
}

Test(cli_terminal, nobody_to_ask)
{
	struct secret s;
	struct why why = {0};
	struct cli cli = {.yes = false};

	int status;
	pid_t child;

	cr_assert_eq(secret_start(NULL), ERR_OK);
	child = fork();
	if (child == 0) {
		setsid();
		_exit(cli_ask_secret("PIN", false, &s, &why) == ERR_NO_PROMPT &&
				      cli_confirm(&cli, "sure?", &why) == ERR_NO_PROMPT &&
				      strstr(why.text, "--yes") != NULL
			      ? 0
			      : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(cli_terminal, yes_needs_no_terminal)
{
	struct cli cli = {.yes = true};
	struct why why;

	cr_assert_eq(cli_confirm(&cli, "sure?", &why), ERR_OK);
}

/* ---- secrets and data from files ---- */

static char path[] = "/tmp/lanyard-cli-file-XXXXXX";

static void write_file(const void *p, size_t n)
{
	int fd = mkstemp(strcpy(path, "/tmp/lanyard-cli-file-XXXXXX"));

	cr_assert_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
}

Test(cli_terminal, the_first_line_of_a_file)
{
	static const struct {
		const char *text, *line; /* NULL: too long, with at most 8 */
	} files[] = {
		{"", ""},
		{"\n", ""},
		{"\r\n", ""},
		{"abc", "abc"},
		{"abc\n", "abc"},
		{"abc\r\ndef\n", "abc"},
		{" a\tb \nc", " a\tb "},
		{"12345678", "12345678"},
		{"12345678\r\n", "12345678"},
		{"123456789", NULL},
		{"123456789\n", NULL},
		{"1234567890123456789\n", NULL},
	};

	cr_assert_eq(secret_start(NULL), ERR_OK);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct secret s;
		struct why why;
		enum err e;

		write_file(files[i].text, strlen(files[i].text));
		e = cli_read_secret_file(path, 8, &s, &why);
		cr_expect_eq(e, files[i].line ? ERR_OK : ERR_TOO_LARGE, "%zu", i);
		if (e == ERR_OK) {
			cr_expect_eq(s.n, strlen(files[i].line), "%zu", i);
			cr_expect_arr_eq(s.p, files[i].line, s.n, "%zu", i);
		}
		secret_free(&s);
		unlink(path);
		cr_expect_eq(cli_read_secret_file(path, 8, &s, &why), ERR_NOT_FOUND);
		cr_expect_not_null(strstr(why.text, path));
	}
}

Test(cli_terminal, a_whole_file)
{
	uint8_t *p;
	size_t n;
	struct why why;

	write_file("a\nb\0c\n", 6);
	cr_assert_eq(cli_read_file(path, 6, &p, &n, &why), ERR_OK);
	cr_assert_eq(n, 6);
	cr_assert_arr_eq(p, "a\nb\0c\n", 6);
	free(p);
	cr_assert_eq(cli_read_file(path, 5, &p, &n, &why), ERR_TOO_LARGE);
	cr_assert_null(p);
	unlink(path);
	cr_assert_eq(cli_read_file(path, 5, &p, &n, &why), ERR_NOT_FOUND);
}
