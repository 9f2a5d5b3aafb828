/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/peer.h"

static bool parse(struct peer_stat *s, const char *text)
{
	return peer_parse(s, text, strlen(text));
}

Test(agent_peer, parses_what_the_kernel_writes)
{
	struct peer_stat s;

	cr_assert(parse(&s, "1234 (ssh) S 77 1234 77 34816 1234 4194304 1"));
	cr_expect_str_eq(s.name, "ssh");
	cr_expect_eq(s.parent, 77);
	cr_assert(parse(&s, "1 (systemd) S 0 1 1"));
	cr_expect_eq(s.parent, 0);
	/* A name is what is between the first and the last parenthesis. */
	cr_assert(parse(&s, "5 (x) S 1 (y) R 9 "));
	cr_expect_str_eq(s.name, "x) S 1 (y");
	cr_expect_eq(s.parent, 9);
	cr_assert(parse(&s, "5 () Z 9 "));
	cr_expect_str_eq(s.name, "");
}

Test(agent_peer, refuses_everything_else)
{
	static const char *const bad[] = {
		"",          "5",           "5 ",           "5 (x",
		"5 x) S 1 ", ") 5 (",       "5 (x)",        "5 (x) S",
		"5 (x) S 1", "(x) S 1 ",    "5 (x) S -1 2", "5 (x) S 99999999999 ",
		"5(x) S",    "5 (x)  S 1 ",
	};
	char text[PEER_NAME_MAX + 20];
	struct peer_stat s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(parse(&s, bad[i]), "%s", bad[i]);
	cr_expect_not(peer_parse(&s, "5 (a\0b) S 1 ", 12));
	snprintf(text, sizeof(text), "5 (%0*d) S 1 ", PEER_NAME_MAX + 1, 0);
	cr_expect_not(parse(&s, text));
	snprintf(text, sizeof(text), "5 (%0*d) S 1 ", PEER_NAME_MAX, 0);
	cr_expect(parse(&s, text));
}

/* `depth` processes below this one, the last of which waits; its pid comes through the pipe. */
static void descend(int depth, int out, const char *const *names)
{
	pid_t pid = fork();

	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, names[0]);
	if (depth > 1) {
		descend(depth - 1, out, names + 1);
		_exit(0);
	}
	pid = getpid();
	if (write(out, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	pause();
	_exit(0);
}

/* The chain of a process below ones of these names. */
static void chain_of(char *out, size_t cap, const char *const *names, int depth)
{
	int fds[2], status;
	pid_t top, pid;

	cr_assert_eq(pipe(fds), 0);
	top = fork();
	if (top == 0) {
		descend(depth, fds[1], names);
		_exit(0);
	}
	cr_assert_eq(read(fds[0], &pid, sizeof(pid)), (ssize_t)sizeof(pid));
	peer_chain(out, cap, pid);
	kill(top, SIGKILL);
	waitpid(top, &status, 0);
	close(fds[0]);
	close(fds[1]);
	/* Whatever was there before. */
	char number[32], *at;

	snprintf(number, sizeof(number), " (%d)", (int)pid);
	at = strstr(out, number);
	if (at != NULL)
		memmove(at, at + strlen(number), strlen(at + strlen(number)) + 1);
}

Test(agent_peer, names_a_process_and_its_ancestors)
{
	static const char *const names[] = {"zsh", "git", "ssh"};
	char out[PEER_CHAIN_MAX];

	chain_of(out, sizeof(out), names, 3);
	cr_expect(strncmp(out, "ssh <- git <- zsh <- ", 21) == 0, "%s", out);
}

Test(agent_peer, of_what_gpg_agent_started_no_more_is_known)
{
	static const char *const names[] = {"zsh", "gpg-agent", "lanyard-scd"};
	char out[PEER_CHAIN_MAX];

	chain_of(out, sizeof(out), names, 3);
	cr_expect_str_eq(out, "through gpg-agent");
}

Test(agent_peer, a_long_chain_is_cut)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	char out[PEER_CHAIN_MAX];

	chain_of(out, sizeof(out), names, 8);
	cr_expect_str_eq(out, "h <- g <- f <- e <- d <- c");
	chain_of(out, 12, names, 8);
	cr_expect_eq(strlen(out) < 12, true, "%s", out);
}

Test(agent_peer, a_name_is_no_more_than_a_name)
{
	static const char *const names[] = {"git", "ssh (1) <- \033[1m"};
	char out[PEER_CHAIN_MAX];

	chain_of(out, sizeof(out), names, 2);
	cr_expect(strncmp(out, "ssh \\x281\\x29 \\x3c- \\x1b[1m <- git <- ", 38) == 0, "%s", out);
}

Test(agent_peer, one_that_is_gone_or_outside)
{
	char out[PEER_CHAIN_MAX], want[40];
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	peer_chain(out, sizeof(out), pid);
	snprintf(want, sizeof(want), "process %d, gone", (int)pid);
	cr_expect_str_eq(out, want);
	peer_chain(out, sizeof(out), 0);
	cr_expect_str_eq(out, "a process outside");
}
