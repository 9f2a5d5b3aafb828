/* SPDX-License-Identifier: MIT */
#include "ssh/known_hosts.h"

#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "protocol/text.h"

enum { KEY_BLOB_MAX = 4096, NAME_MAX_LEN = 260, HASH_LEN = 20, PATTERN_MAX = 1024 };

static struct slice next_line(struct slice *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->n);
	struct slice line = {text->p, end != NULL ? (size_t)(end - text->p) : text->n};
	size_t used = line.n + (end != NULL);

	text->p += used;
	text->n -= used;
	return line;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice next_word(struct slice *line)
{
	struct slice word;

	while (line->n > 0 && is_blank(line->p[0])) {
		line->p++;
		line->n--;
	}
	word = (struct slice){line->p, 0};
	while (word.n < line->n && !is_blank(line->p[word.n]))
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	return word;
}

static struct slice next_name(struct slice *names)
{
	const uint8_t *end = memchr(names->p, ',', names->n);
	struct slice name = {names->p, end != NULL ? (size_t)(end - names->p) : names->n};
	size_t used = name.n + (end != NULL);

	names->p += used;
	names->n -= used;
	return name;
}

static void add_name(struct ssh_known *out, const char *name)
{
	size_t n = strlen(out->names), k = strlen(name) + (n > 0 ? 2 : 0);

	/* What does not fit is left out whole: half a name would be another host's. */
	if (n + k < sizeof(out->names))
		snprintf(out->names + n, sizeof(out->names) - n, "%s%s", n > 0 ? ", " : "", name);
}

/* |1|base64 salt|base64 HMAC-SHA1(salt, name) */
static bool hashed_is(struct slice entry, const char *name)
{
	const uint8_t *bar = memchr(entry.p + 3, '|', entry.n - 3);
	uint8_t salt[HASH_LEN], want[HASH_LEN], have[HASH_LEN];
	size_t n;

	if (bar == NULL)
		return false;
	if (base64_decode(salt, sizeof(salt), &n, (const char *)entry.p + 3,
			  (size_t)(bar - entry.p) - 3) != ERR_OK ||
	    n != sizeof(salt))
		return false;
	if (base64_decode(want, sizeof(want), &n, (const char *)bar + 1,
			  entry.n - (size_t)(bar + 1 - entry.p)) != ERR_OK ||
	    n != sizeof(want))
		return false;
	hash_hmac_sha1(have, salt, sizeof(salt), name, strlen(name));
	return memcmp(have, want, sizeof(have)) == 0;
}

static void add_names(struct ssh_known *out, struct slice names, const char *candidate)
{
	char clean[NAME_MAX_LEN];

	while (names.n > 0) {
		struct slice name = next_name(&names);

		if (name.n > 3 && memcmp(name.p, "|1|", 3) == 0) {
			if (candidate[0] != '\0' && hashed_is(name, candidate))
				add_name(out, candidate);
		} else if (name.n > 0 && memchr(name.p, '*', name.n) == NULL &&
			   memchr(name.p, '?', name.n) == NULL && name.p[0] != '!') {
			add_name(out, text_clean(clean, sizeof(clean), name.p, name.n));
		}
	}
}

bool ssh_known_next(struct slice *text, struct ssh_known_line *out)
{
	uint8_t blob[KEY_BLOB_MAX];

	while (text->n > 0) {
		struct slice line = next_line(text);
		struct slice word = next_word(&line), marker = {word.p, 0}, base64;
		size_t n;

		if (word.n == 0 || word.p[0] == '#')
			continue;
		if (word.p[0] == '@') {
			marker = word;
			word = next_word(&line);
		}
		(void)next_word(&line); /* the type; the blob says it too */
		base64 = next_word(&line);
		if (base64_decode(blob, sizeof(blob), &n, (const char *)base64.p, base64.n) !=
			    ERR_OK ||
		    n == 0)
			continue;
		if (marker.n > 0 && !slice_is(marker, "@cert-authority") &&
		    !slice_is(marker, "@revoked"))
			continue;
		out->kind = marker.n == 0                  ? SSH_KNOWN_KEY
			    : slice_is(marker, "@revoked") ? SSH_KNOWN_REVOKED
							   : SSH_KNOWN_CA;
		out->names = word;
		hash_sha256(out->fingerprint, blob, n);
		return true;
	}
	return false;
}

bool ssh_known_matches(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	/* It is enough to try the last star again: what stands before it fits as early as it can.
	 */
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* A hashed name is alone on its line. Of patterns, one that begins with ! and fits undoes all. */
bool ssh_known_names(struct slice names, const char *host)
{
	struct slice text = {(const uint8_t *)host, strlen(host)};
	char lower[PATTERN_MAX];
	bool found = false;

	if (names.n > 3 && memcmp(names.p, "|1|", 3) == 0)
		return hashed_is(names, host);
	while (names.n > 0) {
		struct slice name = next_name(&names);
		bool negated = name.n > 0 && name.p[0] == '!';
		size_t n = name.n - negated;

		if (n >= sizeof(lower))
			return false;
		for (size_t i = 0; i < n; i++) {
			char c = (char)name.p[i + negated];

			lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
		if (!ssh_known_matches((struct slice){(const uint8_t *)lower, n}, text))
			continue;
		if (negated)
			return false;
		found = true;
	}
	return found;
}

void ssh_known_hosts_find(struct ssh_known *out, struct slice text,
			  const uint8_t fingerprint[static 32], struct slice host,
			  struct slice port)
{
	char candidate[NAME_MAX_LEN] = "";
	struct ssh_known_line line;

	/* A URI brackets an IPv6 address itself. */
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){host.p + 1, host.n - 2};
	/* As ssh writes it: [host]:port, unless the port is 22. */
	if (port.n > 0 && !slice_is(port, "22"))
		snprintf(candidate, sizeof(candidate), "[%.*s]:%.*s", (int)host.n,
			 (const char *)host.p, (int)port.n, (const char *)port.p);
	else if (host.n > 0)
		snprintf(candidate, sizeof(candidate), "%.*s", (int)host.n, (const char *)host.p);
	while (ssh_known_next(&text, &line)) {
		if (line.kind == SSH_KNOWN_CA || memcmp(line.fingerprint, fingerprint, 32) != 0)
			continue;
		if (line.kind == SSH_KNOWN_REVOKED) {
			out->revoked = true;
		} else {
			out->known = true;
			add_names(out, line.names, candidate);
		}
	}
}
