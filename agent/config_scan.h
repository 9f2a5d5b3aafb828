/* SPDX-License-Identifier: MIT */
/*
 * The lexical form of lanyard.conf, checked before libconfuse reads it.
 *
 * libconfuse is lenient where a configuration of keys must not be: it takes an unclosed section for
 * a whole one, drops characters that it does not know, reads the rest of `ssh://host` as a comment,
 * puts the environment into strings, and stays inside an unclosed string for its next parse. So the
 * text must have the plain form that lanyard.conf(5) describes. Pure.
 */
#ifndef LANYARD_CONFIG_SCAN_H
#define LANYARD_CONFIG_SCAN_H

#include "protocol/err.h"

struct scan {
	const char *path; /* for messages */
	const char *p;    /* NUL-terminated */
	unsigned line, depth;
	unsigned opened; /* line of the section that is open */
};

/* The whole text. ERR_INVALID names path and line. */
enum err scan_all(const char *path, const char *text, struct why *why) MUST_CHECK;
/* Goes past the next section's '{', whose line is then in s->opened, or to the end. */
enum err scan_section(struct scan *s, struct why *why) MUST_CHECK;

#endif
