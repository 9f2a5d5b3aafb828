/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/dirs.h"

static const struct {
	const char *variable, *below_home;
} bases[] = {
	[DIR_CONFIG] = {.variable = "XDG_CONFIG_HOME", .below_home = ".config"},
	[DIR_DATA] = {.variable = "XDG_DATA_HOME", .below_home = ".local/share"},
	[DIR_STATE] = {.variable = "XDG_STATE_HOME", .below_home = ".local/state"},
};

/* The error of errno after `doing` something with `path` failed, with a next step where there is
 * one. */
static enum err fail(struct why *why, const char *doing, const char *path)
{
	int error = errno;
	enum err e = ERR_IO;
	const char *next = "";

	switch (error) {
	case ENOENT:
		e = ERR_NOT_FOUND;
		break;
	case EEXIST:
		e = ERR_EXISTS;
		break;
	case EACCES:
	case EPERM:
		e = ERR_PERMISSION;
		next = "; check the owner and mode of it and of the directories above";
		break;
	case EROFS:
		e = ERR_PERMISSION;
		next = "; mount it writable or choose another place";
		break;
	case ENOSPC:
	case EDQUOT:
		next = "; free some space there and try again";
		break;
	case ENAMETOOLONG:
		e = ERR_TOO_LARGE;
		break;
	}
	errno = error;
	return why_set(why, e, "cannot %s %s: %m%s", doing, path, next);
}

/* The home directory, or NULL; `entry` is room for the password database's. */
static const char *home_dir(char *entry, size_t cap)
{
	const char *home = getenv("HOME");
	struct passwd pw, *found = NULL;

	if (home && *home == '/')
		return home;
	if (getpwuid_r(geteuid(), &pw, entry, cap, &found) != 0 || !found || *pw.pw_dir != '/')
		return NULL;
	return pw.pw_dir;
}

enum err dir_path(char *out, size_t cap, enum dir dir, const char *name, struct why *why)
{
	const char *base = getenv(bases[dir].variable);
	const char *below = "";
	char entry[4096];

	if (!base || *base != '/') {
		base = home_dir(entry, sizeof(entry));
		below = bases[dir].below_home;
	}
	if (!base)
		return why_set(why, ERR_NOT_FOUND,
			       "no home directory is known for user id %u: set HOME or %s to an "
			       "absolute path",
			       (unsigned)geteuid(), bases[dir].variable);
	int n = snprintf(out, cap, "%s%s%s/lanyard%s%s", base, *below ? "/" : "", below,
			 name ? "/" : "", name ? name : "");
	if (n < 0 || (size_t)n >= cap)
		return why_set(
			why, ERR_TOO_LARGE,
			"a path is %d bytes long; at most %zu are allowed: it begins with %s", n,
			cap - 1, base);
	return ERR_OK;
}

enum err dir_make(const char *path, struct why *why)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part)) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return fail(why, "make the directory", path);
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return fail(why, "make the directory", part);
		part[i] = path[i];
	}
	if (stat(path, &st) < 0)
		return fail(why, "make the directory", path);
	if (!S_ISDIR(st.st_mode))
		return why_set(why, ERR_EXISTS, "%s is there already, but no directory", path);
	return ERR_OK;
}

static bool is_trusted(uid_t owner)
{
	return owner == geteuid() || owner == 0;
}

enum err dir_check_private(const char *path, struct why *why)
{
	struct stat link, st;

	if (lstat(path, &link) < 0 || stat(path, &st) < 0)
		return fail(why, "look at", path);
	if (!S_ISDIR(st.st_mode))
		return why_set(why, ERR_PERMISSION, "%s is not a directory", path);
	if (!is_trusted(link.st_uid) || !is_trusted(st.st_uid))
		return why_set(why, ERR_PERMISSION,
			       "%s belongs to user id %u; it must belong to you (%u) or root", path,
			       (unsigned)(is_trusted(st.st_uid) ? link.st_uid : st.st_uid),
			       (unsigned)geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return why_set(why, ERR_PERMISSION,
			       "%s can be written by others (mode %04o): chmod go-w it, or choose "
			       "another directory",
			       path, (unsigned)(st.st_mode & 07777));
	return ERR_OK;
}

static enum err file_check(const char *path, size_t max, enum file_trust trust,
			   const struct stat *st, struct why *why)
{
	mode_t others = trust == FILE_SECRET ? S_IRWXG | S_IRWXO : S_IWGRP | S_IWOTH;

	if (!S_ISREG(st->st_mode))
		return why_set(why, ERR_INVALID, "%s is not a plain file", path);
	if (trust != FILE_ANY && !is_trusted(st->st_uid))
		return why_set(why, ERR_PERMISSION,
			       "%s belongs to user id %u; it must be %s: chown it, after reading "
			       "what it says",
			       path, (unsigned)st->st_uid,
			       geteuid() == 0 ? "root's" : "yours or root's");
	if (trust != FILE_ANY && (st->st_mode & others) != 0)
		return why_set(
			why, ERR_PERMISSION, "%s can be %s by others (mode %04o): chmod %s it",
			path, trust == FILE_SECRET ? "read or written" : "written",
			(unsigned)(st->st_mode & 07777), trust == FILE_SECRET ? "go-rwx" : "go-w");
	if (st->st_size < 0 || (uintmax_t)st->st_size > max)
		return why_set(why, ERR_TOO_LARGE, "%s is longer than %zu bytes", path, max);
	return ERR_OK;
}

/* Up to `cap` bytes: what it grows by meanwhile is not read. */
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
	if (fd < 0) {
		e = fail(why, "read", path);
		return errno == ENOTDIR ? ERR_NOT_FOUND : e;
	}
	if (fstat(fd, st) < 0)
		e = fail(why, "look at", path);
	else
		e = file_check(path, max, trust, st, why);
	if (e == ERR_OK && (p = malloc((size_t)st->st_size + 1)) == NULL)
		e = why_set(why, ERR_NO_MEMORY, "no memory to read %s", path);
	if (e == ERR_OK && !read_all(fd, p, (size_t)st->st_size, n))
		e = fail(why, "read", path);
	close(fd);
	if (e != ERR_OK) {
		free(p);
		return e;
	}
	p[*n] = '\0';
	*out = p;
	return ERR_OK;
}

/* A file on its way: the directory, held open, and the two names in it. */
struct target {
	char path[PATH_MAX]; /* without symbolic links when it replaces */
	const char *name;    /* in path */
	int dir;
	char temp[sizeof(".lanyard-0123456789abcdef")];
};

static enum err target_open(struct target *t, const char *path, bool replace, struct why *why)
{
	struct stat st;

	t->dir = -1;
	if (strlen(path) >= sizeof(t->path)) {
		errno = ENAMETOOLONG;
		return fail(why, "write", path);
	}
	strcpy(t->path, path);
	/* Whoever keeps settings elsewhere and links to them wants the link to stay. */
	if (replace && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && !realpath(path, t->path))
		return fail(why, "follow the symbolic link", path);
	char *slash = strrchr(t->path, '/');
	t->name = slash ? slash + 1 : t->path;
	if (*t->name == '\0') {
		errno = EISDIR;
		return fail(why, "write", path);
	}
	if (slash)
		*slash = '\0';
	const char *dir = !slash ? "." : slash == t->path ? "/" : t->path;
	t->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->dir < 0 ? fail(why, "open the directory", dir) : ERR_OK;
}

/* Makes the temporary file; its descriptor or -1 with errno. */
static int temp_open(struct target *t)
{
	int fd;

	do {
		uint64_t random;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return -1;
		snprintf(t->temp, sizeof(t->temp), ".lanyard-%016llx", (unsigned long long)random);
		fd = openat(t->dir, t->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			    0600);
	} while (fd < 0 && errno == EEXIST);
	if (fd < 0)
		t->temp[0] = '\0';
	return fd;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Gives the temporary file its name. */
static bool temp_publish(struct target *t, bool replace)
{
	if (!replace)
		return linkat(t->dir, t->temp, t->dir, t->name, 0) == 0;
	if (renameat(t->dir, t->temp, t->dir, t->name) < 0)
		return false;
	t->temp[0] = '\0';
	return true;
}

enum err file_write(const char *path, const void *p, size_t n, mode_t mode, bool replace,
		    struct why *why)
{
	struct target t = {.dir = -1};
	int fd = -1;
	enum err e = target_open(&t, path, replace, why);

	if (e != ERR_OK)
		return e;
	fd = temp_open(&t);
	if (fd < 0 || !write_all(fd, p, n) || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
		e = fail(why, "write", path);
		goto out;
	}
	int closed = close(fd);
	fd = -1;
	if (closed < 0 || !temp_publish(&t, replace)) {
		e = fail(why, "write", path);
		goto out;
	}
	/* Some file systems have no fsync for directories, and say EINVAL. */
	if (fsync(t.dir) < 0 && errno != EINVAL)
		e = fail(why, "be sure that the disk has", path);
out:
	if (fd >= 0)
		close(fd);
	if (t.temp[0])
		unlinkat(t.dir, t.temp, 0);
	close(t.dir);
	return e;
}
