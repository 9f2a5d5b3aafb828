/* SPDX-License-Identifier: MIT */
#include "ssh/known_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/log.h"

/* The files that ssh_config(5) names by default. */
static const struct {
	bool home; /* below $HOME */
	const char *path;
} files[SSH_KNOWN_FILES] = {
	{true, ".ssh/known_hosts"},
	{true, ".ssh/known_hosts2"},
	{false, "/etc/ssh/ssh_known_hosts"},
	{false, "/etc/ssh/ssh_known_hosts2"},
};

/* A regular file of a size that a person's would have, whole; else nothing. free() it. */
static uint8_t *file_read(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t *text = NULL;
	struct stat st;
	ssize_t got;

	*n = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= SSH_KNOWN_FILE_MAX)
		text = malloc((size_t)st.st_size);
	else if (st.st_size > 0)
		log_warn("%s is left out: no regular file of at most %d bytes", path,
			 SSH_KNOWN_FILE_MAX);
	while (text != NULL && *n < (size_t)st.st_size) {
		got = read(fd, text + *n, (size_t)st.st_size - *n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	close(fd);
	return text;
}

void ssh_known_files(uint8_t *texts[static SSH_KNOWN_FILES], size_t n[static SSH_KNOWN_FILES])
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	for (size_t i = 0; i < SSH_KNOWN_FILES; i++) {
		texts[i] = NULL;
		n[i] = 0;
		if (files[i].home && home == NULL)
			continue;
		if ((size_t)snprintf(path, sizeof(path), "%s%s%s", files[i].home ? home : "",
				     files[i].home ? "/" : "", files[i].path) >= sizeof(path))
			continue;
		texts[i] = file_read(path, &n[i]);
	}
}

void ssh_known_hosts_read(struct ssh_known *out, const uint8_t fingerprint[static 32],
			  struct slice host, struct slice port)
{
	uint8_t *texts[SSH_KNOWN_FILES];
	size_t n[SSH_KNOWN_FILES];

	*out = (struct ssh_known){0};
	ssh_known_files(texts, n);
	for (size_t i = 0; i < SSH_KNOWN_FILES; i++) {
		if (texts[i] != NULL)
			ssh_known_hosts_find(out, (struct slice){texts[i], n[i]}, fingerprint, host,
					     port);
		free(texts[i]);
	}
}
