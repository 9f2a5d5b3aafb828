/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/err.h"
#include "protocol/log.h"

Test(protocol_err, every_error_has_a_number_a_word_and_a_sentence)
{
	unsigned count = 0;

#define X(symbol, number, word, text) cr_expect_eq(number, count++, "gap before " #symbol);
	ERR_LIST(X)
#undef X
	cr_assert_eq(count, ERR_COUNT);
	for (unsigned i = 0; i < ERR_COUNT; i++) {
		const char *word = err_word((enum err)i);

		cr_expect(*word && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word));
		cr_expect_lt(strlen(word), 32, "line_parse_error() has room for 31 bytes");
		cr_expect(*err_text((enum err)i));
		/* Also says that no two words are the same. */
		cr_expect_eq(err_from_word(word), i, "%s", word);
	}
}

Test(protocol_err, a_number_outside_the_list_is_a_bug)
{
	cr_expect_str_eq(err_word(ERR_COUNT), "internal");
	cr_expect_str_eq(err_text((enum err) - 1), "a bug in lanyard");
	cr_expect_eq(err_from_word("nonsense"), ERR_COUNT);
	cr_expect_eq(err_from_word(""), ERR_COUNT);
}

Test(protocol_err, why_is_one_clean_line)
{
	struct why why = {.text = ""};

	cr_expect_eq(why_set(&why, ERR_IO, "cannot read %s", "a\nb\x1b[31m\xff\\"), ERR_IO);
	cr_expect_str_eq(why.text, "cannot read a\\x0ab\\x1b[31m\\xff\\");
	cr_expect_str_eq(why_text(&why, ERR_IO), why.text);

	why_set(&why, ERR_IO, "again: %s", why.text);
	cr_expect_str_eq(why.text, "again: cannot read a\\x0ab\\x1b[31m\\xff\\");

	cr_expect_eq(why_set(NULL, ERR_LOCKED, "%s", "nobody reads it"), ERR_LOCKED);
	cr_expect_str_eq(why_text(NULL, ERR_LOCKED), err_text(ERR_LOCKED));
	why_set(&why, ERR_LOCKED, "%s", "");
	cr_expect_str_eq(why_text(&why, ERR_LOCKED), err_text(ERR_LOCKED));
}

Test(protocol_err, why_is_cut_at_its_size)
{
	char text[5 * WHY_MAX];
	struct why why;

	for (size_t n = WHY_MAX - 3; n < sizeof(text); n++) {
		memset(text, 'x', n);
		text[n] = '\0';
		why_set(&why, ERR_IO, "%s", text);
		cr_assert_eq(strlen(why.text), n < WHY_MAX ? n : WHY_MAX - 1);
		cr_assert_eq(strcmp(why.text + WHY_MAX - 4, "...") == 0, n >= WHY_MAX, "%zu", n);
	}
}

/* What `say` writes to standard error at this level, in out. */
static void capture(enum log_level level, void (*say)(void), char *out, size_t cap)
{
	int fds[2], status;

	cr_assert_eq(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		log_open("prog", level, false);
		say();
		_exit(0);
	}
	close(fds[1]);
	size_t n = 0;
	for (ssize_t got; (got = read(fds[0], out + n, cap - 1 - n)) > 0;)
		n += (size_t)got;
	out[n] = '\0';
	close(fds[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

static void say_all(void)
{
	log_error("a %d", 1);
	log_warn("b");
	log_info("c\nprog: error: forged \x1b[2J");
	errno = EACCES;
	log_debug("d: %m");
	if (errno != EACCES || log_level() > LOG_LEVEL_DEBUG)
		_exit(1);
}

static void say_long(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_error("%s", text);
}

Test(protocol_log, level_and_one_clean_line_a_message)
{
	char out[4096];

	capture(LOG_LEVEL_ERROR, say_all, out, sizeof(out));
	cr_expect_str_eq(out, "prog: error: a 1\n");
	capture(LOG_LEVEL_WARN, say_all, out, sizeof(out));
	cr_expect_str_eq(out, "prog: error: a 1\nprog: warning: b\n");
	capture(LOG_LEVEL_DEBUG, say_all, out, sizeof(out));
	cr_expect_str_eq(out, "prog: error: a 1\nprog: warning: b\n"
			      "prog: c\\x0aprog: error: forged \\x1b[2J\n"
			      "prog: debug: d: Permission denied\n");
}

Test(protocol_log, a_long_message_is_cut)
{
	char out[4096];

	capture(LOG_LEVEL_ERROR, say_long, out, sizeof(out));
	cr_expect_lt(strlen(out), 1100);
	cr_expect_str_eq(out + strlen(out) - 4, "...\n");
}
