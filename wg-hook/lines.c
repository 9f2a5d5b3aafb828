/* SPDX-License-Identifier: MIT */
#include "wg-hook/lines.h"

#include <string.h>

#include "protocol/text.h"

enum { SHOWN_MAX = 400 };

struct lines lines_new(const void *p, size_t n)
{
	return (struct lines){.rest = rbuf_new(p, n)};
}

bool lines_next(struct lines *l, struct slice *line)
{
	const uint8_t *end;

	if (l->rest.n == 0)
		return false;
	end = memchr(l->rest.p, '\n', l->rest.n);
	*line = rbuf_bytes(&l->rest, end != NULL ? (size_t)(end - l->rest.p) : l->rest.n);
	if (end != NULL)
		rbuf_bytes(&l->rest, 1);
	l->number++;
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct slice slice_trim(struct slice s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = (struct slice){s.p + 1, s.n - 1};
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

static void show_lines(FILE *to, char sign, struct slice text)
{
	struct lines l = lines_new(text.p, text.n);
	struct slice line;
	char shown[SHOWN_MAX];

	while (lines_next(&l, &line))
		fprintf(to, "%c%s\n", sign,
			text_clean_message(shown, sizeof(shown), line.p, line.n));
}

void lines_diff(FILE *to, const char *path, struct slice old, struct slice new)
{
	size_t less = old.n < new.n ? old.n : new.n, head = 0, tail = 0, number = 1;
	char shown[SHOWN_MAX];

	if (slice_eq(old, new))
		return;
	for (size_t i = 0; i < less && old.p[i] == new.p[i]; i++)
		if (old.p[i] == '\n') {
			head = i + 1;
			number++;
		}
	for (size_t i = 1; i <= less - head && old.p[old.n - i] == new.p[new.n - i]; i++)
		if (i == less - head || old.p[old.n - i - 1] == '\n')
			tail = i;
	fprintf(to, "%s, line %zu:\n", text_clean_message(shown, sizeof(shown), path, strlen(path)),
		number);
	show_lines(to, '-', (struct slice){old.p + head, old.n - head - tail});
	show_lines(to, '+', (struct slice){new.p + head, new.n - head - tail});
}
