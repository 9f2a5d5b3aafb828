/* SPDX-License-Identifier: MIT */
/* Files of lines: walking over them, showing what changes in one. */
#ifndef LANYARD_WG_LINES_H
#define LANYARD_WG_LINES_H

#include <stdio.h>

#include "protocol/buf.h"

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
