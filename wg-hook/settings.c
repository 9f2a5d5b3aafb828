/* SPDX-License-Identifier: MIT */
#include "wg-hook/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/hostkey.h"
#include "derive/kdf.h"
#include "protocol/dirs.h"
#include "protocol/text.h"
#include "wg-hook/lines.h"

static const char *const psk_modes[PSK_MODE_COUNT] = {
	[PSK_NONE] = "none",
	[PSK_DEVICE] = "device",
	[PSK_AGENT] = "agent",
	[PSK_SINGLE] = "single",
};
static const char *const on_events[ON_EVENT_COUNT] = {
	[ON_CLOSE] = "close",
	[ON_DOWN] = "down",
	[ON_KEEP] = "keep",
};
static const char *const on_missings[MISSING_COUNT] = {
	[MISSING_FAIL] = "fail",
	[MISSING_WAIT] = "wait",
};

struct parse {
	struct settings *s;
	struct settings_peer *peer; /* NULL in [interface] */
	bool in_section, interface_seen;
	unsigned seen; /* keys of this section, bits of `keys` */
	uint32_t index;
	const char *path;
	unsigned line;
	struct why *why;
};

/* ---- values ---- */

static enum err PRINTF_LIKE(2, 3) bad(const struct parse *p, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return why_set(p->why, ERR_CORRUPT, "%s, line %u: %s", p->path, p->line, text);
}

/* The value as a string; false when it does not fit or holds a control character. */
static bool copy_text(char *out, size_t cap, struct slice v)
{
	if (v.n == 0 || v.n >= cap)
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < 0x20 || v.p[i] == 0x7F)
			return false;
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return true;
}

/* The number of the word in a list, or `count`. */
static size_t find_word(const char *const *words, size_t count, struct slice v)
{
	size_t i = 0;

	while (i < count && (words[i] == NULL || !slice_is(v, words[i])))
		i++;
	return i;
}

static enum err set_identity(struct parse *p, struct slice v)
{
	char uri[IDENTITY_URI_MAX + 1];
	struct why why;
	enum err e;

	if (!copy_text(uri, sizeof(uri), v))
		return bad(p, "identity: 1 to %d printable characters", IDENTITY_URI_MAX);
	e = identity_parse(&p->s->id, uri, &why);
	if (e != ERR_OK)
		return bad(p, "identity: %s", why.text);
	if (p->s->id.class != CLASS_WG_INTERFACE)
		return bad(p, "identity: %s is not of the form wg://IFACE@HOST", uri);
	return ERR_OK;
}

static enum err get_number(const struct parse *p, struct slice v, const char *name, uint32_t min,
			   uint32_t max, bool or_zero, uint32_t *out)
{
	char text[12];

	if (copy_text(text, sizeof(text), v) &&
	    (text_to_u32(text, min, max, out) || (or_zero && text_to_u32(text, 0, 0, out))))
		return ERR_OK;
	return bad(p, "%s: a number of %s%u to %u", name, or_zero ? "0, or " : "", min, max);
}

static enum err set_index(struct parse *p, struct slice v)
{
	return get_number(p, v, "index", 0, UINT32_MAX, false, &p->index);
}

static enum err set_rotate(struct parse *p, struct slice v)
{
	return get_number(p, v, "rotate", SETTINGS_ROTATE_MIN, SETTINGS_ROTATE_MAX, true,
			  &p->s->rotate);
}

static enum err set_device(struct parse *p, struct slice v)
{
	return copy_text(p->s->device, sizeof(p->s->device), v) && text_is_ascii_printable(v.p, v.n)
		       ? ERR_OK
		       : bad(p, "device: a serial number, 1 to %d printable ASCII characters",
			     SETTINGS_DEVICE_MAX - 1);
}

static enum err get_key(const struct parse *p, struct slice v, const char *name,
			uint8_t key[static WG_KEY_LEN])
{
	if (wg_key_parse(key, (const char *)v.p, v.n) != ERR_OK)
		return bad(p, "%s: 44 characters of base64, as `wg` prints keys", name);
	if (kdf_wg_check(key, NULL) != ERR_OK)
		return bad(p, "%s: not an acceptable Curve25519 point", name);
	return ERR_OK;
}

static enum err set_public_key(struct parse *p, struct slice v)
{
	p->s->has_public = true;
	return get_key(p, v, "public-key", p->s->public_key);
}

static enum err set_psk_mode(struct parse *p, struct slice v)
{
	enum psk_mode *m = p->peer != NULL ? &p->peer->psk_mode : &p->s->psk_mode;

	return settings_psk_parse(m, (const char *)v.p, v.n) == ERR_OK
		       ? ERR_OK
		       : bad(p, "psk-mode: device, agent, single or none");
}

static enum err get_event(const struct parse *p, struct slice v, const char *name,
			  enum on_event *out)
{
	*out = (enum on_event)find_word(on_events, ON_EVENT_COUNT, v);
	return *out != ON_EVENT_COUNT ? ERR_OK : bad(p, "%s: close, down or keep", name);
}

static enum err set_on_remove(struct parse *p, struct slice v)
{
	return get_event(p, v, "on-remove", &p->s->on_remove);
}

static enum err set_on_lock(struct parse *p, struct slice v)
{
	return get_event(p, v, "on-lock", &p->s->on_lock);
}

static enum err set_on_sleep(struct parse *p, struct slice v)
{
	return get_event(p, v, "on-sleep", &p->s->on_sleep);
}

static enum err set_on_missing(struct parse *p, struct slice v)
{
	p->s->on_missing = (enum on_missing)find_word(on_missings, MISSING_COUNT, v);
	return p->s->on_missing != MISSING_COUNT ? ERR_OK : bad(p, "on-missing: fail or wait");
}

static enum err set_agent_user(struct parse *p, struct slice v)
{
	return copy_text(p->s->agent_user, sizeof(p->s->agent_user), v) &&
			       text_is_ascii_printable(v.p, v.n)
		       ? ERR_OK
		       : bad(p, "agent-user: a login name of 1 to %d ASCII characters",
			     SETTINGS_USER_MAX);
}

static enum err set_socket(struct parse *p, struct slice v)
{
	return v.n > 0 && v.p[0] == '/' && copy_text(p->s->socket, sizeof(p->s->socket), v)
		       ? ERR_OK
		       : bad(p, "socket: the absolute path of agent.sock, at most %d bytes",
			     SOCKET_PATH_MAX);
}

static enum err set_psk_point(struct parse *p, struct slice v)
{
	enum err e = get_key(p, v, "psk-point", p->peer->point);

	p->peer->has_point = true;
	if (e == ERR_OK && memcmp(p->peer->point, p->peer->key, WG_KEY_LEN) == 0)
		e = bad(p,
			"psk-point: this is the peer's public key; its point is what `lanyard-wg "
			"pub` prints there for us");
	return e;
}

static enum err set_extra(struct parse *p, struct slice v)
{
	char path[PATH_MAX];

	if (v.n == 0 || v.p[0] != '/' || !copy_text(path, sizeof(path), v))
		return bad(p, "extra-psk-file: an absolute path");
	p->peer->extra = strdup(path);
	return p->peer->extra != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static const struct setting {
	const char *name;
	bool in_interface, in_peer;
	enum err (*set)(struct parse *p, struct slice v);
} keys[] = {
	{"identity", true, false, set_identity},     {"index", true, false, set_index},
	{"device", true, false, set_device},         {"public-key", true, false, set_public_key},
	{"psk-mode", true, true, set_psk_mode},      {"rotate", true, false, set_rotate},
	{"on-remove", true, false, set_on_remove},   {"on-lock", true, false, set_on_lock},
	{"on-sleep", true, false, set_on_sleep},     {"on-missing", true, false, set_on_missing},
	{"agent-user", true, false, set_agent_user}, {"socket", true, false, set_socket},
	{"psk-point", false, true, set_psk_point},   {"extra-psk-file", false, true, set_extra},
};
enum { KEY_COUNT = sizeof(keys) / sizeof(*keys) };

/* ---- lines ---- */

/* "[peer KEY]": the text of KEY; false for another line. */
static bool peer_header(struct slice line, struct slice *key)
{
	static const char head[] = "[peer ";
	size_t n = strlen(head);

	if (line.n <= n || memcmp(line.p, head, n) != 0 || line.p[line.n - 1] != ']')
		return false;
	*key = slice_trim((struct slice){line.p + n, line.n - n - 1});
	return true;
}

static enum err start_section(struct parse *p, struct slice line)
{
	struct settings *s = p->s;
	struct slice key;

	p->seen = 0;
	p->in_section = true;
	if (slice_is(line, "[interface]")) {
		p->peer = NULL;
		if (p->interface_seen)
			return bad(p, "[interface] a second time");
		p->interface_seen = true;
		return ERR_OK;
	}
	if (!peer_header(line, &key))
		return bad(p, "a section is [interface] or [peer PUBLIC-KEY]");
	p->peer = &s->peers[s->count++];
	p->peer->line = p->line;
	return get_key(p, key, "the peer's public key", p->peer->key);
}

static enum err set_value(struct parse *p, struct slice line)
{
	const uint8_t *eq = memchr(line.p, '=', line.n);
	size_t n = eq != NULL ? (size_t)(eq - line.p) : 0;
	struct slice name = slice_trim((struct slice){line.p, n}), value;
	size_t i = 0;
	char word[32];

	if (eq == NULL)
		return bad(p, "neither [section] nor key = value nor a # comment");
	if (!p->in_section)
		return bad(p, "[interface] must come before the first key");
	while (i < KEY_COUNT && !slice_is(name, keys[i].name))
		i++;
	if (i == KEY_COUNT)
		return bad(p, "there is no key \"%s\"; lanyard-wg(8) lists them",
			   text_clean(word, sizeof(word), name.p, name.n));
	if (!(p->peer != NULL ? keys[i].in_peer : keys[i].in_interface))
		return bad(p, "%s belongs in a section %s", keys[i].name,
			   p->peer != NULL ? "[interface]" : "[peer PUBLIC-KEY]");
	if (p->seen & 1U << i)
		return bad(p, "%s a second time in this section", keys[i].name);
	p->seen |= 1U << i;
	value = slice_trim((struct slice){eq + 1, line.n - n - 1});
	return keys[i].set(p, value);
}

static size_t count_sections(const char *text, size_t n)
{
	struct lines l = lines_new(text, n);
	struct slice line;
	size_t count = 0;

	while (lines_next(&l, &line)) {
		line = slice_trim(line);
		count += line.n > 0 && line.p[0] == '[';
	}
	return count;
}

static enum err parse_lines(struct parse *p, const char *text, size_t n)
{
	struct lines l = lines_new(text, n);
	struct slice line;
	enum err e = ERR_OK;

	while (e == ERR_OK && lines_next(&l, &line)) {
		p->line = l.number;
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		e = line.p[0] == '[' ? start_section(p, line) : set_value(p, line);
	}
	return e;
}

static int compare_peers(const void *a, const void *b)
{
	const struct settings_peer *x = a, *y = b;
	int order = memcmp(x->key, y->key, WG_KEY_LEN);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* What only the whole file shows. */
static enum err check_whole(struct parse *p)
{
	struct settings *s = p->s;

	if (s->id.uri[0] == '\0')
		return why_set(p->why, ERR_CORRUPT,
			       "%s: [interface] has no identity: add identity = wg://IFACE@HOST",
			       p->path);
	s->id.index = p->index;
	qsort(s->peers, s->count, sizeof(*s->peers), compare_peers);
	for (size_t i = 0; i < s->count; i++) {
		const struct settings_peer *peer = &s->peers[i];
		enum psk_mode m = peer->psk_mode != PSK_UNSET ? peer->psk_mode : s->psk_mode;

		p->line = peer->line;
		if (i > 0 && memcmp(peer->key, peer[-1].key, WG_KEY_LEN) == 0)
			return bad(p, "this peer has a section in line %u already", peer[-1].line);
		if (s->has_public && memcmp(peer->key, s->public_key, WG_KEY_LEN) == 0)
			return bad(p, "this is the interface's own public key, not a peer's");
		if (s->has_public && peer->has_point &&
		    memcmp(peer->point, s->public_key, WG_KEY_LEN) == 0)
			return bad(p, "psk-point: this is the interface's own public key; the "
				      "peer's point is what `lanyard-wg pub` prints there for us");
		if (peer->extra != NULL && m != PSK_DEVICE && m != PSK_AGENT)
			return bad(p, "extra-psk-file goes with psk-mode device or agent, not %s",
				   psk_modes[m]);
	}
	return ERR_OK;
}

enum err settings_parse(struct settings *s, const char *path, const char *text, size_t n,
			struct why *why)
{
	struct parse p = {.s = s, .path = path, .why = why};
	size_t sections = count_sections(text, n);
	enum err e;

	*s = (struct settings){.psk_mode = PSK_AGENT};
	s->peers = calloc(sections + 1, sizeof(*s->peers));
	if (s->peers == NULL)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	hash_sha256(s->digest, text, n);
	e = parse_lines(&p, text, n);
	if (e == ERR_OK)
		e = check_whole(&p);
	if (e != ERR_OK)
		settings_free(s);
	return e;
}

/* ---- files ---- */

void settings_path(char out[static PATH_MAX], const char *iface)
{
	snprintf(out, PATH_MAX, SETTINGS_DIR "/%s.conf", iface);
}

enum err settings_read(struct settings *s, const char *iface, struct why *why)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t n = 0;
	enum err e;

	*s = (struct settings){0};
	settings_path(path, iface);
	e = file_read(path, SETTINGS_FILE_MAX, FILE_OURS, &text, &n, NULL, why);
	if (e == ERR_NOT_FOUND)
		return why_set(why, e, "%s is not there: `sudo lanyard-wg setup %s` makes it", path,
			       iface);
	if (e == ERR_OK)
		e = settings_parse(s, path, (const char *)text, n, why);
	free(text);
	return e;
}

void settings_free(struct settings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->peers[i].extra);
	free(s->peers);
	*s = (struct settings){0};
}

static int compare_key(const void *key, const void *peer)
{
	return memcmp(key, ((const struct settings_peer *)peer)->key, WG_KEY_LEN);
}

const struct settings_peer *settings_peer(const struct settings *s,
					  const uint8_t key[static WG_KEY_LEN])
{
	return s->count == 0 ? NULL
			     : bsearch(key, s->peers, s->count, sizeof(*s->peers), compare_key);
}

const char *settings_psk_name(enum psk_mode m)
{
	return psk_modes[m] != NULL ? psk_modes[m] : "unset";
}

enum err settings_psk_parse(enum psk_mode *m, const char *name, size_t n)
{
	*m = (enum psk_mode)find_word(psk_modes, PSK_MODE_COUNT,
				      (struct slice){(const uint8_t *)name, n});
	return *m != PSK_MODE_COUNT ? ERR_OK : ERR_INVALID;
}
