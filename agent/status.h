/* SPDX-License-Identifier: MIT */
/* Status lines of the line protocol, for the dialect and for events. Loop thread only. */
#ifndef LANYARD_STATUS_H
#define LANYARD_STATUS_H

#include "devices/device.h"
#include "protocol/buf.h"

enum { STATUS_WORDS_MAX = 16 };

/*
 * Appends "S keyword word word …\n", each word percent-encoded, an empty one as "-". When that is
 * more than a line may have, the longest words are cut and end with "...".
 */
void status_format(struct wbuf *w, const char *keyword, const char *const *words, size_t count);

/* How a device is told: index, serial, driver, label, state, custody. */
enum { STATUS_DEVICE_WORDS = 6 };
struct status_device {
	const char *words[STATUS_DEVICE_WORDS];
	char index[12];
};
void status_device(struct status_device *s, const struct device *d, enum device_state state);

#endif
