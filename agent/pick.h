/* SPDX-License-Identifier: MIT */
/* Which device a request goes to. Loop thread only. */
#ifndef LANYARD_PICK_H
#define LANYARD_PICK_H

#include "agent/request.h"

/*
 * The device named in the request, else in the config for its identity, else the one that the
 * identity stays with, else the config's, else the only one. Several and none chosen is
 * ERR_AMBIGUOUS, never the first. Sets driver and serial, and target: NULL when that device is
 * known, but not connected.
 */
enum err pick_device(struct request *r) MUST_CHECK;
/* The connected device of that driver and serial, or NULL. */
struct device *pick_connected(const struct agent *a, const char *driver, const char *serial);

/* OP_UNLOCK, OP_LOCK and OP_VERB have none. */
bool request_has_identity(const struct request *r);

#endif
