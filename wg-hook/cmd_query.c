/* SPDX-License-Identifier: MIT */
/* `lanyard-wg check|pub|point|psk`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "derive/kdf.h"
#include "protocol/dirs.h"
#include "protocol/text.h"
#include "wg-hook/keys.h"
#include "wg-hook/owner.h"
#include "wg-hook/query.h"

static enum err connect_agent(struct client **c, const struct settings *s, const struct options *o,
			      struct why *why)
{
	struct owner w;
	enum err e = owner_find(&w, s, o, why);

	*c = NULL;
	return e == ERR_OK ? owner_connect(&w, c, why) : e;
}

/* ---- the peers to speak of ---- */

/* Those of the config; of the settings where the config cannot be read, as /etc/wireguard cannot by
 * other users. */
struct peers {
	struct tunnel_peer *p;
	size_t n;
};

static void add_peer(struct peers *out, const struct settings *s, const uint8_t *key)
{
	const struct settings_peer *known = settings_peer(s, key);
	struct tunnel_peer *p = &out->p[out->n++];

	memcpy(p->key, key, WG_KEY_LEN);
	p->psk_mode = known != NULL && known->psk_mode != PSK_UNSET ? known->psk_mode : s->psk_mode;
	p->point = known != NULL && known->has_point ? known->point : NULL;
}

static enum err find_peers(struct peers *out, const struct settings *s, const struct options *o,
			   struct why *why)
{
	char path[PATH_MAX];
	struct conf conf = {0};
	enum err e = conf_path(path, o, why);

	*out = (struct peers){0};
	if (e == ERR_OK)
		e = conf_read(&conf, path, why);
	if (e == ERR_PERMISSION && geteuid() != 0 && o->config == NULL)
		e = ERR_OK;
	if (e != ERR_OK)
		return e;
	out->p = calloc(conf.count + s->count + 1, sizeof(*out->p));
	if (out->p == NULL)
		e = why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	for (size_t i = 0; i < conf.count && e == ERR_OK; i++)
		add_peer(out, s, conf.peers[i].key);
	for (size_t i = 0; i < s->count && e == ERR_OK && conf.peers == NULL; i++)
		add_peer(out, s, s->peers[i].key);
	conf_free(&conf);
	return e;
}

/* A peer's key as an operand. */
static enum err operand_key(uint8_t key[static WG_KEY_LEN], const char *text, const char *what,
			    struct why *why)
{
	if (wg_key_parse(key, text, strlen(text)) != ERR_OK)
		return why_set(why, ERR_INVALID, "%s: %s is 44 characters of base64", text, what);
	if (kdf_wg_check(key, NULL) != ERR_OK)
		return why_set(why, ERR_BAD_POINT, "%s: not an acceptable Curve25519 point", text);
	return ERR_OK;
}

/* The one of `peers` that was typed. */
static enum err operand_peer(struct tunnel_peer *out, const struct peers *peers, const char *text,
			     struct why *why)
{
	uint8_t key[WG_KEY_LEN];
	enum err e = operand_key(key, text, "a peer's public key", why);

	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < peers->n; i++)
		if (memcmp(peers->p[i].key, key, WG_KEY_LEN) == 0) {
			*out = peers->p[i];
			return ERR_OK;
		}
	return why_set(why, ERR_NOT_FOUND,
		       "%s is no peer of the wg-quick config: add it there first", text);
}

/* ---- pub ---- */

static enum err print_point(struct client *c, const struct settings *s,
			    const struct tunnel_peer *peer, struct why *why)
{
	char key[WG_KEY_TEXT], text[WG_KEY_TEXT];
	uint8_t point[WG_KEY_LEN];
	enum err e;

	wg_key_format(key, peer->key);
	if (peer->psk_mode != PSK_DEVICE && peer->psk_mode != PSK_AGENT) {
		printf("peer %s psk-mode %s\n", key, settings_psk_name(peer->psk_mode));
		return ERR_OK;
	}
	e = query_public(point, c, s, peer, why);
	if (e != ERR_OK)
		return e;
	wg_key_format(text, point);
	printf("peer %s point %s\n", key, text);
	return ERR_OK;
}

int cmd_pub(const struct options *o)
{
	uint8_t key[WG_KEY_LEN];
	char text[WG_KEY_TEXT];
	struct settings s;
	struct peers peers = {0};
	struct tunnel_peer one;
	struct client *c = NULL;
	struct why why = {0};
	enum err e = tunnel_settings(&s, o, &why);

	if (e != ERR_OK)
		return wg_error(e, &why);
	e = find_peers(&peers, &s, o, &why);
	if (e == ERR_OK)
		e = connect_agent(&c, &s, o, &why);
	if (e == ERR_OK)
		e = query_public(key, c, &s, NULL, &why);
	/* For the points the agent wants the device's serial. */
	if (e == ERR_OK)
		e = query_serial(s.device, c, &s, &why);
	if (e == ERR_OK) {
		wg_key_format(text, key);
		printf("public-key %s\n", text);
	}
	for (int i = 0; i < o->argc && e == ERR_OK; i++) {
		e = operand_peer(&one, &peers, o->argv[i], &why);
		if (e == ERR_OK)
			e = print_point(c, &s, &one, &why);
	}
	for (size_t i = 0; i < peers.n && e == ERR_OK && o->argc == 0; i++)
		e = print_point(c, &s, &peers.p[i], &why);
	if (e == ERR_OK && isatty(STDOUT_FILENO))
		printf("at each peer: sudo lanyard-wg point IFACE %s POINT\n", text);
	client_close(c);
	free(peers.p);
	settings_free(&s);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}

/* ---- point ---- */

static enum err store_point(const char *path, const uint8_t *key, const uint8_t *point,
			    struct why *why)
{
	struct stat st;
	uint8_t *old = NULL;
	char *new = NULL;
	size_t old_n = 0, new_n = 0;
	enum err e = file_read(path, SETTINGS_FILE_MAX, FILE_OURS, &old, &old_n, &st, why);

	if (e == ERR_OK)
		e = settings_set_point((const char *)old, old_n, key, point, &new, &new_n);
	if (e == ERR_OK)
		e = file_write(path, new, new_n, st.st_mode & 07777, true, why);
	free(old);
	free(new);
	return e;
}

int cmd_point(const struct options *o)
{
	uint8_t point[WG_KEY_LEN];
	char path[PATH_MAX];
	struct settings s = {0};
	struct peers peers = {0};
	struct tunnel_peer peer;
	struct why why = {0};
	enum err e = wg_need_root(o, "change the settings", &why);

	settings_path(path, o->iface);
	if (e == ERR_OK)
		e = settings_read(&s, o->iface, &why);
	if (e == ERR_OK)
		e = find_peers(&peers, &s, o, &why);
	if (e == ERR_OK)
		e = operand_peer(&peer, &peers, o->argv[0], &why);
	if (e == ERR_OK)
		e = operand_key(point, o->argv[1], "the point that `lanyard-wg pub` prints there",
				&why);
	if (e == ERR_OK && (memcmp(point, peer.key, WG_KEY_LEN) == 0 ||
			    (s.has_public && memcmp(point, s.public_key, WG_KEY_LEN) == 0)))
		e = why_set(&why, ERR_BAD_POINT,
			    "%s is a public key: the point is what stands after the word point",
			    o->argv[1]);
	if (e == ERR_OK && peer.psk_mode != PSK_DEVICE && peer.psk_mode != PSK_AGENT)
		wg_say("note: this peer has psk-mode %s, which needs no point",
		       settings_psk_name(peer.psk_mode));
	if (e == ERR_OK)
		e = store_point(path, peer.key, point, &why);
	free(peers.p);
	settings_free(&s);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}

/* ---- psk ---- */

/* A file would keep it: only where it is read and gone. */
static enum err check_output(struct why *why)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0)
		return why_set(why, ERR_IO, "standard output: %s", strerror(errno));
	if (isatty(STDOUT_FILENO) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return ERR_OK;
	return why_set(why, ERR_NOT_ALLOWED,
		       "a preshared key goes to a terminal or a pipe, not into a file");
}

/* Past stdio, whose buffer would keep a copy. */
static enum err write_key(const uint8_t key[static WG_KEY_LEN], struct why *why)
{
	struct secret text = {0};
	size_t done = 0;
	enum err e = secret_new(&text, WG_KEY_TEXT);

	if (e != ERR_OK)
		return e;
	wg_key_format((char *)text.p, key);
	text.p[WG_KEY_TEXT - 1] = '\n';
	fflush(stdout);
	while (done < text.n && e == ERR_OK) {
		ssize_t n = write(STDOUT_FILENO, text.p + done, text.n - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			e = why_set(why, ERR_IO, "standard output: %s", strerror(errno));
	}
	secret_free(&text);
	return e;
}

int cmd_psk(const struct options *o)
{
	struct settings s = {0};
	struct peers peers = {0};
	struct tunnel_peer peer;
	struct client *c = NULL;
	struct keys *k = NULL;
	struct why why = {0};
	enum err e = check_output(&why);

	if (e == ERR_OK)
		e = tunnel_settings(&s, o, &why);
	if (e == ERR_OK)
		e = find_peers(&peers, &s, o, &why);
	if (e == ERR_OK)
		e = operand_peer(&peer, &peers, o->argv[0], &why);
	if (e == ERR_OK && peer.psk_mode != PSK_SINGLE)
		e = why_set(&why, ERR_NOT_ALLOWED,
			    "this peer has psk-mode %s; for a peer without lanyard put psk-mode = "
			    "single into its section of " SETTINGS_DIR "/%s.conf first",
			    settings_psk_name(peer.psk_mode), o->iface);
	if (e == ERR_OK)
		e = connect_agent(&c, &s, o, &why);
	if (e == ERR_OK) {
		peer.point = NULL;
		tunnel_say_confirmations(&s, &peer, 1);
		e = keys_fetch(&k, c, &s, &peer, 1, NULL, &why);
	}
	if (e == ERR_OK)
		e = write_key(k->peers[0].psk, &why);
	keys_free(k);
	client_close(c);
	free(peers.p);
	settings_free(&s);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}
