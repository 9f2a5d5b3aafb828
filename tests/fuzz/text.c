/* SPDX-License-Identifier: MIT */
/*
 * protocol/text.h: the sanitisers, at the capacity that the first byte says and at a sufficient
 * one.
 */
#include "fuzz.h"

/* A decoder of its own, a table of the ranges of Unicode 15.0, table 3-7. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
	static const struct {
		uint8_t first, last, second_min, second_max, length;
	} forms[] = {
		{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2},
		{0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
		{0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
		{0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
		{0xF4, 0xF4, 0x80, 0x8F, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last || n < forms[i].length)
			continue;
		for (size_t k = 1; k < forms[i].length; k++) {
			uint8_t min = k == 1 ? forms[i].second_min : 0x80;
			uint8_t max = k == 1 ? forms[i].second_max : 0xBF;

			if (p[k] < min || p[k] > max)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

/* Valid UTF-8 without control characters, nor the formats that change how others are shown. */
static void check_clean(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t n = strlen(text);

	while (n > 0) {
		size_t step = utf8_length(p, n);

		CHECK(step > 0 && p[0] >= 0x20 && p[0] != 0x7F);
		CHECK(step != 2 || p[0] != 0xC2 || p[1] >= 0xA0); /* C1 */
		CHECK(step != 3 || p[0] != 0xE2 || p[1] != 0x80 ||
		      !((p[2] >= 0x8B && p[2] <= 0x8F) || (p[2] >= 0xA8 && p[2] <= 0xAE)));
		CHECK(step != 3 || p[0] != 0xE2 || p[1] != 0x81 || p[2] < 0xA0 || p[2] > 0xAF);
		CHECK(step != 3 || memcmp(p, "\xEF\xBB\xBF", 3) != 0);
		p += step;
		n -= step;
	}
}

static void check_copy(const void *in, size_t n, size_t cap,
		       char *(*copy)(char *, size_t, const void *, size_t))
{
	size_t room = 4 * n + 8;
	char *all = malloc(room), *out = malloc(cap);
	size_t whole, kept;

	CHECK(all != NULL && out != NULL);
	CHECK(copy(all, room, in, n) == all && copy(out, cap, in, n) == out);
	whole = strlen(all);
	kept = strlen(out);
	CHECK(whole < room && kept < cap);
	check_clean(all);
	check_clean(out);
	if (whole < cap) {
		CHECK(strcmp(all, out) == 0);
	} else {
		/* Cut between two characters, and it shows. */
		CHECK(kept >= 3 && memcmp(out + kept - 3, "...", 3) == 0);
		CHECK(strncmp(all, out, kept - 3) == 0 && cap - kept <= 16);
	}
	free(all);
	free(out);
}

static void check_twice(const void *in, size_t n)
{
	size_t room = 4 * n + 8;
	char *once = malloc(room), *twice = malloc(room);
	bool ascii = text_is_ascii_printable(in, n);

	CHECK(once != NULL && twice != NULL);
	text_clean_message(once, room, in, n);
	text_clean_message(twice, room, once, strlen(once));
	CHECK(strcmp(once, twice) == 0);
	CHECK(!ascii || (strlen(once) == n && memcmp(once, in, n) == 0));
	/* text_clean can be undone: only an escape has a backslash, and two are one. */
	text_clean(once, room, in, n);
	for (const char *c = once; (c = strchr(c, '\\')) != NULL; c += c[1] == 'x' ? 4 : 2)
		CHECK(c[1] == '\\' || (c[1] == 'x' && strspn(c + 2, "0123456789abcdef") >= 2));
	free(once);
	free(twice);
}

static void check_json(const void *in, size_t n, size_t cap)
{
	size_t want = text_json(NULL, 0, in, n), kept;
	char *all = malloc(want + 1), *out = malloc(cap);

	CHECK(all != NULL && out != NULL);
	CHECK(want >= 2 && text_json(all, want + 1, in, n) == want && strlen(all) == want);
	CHECK(all[0] == '"' && all[want - 1] == '"');
	check_clean(all);
	for (const char *c = all + 1; c < all + want - 1; c++) {
		CHECK(*c != '"');
		if (*c != '\\')
			continue;
		c++;
		CHECK(strchr("\"\\ntu", *c) != NULL);
		if (*c == 'u') {
			for (int i = 1; i <= 4; i++)
				CHECK(strchr("0123456789abcdef", c[i]) != NULL);
			c += 4;
		}
		CHECK(c < all + want - 1);
	}
	CHECK(text_json(out, cap, in, n) == want);
	kept = strlen(out);
	CHECK(kept < cap && memcmp(all, out, kept) == 0 && (want >= cap || kept == want));
	check_clean(out);
	free(all);
	free(out);
}

static void check_number(const char *text)
{
	uint32_t v = 7, again;
	char back[16];

	if (!text_to_u32(text, 0, UINT32_MAX, &v)) {
		CHECK(v == 7);
		return;
	}
	snprintf(back, sizeof(back), "%u", (unsigned)v);
	CHECK(strcmp(back, text) == 0);
	CHECK(text_to_u32(text, v, v, &again) && again == v);
	CHECK(v == 0 || !text_to_u32(text, 0, v - 1, &again));
	CHECK(v == UINT32_MAX || !text_to_u32(text, v + 1, UINT32_MAX, &again));
}

static void check_time(const char *text)
{
	uint32_t v = 0, again;
	uint64_t n = 0, each = 1;
	size_t digits = strspn(text, "0123456789");

	if (!text_to_seconds(text, 0, UINT32_MAX, &v)) {
		CHECK(!text_to_u32(text, 0, UINT32_MAX, &again));
		return;
	}
	CHECK(digits > 0 && digits <= 10 && strspn(text + digits, "smhd") == strlen(text + digits));
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	if (text[digits] != '\0')
		each = text[digits] == 'd'   ? 86400
		       : text[digits] == 'h' ? 3600
		       : text[digits] == 'm' ? 60
					     : 1;
	CHECK(v == n * each && (text[digits] == '\0' || text[digits + 1] == '\0'));
	CHECK(text_to_seconds(text, v, v, &again) && again == v);
	CHECK(v == 0 || !text_to_seconds(text, 0, v - 1, &again));
	CHECK(v == UINT32_MAX || !text_to_seconds(text, v + 1, UINT32_MAX, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	size_t cap = 8 + rbuf_u8(&r);
	struct slice s = rbuf_bytes(&r, r.n);
	char *text = fuzz_text(s.p, s.n);

	check_copy(s.p, s.n, cap, text_clean);
	check_copy(s.p, s.n, cap, text_clean_message);
	check_twice(s.p, s.n);
	check_json(s.p, s.n, cap - 7);
	check_number(text);
	check_time(text);
	text_wipe(text, s.n);
	for (size_t i = 0; i < s.n; i++)
		CHECK(text[i] == 0);
	free(text);
	return 0;
}
