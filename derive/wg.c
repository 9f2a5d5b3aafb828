/* SPDX-License-Identifier: MIT */
#include "derive/kdf.h"

#include <string.h>

#include <sodium.h>

#include "derive/ecc.h"

enum { KEY = 32, TREE_DEPTH = 32, TREE_NODES = 33 };

static void clamp(uint8_t k[static KEY])
{
	k[0] &= 248;
	k[31] &= 127;
	k[31] |= 64;
}

void kdf_wg_private(uint8_t out[static 32], const uint8_t secret[static 32], const char *uri)
{
	hkdf(out, secret, KEY, "lanyard wg private v1", uri, strlen(uri));
	clamp(out);
}

void kdf_wg_child(uint8_t out[static 32], const uint8_t secret[static 32], const char *peer_uri)
{
	hkdf(out, secret, KEY, "lanyard wg child v1", peer_uri, strlen(peer_uri));
	clamp(out);
}

void kdf_wg_single(uint8_t out[static 32], const uint8_t secret[static 32], const char *peer_uri)
{
	hkdf(out, secret, KEY, "lanyard wg single v1", peer_uri, strlen(peer_uri));
}

void kdf_wg_public(uint8_t out[static 32], const uint8_t scalar[static 32])
{
	(void)crypto_scalarmult_curve25519_base(out, scalar);
}

enum err kdf_wg_check(const uint8_t theirs[static 32], const uint8_t *ours)
{
	uint8_t pub[PUBLIC_KEY_LEN] = {0};

	if (ours != NULL && memcmp(theirs, ours, KEY) == 0) {
		return ERR_BAD_POINT;
	}
	memcpy(pub + 1, theirs, KEY);
	return ecc_check_public(CURVE_CURVE25519, pub);
}

enum err kdf_wg_pair_shared(uint8_t out[static 32], const uint8_t shared[static 32],
			    const struct wg_side *ours, const struct wg_side *theirs, uint32_t t,
			    const uint8_t *extra)
{
	uint8_t ikm[2 * KEY];
	uint8_t sides[2][2 * KEY];
	uint8_t info[sizeof sides + 4];
	bool we_first;
	enum err e = kdf_wg_check(theirs->public_key, ours->public_key);

	if (e == ERR_OK) {
		e = kdf_wg_check(theirs->point, ours->point);
	}
	if (e == ERR_OK && sodium_is_zero(shared, KEY)) {
		e = ERR_BAD_POINT;
	}
	if (e != ERR_OK) {
		return e;
	}
	memcpy(sides[0], ours->public_key, KEY);
	memcpy(sides[0] + KEY, ours->point, KEY);
	memcpy(sides[1], theirs->public_key, KEY);
	memcpy(sides[1] + KEY, theirs->point, KEY);
	we_first = memcmp(sides[0], sides[1], sizeof sides[0]) < 0;
	memcpy(info, sides[we_first ? 0 : 1], sizeof sides[0]);
	memcpy(info + sizeof sides[0], sides[we_first ? 1 : 0], sizeof sides[0]);
	info[sizeof sides] = (uint8_t)(t >> 24);
	info[sizeof sides + 1] = (uint8_t)(t >> 16);
	info[sizeof sides + 2] = (uint8_t)(t >> 8);
	info[sizeof sides + 3] = (uint8_t)t;

	memcpy(ikm, shared, KEY);
	if (extra != NULL) {
		memcpy(ikm + KEY, extra, KEY);
	}
	hkdf(out, ikm, extra != NULL ? sizeof ikm : KEY, "lanyard wg psk v1", info, sizeof info);
	sodium_memzero(ikm, sizeof ikm);
	return ERR_OK;
}

enum err kdf_wg_pair(uint8_t out[static 32], const uint8_t q[static 32], const struct wg_side *ours,
		     const struct wg_side *theirs, uint32_t t, const uint8_t *extra)
{
	uint8_t shared[SHARED_MAX];
	size_t n;
	enum err e = ecc_ecdh(CURVE_CURVE25519, q, theirs->point, KEY, shared, &n);

	if (e == ERR_OK) {
		e = kdf_wg_pair_shared(out, shared, ours, theirs, t, extra);
	}
	sodium_memzero(shared, sizeof shared);
	return e;
}

/* child b = HMAC-SHA256(key = node, message = the byte b); out may be the node itself. */
static void tree_child(uint8_t out[static KEY], const uint8_t node[static KEY], uint8_t bit)
{
	crypto_auth_hmacsha256_state st;

	(void)crypto_auth_hmacsha256_init(&st, node, KEY);
	(void)crypto_auth_hmacsha256_update(&st, &bit, 1);
	(void)crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

/* The last epoch below a node. */
static uint32_t tree_last(uint32_t prefix, unsigned depth)
{
	return (uint32_t)(prefix + ((UINT64_C(1) << (TREE_DEPTH - depth)) - 1));
}

/* nodes[] is a stack: the earliest epochs are on its top. */
void wg_tree_start(struct wg_tree *t, const uint8_t root[static 32])
{
	sodium_memzero(t, sizeof *t);
	t->count = 1;
	memcpy(t->nodes[0].node, root, KEY);
}

enum err wg_tree_step(struct wg_tree *t, uint32_t from)
{
	unsigned top;

	if (t->count == 0 || from < t->from) {
		return ERR_INVALID;
	}
	for (top = t->count - 1; tree_last(t->nodes[top].prefix, t->nodes[top].depth) < from;
	     top--) {
		sodium_memzero(&t->nodes[top], sizeof t->nodes[top]);
	}
	while (t->nodes[top].prefix < from) {
		uint32_t left = t->nodes[top].prefix;
		unsigned depth = t->nodes[top].depth + 1;
		uint32_t right = left + (UINT32_C(1) << (TREE_DEPTH - depth));

		if (from < right) {
			t->nodes[top + 1].prefix = left;
			t->nodes[top + 1].depth = depth;
			tree_child(t->nodes[top + 1].node, t->nodes[top].node, 0);
		}
		t->nodes[top].prefix = right;
		t->nodes[top].depth = depth;
		tree_child(t->nodes[top].node, t->nodes[top].node, 1);
		if (from < right) {
			top++;
		}
	}
	t->count = top + 1;
	t->from = from;
	return ERR_OK;
}

enum err wg_tree_psk(uint8_t out[static 32], const struct wg_tree *t, uint32_t epoch)
{
	uint8_t node[KEY];
	unsigned i = t->count;

	if (t->count == 0 || epoch < t->from) {
		return ERR_INVALID;
	}
	/* The stack covers every epoch from t->from on, so this ends at a node. */
	do {
		i--;
	} while (tree_last(t->nodes[i].prefix, t->nodes[i].depth) < epoch);
	memcpy(node, t->nodes[i].node, KEY);
	for (unsigned depth = t->nodes[i].depth; depth < TREE_DEPTH; depth++) {
		tree_child(node, node, epoch >> (TREE_DEPTH - 1 - depth) & 1);
	}
	hkdf(out, node, KEY, "lanyard wg epoch v1", "", 0);
	sodium_memzero(node, sizeof node);
	return ERR_OK;
}
