/* SPDX-License-Identifier: MIT */
#include "agent/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>

static uint64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#ifdef LANYARD_TEST
static const char *test_file(void)
{
	return getenv("LANYARD_TEST_CLOCK");
}

static struct clock_time test_offset(void)
{
	struct clock_time more = {0};
	FILE *f = test_file() != NULL ? fopen(test_file(), "r") : NULL;

	if (f != NULL) {
		if (fscanf(f, "%" SCNu64 " %" SCNu64, &more.now, &more.slept) < 1)
			more = (struct clock_time){0};
		fclose(f);
	}
	return more;
}
#else
static struct clock_time test_offset(void)
{
	return (struct clock_time){0};
}
#endif

static struct clock_time system_read(void *arg)
{
	enum { READING_MAX_MS = 100 };
	struct clock_time more = test_offset();
	uint64_t awake, now;

	(void)arg;
	/* The two are not read at one instant: again, if this process had to wait between them. */
	do {
		awake = read_ms(CLOCK_MONOTONIC);
		now = read_ms(CLOCK_BOOTTIME);
	} while (read_ms(CLOCK_MONOTONIC) - awake > READING_MAX_MS);
	return (struct clock_time){now + more.now, now - awake + more.slept};
}

static int system_arm(void *arg, int fd, uint64_t due)
{
	struct itimerspec at = {.it_value = {.tv_sec = (time_t)(due / 1000),
					     .tv_nsec = (long)(due % 1000) * 1000000}};
	int flags = TFD_TIMER_ABSTIME;

	(void)arg;
#ifdef LANYARD_TEST
	/* The kernel knows nothing of that file. */
	if (test_file() != NULL && due != 0) {
		at = (struct itimerspec){{.tv_nsec = 20000000}, {.tv_nsec = 20000000}};
		flags = 0;
	}
#endif
	return timerfd_settime(fd, flags, &at, NULL);
}

const struct clock clock_system = {.read = system_read, .arm = system_arm};

uint64_t clock_now(const struct clock *c)
{
	return c->read(c->arg).now;
}

int clock_timer(void)
{
	return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}
