/* SPDX-License-Identifier: MIT */
#include "agent/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keyring_free(struct keyring *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->keys[i]->added_destinations);
		free(k->keys[i]);
	}
	free(k->keys);
	*k = (struct keyring){0};
}

static bool key_is_on(const struct key *key, const char *driver, const char *serial)
{
	return strcmp(key->serial, serial) == 0 && strcmp(key->driver, driver) == 0;
}

struct key *keyring_find(const struct keyring *k, const struct identity *id, enum purpose purpose,
			 const char *driver, const char *serial)
{
	for (size_t i = 0; i < k->count; i++) {
		struct key *key = k->keys[i];

		if (key->purpose == purpose && identity_equal(&key->id, id) &&
		    key_is_on(key, driver, serial))
			return key;
	}
	return NULL;
}

const struct key *keyring_home(const struct keyring *k, const struct identity *id)
{
	for (size_t i = 0; i < k->count; i++)
		if (identity_equal(&k->keys[i]->id, id))
			return k->keys[i];
	return NULL;
}

size_t keyring_count(const struct keyring *k, const char *driver, const char *serial)
{
	size_t count = 0;

	for (size_t i = 0; i < k->count; i++)
		count += key_is_on(k->keys[i], driver, serial);
	return count;
}

struct key *keyring_add(struct keyring *k, const struct identity *id, enum purpose purpose,
			const char *driver, const char *serial)
{
	struct key *key = keyring_find(k, id, purpose, driver, serial);

	return key != NULL ? key : keyring_append(k, id, purpose, driver, serial);
}

struct key *keyring_append(struct keyring *k, const struct identity *id, enum purpose purpose,
			   const char *driver, const char *serial)
{
	struct key *key;

	if (k->count == KEYRING_MAX)
		return NULL;
	if (k->count == k->room) {
		size_t room = k->room > 0 ? 2 * k->room : 16;
		struct key **keys = realloc(k->keys, room * sizeof(*keys));

		if (keys == NULL)
			return NULL;
		k->keys = keys;
		k->room = room;
	}
	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return NULL;
	key->id = *id;
	key->purpose = purpose;
	key->allow = ALLOW_DEFAULT;
	snprintf(key->driver, sizeof(key->driver), "%s", driver);
	snprintf(key->serial, sizeof(key->serial), "%s", serial);
	key->position = k->count;
	k->keys[k->count++] = key;
	return key;
}

void keyring_remove(struct keyring *k, struct key *key)
{
	k->count--;
	for (size_t i = key->position; i < k->count; i++) {
		k->keys[i] = k->keys[i + 1];
		k->keys[i]->position = i;
	}
	free(key->added_destinations);
	free(key);
}

void keyring_learn(struct key *key, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	memcpy(key->public_key, pub, PUBLIC_KEY_LEN);
	key->known = true;
	/* Uncompressing takes as long as a signature: once, not at each listing. */
	if (ecc_uncompress(key->id.curve, pub, key->point) != ERR_OK)
		memset(key->point, 0, sizeof(key->point));
}

const struct key *keyring_near(const struct keyring *k, const struct identity *id)
{
	for (size_t i = 0; i < k->count; i++)
		if (identity_near(&k->keys[i]->id, id))
			return k->keys[i];
	return NULL;
}
