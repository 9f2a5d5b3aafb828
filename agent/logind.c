/* SPDX-License-Identifier: MIT */
#include "agent/logind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/lock.h"
#include "agent/logind_wire.h"
#include "agent/prompt.h"
#include "protocol/log.h"
#include "protocol/text.h"

/* Between two starts of a program that ends: 1 s, then twice as long each time. */
enum { DELAY_MIN_MS = 1000, DELAY_MAX_MS = 512 * 1000 };

/* One run of the program. */
struct logind_link {
	uv_poll_t poll;
	int fd;
	struct logind *logind;
};

struct logind {
	struct agent *agent;
	uv_timer_t timer;         /* of the next start */
	struct logind_link *link; /* NULL: it does not run */
	unsigned lock_on;         /* what it was started for */
	uint64_t delay;
	unsigned wiping;   /* locks that are not done */
	uint32_t sleeping; /* the id that waits for them, on this link; 0: none */
	char state[LOGIND_TEXT_MAX], said[LOGIND_TEXT_MAX];
};

static void logind_start(struct logind *l);

/* Once for each thing that there is to say. */
static void logind_say(struct logind *l, const char *state)
{
	snprintf(l->state, sizeof(l->state), "%s", state);
	if (strcmp(l->state, l->said) == 0)
		return;
	memcpy(l->said, l->state, sizeof(l->said));
	if (strcmp(state, "ok") == 0)
		log_info("logind is watched");
	else
		log_info("logind is not watched, sleep and the session's lock do not lock: %s",
			 state);
}

/* ---- locking ---- */

static void logind_wiped(void *arg)
{
	struct logind *l = arg;
	struct logind_message m = {.what = LOGIND_WIPED, .id = l->sleeping};

	if (--l->wiping > 0 || l->sleeping == 0)
		return;
	l->sleeping = 0;
	if (send(l->link->fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(m))
		log_error("lanyard-logind cannot be told that all is wiped: %s", strerror(errno));
}

static void logind_lock(struct logind *l)
{
	enum err e;

	l->wiping++;
	e = lock_wipe(l->agent, NULL, logind_wiped, l);
	if (e == ERR_NO_DEVICE) {
		logind_wiped(l);
	} else if (e != ERR_OK) {
		/* Nobody says that it is wiped: the sleep waits as long as it may. */
		l->wiping--;
		log_error("lock: %s", err_text(e));
	}
}

static void logind_message(struct logind *l, const struct logind_message *m)
{
	char text[LOGIND_TEXT_MAX];

	switch (m->what) {
	case LOGIND_WATCHING:
		l->delay = DELAY_MIN_MS;
		logind_say(l, "ok");
		break;
	case LOGIND_ABSENT:
		text_clean_message(text, sizeof(text), m->text, strnlen(m->text, sizeof(m->text)));
		logind_say(l, text);
		break;
	case LOGIND_SESSION:
		log_info("the session is locked");
		logind_lock(l);
		break;
	case LOGIND_SLEEP:
		log_info("the machine goes to sleep");
		l->sleeping = m->id;
		logind_lock(l);
		break;
	default:
		log_error("lanyard-logind says %u, which there is not", (unsigned)m->what);
	}
}

/* ---- the program ---- */

static void link_free(uv_handle_t *handle)
{
	struct logind_link *link = handle->data;

	close(link->fd);
	free(link);
}

static void logind_stop(struct logind *l)
{
	uv_timer_stop(&l->timer);
	l->sleeping = 0;
	if (l->link != NULL)
		uv_close((uv_handle_t *)&l->link->poll, link_free);
	l->link = NULL;
}

static void logind_again(uv_timer_t *timer)
{
	logind_start(timer->data);
}

/* It, or what came of it, has ended. */
static void logind_ended(struct logind *l)
{
	logind_stop(l);
	if (strcmp(l->state, "ok") == 0 || strcmp(l->state, "starting") == 0)
		logind_say(l, "lanyard-logind has ended");
	uv_timer_start(&l->timer, logind_again, l->delay, 0);
	l->delay = l->delay < DELAY_MAX_MS ? 2 * l->delay : DELAY_MAX_MS;
}

static void logind_readable(uv_poll_t *poll, int status, int events)
{
	struct logind_link *link = poll->data;
	struct logind_message m;
	ssize_t n = recv(link->fd, &m, sizeof(m), MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (n == (ssize_t)sizeof(m))
		logind_message(link->logind, &m);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		logind_ended(link->logind);
}

static void logind_start(struct logind *l)
{
	struct logind_link *link = calloc(1, sizeof(*link));
	int fd = link != NULL ? prompter_logind(l->agent->prompter, l->lock_on) : -1;

	if (fd < 0 || uv_poll_init(l->agent->loop, &link->poll, fd) != 0) {
		if (fd >= 0)
			close(fd);
		free(link);
		logind_ended(l);
		return;
	}
	link->fd = fd;
	link->logind = l;
	link->poll.data = link;
	l->link = link;
	uv_poll_start(&link->poll, UV_READABLE, logind_readable);
}

void logind_configure(struct agent *a)
{
	struct logind *l = a->logind;

	if (l->lock_on == a->config->lock_on)
		return;
	logind_stop(l);
	l->lock_on = a->config->lock_on;
	l->delay = DELAY_MIN_MS;
	l->said[0] = '\0';
	snprintf(l->state, sizeof(l->state), "%s", l->lock_on != 0 ? "starting" : "off");
	if (l->lock_on != 0)
		logind_start(l);
}

const char *logind_state(const struct agent *a)
{
	return a->logind->state;
}

enum err logind_new(struct agent *a, struct why *why)
{
	struct logind *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	l->agent = a;
	l->timer.data = l;
	snprintf(l->state, sizeof(l->state), "off");
	uv_timer_init(a->loop, &l->timer);
	a->logind = l;
	logind_configure(a);
	return ERR_OK;
}

static void logind_freed(uv_handle_t *handle)
{
	free(handle->data);
}

void logind_close(struct agent *a)
{
	logind_stop(a->logind);
	uv_close((uv_handle_t *)&a->logind->timer, logind_freed);
	a->logind = NULL;
}
