/* SPDX-License-Identifier: MIT */
/* Files of lines: reading them whole, walking over them, showing what changes in one. */
#ifndef LANYARD_WG_FILES_H
#define LANYARD_WG_FILES_H

#include <stdio.h>
#include <sys/stat.h>

#include "protocol/buf.h"

/* Who may have written a file that is believed. */
enum file_trust {
	FILE_ANY,     /* whoever could */
	FILE_OF_ROOT, /* root's, nobody else can write it */
	FILE_SECRET,  /* root's, nobody else can write or read it */
};

/*
 * A whole regular file, at most `max` bytes, malloc'd (wipe it when it is a secret). Owner and mode
 * are those of the file that was opened; `st` may be NULL. ERR_NOT_FOUND, ERR_PERMISSION,
 * ERR_TOO_LARGE, ERR_IO.
 */
enum err file_read(const char *path, size_t max, enum file_trust trust, uint8_t **out, size_t *n,
		   struct stat *st, struct why *why) MUST_CHECK;

struct lines {
	struct rbuf rest;
	unsigned number; /* of the line that lines_next() gave, from 1 */
};

struct lines lines_new(const void *p, size_t n);
/* The next line without its LF; false at the end. */
bool lines_next(struct lines *l, struct slice *line);
/* Without spaces, tabs and CRs at both ends. */
struct slice slice_trim(struct slice s);

/* Prints the lines that differ, as one hunk, cleaned: the path, then - and + lines. Nothing when
 * both are alike. */
void lines_diff(FILE *to, const char *path, struct slice old, struct slice new);

#endif
