/* SPDX-License-Identifier: MIT */
/*
 * Locks all when logind says that the machine goes to sleep or that a session of the user's is
 * locked (config lock-on), by way of lanyard-logind, which the keeper runs: the daemon speaks no
 * D-Bus. Without that program or without logind the agent works as before. Loop thread only.
 */
#ifndef LANYARD_LOGIND_H
#define LANYARD_LOGIND_H

#include "protocol/err.h"

struct agent;
struct logind;

enum err logind_new(struct agent *a, struct why *why) MUST_CHECK;
void logind_close(struct agent *a);
/* The config may say something else now. */
void logind_configure(struct agent *a);
/* "ok", "off", or why it is not watched. */
const char *logind_state(const struct agent *a);

#endif
