/* SPDX-License-Identifier: MIT */
/* Settings and wg-quick config of one interface together: all that is validated before a device is
 * asked or an interface touched. */
#ifndef LANYARD_WG_TUNNEL_H
#define LANYARD_WG_TUNNEL_H

#include "wg-hook/conf.h"
#include "wg-hook/settings.h"

enum { TUNNEL_DEVICE_PEERS_MAX = 8 }; /* psk-mode device without -y */

/* A peer of the wg-quick config and what the settings say of it. */
struct tunnel_peer {
	uint8_t key[WG_KEY_LEN];
	enum psk_mode psk_mode; /* never PSK_UNSET */
	const uint8_t *point;   /* Q', for device and agent; else NULL. The settings' */
	const char *extra;      /* extra-psk-file or NULL. The settings' */
	struct identity id;     /* wg://IFACE@HOST/PEER with the interface's index */
};

struct tunnel {
	struct settings settings; /* -d and -i are in it already */
	struct conf conf;
	struct tunnel_peer *peers; /* conf.count of them, in the config's order */
	size_t device_peers;       /* with psk-mode device */
	size_t psk_peers;          /* that get a preshared key */
	char settings_path[PATH_MAX], conf_path[PATH_MAX];
};

/*
 * Reads and joins both files. Everything that `up` needs is checked: a device|agent peer without
 * psk-point (`why` says what to type), more than TUNNEL_DEVICE_PEERS_MAX device peers without -y, a
 * peer whose key is the interface's own, unusable points. On error `t` is empty.
 */
enum err tunnel_load(struct tunnel *t, const struct options *o, struct why *why) MUST_CHECK;
void tunnel_free(struct tunnel *t);

/* How many times a person will be asked to confirm, at most: one for the release, and one for each
 * device operation where the device itself asks. */
size_t tunnel_confirmations(const struct tunnel *t);

#endif
