/* SPDX-License-Identifier: MIT */
/*
 * The ssh-agent dialect on ssh.sock: lists keys, signs with them, forgets them (RFC 9987, OpenSSH's
 * PROTOCOL.agent). Every request gets one answer. Loop thread only.
 */
#ifndef LANYARD_SSH_AGENT_H
#define LANYARD_SSH_AGENT_H

#include "agent/frontend.h"

extern const struct frontend ssh_frontend;

#endif
