/* SPDX-License-Identifier: MIT */
/*
 * The keys in use: identity, the device it stays with, its public key. Filled from the state file
 * (agent/store) and by requests; holds nothing secret. Loop thread only.
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

/* The key of (identity, purpose) on that device, or NULL. */
struct key *keyring_find(const struct keyring *k, const struct identity *id, enum purpose purpose,
			 const char *driver, const char *serial);
/* The identity's key on the device that it was first used with, and so stays with, or NULL. */
const struct key *keyring_home(const struct keyring *k, const struct identity *id);
/* How many keys are on the device. */
size_t keyring_count(const struct keyring *k, const char *driver, const char *serial);
/* Adds one, unknown and unlisted, or returns the one that is there. NULL when full. */
struct key *keyring_add(struct keyring *k, const struct identity *id, enum purpose purpose,
			const char *driver, const char *serial);
/* Without looking for one that is there, which costs much for a whole file. */
struct key *keyring_append(struct keyring *k, const struct identity *id, enum purpose purpose,
			   const char *driver, const char *serial);
void keyring_remove(struct keyring *k, struct key *key);
/* The key's public key is known from now on. */
void keyring_learn(struct key *key, const uint8_t pub[static PUBLIC_KEY_LEN]);

/* A key in use for the same place under another spelling (identity_near), or NULL. */
const struct key *keyring_near(const struct keyring *k, const struct identity *id);

#endif
