/* SPDX-License-Identifier: MIT */
/*
 * The log of events (config `events`): a file of JSON lines, or the journal by its native protocol
 * (systemd, "Native Journal Protocol"). What cannot be written is a warning, once; nobody's request
 * fails for it. Loop thread only.
 */
#ifndef LANYARD_EVENT_LOG_H
#define LANYARD_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/err.h"

enum event_sink { EVENTS_NOWHERE, EVENTS_FILE, EVENTS_JOURNAL };

struct event_log {
	enum event_sink to;
	int fd;
	bool failed; /* the last one, and that has been said */
	bool torn;   /* the file's last line is not whole */
	char name[256];
};

/* `to` is the config's: NULL for none, "journald", or a file's path, which is made with mode 0600;
 * one that others can read, or that is no plain file of ours, is refused. */
enum err event_log_open(struct event_log *log, const char *to, struct why *why) MUST_CHECK;
void event_log_close(struct event_log *log);
/* words[0] is the event (protocol/event.h). Nothing without a log. */
void event_log_write(struct event_log *log, const char *const *words, size_t count);

#endif
