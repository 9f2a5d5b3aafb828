/* SPDX-License-Identifier: MIT */
/*
 * agent/keeper and agent/launcher, with a stand-in for the daemon: confirmations, notifications,
 * launchers that die, commands, signals. Each test is a keeper in a process of its own; what the
 * daemon's stand-in finds wrong is its exit status.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/keeper.h"

/* The stand-in's status: the line of the first check that failed, modulo 256, or 0. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			return __LINE__ % 255 + 1;                                                 \
		}                                                                                  \
	} while (0)

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A shell script in the directory. */
static void make_program(char out[static PATH_MAX], const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	cr_assert_not_null(f);
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, text);
	fclose(f);
	cr_assert_eq(chmod(in_dir(name), 0700), 0);
	snprintf(out, PATH_MAX, "%s", in_dir(name));
}

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/lanyard-keeper-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	setenv("DISPLAY", ":77", 1);
	unsetenv("WAYLAND_DISPLAY");
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(keeper, .init = setup, .fini = teardown, .timeout = 60);

/* What the file holds, or "". */
static const char *file_text(const char *name)
{
	static char text[4096];
	FILE *f = fopen(in_dir(name), "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

static bool file_gets(const char *name, const char *wanted)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	for (int i = 0; i < 1000; i++) {
		if (strstr(file_text(name), wanted) != NULL)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void tell(int fd, enum launch_what what, uint32_t id, enum ask_kind kind, const char *text)
{
	struct launch_request r = {.what = what, .id = id, .kind = kind};

	snprintf(r.text, sizeof(r.text), "%s", text);
	if (send(fd, &r, sizeof(r), MSG_NOSIGNAL) != (ssize_t)sizeof(r))
		abort();
}

/* The error of the answer with this id; ERR_COUNT when something else came, or nothing. */
static enum err answer(int fd, uint32_t id)
{
	struct launch_answer a;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (poll(&p, 1, 20000) != 1 || recv(fd, &a, sizeof(a), 0) != (ssize_t)sizeof(a) ||
	    a.id != id)
		return ERR_COUNT;
	return (enum err)a.error;
}

static void ready(void *arg, pid_t daemon)
{
	(void)arg;
	(void)daemon;
}

/* Runs a keeper with this daemon, in a process of its own; its exit status. */
static int run(const struct launcher *l, int (*daemon)(void *arg, int fd),
	       void (*command)(void *arg, pid_t daemon))
{
	const struct keeper_calls calls = {.daemon = daemon, .ready = ready, .command = command};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		_exit(keeper_run(&calls, l, -1));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- confirmations ---- */

#define PINENTRY(last)                                                                             \
	"echo OK; while read -r line; do case $line in BYE) exit ;; CONFIRM) " last                \
	" ;; *) echo OK ;; esac; echo \"$line\" >>told; done"

static int confirm_twice(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_ASK, 1, ASK_CONFIRM, "Sign this?");
	CHECK(answer(fd, 1) == ERR_OK);
	CHECK(strstr(file_text("told"), "SETDESC Sign this?\n") != NULL);
	tell(fd, LAUNCH_ASK, 2, ASK_CONFIRM, "And that?");
	CHECK(answer(fd, 2) == ERR_REFUSED);
	return 0;
}

Test(keeper, a_confirmation_is_asked)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.pinentry, "pinentry",
		     PINENTRY("test -e asked && echo ERR 114 no || echo OK; : >asked"));
	cr_assert_eq(run(&l, confirm_twice, NULL), 0);
}

/* A process with a terminal of its own; -1: none to be had. */
static pid_t process_on_terminal(int *terminal)
{
	int ends[2];
	char byte;
	pid_t pid;

	*terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (*terminal < 0 || grantpt(*terminal) != 0 || unlockpt(*terminal) != 0 || pipe(ends) != 0)
		return -1;
	pid = fork();
	if (pid != 0) {
		close(ends[1]);
		return read(ends[0], &byte, 1) == 1 ? pid : -1;
	}
	setenv("TERM", "vt100", 1); /* not what /proc/PID/environ says */
	setsid();
	if (open(ptsname(*terminal), O_RDWR) < 0 || write(ends[1], "r", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static int ask_own_terminal(void *arg, int fd)
{
	int terminal;
	struct launch_request r = {.what = LAUNCH_ASK, .id = 1, .kind = ASK_CONFIRM, .text = "?"};
	char wanted[128];

	(void)arg;
	r.asker = process_on_terminal(&terminal);
	CHECK(r.asker > 0);
	CHECK(send(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r));
	CHECK(answer(fd, 1) == ERR_NO_PROMPT);
	CHECK(strcmp(file_text("told"), "") == 0);
	r.id = 2;
	r.kind = ASK_PIN;
	CHECK(send(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r));
	CHECK(answer(fd, 2) == ERR_OK);
	snprintf(wanted, sizeof(wanted), "OPTION ttyname=%s\n", ptsname(terminal));
	CHECK(strstr(file_text("told"), wanted) != NULL);
	kill(r.asker, SIGKILL);
	return 0;
}

Test(keeper, an_askers_terminal_is_not_asked_for_a_confirmation)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	unsetenv("DISPLAY");
	make_program(l.pinentry, "pinentry", PINENTRY("echo OK"));
	cr_assert_eq(run(&l, ask_own_terminal, NULL), 0);
}

static int ask_nobody(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_ASK, 1, ASK_PASSPHRASE, "?");
	CHECK(answer(fd, 1) == ERR_NO_PROMPT);
	return 0;
}

Test(keeper, nobody_is_there)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	unsetenv("DISPLAY");
	make_program(l.pinentry, "pinentry", PINENTRY("echo OK"));
	cr_assert_eq(run(&l, ask_nobody, NULL), 0);
	cr_assert_str_eq(file_text("told"), "");
}

static int confirm_askpass(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_ASK, 1, ASK_CONFIRM, "-yes");
	CHECK(answer(fd, 1) == ERR_OK);
	CHECK(strcmp(file_text("told"), "confirm|lanyard: -yes|\n") == 0);
	tell(fd, LAUNCH_ASK, 2, ASK_CONFIRM, "?");
	CHECK(answer(fd, 2) == ERR_REFUSED); /* it said "no" */
	tell(fd, LAUNCH_ASK, 3, ASK_CONFIRM, "?");
	CHECK(answer(fd, 3) == ERR_REFUSED); /* it failed */
	return 0;
}

Test(keeper, askpass_confirms)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.askpass, "askpass",
		     "printf '%s|' \"$SSH_ASKPASS_PROMPT\" \"$@\" >>told; echo >>told\n"
		     "case $(wc -l <told) in 1) echo yes ;; 2) echo no ;; *) exit 1 ;; esac");
	cr_assert_eq(run(&l, confirm_askpass, NULL), 0);
}

/* ---- launchers that end ---- */

static int end_question(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_ASK, 7, ASK_PASSPHRASE, "?");
	CHECK(file_gets("pid", "\n"));
	tell(fd, LAUNCH_END, 7, 0, "");
	CHECK(answer(fd, 7) == ERR_CANCELED);
	/* When the answer is there, the screen is free. */
	CHECK(kill(atoi(file_text("pid")), 0) != 0);
	return 0;
}

Test(keeper, a_question_that_is_taken_back_is_killed)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.pinentry, "pinentry",
		     "trap '' TERM\necho $$ >pid\nwhile :; do sleep 0.1; done");
	cr_assert_eq(run(&l, end_question, NULL), 0);
}

static int kill_launcher(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_ASK, 7, ASK_PASSPHRASE, "?");
	CHECK(file_gets("pid", "\n"));
	CHECK(kill(atoi(file_text("parent")), SIGKILL) == 0);
	CHECK(answer(fd, 7) == ERR_REFUSED);
	tell(fd, LAUNCH_ASK, 8, ASK_CONFIRM, "?");
	CHECK(answer(fd, 8) == ERR_OK);
	return 0;
}

Test(keeper, a_launcher_that_dies_has_refused)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.pinentry, "pinentry",
		     "if [ ! -e pid ]; then echo $PPID >parent; echo $$ >pid; exec sleep 100; "
		     "fi\n" PINENTRY("echo OK"));
	cr_assert_eq(run(&l, kill_launcher, NULL), 0);
}

/* ---- notifications ---- */

#define NOTIFY                                                                                     \
	"trap 'echo closed >>told; exit 0' INT\nprintf '%s|' \"$@\" >>told; echo >>told\n"         \
	"while :; do sleep 0.02; done"

static int notify(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_NOTE, 3, 0, "Confirm on soft:a: <b>-x");
	CHECK(file_gets("told", "\n"));
	CHECK(strcmp(file_text("told"),
		     "--app-name=lanyard|--wait|--|Confirm on soft:a: <b>-x|\n") == 0);
	tell(fd, LAUNCH_END, 3, 0, "");
	CHECK(file_gets("told", "closed\n"));
	return 0;
}

Test(keeper, a_notification_is_shown_and_closed)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.notify, "notify", NOTIFY);
	cr_assert_eq(run(&l, notify, NULL), 0);
}

/* What the terminal shows until it has shown `wanted`. */
static bool terminal_gets(int terminal, const char *wanted)
{
	char text[512];
	size_t used = 0;
	struct pollfd p = {.fd = terminal, .events = POLLIN};
	ssize_t n;

	while (poll(&p, 1, 10000) == 1 &&
	       (n = read(terminal, text + used, sizeof(text) - 1 - used)) > 0) {
		used += (size_t)n;
		text[used] = '\0';
		if (strstr(text, wanted) != NULL)
			return true;
	}
	return false;
}

static int notify_terminal(void *arg, int fd)
{
	int terminal;
	struct launch_request r = {.what = LAUNCH_NOTE, .id = 3, .text = "Confirm on soft:a: x"};

	(void)arg;
	r.asker = process_on_terminal(&terminal);
	CHECK(r.asker > 0);
	CHECK(send(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r));
	CHECK(terminal_gets(terminal, "\rlanyard: Confirm on soft:a: x\033[K"));
	tell(fd, LAUNCH_END, 3, 0, "");
	CHECK(terminal_gets(terminal, "\r\033[K"));
	kill(r.asker, SIGKILL);
	return 0;
}

Test(keeper, without_a_display_it_is_on_the_terminal)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	unsetenv("DISPLAY");
	cr_assert_eq(run(&l, notify_terminal, NULL), 0);
}

/* A notifier that does not work is as good as none. */
Test(keeper, a_failing_notifier_leaves_the_terminal)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.notify, "notify", "exit 1");
	cr_assert_eq(run(&l, notify_terminal, NULL), 0);
}

static int notify_and_end(void *arg, int fd)
{
	(void)arg;
	tell(fd, LAUNCH_NOTE, 4, 0, "stays");
	CHECK(file_gets("told", "stays"));
	return 0;
}

Test(keeper, the_agents_end_closes_a_notification)
{
	struct launcher l = {.start = {.kind = PLACE_TTY}};

	make_program(l.notify, "notify", NOTIFY);
	cr_assert_eq(run(&l, notify_and_end, NULL), 0);
	cr_assert(file_gets("told", "closed\n"));
}

/* ---- the daemon's and the command's ends ---- */

static int exit_with_5(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return 5;
}

static int killed(void *arg, int fd)
{
	(void)arg;
	(void)fd;
	return raise(SIGKILL);
}

Test(keeper, has_the_status_of_the_daemon)
{
	const struct launcher l = {.start = {.kind = PLACE_TTY}};

	cr_assert_eq(run(&l, exit_with_5, NULL), 5);
	cr_assert_eq(run(&l, killed, NULL), 128 + SIGKILL);
}

/* Ready, then until SIGTERM, which the keeper's caller has blocked. */
static int until_terminated(void *arg, int fd)
{
	sigset_t set;
	int number;

	(void)arg;
	tell(fd, LAUNCH_READY, 0, 0, "");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &number);
	return 9;
}

static void command_7(void *arg, pid_t daemon)
{
	(void)arg;
	_exit(kill(daemon, 0) == 0 ? 7 : 8);
}

static void command_kills_daemon(void *arg, pid_t daemon)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	(void)arg;
	kill(daemon, SIGKILL);
	while (kill(daemon, 0) == 0)
		nanosleep(&pause, NULL);
	_exit(6);
}

Test(keeper, has_the_status_of_the_command)
{
	const struct launcher l = {.start = {.kind = PLACE_TTY}};

	cr_assert_eq(run(&l, until_terminated, command_7), 7);
	cr_assert_eq(run(&l, until_terminated, command_kills_daemon), 6);
	/* A daemon that never was ready: its status. */
	cr_assert_eq(run(&l, exit_with_5, command_7), 5);
}
