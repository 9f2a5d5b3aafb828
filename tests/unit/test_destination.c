/* SPDX-License-Identifier: MIT */
/* agent/destination: what is written, and lists of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/destination.h"
#include "test_ssh_vectors.h"

Test(destination, good_ones)
{
	static const struct {
		const char *text, *from, *user, *host, *again; /* again NULL: as it was */
	} rows[] = {
		{"host", "", "", "host", NULL},
		{"user@host", "", "user", "host", NULL},
		{"hop>user@host", "hop", "user", "host", NULL},
		{"hop>host", "hop", "", "host", NULL},
		{"User@HOST.Example", "", "User", "host.example", "User@host.example"},
		{"HOP>host", "hop", "", "host", "hop>host"},
		{"a@b@host", "", "a@b", "host", NULL},
		{"a*?@host", "", "a*?", "host", NULL},
		{"*.example.org", "", "", "*.example.org", NULL},
		{"host:22", "", "", "host", "host"},
		{"host:2222", "", "", "[host]:2222", "[host]:2222"},
		{"[host]:2222", "", "", "[host]:2222", NULL},
		{"[host]:22", "", "", "host", "host"},
		{"[host]", "", "", "host", "host"},
		{"hop:2>user@host:65535", "[hop]:2", "user", "[host]:65535",
		 "[hop]:2>user@[host]:65535"},
		{"fe80::1", "", "", "fe80::1", NULL},
		{"[fe80::1]", "", "", "fe80::1", "fe80::1"},
		{"[fe80::1]:2222", "", "", "[fe80::1]:2222", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *copy = exact_copy(rows[i].text, strlen(rows[i].text));
		char text[DESTINATION_TEXT_MAX + 1];
		struct destination d;
		struct why why = {0};

		cr_assert_eq(
			destination_parse(&d, (struct slice){copy, strlen(rows[i].text)}, &why),
			ERR_OK, "%s: %s", rows[i].text, why.text);
		cr_expect_str_eq(d.from, rows[i].from, "%s", rows[i].text);
		cr_expect_str_eq(d.user, rows[i].user, "%s", rows[i].text);
		cr_expect_str_eq(d.host, rows[i].host, "%s", rows[i].text);
		destination_text(text, &d);
		cr_expect_str_eq(text, rows[i].again != NULL ? rows[i].again : rows[i].text);
		free(copy);
	}
}

Test(destination, bad_ones)
{
	static const char *const rows[] = {
		"",           "user@",   "@host",      ">host",   "hop>",     "a@hop>host",
		"hop>b>host", "-host",   "ho st",      "us er@h", "host,b",   "a,b@host",
		"[host",      "host]",   "[host]:",    "host:",   "host:0",   "host:x",
		"[]:2",       "[a]b:2",  "host:65536", "|1|a|b",  "!host",    "#host",
		"h\"ost",     "a\\b@h",  "100%",       "$h",      "host\x7f", "h\xc3\xa9",
		"[a]:22x",    "host:02", "a>@host",    "[-a]:2",  "[a:22]",   "[a:2]:22",
		"[a:2]:2",
	};
	char longest[DESTINATION_NAME_MAX + 2] = "";
	struct destination d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {0};

		cr_expect_eq(destination_parse(&d, slice_text(rows[i]), &why), ERR_INVALID, "%s",
			     rows[i]);
		cr_expect(strncmp(why.text, "destination \"", 13) == 0, "%s", why.text);
	}
	memset(longest, 'h', 255);
	cr_expect_eq(destination_parse(&d, slice_text(longest), NULL), ERR_OK);
	longest[255] = 'h';
	cr_expect_eq(destination_parse(&d, slice_text(longest), NULL), ERR_INVALID);
	memset(longest, 'u', 101);
	strcpy(longest + 100, "@h");
	cr_expect_eq(destination_parse(&d, slice_text(longest), NULL), ERR_OK);
	strcpy(longest + 100, "u@h");
	cr_expect_eq(destination_parse(&d, slice_text(longest), NULL), ERR_INVALID);
	cr_expect_eq(destination_parse(&d, (struct slice){(const uint8_t *)"a\0b", 3}, NULL),
		     ERR_INVALID);
}

Test(destination, lists)
{
	char *list = NULL, one[16];
	const char *next;
	struct destination d;
	struct why why = {0};

	cr_assert_eq(destinations_add(&list, "a", NULL), ERR_OK);
	cr_assert_eq(destinations_add(&list, "A:22,user@b,a>c,user@b", NULL), ERR_OK);
	cr_expect_str_eq(list, "a,user@b,a>c");
	cr_expect_eq(destinations_add(&list, "d,", &why), ERR_INVALID);
	cr_expect_eq(destinations_add(&list, "d,,e", NULL), ERR_INVALID);
	cr_expect_eq(destinations_add(&list, "", NULL), ERR_INVALID);
	cr_expect_str_eq(list, "a,user@b,a>c", "an error changed it");
	next = list;
	cr_assert(destinations_next(&next, &d));
	cr_expect_str_eq(d.host, "a");
	cr_assert(destinations_next(&next, &d));
	cr_expect_str_eq(d.user, "user");
	cr_assert(destinations_next(&next, &d));
	cr_expect_str_eq(d.from, "a");
	cr_expect_not(destinations_next(&next, &d));
	for (int i = 3; i < DESTINATION_COUNT_MAX; i++) {
		snprintf(one, sizeof(one), "h%d", i);
		cr_expect_eq(destinations_add(&list, one, NULL), ERR_OK);
	}
	cr_expect_eq(destinations_add(&list, "user@b", NULL), ERR_OK, "it is there already");
	cr_expect_eq(destinations_add(&list, "more", &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "at most 16") != NULL, "%s", why.text);
	free(list);
	next = NULL;
	cr_expect_not(destinations_next(&next, &d));
}

Test(destination, within)
{
	cr_expect(destinations_within("a", NULL));
	cr_expect(destinations_within(NULL, NULL));
	cr_expect_not(destinations_within(NULL, "a"));
	cr_expect(destinations_within("a", "a,b"));
	cr_expect(destinations_within("b,a", "a,b"));
	cr_expect_not(destinations_within("a,b", "a"));
	cr_expect_not(destinations_within("a", "user@a"));
	cr_expect_not(destinations_within("a", "aa"));
}
