/* SPDX-License-Identifier: MIT */
#include "agent/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"

/* A decimal number that ends with a space, and the space. */
static bool parse_pid(const char **p, const char *end, pid_t *out)
{
	long value = 0;
	const char *start = *p;

	for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
		value = 10 * value + (**p - '0');
		if (value > 0x7FFFFFFF)
			return false;
	}
	*out = (pid_t)value;
	return *p > start && *p < end && *(*p)++ == ' ';
}

bool peer_parse(struct peer_stat *out, const char *text, size_t n)
{
	const char *end = text + n, *p = text, *close = memrchr(text, ')', n);
	pid_t pid;
	size_t length;

	/* `close` is none of what a number takes, so `p` does not go past it. */
	if (close == NULL || !parse_pid(&p, end, &pid) || *p != '(')
		return false;
	length = (size_t)(close - ++p);
	if (length > PEER_NAME_MAX || memchr(p, '\0', length) != NULL)
		return false;
	memcpy(out->name, p, length);
	out->name[length] = '\0';
	/* ") S " */
	p = close + 1;
	if (end - p < 3 || p[0] != ' ' || p[2] != ' ')
		return false;
	p += 3;
	return parse_pid(&p, end, &out->parent);
}

static bool peer_read(struct peer_stat *out, pid_t pid)
{
	char path[32], text[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && peer_parse(out, text, (size_t)n);
}

/* A name cannot look like two, nor like one with another number. */
static void peer_name(char *out, size_t cap, const char *name)
{
	char clean[4 * PEER_NAME_MAX + 8];
	size_t n = 0;

	text_clean(clean, sizeof(clean), name, strlen(name));
	for (const char *p = clean; *p != '\0' && n + 5 < cap; p++) {
		if (strchr("<()", *p) != NULL)
			n += (size_t)snprintf(out + n, cap - n, "\\x%02x", (unsigned)*p);
		else
			out[n++] = *p;
	}
	out[n] = '\0';
}

void peer_chain(char *out, size_t cap, pid_t pid)
{
	char text[PEER_NAMES_MAX * (4 * PEER_NAME_MAX + 16)], name[4 * PEER_NAME_MAX + 8];
	struct peer_stat s;
	size_t n = 0;

	if (pid <= 0) {
		snprintf(out, cap, "a process outside");
		return;
	}
	if (!peer_read(&s, pid)) {
		snprintf(out, cap, "process %d, gone", (int)pid);
		return;
	}
	peer_name(name, sizeof(name), s.name);
	n += (size_t)snprintf(text, sizeof(text), "%s (%d)", name, (int)pid);
	for (int i = 1; i < PEER_NAMES_MAX && s.parent > 1 && peer_read(&s, s.parent); i++) {
		/* Who it works for is not to be found here: a daemon has no such parent. */
		if (strcmp(s.name, "gpg-agent") == 0) {
			snprintf(out, cap, "through gpg-agent");
			return;
		}
		peer_name(name, sizeof(name), s.name);
		n += (size_t)snprintf(text + n, sizeof(text) - n, " <- %s", name);
	}
	/* Cuts between two characters. */
	text_clean_message(out, cap, text, n);
}
