/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "derive/secret.h"
#include "wg-hook/backend.h"

/* Twice as much locked memory, once what there is is full. */
static bool grow(void **array, size_t *cap, size_t count, size_t size, size_t max)
{
	size_t wanted = *cap > 0 ? 2 * *cap : 16;
	void *p;

	if (count < *cap)
		return true;
	if (count >= max)
		return false;
	p = secret_alloc(wanted * size);
	if (!p)
		return false;
	if (count > 0)
		memcpy(p, *array, count * size);
	secret_free_mem(*array);
	*array = p;
	*cap = wanted;
	return true;
}

struct wg_peer *wg_device_add(struct wg_device *d)
{
	void *p = d->peers;
	struct wg_peer *peer;

	if (!grow(&p, &d->peers_cap, d->count, sizeof(*d->peers), WG_PEERS_MAX))
		return NULL;
	d->peers = p;
	d->sorted = false;
	peer = &d->peers[d->count++];
	memset(peer, 0, sizeof(*peer));
	peer->allowed = (uint32_t)d->allowed_count;
	return peer;
}

enum err wg_device_allow(struct wg_device *d, const struct wg_allowed *a)
{
	void *p = d->allowed;

	if (d->count == 0)
		return ERR_INVALID;
	if (!grow(&p, &d->allowed_cap, d->allowed_count, sizeof(*d->allowed), WG_ALLOWED_MAX))
		return ERR_NO_MEMORY;
	d->allowed = p;
	d->allowed[d->allowed_count++] = *a;
	d->peers[d->count - 1].allowed_count++;
	return ERR_OK;
}

static int compare_peers(const void *a, const void *b)
{
	return memcmp(a, b, WG_KEY_LEN); /* the public key is first */
}

void wg_device_sort(struct wg_device *d)
{
	_Static_assert(offsetof(struct wg_peer, public_key) == 0, "peers are compared by it");
	/* Not qsort(), whose copy of large arrays is on the heap: heapsort in place. */
	for (size_t n = d->count, root = n / 2; n > 1;) {
		struct wg_peer swap;
		size_t at, child;

		if (root > 0) {
			at = --root;
		} else {
			swap = d->peers[--n];
			d->peers[n] = d->peers[0];
			d->peers[0] = swap;
			at = 0;
		}
		for (; (child = 2 * at + 1) < n; at = child) {
			if (child + 1 < n &&
			    compare_peers(&d->peers[child], &d->peers[child + 1]) < 0)
				child++;
			if (compare_peers(&d->peers[at], &d->peers[child]) >= 0)
				break;
			swap = d->peers[at];
			d->peers[at] = d->peers[child];
			d->peers[child] = swap;
		}
		secret_wipe(&swap, sizeof(swap));
	}
	d->sorted = true;
}

struct wg_peer *wg_device_find(const struct wg_device *d, const uint8_t key[static WG_KEY_LEN])
{
	if (d->count == 0)
		return NULL;
	if (d->sorted)
		return bsearch(key, d->peers, d->count, sizeof(*d->peers), compare_peers);
	for (size_t i = 0; i < d->count; i++) {
		if (compare_peers(key, &d->peers[i]) == 0)
			return &d->peers[i];
	}
	return NULL;
}

void wg_device_free(struct wg_device *d)
{
	secret_free_mem(d->peers);
	secret_free_mem(d->allowed);
	secret_wipe(d, sizeof(*d));
}

bool wg_key_is_zero(const uint8_t key[static WG_KEY_LEN])
{
	static const uint8_t zero[WG_KEY_LEN];

	return secret_equal(key, zero, WG_KEY_LEN);
}

const struct wg_backend *wg_backend(const char *iface)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), WG_UAPI_DIR "/%s.sock", iface);
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? &wg_uapi : &wg_netlink;
}

enum err wg_get(struct wg_device *out, const char *iface, struct why *why)
{
	enum err e;

	memset(out, 0, sizeof(*out));
	if (if_nametoindex(iface) == 0)
		return why_set(why, ERR_NOT_FOUND, "there is no interface %s: wg-quick up %s",
			       iface, iface);
	e = wg_backend(iface)->get(out, iface, why);
	if (e == ERR_OK)
		wg_device_sort(out);
	else
		wg_device_free(out);
	return e;
}

enum err wg_set(const char *iface, const struct wg_device *change, struct why *why)
{
	return wg_backend(iface)->set(iface, change, why);
}
