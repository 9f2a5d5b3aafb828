/* SPDX-License-Identifier: MIT */
/*
 * A device: what a driver provides, and the worker thread, queue and job that run it.
 *
 * The loop thread creates, submits, cancels and frees jobs; a device's worker borrows one job at a
 * time and runs the driver's straight-line code on it. Locks live in device.c alone. done() comes
 * exactly once for each accepted job, on the loop, never from inside device_submit().
 */
#ifndef LANYARD_DEVICE_H
#define LANYARD_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "derive/ecc.h"
#include "derive/identity.h"
#include "derive/secret.h"
#include "derive/slip10.h"
#include "protocol/err.h"
#include "protocol/line.h"

struct uv_loop_s;
struct device;
struct job;

enum op {
	OP_PUBLIC_KEY, /* of the node of (identity, purpose) */
	OP_SIGN,       /* with the SLIP-0013 node; verified against job->expect before done() */
	OP_ECDH,       /* of the SLIP-0017 node with the point in job->data */
	OP_SECRET,     /* SECRET (32 bytes) of the identity */
	OP_UNLOCK,     /* make the device able to work without asking again */
	OP_LOCK,       /* wipe every secret; jumps the queue, ends all else with LOCKED, cannot be
			* canceled */
	OP_VERB,       /* job->verb with job->args */
	OP_PROBE,      /* registry.c's: fill in job->probe, disturb nobody */
	OP_COUNT
};

/* Where a private key is while it works; shown to the user, never blurred. */
enum custody { CUSTODY_DEVICE, CUSTODY_AGENT, CUSTODY_KERNEL };
const char *custody_name(enum custody c); /* "device", "agent", "kernel" */

/* A question of a driver to a person. */
enum ask_kind { ASK_PASSPHRASE, ASK_NEW_PASSPHRASE, ASK_PIN, ASK_CONFIRM, ASK_KIND_COUNT };
const char *ask_keyword(enum ask_kind k); /* INQUIRE keyword: "PASSPHRASE", "NEW_PASSPHRASE", … */
enum { ANSWER_MAX = 1024 };               /* bytes of an answer */
struct ask {
	enum ask_kind kind;
	bool again;       /* the answer before was wrong */
	char prompt[200]; /* one clean line: what is asked, and for which device */
};

/* A device-administration verb: `lanyard DRIVER VERB` and `DEVICE dev VERB`. */
struct verb {
	const char *name;
	const char *args; /* for help: "[--name=LABEL]" */
	const char *help; /* one line */
	enum err (*run)(void *self, struct job *job);
};

enum {
	DEVICE_SERIAL_MAX = 40,
	DEVICE_LABEL_MAX = 64,
	DEVICE_ABOUT_MAX = 80,
	DEVICE_WHERE_MAX = 512
};

/* What is known of a device before it is opened. Serial and label are printable ASCII without
 * spaces (drivers clean them); a serial never changes and is unique within its driver. */
struct device_info {
	/* Empty from scan(): a place only. The device is there once OP_PROBE has told the rest. */
	char serial[DEVICE_SERIAL_MAX + 1];
	char label[DEVICE_LABEL_MAX + 1];
	char about[DEVICE_ABOUT_MAX + 1]; /* model and firmware, or why it cannot be used; clean */
	char where[DEVICE_WHERE_MAX + 1]; /* file or bus address */
	bool ready;                       /* it works without being unlocked first */
	bool silent;                      /* nothing says when it comes: it is looked for again */
	const struct driver_env *env;     /* for open(); may be NULL */
};

/* Of a hardware wallet: where its BIP-39 passphrase comes from, if it wants one; how long a person
 * has at it. */
enum passphrase_from {
	PASSPHRASE_HOST,   /* asked for by us */
	PASSPHRASE_DEVICE, /* typed on it */
	PASSPHRASE_NONE    /* the wallet of the empty passphrase */
};
enum { WALLET_TIMEOUT = 120, WALLET_TIMEOUT_MIN = 10, WALLET_TIMEOUT_MAX = 3600 };
struct wallet_setting {
	const char *device; /* SERIAL, DRIVER:LABEL or DRIVER:SERIAL */
	enum passphrase_from passphrase;
	unsigned timeout; /* seconds; 0: the default */
};

/* Where drivers look, and settings; owned by the caller of registry_new(). */
struct driver_env {
	const char *data_dir;   /* $XDG_DATA_HOME/lanyard, with soft/ and fido/ below */
	const char *const *udp; /* "127.0.0.1:21324" …, ends with NULL; may be NULL */
	const struct wallet_setting *wallets; /* ends with device == NULL; may be NULL */
	/* A socket to a new process that runs main.c's stretch (devices/soft/stretch.h), or -1. Any
	 * thread. NULL: there are none. */
	int (*stretch)(void *arg);
	void *stretch_arg;
};

/* What an OP_PROBE finds out about a device that scan() gave no serial for. */
struct probe {
	struct device_info info; /* as scan() gave it, to complete */
	const struct driver
		*driver; /* the one that asks; another one of its family may fit better */
};

struct job {
	/* Set by the submitter before device_submit(), then left alone until done(). */
	enum op op;
	struct identity id;
	enum purpose purpose; /* OP_PUBLIC_KEY */
	struct slice data;    /* OP_SIGN: the data; OP_ECDH: the peer's point */
	const char *visual;   /* OP_SIGN: what a display shows beside it; may be NULL */
	bool has_expect;      /* expect: the public key this identity is known to have */
	uint8_t expect[PUBLIC_KEY_LEN];
	/* OP_UNLOCK, and OP_PUBLIC_KEY of lanyard://wallet: the fingerprint (derive/kdf.h) of the
	 * wallet that it is known to hold. Of another one the driver forgets what opened it. */
	bool has_wallet;
	uint8_t wallet[32];
	bool prove;              /* OP_UNLOCK: ask also when it is unlocked */
	const struct verb *verb; /* OP_VERB */
	const struct line *args; /* OP_VERB */
	struct probe *probe;     /* OP_PROBE */
	void (*done)(struct job *job, enum err e);
	/* A question; answer it once with job_answer(), now or later. NULL: ERR_NO_PROMPT. */
	void (*ask)(struct job *job, const struct ask *ask);
	/* Something to tell the user meanwhile ("confirm on the device"); may be NULL. */
	void (*note)(struct job *job, const char *text);
	void *arg;

	/* Results, for done(). */
	uint8_t out[SIGNATURE_LEN + 1]; /* public key or signature */
	size_t out_len;
	struct secret secret; /* OP_ECDH, OP_SECRET; the submitter frees it */
	char text[1024];      /* OP_VERB: what to print, lines */
	struct why why;
	unsigned session; /* device_session() in which it ran */

	/* device.c's own. */
	struct job *next;
	struct device *device;
	int state;
	bool canceled; /* under the device's lock */
	enum err result;
	struct ask asked;
};

struct driver {
	const char *name; /* the word users type: "soft" */
	unsigned ops;     /* 1 << OP_… that it can do */
	enum custody custody;
	/* Loop. Calls found() for each device present. For drivers whose devices are files: `dir`
	 * is watched for changes ("soft", below data_dir). */
	const char *dir;
	bool usb; /* USB devices that come or go are a change */
	enum err (*scan)(const struct driver_env *env,
			 void (*found)(void *arg, const struct device_info *info), void *arg);
	/* Worker, all of these. open() comes with the first job, close() last; self is NULL-free.
	 */
	enum err (*open)(void **self, const struct device_info *info, struct why *why);
	void (*close)(void *self);
	/* ERR_UNSUPPORTED for lanyard://wallet: no device like this one will ever show it. */
	enum err (*run)(void *self, struct job *job);
	bool (*unlocked)(void *self);
	/* After each job: label and about as the device has them now. NULL: they stay. */
	void (*describe)(void *self, struct device_info *info);
	/* Loop: wake run() out of a blocking transfer, it then returns ERR_CANCELED. Called under
	 * the device's lock: it must not block nor call job_…(). It may come just before the
	 * transfer, which must then not block (look at job_canceled() after making ready for
	 * abort()). NULL when run() never blocks in one. */
	void (*abort)(void *self);
	const struct verb *verbs; /* ends with name == NULL */
};

/* For drivers, on the worker, while they run a job. */
/* Blocks until the question is answered. ERR_CANCELED when the job is, ERR_NO_PROMPT when there is
 * nobody; otherwise the answer (the caller frees it) or the asker's error. */
enum err job_ask(struct job *job, const struct ask *ask, struct secret *answer) MUST_CHECK;
void job_note(struct job *job, const char *text);
bool job_canceled(struct job *job);
/* ERR_MISMATCH, with both keys in job->why, unless it is the public key that is expected, if one
 * is. For drivers whose device says the key it used. */
enum err job_expect(struct job *job, const uint8_t pub[static PUBLIC_KEY_LEN]) MUST_CHECK;

/* For the loop. */
enum device_state { DEVICE_LOCKED, DEVICE_READY, DEVICE_GONE };
const struct device_info *device_info(const struct device *d);
const struct driver *device_driver(const struct device *d);
unsigned device_index(const struct device *d);
enum device_state device_state(const struct device *d); /* as of the last finished job */
unsigned device_queued(const struct device *d);         /* jobs waiting or running */
/* Another number after each lock, and each time that the driver's handle was closed: from then on
 * the device may hold something else than it did. */
unsigned device_session(const struct device *d);

/* Queues the job, whose results are empty. An error: not accepted, done() will not come, and
 * job->why may say more. When done() comes with an error, every result but `why` is wiped. */
enum err device_submit(struct device *d, struct job *job) MUST_CHECK;
/* done() follows with ERR_CANCELED, or with the result if it was ready already. Idempotent. */
void device_cancel(struct job *job);
/* The answer to job->ask(); bytes are copied into locked memory. */
void job_answer(struct job *job, enum err e, const void *p, size_t n);

#endif
