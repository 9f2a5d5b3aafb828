/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "agent/status.h"
#include "protocol/line.h"

/* One status line as a string, which has to be a line of the protocol. */
static const char *format(const char *const *words, size_t count)
{
	static char text[LINE_LEN_MAX + 2];
	struct wbuf w = wbuf_new(text, LINE_LEN_MAX + 1);
	size_t n;

	status_format(&w, "KEY", words, count);
	cr_assert(wbuf_ok(&w), "longer than a line");
	text[w.n] = '\0';
	n = strlen(text);
	cr_assert_eq(n, w.n);
	cr_assert_eq(text[n - 1], '\n');
	return text;
}

Test(agent_status, words_are_encoded_and_empty_ones_are_told)
{
	static const char *const words[] = {"a b", "", "100%", NULL, "\033[1m\n", "c\xc3\xa9"};

	cr_expect_str_eq(format(words, 6), "S KEY a%20b - 100%25 - %1B[1m%0A c%C3%A9\n");
	cr_expect_str_eq(format(words, 0), "S KEY\n");
}

Test(agent_status, words_that_fit_are_whole)
{
	char a[LINE_LEN_MAX + 1] = "";
	const char *const words[] = {a, "end"};

	memset(a, 'x', LINE_LEN_MAX - strlen("S KEY  end"));
	cr_expect_str_eq(strchr(format(words, 2), 'x') + strlen(a), " end\n");
	cr_expect_eq(strlen(format(words, 2)), LINE_LEN_MAX + 1);
}

Test(agent_status, the_longest_word_is_cut_and_no_other)
{
	char a[2000] = "";
	const char *const words[] = {"first", a, "end"};
	const char *line;

	memset(a, 'x', LINE_LEN_MAX - strlen("S KEY first  end") + 1);
	line = format(words, 3);
	cr_expect_eq(strlen(line), LINE_LEN_MAX + 1);
	cr_expect(strncmp(line, "S KEY first xxx", 15) == 0);
	cr_expect_str_eq(line + strlen(line) - 11, "xxx... end\n");
	memset(a, 'x', sizeof(a) - 1);
	cr_expect_str_eq(format(words, 3), line);
}

Test(agent_status, two_long_words_share_the_line)
{
	char a[1001] = "", b[1001] = "";
	const char *const words[] = {a, b};
	const char *line;

	memset(a, 'a', 1000);
	memset(b, 'b', 1000);
	line = format(words, 2);
	cr_expect_leq(strlen(line), LINE_LEN_MAX + 1);
	cr_expect_geq(strlen(line), LINE_LEN_MAX - 1);
	cr_expect_not_null(strstr(line, "aaa... bbb"));
	cr_expect_str_eq(line + strlen(line) - 7, "bbb...\n");
}

Test(agent_status, a_cut_word_has_whole_escapes)
{
	for (size_t before = 0; before < 3; before++) {
		char a[1001] = "";
		const char *const words[] = {a};
		const char *line;
		size_t n;

		memset(a, ' ', 1000);
		memset(a, 'x', before);
		line = format(words, 1);
		n = strlen(line);
		cr_expect(strncmp(line + n - 7, "%20...\n", 7) == 0, "it ends with %s",
			  line + n - 10);
	}
}
