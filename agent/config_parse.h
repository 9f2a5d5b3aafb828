/* SPDX-License-Identifier: MIT */
/* The text of a config to its settings, with libconfuse; config.c does the files. Loop thread only.
 */
#ifndef LANYARD_CONFIG_PARSE_H
#define LANYARD_CONFIG_PARSE_H

#include "agent/config.h"

enum {
	CONFIG_KEYS_MAX = 1000,
	WAIT_DEVICE_DEFAULT = 30,
	WAIT_DEVICE_MAX = 300,
	LOCK_AFTER_MAX = 7 * 86400
};

/* Adds to `c`, which has room for CONFIG_KEYS_MAX + 1 keys. On error `why` names `path`, line, key
 * and what is allowed; `c` is then to be freed. */
enum err config_parse(struct config *c, const char *path, const char *text,
		      struct why *why) MUST_CHECK;

#endif
