/* SPDX-License-Identifier: MIT */
/*
 * Who a client is, as far as /proc tells: its own and its ancestors' names. A process chooses its
 * name, so none of this is proved ("says it is"). Nothing is kept: a pid is looked up when somebody
 * is to be told, and may by then be gone, or another's. Any thread.
 * Source: proc(5), /proc/PID/stat.
 */
#ifndef LANYARD_PEER_H
#define LANYARD_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The client, and this many names in all; what fits any chain. */
enum { PEER_NAMES_MAX = 6, PEER_NAME_MAX = 64, PEER_CHAIN_MAX = 512 };

struct peer_stat {
	char name[PEER_NAME_MAX + 1]; /* as the process says, any bytes but NUL */
	pid_t parent;                 /* 0: none */
};

/* Parses the first words of /proc/PID/stat: "PID (NAME) STATE PARENT …". A name may hold anything,
 * also ") S 1". False when it has not that form. Pure. */
bool peer_parse(struct peer_stat *out, const char *text, size_t n);

/* "ssh (1234) <- git <- zsh": clean, one line, cut to `cap` (>= 8) bytes; the chain ends before
 * process 1. What gpg-agent has started: "through gpg-agent". A process that is not there: "process
 * 1234, gone". pid 0, which is what the kernel says of a process in another pid namespace: "a
 * process outside". */
void peer_chain(char *out, size_t cap, pid_t pid);

#endif
