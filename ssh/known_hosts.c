/* SPDX-License-Identifier: MIT */
#include "ssh/known_hosts.h"

#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "protocol/text.h"

enum { KEY_BLOB_MAX = 4096, NAME_MAX_LEN = 260, HASH_LEN = 20 };

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

static bool line_has_key(struct slice base64, const uint8_t fingerprint[static 32])
{
	uint8_t blob[KEY_BLOB_MAX], hash[32];
	size_t n;

	if (base64_decode(blob, sizeof(blob), &n, (const char *)base64.p, base64.n) != ERR_OK)
		return false;
	hash_sha256(hash, blob, n);
	return memcmp(hash, fingerprint, sizeof(hash)) == 0;
}

void ssh_known_hosts_find(struct ssh_known *out, struct slice text,
			  const uint8_t fingerprint[static 32], struct slice host,
			  struct slice port)
{
	char candidate[NAME_MAX_LEN] = "";

	/* As ssh writes it: [host]:port, unless the port is 22. */
	if (port.n > 0 && !slice_is(port, "22"))
		snprintf(candidate, sizeof(candidate), "[%.*s]:%.*s", (int)host.n,
			 (const char *)host.p, (int)port.n, (const char *)port.p);
	else if (host.n > 0)
		snprintf(candidate, sizeof(candidate), "%.*s", (int)host.n, (const char *)host.p);
	while (text.n > 0) {
		struct slice line = next_line(&text);
		struct slice word = next_word(&line), marker = {word.p, 0};

		if (word.n == 0 || word.p[0] == '#')
			continue;
		if (word.p[0] == '@') {
			marker = word;
			word = next_word(&line);
		}
		(void)next_word(&line); /* the type; the blob says it too */
		if (slice_is(marker, "@cert-authority") ||
		    !line_has_key(next_word(&line), fingerprint))
			continue;
		if (slice_is(marker, "@revoked"))
			out->revoked = true;
		else if (marker.n == 0) {
			out->known = true;
			add_names(out, word, candidate);
		}
	}
}
