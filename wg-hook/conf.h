/* SPDX-License-Identifier: MIT */
/*
 * The wg-quick config, wg-quick(8): which peers there are, that no key is in it, and our two hook
 * lines. Read as wg(8) reads it: case does not matter, spaces inside a line do not either.
 */
#ifndef LANYARD_WG_CONF_H
#define LANYARD_WG_CONF_H

#include <limits.h>

#include "wg-hook/wg.h"

enum { CONF_FILE_MAX = 16 * 1024 * 1024 };

struct conf_peer {
	uint8_t key[WG_KEY_LEN];
	unsigned line; /* of its PublicKey */
};

struct conf {
	struct conf_peer *peers; /* in the file's order; no key twice */
	size_t count;
	unsigned interface_line; /* of [Interface] */
	unsigned hook_line;      /* of our block; 0: none */
};

/* --config, absolute, else /etc/wireguard/IFACE.conf. (wg-quick resolves symbolic links, so its
 * name says nothing.) */
enum err conf_path(char out[static PATH_MAX], const struct options *o, struct why *why) MUST_CHECK;

/* Parses a file's text. Refused, naming `path` and line: PrivateKey, PresharedKey, SaveConfig =
 * true (ERR_NOT_ALLOWED); no [Interface] or more than one, a [Peer] without exactly one PublicKey,
 * a key twice, one that is no acceptable point, a NUL byte (ERR_CORRUPT). Other lines are not
 * looked at. On error `c` is empty. Pure. */
enum err conf_parse(struct conf *c, const char *path, const char *text, size_t n,
		    struct why *why) MUST_CHECK;
enum err conf_read(struct conf *c, const char *path, struct why *why) MUST_CHECK;
void conf_free(struct conf *c);

/* The text with our block of hook lines directly after [Interface], in place of an old one;
 * `program` NULL takes it out. `program` is an absolute path, quoted for bash where it needs to be;
 * ERR_INVALID for one that no hook line can hold (#, %, control characters). malloc'd. Pure. */
enum err conf_edit(const char *text, size_t n, const char *program, char **out, size_t *out_n,
		   struct why *why) MUST_CHECK;

#endif
