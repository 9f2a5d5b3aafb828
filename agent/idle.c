/* SPDX-License-Identifier: MIT */
#include "agent/idle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/lock.h"
#include "protocol/log.h"

struct idle {
	struct agent *agent;
	uv_poll_t poll;
	int fd;       /* a clock_timer(): libuv's own stand still during a suspend */
	uint64_t due; /* 0: not */
};

static void idle_arm(struct idle *idle, uint64_t due)
{
	const struct clock *clock = idle->agent->clock;

	idle->due = due;
	if (clock->arm(clock->arg, idle->fd, due) != 0)
		log_error("lock-after: %s", strerror(errno));
}

static void idle_due(uv_poll_t *poll, int status, int events)
{
	struct idle *idle = poll->data;
	uint64_t times;
	enum err e;

	(void)status;
	(void)events;
	if (read(idle->fd, &times, sizeof(times)) != sizeof(times) || idle->due == 0 ||
	    clock_now(idle->agent->clock) < idle->due)
		return;
	idle_arm(idle, 0);
	if (request_locked(idle->agent))
		return;
	log_info("no key was used for %u s", (unsigned)idle->agent->config->lock_after);
	e = lock_wipe(idle->agent, NULL, NULL, NULL);
	if (e != ERR_OK && e != ERR_NO_DEVICE)
		log_error("lock: %s", err_text(e));
}

void idle_used(struct agent *a)
{
	uint64_t after = UINT64_C(1000) * a->config->lock_after;

	/* Also for none: a reload may have said so. */
	if (a->idle != NULL)
		idle_arm(a->idle, after != 0 ? clock_now(a->clock) + after : 0);
}

enum err idle_new(struct agent *a, struct why *why)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (idle == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	idle->agent = a;
	idle->poll.data = idle;
	idle->fd = clock_timer();
	if (idle->fd < 0 || uv_poll_init(a->loop, &idle->poll, idle->fd) != 0) {
		why_set(why, ERR_INTERNAL, "no timer for lock-after: %s", strerror(errno));
		if (idle->fd >= 0)
			close(idle->fd);
		free(idle);
		return ERR_INTERNAL;
	}
	uv_poll_start(&idle->poll, UV_READABLE, idle_due);
	a->idle = idle;
	return ERR_OK;
}

static void idle_freed(uv_handle_t *handle)
{
	struct idle *idle = handle->data;

	close(idle->fd);
	free(idle);
}

void idle_close(struct agent *a)
{
	uv_close((uv_handle_t *)&a->idle->poll, idle_freed);
	a->idle = NULL;
}
