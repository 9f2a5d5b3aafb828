/* SPDX-License-Identifier: MIT */
#include "devices/prober.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "protocol/log.h"

enum { AGAIN_MS = 3000 };

struct place {
	struct place *next;
	struct prober *prober;
	const struct driver *scanner;
	struct device_info info;
	struct device *device; /* that is being asked; NULL: nobody is */
	struct probe probe;
	struct job job;
	enum err answer; /* the last */
	struct why why;  /* of that */
	bool said;       /* in the log */
	bool seen;       /* by the scan that runs */
	bool again;      /* seen once more while it was asked: something has changed there */
	bool dropped;
};

struct prober {
	struct uv_loop_s *loop;
	struct prober_calls calls;
	struct place *places;
	uv_timer_t timer;
	bool timer_closed;
	void (*closed)(void *arg); /* not NULL: closing */
};

static void prober_free_if_closed(struct prober *p)
{
	if (!p->closed || !p->timer_closed || p->places)
		return;
	p->closed(p->calls.arg);
	free(p);
}

static void place_free(struct place *place)
{
	struct place **at = &place->prober->places;

	while (*at != place)
		at = &(*at)->next;
	*at = place->next;
	free(place);
}

/* Its job may run: then it is free when that is done. */
static void place_drop(struct place *place)
{
	struct prober *p = place->prober;

	if (place->dropped)
		return;
	place->dropped = true;
	if (place->device)
		p->calls.drop(p->calls.arg, place->device, ERR_DEVICE_GONE);
	else
		place_free(place);
}

static bool place_waits(const struct place *place)
{
	if (place->info.silent)
		return place->answer && place->answer != ERR_EXISTS;
	return place->answer == ERR_DEVICE_BUSY || place->answer == ERR_PERMISSION ||
	       place->answer == ERR_TIMEOUT || place->answer == ERR_IO ||
	       place->answer == ERR_DEVICE_ERROR;
}

/* Plugged in, but it cannot be used, now or at all. */
static bool place_troubled(const struct place *place)
{
	return !place->info.silent && (place_waits(place) || place->answer == ERR_UNSUPPORTED);
}

/* A driver's reason names the place. No right to a node is said when it stays so: udev may not have
 * come to it yet. */
static void place_say(struct place *place, enum err e)
{
	const struct why before = place->why;
	struct why *why = &place->why;

	*why = place->job.why;
	if (!why->text[0])
		why_set(why, e, "%s: %s", place->info.where, err_text(e));
	bool again = e == place->answer && !strcmp(why->text, before.text);
	place->answer = e;
	place->said = place->said && again;
	if (place->said || (e == ERR_PERMISSION && !again) ||
	    (e == ERR_DEVICE_GONE && !place->info.silent)) {
		log_debug("%s", why->text);
		return;
	}
	place->said = true;
	if (place->info.silent)
		log_info("%s; it is looked for every %d s", why->text, AGAIN_MS / 1000);
	else
		log_warn("%s", why->text);
}

static void on_timer(uv_timer_t *timer);
static void place_ask(struct place *place);

static void place_done(struct job *job, enum err e)
{
	struct place *place = job->arg;
	struct prober *p = place->prober;
	struct device *d = place->device;

	place->device = NULL;
	if (place->dropped) {
		place_free(place);
		prober_free_if_closed(p);
		return;
	}
	if (!e && p->calls.found(p->calls.arg, d, place->scanner, &place->probe)) {
		place_free(place);
		return;
	}
	if (!e) {
		place->answer = ERR_EXISTS;
	} else {
		place_say(place, e);
		if (place_waits(place) && !uv_is_active((uv_handle_t *)&p->timer))
			uv_timer_start(&p->timer, on_timer, AGAIN_MS, 0);
	}
	p->calls.drop(p->calls.arg, d, e ? e : ERR_EXISTS);
	if (place->again)
		place_ask(place);
}

static void place_ask(struct place *place)
{
	struct prober *p = place->prober;
	struct why why = {0};

	place->again = false;
	place->probe = (struct probe){.info = place->info, .driver = place->scanner};
	place->job = (struct job){
		.op = OP_PROBE, .probe = &place->probe, .done = place_done, .arg = place};
	enum err e = device_new(&place->device, p->loop, place->scanner, &place->info, 0,
				p->calls.device_calls, &why);
	if (!e) {
		e = device_submit(place->device, &place->job);
		if (e)
			p->calls.drop(p->calls.arg, place->device, e);
	}
	if (e) {
		place->device = NULL;
		place_say(place, e);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct prober *p = timer->data;

	for (struct place *place = p->places; place; place = place->next)
		if (place_waits(place) && !place->device)
			place_ask(place);
}

enum err prober_new(struct prober **out, struct uv_loop_s *loop, const struct prober_calls *calls,
		    struct why *why)
{
	struct prober *p = calloc(1, sizeof(*p));
	if (!p)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the devices");
	p->loop = loop;
	p->calls = *calls;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	*out = p;
	return ERR_OK;
}

void prober_begin(struct prober *p, const struct driver *scanner)
{
	for (struct place *place = p->places; place; place = place->next)
		if (place->scanner == scanner)
			place->seen = false;
}

void prober_place(struct prober *p, const struct driver *scanner, const struct device_info *info)
{
	struct place *place = p->places;

	while (place && (place->dropped || place->scanner != scanner ||
			 strcmp(place->info.where, info->where) != 0))
		place = place->next;
	if (!place) {
		place = calloc(1, sizeof(*place));
		if (!place) {
			log_error("%s: out of memory", info->where);
			return;
		}
		place->prober = p;
		place->scanner = scanner;
		place->info = *info;
		place->next = p->places;
		p->places = place;
	}
	place->seen = true;
	place->again = place->device != NULL;
	if (!place->device && !p->closed)
		place_ask(place);
}

void prober_end(struct prober *p, const struct driver *scanner)
{
	for (struct place *place = p->places, *next; place; place = next) {
		next = place->next;
		if (place->scanner == scanner && !place->seen)
			place_drop(place);
	}
}

const char *prober_trouble(const struct prober *p, size_t i)
{
	for (const struct place *place = p->places; place; place = place->next)
		if (place_troubled(place) && !place->dropped && i-- == 0)
			return place->why.text;
	return NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct prober *p = handle->data;

	p->timer_closed = true;
	prober_free_if_closed(p);
}

void prober_close(struct prober *p, void (*closed)(void *arg))
{
	p->closed = closed;
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
	for (struct place *place = p->places, *next; place; place = next) {
		next = place->next;
		place_drop(place);
	}
}
