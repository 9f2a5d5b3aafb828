/* SPDX-License-Identifier: MIT */
/* `lanyard soft …`: makes, lists and removes software devices' files; needs no agent. Include
 * agent/cli/cli.h before. */
#ifndef LANYARD_CMD_SOFT_H
#define LANYARD_CMD_SOFT_H

extern const struct command cmd_soft[]; /* ends with noun == NULL */

#endif
