/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "protocol/log.h"
#include "protocol/text.h"

enum { LOG_TEXT_MAX = 1000 };

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {.word = "error: ", .priority = LOG_ERR},
	[LOG_LEVEL_WARN] = {.word = "warning: ", .priority = LOG_WARNING},
	[LOG_LEVEL_INFO] = {.word = "", .priority = LOG_INFO},
	[LOG_LEVEL_DEBUG] = {.word = "debug: ", .priority = LOG_DEBUG},
};

static struct {
	const char *program;
	enum log_level level;
	bool to_syslog;
} sink = {.program = "lanyard", .level = LOG_LEVEL_WARN};

void log_open(const char *program, enum log_level level, bool to_syslog)
{
	sink.program = program;
	sink.level = level;
	sink.to_syslog = to_syslog;
	/* Connected now: a sandbox or a changed root may come later. */
	if (to_syslog)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_AUTH);
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&sink.level, level, __ATOMIC_RELAXED);
}

enum log_level log_level(void)
{
	return __atomic_load_n(&sink.level, __ATOMIC_RELAXED);
}

PRINTF_LIKE(2, 0) static void log_write(enum log_level level, const char *fmt, va_list args)
{
	char raw[2 * LOG_TEXT_MAX], text[LOG_TEXT_MAX], line[LOG_TEXT_MAX + 100];
	int error = errno;

	if (level > log_level())
		return;
	int n = vsnprintf(raw, sizeof(raw), fmt, args);
	text_clean_message(text, sizeof(text), raw, n < 0 ? 0 : strlen(raw));
	if (sink.to_syslog) {
		syslog(levels[level].priority, "%s%s", levels[level].word, text);
	} else {
		/* One write(2), so that lines of several threads and processes do not mix. When it
		 * fails there is nobody left to tell. */
		n = snprintf(line, sizeof(line), "%.60s: %s%s\n", sink.program, levels[level].word,
			     text);
		ssize_t written = write(STDERR_FILENO, line, (size_t)n);
		(void)written;
	}
	errno = error;
}

void log_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(LOG_LEVEL_ERROR, fmt, args);
	va_end(args);
}

void log_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(LOG_LEVEL_WARN, fmt, args);
	va_end(args);
}

void log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(LOG_LEVEL_INFO, fmt, args);
	va_end(args);
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(LOG_LEVEL_DEBUG, fmt, args);
	va_end(args);
}
