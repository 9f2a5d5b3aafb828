/* SPDX-License-Identifier: MIT */
#include "agent/cli/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/dirs.h"
#include "protocol/text.h"

enum { MARKER_MAX = IDENTITY_URI_MAX + 40, DIFF_LINE_MAX = 400 };

struct lines {
	const char *p;
	size_t n;
	size_t number; /* of the line that comes next, from 1 */
};

/* The next line without its newline; false at the end. */
static bool lines_next(struct lines *l, struct slice *line)
{
	const char *end = memchr(l->p, '\n', l->n);

	if (l->n == 0)
		return false;
	*line = (struct slice){(const uint8_t *)l->p, end != NULL ? (size_t)(end - l->p) : l->n};
	l->p += line->n + (end != NULL);
	l->n -= line->n + (end != NULL);
	l->number++;
	return true;
}

struct found {
	bool there;
	size_t from, to; /* bytes, markers included */
};

static enum err block_find(const char *text, size_t n, const char *begin, const char *end,
			   struct found *found, struct why *why)
{
	struct lines l = {text, n, 1};
	struct slice line;
	size_t opened = 0;

	*found = (struct found){0};
	while (lines_next(&l, &line)) {
		size_t at = (size_t)((const char *)line.p - text), number = l.number - 1;

		if (slice_is(line, begin)) {
			if (opened > 0 || found->there)
				return why_set(
					why, ERR_CORRUPT,
					"line %zu: \"%s\" a second time; remove one block by hand",
					number, begin);
			opened = number;
			found->from = at;
		} else if (slice_is(line, end)) {
			if (opened == 0)
				return why_set(why, ERR_CORRUPT,
					       "line %zu: \"%s\" without its beginning", number,
					       end);
			opened = 0;
			found->there = true;
			found->to = n - l.n;
		}
	}
	if (opened > 0)
		return why_set(why, ERR_CORRUPT, "line %zu: \"%s\" without its end", opened, begin);
	return ERR_OK;
}

enum err edit_block(const char *text, size_t n, const char *name, const char *block, char **out,
		    size_t *out_n, struct why *why)
{
	char begin[MARKER_MAX], end[MARKER_MAX];
	size_t cap = n + 1 + 2 * MARKER_MAX + (block != NULL ? strlen(block) : 0);
	struct found found;
	struct wbuf w;
	enum err e;

	if ((size_t)snprintf(begin, sizeof(begin), "# >>> lanyard %s", name) >= sizeof(begin))
		return why_set(why, ERR_TOO_LARGE, "a block name of %zu bytes", strlen(name));
	snprintf(end, sizeof(end), "# <<< lanyard %s", name);
	e = block_find(text, n, begin, end, &found, why);
	if (e != ERR_OK)
		return e;
	if (!found.there)
		found.from = found.to = n;
	*out = malloc(cap);
	if (*out == NULL)
		return ERR_NO_MEMORY;
	w = wbuf_new(*out, cap);
	wbuf_bytes(&w, text, found.from);
	if (block != NULL) {
		if (w.n > 0 && w.p[w.n - 1] != '\n')
			wbuf_u8(&w, '\n');
		wbuf_text(&w, begin);
		wbuf_u8(&w, '\n');
		wbuf_text(&w, block);
		wbuf_text(&w, end);
		wbuf_u8(&w, '\n');
	}
	wbuf_bytes(&w, text + found.to, n - found.to);
	*out_n = w.n;
	return wbuf_ok(&w) ? ERR_OK : why_set(why, ERR_INTERNAL, "a block that does not fit");
}

/* A line as a terminal would show it, tabs and all, but with nothing else raw. */
static void diff_line(FILE *to, char sign, struct slice line)
{
	const uint8_t *tab;
	char text[DIFF_LINE_MAX];

	fputc(sign, to);
	while ((tab = memchr(line.p, '\t', line.n)) != NULL) {
		size_t n = (size_t)(tab - line.p);

		fprintf(to, "%s\t", text_clean_message(text, sizeof(text), line.p, n));
		line = (struct slice){tab + 1, line.n - n - 1};
	}
	fprintf(to, "%s\n", text_clean_message(text, sizeof(text), line.p, line.n));
}

static void diff_lines(FILE *to, char sign, const char *p, size_t n)
{
	struct lines l = {p, n, 1};
	struct slice line;

	while (lines_next(&l, &line))
		diff_line(to, sign, line);
}

/* Both texts without the whole lines that they begin and end with alike. */
void edit_diff(FILE *to, const char *path, const char *old, size_t old_n, const char *new,
	       size_t new_n)
{
	size_t less = old_n < new_n ? old_n : new_n, head = 0, tail = 0, line = 1;
	char text[DIFF_LINE_MAX];

	for (size_t i = 0; i < less && old[i] == new[i]; i++)
		if (old[i] == '\n') {
			head = i + 1;
			line++;
		}
	for (size_t i = 1; i <= less - head && old[old_n - i] == new[new_n - i]; i++)
		if (i == less - head || old[old_n - i - 1] == '\n')
			tail = i;
	fprintf(to, "%s, line %zu:\n", text_clean_message(text, sizeof(text), path, strlen(path)),
		line);
	diff_lines(to, '-', old + head, old_n - head - tail);
	diff_lines(to, '+', new + head, new_n - head - tail);
}

/* Shows, asks, backs up, writes. */
static enum err edit_write(const struct cli *cli, const char *path, mode_t mode, struct slice old,
			   struct slice new, struct why *why)
{
	char backup[4096];
	enum err e;

	edit_diff(stdout, path, (const char *)old.p, old.n, (const char *)new.p, new.n);
	fflush(stdout);
	e = cli_confirm(cli, "Write this?", why);
	if (e != ERR_OK)
		return e;
	if ((size_t)snprintf(backup, sizeof(backup), "%s.lanyard-backup", path) >= sizeof(backup))
		return why_set(why, ERR_TOO_LARGE, "%s: the path is too long for its backup", path);
	if (old.n > 0)
		e = file_write(backup, old.p, old.n, mode, true, why);
	if (e == ERR_OK)
		e = file_write(path, new.p, new.n, mode, true, why);
	return e;
}

int edit_file(const struct cli *cli, const char *path, mode_t mode, const char *name,
	      const char *block)
{
	uint8_t *old = NULL;
	char *new = NULL;
	size_t old_n = 0, new_n = 0;
	struct stat st;
	struct why why = {0};
	enum err e = ERR_OK;
	int status = 0;

	if (stat(path, &st) == 0) {
		mode = st.st_mode & 07777;
		e = cli_read_file(path, EDIT_FILE_MAX, &old, &old_n, &why);
	} else if (errno != ENOENT) {
		e = why_set(&why, ERR_IO, "%s: %s", path, strerror(errno));
	}
	if (e == ERR_OK)
		e = edit_block(old != NULL ? (const char *)old : "", old_n, name, block, &new,
			       &new_n, &why);
	if (e == ERR_CORRUPT)
		status = cli_fail("%s: %s", path, why_text(&why, e));
	else if (e == ERR_OK && new_n == old_n && (old_n == 0 || memcmp(old, new, old_n) == 0))
		fprintf(stderr, "lanyard: %s: nothing to change\n", path);
	else if (e == ERR_OK)
		e = edit_write(cli, path, mode,
			       (struct slice){old != NULL ? old : (uint8_t *)"", old_n},
			       (struct slice){(uint8_t *)new, new_n}, &why);
	if (e != ERR_OK && status == 0)
		status = cli_error(cli, e, &why);
	free(old);
	free(new);
	return status;
}
