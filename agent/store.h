/* SPDX-License-Identifier: MIT */
/*
 * What the agent remembers: the devices it has seen, the wallet that each held, the keys in use.
 * In memory, and in $XDG_STATE_HOME/lanyard (doc/ARCHITECTURE.md, "State"). Loop thread only.
 *
 * A file that cannot be read, or not understood, is never written to. One that cannot be written
 * is said in the log; the next change, and the end, try again.
 */
#ifndef LANYARD_STORE_H
#define LANYARD_STORE_H

#include <limits.h>

#include "agent/keyring.h"
#include "agent/state.h"

/* A device that was seen once. Valid until the loop runs again. */
struct known_device {
	struct state_device is; /* index, driver, serial, label */
	/* The wallet that its keys were recorded with, as SHA-256 of the ed25519 public key of
	 * lanyard://wallet. Without keys there is none. */
	bool has_wallet;
	uint8_t wallet[WALLET_LEN];
	/* It has answered for its wallet, in this device_session(), since it was connected. */
	bool proved;
	unsigned session;
};

struct store {
	struct keyring *keys;
	struct known_device *devices; /* in the order of their indices */
	size_t count, room;
	char dir[PATH_MAX];
	int lock; /* -1: the directory cannot be written */
	bool keys_unsaved, devices_unsaved;
	bool guest; /* another agent writes there: nothing is recorded */
};

/* Reads both files into `keys` and itself. An error means that the agent must not start; its words
 * name the file, the line and what to do. Only one agent writes there; a `guest` (the agent of a
 * `-- COMMAND`) beside it starts all the same, reads, and records nothing. */
enum err store_open(struct store *s, struct keyring *keys, bool guest, struct why *why) MUST_CHECK;
/* For a store that was opened. */
void store_close(struct store *s);

/* NULL: not seen yet, or it could not be recorded. */
struct known_device *store_find(const struct store *s, const char *driver, const char *serial);
/* INDEX, SERIAL, DRIVER:LABEL or DRIVER:SERIAL of a device, connected or not. */
enum err store_select(const struct store *s, const char *selector, struct known_device **out,
		      struct why *why) MUST_CHECK;
/* A device was connected: records it if it is new. Returns its index; UINT_MAX for one that cannot
 * be recorded, which the log says. */
unsigned store_arrived(struct store *s, const char *driver, const struct device_info *info);
/* Its index is free from now on. ERR_EXISTS while keys are recorded for it. */
enum err store_forget_device(struct store *s, struct known_device *d, struct why *why) MUST_CHECK;

/* What to ask a device for, to know its wallet. */
void store_wallet_identity(struct identity *id);
/* The fingerprint of the wallet that a device's keys are recorded with; false: there is none. */
bool store_wallet(const struct store *s, const struct device *d, uint8_t out[static 32]);
/* Takes its answer (NULL: it has no such key). ERR_MISMATCH: it is another wallet. */
enum err store_prove(struct store *s, struct known_device *d, unsigned session, const uint8_t *pub,
		     struct why *why) MUST_CHECK;

/* A key was added, or learned its public key: writes. */
void store_save_keys(struct store *s);
/* Removes a key from the keyring too; store_save_keys() is the caller's. */
void store_forget_key(struct store *s, struct key *key);

#endif
