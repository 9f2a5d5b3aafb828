/* SPDX-License-Identifier: MIT */
/* The keeper's part in lanyard-logind: where it is, and how it is run. */
#ifndef LANYARD_LOGIND_PROGRAM_H
#define LANYARD_LOGIND_PROGRAM_H

#include <limits.h>
#include <signal.h>

/* Its path: in ../libexec/lanyard, seen from the agent's own program, or beside that; "": in
 * neither. */
void logind_find(char out[static PATH_MAX]);

/* The life of a process just forked by `keeper`: becomes the program, with LOCK_ON_… (config.h) as
 * its words; `fd` leads to the daemon, which is told when that cannot be. */
_Noreturn void logind_exec(const char *program, unsigned lock_on, int fd, pid_t keeper);

#endif
