/* SPDX-License-Identifier: MIT */
#include "agent/wgkeys.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/pick.h"
#include "agent/unlock.h"
#include "derive/encode.h"

/* ---- keeping ---- */

void wgkeys_drop(struct wgkeys *k)
{
	if (k->arena == NULL)
		return;
	if (k->prev != NULL)
		k->prev->next = k->next;
	else
		k->agent->wgkeys = k->next;
	if (k->next != NULL)
		k->next->prev = k->prev;
	secret_free_mem(k->arena);
	*k = (struct wgkeys){0};
}

void wgkeys_drop_device(struct agent *a, const struct device *d)
{
	struct wgkeys *next;

	for (struct wgkeys *k = a->wgkeys; k != NULL; k = next) {
		next = k->next;
		if (d == NULL || (strcmp(k->serial, device_info(d)->serial) == 0 &&
				  strcmp(k->driver, device_driver(d)->name) == 0))
			wgkeys_drop(k);
	}
}

void wgkeys_forget(struct agent *a, const struct identity *id)
{
	struct wgkeys *next;

	for (struct wgkeys *k = a->wgkeys; k != NULL; k = next) {
		next = k->next;
		if (identity_equal(&k->id, id))
			wgkeys_drop(k);
	}
}

enum err wgkeys_keep(struct wgkeys *k, struct request *r)
{
	struct agent *a = r->agent;
	const struct device *d = pick_connected(a, r->driver, r->serial);
	struct wgkeys_arena *arena;

	wgkeys_drop(k);
	if (d == NULL)
		return why_set(&r->why, ERR_DEVICE_GONE, "the device was removed meanwhile");
	/* A lock waits behind this request for the device, but holds from when it was said. */
	if ((a->locked & 1u << OP_CLASS_RELEASE) != 0 || unlock_held(a, d))
		return why_set(&r->why, ERR_LOCKED, "locked meanwhile: run `lanyard unlock`");
	arena = r->secret.n == sizeof(arena->secret) ? secret_alloc(sizeof(*arena)) : NULL;
	if (arena == NULL)
		return why_set(&r->why, ERR_NO_MEMORY, "no locked memory for the keys of %s",
			       r->id.uri);
	memcpy(arena->secret, r->secret.p, sizeof(arena->secret));
	secret_free(&r->secret);
	*k = (struct wgkeys){.agent = a,
			     .arena = arena,
			     .announced = r->wg_peers,
			     .id = r->id,
			     .next = a->wgkeys};
	memcpy(k->public_key, r->out, sizeof(k->public_key));
	snprintf(k->driver, sizeof(k->driver), "%s", r->driver);
	snprintf(k->serial, sizeof(k->serial), "%s", r->serial);
	if (k->next != NULL)
		k->next->prev = k;
	a->wgkeys = k;
	return ERR_OK;
}

bool wgkeys_has(const struct wgkeys *k, const struct identity *id)
{
	size_t n = id->class == CLASS_WG_PEER ? id->path.at : strlen(id->uri);

	return k->arena != NULL && k->id.index == id->index && strlen(k->id.uri) == n &&
	       memcmp(k->id.uri, id->uri, n) == 0;
}

/* ---- what is asked for ---- */

enum err psk_mode_parse(const char *name, enum psk_mode *out, struct why *why)
{
	static const char *const names[PSK_MODE_COUNT] = {
		[PSK_DEVICE] = "device",
		[PSK_AGENT] = "agent",
		[PSK_SINGLE] = "single",
	};

	for (unsigned i = 0; i < PSK_MODE_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = i;
			return ERR_OK;
		}
	}
	return why_set(why, ERR_INVALID, "psk-mode %s: device, agent, single", name);
}

/* A peer's key or point, which `whose` names. */
static enum err check_theirs(const uint8_t theirs[static 32], const uint8_t *ours,
			     const char *whose, struct why *why)
{
	if (kdf_wg_check(theirs, NULL) != ERR_OK)
		return why_set(
			why, ERR_BAD_POINT,
			"%s is no acceptable curve25519 point (2^255 - 19 or more, or of low "
			"order): get it from the peer again",
			whose);
	if (ours != NULL && memcmp(theirs, ours, 32) == 0)
		return why_set(why, ERR_BAD_POINT,
			       "%s is our own: give the one that the peer printed", whose);
	return ERR_OK;
}

enum err wgkeys_read_peer(const struct wgkeys *k, struct wgkeys_psk *psk, const char *point,
			  struct why *why)
{
	struct slice path = IDENTITY_PART(&psk->peer, path);
	size_t n;
	enum err e = base64url_decode(psk->theirs.public_key, 32, &n, (const char *)path.p + 1,
				      path.n - 1);

	/* identity_parse() has seen to its form. */
	if (e == ERR_OK)
		e = check_theirs(psk->theirs.public_key, k->public_key, "the peer's public key",
				 why);
	if (e != ERR_OK || point == NULL)
		return e;
	e = base64_decode(psk->theirs.point, 32, &n, point, strlen(point));
	if (e != ERR_OK || n != 32)
		return why_set(why, ERR_INVALID,
			       "the point \"%s\" is not base64 of 32 bytes (44 characters)", point);
	return check_theirs(psk->theirs.point, NULL, "the peer's point", why);
}

/* ---- deriving ---- */

void wgkeys_private(struct wgkeys *k)
{
	kdf_wg_private(k->arena->key, k->arena->secret, k->id.uri);
}

void wgkeys_point(struct wgkeys *k, const struct identity *peer, uint8_t out[static 32])
{
	kdf_wg_child(k->arena->q, k->arena->secret, peer->uri);
	kdf_wg_public(out, k->arena->q);
	secret_wipe(k->arena->q, sizeof(k->arena->q));
}

/* With q from SECRET: no device is asked. */
static enum err psk_agent(struct wgkeys_arena *arena, const struct wgkeys_psk *psk,
			  struct wg_side *ours, const uint8_t *extra)
{
	enum err e;

	kdf_wg_child(arena->q, arena->secret, psk->peer.uri);
	kdf_wg_public(ours->point, arena->q);
	e = kdf_wg_pair(arena->key, arena->q, ours, &psk->theirs, psk->rotate, extra);
	secret_wipe(arena->q, sizeof(arena->q));
	return e;
}

enum err wgkeys_psk(struct wgkeys *k, const struct wgkeys_psk *psk, const uint8_t *extra,
		    const uint8_t *shared, const uint8_t *point, struct why *why)
{
	struct wg_side ours = {{0}, {0}};
	enum err e = ERR_OK;

	memcpy(ours.public_key, k->public_key, sizeof(ours.public_key));
	if (psk->mode == PSK_SINGLE) {
		kdf_wg_single(k->arena->key, k->arena->secret, psk->peer.uri);
	} else if (psk->mode == PSK_AGENT) {
		e = psk_agent(k->arena, psk, &ours, extra);
	} else {
		memcpy(ours.point, point, sizeof(ours.point));
		e = kdf_wg_pair_shared(k->arena->key, shared, &ours, &psk->theirs, psk->rotate,
				       extra);
	}
	if (e == ERR_BAD_POINT)
		e = check_theirs(psk->theirs.point, ours.point, "the peer's point", why);
	return e;
}
