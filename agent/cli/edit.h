/* SPDX-License-Identifier: MIT */
/*
 * Blocks of lines that lanyard owns in a user's file (`setup`, `teardown`): shown as a diff,
 * confirmed, backed up, written whole or not at all. Single-threaded.
 *
 * A block stands between "# >>> lanyard NAME" and "# <<< lanyard NAME", each a line of its own.
 */
#ifndef LANYARD_EDIT_H
#define LANYARD_EDIT_H

#include <stdio.h>

#include "agent/cli/cli.h"

enum { EDIT_FILE_MAX = 1024 * 1024, EDIT_BLOCK_MAX = 8 * 1024 };

/*
 * The text with its block NAME replaced by `block` (whole lines, without the markers), or added at
 * the end, or removed when `block` is NULL. `out` is malloc'd. Everything outside stays as it was,
 * byte for byte; adding and removing a block gives the old text again, but for a newline that the
 * last line lacked. ERR_CORRUPT when the markers are not one pair in order. Pure.
 */
enum err edit_block(const char *text, size_t n, const char *name, const char *block, char **out,
		    size_t *out_n, struct why *why) MUST_CHECK;

/* Prints the lines that differ, as one hunk with -, + and the first line's number. Clean text. */
void edit_diff(FILE *to, const char *path, const char *old, size_t old_n, const char *new,
	       size_t new_n);

/*
 * edit_block() on a file (one that is missing is empty and made with `mode`): prints the diff, asks
 * (cli_confirm), keeps the old file as PATH.lanyard-backup, writes. Returns the exit status; says
 * on standard error when there is nothing to change.
 */
int edit_file(const struct cli *cli, const char *path, mode_t mode, const char *name,
	      const char *block);

#endif
