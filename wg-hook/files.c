/* SPDX-License-Identifier: MIT */
#include "wg-hook/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"

enum { SHOWN_MAX = 400 };

static enum err check_file(const char *path, size_t max, enum file_trust trust,
			   const struct stat *st, struct why *why)
{
	mode_t others = trust == FILE_SECRET ? 077 : S_IWGRP | S_IWOTH;

	if (!S_ISREG(st->st_mode))
		return why_set(why, ERR_PERMISSION, "%s is not a regular file", path);
	if (trust != FILE_ANY && st->st_uid != 0)
		return why_set(why, ERR_PERMISSION,
			       "%s belongs to user id %u; it must be root's: chown root it, after "
			       "reading what it says",
			       path, (unsigned)st->st_uid);
	if (trust != FILE_ANY && st->st_mode & others)
		return why_set(why, ERR_PERMISSION, "others can %s %s (mode %04o): chmod %s it",
			       trust == FILE_SECRET ? "read or write" : "write", path,
			       (unsigned)st->st_mode & 07777,
			       trust == FILE_SECRET ? "go-rwx" : "go-w");
	if (st->st_size < 0 || (uintmax_t)st->st_size > max)
		return why_set(why, ERR_TOO_LARGE, "%s has more than %zu bytes", path, max);
	return ERR_OK;
}

/* Up to `cap` bytes; more than the file's size if it grows meanwhile is not read. */
static bool read_all(int fd, uint8_t *p, size_t cap, size_t *n)
{
	ssize_t got = 1;

	for (*n = 0; *n < cap && got != 0; *n += got > 0 ? (size_t)got : 0) {
		got = read(fd, p + *n, cap - *n);
		if (got < 0 && errno != EINTR)
			return false;
	}
	return true;
}

enum err file_read(const char *path, size_t max, enum file_trust trust, uint8_t **out, size_t *n,
		   struct stat *st, struct why *why)
{
	/* Not to wait for the other end of somebody's FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat own;
	uint8_t *p = NULL;
	enum err e = ERR_OK;

	*out = NULL;
	*n = 0;
	if (st == NULL)
		st = &own;
	if (fd < 0)
		return why_set(why,
			       errno == ENOENT   ? ERR_NOT_FOUND
			       : errno == EACCES ? ERR_PERMISSION
						 : ERR_IO,
			       "cannot read %s: %s", path, strerror(errno));
	if (fstat(fd, st) < 0)
		e = why_set(why, ERR_IO, "cannot look at %s: %s", path, strerror(errno));
	else
		e = check_file(path, max, trust, st, why);
	if (e == ERR_OK && (p = malloc((size_t)st->st_size + 1)) == NULL)
		e = why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	if (e == ERR_OK && !read_all(fd, p, (size_t)st->st_size, n))
		e = why_set(why, ERR_IO, "cannot read %s: %s", path, strerror(errno));
	close(fd);
	if (e == ERR_OK)
		*out = p;
	else
		free(p);
	return e;
}

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
