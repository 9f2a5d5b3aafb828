/* SPDX-License-Identifier: MIT */
/* agent/cli/terminal.c on a pseudo-terminal: echo, ^C, ^Z, two answers; and secrets from files. */
#include <criterion/criterion.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/cli/cli.h"

/* How the process on the terminal ended, as a letter. */
enum { AGREED = 'a', CANCELED = 'c', TOO_LONG = 'l', OTHER = 'o', KILLED = 'k', STOPPED = 's' };

static int master, result; /* the terminal, and the pipe that brings the letters */

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
 * what becomes of it. A stopped job is continued. */
static void lead(const char *expect, bool twice, int report)
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
		ask(expect, twice);
	}
	do {
		if (waitpid(job, &status, WUNTRACED) != job)
			_exit(1);
		letter = WIFSTOPPED(status)    ? STOPPED
			 : WIFSIGNALED(status) ? KILLED
					       : (char)WEXITSTATUS(status);
		if (write(report, &letter, 1) != 1)
			_exit(1);
		if (WIFSTOPPED(status)) {
			usleep(50 * 1000); /* for the test to look at the terminal */
			kill(job, SIGCONT);
		}
	} while (WIFSTOPPED(status));
	/* Until the test has looked: with the last process the terminal goes. */
	pause();
}

static void start(const char *expect, bool twice)
{
	int ends[2];

	cr_assert_eq(secret_start(NULL), ERR_OK);
	cr_assert_eq(pipe(ends), 0);
	if (forkpty(&master, NULL, NULL, NULL) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		lead(expect, twice, ends[1]);
	}
	close(ends[1]);
	result = ends[0];
	alarm(30);
}

/* Reads what the terminal shows until `text` was seen; returns all of it. */
static const char *wait_for(const char *text)
{
	static char seen[4096];
	size_t n = 0;

	seen[0] = '\0';
	while (strstr(seen, text) == NULL) {
		ssize_t got = read(master, seen + n, sizeof(seen) - 1 - n);

		cr_assert_gt(got, 0, "\"%s\" did not come: \"%s\"", text, seen);
		n += (size_t)got;
		seen[n] = '\0';
	}
	return seen;
}

static void type(const char *text)
{
	cr_assert_eq(write(master, text, strlen(text)), (ssize_t)strlen(text));
}

static char ended(void)
{
	char letter = 0;

	cr_assert_eq(read(result, &letter, 1), 1);
	return letter;
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
	cr_assert_eq(ended(), AGREED);
	cr_assert(echoes());
}

Test(cli_terminal, an_answer_may_be_empty)
{
	start("", false);
	wait_for("PIN: ");
	type("\n");
	cr_assert_eq(ended(), AGREED);
}

Test(cli_terminal, interrupt_restores_the_terminal_and_kills)
{
	static const char *const keys[] = {"\003", "12\003", "\034"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		start("1234", false);
		wait_for("PIN: ");
		cr_assert(!echoes());
		type(keys[i]);
		cr_assert_eq(ended(), KILLED);
		cr_assert(echoes());
		close(master);
	}
}

Test(cli_terminal, stop_restores_the_terminal_and_continue_asks_again)
{
	start("1234", false);
	wait_for("PIN: ");
	type("99\032");
	cr_assert_eq(ended(), STOPPED);
	cr_assert(echoes());
	wait_for("PIN: ");
	cr_assert(!echoes());
	type("1234\n");
	cr_assert_eq(ended(), AGREED);
	cr_assert(echoes());
}

Test(cli_terminal, end_of_file_cancels)
{
	start("", false);
	wait_for("PIN: ");
	type("\004");
	cr_assert_eq(ended(), CANCELED);
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
	cr_assert_eq(ended(), AGREED);
}

Test(cli_terminal, a_long_answer_is_refused)
{
	char text[1100];

	memset(text, 'x', sizeof(text));
	text[1024] = '\n';
	text[1025] = '\0';
	start(NULL, false);
	close(master);
	text[1024] = '\0';
	start(text, false);
	wait_for("PIN: ");
	text[1024] = '\n';
	type(text);
	cr_assert_eq(ended(), AGREED, "1024 bytes are allowed");
	close(master);
	start("", false);
	wait_for("PIN: ");
	text[1024] = 'x';
	text[1025] = '\n';
	text[1026] = '\0';
	type(text);
	cr_assert_eq(ended(), TOO_LONG, "1025 bytes are not");
	cr_assert(echoes());
}

Test(cli_terminal, nobody_to_ask)
{
	struct secret s;
	struct why why = {0};
	struct cli cli = {.yes = false};

	cr_assert_eq(secret_start(NULL), ERR_OK);
	if (getsid(0) != getpid() && setsid() < 0) {
		/* A leader of a process group cannot leave its session: its child can. */
		int status;
		pid_t child = fork();

		if (child == 0) {
			setsid();
			_exit(cli_ask_secret("PIN", false, &s, &why) == ERR_NO_PROMPT &&
					      cli_confirm(&cli, "sure?", &why) == ERR_NO_PROMPT
				      ? 0
				      : 1);
		}
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		return;
	}
	cr_assert_eq(cli_ask_secret("PIN", false, &s, &why), ERR_NO_PROMPT);
	cr_assert_eq(cli_confirm(&cli, "sure?", &why), ERR_NO_PROMPT);
	cr_assert_not_null(strstr(why.text, "--yes"));
}

Test(cli_terminal, yes_needs_no_terminal)
{
	struct cli cli = {.yes = true};
	struct why why;

	cr_assert_eq(cli_confirm(&cli, "sure?", &why), ERR_OK);
}
