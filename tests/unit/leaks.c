/* SPDX-License-Identifier: MIT */
/*
 * Leaks count in the processes that run tests: not in Criterion's own, which sometimes leaves 48
 * bytes behind when the last test is a slow one (BoxFort, which Criterion starts tests with, names
 * its map in their environment), and not in what a test forks, where the threads of Criterion's are
 * missing that may hold memory.
 */
#include <stdlib.h>
#include <unistd.h>

int __lsan_is_turned_off(void);

static pid_t started;

__attribute__((constructor)) static void remember(void)
{
	started = getpid();
}

int __lsan_is_turned_off(void)
{
	return getenv("BXFI_MAP") == NULL || getpid() != started;
}
