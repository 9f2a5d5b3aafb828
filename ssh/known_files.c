/* SPDX-License-Identifier: MIT */
#include "ssh/known_hosts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/dirs.h"
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
		struct why why = {0};
		enum err e = file_read(path, SSH_KNOWN_FILE_MAX, FILE_ANY, &texts[i], &n[i], NULL,
				       &why);
		if (e != ERR_OK && e != ERR_NOT_FOUND)
			log_warn("%s is left out: %s", path, why.text);
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
