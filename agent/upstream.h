/* SPDX-License-Identifier: MIT */
/*
 * A connection to another ssh-agent (config `upstream`): frames out, frames in. Nothing here waits,
 * and no byte that comes is believed; what they mean is the dialect's affair. Loop thread only.
 */
#ifndef LANYARD_UPSTREAM_H
#define LANYARD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/buf.h"
#include "protocol/err.h"

struct agent;
struct upstream;

enum {
	UPSTREAM_COUNT_MAX = 8,          /* in a configuration */
	UPSTREAM_FRAME_MAX = 256 * 1024, /* bytes after the length */
	UPSTREAM_ID_LEN = 16,            /* of the random name of a running lanyard-agent */
};

/*
 * What became of a frame: the answer without its length, valid until this returns, or an error,
 * after which only upstream_close() is left. Once for each upstream_send(), never from inside it;
 * it may close the connection.
 */
typedef void upstream_done(void *arg, enum err e, struct slice answer, const struct why *why);

/* The sockets in the configuration, in order; NULL after the last. Valid until the loop runs. */
const char *upstream_path(const struct agent *a, size_t i);
/* A use of one of their keys has ended; the texts are clean. */
struct upstream_use {
	const char *key; /* its fingerprint */
	const char *path;
	enum err result;
	const char *facts;
	const char *client; /* the dialect */
	pid_t asker;
	uid_t asker_uid;
};
/* Somebody watches, or a log is kept. */
bool upstream_watched(const struct agent *a);
void upstream_used(struct agent *a, const struct upstream_use *use);
/* What this agent is called in a chain of agents. */
void upstream_id(const struct agent *a, uint8_t id[static UPSTREAM_ID_LEN]);

/*
 * Connects. ERR_NO_AGENT: nobody listens there; ERR_PERMISSION: somebody else's agent; ERR_INVALID:
 * this agent itself.
 */
enum err upstream_open(struct upstream **out, const struct agent *a, const char *path,
		       upstream_done *done, void *arg, struct why *why) MUST_CHECK;
/* No answer is on the way and the other side is still there. */
bool upstream_idle(const struct upstream *u);
/* In so many milliseconds an answer that is waited for then has failed with ERR_TIMEOUT; 0: it may
 * take for ever. */
void upstream_deadline(struct upstream *u, unsigned ms);
/* Sends a frame, its length included, when none is in flight. The bytes must stay until done(). */
enum err upstream_send(struct upstream *u, struct slice frame) MUST_CHECK;
/* done() will not come any more. NULL is fine. */
void upstream_close(struct upstream *u);

#endif
