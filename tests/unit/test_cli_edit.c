/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/edit.h"

#define BEGIN "# >>> lanyard x\n"
#define END   "# <<< lanyard x\n"

static void edits(const char *old, const char *block, const char *want)
{
	struct why why = {0};
	char *out = NULL;
	size_t n = 0;

	cr_assert_eq(edit_block(old, strlen(old), "x", block, &out, &n, &why), ERR_OK, "%s",
		     why.text);
	cr_expect_eq(n, strlen(want), "from '%s': '%.*s'", old, (int)n, out);
	cr_expect(n == strlen(want) && memcmp(out, want, n) == 0, "from '%s': '%.*s'", old, (int)n,
		  out);
	free(out);
}

Test(cli_edit, adds_replaces_removes)
{
	edits("", "a\n", BEGIN "a\n" END);
	edits("one\n", "a\n", "one\n" BEGIN "a\n" END);
	edits("one", "a\n", "one\n" BEGIN "a\n" END);
	edits("one\n" BEGIN "a\n" END "two\n", "b\nc\n", "one\n" BEGIN "b\nc\n" END "two\n");
	edits("one\n" BEGIN "a\n" END "two", NULL, "one\ntwo");
	edits(BEGIN END, NULL, "");
	edits("one\n", NULL, "one\n");
	/* The end marker as the last line, without its newline. */
	edits("one\n# >>> lanyard x\na\n# <<< lanyard x", NULL, "one\n");
	/* Another block's markers are ordinary lines. */
	edits("# >>> lanyard xy\n# <<< lanyard xy\n", "a\n",
	      "# >>> lanyard xy\n# <<< lanyard xy\n" BEGIN "a\n" END);
}

Test(cli_edit, refuses_markers_that_are_no_pair)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"one\n" BEGIN "a\n", "line 2"}, {"one\n" END, "line 2"},
		{BEGIN BEGIN END, "line 2"},     {BEGIN END BEGIN END, "line 3"},
		{END BEGIN, "line 1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {0};
		char *out = NULL;
		size_t n = 0;

		cr_expect_eq(
			edit_block(rows[i].text, strlen(rows[i].text), "x", "a\n", &out, &n, &why),
			ERR_CORRUPT, "row %zu", i);
		cr_expect(strstr(why.text, rows[i].says) != NULL, "row %zu: %s", i, why.text);
		free(out);
	}
}

static void shows(const char *old, const char *new, const char *want)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	edit_diff(f, "f", old, strlen(old), new, strlen(new));
	fclose(f);
	cr_expect_str_eq(text, want);
	free(text);
}

Test(cli_edit, diff)
{
	shows("", "a\nb\n", "f, line 1:\n+a\n+b\n");
	shows("a\nb\n", "", "f, line 1:\n-a\n-b\n");
	shows("a\nb\nc\n", "a\nx\nc\n", "f, line 2:\n-b\n+x\n");
	shows("a\nb\n", "a\nb\nc\n", "f, line 3:\n+c\n");
	shows("a\n", "a\na\n", "f, line 2:\n+a\n");
	shows("xa\n", "ya\n", "f, line 1:\n-xa\n+ya\n");
	shows("a", "a\nb\n", "f, line 1:\n-a\n+a\n+b\n");
	shows("a\n", "a\n\033[1m\n", "f, line 2:\n+\\x1b[1m\n");
}
