/* SPDX-License-Identifier: MIT */
/*
 * The events of WATCH (doc/PROTOCOL.md) with the names of their words, and as JSON and for people:
 * the agent's log of events and `lanyard events` write the same. Pure.
 */
#ifndef LANYARD_EVENT_H
#define LANYARD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "protocol/err.h"

enum { EVENT_WORDS_MAX = 14, EVENT_JSON_MAX = 16 * 1024 };

/* The name of the i-th word after the event's own, or NULL when it has no more, or is not known. */
const char *event_field(const char *event, size_t i);

/* One JSON object in one line, without a newline: time, event, and its words by name; numbers as
 * such, null for "-" and "". words[0] is the event. 0 when it does not fit (EVENT_JSON_MAX always
 * does for what a line can hold), else its length. */
size_t event_json(char *out, size_t cap, const struct timespec *t, const char *const *words,
		  size_t count) MUST_CHECK;
/* One line for a person, of clean text, cut to `cap` (>= 8): "00:46:49 key-used …" in local time.
 */
void event_text(char *out, size_t cap, const struct timespec *t, const char *const *words,
		size_t count);

#endif
