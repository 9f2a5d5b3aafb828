/* SPDX-License-Identifier: MIT */
/* The command tables of `lanyard`, one a file; each ends with noun == NULL. */
#ifndef LANYARD_TABLES_H
#define LANYARD_TABLES_H

#include "agent/cli/cli.h"

extern const struct command cmd_doctor[];
extern const struct command cmd_events[];
extern const struct command cmd_help[];
extern const struct command cmd_key[];
extern const struct command cmd_lock[];
extern const struct command cmd_reload[];
extern const struct command cmd_soft[]; /* devices/soft/ */
extern const struct command cmd_ssh[];  /* ssh/ */
extern const struct command cmd_state[];
extern const struct command cmd_status[];

#endif
