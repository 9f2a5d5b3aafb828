/* SPDX-License-Identifier: MIT */
#include "wg-hook/events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "protocol/text.h"

enum { START_MS = 5000 };

/* A word that may be missing, cleaned; "-" is none. */
static void take_word(char out[static EVENT_WORD_MAX], const char *word)
{
	out[0] = '\0';
	if (word && strcmp(word, "-") != 0)
		text_clean(out, EVENT_WORD_MAX, word, strlen(word));
}

/* index serial driver label state custody, from operand `at` on */
static enum err take_device(struct event *e, const struct line *l, size_t at)
{
	const char *driver = line_operand(l, at + 2), *label = line_operand(l, at + 3);
	const char *state = line_operand(l, at + 4);
	char name[2 * EVENT_WORD_MAX];

	if (!label || !state)
		return ERR_SYNTAX;
	take_word(e->serial, line_operand(l, at + 1));
	snprintf(name, sizeof(name), "%s:%s", driver, label);
	take_word(e->name, name);
	take_word(e->custody, line_operand(l, at + 5));
	e->ready = strcmp(state, "ready") == 0;
	e->kind = strcmp(state, "gone") == 0 ? EVENT_LEFT : EVENT_DEVICE;
	return e->serial[0] != '\0' ? ERR_OK : ERR_SYNTAX;
}

/* uri index curve operation result serial driver custody facts */
static enum err take_use(struct event *e, const struct line *l)
{
	const char *uri = line_operand(l, 2), *index = line_operand(l, 3);
	const char *result = line_operand(l, 6);

	if (!result || strlen(uri) > IDENTITY_URI_MAX ||
	    !text_to_u32(index, 0, UINT32_MAX, &e->index))
		return ERR_SYNTAX;
	strcpy(e->uri, uri);
	e->ok = strcmp(result, "ok") == 0;
	take_word(e->serial, line_operand(l, 7));
	take_word(e->custody, line_operand(l, 9));
	e->kind = EVENT_USED;
	return ERR_OK;
}

static enum err take_event(struct event *e, const struct line *l)
{
	const char *name = line_operand(l, 1);

	if (!name)
		return ERR_SYNTAX;
	if (strcmp(name, "device-arrived") == 0 || strcmp(name, "device-state") == 0 ||
	    strcmp(name, "device-left") == 0)
		return take_device(e, l, 2);
	if (strcmp(name, "key-used") == 0)
		return take_use(e, l);
	if (strcmp(name, "locked") == 0)
		e->kind = EVENT_LOCKED;
	else if (strcmp(name, "unlocked") == 0)
		e->kind = EVENT_UNLOCKED;
	return ERR_OK;
}

enum err event_parse(struct event *e, const void *p, size_t n, struct why *why)
{
	struct line l;
	const char *keyword, *word;
	enum err err = line_parse(&l, p, n, why);

	memset(e, 0, sizeof(*e));
	if (err != ERR_OK)
		return err;
	if (strcmp(l.verb, "OK") == 0 || strcmp(l.verb, "ERR") == 0) {
		e->kind = EVENT_END;
		return ERR_OK;
	}
	keyword = strcmp(l.verb, "S") == 0 ? line_operand(&l, 0) : NULL;
	if (!keyword)
		return why_set(why, ERR_SYNTAX, "the agent's WATCH sent what is no status line");
	if (strcmp(keyword, "DEVICE") == 0) {
		err = take_device(e, &l, 1);
	} else if (strcmp(keyword, "LOCKED") == 0) {
		word = line_operand(&l, 1);
		e->kind = word && strcmp(word, "no") == 0 ? EVENT_UNLOCKED : EVENT_LOCKED;
	} else if (strcmp(keyword, "WATCHING") == 0) {
		e->kind = EVENT_WATCHING;
	} else if (strcmp(keyword, "EVENT") == 0) {
		err = take_event(e, &l);
	}
	return err == ERR_OK
		       ? ERR_OK
		       : why_set(why, err, "the agent's WATCH sent a %s line that lacks words",
				 keyword);
}

int events_find(const struct events *w, const char *selector)
{
	for (size_t i = 0; i < w->devices; i++) {
		if (strcmp(w->device[i].serial, selector) == 0 ||
		    strcmp(w->device[i].name, selector) == 0)
			return (int)i;
	}
	return -1;
}

static void add_device(struct events *w, const struct event *e)
{
	int at = events_find(w, e->serial);

	if (at < 0 && w->devices == EVENT_DEVICES_MAX)
		return;
	if (at < 0)
		at = (int)w->devices++;
	memcpy(w->device[at].serial, e->serial, EVENT_WORD_MAX);
	memcpy(w->device[at].name, e->name, EVENT_WORD_MAX);
	memcpy(w->device[at].custody, e->custody, EVENT_WORD_MAX);
	w->device[at].ready = e->ready;
}

void events_apply(struct events *w, const struct event *e)
{
	int at;

	switch (e->kind) {
	case EVENT_DEVICE:
		add_device(w, e);
		break;
	case EVENT_LEFT:
		at = events_find(w, e->serial);
		if (at >= 0)
			w->device[at] = w->device[--w->devices];
		break;
	case EVENT_LOCKED:
	case EVENT_UNLOCKED:
		w->locked = e->kind == EVENT_LOCKED;
		break;
	default:
		break;
	}
}

void events_close(struct events *w)
{
	client_close(w->client);
	memset(w, 0, sizeof(*w));
}

int events_fd(const struct events *w)
{
	return w->client ? client_fd(w->client) : -1;
}

/* The connection is of no more use. */
static struct event ended(struct events *w)
{
	events_close(w);
	return (struct event){.kind = EVENT_END};
}

/* A line's event; its bytes are gone from the buffer. */
static struct event take_line(struct events *w, size_t n, struct why *why)
{
	struct event e;
	enum err err = event_parse(&e, w->bytes, n, why);

	w->have -= n + 1;
	memmove(w->bytes, w->bytes + n + 1, w->have);
	if (err != ERR_OK || e.kind == EVENT_END)
		return ended(w);
	events_apply(w, &e);
	return e;
}

struct event events_next(struct events *w, struct why *why)
{
	why_set(why, ERR_OK, "the agent ended");
	while (w->client) {
		const char *end = memchr(w->bytes, '\n', w->have);
		ssize_t got;

		if (end) {
			struct event e = take_line(w, (size_t)(end - w->bytes), why);

			if (e.kind == EVENT_NONE)
				continue;
			return e;
		}
		if (w->have == sizeof(w->bytes))
			return ended(w);
		got = recv(events_fd(w), w->bytes + w->have, sizeof(w->bytes) - w->have,
			   MSG_DONTWAIT);
		if (got > 0) {
			w->have += (size_t)got;
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return (struct event){.kind = EVENT_NONE};
		return ended(w);
	}
	return (struct event){.kind = EVENT_END};
}

enum err events_open(struct events *w, const struct owner *owner, struct why *why)
{
	static const char command[] = "WATCH\n";
	struct event e = {.kind = EVENT_NONE};
	enum err err;

	memset(w, 0, sizeof(*w));
	err = owner_connect(owner, &w->client, why);
	if (err != ERR_OK)
		return err;
	if (send(events_fd(w), command, sizeof(command) - 1, MSG_NOSIGNAL) != sizeof(command) - 1) {
		events_close(w);
		return why_set(why, ERR_IO, "cannot write to %s: %m", owner->path);
	}
	while (e.kind != EVENT_WATCHING && e.kind != EVENT_END) {
		struct pollfd p = {.fd = events_fd(w), .events = POLLIN};

		if (poll(&p, 1, START_MS) == 0) {
			events_close(w);
			return why_set(why, ERR_TIMEOUT, "the agent at %s does not answer WATCH",
				       owner->path);
		}
		do
			e = events_next(w, why);
		while (e.kind != EVENT_NONE && e.kind != EVENT_WATCHING && e.kind != EVENT_END);
	}
	return e.kind == EVENT_WATCHING
		       ? ERR_OK
		       : why_set(why, ERR_NO_AGENT, "the agent at %s does not answer WATCH",
				 owner->path);
}
