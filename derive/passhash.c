/* SPDX-License-Identifier: MIT */
#include "derive/passhash.h"

#include <sodium.h>

#include "derive/secret.h"

enum { MEMORY = 8 << 20 };

_Static_assert(sizeof((struct passhash){0}.salt) == crypto_pwhash_SALTBYTES, "libsodium's");

static enum err hash(uint8_t out[static 32], const struct passhash *h, const void *p, size_t n)
{
	return crypto_pwhash(out, 32, n > 0 ? p : "", n, h->salt, crypto_pwhash_OPSLIMIT_MIN,
			     MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0
		       ? ERR_OK
		       : ERR_NO_MEMORY;
}

enum err passhash_set(struct passhash *h, const void *p, size_t n)
{
	secret_random(h->salt, sizeof(h->salt));
	return hash(h->hash, h, p, n);
}

enum err passhash_check(const struct passhash *h, const void *p, size_t n)
{
	uint8_t now[32];
	enum err e = hash(now, h, p, n);

	if (e == ERR_OK && !secret_equal(now, h->hash, sizeof(now)))
		e = ERR_BAD_PASSPHRASE;
	secret_wipe(now, sizeof(now));
	return e;
}
