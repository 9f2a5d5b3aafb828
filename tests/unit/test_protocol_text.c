/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* UTF-8 by the book, surrogates and all. */
static size_t encode(uint32_t c, char out[static 5])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(n == 1 ? c : (0xF0U << (4 - n) & 0xFF) | c);
	out[n] = '\0';
	return n;
}

static const char *escaped(const void *in, size_t n, char out[static 64])
{
	for (size_t i = 0; i < n; i++)
		sprintf(out + 4 * i, "\\x%02x", ((const uint8_t *)in)[i]);
	out[4 * n] = '\0';
	return out;
}

static bool stays(uint32_t c)
{
	return !(c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x061C || c == 0x180E ||
		 (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
		 (c >= 0x2060 && c <= 0x206F) || (c >= 0xD800 && c <= 0xDFFF) || c == 0xFEFF ||
		 (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF) || c == '\\');
}

Test(protocol_text, every_character)
{
	for (uint32_t c = 0; c <= 0x10FFFF; c++) {
		char in[5], out[64], want[64];
		size_t n = encode(c, in);

		text_clean(out, sizeof(out), in, n);
		if (stays(c))
			cr_assert(strlen(out) == n && memcmp(out, in, n) == 0, "U+%04X", c);
		else
			cr_assert_str_eq(out, c == '\\' ? "\\\\" : escaped(in, n, want), "U+%04X",
					 c);
	}
}

Test(protocol_text, every_character_cut_at_every_byte)
{
	for (uint32_t c = 0x80; c <= 0x10FFFF; c++) {
		char in[5], out[64], want[64];
		size_t n = encode(c, in);

		for (size_t k = 1; k < n; k++) {
			escaped(in, k, want);
			cr_assert_str_eq(text_clean(out, sizeof(out), in, k), want, "U+%04X", c);
			/* The byte that stands where the rest should be is not swallowed. */
			in[k] = 'A';
			strcat(want, "A");
			cr_assert_str_eq(text_clean(out, sizeof(out), in, k + 1), want, "U+%04X",
					 c);
			encode(c, in);
		}
	}
}

Test(protocol_text, bytes_that_are_no_utf8)
{
	static const struct {
		const char *in, *out;
		size_t n;
	} rows[] = {
		{"", "", 0},
		{"a\0b", "a\\x00b", 3},
		{"\r\n\t\x1b[31m\x7f", "\\x0d\\x0a\\x09\\x1b[31m\\x7f", 9},
		{"\x80", "\\x80", 1},
		{"\xbf\xbf", "\\xbf\\xbf", 2},
		{"\xc0\x80", "\\xc0\\x80", 2},                   /* NUL, overlong */
		{"\xc0\xaf", "\\xc0\\xaf", 2},                   /* '/', overlong */
		{"\xc1\xbf", "\\xc1\\xbf", 2},                   /* U+007F, overlong */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf", 3},          /* '/', overlong */
		{"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", 3},          /* U+07FF, overlong */
		{"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf", 4}, /* '/', overlong */
		{"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", 4}, /* U+FFFF, overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", 3},          /* U+D800 */
		{"\xed\xbf\xbf", "\\xed\\xbf\\xbf", 3},          /* U+DFFF */
		{"\xed\xa0\xbd\xed\xb8\x80", "\\xed\\xa0\\xbd\\xed\\xb8\\x80", 6},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 4}, /* U+110000 */
		{"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", 4},
		{"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80", 5},
		{"\xfe\xff", "\\xfe\\xff", 2},
		{"\xc3\xc3\xa9", "\\xc3\xc3\xa9", 3},
		{"\xe2\x80\xc3\xa9", "\\xe2\\x80\xc3\xa9", 4},
		{"\xf0\x9f\x98z", "\\xf0\\x9f\\x98z", 4},
		{"\xe2\x80\xae"
		 "evil",
		 "\\xe2\\x80\\xae"
		 "evil",
		 7},
		{"\\x41", "\\\\x41", 4},
	};
	char out[64];

	for (size_t i = 0; i < ROWS(rows); i++)
		cr_expect_str_eq(text_clean(out, sizeof(out), rows[i].in, rows[i].n), rows[i].out,
				 "row %zu: %s", i, out);
}

Test(protocol_text, every_pair_of_bytes_gives_printable_text)
{
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		const char in[2] = {(char)(pair >> 8), (char)pair};
		char out[64], again[64];

		text_clean(out, sizeof(out), in, 2);
		for (const char *c = out; *c; c++)
			cr_assert((uint8_t)*c >= 0x20 && *c != 0x7F, "%04x", pair);
		cr_assert_str_eq(text_clean_message(again, sizeof(again), out, strlen(out)), out);
	}
}

Test(protocol_text, a_message_may_be_cleaned_twice)
{
	char once[64], twice[64];

	text_clean_message(once, sizeof(once), "a\\b\x1b\xff", 5);
	cr_expect_str_eq(once, "a\\b\\x1b\\xff");
	cr_expect_str_eq(text_clean_message(twice, sizeof(twice), once, strlen(once)), once);
}

Test(protocol_text, cut_at_a_character)
{
	/* 2 + 3 + 4 bytes, an escape of 4, and 12 for a bidirectional override */
	static const char in[] = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x1b\xe2\x80\xae.";
	static const struct {
		size_t cap;
		const char *out;
	} rows[] = {
		{8, "\xc3\xa9..."},
		{9, "\xc3\xa9\xe2\x82\xac..."},
		{12, "\xc3\xa9\xe2\x82\xac..."},
		{13, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80..."},
		{16, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80..."},
		{17, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x1b..."},
		{26, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x1b..."},
		{27, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x1b\\xe2\\x80\\xae."},
		{28, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\x1b\\xe2\\x80\\xae."},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *out = malloc(rows[i].cap);

		cr_assert(out);
		text_clean(out, rows[i].cap, in, sizeof(in) - 1);
		cr_expect_str_eq(out, rows[i].out, "cap %zu: %s", rows[i].cap, out);
		free(out);
	}
}

Test(protocol_text, what_fits_exactly_is_whole)
{
	for (size_t n = 0; n <= 40; n++) {
		char in[41], *out = malloc(21);

		cr_assert(out);
		memset(in, 'x', sizeof(in));
		text_clean(out, 21, in, n);
		cr_expect_eq(strlen(out), n <= 20 ? n : 20);
		cr_expect_eq(strchr(out, '.') != NULL, n > 20, "%zu", n);
		free(out);
	}
}

Test(protocol_text, json)
{
	static const struct {
		const char *in, *out;
		size_t n;
	} rows[] = {
		{"", "\"\"", 0},
		{"a/b \xc3\xa9", "\"a/b \xc3\xa9\"", 6},
		{"\"\\", "\"\\\"\\\\\"", 2},
		{"\0\n\t\r\x1b\x7f", "\"\\u0000\\n\\t\\u000d\\u001b\\u007f\"", 6},
		{"\xc2\x85", "\"\\u0085\"", 2},
		{"\xe2\x80\xae", "\"\\u202e\"", 3},
		{"\xef\xbb\xbf", "\"\\ufeff\"", 3},
		{"\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"", 4},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"", 4},
		{"\xff\xc3", "\"\\ufffd\\ufffd\"", 2},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", 3},
		{"</script>'", "\"</script>'\"", 10},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t want = strlen(rows[i].out);
		char out[64];

		cr_expect_eq(text_json(out, sizeof(out), rows[i].in, rows[i].n), want, "row %zu",
			     i);
		cr_expect_str_eq(out, rows[i].out, "row %zu: %s", i, out);
		cr_expect_eq(text_json(NULL, 0, rows[i].in, rows[i].n), want);
		for (size_t cap = 1; cap <= want; cap++) {
			char *part = malloc(cap);

			cr_assert(part);
			cr_expect_eq(text_json(part, cap, rows[i].in, rows[i].n), want);
			cr_expect_lt(strlen(part), cap);
			cr_expect_eq(strncmp(part, rows[i].out, strlen(part)), 0);
			free(part);
		}
	}
}

Test(protocol_text, ascii_printable)
{
	cr_expect(text_is_ascii_printable("", 0));
	cr_expect(text_is_ascii_printable(" ~", 2));
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t in[3] = {'a', (uint8_t)c, 'b'};

		cr_expect_eq(text_is_ascii_printable(in, 3), c >= 0x20 && c <= 0x7E, "%u", c);
	}
}

Test(protocol_text, to_u32)
{
	static const struct {
		const char *in;
		uint32_t min, max, out;
		bool ok;
	} rows[] = {
		{"0", 0, 0, 0, true},
		{"7", 0, 7, 7, true},
		{"4294967295", 0, UINT32_MAX, UINT32_MAX, true},
		{"60", 60, 86400, 60, true},
		{"86400", 60, 86400, 86400, true},
		{"59", 60, 86400, 0, false},
		{"86401", 60, 86400, 0, false},
		{"4294967296", 0, UINT32_MAX, 0, false},
		{"18446744073709551616", 0, UINT32_MAX, 0, false},
		{"99999999999999999999999999", 0, UINT32_MAX, 0, false},
		{"", 0, 9, 0, false},
		{"00", 0, 9, 0, false},
		{"07", 0, 9, 0, false},
		{"+7", 0, 9, 0, false},
		{"-0", 0, 9, 0, false},
		{" 7", 0, 9, 0, false},
		{"7 ", 0, 9, 0, false},
		{"7\n", 0, 9, 0, false},
		{"0x7", 0, 9, 0, false},
		{"7a", 0, 9, 0, false},
		{"\xd9\xa7", 0, 9, 0, false}, /* an Arabic seven */
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint32_t out = 4711;

		cr_expect_eq(text_to_u32(rows[i].in, rows[i].min, rows[i].max, &out), rows[i].ok,
			     "'%s'", rows[i].in);
		cr_expect_eq(out, rows[i].ok ? rows[i].out : 4711, "'%s'", rows[i].in);
	}
}

Test(protocol_text, wipe)
{
	char secret[] = "secret";

	text_wipe(secret + 1, 4);
	cr_expect_arr_eq(secret, "s\0\0\0\0t", 7);
	text_wipe(NULL, 0);
}

Test(text, seconds)
{
	static const struct {
		const char *text;
		bool ok;
		uint32_t seconds;
	} cases[] = {
		{"1", true, 1},
		{"90s", true, 90},
		{"10m", true, 600},
		{"24h", true, 86400},
		{"1d", true, 86400},
		{"0", false, 0},
		{"0m", false, 0},
		{"25h", false, 0},
		{"2d", false, 0},
		{"86401", false, 0},
		{"", false, 0},
		{"m", false, 0},
		{"1w", false, 0},
		{"-1", false, 0},
		{"1 m", false, 0},
		{"1mm", false, 0},
		{"01m", false, 0},
		{"1.5h", false, 0},
		{"4294967296s", false, 0},
		{"99999999999m", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t seconds = 0;
		bool ok = text_to_seconds(cases[i].text, 1, 86400, &seconds);

		cr_expect(ok == cases[i].ok && seconds == cases[i].seconds, "%s: %u", cases[i].text,
			  seconds);
	}
}
