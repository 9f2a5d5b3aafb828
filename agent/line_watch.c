/* SPDX-License-Identifier: MIT */
/* The commands about what is there now, and what happens. */
#include "agent/line.h"
#include "agent/lock.h"
#include "agent/status.h"

void line_list_devices(struct line_conn *lc)
{
	struct registry *registry = lc->request.agent->registry;
	struct status_device s;

	for (struct device *d = registry_next(registry, NULL); d != NULL;
	     d = registry_next(registry, d)) {
		status_device(&s, d, device_state(d));
		if (device_info(d)->about[0] != '\0')
			line_status(lc, "ABOUT", s.words[0], device_info(d)->about, NULL);
		line_status(lc, "DEVICE", s.words[0], s.words[1], s.words[2], s.words[3],
			    s.words[4], s.words[5], NULL);
	}
	const char *why;
	for (size_t i = 0; (why = registry_trouble(registry, i)) != NULL; i++)
		line_status(lc, "UNUSABLE", why, NULL);
}

struct words {
	const char *list[OP_CLASS_COUNT + 1];
	size_t count;
};

static void words_add(void *arg, const char *word)
{
	struct words *w = arg;

	w->list[w->count++] = word;
}

/* Those that are not there are NULL, and end the line. */
void line_status_locked(struct line_conn *lc)
{
	const struct agent *a = lc->request.agent;
	struct words w = {.count = 0};

	words_add(&w, request_locked(a) ? "yes" : a->locked != 0 ? "partly" : "no");
	lock_tell(a->locked, words_add, &w);
	line_status(lc, "LOCKED", w.list[0], w.list[1], w.list[2], w.list[3], w.list[4], NULL);
}

/* The state first, so that a watcher misses nothing between a question and its first event. */
void line_run_watch(struct line_conn *lc)
{
	line_list_devices(lc);
	line_status_locked(lc);
	line_status(lc, "WATCHING", NULL);
	lc->state = LINE_WATCHING;
	watch_add(&lc->request.agent->watch, &lc->watcher, lc->conn);
}
