/* SPDX-License-Identifier: MIT */
#include "test_derive_vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"

void tsv_open(struct tsv *t, const char *path)
{
	*t = (struct tsv){.file = fopen(path, "re"), .path = path};
	cr_assert(t->file != NULL, "%s: cannot open (run from the tree's root)", path);
}

static bool read_line(struct tsv *t)
{
	ssize_t n = getline(&t->text, &t->cap, t->file);

	if (n < 0) {
		return false;
	}
	t->line++;
	t->text[strcspn(t->text, "\n")] = '\0';
	return true;
}

bool tsv_next(struct tsv *t, size_t columns)
{
	char *rest;
	size_t n = 0;

	do {
		if (!read_line(t)) {
			return false;
		}
	} while (t->text[0] == '#' || t->text[0] == '\0');
	rest = t->text;
	while (rest != NULL) {
		cr_assert(n < TSV_COLUMNS_MAX);
		t->column[n++] = strsep(&rest, "\t");
	}
	cr_assert(n == columns, "%s:%u: %zu columns, not %zu", t->path, t->line, n, columns);
	return true;
}

void tsv_close(struct tsv *t, unsigned read, unsigned rows)
{
	cr_expect(read == rows, "%s: %u rows, not %u", t->path, read, rows);
	free(t->text);
	fclose(t->file);
}

size_t tsv_seed(const char *path, uint8_t out[static SEED_MAX])
{
	static const char mark[] = "# seed\t";
	struct tsv t;
	size_t n = 0;

	tsv_open(&t, path);
	while (n == 0 && read_line(&t)) {
		if (strncmp(t.text, mark, strlen(mark)) == 0) {
			n = unhex(out, SEED_MAX, t.text + strlen(mark));
		}
	}
	cr_assert(n > 0, "%s: no seed", path);
	tsv_close(&t, 0, 0);
	return n;
}

size_t unhex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n = 0;

	cr_assert(hex_decode(out, cap, &n, hex, strlen(hex)) == ERR_OK, "bad hex: %s", hex);
	return n;
}

void expect_hex(const void *p, size_t n, const char *hex, const char *what, unsigned line)
{
	char got[512];

	cr_assert(2 * n < sizeof got);
	hex_encode(got, p, n);
	cr_expect(strcmp(got, hex) == 0, "line %u, %s:\n got  %s\n want %s", line, what, got, hex);
}

enum curve curve_of(const char *name)
{
	enum curve c = CURVE_COUNT;

	cr_assert(curve_parse(name, &c, NULL) == ERR_OK, "%s", name);
	return c;
}

size_t path_of(const char *text, uint32_t *out, size_t cap)
{
	size_t n = 0;
	char *end;

	cr_assert(text[0] == 'm');
	for (text++; *text == '/'; text = end) {
		cr_assert(n < cap);
		out[n] = (uint32_t)strtoul(text + 1, &end, 10);
		if (*end == '\'') {
			out[n] |= HARDENED;
			end++;
		}
		n++;
	}
	cr_assert(*text == '\0');
	return n;
}
