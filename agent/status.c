/* SPDX-License-Identifier: MIT */
#include "agent/status.h"

#include <stdio.h>
#include <string.h>

#include "protocol/line.h"

/* A word as it goes on the line, as far as a line can hold it. */
struct encoded {
	uint8_t text[LINE_LEN_MAX];
	struct wbuf w;
};

static void word_encode(struct encoded *e, const char *word)
{
	e->w = wbuf_new(e->text, sizeof(e->text));
	if (word == NULL || word[0] == '\0')
		word = "-";
	line_encode(&e->w, word, strlen(word), false);
}

static size_t word_length(const struct encoded *e)
{
	return e->w.bad ? LINE_LEN_MAX + 1 : e->w.n;
}

/* The longest that a word may be so that all fit. */
static size_t word_limit(const size_t *lengths, size_t count, size_t room)
{
	size_t limit = room, sum;

	for (;; limit--) {
		sum = 0;
		for (size_t i = 0; i < count; i++)
			sum += lengths[i] < limit ? lengths[i] : limit;
		if (sum <= room)
			return limit;
	}
}

static void word_append(struct wbuf *w, const struct encoded *e, size_t limit)
{
	size_t n = e->w.n;

	if (word_length(e) <= limit) {
		wbuf_bytes(w, e->text, n);
		return;
	}
	n = limit - 3;
	/* Not in the middle of an escape. */
	if (e->text[n - 1] == '%')
		n -= 1;
	else if (e->text[n - 2] == '%')
		n -= 2;
	wbuf_bytes(w, e->text, n);
	wbuf_text(w, "...");
}

void status_format(struct wbuf *w, const char *keyword, const char *const *words, size_t count)
{
	size_t lengths[STATUS_WORDS_MAX], limit;
	struct encoded e;

	for (size_t i = 0; i < count; i++) {
		word_encode(&e, words[i]);
		lengths[i] = word_length(&e);
	}
	limit = word_limit(lengths, count, LINE_LEN_MAX - strlen("S ") - strlen(keyword) - count);
	wbuf_printf(w, "S %s", keyword);
	for (size_t i = 0; i < count; i++) {
		wbuf_u8(w, ' ');
		word_encode(&e, words[i]);
		word_append(w, &e, limit);
	}
	wbuf_u8(w, '\n');
}

void status_device(struct status_device *s, const struct device *d, enum device_state state)
{
	static const char *const names[] = {
		[DEVICE_LOCKED] = "locked",
		[DEVICE_READY] = "ready",
		[DEVICE_GONE] = "gone",
	};

	snprintf(s->index, sizeof(s->index), "%u", device_index(d));
	s->words[0] = s->index;
	s->words[1] = device_info(d)->serial;
	s->words[2] = device_driver(d)->name;
	s->words[3] = device_info(d)->label;
	s->words[4] = names[state];
	s->words[5] = custody_name(device_driver(d)->custody);
}
