/* SPDX-License-Identifier: MIT */
/* The settings file as `setup` makes it and `point` changes it. */
#include "wg-hook/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wg-hook/lines.h"

enum { HEAD_MAX = 4096, SECTION_MAX = 256 };

static enum err text_new(struct wbuf *w, size_t cap)
{
	*w = wbuf_new(malloc(cap), cap);
	return w->p != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err text_end(struct wbuf *w, char **out, size_t *out_n)
{
	*out = (char *)w->p;
	*out_n = w->n;
	if (wbuf_ok(w))
		return ERR_OK;
	free(w->p);
	*out = NULL;
	return ERR_INTERNAL;
}

enum err settings_format(const struct settings *s, char **out, size_t *out_n)
{
	size_t cap = HEAD_MAX + s->count * SECTION_MAX;
	struct wbuf w;
	char key[WG_KEY_TEXT];
	enum err e;

	*out = NULL;
	e = text_new(&w, cap);
	if (e != ERR_OK)
		return e;
	wbuf_text(&w,
		  "# lanyard-wg(8) describes these settings. No secret is in here.\n[interface]\n");
	wbuf_printf(&w, "identity = %s\nindex = %u\n", s->id.uri, s->id.index);
	if (s->device[0] != '\0')
		wbuf_printf(&w, "device = %s\n", s->device);
	if (s->has_public) {
		wg_key_format(key, s->public_key);
		wbuf_printf(&w, "public-key = %s\n", key);
	}
	wbuf_printf(&w, "psk-mode = %s\nrotate = %u\n", settings_psk_name(s->psk_mode), s->rotate);
	wbuf_text(&w,
		  "on-remove = close\non-lock = close\non-sleep = close\n# on-missing = fail\n");
	if (s->agent_user[0] != '\0')
		wbuf_printf(&w, "agent-user = %s\n", s->agent_user);
	if (s->socket[0] != '\0')
		wbuf_printf(&w, "socket = %s\n", s->socket);
	for (size_t i = 0; i < s->count; i++) {
		wg_key_format(key, s->peers[i].key);
		wbuf_printf(&w, "\n[peer %s]\n", key);
	}
	return text_end(&w, out, out_n);
}

/* Where a peer's section, and the psk-point line in it, are: bytes. */
struct place {
	bool section, point;
	size_t after;    /* the section's first line */
	size_t from, to; /* the psk-point line, with its LF */
};

static bool is_section_of(struct slice line, const char *key)
{
	static const char head[] = "[peer ";
	size_t n = strlen(head);

	return line.n > n && memcmp(line.p, head, n) == 0 &&
	       slice_is(slice_trim((struct slice){line.p + n, line.n - n - 1}), key);
}

static bool is_point(struct slice line)
{
	const uint8_t *eq = memchr(line.p, '=', line.n);

	return eq != NULL &&
	       slice_is(slice_trim((struct slice){line.p, (size_t)(eq - line.p)}), "psk-point");
}

static struct place find_place(const char *text, size_t n, const char *key)
{
	struct lines l = lines_new(text, n);
	struct place at = {0};
	struct slice raw, line;
	bool inside = false;

	while (lines_next(&l, &raw)) {
		size_t begin = (size_t)(raw.p - (const uint8_t *)text), end = n - l.rest.n;

		line = slice_trim(raw);
		if (line.n > 0 && line.p[0] == '[') {
			inside = is_section_of(line, key);
			if (inside)
				at.section = true, at.after = end;
		} else if (inside && line.n > 0 && line.p[0] != '#' && is_point(line)) {
			at.point = true;
			at.from = begin;
			at.to = end;
		}
	}
	return at;
}

enum err settings_set_point(const char *text, size_t n, const uint8_t key[static WG_KEY_LEN],
			    const uint8_t *point, char **out, size_t *out_n)
{
	char key_text[WG_KEY_TEXT], point_text[WG_KEY_TEXT];
	size_t cap = n + SECTION_MAX;
	struct place at;
	struct wbuf w;
	enum err e;

	*out = NULL;
	wg_key_format(key_text, key);
	at = find_place(text, n, key_text);
	if (!at.point)
		at.from = at.to = at.section ? at.after : n;
	e = text_new(&w, cap);
	if (e != ERR_OK)
		return e;
	wbuf_bytes(&w, text, point != NULL || !at.section ? at.from : n);
	if (w.n > 0 && w.p[w.n - 1] != '\n' && (point != NULL || !at.section))
		wbuf_u8(&w, '\n');
	if (!at.section)
		wbuf_printf(&w, "\n[peer %s]\n", key_text);
	if (point != NULL) {
		wg_key_format(point_text, point);
		wbuf_printf(&w, "psk-point = %s\n", point_text);
	}
	if (point != NULL || !at.section)
		wbuf_bytes(&w, text + at.to, n - at.to);
	return text_end(&w, out, out_n);
}
