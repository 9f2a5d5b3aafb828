/* SPDX-License-Identifier: MIT */
#include "agent/waiting.h"

#include <string.h>

static void waiting_remove(struct waiting *w, struct request *r)
{
	struct request **at = &w->first;

	while (*at != r)
		at = &(*at)->wait_next;
	*at = r->wait_next;
	r->wait_next = NULL;
	r->waiting = false;
}

static void waiting_due(uv_timer_t *timer);

/* For the one that is due first. */
static void waiting_set_timer(struct waiting *w)
{
	uint64_t now = uv_now(w->timer.loop), until = UINT64_MAX;

	for (struct request *r = w->first; r != NULL; r = r->wait_next)
		if (r->wait_until < until)
			until = r->wait_until;
	if (w->first == NULL)
		uv_timer_stop(&w->timer);
	else
		uv_timer_start(&w->timer, waiting_due, until > now ? until - now : 0, 0);
}

static void waiting_due(uv_timer_t *timer)
{
	struct waiting *w = timer->data;
	uint64_t now = uv_now(timer->loop);
	struct request *r = w->first;

	while (r != NULL) {
		if (r->wait_until > now) {
			r = r->wait_next;
			continue;
		}
		waiting_remove(w, r);
		request_resume(r, r->canceled ? ERR_CANCELED : ERR_NO_DEVICE);
		r = w->first; /* who waits may have changed */
	}
	waiting_set_timer(w);
}

enum err waiting_init(struct waiting *w, uv_loop_t *loop)
{
	if (uv_timer_init(loop, &w->timer) != 0)
		return ERR_NO_MEMORY;
	w->timer.data = w;
	w->first = NULL;
	return ERR_OK;
}

void waiting_close(struct waiting *w)
{
	uv_close((uv_handle_t *)&w->timer, NULL);
}

void waiting_add(struct waiting *w, struct request *r, unsigned seconds)
{
	r->waiting = true;
	r->wait_until = uv_now(w->timer.loop) + UINT64_C(1000) * seconds;
	r->wait_next = w->first;
	w->first = r;
	waiting_set_timer(w);
}

void waiting_cancel(struct waiting *w, struct request *r)
{
	/* Due at once, but on the loop: nobody who cancels expects done() from inside. */
	r->wait_until = uv_now(w->timer.loop);
	waiting_set_timer(w);
}

void waiting_arrived(struct waiting *w, const struct device *d)
{
	struct request *r = w->first;

	while (r != NULL) {
		if (r->canceled || strcmp(r->serial, device_info(d)->serial) != 0 ||
		    strcmp(r->driver, device_driver(d)->name) != 0) {
			r = r->wait_next;
			continue;
		}
		waiting_remove(w, r);
		request_resume(r, ERR_OK);
		r = w->first;
	}
	waiting_set_timer(w);
}
