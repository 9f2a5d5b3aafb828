/* SPDX-License-Identifier: MIT */
/*
 * The Trezor driver on a registry and a loop, with a transport that a test plays: packets as they
 * were recorded (script_…), or a device that misbehaves (its own transport_ops).
 */
#ifndef LANYARD_TEST_TREZOR_BENCH_H
#define LANYARD_TEST_TREZOR_BENCH_H

#include <criterion/criterion.h>

#include "devices/registry.h"
#include "devices/trezor/trezor.h"

/* The device as the driver sees it. The worker alone touches it while a job runs. */
struct bench {
	bool present;                    /* at its place */
	bool present_too;                /* at another place */
	const struct transport_ops *ops; /* how it behaves */
	struct transport *transport;     /* as long as the driver has it open */
	enum err claim;                  /* what comes of taking the interface */
	const struct wallet_setting *wallets;
	const char *secret; /* is nowhere in the wallet's memory while the device is waited for */
	struct budgets budgets; /* of the next wallet that is opened */
	struct wallet *wallet;  /* the one that is open; not while a job runs */
	struct device *device;  /* once it is identified */
	unsigned arrived, left;
	bool closed;
};
extern struct bench bench;
extern struct registry *bench_registry;

void bench_setup(void); /* no device yet; a script is played when there is one */
void bench_teardown(void);
void bench_turn(void); /* the loop, once */
/* The device comes, and is listed if `listed`. */
void bench_plug(bool listed);
void bench_unplug(void);

/* A job, what is answered, and what came of it. */
struct task {
	struct job job; /* first */
	const char *answers[4];
	enum err no_answer; /* instead of the answers */
	bool cancel_at_ask, cancel_at_note;
	unsigned asks, notes;
	enum ask_kind kind; /* of the last question */
	char prompt[200], note[200];
	bool done;
	enum err result;
};
struct task task_new(enum op op, const char *uri, enum curve curve);
/* The recorded challenge of the captures, and the public key that signed it. */
void task_sign(struct task *t, const char *public_key);
void task_start(struct task *t);
enum err task_wait(struct task *t);
enum err task_run(struct task *t);

/* Packets to come; `file` in tests/vectors/, `heading` as after its "# ". */
void script_host(const char *hex);                   /* this is what has to be sent next */
void script_device(const char *hex);                 /* this is what comes then */
void script_message(unsigned type, const char *hex); /* the same, as a message */
void script_note(void);            /* a note has to have been seen before what comes next */
void script_any(unsigned packets); /* so many packets of any content have to be sent */
void script_section(const char *file, const char *heading); /* both ways, as recorded */
void script_replies(const char *file, const char *heading); /* only the device's */
void script_begin(const char *file, const char *heading);   /* Initialize with its session */
void script_get_features(const char *file, const char *heading);
/* Nothing was sent that was not to be, and all was. */
void script_end(void);
bool script_left(void); /* not all was exchanged yet */
uint64_t
script_patience(void); /* the longest that was waited for at most, since it was asked; ms */
/* Packets in the script, both ways. */
unsigned script_count(void);

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		for (int n_ = 0; !(condition); n_++) {                                             \
			cr_assert_lt(n_, 50000, "in vain: " #condition);                           \
			bench_turn();                                                              \
		}                                                                                  \
	} while (0)

#endif
