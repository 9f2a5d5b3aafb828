/* SPDX-License-Identifier: MIT */
#include "agent/cli/doctor.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"

enum { SAYS_MAX = 600 };

const char *doctor_state_name(enum doctor_state s)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_TODO] = "todo"};

	return names[s];
}

void doctor_say(const struct doctor *d, const char *check, enum doctor_state state,
		const char *type, const char *fmt, ...)
{
	char raw[SAYS_MAX], says[SAYS_MAX], clean[SAYS_MAX] = "";
	va_list args;

	va_start(args, fmt);
	vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	text_clean_message(says, sizeof(says), raw, strlen(raw));
	if (type != NULL)
		text_clean_message(clean, sizeof(clean), type, strlen(type));
	d->found(d->arg, check, state, says, clean);
}

bool doctor_read(const struct doctor *d, char *out, size_t cap, const char *fmt, ...)
{
	char path[PATH_MAX];
	size_t at = (size_t)snprintf(path, sizeof(path), "%s", d->root);
	va_list args;
	ssize_t n;
	int fd;

	out[0] = '\0';
	va_start(args, fmt);
	n = vsnprintf(path + at, sizeof(path) - at, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(path) - at)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	n = read(fd, out, cap - 1);
	close(fd);
	if (n < 0)
		return false;
	out[n] = '\0';
	n = (ssize_t)strlen(out);
	if (n > 0 && out[n - 1] == '\n')
		out[n - 1] = '\0';
	return true;
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s%s", d->root, path);

	return n > 0 && (size_t)n < sizeof(full) && access(full, F_OK) == 0;
}
