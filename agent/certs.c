/* SPDX-License-Identifier: MIT */
#include "agent/certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/dirs.h"
#include "protocol/log.h"

struct certs_file {
	struct certs_file *next;
	struct stat st; /* when it was read */
	struct cert cert;
	char name[]; /* cert.blob is NULL: it cannot be used */
};

static void file_free(struct certs_file *f)
{
	if (f != NULL)
		free(f->cert.blob);
	free(f);
}

static void list_free(struct certs_file *f)
{
	struct certs_file *next;

	for (; f != NULL; f = next) {
		next = f->next;
		file_free(f);
	}
}

/* What a write, a rename over it, or `touch` changes. */
static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool has_name(const char *name)
{
	static const char end[] = "-cert.pub";
	size_t n = strlen(name), m = sizeof(end) - 1;

	return n > m && name[0] != '.' && strcmp(name + n - m, end) == 0;
}

/* The file's bytes into `text`, at most CERT_FILE_MAX + 1 of them. */
static enum err read_bytes(int fd, const struct stat *st, uint8_t *text, size_t *n, struct why *why)
{
	ssize_t got = 1;

	*n = 0;
	if (!S_ISREG(st->st_mode))
		return why_set(why, ERR_INVALID, "no plain file");
	while (got != 0 && *n <= CERT_FILE_MAX) {
		got = read(fd, text + *n, CERT_FILE_MAX + 1 - *n);
		if (got < 0 && errno != EINTR)
			return why_set(why, ERR_IO, "%s", strerror(errno));
		if (got > 0)
			*n += (size_t)got;
	}
	return ERR_OK;
}

static void file_load(struct certs_file *f, int fd,
		      enum err (*read_cert)(struct slice text, struct cert *out, struct why *why))
{
	uint8_t *text = malloc(CERT_FILE_MAX + 1);
	struct why why = {0};
	size_t n;
	enum err e = text == NULL ? ERR_NO_MEMORY : read_bytes(fd, &f->st, text, &n, &why);

	if (e == ERR_OK)
		e = read_cert((struct slice){text, n}, &f->cert, &why);
	if (e != ERR_OK)
		log_warn("certs/%s is left out: %s", f->name, why_text(&why, e));
	f->cert.file = f->name;
	free(text);
}

/* The file as it is now: that of `old` with this name if it has not changed. NULL: it is gone. */
static struct certs_file *file_open(struct certs_file **old, int dir, const char *name,
				    enum err (*read_cert)(struct slice text, struct cert *out,
							  struct why *why))
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct certs_file *f = NULL;
	struct stat st = {0}; /* of one that cannot be opened */
	struct stat link;
	int failed = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;

	if (failed == ENOENT && fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) != 0)
		return NULL; /* it went just now */

	while (*old != NULL && strcmp((*old)->name, name) != 0)
		old = &(*old)->next;
	if (*old != NULL && same_file(&(*old)->st, &st)) {
		f = *old;
		*old = f->next;
	} else if ((f = calloc(1, sizeof(*f) + strlen(name) + 1)) != NULL) {
		memcpy(f->name, name, strlen(name) + 1);
		f->st = st;
		if (failed != 0)
			log_warn("certs/%s is left out: %s", name, strerror(failed));
		else
			file_load(f, fd, read_cert);
	}
	if (fd >= 0)
		close(fd);
	return f;
}

static void list_insert(struct certs_file **at, struct certs_file *f)
{
	while (*at != NULL && strcmp((*at)->name, f->name) < 0)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

void certs_refresh(struct certs *c,
		   enum err (*read_cert)(struct slice text, struct cert *out, struct why *why))
{
	struct certs_file *old = c->first, *f;
	char path[PATH_MAX];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = NULL;
	int failed = 0;

	c->first = NULL;
	if (dir_path(path, sizeof(path), DIR_CONFIG, "certs", NULL) == ERR_OK &&
	    (dir = opendir(path)) == NULL && errno != ENOENT)
		failed = errno;
	if (failed != 0 && !c->unreadable)
		log_warn("no certificates: %s: %s", path, strerror(failed));
	c->unreadable = failed != 0;
	while (dir != NULL && count < CERTS_MAX && (entry = readdir(dir)) != NULL) {
		f = has_name(entry->d_name) ? file_open(&old, dirfd(dir), entry->d_name, read_cert)
					    : NULL;
		if (f == NULL)
			continue;
		list_insert(&c->first, f);
		count++;
	}
	if (dir != NULL)
		closedir(dir);
	list_free(old);
}

const struct cert *certs_next(const struct certs *c, const struct key *key,
			      const struct cert *after)
{
	const struct certs_file *f = c->first;

	if (after != NULL)
		f = ((const struct certs_file *)((const char *)after -
						 offsetof(struct certs_file, cert)))
			    ->next;
	while (f != NULL && (f->cert.blob == NULL || f->cert.curve != key->id.curve ||
			     memcmp(f->cert.public_key, key->public_key, PUBLIC_KEY_LEN) != 0))
		f = f->next;
	return f != NULL ? &f->cert : NULL;
}

void certs_free(struct certs *c)
{
	list_free(c->first);
	c->first = NULL;
}
