/* SPDX-License-Identifier: MIT */
#include "agent/event_log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "protocol/buf.h"
#include "protocol/event.h"
#include "protocol/log.h"
#include "protocol/text.h"

static const char *journal_path(void)
{
#ifdef LANYARD_TEST
	if (getenv("LANYARD_TEST_JOURNAL") != NULL)
		return getenv("LANYARD_TEST_JOURNAL");
#endif
	return "/run/systemd/journal/socket";
}

/* ---- opening ---- */

static enum err file_open(struct event_log *log, const char *path, struct why *why)
{
	struct stat st;
	enum err e = ERR_OK;

	/* Not blocking: a FIFO with no reader is an error, and not a wait. */
	log->fd = open(path,
		       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
			       O_NONBLOCK,
		       0600);
	if (log->fd < 0)
		return why_set(why, ERR_IO, "events: %s: %s", path,
			       errno == ELOOP ? "a symbolic link is not followed"
					      : strerror(errno));
	log->to = EVENTS_FILE;
	if (fstat(log->fd, &st) != 0)
		e = why_set(why, ERR_IO, "events: %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		e = why_set(why, ERR_INVALID, "events: %s is not a plain file", path);
	else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		e = why_set(why, ERR_PERMISSION,
			    "events: %s is not for its owner alone: `chmod 600 %s`, or name "
			    "another",
			    path, path);
	if (e != ERR_OK)
		event_log_close(log);
	return e;
}

enum err event_log_open(struct event_log *log, const char *to, struct why *why)
{
	*log = (struct event_log){.to = EVENTS_NOWHERE};
	if (to == NULL)
		return ERR_OK;
	snprintf(log->name, sizeof(log->name), "%s", to);
	if (strcmp(to, "journald") != 0)
		return file_open(log, to, why);
	log->to = EVENTS_JOURNAL;
	/* Not connected: the journal may be started anew. */
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log->fd >= 0)
		return ERR_OK;
	log->to = EVENTS_NOWHERE;
	return why_set(why, ERR_IO, "events: no socket: %s", strerror(errno));
}

void event_log_close(struct event_log *log)
{
	if (log->to != EVENTS_NOWHERE)
		close(log->fd);
	log->to = EVENTS_NOWHERE;
}

/* ---- writing ---- */

static bool file_write_line(struct event_log *log, const struct timespec *t,
			    const char *const *words, size_t count)
{
	char text[EVENT_JSON_MAX + 2];
	size_t at = 0, n;
	ssize_t written;

	if (log->torn)
		text[at++] = '\n';
	n = event_json(text + at, EVENT_JSON_MAX, t, words, count);
	if (n == 0) {
		errno = E2BIG;
		return false;
	}
	n += at;
	text[n++] = '\n';
	written = write(log->fd, text, n);
	if (written >= 0 && (size_t)written < n) {
		log->torn = written > 0 || log->torn;
		errno = ENOSPC;
		return false;
	}
	if (written > 0)
		log->torn = false;
	return written > 0;
}

/* KEY=value lines; a value of ours is one line after the sanitiser. */
static void journal_field(struct wbuf *w, const char *name, const char *value)
{
	char clean[2048];

	text_clean_message(clean, sizeof(clean), value, strlen(value));
	wbuf_text(w, "LANYARD_");
	for (; *name != '\0'; name++)
		wbuf_u8(w, (uint8_t)toupper((unsigned char)*name));
	wbuf_printf(w, "=%s\n", clean);
}

static bool journal_write(struct event_log *log, const struct timespec *t, const char *const *words,
			  size_t count)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[EVENT_JSON_MAX], line[2048];
	struct wbuf w = wbuf_new(text, sizeof(text));
	const char *field, *message;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", journal_path());
	event_text(line, sizeof(line), t, words, count);
	/* The journal has a time of its own. */
	message = strchr(line, ' ');
	wbuf_printf(&w, "MESSAGE=%s\nPRIORITY=6\nSYSLOG_IDENTIFIER=lanyard-agent\n",
		    message != NULL ? message + 1 : line);
	journal_field(&w, "event", words[0]);
	for (size_t i = 1; i < count && (field = event_field(words[0], i - 1)) != NULL; i++)
		if (words[i] != NULL && words[i][0] != '\0')
			journal_field(&w, field, words[i]);
	if (!wbuf_ok(&w)) {
		errno = E2BIG;
		return false;
	}
	return sendto(log->fd, text, w.n, MSG_NOSIGNAL | MSG_DONTWAIT,
		      (const struct sockaddr *)&address, sizeof(address)) == (ssize_t)w.n;
}

void event_log_write(struct event_log *log, const char *const *words, size_t count)
{
	struct timespec now;
	bool ok;

	if (log->to == EVENTS_NOWHERE)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	ok = log->to == EVENTS_JOURNAL ? journal_write(log, &now, words, count)
				       : file_write_line(log, &now, words, count);
	if (!ok && !log->failed)
		log_warn("events: %s: %s: events are lost until it can be written again", log->name,
			 strerror(errno));
	else if (ok && log->failed)
		log_warn("events: %s can be written again", log->name);
	log->failed = !ok;
}
