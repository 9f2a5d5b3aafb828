/* SPDX-License-Identifier: MIT */
/* `lanyard-wg check`: all that `up` needs, without a key and without touching the interface. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"
#include "wg-hook/keys.h"
#include "wg-hook/owner.h"
#include "wg-hook/query.h"

/* What was found so far. */
struct check {
	const struct options *o;
	unsigned wrong;
};

static void good(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void PRINTF_LIKE(2, 0) print_line(const char *mark, const char *fmt, va_list args)
{
	char raw[2048], text[2048];

	vsnprintf(raw, sizeof(raw), fmt, args);
	printf("%-6s %s\n", mark, text_clean_message(text, sizeof(text), raw, strlen(raw)));
}

static void good(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("ok", fmt, args);
	va_end(args);
}

static void PRINTF_LIKE(2, 3) bad(struct check *c, const char *fmt, ...)
{
	va_list args;

	c->wrong++;
	va_start(args, fmt);
	print_line("WRONG", fmt, args);
	va_end(args);
}

static void check_hook(struct check *c, const struct conf *conf, const char *path)
{
	if (conf->hook_line == 0)
		bad(c, "%s has no hook lines: `sudo lanyard-wg setup %s` writes them", path,
		    c->o->iface);
	else
		good("%s, line %u: the hook", path, conf->hook_line);
}

/* Each peer, not only the first that is wrong. */
static void check_peers(struct check *c, const struct settings *s, const struct conf *conf)
{
	size_t on_device = 0;

	for (size_t i = 0; i < conf->count; i++) {
		const uint8_t(*key)[WG_KEY_LEN] = (const uint8_t(*)[WG_KEY_LEN]) &
						  conf->peers[i].key;
		struct tunnel_peer peer;
		char text[WG_KEY_TEXT];
		struct why why = {0};

		wg_key_format(text, conf->peers[i].key);
		if (tunnel_join(&peer, s, c->o->iface, key, 1, true, &why) != ERR_OK)
			bad(c, "%s", why.text);
		else if (peer.extra != NULL && geteuid() == 0 &&
			 keys_check_extra(peer.extra, &why) != ERR_OK)
			bad(c, "peer %s: %s", text, why.text);
		else
			good("peer %s: psk-mode %s%s", text, settings_psk_name(peer.psk_mode),
			     peer.extra != NULL ? ", extra-psk-file" : "");
		on_device += peer.psk_mode == PSK_DEVICE;
	}
	if (on_device > TUNNEL_DEVICE_PEERS_MAX && !c->o->yes)
		bad(c,
		    "%zu peers have psk-mode device; `up` takes more than %d only with -y: "
		    "rather set psk-mode = agent",
		    on_device, TUNNEL_DEVICE_PEERS_MAX);
	for (size_t i = 0; i < s->count; i++) {
		char text[WG_KEY_TEXT];
		size_t k = 0;

		while (k < conf->count &&
		       memcmp(conf->peers[k].key, s->peers[i].key, WG_KEY_LEN) != 0)
			k++;
		wg_key_format(text, s->peers[i].key);
		if (k == conf->count)
			good("peer %s is in the settings only: no matter", text);
	}
}

static void check_agent(struct check *c, const struct settings *s)
{
	uint8_t key[WG_KEY_LEN];
	char text[WG_KEY_TEXT];
	struct client *client = NULL;
	struct owner w;
	struct why why = {0};
	enum err e = owner_find(&w, s, c->o, &why);

	if (e == ERR_OK)
		e = owner_connect(&w, &client, &why);
	if (e == ERR_OK) {
		good("the agent at %s, because %s", w.path, w.because);
		e = query_public(key, client, s, NULL, &why);
	}
	client_close(client);
	if (e != ERR_OK) {
		bad(c, "%s", why_text(&why, e));
		return;
	}
	wg_key_format(text, key);
	if (s->has_public && memcmp(key, s->public_key, WG_KEY_LEN) != 0)
		bad(c,
		    "the device gives %s the public key %s, which is not the settings' "
		    "public-key: another device, passphrase, identity or index",
		    s->id.uri, text);
	else
		good("%s has the public key %s", s->id.uri, text);
}

int cmd_check(const struct options *o)
{
	struct check c = {.o = o};
	char settings_file[PATH_MAX], conf_file[PATH_MAX];
	struct settings s = {0};
	struct conf conf = {0};
	struct why why = {0};
	enum err e, read;

	settings_path(settings_file, o->iface);
	e = tunnel_settings(&s, o, &why);
	if (e == ERR_OK)
		good("%s", settings_file);
	else
		bad(&c, "%s", why_text(&why, e));
	read = conf_path(conf_file, o, &why);
	if (read == ERR_OK)
		read = conf_read(&conf, conf_file, &why);
	if (read == ERR_OK)
		check_hook(&c, &conf, conf_file);
	else
		bad(&c, "%s", why_text(&why, read));
	if (e == ERR_OK && read == ERR_OK)
		check_peers(&c, &s, &conf);
	if (e == ERR_OK)
		check_agent(&c, &s);
	settings_free(&s);
	conf_free(&conf);
	if (c.wrong > 0)
		return wg_fail("%u thing%s wrong", c.wrong, c.wrong == 1 ? " is" : "s are");
	printf("`sudo wg-quick up %s` should work\n", o->config != NULL ? conf_file : o->iface);
	return 0;
}
