/* SPDX-License-Identifier: MIT */
#include "agent/cli/tables.h"

/* In the order of help. */
const struct command *const cli_tables[] = {
	cmd_status, cmd_events, cmd_doctor, cmd_lock, cmd_reload, cmd_key,
	cmd_state,  cmd_ssh,    cmd_soft,   cmd_help, NULL,
};
