/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "ssh/known_hosts.h"

/* Two keys; the hashed names below were made by ssh-keygen -H for example.org, 192.0.2.1 and
 * [example.org]:2222. */
#define KEY   "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEIfMSDr/kUEzQssgO4mRhJDmHqwvc6sKpWi57LahTFw"
#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJIVA5BIn6XJMMiJwhXmiQWxyQ+zBgYZfVZuWiJcYaDE"
#define HASHED                                                                                     \
	"|1|lpeuM7UsfhFi3+eQ5Yppjo1+tpI=|HaoH0AqwYHyDa1oPUNxLZxK0xl4= " KEY "\n"                   \
	"|1|RjI8oYi/IlERjPA+L9Jec5lzJWE=|zF9+wtzHjmLBri6vfP3jRNZWBuc= " KEY "\n"                   \
	"|1|5mxZy6I6/8XcrD+WcJlKTCZXr0Y=|BuRHOpCeC+u/09Dn6lLh2oecy28= " KEY "\n"

/* And for ::1 and [::1]:2222. */
#define HASHED_6                                                                                   \
	"|1|W9JgdBwWpfAp+u/no4tf+QnaUS8=|YcR7JglgBhuH9ku5aEEaIBgorhA= " KEY "\n"                   \
	"|1|a2bz5Hxj7uG/+XsdcEq/6o+vpl4=|6QVmKbqoDKiFpNhzNTerQ0yPozU= " KEY "\n"

static struct slice slice(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}

static struct ssh_known find(const char *text, const char *host, const char *port)
{
	static const char base64[] =
		"AAAAC3NzaC1lZDI1NTE5AAAAIEIfMSDr/kUEzQssgO4mRhJDmHqwvc6sKpWi57LahTFw";
	struct ssh_known known = {0};
	uint8_t blob[64], fingerprint[32];
	size_t n;

	cr_assert_eq(base64_decode(blob, sizeof(blob), &n, base64, strlen(base64)), ERR_OK);
	hash_sha256(fingerprint, blob, n);
	ssh_known_hosts_find(&known, slice(text), fingerprint, slice(host), slice(port));
	return known;
}

Test(ssh_known_hosts, rows)
{
	static const struct {
		const char *text, *host, *port;
		bool known, revoked;
		const char *names;
	} rows[] = {
		{"", "example.org", "", false, false, ""},
		{"example.org " KEY "\n", "", "", true, false, "example.org"},
		{"example.org " KEY, "", "", true, false, "example.org"},
		{"example.org\t" KEY " a comment\r\n", "", "", true, false, "example.org"},
		{"a,192.0.2.1,[b]:2222 " KEY "\n", "", "", true, false, "a, 192.0.2.1, [b]:2222"},
		{"example.org " OTHER "\n", "example.org", "", false, false, ""},
		{"# example.org " KEY "\n", "example.org", "", false, false, ""},
		{"  \n\n example.org " KEY "\n", "", "", true, false, "example.org"},
		{"*.example.org,!bad.example.org,a?c " KEY "\n", "", "", true, false, ""},
		{"@cert-authority *.example.org " KEY "\n", "", "", false, false, ""},
		{"@revoked * " KEY "\n", "", "", false, true, ""},
		{"a " KEY "\n@revoked * " KEY "\n", "", "", true, true, "a"},
		{"@unheard-of a " KEY "\n", "", "", false, false, ""},
		{"a " KEY "\nb " OTHER "\nc " KEY "\n", "", "", true, false, "a, c"},
		{HASHED, "", "", true, false, ""},
		{HASHED, "example.org", "", true, false, "example.org"},
		{HASHED, "example.org", "22", true, false, "example.org"},
		{HASHED, "192.0.2.1", "", true, false, "192.0.2.1"},
		{HASHED, "example.org", "2222", true, false, "[example.org]:2222"},
		{HASHED, "other.org", "", true, false, ""},
		{HASHED_6, "[::1]", "", true, false, "::1"},
		{HASHED_6, "[::1]", "2222", true, false, "[::1]:2222"},
		/* Cut and damaged lines. */
		{"a", "a", "", false, false, ""},
		{"a ssh-ed25519", "a", "", false, false, ""},
		{"a ssh-ed25519 AAAA", "a", "", false, false, ""},
		{"a ssh-ed25519 ****", "a", "", false, false, ""},
		{"@revoked", "a", "", false, false, ""},
		{"|1| " KEY "\n", "example.org", "", true, false, "|1|"},
		{"|1|x " KEY "\n", "example.org", "", true, false, ""},
		{"|1|x|y " KEY "\n", "example.org", "", true, false, ""},
		{"|1|lpeuM7UsfhFi3+eQ5Yppjo1+tpI=| " KEY "\n", "example.org", "", true, false, ""},
		{"\033[1ma " KEY "\n", "", "", true, false, "\\x1b[1ma"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_known known = find(rows[i].text, rows[i].host, rows[i].port);

		cr_expect_eq(known.known, rows[i].known, "row %zu", i);
		cr_expect_eq(known.revoked, rows[i].revoked, "row %zu", i);
		cr_expect_str_eq(known.names, rows[i].names, "row %zu", i);
	}
}

Test(ssh_known_hosts, matches)
{
	static const struct {
		const char *pattern, *text;
		bool is;
	} rows[] = {
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"ab", "a", false},
		{"*", "", true},
		{"*", "abc", true},
		{"**", "", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "ab", false},
		{"a*c", "abbc", true},
		{"a*c", "ac", true},
		{"a*c", "acb", false},
		{"*ab", "aab", true},
		{"*ab*cd", "abxabcd", true},
		{"*ab*cd", "abxabc", false},
		{"a?c*", "abc", true},
		{"*a*a*a*", "aa", false},
		{"*.b", "a.b.b", true},
		{"A", "a", false},
		{"?*", "", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(ssh_known_matches(slice(rows[i].pattern), slice(rows[i].text)),
			     rows[i].is, "%s, %s", rows[i].pattern, rows[i].text);
}

Test(ssh_known_hosts, lines_about_a_name)
{
	static const struct {
		const char *text, *name;
		int lines; /* a digit a line: 1 key, 2 CA, 3 revoked */
	} rows[] = {
		{"", "a", 0},
		{"a " KEY "\na,b " OTHER "\nb " KEY, "a", 11},
		{"A " KEY, "a", 1},
		{"a " KEY, "A", 0}, /* names are given in lower case */
		{"@cert-authority *.org " KEY "\n@revoked a.* " OTHER, "a.org", 23},
		{"@other a " KEY, "a", 0},
		{"*.org,!b.org " KEY, "a.org", 1},
		{"*.org,!b.org " KEY, "b.org", 0},
		{"! " KEY, "a", 0},
		{", " KEY "\na, " KEY, "a", 1},
		{"a ssh-ed25519 ****\na", "a", 0},
		{HASHED, "example.org", 1},
		{HASHED, "[example.org]:2222", 1},
		{HASHED, "192.0.2.1", 1},
		{HASHED, "other.org", 0},
		{"|1| " KEY "\n|1|x " KEY "\n|1|x|y " KEY, "example.org", 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice text = slice(rows[i].text);
		struct ssh_known_line line;
		int lines = 0;

		while (ssh_known_next(&text, &line))
			if (ssh_known_names(line.names, rows[i].name))
				lines = 10 * lines + (int)line.kind + 1;
		cr_expect_eq(lines, rows[i].lines, "row %zu: %d", i, lines);
	}
}

/* ssh takes no pattern of more than 1023 bytes, nor what stands beside it. */
Test(ssh_known_hosts, a_long_pattern)
{
	char text[1200] = "a,";

	memset(text + 2, '*', 1024);
	cr_expect_not(ssh_known_names(slice(text), "a"));
	text[2 + 1023] = '\0';
	cr_expect(ssh_known_names(slice(text), "a"));
}

/* More names than are shown: whole ones only. */
Test(ssh_known_hosts, names_are_bounded)
{
	char text[4000] = "";
	struct ssh_known known;

	for (int i = 0; i < 60; i++)
		strcat(text, i > 0 ? ",host.example.org" : "host.example.org");
	strcat(text, " " KEY "\n");
	known = find(text, "", "");
	cr_expect(known.known);
	cr_expect_lt(strlen(known.names), sizeof(known.names));
	cr_expect_eq((strlen(known.names) + 2) % 18, 0, "%s", known.names);
}
