/* SPDX-License-Identifier: MIT */
/*
 * The log: one line a message, to standard error (foreground) or syslog (daemon).
 *
 * Any thread. A line passes the text sanitiser. Never log a frame, a secret or anything derived
 * from one. The level and the sink are this file's only state; the sink is set before threads
 * start.
 */
#ifndef LANYARD_LOG_H
#define LANYARD_LOG_H

#include "protocol/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `program` is kept by reference. */
void log_open(const char *program, enum log_level level, bool to_syslog);
/* Any time. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
