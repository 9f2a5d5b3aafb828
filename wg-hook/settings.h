/* SPDX-License-Identifier: MIT */
/*
 * /etc/lanyard/wg/IFACE.conf: what lanyard-wg needs to know beyond the wg-quick config. No secret
 * is in it. lanyard-wg(8) describes the keys.
 *
 *     [interface]
 *     identity = wg://wg0@alice
 *     [peer nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I=]
 *     psk-point = …
 *
 * Sections in brackets, `key = value` lines, # comments, as in WireGuard's own files; but keys are
 * lower case, each at most once a section, and anything unknown is an error that names its line.
 */
#ifndef LANYARD_WG_SETTINGS_H
#define LANYARD_WG_SETTINGS_H

#include <limits.h>
#include <sys/types.h>

#include "derive/identity.h"
#include "protocol/client.h"
#include "wg-hook/wg.h"

#define SETTINGS_DIR "/etc/lanyard/wg"

enum {
	SETTINGS_FILE_MAX = 16 * 1024 * 1024,
	SETTINGS_DEVICE_MAX = 160,
	SETTINGS_USER_MAX = 32, /* of a login name */
	SETTINGS_ROTATE_MIN = 60,
	SETTINGS_ROTATE_MAX = 86400,
};

/* Where a peer's preshared key comes from; SETTINGS_PSK_UNSET only in a peer: the interface's. */
enum psk_mode { PSK_UNSET, PSK_NONE, PSK_DEVICE, PSK_AGENT, PSK_SINGLE, PSK_MODE_COUNT };

/* What the watcher does to the tunnel: on-remove, on-lock, on-sleep. */
enum on_event { ON_CLOSE, ON_DOWN, ON_KEEP, ON_EVENT_COUNT };

/* What `up` does when the device is not there: on-missing. UNSET is FAIL, but where the unit of
 * wg-quick says otherwise (cmd_tunnel.c). */
enum on_missing { MISSING_UNSET, MISSING_FAIL, MISSING_WAIT, MISSING_COUNT };

struct settings_peer {
	uint8_t key[WG_KEY_LEN];
	uint8_t point[WG_KEY_LEN]; /* psk-point: the peer's Q */
	bool has_point;
	enum psk_mode psk_mode;
	unsigned line; /* of the section */
	char *extra;   /* extra-psk-file: an absolute path; NULL */
};

struct settings {
	struct identity id;               /* identity, index */
	char device[SETTINGS_DEVICE_MAX]; /* serial; "" when not set */
	uint8_t public_key[WG_KEY_LEN];   /* public-key: what the interface must have */
	bool has_public;
	enum psk_mode psk_mode;                     /* never PSK_UNSET; default agent */
	uint32_t rotate;                            /* seconds; 0: preshared keys stay */
	enum on_event on_remove, on_lock, on_sleep; /* default close */
	enum on_missing on_missing;                 /* default unset */
	char agent_user[SETTINGS_USER_MAX + 1];     /* "" when not set */
	char socket[SOCKET_PATH_MAX + 1];           /* agent.sock's path; "" when not set */
	struct settings_peer *peers;                /* sorted by key */
	size_t count;
	uint8_t digest[32]; /* SHA-256 of the text */
};

const char *settings_psk_name(enum psk_mode m);
enum err settings_psk_parse(enum psk_mode *m, const char *name, size_t n) MUST_CHECK;

/* SETTINGS_DIR/IFACE.conf */
void settings_path(char out[static PATH_MAX], const char *iface);

/* Parses a file's text; `path` is for `why` only, which names it and the line. On error `s` is
 * empty. Release with settings_free(). Pure. */
enum err settings_parse(struct settings *s, const char *path, const char *text, size_t n,
			struct why *why) MUST_CHECK;
/* Reads and parses. ERR_NOT_FOUND when there is none (`why` says setup); ERR_PERMISSION unless the
 * file opened is a regular one of root that nobody else can write. */
enum err settings_read(struct settings *s, const char *iface, struct why *why) MUST_CHECK;
void settings_free(struct settings *s);

/* The peer's section, or NULL. */
const struct settings_peer *settings_peer(const struct settings *s,
					  const uint8_t key[static WG_KEY_LEN]);

/* A new file's text from `s`, malloc'd. */
enum err settings_format(const struct settings *s, char **out, size_t *out_n) MUST_CHECK;
/* The text with the peer's psk-point set: its line replaced, or added to its section, or to a new
 * one at the end (point NULL: only the section is made sure of). All else stays byte for byte.
 * `text` has passed settings_parse(). malloc'd. Pure. */
enum err settings_set_point(const char *text, size_t n, const uint8_t key[static WG_KEY_LEN],
			    const uint8_t *point, char **out, size_t *out_n) MUST_CHECK;

#endif
