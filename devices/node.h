/* SPDX-License-Identifier: MIT */
/* Device nodes: opened, or said why not, and who has them. Workers. */
#ifndef LANYARD_NODE_H
#define LANYARD_NODE_H

#include <sys/stat.h>

#include "protocol/err.h"

enum { NODE_PATH_MAX = 64 };

/* For reading and writing, without waiting. ERR_DEVICE_GONE when there is no such device (any
 * more); ERR_PERMISSION says who may and what to type; ERR_IO. */
enum err node_open(int *fd, const char *path, struct why *why) MUST_CHECK;

/* Is it open in another process? As far as /proc shows those of other users; never of one that is
 * not dumpable. */
bool node_used(const char *path);
/* ERR_DEVICE_BUSY: by whom, as far as that can be known. */
enum err node_busy(const char *path, struct why *why) MUST_CHECK;

/* What node_open() has found out for its message. */
struct node_denied {
	const char *path;
	struct stat st;
	const char *owner, *group; /* of the node: names, or numbers */
	const char *user;          /* who we are */
	bool rule;                 /* 70-lanyard.rules is where udev looks for it */
	bool has_group;            /* there is a group "lanyard" */
	bool grouped;              /* the node belongs to it */
	bool member;               /* we do */
};
/* ERR_PERMISSION and its text; pure. */
enum err node_explain(const struct node_denied *d, struct why *why) MUST_CHECK;

#endif
