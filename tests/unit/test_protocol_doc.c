/* SPDX-License-Identifier: MIT */
/* doc/PROTOCOL.md names every command and every error of the line protocol, and no other. (Its
 * examples are replayed by tests/e2e/test_protocol_doc.sh.) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/line.h"
#include "protocol/err.h"
#include "protocol/line.h"

enum { DOC_MAX = 256 * 1024 };

static char doc[DOC_MAX];

static void setup(void)
{
	FILE *f = fopen("doc/PROTOCOL.md", "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(doc, 1, sizeof(doc) - 1, f);
	cr_assert_lt(n, sizeof(doc) - 1);
	doc[n] = '\0';
	fclose(f);
}

TestSuite(protocol_doc, .init = setup);

/* The text between two headings, the second excluded. */
static char *section(const char *from, const char *to)
{
	char *p = strstr(doc, from), *end = p != NULL ? strstr(p + 1, to) : NULL;

	cr_assert_not_null(p, "no heading %s", from);
	cr_assert_not_null(end, "no heading %s after %s", to, from);
	*end = '\0';
	return p;
}

Test(protocol_doc, has_each_command_as_help_shows_it)
{
	const char *text = section("\n## Commands\n", "\n## Status lines\n");
	char heading[300];

	for (const struct line_command *c = line_commands; c->verb != NULL; c++) {
		snprintf(heading, sizeof(heading), "\n### %s%s%s\n", c->verb,
			 c->usage[0] != '\0' ? " " : "", c->usage);
		cr_expect(strstr(text, heading) != NULL, "no heading \"### %s %s\"", c->verb,
			  c->usage);
	}
}

Test(protocol_doc, has_no_command_that_is_none)
{
	const char *p = section("\n## Commands\n", "\n## Status lines\n");
	size_t count = 0;

	while ((p = strstr(p, "\n### ")) != NULL) {
		const struct line_command *c = line_commands;
		size_t n;

		p += strlen("\n### ");
		n = strcspn(p, " \n");
		while (c->verb != NULL && (strlen(c->verb) != n || memcmp(c->verb, p, n) != 0))
			c++;
		cr_expect(c->verb != NULL, "there is no command %.*s", (int)n, p);
		count++;
	}
	cr_assert_gt(count, 0);
}

Test(protocol_doc, usage_shows_each_option)
{
	for (const struct line_command *c = line_commands; c->verb != NULL; c++) {
		char options[300], *at = NULL, *option;

		snprintf(options, sizeof(options), "%s", c->options != NULL ? c->options : "");
		for (option = strtok_r(options, " ", &at); option != NULL;
		     option = strtok_r(NULL, " ", &at))
			cr_expect(strstr(c->usage, option) != NULL, "%s: %s is not in its usage",
				  c->verb, option);
	}
}

Test(protocol_doc, has_each_error)
{
	const char *text = section("\n## Errors\n", "\n## Other people's clients\n");
	char row[300];

	for (unsigned e = ERR_OK + 1; e < ERR_COUNT; e++) {
		snprintf(row, sizeof(row), "\n| `%s` | %u | %s |\n", err_word(e),
			 (unsigned)line_error_code(e), err_text(e));
		cr_expect(strstr(text, row) != NULL, "no row \"%s\"", row + 1);
	}
}

Test(protocol_doc, has_no_error_that_is_none)
{
	const char *p = section("\n## Errors\n", "\n## Other people's clients\n");
	size_t count = 0;

	while ((p = strstr(p, "\n| `")) != NULL) {
		char word[40];

		p += strlen("\n| `");
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, "`\n"), p);
		cr_expect(err_from_word(word) != ERR_COUNT, "there is no error %s", word);
		count++;
	}
	cr_expect_eq(count, ERR_COUNT - 1);
}

/* The examples too: an error's number and word belong together. */
Test(protocol_doc, examples_have_the_numbers_of_their_errors)
{
	size_t count = 0;

	for (const char *p = doc; (p = strstr(p, "S: ERR 5")) != NULL;) {
		char word[40];
		char *end;
		unsigned long number = strtoul(p + strlen("S: ERR "), &end, 10);

		snprintf(word, sizeof(word), "%.*s", (int)strcspn(end + 1, ":\n"), end + 1);
		cr_expect_eq(number, line_error_code(err_from_word(word)), "%lu %s", number, word);
		p = end;
		count++;
	}
	cr_assert_gt(count, 0);
}
