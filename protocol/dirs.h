/* SPDX-License-Identifier: MIT */
/* Where lanyard's files are (XDG base directory specification), and how they are read and written.
 */
#ifndef LANYARD_DIRS_H
#define LANYARD_DIRS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "protocol/err.h"

enum dir { DIR_CONFIG, DIR_DATA, DIR_STATE };

/* $XDG_CONFIG_HOME/lanyard and so on, or the default below $HOME (the password database's when HOME
 * is unset); "/name" appended when name is not NULL. A relative XDG value is ignored, as the
 * specification says. ERR_TOO_LARGE when it does not fit. */
enum err dir_path(char *out, size_t cap, enum dir dir, const char *name,
		  struct why *why) MUST_CHECK;

/* mkdir -p with mode 0700 for what it makes. */
enum err dir_make(const char *path, struct why *why) MUST_CHECK;
/* ERR_PERMISSION unless it is a directory of ours (or root's) that nobody else can write (a sticky
 * bit is not enough), and no symbolic link of somebody else. ERR_NOT_FOUND when there is none. */
enum err dir_check_private(const char *path, struct why *why) MUST_CHECK;

/* Who may have written a file that is believed. */
enum file_trust {
	FILE_ANY,    /* whoever could */
	FILE_OURS,   /* our user or root; nobody else can write it */
	FILE_SECRET, /* the same, and nobody else can read it */
};

/* A whole plain file of at most `max` bytes, malloc'd (wipe it when it is a secret), with a NUL
 * after it that *n does not count. Owner and mode, which `st` gets (NULL is fine), are those of the
 * file that is read. ERR_NOT_FOUND: there is none, or no directory where it would be. ERR_INVALID:
 * no plain file. ERR_PERMISSION, ERR_TOO_LARGE, ERR_IO, ERR_NO_MEMORY. After an error *out is NULL.
 */
enum err file_read(const char *path, size_t max, enum file_trust trust, uint8_t **out, size_t *n,
		   struct stat *st, struct why *why) MUST_CHECK;

/* Writes a file whole or not at all: temporary file beside it (".lanyard-" and 16 digits), fsync,
 * rename, fsync of the directory. `mode` is exact, whatever the umask. With `replace` false an
 * existing file, or symbolic link, is ERR_EXISTS; with it, a symbolic link stays and the file that
 * it leads to is replaced. The old file is intact after any error, except when the fsync of the
 * directory fails: then the old or the new one is there, whole. */
enum err file_write(const char *path, const void *p, size_t n, mode_t mode, bool replace,
		    struct why *why) MUST_CHECK;

#endif
