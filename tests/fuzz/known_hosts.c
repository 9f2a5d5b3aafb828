/* SPDX-License-Identifier: MIT */
/*
 * ssh/known_hosts.h: a byte that chooses the name to try, and a file, in which tests/vectors' host
 * key is looked for.
 */
#include "fuzz.h"

#include "derive/hostkey.h"
#include "ssh/known_hosts.h"

/* An ed25519 key's blob, 0000000b 7373682d… */
static const uint8_t blob[51] =
	"\0\0\0\x0bssh-ed25519\0\0\0 \x47\x6f\x07\xbc\xce\xac\xbf\x81\x92\xee\x21\x81\x99"
	"\x66\xe6\xf2\x6f\xa2\x9d\x49\xe4\x35\xdf\x30\xc2\xef\xf7\xad\x62\x76\x14\x98";

static struct slice slice_text(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}

static void find(struct ssh_known *out, struct slice text, unsigned choice)
{
	static const char *const ports[] = {"", "22", "2222", ""};
	static const char *const hosts[] = {"example.org", "example.org", "example.org", ""};
	uint8_t *copy = fuzz_copy(text.p, text.n), fingerprint[32];

	hash_sha256(fingerprint, blob, sizeof(blob));
	ssh_known_hosts_find(out, (struct slice){copy, text.n}, fingerprint,
			     slice_text(hosts[choice % 4]), slice_text(ports[choice % 4]));
	free(copy);
}

/* A name is shown whole: a part of it would be another host's. (One that had to be cleaned is not
 * looked for.) */
static void check_names(const char *names, struct slice text, unsigned choice)
{
	static const char *const tried[] = {"example.org", "example.org", "[example.org]:2222", ""};

	while (*names != '\0') {
		size_t n = strcspn(names, ", ");
		bool found = memchr(names, '\\', n) != NULL ||
			     (n == strlen(tried[choice % 4]) &&
			      memcmp(names, tried[choice % 4], n) == 0);

		for (size_t i = 0; !found && i + n < text.n; i++)
			found = memcmp(text.p + i, names, n) == 0 &&
				memchr(", \t\r", text.p[i + n], 4) != NULL &&
				(i == 0 || memchr(", \t\r\n", text.p[i - 1], 5) != NULL);
		CHECK(n > 0 && found);
		names += n;
		if (*names != '\0')
			names += 2;
	}
}

/* A file is its lines. */
static void check_lines(const struct ssh_known *whole, struct slice text, unsigned choice)
{
	struct rbuf r = rbuf_from(text);
	struct ssh_known lines = {.known = false};

	while (r.n > 0) {
		const uint8_t *end = memchr(r.p, '\n', r.n);

		find(&lines, rbuf_bytes(&r, end != NULL ? (size_t)(end - r.p) + 1 : r.n), choice);
	}
	CHECK(lines.known == whole->known && lines.revoked == whole->revoked);
	CHECK(strcmp(lines.names, whole->names) == 0);
}

static bool in_lines(struct slice text, const char *name, enum ssh_known_kind kind)
{
	uint8_t *copy = fuzz_copy(text.p, text.n), hash[32];
	struct slice rest = {copy, text.n};
	struct ssh_known_line line;
	bool found = false;

	hash_sha256(hash, blob, sizeof(blob));
	while (ssh_known_next(&rest, &line)) {
		struct slice all = {(const uint8_t *)"*", 1};

		CHECK(line.names.p >= copy && line.names.p + line.names.n <= rest.p);
		CHECK(line.kind <= SSH_KNOWN_REVOKED && ssh_known_matches(all, line.names));
		CHECK(ssh_known_matches(line.names, line.names) ||
		      memchr(line.names.p, '*', line.names.n) != NULL);
		found |= ssh_known_names(line.names, name) && line.kind == kind &&
			 memcmp(line.fingerprint, hash, 32) == 0;
	}
	CHECK(rest.n == 0);
	free(copy);
	return found;
}

/* What is found by key and by name is the same, one way and the other. */
static void check_by_name(const struct ssh_known *known, struct slice text)
{
	bool is = in_lines(text, "example.org", SSH_KNOWN_KEY);

	CHECK(!is || known->known);
	CHECK(!in_lines(text, "example.org", SSH_KNOWN_REVOKED) || known->revoked);
	if (strcmp(known->names, "example.org") == 0 && memchr(text.p, '!', text.n) == NULL &&
	    memchr(text.p, '|', text.n) == NULL && text.n < 1000)
		CHECK(is);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	unsigned choice = rbuf_u8(&r);
	struct slice text = rbuf_bytes(&r, r.n);
	struct ssh_known known = {.known = false}, nothing = {.known = false};

	find(&known, text, choice);
	CHECK(memchr(known.names, '\0', sizeof(known.names)) != NULL);
	fuzz_check_shown(known.names);
	CHECK(known.known || known.names[0] == '\0');
	CHECK(strpbrk(known.names, "*?") == NULL && known.names[0] != '!');
	/* Whose blob is nowhere is not found. */
	if (memmem(text.p, text.n, "AAAAC3NzaC1lZDI1NTE5AAAAI", 25) == NULL)
		CHECK(!known.known && !known.revoked);
	check_names(known.names, text, choice);
	check_lines(&known, text, choice);
	check_by_name(&known, text);
	find(&nothing, (struct slice){text.p, 0}, choice);
	CHECK(!nothing.known && !nothing.revoked && nothing.names[0] == '\0');
	return 0;
}
