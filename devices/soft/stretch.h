/* SPDX-License-Identifier: MIT */
/*
 * Argon2id in a process of its own, so that a lock or a cancel ends it at once and its memory with
 * it: libsodium's own cannot be stopped, nor wiped from outside (doc/ARCHITECTURE.md, "Processes").
 * A socket of whole messages (SOCK_SEQPACKET): one request, one answer.
 */
#ifndef LANYARD_SOFT_STRETCH_H
#define LANYARD_SOFT_STRETCH_H

#include "devices/soft/file.h"

/* That process's whole life: its exit status. It dies when the other side shuts the socket. */
int stretch_serve(int fd);

/*
 * The other side, in a worker: the key, or ERR_CANCELED when `wake` (an eventfd) became readable;
 * the process and its memory are gone then. ERR_NO_MEMORY. The caller closes `fd`.
 */
enum err stretch_ask(int fd, int wake, const struct soft_stretch *what, uint8_t key[static 32],
		     struct why *why) MUST_CHECK;

#endif
