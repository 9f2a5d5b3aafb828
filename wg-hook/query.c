/* SPDX-License-Identifier: MIT */
#include "wg-hook/query.h"

#include <stdio.h>
#include <string.h>

#include "derive/kdf.h"
#include "protocol/line.h"
#include "protocol/text.h"

/* A status line's words; false when it is none that a program of ours could have sent. */
static bool status_words(struct line *words, const char *keyword, const char *text)
{
	char line[LINE_LEN_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s -- %s", keyword, text);

	return n >= 0 && (size_t)n < sizeof(line) &&
	       line_parse(words, line, (size_t)n, NULL) == ERR_OK;
}

static void on_status(void *arg, const char *keyword, const char *text)
{
	struct line words;

	(void)arg;
	if (!status_words(&words, keyword, text) || line_operands(&words) != 3)
		return;
	if (strcmp(keyword, "WAITING") == 0)
		wg_say("waiting %s s for %s (serial %s): plug it in", line_operand(&words, 2),
		       line_operand(&words, 1), line_operand(&words, 0));
	else if (strcmp(keyword, "CANDIDATE") == 0)
		wg_say("one of them: -d %s (%s)", line_operand(&words, 1), line_operand(&words, 2));
}

struct client_calls query_calls(enum err (*inquire)(void *arg, const char *keyword,
						    const char *text, struct wbuf *answer),
				void *arg)
{
	return (struct client_calls){.status = on_status, .inquire = inquire, .arg = arg};
}

enum err query_public(uint8_t out[static WG_KEY_LEN], struct client *c, const struct settings *s,
		      const struct tunnel_peer *peer, struct why *why)
{
	const struct client_calls calls = query_calls(NULL, NULL);
	char room[LINE_LEN_MAX + 1], number[12];
	uint8_t text[WG_KEY_TEXT - 1];
	struct wbuf w = wbuf_new(room, sizeof(room)), data = wbuf_new(text, sizeof(text));
	struct identity id = s->id;
	enum err e = ERR_OK;

	if (peer != NULL)
		e = tunnel_peer_identity(&id, s, peer->key, why);
	if (e != ERR_OK)
		return e;
	wbuf_text(&w, "PUBKEY");
	client_option(&w, "device", s->device[0] != '\0' ? s->device : NULL);
	snprintf(number, sizeof(number), "%u", s->id.index);
	client_option(&w, "index", number);
	if (peer != NULL && peer->psk_mode == PSK_AGENT)
		client_option(&w, "psk-mode", "agent");
	client_word(&w, id.uri);
	wbuf_u8(&w, '\0');
	if (!wbuf_ok(&w))
		return why_set(why, ERR_TOO_LARGE, "the command for the agent is too long");
	e = client_command(c, room, &data, &calls, why);
	if (e == ERR_OK && (wg_key_parse(out, (const char *)data.p, data.n) != ERR_OK ||
			    kdf_wg_check(out, NULL) != ERR_OK))
		e = why_set(why, ERR_SYNTAX,
			    "the agent does not follow the protocol: its answer is no WireGuard "
			    "public key");
	return e;
}

/* Looks for one identity among the agent's keys. */
struct search {
	const struct identity *id;
	char *serial;
	bool found;
};

static void on_key(void *arg, const char *keyword, const char *text)
{
	struct search *s = arg;
	struct line words;
	uint32_t index;

	/* uri index curve serial … */
	if (strcmp(keyword, "KEY") != 0 || !status_words(&words, keyword, text) ||
	    line_operands(&words) < 4 || strcmp(line_operand(&words, 0), s->id->uri) != 0 ||
	    !text_to_u32(line_operand(&words, 1), 0, UINT32_MAX, &index) || index != s->id->index ||
	    strlen(line_operand(&words, 3)) >= SETTINGS_DEVICE_MAX ||
	    !text_is_ascii_printable(line_operand(&words, 3), strlen(line_operand(&words, 3))))
		return;
	strcpy(s->serial, line_operand(&words, 3));
	s->found = true;
}

enum err query_serial(char out[static SETTINGS_DEVICE_MAX], struct client *c,
		      const struct settings *s, struct why *why)
{
	struct search search = {.id = &s->id, .serial = out};
	const struct client_calls calls = {.status = on_key, .arg = &search};
	enum err e = client_command(c, "KEYS", NULL, &calls, why);

	if (e == ERR_OK && (!search.found || out[0] == '\0'))
		e = why_set(why, ERR_NOT_FOUND, "the agent does not say which device %s is on",
			    s->id.uri);
	return e;
}
