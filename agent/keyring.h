/* SPDX-License-Identifier: MIT */
/*
 * The keys in use: identity, the device it stays with, its public key. Filled by requests and by
 * the config; holds nothing secret. Loop thread only.
 */
#ifndef LANYARD_KEYRING_H
#define LANYARD_KEYRING_H

#include "agent/request.h"

enum { KEYRING_MAX = 10000 };

struct keyring {
	struct key **keys; /* in the order of first use */
	size_t count, room;
};

void keyring_free(struct keyring *k);

/* The key of (identity, purpose) on the device with this serial, or NULL. */
struct key *keyring_find(const struct keyring *k, const struct identity *id, enum purpose purpose,
			 const char *serial);
/* The serial of the device that the identity was first used with, and so stays with, or NULL. */
const char *keyring_home(const struct keyring *k, const struct identity *id);
/* Adds one, unknown and unlisted, or returns the one that is there. NULL when full. */
struct key *keyring_add(struct keyring *k, const struct identity *id, enum purpose purpose,
			const char *serial);
void keyring_remove(struct keyring *k, struct key *key);

/* A key in use for the same place under another spelling (identity_near), or NULL. */
const struct key *keyring_near(const struct keyring *k, const struct identity *id);

#endif
