/* SPDX-License-Identifier: MIT */
/*
 * What a ssh:// key may sign: a login (USERAUTH_REQUEST) with this very key as the identity's user,
 * in the session that the connection is bound to, and SSHSIG; only with the config's `allow`
 * certificates, or anything else.
 *
 * check_sign()'s context is the connection's `struct ssh_binds`; NULL (from agent.sock) is a
 * connection without binds. Pure; any thread.
 */
#ifndef LANYARD_SSH_ACCEPT_H
#define LANYARD_SSH_ACCEPT_H

#include "agent/request.h"
#include "ssh/bind.h"

extern const struct scheme ssh_scheme;

#endif
