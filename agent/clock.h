/* SPDX-License-Identifier: MIT */
/*
 * The one source of time for what lasts: confirmations, the lives of keys, lock-after. (Time limits
 * of I/O, and the times of day in logs, are not its.)
 */
#ifndef LANYARD_CLOCK_H
#define LANYARD_CLOCK_H

#include <stdint.h>

struct clock_time {
	uint64_t now; /* milliseconds since some moment; it does not stand still during a suspend */
	uint64_t slept; /* how many of them the machine was suspended, to some 100 ms */
};

struct clock {
	struct clock_time (*read)(void *arg);
	/* Makes a timerfd of clock_timer() readable when it is `due` (as clock_time.now; 0: never).
	 * It may be early: look again. -1 and errno. */
	int (*arm)(void *arg, int fd, uint64_t due);
	void *arg;
};

/* CLOCK_BOOTTIME. In test builds the file LANYARD_TEST_CLOCK, "MS" or "MS SLEPT", is added at each
 * look. */
extern const struct clock clock_system;

uint64_t clock_now(const struct clock *c);
/* A new timerfd, or -1 and errno. */
int clock_timer(void);

#endif
