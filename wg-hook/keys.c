/* SPDX-License-Identifier: MIT */
#include "wg-hook/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/kdf.h"
#include "protocol/dirs.h"
#include "protocol/text.h"
#include "wg-hook/lines.h"
#include "wg-hook/query.h"

enum { EXTRA_FILE_MAX = 1024 };

/* One command on its way. */
struct ask {
	const char *extra; /* path of extra-psk-file; NULL */
	struct why *why;
};

static enum err read_extra(const char *path, struct wbuf *answer, struct why *why)
{
	uint8_t *text = NULL;
	size_t n = 0;
	struct secret key = {0};
	enum err e = file_read(path, EXTRA_FILE_MAX, FILE_SECRET, &text, &n, NULL, why);

	if (e != ERR_OK)
		return e;
	struct slice line = slice_trim((struct slice){text, n});
	while (line.n > 0 && line.p[line.n - 1] == '\n')
		line = slice_trim((struct slice){line.p, line.n - 1});
	e = secret_new(&key, WG_KEY_LEN);
	if (e == ERR_OK && wg_key_parse(key.p, (const char *)line.p, line.n) != ERR_OK)
		e = why_set(why, ERR_CORRUPT,
			    "%s: 44 characters of base64 are expected, as `wg genpsk` prints them",
			    path);
	if (e == ERR_OK)
		wbuf_bytes(answer, key.p, WG_KEY_LEN);
	secret_free(&key);
	text_wipe(text, n);
	free(text);
	return e;
}

enum err keys_check_extra(const char *path, struct why *why)
{
	struct secret key = {0};
	struct wbuf answer;
	enum err e = secret_new(&key, WG_KEY_LEN);

	if (e != ERR_OK)
		return e;
	answer = wbuf_new(key.p, key.n);
	e = read_extra(path, &answer, why);
	secret_free(&key);
	return e;
}

static enum err on_inquire(void *arg, const char *keyword, const char *text, struct wbuf *answer)
{
	struct ask *a = arg;

	(void)text;
	if (strcmp(keyword, "EXTRA") == 0 && a->extra != NULL)
		return read_extra(a->extra, answer, a->why);
	return why_set(a->why, ERR_NO_PROMPT,
		       "the agent asks for %s, which lanyard-wg does not answer: run `lanyard "
		       "unlock` first, or give the agent a pinentry",
		       keyword);
}

/* ---- commands ---- */

static enum err send(struct client *c, struct wbuf *command, struct why *why)
{
	wbuf_u8(command, '\0');
	if (!wbuf_ok(command))
		return why_set(why, ERR_TOO_LARGE, "the command for the agent is too long");
	return client_send(c, (const char *)command->p, why);
}

/* The answer must be exactly 32 bytes. `out` is in locked memory. */
static enum err take_key(uint8_t out[static WG_KEY_LEN], struct client *c, const char *extra,
			 struct why *why)
{
	struct ask a = {.extra = extra, .why = why};
	const struct client_calls calls = query_calls(on_inquire, &a);
	struct wbuf data = wbuf_new(out, WG_KEY_LEN);
	enum err e = client_answer(c, &data, &calls, why);

	if (e == ERR_OK && data.n != WG_KEY_LEN)
		e = why_set(why, ERR_SYNTAX,
			    "the agent does not follow the protocol: a key of %zu bytes", data.n);
	return e;
}

static void begin(struct wbuf *w, char *room, size_t cap)
{
	*w = wbuf_new(room, cap);
	wbuf_text(w, "WGKEYS");
}

static void add_index(struct wbuf *w, const struct settings *s)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", s->id.index);
	client_option(w, "index", number);
}

static enum err check_private(const struct keys *k, const struct settings *s, struct why *why)
{
	const uint8_t *p = k->private_key;
	char got[WG_KEY_TEXT], want[WG_KEY_TEXT];

	if ((p[0] & 7) != 0 || (p[31] & 0xC0) != 0x40)
		return why_set(why, ERR_SYNTAX,
			       "the agent does not follow the protocol: its answer is no X25519 "
			       "private key");
	if (!s->has_public || memcmp(k->public_key, s->public_key, WG_KEY_LEN) == 0)
		return ERR_OK;
	wg_key_format(got, k->public_key);
	wg_key_format(want, s->public_key);
	return why_set(why, ERR_MISMATCH,
		       "the device gives %s the public key %s, but the settings expect %s: another "
		       "device, passphrase, identity or index",
		       s->id.uri, got, want);
}

static enum err fetch_interface(struct keys *k, struct client *c, const struct settings *s,
				size_t psks, struct why *why)
{
	char room[LINE_LEN_MAX + 1], number[24];
	struct wbuf w;
	enum err e;

	begin(&w, room, sizeof(room));
	client_option(&w, "device", s->device[0] != '\0' ? s->device : NULL);
	add_index(&w, s);
	snprintf(number, sizeof(number), "%zu", psks);
	client_option(&w, "peers", number);
	client_word(&w, s->id.uri);
	e = send(c, &w, why);
	if (e == ERR_OK)
		e = take_key(k->private_key, c, NULL, why);
	if (e != ERR_OK)
		return e;
	kdf_wg_public(k->public_key, k->private_key);
	return check_private(k, s, why);
}

/* All zero is how WireGuard spells "none". */
static enum err check_psk(const uint8_t psk[static WG_KEY_LEN], struct why *why)
{
	static const uint8_t none[WG_KEY_LEN];

	return secret_equal(psk, none, WG_KEY_LEN) ? why_set(why, ERR_SYNTAX,
							     "the agent does not follow the "
							     "protocol: an all-zero preshared key")
						   : ERR_OK;
}

static enum err send_peer(struct client *c, const struct settings *s,
			  const struct tunnel_peer *peer, struct why *why)
{
	char room[LINE_LEN_MAX + 1], point[WG_KEY_TEXT], number[12];
	struct identity id;
	struct wbuf w;
	bool pair = peer->point != NULL;
	enum err e = tunnel_peer_identity(&id, s, peer->key, why);

	if (e != ERR_OK)
		return e;
	begin(&w, room, sizeof(room));
	client_option(&w, "psk-mode", settings_psk_name(peer->psk_mode));
	if (pair) {
		wg_key_format(point, peer->point);
		client_option(&w, "point", point);
	}
	if (pair && s->rotate > 0) {
		snprintf(number, sizeof(number), "%u", s->rotate);
		client_option(&w, "rotate", number);
	}
	if (peer->extra != NULL)
		wbuf_text(&w, " --extra");
	add_index(&w, s);
	client_word(&w, id.uri);
	return send(c, &w, why);
}

static enum err take_peer(struct keys_peer *k, struct client *c, const struct settings *s,
			  const struct tunnel_peer *peer, struct why *why)
{
	enum err e = take_key(k->psk, c, peer->extra, why);

	k->has_psk = true;
	k->is_root = peer->point != NULL && s->rotate > 0;
	return e == ERR_OK ? check_psk(k->psk, why) : e;
}

/* The reason again, with the peer it is about. */
static enum err name_peer(const uint8_t key[static WG_KEY_LEN], enum err e, struct why *why)
{
	char text[WG_KEY_TEXT];
	struct why inner = {0};

	if (why == NULL)
		return e;
	inner = *why;
	wg_key_format(text, key);
	return why_set(why, e, "peer %s: %s", text, why_text(&inner, e));
}

/* Its command may ask something back, or somebody who may say no to it and to what follows. */
static bool goes_alone(const struct tunnel_peer *peer)
{
	return peer->extra != NULL || peer->psk_mode == PSK_DEVICE;
}

/* Many commands ahead of their answers, so that neither side waits for the other each time. */
static enum err fetch_peers(struct keys *k, struct client *c, const struct settings *s,
			    const struct tunnel_peer *peers, const struct keys_meanwhile *m,
			    struct why *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0, sent = 0; i < k->count && e == ERR_OK; i++) {
		memcpy(k->peers[i].key, peers[i].key, WG_KEY_LEN);
		while (e == ERR_OK && sent < k->count && client_ahead(c) < CLIENT_AHEAD_MAX &&
		       (client_ahead(c) == 0 || !goes_alone(&peers[sent])) &&
		       (sent == i || !goes_alone(&peers[sent - 1]))) {
			if (peers[sent].psk_mode != PSK_NONE)
				e = send_peer(c, s, &peers[sent], why);
			if (e != ERR_OK)
				return name_peer(peers[sent].key, e, why);
			sent++;
		}
		if (peers[i].psk_mode == PSK_NONE)
			continue;
		e = take_peer(&k->peers[i], c, s, &peers[i], why);
		if (m != NULL)
			m->call(m->arg);
		if (e != ERR_OK)
			e = name_peer(peers[i].key, e, why);
	}
	return e;
}

enum err keys_fetch(struct keys **out, struct client *c, const struct settings *s,
		    const struct tunnel_peer *peers, size_t n, const struct keys_meanwhile *m,
		    struct why *why)
{
	struct keys *k = secret_alloc(sizeof(*k) + n * sizeof(*k->peers));
	size_t psks = 0;
	enum err e;

	*out = NULL;
	if (k == NULL)
		return why_set(why, ERR_NO_MEMORY, "no locked memory for the keys of %zu peers", n);
	k->rotate = s->rotate;
	k->count = n;
	for (size_t i = 0; i < n; i++)
		psks += peers[i].psk_mode != PSK_NONE;
	e = fetch_interface(k, c, s, psks, why);
	if (e == ERR_OK)
		e = fetch_peers(k, c, s, peers, m, why);
	if (e == ERR_OK)
		*out = k;
	else
		keys_free(k);
	return e;
}

void keys_free(struct keys *k)
{
	secret_free_mem(k);
}
