/* SPDX-License-Identifier: MIT */
#include "agent/config_scan.h"

#include <stdbool.h>
#include <string.h>

static enum err scan_fail(const struct scan *s, const char *what, struct why *why)
{
	return why_set(why, ERR_INVALID, "%s:%u: %s", s->path, s->line, what);
}

/* The rest of a string, after its opening quote. */
static enum err scan_string(struct scan *s, struct why *why)
{
	for (; *s->p != '"'; s->p++) {
		if (*s->p == '\n' || *s->p == '\0')
			return scan_fail(s, "a quote is not closed on its line", why);
		if (*s->p == '\\')
			return scan_fail(s, "a backslash is not allowed in a value", why);
		if (s->p[0] == '$' && s->p[1] == '{')
			return scan_fail(s, "\"${\" is not allowed in a value: nothing is expanded",
					 why);
		if ((unsigned char)*s->p < 0x20 || *s->p == 0x7F)
			return scan_fail(s, "a control character is not allowed in a value", why);
	}
	s->p++;
	return ERR_OK;
}

static bool scan_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr(" \t\r=,._-", c) != NULL;
}

/* One character, string or comment. */
static enum err scan_step(struct scan *s, struct why *why)
{
	char c = *s->p++;

	if (c == '"')
		return scan_string(s, why);
	if (c == '#') {
		s->p += strcspn(s->p, "\n");
	} else if (c == '\n') {
		s->line++;
	} else if (c == '{') {
		if (s->depth++ == 0)
			s->opened = s->line;
	} else if (c == '}') {
		if (s->depth == 0)
			return scan_fail(s, "this '}' closes nothing", why);
		s->depth--;
	} else if (!scan_is_plain(c)) {
		return scan_fail(
			s,
			"only letters, digits and . _ - { } = , # may stand outside quotes: "
			"put the value in \"\"",
			why);
	}
	return ERR_OK;
}

enum err scan_section(struct scan *s, struct why *why)
{
	enum err e = ERR_OK;
	unsigned before;

	do {
		before = s->depth;
		if (*s->p != '\0')
			e = scan_step(s, why);
		else if (s->depth > 0)
			return why_set(why, ERR_INVALID,
				       "%s:%u: the '{' of this line is not closed", s->path,
				       s->opened);
		else
			return ERR_OK;
	} while (e == ERR_OK && !(before == 0 && s->depth == 1));
	return e;
}

enum err scan_all(const char *path, const char *text, struct why *why)
{
	struct scan s = {.path = path, .p = text, .line = 1};
	enum err e = ERR_OK;

	while (e == ERR_OK && *s.p != '\0')
		e = scan_section(&s, why);
	return e == ERR_OK && s.depth > 0 ? scan_section(&s, why) : e;
}
