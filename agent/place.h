/* SPDX-License-Identifier: MIT */
/* Where a question or a notification can be shown: a display or a terminal of the agent's owner. */
#ifndef LANYARD_PLACE_H
#define LANYARD_PLACE_H

#include <sys/types.h>

#include "protocol/err.h"

enum { PLACE_NAME_MAX = 64 };

enum place_kind {
	PLACE_START_DISPLAY, /* as the agent's own environment says */
	PLACE_DISPLAY,       /* name: ":0", or "wayland-0" */
	PLACE_TTY,           /* name: a device below /dev; term: its type for terminfo */
};
struct place {
	enum place_kind kind;
	char name[PLACE_NAME_MAX];
	char term[PLACE_NAME_MAX];
};

/* ERR_INVALID unless `path` is a terminal device that belongs to this user. It is not opened. */
enum err place_check_tty(const char *path, struct why *why) MUST_CHECK;
/* A name for terminfo: no path, no control characters. */
bool place_term_ok(const char *term);
/* The type to assume for a terminal that nobody has named one for. */
const char *place_default_term(const char *tty);
/* The controlling terminal of a process of this user (/proc), and its TERM. False: none. */
bool place_of_process(struct place *out, pid_t pid);
/* The agent's environment names a display. */
bool place_has_start_display(void);

/* Replaces the process's environment by what a prompt there needs and nothing else. For a child
 * that is about to exec. */
enum err place_enter(const struct place *place) MUST_CHECK;
/* For the log: "display :0", "/dev/pts/3". */
const char *place_name(const struct place *place);

#endif
