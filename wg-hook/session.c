/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "derive/secret.h"
#include "protocol/log.h"
#include "wg-hook/session.h"
#include "wg-hook/state.h"

static enum err no_memory(struct why *why)
{
	return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
}

/* Appends a copy of `p`, whose allowed IPs are those of `of` (NULL: none). */
static struct wg_peer *copy_peer(struct wg_device *to, const struct wg_peer *p,
				 const struct wg_device *of)
{
	struct wg_peer *copy = wg_device_add(to);
	uint32_t first;

	if (!copy)
		return NULL;
	first = copy->allowed;
	*copy = *p;
	copy->allowed = first;
	copy->allowed_count = 0;
	for (uint32_t i = 0; of && i < p->allowed_count; i++) {
		if (wg_device_allow(to, &of->allowed[p->allowed + i]) != ERR_OK)
			return NULL;
	}
	return copy;
}

/* Every peer of `have` is one of `want`. */
static enum err check_known(const char *iface, const struct wg_device *have, bool closed,
			    const struct wg_device *want, struct why *why)
{
	char text[WG_KEY_TEXT];

	for (size_t i = 0; i < have->count; i++) {
		if (wg_device_find(want, have->peers[i].public_key))
			continue;
		wg_key_format(text, have->peers[i].public_key);
		/* wg(8) does not see it there. */
		if (closed)
			return why_set(why, ERR_MISMATCH,
				       "%s had the peer %s when it was closed, which its wg-quick "
				       "config has not: `wg-quick down %s`, then up leaves it out; "
				       "or write it there",
				       iface, text, iface);
		return why_set(why, ERR_MISMATCH,
			       "%s has the peer %s, which its wg-quick config has not: take it out "
			       "with `wg set %s peer %s remove`, or write it there",
			       iface, text, iface, text);
	}
	return ERR_OK;
}

/* What makes of `now` and `closed` what is wanted, but for the private key. */
static enum err plan_peers(struct wg_device *change, const char *iface,
			   const struct wg_device *want, const struct wg_device *now,
			   const struct wg_device *closed, struct why *why)
{
	char text[WG_KEY_TEXT];

	for (size_t i = 0; i < want->count; i++) {
		const struct wg_peer *wanted = &want->peers[i];
		const struct wg_peer *was = wg_device_find(closed, wanted->public_key);
		bool there = wg_device_find(now, wanted->public_key) != NULL;
		struct wg_peer *p;

		if (!there && !was) {
			wg_key_format(text, wanted->public_key);
			return why_set(
				why, ERR_MISMATCH,
				"%s has no peer %s, though its wg-quick config has: wg-quick "
				"down %s, then up",
				iface, text, iface);
		}
		p = there ? copy_peer(change, wanted, NULL) : copy_peer(change, was, closed);
		if (!p)
			return no_memory(why);
		memcpy(p->psk, wanted->psk, WG_KEY_LEN);
		p->flags = WG_PEER_PSK | (there ? 0 : WG_PEER_FULL);
	}
	return ERR_OK;
}

static enum err verify(const char *iface, const struct wg_device *want, struct why *why)
{
	struct wg_device now;
	enum err e = wg_get(&now, iface, why);
	bool same;

	if (e != ERR_OK)
		return e;
	same = secret_equal(now.public_key, want->public_key, WG_KEY_LEN) &&
	       now.count == want->count;
	for (size_t i = 0; same && i < want->count; i++) {
		const struct wg_peer *p = wg_device_find(&now, want->peers[i].public_key);

		same = p && secret_equal(p->psk, want->peers[i].psk, WG_KEY_LEN);
	}
	wg_device_free(&now);
	return same ? ERR_OK
		    : why_set(why, ERR_MISMATCH,
			      "%s has not the keys it was given: does another program set them?",
			      iface);
}

static enum err set_private(const char *iface, const uint8_t key[static WG_KEY_LEN],
			    struct why *why)
{
	struct wg_device change = {.set_private = true};
	enum err e;

	memcpy(change.private_key, key, WG_KEY_LEN);
	e = wg_set(iface, &change, why);
	wg_device_free(&change);
	return e;
}

enum err session_install(const char *iface, const struct wg_device *want, struct why *why)
{
	struct wg_device now = {0}, closed = {0}, change = {0};
	struct why ignored;
	bool changed = false;
	enum err e = wg_get(&now, iface, why);

	if (e == ERR_OK)
		e = closed_read(iface, &closed, why);
	if (e == ERR_OK)
		e = check_known(iface, &now, false, want, why);
	if (e == ERR_OK)
		e = check_known(iface, &closed, true, want, why);
	if (e == ERR_OK)
		e = plan_peers(&change, iface, want, &now, &closed, why);
	if (e != ERR_OK)
		goto out;
	changed = true;
	e = wg_set(iface, &change, why);
	if (e == ERR_OK)
		e = set_private(iface, want->private_key, why);
	if (e == ERR_OK)
		e = verify(iface, want, why);
	if (e == ERR_OK)
		closed_remove(iface);
out:
	wg_device_free(&now);
	wg_device_free(&closed);
	wg_device_free(&change);
	if (e != ERR_OK && changed && session_close(iface, &ignored) != ERR_OK)
		return why_set(why, e, "%s; and %s", why->text, ignored.text);
	return e;
}

enum err session_check(const char *iface, const uint8_t *public_key, struct why *why)
{
	struct wg_device now;
	enum err e = wg_get(&now, iface, why);
	bool keyed;

	if (e != ERR_OK)
		return e;
	keyed = !wg_key_is_zero(now.public_key) &&
		(!public_key || memcmp(now.public_key, public_key, WG_KEY_LEN) == 0);
	wg_device_free(&now);
	if (!keyed || closed_exists(iface))
		return why_set(why, ERR_MISMATCH, "%s has not its keys", iface);
	return ERR_OK;
}

/* Takes out the peers of `now`, and the private key. */
static enum err take_out(const char *iface, const struct wg_device *now, struct why *why)
{
	struct wg_device change = {.set_private = true};
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < now->count; i++) {
		struct wg_peer *p = copy_peer(&change, &now->peers[i], NULL);

		if (!p)
			e = no_memory(why);
		else
			p->flags = WG_PEER_REMOVE;
	}
	if (e == ERR_OK)
		e = wg_set(iface, &change, why);
	wg_device_free(&change);
	return e;
}

static enum err close_once(const char *iface, struct why *why)
{
	struct wg_device now = {0};
	enum err e = wg_get(&now, iface, why);

	if (e == ERR_OK && now.count > 0) {
		struct why unsaved;

		/* Rather closed and not restored by itself than open. */
		if (closed_write(iface, &now, &unsaved) != ERR_OK)
			log_warn("%s; wg-quick down and up restore %s", unsaved.text, iface);
	}
	if (e == ERR_OK)
		e = take_out(iface, &now, why);
	wg_device_free(&now);
	if (e == ERR_OK)
		e = wg_get(&now, iface, why);
	if (e == ERR_OK && (now.count > 0 || !wg_key_is_zero(now.public_key)))
		e = why_set(why, ERR_MISMATCH,
			    "%s got keys or peers back: does another program set them?", iface);
	wg_device_free(&now);
	return e;
}

enum err session_close(const char *iface, struct why *why)
{
	enum err e = close_once(iface, why);
	struct why link;

	if (e == ERR_OK || if_nametoindex(iface) == 0)
		return e == ERR_OK ? ERR_OK
				   : why_set(why, ERR_NOT_FOUND, "there is no interface %s", iface);
	/* Sessions end with the link, and packets do. */
	if (session_link(iface, false, &link) != ERR_OK)
		return why_set(why, e, "%s is still open: %s; %s", iface, why->text, link.text);
	log_warn("%s: %s; it is set down instead", iface, why->text);
	return ERR_OK;
}

enum err session_wipe(const char *iface, struct why *why)
{
	struct wg_device closed = {0};
	enum err e = session_close(iface, why);

	if (e == ERR_OK)
		e = closed_read(iface, &closed, why);
	for (size_t i = 0; e == ERR_OK && i < closed.count; i++)
		closed.peers[i].flags = WG_PEER_FULL;
	if (e == ERR_OK && closed.count > 0)
		e = wg_set(iface, &closed, why);
	if (e == ERR_OK)
		closed_remove(iface);
	wg_device_free(&closed);
	return e;
}

enum err session_link(const char *iface, bool up, struct why *why)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	ok = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
	if (ok) {
		request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP
					       : request.ifr_flags & ~IFF_UP);
		ok = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	}
	if (!ok)
		why_set(why, ERR_IO, "cannot set %s %s: %m", iface, up ? "up" : "down");
	if (fd >= 0)
		close(fd);
	return ok ? ERR_OK : ERR_IO;
}
