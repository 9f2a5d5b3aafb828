/* SPDX-License-Identifier: MIT */
/*
 * SECRET of a WireGuard interface, kept for the client that asked for it, and what is made of it
 * (derive/kdf.h). It goes when the client does, and before that when its device or the agent is
 * locked, the device is removed or its key forgotten. Loop thread only.
 */
#ifndef LANYARD_WGKEYS_H
#define LANYARD_WGKEYS_H

#include "agent/request.h"
#include "derive/kdf.h"

enum { WGKEYS_DEVICE_MAX = DRIVER_NAME_MAX + 1 + DEVICE_SERIAL_MAX };

/* Locked memory. One block for all that is made: getting and freeing one for each key takes as long
 * as the key. */
struct wgkeys_arena {
	uint8_t secret[32]; /* SECRET of the interface */
	uint8_t q[32];      /* of the peer at hand */
	uint8_t key[32];    /* what is handed out next: whoever sends it wipes it */
};

/* In the dialect's connection state; zero: nothing is kept. */
struct wgkeys {
	struct agent *agent;
	struct wgkeys_arena *arena; /* NULL when nothing is kept; all below is then void */
	uint32_t announced;         /* preshared keys that were confirmed and are to come */
	bool released; /* the private key was handed out: its preshared keys may be, too */
	uint8_t public_key[32];
	struct identity id;
	char driver[DRIVER_NAME_MAX + 1];
	char serial[DEVICE_SERIAL_MAX + 1];
	struct wgkeys *prev, *next;
};

enum psk_mode { PSK_DEVICE, PSK_AGENT, PSK_SINGLE, PSK_MODE_COUNT };
enum err psk_mode_parse(const char *name, enum psk_mode *out, struct why *why) MUST_CHECK;

enum { PSK_ROTATE_MIN = 60, PSK_ROTATE_MAX = 86400 };

/* A preshared key that is asked for. */
struct wgkeys_psk {
	struct identity peer; /* wg://IFACE@HOST/PEER */
	enum psk_mode mode;
	struct wg_side theirs; /* its point only where the mode has one */
	uint32_t rotate;       /* T of DERIVATION.md; 0: the key itself is asked for */
	bool extra;            /* with the 32 bytes of a file */
};

/* Takes SECRET out of a request with wg_keys that has succeeded, in the place of what was kept.
 * Fails when its device or the agent was locked meanwhile, or the device removed. */
enum err wgkeys_keep(struct wgkeys *k, struct request *r) MUST_CHECK;
void wgkeys_drop(struct wgkeys *k);
/* NULL: of every device. */
void wgkeys_drop_device(struct agent *a, const struct device *d);
void wgkeys_forget(struct agent *a, const struct identity *id);

/* What is kept is that of this interface, or of this peer's. */
bool wgkeys_has(const struct wgkeys *k, const struct identity *id);

/* Fills in theirs->public_key from the peer's URI, and theirs->point from `point` (base64; NULL
 * where the mode has none). ERR_BAD_POINT for those that kdf_wg_check() refuses, our own too. */
enum err wgkeys_read_peer(const struct wgkeys *k, struct wgkeys_psk *psk, const char *point,
			  struct why *why) MUST_CHECK;

/* The private key, into arena->key. */
void wgkeys_private(struct wgkeys *k);
/* The point Q of mode agent. Not secret. */
void wgkeys_point(struct wgkeys *k, const struct identity *peer, uint8_t out[static 32]);
/* The preshared key or, with rotate, its root, into arena->key. `extra`: 32 bytes or NULL. `shared`
 * and `point` are for mode device: the device's answer, and our point Q there. */
enum err wgkeys_psk(struct wgkeys *k, const struct wgkeys_psk *psk, const uint8_t *extra,
		    const uint8_t *shared, const uint8_t *point, struct why *why) MUST_CHECK;

#endif
