/* SPDX-License-Identifier: MIT */
/*
 * The standard streams of a program. Main thread; streams_open() before anything else is opened.
 */
#ifndef LANYARD_STREAMS_H
#define LANYARD_STREAMS_H

#include <stdbool.h>

#include "protocol/err.h"

/* Takes up those that are closed, so that no file or socket gets their numbers: standard input is
 * then empty, and writing to the others fails as it did. False: it cannot, and errno says why. */
bool streams_open(void) MUST_CHECK;
/* What was printed has left the program: else ERR_IO. */
enum err streams_flush(struct why *why) MUST_CHECK;

#endif
