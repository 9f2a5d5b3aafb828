/* SPDX-License-Identifier: MIT */
/* What the files of `lanyard ssh` share. */
#ifndef LANYARD_CMD_SSH_H
#define LANYARD_CMD_SSH_H

#include "derive/identity.h"
#include "protocol/err.h"
#include "ssh/blob.h"

struct cli;

/* The identity that a person means by WHAT: [user@]host[:port], or the whole ssh:// URI. */
enum err cmd_ssh_identity(const char *what, struct identity *id, struct why *why) MUST_CHECK;
/* Has the agent offer the key to SSH clients from now on; `line` gets its authorized_keys line.
 * Returns the exit status. */
int cmd_ssh_offer(struct cli *cli, const struct identity *id, char line[static SSH_LINE_MAX + 1]);

int cmd_ssh_list(struct cli *cli);
int cmd_ssh_connect(struct cli *cli);
int cmd_ssh_setup(struct cli *cli);
int cmd_ssh_teardown(struct cli *cli);
int cmd_ssh_config(struct cli *cli);

#endif
