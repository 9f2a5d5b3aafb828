/* SPDX-License-Identifier: MIT */
/* Settings and wg-quick config of one interface together: all that is validated before a device is
 * asked or an interface touched. */
#ifndef LANYARD_WG_TUNNEL_H
#define LANYARD_WG_TUNNEL_H

#include "wg-hook/conf.h"
#include "wg-hook/settings.h"

enum {
	TUNNEL_DEVICE_PEERS_MAX = 8, /* psk-mode device without -y */
	TUNNEL_DIGEST_TEXT = 2 * 32 + 1,
};

/* A peer of the wg-quick config and what the settings say of it. */
struct tunnel_peer {
	uint8_t key[WG_KEY_LEN];
	enum psk_mode psk_mode; /* never PSK_UNSET */
	const uint8_t *point;   /* Q', for device and agent; else NULL. The settings' */
	const char *extra;      /* extra-psk-file or NULL. The settings' */
};

struct tunnel {
	struct settings settings; /* -d and -i are in it already */
	struct conf conf;
	struct tunnel_peer *peers; /* conf.count of them, in the config's order */
	char settings_path[PATH_MAX], conf_path[PATH_MAX];
	char digest[TUNNEL_DIGEST_TEXT]; /* of all of it that the keys depend on, in hexadecimal */
};

/*
 * What the settings say of `n` peers, into `out` (room for n; points into `s`), all of it checked:
 * a device|agent peer without psk-point (`why` says what to type), more than
 * TUNNEL_DEVICE_PEERS_MAX device peers unless `many`, a peer's key that is the interface's own or
 * no acceptable point. Pure.
 */
enum err tunnel_join(struct tunnel_peer *out, const struct settings *s, const char *iface,
		     const uint8_t (*peers)[WG_KEY_LEN], size_t n, bool many,
		     struct why *why) MUST_CHECK;
/* Reads both files and joins them: everything that can be known before a device is asked. On error
 * `t` is empty. */
enum err tunnel_load(struct tunnel *t, const struct options *o, struct why *why) MUST_CHECK;
void tunnel_free(struct tunnel *t);

/* wg://IFACE@HOST/PEER of a peer, with the interface's index. */
enum err tunnel_peer_identity(struct identity *id, const struct settings *s,
			      const uint8_t key[static WG_KEY_LEN], struct why *why) MUST_CHECK;

/* settings_read() with -d and -i of the command line in place of the file's. */
enum err tunnel_settings(struct settings *s, const struct options *o, struct why *why) MUST_CHECK;

/* How many confirmations come at most, said before any: "one confirmation", "up to 4 …". */
void tunnel_say_confirmations(const struct settings *s, const struct tunnel_peer *peers, size_t n);

#endif
