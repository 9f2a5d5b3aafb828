/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of a tunnel between processes: files in /run/lanyard/wg, root's alone. No
 * secret is in them.
 *
 *   IFACE.lock    three bytes, each locked (fcntl) by the process it stands for
 *   IFACE.state   what the watcher is doing, for `up` and `show`
 *   IFACE.closed  the peers that were taken out, with endpoint and allowed IPs, to put them back
 *
 * The closed file is on disk (a tmpfs) and not in a process, because whoever closes may be the
 * watcher, its guard, or `lanyard-wg close`, and may be killed the moment after.
 */
#ifndef LANYARD_WG_STATE_H
#define LANYARD_WG_STATE_H

#include <sys/types.h>

#include "wg-hook/backend.h"

#define STATE_DIR "/run/lanyard/wg"

/* Who holds which byte of the lock file. */
enum state_role { ROLE_COMMAND, ROLE_WATCHER, ROLE_GUARD };

/* Opens the lock file, making the directory (0700, root's); close() lets go of all that this
 * process holds. ERR_PERMISSION when somebody else could write there. */
enum err state_open(int *fd, const char *iface, struct why *why) MUST_CHECK;
/* Takes the byte. A process that was forked holds nothing of its parent's. ERR_EXISTS when another
 * process still has it after `ms` milliseconds. */
enum err state_lock(int fd, enum state_role role, int ms, struct why *why) MUST_CHECK;
/* Who holds it; 0: nobody. */
pid_t state_holder(int fd, enum state_role role);

enum tunnel_phase {
	PHASE_NONE,
	PHASE_STARTING,
	PHASE_WAITING, /* for the device; the interface has no key */
	PHASE_OPEN,
	PHASE_CLOSED, /* was open */
	PHASE_FAILED,
	PHASE_COUNT
};

enum { STATE_WORD_MAX = 64 };

struct state {
	enum tunnel_phase phase;
	pid_t watcher;
	int64_t since;     /* of the phase; unix seconds */
	int64_t next;      /* rotation; unix seconds, 0: none */
	uint32_t rotate;   /* seconds */
	uint32_t index;    /* of the interface, if_nametoindex() */
	enum err err;      /* with `why` */
	struct why why;    /* why it is waiting, closed or failed; one clean line */
	struct why notice; /* what a person should see to, while it is open; one clean line */
	/* "" when unknown; clean. */
	char serial[STATE_WORD_MAX], device[STATE_WORD_MAX], custody[STATE_WORD_MAX];
	char socket[128]; /* agent.sock */
	char digest[72];  /* struct tunnel's, of what the keys in the interface were made from */
};

/* The word of a phase, for a person. */
const char *phase_name(enum tunnel_phase p);
enum err state_write(const char *iface, const struct state *s, struct why *why) MUST_CHECK;
/* ERR_NOT_FOUND without one. */
enum err state_read(const char *iface, struct state *s, struct why *why) MUST_CHECK;
/* Parses the file's text; for state_read(). Unknown lines are left out. Pure. */
void state_parse(struct state *s, struct slice text);

/* The peers of `d`, and those of an older closed file of the same interface that are not among
 * them. Written before they are taken out. */
enum err closed_write(const char *iface, const struct wg_device *d, struct why *why) MUST_CHECK;
/* Sorted. No peer without a file, or with one of an earlier interface of this name. */
enum err closed_read(const char *iface, struct wg_device *d, struct why *why) MUST_CHECK;
bool closed_exists(const char *iface);
void closed_remove(const char *iface);
void state_remove(const char *iface);

#endif
