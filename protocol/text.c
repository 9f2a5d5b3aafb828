/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"

/* Characters that are not seen, or that change how others are seen. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{0x0000, 0x001F},   /* C0 */
	{0x007F, 0x009F},   /* DEL, C1 */
	{0x00AD, 0x00AD},   /* soft hyphen */
	{0x061C, 0x061C},   /* Arabic letter mark: bidirectional */
	{0x180E, 0x180E},   /* Mongolian vowel separator */
	{0x200B, 0x200F},   /* zero width, left-to-right and right-to-left marks */
	{0x2028, 0x202E},   /* line and paragraph separators, bidirectional embeddings */
	{0x2060, 0x206F},   /* invisible operators, bidirectional isolates */
	{0xFEFF, 0xFEFF},   /* byte order mark */
	{0xFFF9, 0xFFFB},   /* interlinear annotation */
	{0xE0000, 0xE0FFF}, /* tags, variation selectors */
};

static bool text_is_unseen(uint32_t c)
{
	for (size_t i = 0; i < sizeof(unseen) / sizeof(*unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

/* The length of the well-formed UTF-8 character at `p` (Unicode 15.0, table 3-7); 0 when it is not
 * one. */
static size_t utf8_next(const uint8_t *p, size_t n, uint32_t *c)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;

	if (len == 0 || len > n || p[0] > 0xF4)
		return 0;
	*c = len == 1 ? p[0] : p[0] & (0x7FU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3F);
	}
	if ((len == 3 && *c < 0x800) || (len == 4 && *c < 0x10000))
		return 0; /* a longer form than needed */
	return *c > 0x10FFFF || (*c >= 0xD800 && *c <= 0xDFFF) ? 0 : len;
}

static char *text_copy(char *out, size_t cap, const void *in, size_t n, bool escape_backslash)
{
	const uint8_t *p = in;
	size_t len = 0, cut = 0, step;

	for (size_t i = 0; i < n; i += step) {
		char piece[4 * 4 + 1];
		size_t size = 0;
		uint32_t c = 0;

		step = utf8_next(p + i, n - i, &c);
		if (step == 0 || text_is_unseen(c)) {
			step = step ? step : 1;
			for (size_t k = 0; k < step; k++, size += 4)
				snprintf(piece + size, 5, "\\x%02x", p[i + k]);
		} else if (c == '\\' && escape_backslash) {
			memcpy(piece, "\\\\", size = 2);
		} else {
			memcpy(piece, p + i, size = step);
		}
		if (len + size > cap - 1) {
			memcpy(out + cut, "...", 3);
			len = cut + 3;
			break;
		}
		memcpy(out + len, piece, size);
		len += size;
		if (len + 3 <= cap - 1)
			cut = len;
	}
	out[len] = '\0';
	return out;
}

char *text_clean(char *out, size_t cap, const void *in, size_t n)
{
	return text_copy(out, cap, in, n, true);
}

char *text_clean_message(char *out, size_t cap, const void *in, size_t n)
{
	return text_copy(out, cap, in, n, false);
}

bool text_is_ascii_printable(const void *in, size_t n)
{
	const uint8_t *p = in;

	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7E)
			return false;
	return true;
}

/* Writes the JSON for one character (`c` from the `n` bytes at `p`; n 0: an invalid byte). */
static size_t json_piece(char piece[static 13], uint32_t c, const uint8_t *p, size_t n)
{
	if (n == 0)
		return (size_t)snprintf(piece, 13, "\\ufffd");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(piece, 13, "\\%c", (char)c);
	if (c == '\n')
		return (size_t)snprintf(piece, 13, "\\n");
	if (c == '\t')
		return (size_t)snprintf(piece, 13, "\\t");
	if (!text_is_unseen(c)) {
		memcpy(piece, p, n);
		return n;
	}
	if (c < 0x10000)
		return (size_t)snprintf(piece, 13, "\\u%04x", (unsigned)c);
	c -= 0x10000;
	return (size_t)snprintf(piece, 13, "\\u%04x\\u%04x", 0xD800U + (unsigned)(c >> 10),
				0xDC00U + (unsigned)(c & 0x3FF));
}

size_t text_json(char *out, size_t cap, const void *in, size_t n)
{
	const uint8_t *p = in;
	size_t want = 0, len = 0, i = 0;
	bool end = false;

	/* One round for each character, and one for each quote. */
	for (bool start = true; !end; start = false) {
		char piece[13] = "\"";
		size_t size = 1;
		uint32_t c = 0;

		end = !start && i == n;
		if (!start && !end) {
			size_t step = utf8_next(p + i, n - i, &c);
			size = json_piece(piece, c, p + i, step);
			i += step ? step : 1;
		}
		/* Once a piece did not fit no later one may: len stays behind. */
		if (len == want && len + size < cap) {
			memcpy(out + len, piece, size);
			len += size;
		}
		want += size;
	}
	if (cap > 0)
		out[len] = '\0';
	return want;
}

bool text_to_u32(const char *s, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (*s == '\0' || (*s == '0' && s[1] != '\0'))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = (uint32_t)v;
	return true;
}

bool text_to_seconds(const char *s, uint32_t min, uint32_t max, uint32_t *out)
{
	static const char units[] = "smhd";
	static const uint32_t seconds[] = {1, 60, 3600, 86400};
	size_t n = strlen(s);
	const char *unit = n > 1 ? strchr(units, s[n - 1]) : NULL;
	uint32_t each = unit != NULL ? seconds[unit - units] : 1, count;
	char digits[11];

	n -= unit != NULL;
	if (n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (!text_to_u32(digits, 0, max / each, &count) || count * each < min)
		return false;
	*out = count * each;
	return true;
}

void text_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}
