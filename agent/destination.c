/* SPDX-License-Identifier: MIT */
#include "agent/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

static enum err bad(struct why *why, struct slice text, const char *what)
{
	char clean[80];

	return why_set(why, ERR_INVALID, "destination \"%s\" %s: [HOP>][USER@]HOST",
		       text_clean(clean, sizeof(clean), text.p, text.n), what);
}

/* Nothing that a list, a shell, a log or known_hosts would take for something else. */
static bool is_word(struct slice s, const char *never)
{
	if (!text_is_ascii_printable(s.p, s.n))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || strchr(never, s.p[i]) != NULL)
			return false;
	return true;
}

/* The last of these in it, or NULL. */
static const uint8_t *find_last(struct slice s, char c)
{
	return memrchr(s.p, c, s.n);
}

/* host, [host], host:port and [host]:port. */
static bool parse_name(char out[static DESTINATION_NAME_MAX + 1], struct slice s)
{
	const uint8_t *colon = find_last(s, ':'), *bracket = find_last(s, ']');
	struct slice host = s;
	char port[8] = "22";
	uint32_t number;

	if (colon != NULL &&
	    (bracket != NULL ? bracket + 1 == colon : memchr(s.p, ':', s.n) == colon)) {
		host.n = (size_t)(colon - s.p);
		if (s.n - host.n - 1 >= sizeof(port))
			return false;
		snprintf(port, sizeof(port), "%.*s", (int)(s.n - host.n - 1),
			 (const char *)colon + 1);
	}
	if (bracket != NULL) {
		if (host.p[0] != '[' || host.p + host.n != bracket + 1)
			return false;
		host = (struct slice){host.p + 1, host.n - 2};
	}
	/* An IPv6 address has two colons; one alone would be read as a port the next time. */
	colon = memchr(host.p, ':', host.n);
	if (colon != NULL && find_last(host, ':') == colon)
		return false;
	if (host.n == 0 || host.n > DESTINATION_NAME_MAX - 8 || host.p[0] == '-' ||
	    !is_word(host, "[],\"'\\%@<>|!#$") || !text_to_u32(port, 1, 65535, &number))
		return false;
	if (number == 22)
		snprintf(out, DESTINATION_NAME_MAX + 1, "%.*s", (int)host.n, (const char *)host.p);
	else
		snprintf(out, DESTINATION_NAME_MAX + 1, "[%.*s]:%s", (int)host.n,
			 (const char *)host.p, port);
	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return true;
}

enum err destination_parse(struct destination *out, struct slice text, struct why *why)
{
	const uint8_t *hop = memchr(text.p, '>', text.n), *at;
	struct slice from = {text.p, hop != NULL ? (size_t)(hop - text.p) : 0};
	struct slice to = hop != NULL ? (struct slice){hop + 1, text.n - from.n - 1} : text;
	struct slice user = {to.p, 0};

	*out = (struct destination){.from = ""};
	if (memchr(from.p, '@', from.n) != NULL)
		return bad(why, text, "has a user for its hop, whom no agent can know");
	if (hop != NULL && !parse_name(out->from, from))
		return bad(why, text, "names no hop before its >");
	at = find_last(to, '@');
	if (at != NULL) {
		user.n = (size_t)(at - to.p);
		to = (struct slice){at + 1, to.n - user.n - 1};
		if (user.n == 0 || user.n > DESTINATION_USER_MAX || !is_word(user, ",\"'\\%>$"))
			return bad(why, text, "names no user before its @");
		memcpy(out->user, user.p, user.n);
	}
	return parse_name(out->host, to) ? ERR_OK : bad(why, text, "names no host");
}

void destination_text(char out[static DESTINATION_TEXT_MAX + 1], const struct destination *d)
{
	snprintf(out, DESTINATION_TEXT_MAX + 1, "%s%s%s%s%s", d->from,
		 d->from[0] != '\0' ? ">" : "", d->user, d->user[0] != '\0' ? "@" : "", d->host);
}

/* ---- lists ---- */

static struct slice take_first(const char **list)
{
	size_t n = strcspn(*list, ",");
	struct slice first = {(const uint8_t *)*list, n};

	*list += n + ((*list)[n] == ',');
	return first;
}

bool destinations_next(const char **list, struct destination *out)
{
	return *list != NULL && **list != '\0' &&
	       destination_parse(out, take_first(list), NULL) == ERR_OK;
}

static size_t list_count(const char *list)
{
	size_t n = list != NULL && *list != '\0';

	for (; n > 0 && *list != '\0'; list++)
		n += *list == ',';
	return n;
}

static bool list_has(const char *list, const char *text)
{
	while (list != NULL && *list != '\0') {
		struct slice one = take_first(&list);

		if (slice_is(one, text))
			return true;
	}
	return false;
}

bool destinations_within(const char *a, const char *b)
{
	struct destination d;
	char text[DESTINATION_TEXT_MAX + 1];

	if (a == NULL || b == NULL)
		return b == NULL;
	while (destinations_next(&a, &d)) {
		destination_text(text, &d);
		if (!list_has(b, text))
			return false;
	}
	return true;
}

static enum err list_add(char **list, struct slice one, struct why *why)
{
	char text[DESTINATION_TEXT_MAX + 1];
	struct destination d;
	enum err e = destination_parse(&d, one, why);
	char *longer;

	if (e != ERR_OK)
		return e;
	destination_text(text, &d);
	if (list_has(*list, text))
		return ERR_OK;
	if (list_count(*list) == DESTINATION_COUNT_MAX)
		return why_set(why, ERR_TOO_LARGE,
			       "destination \"%s\" is one too many; a key has at most %d", text,
			       DESTINATION_COUNT_MAX);
	if (asprintf(&longer, "%s%s%s", *list != NULL ? *list : "", *list != NULL ? "," : "",
		     text) < 0)
		return ERR_NO_MEMORY;
	free(*list);
	*list = longer;
	return ERR_OK;
}

enum err destinations_add(char **list, const char *text, struct why *why)
{
	char *all = *list != NULL ? strdup(*list) : NULL;
	enum err e = *list != NULL && all == NULL ? ERR_NO_MEMORY : ERR_OK;
	bool more = true;

	while (e == ERR_OK && more) {
		struct slice one = take_first(&text);

		more = one.p[one.n] == ','; /* the text's own end is a NUL */
		e = list_add(&all, one, why);
	}
	if (e != ERR_OK) {
		free(all);
		return e;
	}
	free(*list);
	*list = all;
	return ERR_OK;
}
