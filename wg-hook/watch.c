/* SPDX-License-Identifier: MIT */
#include "wg-hook/watch.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "protocol/log.h"
#include "wg-hook/guard.h"
#include "wg-hook/rotate.h"
#include "wg-hook/session.h"
#include "wg-hook/watch_keys.h"

enum {
	RECONNECT_MS = 1000,
	RETRY_MS = 10000,
	JUDGE_MS = 5000,
	SLEPT_MS = 1000,
	READING_MS = 100,
};

static int64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t watch_now(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static void write_state(const struct watch *w)
{
	struct why why;

	if (state_write(w->iface, &w->state, &why) != ERR_OK)
		log_error("%s: %s", w->iface, why.text);
}

static void set_phase(struct watch *w, enum tunnel_phase phase, enum err e, const char *text)
{
	if (phase != w->state.phase || w->state.since == 0)
		w->state.since = clock_of(CLOCK_REALTIME) / 1000;
	w->state.phase = phase;
	w->state.err = e;
	why_set(&w->state.why, e, "%s", text);
	w->state.next = 0;
	w->state.rotate = 0;
	if (w->rotation) {
		w->state.rotate = w->s->rotate;
		w->state.next = (clock_of(CLOCK_REALTIME) + epoch_left(clock_ms(), w->s->rotate)) /
				1000;
	}
	if (phase != PHASE_OPEN)
		w->state.notice.text[0] = '\0';
	write_state(w);
}

static bool is_missing(enum err e)
{
	return e == ERR_NO_AGENT || e == ERR_NO_DEVICE || e == ERR_DEVICE_GONE || e == ERR_LOCKED ||
	       e == ERR_NO_PROMPT || e == ERR_TIMEOUT;
}

/* These may pass without a word from the agent. */
static bool is_passing(enum err e)
{
	return e == ERR_NO_DEVICE || e == ERR_DEVICE_GONE || e == ERR_DEVICE_BUSY ||
	       e == ERR_DEVICE_ERROR || e == ERR_TIMEOUT || e == ERR_NO_AGENT || e == ERR_IO;
}

static void shut(struct watch *w, const char *text)
{
	struct why why = {0};

	rotation_free(w->rotation);
	w->rotation = NULL;
	if (session_close(w->iface, &why) != ERR_OK && if_nametoindex(w->iface) == w->index)
		log_error("%s: %s", w->iface, why.text);
	log_warn("%s is closed: %s", w->iface, text);
	w->try = false;
	set_phase(w, PHASE_CLOSED, ERR_OK, text);
}

/* Asks the agent for the keys, and puts them in. */
static void open_up(struct watch *w)
{
	bool first = w->state.phase == PHASE_STARTING;
	struct why why = {0};
	enum err e;

	w->try = false;
	w->retry = 0;
	e = watch_fetch(w, &why);
	if (e == ERR_OK) {
		w->slept = false;
		log_info("%s is open", w->iface);
		set_phase(w, PHASE_OPEN, ERR_OK, "");
		return;
	}
	/* A change that came while the agent was asked is a reason to ask it again. */
	if (is_passing(e))
		w->retry = watch_now() + RETRY_MS;
	if (!first) {
		log_warn("%s stays closed: %s", w->iface, why_text(&why, e));
		set_phase(w, w->state.phase, e, why_text(&why, e));
	} else if (w->s->on_missing == MISSING_WAIT && is_missing(e)) {
		set_phase(w, PHASE_WAITING, e, why_text(&why, e));
	} else {
		set_phase(w, PHASE_FAILED, e, why_text(&why, e));
		w->status = 1;
	}
}

/* Does what the settings say about it. */
static void react(struct watch *w, const struct why *why, enum on_event on)
{
	struct why link = {0};

	if (on == ON_KEEP)
		return;
	shut(w, why->text);
	if (on != ON_DOWN)
		return;
	w->linked_down = true;
	if (session_link(w->iface, false, &link) != ERR_OK)
		log_error("%s: %s", w->iface, link.text);
}

/* Brings the interface to where it should be after what has happened. */
static void decide(struct watch *w)
{
	struct why why = {0};
	enum err e = watch_missing(w, &why);

	switch (w->state.phase) {
	case PHASE_OPEN:
		if (w->slept) {
			why_set(&why, ERR_OK, "the machine has slept");
			w->slept = false;
			react(w, &why, w->s->on_sleep);
			w->try = true;
			if (w->state.phase != PHASE_OPEN) {
				decide(w);
				break;
			}
			e = watch_missing(w, &why);
		}
		if (e != ERR_OK) {
			react(w, &why, e == ERR_LOCKED ? w->s->on_lock : w->s->on_remove);
			/* A device that may go is no reason not to see the lock. */
			why_set(&why, ERR_LOCKED, "the agent is locked");
			if (w->state.phase == PHASE_OPEN && w->events.locked)
				react(w, &why, w->s->on_lock);
		}
		break;
	case PHASE_STARTING:
		if (e != ERR_OK && e != ERR_LOCKED && w->s->on_missing == MISSING_WAIT) {
			set_phase(w, PHASE_WAITING, e, why.text);
			w->try = false;
			break;
		}
		/* For `up` to tell whoever can help meanwhile. */
		if (e != ERR_OK && w->events.client && !w->events.locked)
			set_phase(w, PHASE_STARTING, e, why.text);
		open_up(w);
		break;
	default:
		/* A device that is locked is asked once, for the agent may unlock it. */
		if ((w->try || (w->retry > 0 && watch_now() >= w->retry)) && w->events.client &&
		    !w->events.locked && (e == ERR_OK || e == ERR_LOCKED))
			open_up(w);
		w->try = false;
	}
}

/* The next epoch's preshared keys, when it has begun. */
static void rotate(struct watch *w)
{
	uint32_t epoch = epoch_at(clock_ms(), w->s->rotate);
	struct wg_device change = {0};
	struct why why = {0};
	enum err e;

	if (epoch == w->epoch)
		return;
	e = rotation_step(w->rotation, epoch);
	if (e != ERR_OK) {
		shut(w, "the clock was set back by more than an epoch");
		w->try = true;
		return;
	}
	e = rotation_keys(w->rotation, epoch, true, &change, &why);
	if (e == ERR_OK)
		e = wg_set(w->iface, &change, &why);
	wg_device_free(&change);
	if (e != ERR_OK) {
		log_error("%s: cannot change the preshared keys: %s", w->iface, why.text);
		return;
	}
	w->epoch = epoch;
	set_phase(w, PHASE_OPEN, ERR_OK, "");
}

static void judge(struct watch *w)
{
	struct why why = {0};
	struct wg_device d;

	w->judge = watch_now() + JUDGE_MS / clock_rate();
	if (wg_get(&d, w->iface, &why) != ERR_OK)
		return;
	if (!rotation_judge(w->rotation, &d, watch_now(), &why))
		why.text[0] = '\0';
	wg_device_free(&d);
	if (strcmp(why.text, w->state.notice.text) != 0) {
		w->state.notice = why;
		write_state(w);
	}
}

/* Milliseconds until something is to be done without being told; -1: never. */
static int next_wake(const struct watch *w)
{
	int64_t next = INT64_MAX, now = watch_now();

	if (!w->events.client)
		next = w->reconnect;
	if (w->retry > 0 && w->state.phase != PHASE_OPEN && w->retry < next)
		next = w->retry;
	if (w->rotation) {
		int64_t epoch = now + epoch_left(clock_ms(), w->s->rotate);

		next = epoch < next ? epoch : next;
		next = w->judge < next ? w->judge : next;
	}
	if (next == INT64_MAX)
		return -1;
	next -= now;
	return next < 0 ? 0 : next > 60000 ? 60000 : (int)next;
}

/* Armed far away: it is read for the one thing that it says when the clock is set. */
static void arm_clock(int fd)
{
	struct itimerspec far = {.it_value.tv_sec = clock_of(CLOCK_REALTIME) / 1000 + 86400};

	(void)timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

/* What the file of the tests adds: its second number (tests/e2e/lib.sh clock_add). */
static int64_t test_slept_ms(void)
{
	long long slept = 0;

#ifdef LANYARD_TEST
	const char *path = getenv("LANYARD_TEST_CLOCK");
	FILE *f = path ? fopen(path, "re") : NULL;

	if (f && fscanf(f, "%*d %lld", &slept) != 1)
		slept = 0;
	if (f)
		fclose(f);
#endif
	return slept;
}

static int64_t slept_ms(void)
{
	int64_t awake, slept;

	/* Two readings at one instant: again, if this process had to wait between them. */
	do {
		awake = clock_of(CLOCK_MONOTONIC);
		slept = clock_of(CLOCK_BOOTTIME) - awake;
	} while (clock_of(CLOCK_MONOTONIC) - awake > READING_MS);
	return slept + test_slept_ms();
}

static void check_clock(struct watch *w)
{
	int64_t slept = slept_ms();
	uint64_t count;

	(void)!read(w->clock, &count, sizeof(count));
	arm_clock(w->clock);
	if (slept - w->asleep > SLEPT_MS)
		w->slept = true;
	w->asleep = slept;
}

/* Only that something came matters; what, the kernel is asked. */
static void check_links(struct watch *w)
{
	char bytes[4096];

	while (recv(w->links, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	if (if_nametoindex(w->iface) == w->index)
		return;
	log_info("%s is gone", w->iface);
	state_remove(w->iface);
	w->status = 0;
}

static void connect_again(struct watch *w)
{
	struct why why;

	if (w->events.client || watch_now() < w->reconnect)
		return;
	w->reconnect = watch_now() + RECONNECT_MS;
	owner_again(&w->owner);
	snprintf(w->state.socket, sizeof(w->state.socket), "%s", w->owner.path);
	if (events_open(&w->events, &w->owner, &why) == ERR_OK)
		w->try = true;
}

static enum err watch_open(struct watch *w, struct why *why)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	enum err e = privileges_keep(
		1ULL << CAP_NET_ADMIN | 1ULL << CAP_IPC_LOCK | 1ULL << CAP_DAC_OVERRIDE, why);

	if (e != ERR_OK)
		return e;
	w->index = if_nametoindex(w->iface);
	w->links = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	w->clock = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->links < 0 || w->clock < 0 ||
	    bind(w->links, (struct sockaddr *)&address, sizeof(address)) < 0)
		return why_set(why, ERR_IO, "cannot watch the interfaces: %m");
	arm_clock(w->clock);
	w->asleep = slept_ms();
	if (w->index == 0)
		return why_set(why, ERR_NOT_FOUND, "there is no interface %s", w->iface);
	return ERR_OK;
}

static void loop_once(struct watch *w)
{
	struct pollfd p[] = {
		{.fd = events_fd(&w->events), .events = POLLIN},
		{.fd = w->guard, .events = POLLIN},
		{.fd = w->links, .events = POLLIN},
		{.fd = w->clock, .events = POLLIN},
	};

	if (poll(p, 4, next_wake(w)) < 0 && errno != EINTR) {
		w->status = 1;
		return;
	}
	if (p[1].revents != 0) {
		shut(w, "the watcher's guard has ended");
		w->status = 1;
		return;
	}
	if (p[2].revents != 0)
		check_links(w);
	/* Not only when the timer says so: whatever else came first must not hide it. */
	check_clock(w);
	watch_take_events(w);
	connect_again(w);
	if (w->status >= 0)
		return;
	if (w->rotation)
		rotate(w);
	if (w->rotation && watch_now() >= w->judge)
		judge(w);
	decide(w);
}

int watch_run(const char *iface, int lock, int guard, const struct tunnel *t,
	      const struct owner *owner)
{
	struct watch *w = calloc(1, sizeof(*w));
	struct why why = {0};
	int status;
	enum err e;

	if (!w)
		return 1;
	*w = (struct watch){.iface = iface,
			    .t = t,
			    .s = &t->settings,
			    .owner = *owner,
			    .lock = lock,
			    .guard = guard,
			    .links = -1,
			    .clock = -1,
			    .state = {.phase = PHASE_STARTING, .watcher = getpid()},
			    .status = -1};
	snprintf(w->state.socket, sizeof(w->state.socket), "%s", owner->path);
	snprintf(w->state.digest, sizeof(w->state.digest), "%s", t->digest);
	e = watch_open(w, &why);
	w->state.index = w->index;
	if (e == ERR_OK) {
		set_phase(w, PHASE_STARTING, ERR_OK, "");
		connect_again(w);
		decide(w);
	} else {
		set_phase(w, PHASE_FAILED, e, why_text(&why, e));
		w->status = 1;
	}
	while (w->status < 0)
		loop_once(w);
	status = w->status;
	rotation_free(w->rotation);
	events_close(&w->events);
	free(w);
	return status;
}
