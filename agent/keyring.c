/* SPDX-License-Identifier: MIT */
#include "agent/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keyring_free(struct keyring *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->keys[i]);
	free(k->keys);
	*k = (struct keyring){0};
}

struct key *keyring_find(const struct keyring *k, const struct identity *id, enum purpose purpose,
			 const char *serial)
{
	for (size_t i = 0; i < k->count; i++) {
		struct key *key = k->keys[i];

		if (key->purpose == purpose && identity_equal(&key->id, id) &&
		    strcmp(key->serial, serial) == 0)
			return key;
	}
	return NULL;
}

const char *keyring_home(const struct keyring *k, const struct identity *id)
{
	for (size_t i = 0; i < k->count; i++)
		if (identity_equal(&k->keys[i]->id, id))
			return k->keys[i]->serial;
	return NULL;
}

struct key *keyring_add(struct keyring *k, const struct identity *id, enum purpose purpose,
			const char *serial)
{
	struct key *key = keyring_find(k, id, purpose, serial);

	if (key != NULL || k->count == KEYRING_MAX)
		return key;
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
	free(key);
}

const struct key *keyring_near(const struct keyring *k, const struct identity *id)
{
	for (size_t i = 0; i < k->count; i++)
		if (identity_near(&k->keys[i]->id, id))
			return k->keys[i];
	return NULL;
}
