/* SPDX-License-Identifier: MIT */
/* A scripted driver with one device, and the loop around it, for the tests of devices/. */
#ifndef LANYARD_TEST_DEVICES_FAKE_H
#define LANYARD_TEST_DEVICES_FAKE_H

#include <criterion/criterion.h>
#include <pthread.h>

#include "devices/registry.h"

enum act { ACT_OK, ACT_BLOCK, ACT_DEAF, ACT_ASK, ACT_NOTE, ACT_GONE };

/* A job and what the driver and the loop did with it. */
struct play {
	struct job job; /* first: the driver casts */
	enum act act;
	const uint8_t *fill; /* what it answers */
	size_t fill_len;
	unsigned runs, order, dones, asks, notes;
	enum err result, ask_result;
	char answer[32];
};

/* The device, as the test works it; all but `present` under the lock while a worker runs. */
struct fake {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool present, release, aborted, inside, unlocked, fail_open;
	unsigned order, opens, closes;
};
extern struct fake fake;
extern const struct verb fake_verbs[];

extern struct registry *registry;
extern unsigned arrived, left, changed;
extern bool closed;

void fake_setup(void);
void fake_teardown(void);
void on_closed(void *arg); /* arg: &closed */

struct device *device(void); /* the one that is there */
struct play play(enum op op, enum act act);
void on_done(struct job *job, enum err e);
void on_ask(struct job *job, const struct ask *ask);
void submit(struct play *p);
void finish(struct play *p, enum err want); /* turns the loop until done() */
bool inside(void);                          /* a job blocks in the driver */
void release(void);                         /* that ends, now and later */
void turn(void);                            /* the loop, once */

/* Turns the loop until `condition`, 5 s at most. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		for (int n_ = 0; !(condition); n_++) {                                             \
			cr_assert_lt(n_, 25000, "in vain: " #condition);                           \
			turn();                                                                    \
		}                                                                                  \
	} while (0)

#endif
