/* SPDX-License-Identifier: MIT */
/*
 * Keys of one interface, fetched from the agent over one connection into one locked arena
 * (derive/secret.h). Every reply is taken as hostile.
 */
#ifndef LANYARD_WG_KEYS_H
#define LANYARD_WG_KEYS_H

#include "derive/secret.h"
#include "protocol/client.h"
#include "wg-hook/tunnel.h"

struct keys_peer {
	uint8_t key[WG_KEY_LEN]; /* its public key, not secret */
	bool has_psk;            /* psk-mode is not none */
	bool is_root;            /* `psk` is the root R of an epoch tree (derive/kdf.h wg_tree) */
	uint8_t psk[WG_KEY_LEN];
};

/* Wholly in locked memory. */
struct keys {
	uint8_t private_key[WG_KEY_LEN];
	uint8_t public_key[WG_KEY_LEN]; /* of private_key; equal to the settings' public-key */
	uint32_t rotate;                /* the T of every is_root peer */
	size_t count;
	struct keys_peer peers[]; /* in the order they were asked for */
};

/* What is to be done between two keys: a WATCH beside it must be read, for each key is an event and
 * a thousand of them unread would end it. */
struct keys_meanwhile {
	void (*call)(void *arg);
	void *arg;
};

/*
 * WGKEYS for the interface and for each of its peers, on `c`, which stays open (after an error it
 * is good for client_close() only). One device operation and one for each device peer; commands
 * that need none are sent many at a time. ERR_MISMATCH, naming both keys, when the private key's
 * public key is not the settings' (without public-key in the settings: any); ERR_SYNTAX for
 * anything but 32 bytes that are a clamped scalar. extra-psk-files are read here: owner root,
 * nobody else may read or write, 32 bytes as base64. On error nothing is kept. `m` may be NULL.
 */
enum err keys_fetch(struct keys **out, struct client *c, const struct settings *s,
		    const struct tunnel_peer *peers, size_t n, const struct keys_meanwhile *m,
		    struct why *why) MUST_CHECK;
void keys_free(struct keys *k); /* wipes; NULL is fine */
/* What keys_fetch() will say of an extra-psk-file. */
enum err keys_check_extra(const char *path, struct why *why) MUST_CHECK;

#endif
