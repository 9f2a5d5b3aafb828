/* SPDX-License-Identifier: MIT */
#include "protocol/event.h"

#include <stdio.h>
#include <string.h>

#include "protocol/buf.h"
#include "protocol/text.h"

#define DEVICE_FIELDS "index", "serial", "driver", "label", "state", "custody"

static const struct {
	const char *event;
	const char *fields[EVENT_WORDS_MAX]; /* end with NULL */
} events[] = {
	{"key-used",
	 {"uri", "index", "curve", "operation", "result", "serial", "driver", "custody", "facts",
	  "client", "pid", "uid", "process"}},
	{"device-arrived", {DEVICE_FIELDS}},
	{"device-left", {DEVICE_FIELDS}},
	{"device-state", {DEVICE_FIELDS}},
	{"locked", {"class"}},
	{"unlocked", {"class"}},
};

const char *event_field(const char *event, size_t i)
{
	for (size_t k = 0; k < sizeof(events) / sizeof(events[0]); k++)
		if (strcmp(events[k].event, event) == 0)
			return i < EVENT_WORDS_MAX ? events[k].fields[i] : NULL;
	return NULL;
}

enum { EVENT_TIME_MAX = 32 };

/* "2026-11-22T00:46:49.123Z" (RFC 3339). */
static void event_time(char out[static EVENT_TIME_MAX], const struct timespec *t)
{
	struct tm tm;
	size_t n;

	if (gmtime_r(&t->tv_sec, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = strftime(out, EVENT_TIME_MAX - 6, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, EVENT_TIME_MAX - n, ".%03dZ", (int)(t->tv_nsec / 1000000));
}

static bool is_none(const char *word)
{
	return word == NULL || word[0] == '\0' || strcmp(word, "-") == 0;
}

static bool is_number(const char *field, const char *word)
{
	uint32_t value;

	return (strcmp(field, "index") == 0 || strcmp(field, "pid") == 0 ||
		strcmp(field, "uid") == 0) &&
	       text_to_u32(word, 0, UINT32_MAX, &value);
}

static void json_string(struct wbuf *w, const char *text)
{
	char one[EVENT_JSON_MAX];
	size_t n = text_json(one, sizeof(one), text, strlen(text));

	if (n >= sizeof(one))
		w->bad = true;
	else
		wbuf_bytes(w, one, n);
}

size_t event_json(char *out, size_t cap, const struct timespec *t, const char *const *words,
		  size_t count)
{
	struct wbuf w = wbuf_new(out, cap - 1);
	char when[EVENT_TIME_MAX], other[32];

	event_time(when, t);
	wbuf_printf(&w, "{\"time\": \"%s\", \"event\": ", when);
	json_string(&w, words[0]);
	for (size_t i = 1; i < count; i++) {
		const char *field = event_field(words[0], i - 1);

		/* Of an agent that is newer. */
		if (field == NULL) {
			snprintf(other, sizeof(other), "word%zu", i);
			field = other;
		}
		wbuf_printf(&w, ", \"%s\": ", field);
		if (is_none(words[i]))
			wbuf_text(&w, "null");
		else if (is_number(field, words[i]))
			wbuf_text(&w, words[i]);
		else
			json_string(&w, words[i]);
	}
	wbuf_u8(&w, '}');
	out[wbuf_ok(&w) ? w.n : 0] = '\0';
	return wbuf_ok(&w) ? w.n : 0;
}

/* The word with that name, or NULL. */
static const char *word_of(const char *name, const char *const *words, size_t count)
{
	const char *field;

	for (size_t i = 1; i < count && (field = event_field(words[0], i - 1)) != NULL; i++)
		if (strcmp(field, name) == 0)
			return is_none(words[i]) ? NULL : words[i];
	return NULL;
}

static void use_text(struct wbuf *w, const char *const *words, size_t count)
{
	const char *const facts = word_of("facts", words, count);
	const char *const serial = word_of("serial", words, count);
	const char *const process = word_of("process", words, count);
	const char *const index = word_of("index", words, count);

	wbuf_printf(w, " %s: %s %s", word_of("result", words, count),
		    word_of("operation", words, count), word_of("uri", words, count));
	if (index != NULL && strcmp(index, "0") != 0)
		wbuf_printf(w, " index %s", index);
	if (facts != NULL)
		wbuf_printf(w, " (%s)", facts);
	if (serial != NULL)
		wbuf_printf(w, " on %s:%s", word_of("driver", words, count), serial);
	if (word_of("custody", words, count) != NULL)
		wbuf_printf(w, ", custody %s", word_of("custody", words, count));
	if (process != NULL)
		wbuf_printf(w, "; %s client says it is %s", word_of("client", words, count),
			    process);
}

void event_text(char *out, size_t cap, const struct timespec *t, const char *const *words,
		size_t count)
{
	char text[EVENT_JSON_MAX] = "", when[16] = "";
	struct wbuf w = wbuf_new(text, sizeof(text) - 1);
	struct tm tm;

	if (localtime_r(&t->tv_sec, &tm) != NULL)
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	wbuf_printf(&w, "%s %s", when, words[0]);
	if (strcmp(words[0], "key-used") == 0 && count > EVENT_WORDS_MAX - 1)
		use_text(&w, words, count);
	else
		for (size_t i = 1; i < count; i++)
			wbuf_printf(&w, " %s", is_none(words[i]) ? "-" : words[i]);
	text_clean_message(out, cap, text, w.n);
}
