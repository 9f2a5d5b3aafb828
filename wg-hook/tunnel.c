/* SPDX-License-Identifier: MIT */
#include "wg-hook/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "derive/kdf.h"
#include "protocol/text.h"

enum err tunnel_settings(struct settings *s, const struct options *o, struct why *why)
{
	enum err e = settings_read(s, o->iface, why);

	if (e != ERR_OK)
		return e;
	if (o->index != NULL && !text_to_u32(o->index, 0, UINT32_MAX, &s->id.index))
		e = why_set(why, ERR_INVALID, "--index: a number of 0 to %u", UINT32_MAX);
	else if (o->device != NULL && (size_t)snprintf(s->device, sizeof(s->device), "%s",
						       o->device) >= sizeof(s->device))
		e = why_set(why, ERR_INVALID, "--device: at most %zu bytes", sizeof(s->device) - 1);
	if (e != ERR_OK)
		settings_free(s);
	return e;
}

static enum err join_peer(struct tunnel_peer *out, const struct settings *s, const char *iface,
			  const uint8_t key[static WG_KEY_LEN], struct why *why)
{
	const struct settings_peer *known = settings_peer(s, key);
	char text[WG_KEY_TEXT];
	bool pair;

	*out = (struct tunnel_peer){.psk_mode = s->psk_mode};
	memcpy(out->key, key, WG_KEY_LEN);
	wg_key_format(text, key);
	if (kdf_wg_check(key, s->has_public ? s->public_key : NULL) != ERR_OK)
		return why_set(why, ERR_BAD_POINT,
			       "peer %s: this key is the interface's own, or no acceptable "
			       "Curve25519 point",
			       text);
	if (known != NULL && known->psk_mode != PSK_UNSET)
		out->psk_mode = known->psk_mode;
	pair = out->psk_mode == PSK_DEVICE || out->psk_mode == PSK_AGENT;
	if (pair && (known == NULL || !known->has_point))
		return why_set(why, ERR_NOT_FOUND,
			       "peer %s has no psk-point: `lanyard-wg pub` there prints it, then "
			       "here `sudo lanyard-wg point %s %s POINT`; for a peer without "
			       "lanyard set psk-mode = single or none in its section",
			       text, iface, text);
	if (pair) {
		out->point = known->point;
		out->extra = known->extra;
	}
	return ERR_OK;
}

enum err tunnel_join(struct tunnel_peer *out, const struct settings *s, const char *iface,
		     const uint8_t (*peers)[WG_KEY_LEN], size_t n, bool many, struct why *why)
{
	size_t on_device = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && e == ERR_OK; i++) {
		e = join_peer(&out[i], s, iface, peers[i], why);
		on_device += e == ERR_OK && out[i].psk_mode == PSK_DEVICE;
	}
	if (e == ERR_OK && on_device > TUNNEL_DEVICE_PEERS_MAX && !many)
		e = why_set(why, ERR_INVALID,
			    "%zu peers have psk-mode device, each a device operation and perhaps a "
			    "button; more than %d need -y: rather set psk-mode = agent",
			    on_device, TUNNEL_DEVICE_PEERS_MAX);
	return e;
}

/* The settings, what the command line says instead of them, and the config's peers. */
static void set_digest(struct tunnel *t, const uint8_t (*keys)[WG_KEY_LEN])
{
	uint8_t text[2 * 32 + 4 + SETTINGS_DEVICE_MAX], digest[32];
	struct wbuf w = wbuf_new(text, sizeof(text));

	wbuf_bytes(&w, t->settings.digest, sizeof(t->settings.digest));
	hash_sha256(digest, keys, t->conf.count * sizeof(*keys));
	wbuf_bytes(&w, digest, sizeof(digest));
	wbuf_u32(&w, t->settings.id.index);
	wbuf_text(&w, t->settings.device);
	hash_sha256(digest, w.p, w.n);
	hex_encode(t->digest, digest, sizeof(digest));
}

enum err tunnel_load(struct tunnel *t, const struct options *o, struct why *why)
{
	uint8_t(*keys)[WG_KEY_LEN] = NULL;
	enum err e;

	*t = (struct tunnel){0};
	settings_path(t->settings_path, o->iface);
	e = conf_path(t->conf_path, o, why);
	if (e == ERR_OK)
		e = tunnel_settings(&t->settings, o, why);
	if (e == ERR_OK)
		e = conf_read(&t->conf, t->conf_path, why);
	if (e != ERR_OK)
		goto out;
	keys = calloc(t->conf.count + 1, sizeof(*keys));
	t->peers = calloc(t->conf.count + 1, sizeof(*t->peers));
	if (keys == NULL || t->peers == NULL) {
		e = why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
		goto out;
	}
	for (size_t i = 0; i < t->conf.count; i++)
		memcpy(keys[i], t->conf.peers[i].key, WG_KEY_LEN);
	e = tunnel_join(t->peers, &t->settings, o->iface, (const uint8_t(*)[WG_KEY_LEN])keys,
			t->conf.count, o->yes, why);
	set_digest(t, (const uint8_t(*)[WG_KEY_LEN])keys);
out:
	free(keys);
	if (e != ERR_OK)
		tunnel_free(t);
	return e;
}

void tunnel_free(struct tunnel *t)
{
	settings_free(&t->settings);
	conf_free(&t->conf);
	free(t->peers);
	*t = (struct tunnel){0};
}

enum err tunnel_peer_identity(struct identity *id, const struct settings *s,
			      const uint8_t key[static WG_KEY_LEN], struct why *why)
{
	char uri[2 * IDENTITY_URI_MAX], name[WG_KEY_TEXT];
	enum err e;

	base64url_encode(name, sizeof(name), key, WG_KEY_LEN);
	snprintf(uri, sizeof(uri), "%s/%s", s->id.uri, name);
	e = identity_parse(id, uri, why);
	id->index = s->id.index;
	return e;
}

void tunnel_say_confirmations(const struct settings *s, const struct tunnel_peer *peers, size_t n)
{
	size_t on_device = 0;

	for (size_t i = 0; i < n; i++)
		on_device += peers[i].psk_mode == PSK_DEVICE;
	if (on_device == 0)
		wg_say("the agent may ask once to confirm the release of %s", s->id.uri);
	else
		wg_say("the agent may ask once to confirm the release of %s, and the device up to "
		       "%zu times: once for the interface and once for each peer of psk-mode "
		       "device",
		       s->id.uri, on_device + 1);
}
