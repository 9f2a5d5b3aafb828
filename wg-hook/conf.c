/* SPDX-License-Identifier: MIT */
#include "wg-hook/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "derive/kdf.h"
#include "protocol/dirs.h"
#include "protocol/text.h"
#include "wg-hook/lines.h"

enum { SQUEEZED_MAX = 256, PROGRAM_QUOTED_MAX = 5 * PATH_MAX };

static const char block_begin[] = "# >>> lanyard-wg", block_end[] = "# <<< lanyard-wg";

enum err conf_path(char out[static PATH_MAX], const struct options *o, struct why *why)
{
	char here[PATH_MAX];
	int n;

	if (o->config == NULL)
		n = snprintf(out, PATH_MAX, "/etc/wireguard/%s.conf", o->iface);
	else if (o->config[0] == '/' || o->config[0] == '\0' || getcwd(here, sizeof(here)) == NULL)
		n = snprintf(out, PATH_MAX, "%s", o->config);
	else
		n = snprintf(out, PATH_MAX, "%s/%s", here, o->config);

	return n > 0 && n < PATH_MAX ? ERR_OK
				     : why_set(why, ERR_INVALID,
					       "--config: a path of 1 to %d bytes", PATH_MAX - 1);
}

/* ---- reading ---- */

struct parse {
	struct conf *c;
	enum { BEFORE, INTERFACE, PEER, OTHER } section;
	bool has_key; /* this [Peer] */
	unsigned section_line;
	const char *path;
	unsigned line;
	struct why *why;
};

/* The line as wg(8) sees it: no comment, no white space of the C locale, cut to what matters. */
static size_t squeeze(char out[static SQUEEZED_MAX], struct slice line)
{
	size_t n = 0;

	for (size_t i = 0; i < line.n && line.p[i] != '#' && n < SQUEEZED_MAX - 1; i++)
		if (line.p[i] != ' ' && (line.p[i] < '\t' || line.p[i] > '\r'))
			out[n++] = (char)line.p[i];
	out[n] = '\0';
	return n;
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static enum err end_section(struct parse *p)
{
	if (p->section == PEER && !p->has_key)
		return why_set(p->why, ERR_CORRUPT, "%s, line %u: this [Peer] has no PublicKey",
			       p->path, p->section_line);
	return ERR_OK;
}

static enum err start_section(struct parse *p, const char *line)
{
	enum err e = end_section(p);

	p->section_line = p->line;
	p->has_key = false;
	p->section = OTHER;
	if (strcasecmp(line, "[Peer]") == 0) {
		p->section = PEER;
	} else if (strcasecmp(line, "[Interface]") == 0) {
		p->section = INTERFACE;
		if (e == ERR_OK && p->c->interface_line != 0)
			e = why_set(p->why, ERR_CORRUPT,
				    "%s, line %u: [Interface] a second time, after line %u",
				    p->path, p->line, p->c->interface_line);
		p->c->interface_line = p->line;
	}
	return e;
}

static enum err add_peer(struct parse *p, const char *text)
{
	struct conf_peer *peer = &p->c->peers[p->c->count];

	if (p->section != PEER || p->has_key)
		return why_set(p->why, ERR_CORRUPT, "%s, line %u: PublicKey %s", p->path, p->line,
			       p->has_key ? "a second time in this [Peer]" : "outside a [Peer]");
	if (wg_key_parse(peer->key, text, strlen(text)) != ERR_OK)
		return why_set(p->why, ERR_CORRUPT,
			       "%s, line %u: PublicKey is 44 characters of base64, as `wg` prints "
			       "keys",
			       p->path, p->line);
	if (kdf_wg_check(peer->key, NULL) != ERR_OK)
		return why_set(p->why, ERR_CORRUPT,
			       "%s, line %u: PublicKey is not an acceptable Curve25519 point",
			       p->path, p->line);
	peer->line = p->line;
	p->c->count++;
	p->has_key = true;
	return ERR_OK;
}

static enum err take_line(struct parse *p, const char *line)
{
	if (line[0] == '[')
		return start_section(p, line);
	if (has_prefix(line, "PrivateKey=") || has_prefix(line, "PresharedKey="))
		return why_set(p->why, ERR_NOT_ALLOWED,
			       "%s, line %u: remove this %s: the key comes from the device, and a "
			       "copy in a file would make that pointless",
			       p->path, p->line,
			       has_prefix(line, "PrivateKey") ? "PrivateKey" : "PresharedKey");
	if (strcasecmp(line, "SaveConfig=true") == 0)
		return why_set(p->why, ERR_NOT_ALLOWED,
			       "%s, line %u: remove SaveConfig = true: `wg-quick down` would write "
			       "the keys into this file",
			       p->path, p->line);
	if (has_prefix(line, "PublicKey="))
		return add_peer(p, line + strlen("PublicKey="));
	if (p->section == INTERFACE && p->c->hook_line == 0 &&
	    (has_prefix(line, "PostUp=") || has_prefix(line, "PreUp=")) &&
	    strstr(line, "lanyard-wg") != NULL)
		p->c->hook_line = p->line;
	return ERR_OK;
}

static size_t count_sections(const char *text, size_t n)
{
	struct lines l = lines_new(text, n);
	struct slice line;
	size_t count = 0;

	while (lines_next(&l, &line))
		count += memchr(line.p, '[', line.n) != NULL;
	return count;
}

static int compare_peers(const void *a, const void *b)
{
	const struct conf_peer *x = a, *y = b;
	int order = memcmp(x->key, y->key, WG_KEY_LEN);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* No peer twice: of two sections wg(8) would make one. */
static enum err check_twice(const struct parse *p)
{
	size_t n = p->c->count;
	struct conf_peer *sorted = malloc((n + 1) * sizeof(*sorted));
	enum err e = ERR_OK;

	if (sorted == NULL)
		return why_set(p->why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	memcpy(sorted, p->c->peers, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_peers);
	for (size_t i = 1; i < n && e == ERR_OK; i++)
		if (memcmp(sorted[i].key, sorted[i - 1].key, WG_KEY_LEN) == 0)
			e = why_set(p->why, ERR_CORRUPT,
				    "%s, line %u: this PublicKey is in line %u already", p->path,
				    sorted[i].line, sorted[i - 1].line);
	free(sorted);
	return e;
}

enum err conf_parse(struct conf *c, const char *path, const char *text, size_t n, struct why *why)
{
	struct parse p = {.c = c, .path = path, .why = why};
	struct lines l = lines_new(text, n);
	char line[SQUEEZED_MAX];
	struct slice raw;
	enum err e = ERR_OK;

	*c = (struct conf){.peers = calloc(count_sections(text, n) + 1, sizeof(*c->peers))};
	if (c->peers == NULL)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	while (e == ERR_OK && lines_next(&l, &raw)) {
		p.line = l.number;
		/* bash drops it, and would see another line than we do. */
		if (memchr(raw.p, '\0', raw.n) != NULL)
			e = why_set(why, ERR_CORRUPT, "%s, line %u: a NUL byte", path, p.line);
		else if (squeeze(line, raw) > 0)
			e = take_line(&p, line);
	}
	text_wipe(line, sizeof(line));
	if (e == ERR_OK)
		e = end_section(&p);
	if (e == ERR_OK && c->interface_line == 0)
		e = why_set(why, ERR_CORRUPT, "%s: there is no [Interface]", path);
	if (e == ERR_OK)
		e = check_twice(&p);
	if (e != ERR_OK)
		conf_free(c);
	return e;
}

enum err conf_read(struct conf *c, const char *path, struct why *why)
{
	uint8_t *text = NULL;
	size_t n = 0;
	enum err e = file_read(path, CONF_FILE_MAX, FILE_ANY, &text, &n, NULL, why);

	*c = (struct conf){0};
	if (e == ERR_NOT_FOUND)
		return why_set(
			why, e,
			"%s is not there: make a wg-quick config without keys first, or name "
			"it by --config",
			path);
	if (e == ERR_PERMISSION && geteuid() != 0)
		return why_set(why, e, "only root can read %s: use sudo", path);
	if (e == ERR_OK)
		e = conf_parse(c, path, (const char *)text, n, why);
	/* There may be a key in it, if only to be refused. */
	if (text != NULL)
		text_wipe(text, n);
	free(text);
	return e;
}

void conf_free(struct conf *c)
{
	free(c->peers);
	*c = (struct conf){0};
}

/* ---- the hook lines ---- */

static bool is_plain(const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./:@+,-";

	return s[strspn(s, plain)] == '\0';
}

/* For bash's eval. wg-quick cuts a line at # and puts the interface's name where %i is, quoted or
 * not, so no quoting helps there. */
static enum err quote(char *out, size_t cap, const char *program, struct why *why)
{
	struct wbuf w = wbuf_new(out, cap - 1);
	bool plain = is_plain(program);

	if (program[0] != '/')
		return why_set(why, ERR_INVALID, "%s is not an absolute path", program);
	if (!plain)
		wbuf_u8(&w, '\'');
	for (const char *p = program; *p != '\0'; p++) {
		if (*p == '#' || *p == '%' || (uint8_t)*p < 0x20 || *p == 0x7F)
			return why_set(why, ERR_INVALID,
				       "%s: wg-quick cannot run a program with #, %% or a control "
				       "character in its path: install it elsewhere",
				       program);
		if (*p == '\'')
			wbuf_text(&w, "'\\''");
		else
			wbuf_u8(&w, (uint8_t)*p);
	}
	if (!plain)
		wbuf_u8(&w, '\'');
	out[w.n] = '\0';
	return wbuf_ok(&w) ? ERR_OK : why_set(why, ERR_TOO_LARGE, "%s is too long", program);
}

/* Where things are, in bytes. */
struct place {
	bool interface, opened, block;
	size_t after;    /* the line after [Interface] */
	size_t from, to; /* our block with its markers */
};

static enum err find_place(struct place *at, const char *text, size_t n, struct why *why)
{
	struct lines l = lines_new(text, n);
	char squeezed[SQUEEZED_MAX];
	struct slice raw, line;

	*at = (struct place){0};
	while (lines_next(&l, &raw)) {
		size_t end = n - l.rest.n;

		line = slice_trim(raw);
		if (slice_is(line, block_begin)) {
			if (at->opened || at->block)
				return why_set(why, ERR_CORRUPT,
					       "line %u: \"%s\" a second time; remove one block by "
					       "hand",
					       l.number, block_begin);
			at->opened = true;
			at->from = (size_t)(raw.p - (const uint8_t *)text);
		} else if (slice_is(line, block_end)) {
			if (!at->opened)
				return why_set(why, ERR_CORRUPT,
					       "line %u: \"%s\" without its beginning", l.number,
					       block_end);
			at->opened = false;
			at->block = true;
			at->to = end;
		} else if (!at->opened && !at->interface && squeeze(squeezed, raw) > 0 &&
			   strcasecmp(squeezed, "[Interface]") == 0) {
			at->interface = true;
			at->after = end;
		}
	}
	if (at->opened)
		return why_set(why, ERR_CORRUPT, "\"%s\" without its end", block_begin);
	return ERR_OK;
}

/* text[from..to] but for our old block. */
static void copy_without(struct wbuf *w, const char *text, size_t from, size_t to,
			 const struct place *block)
{
	if (block->from < to && from < block->to) {
		if (from < block->from)
			wbuf_bytes(w, text + from, block->from - from);
		from = block->to < to ? block->to : to;
	}
	wbuf_bytes(w, text + from, to - from);
}

static void add_block(struct wbuf *w, const char *quoted)
{
	if (w->n > 0 && w->p[w->n - 1] != '\n')
		wbuf_u8(w, '\n');
	wbuf_printf(w, "%s\n", block_begin);
	wbuf_printf(w, "PostUp = %s up %%i --config \"$CONFIG_FILE\"\n", quoted);
	wbuf_printf(w, "PreDown = %s down %%i --config \"$CONFIG_FILE\"\n", quoted);
	wbuf_printf(w, "%s\n", block_end);
}

enum err conf_edit(const char *text, size_t n, const char *program, char **out, size_t *out_n,
		   struct why *why)
{
	char quoted[PROGRAM_QUOTED_MAX] = "";
	struct place at;
	struct wbuf w;
	enum err e = find_place(&at, text, n, why);

	*out = NULL;
	if (e == ERR_OK && program != NULL)
		e = quote(quoted, sizeof(quoted), program, why);
	if (e == ERR_OK && program != NULL && !at.interface)
		e = why_set(why, ERR_CORRUPT, "there is no [Interface]");
	if (e != ERR_OK)
		return e;
	if (!at.block)
		at.from = at.to = n;
	if (program == NULL)
		at.after = at.from;
	*out = malloc(n + 2 * sizeof(quoted));
	if (*out == NULL)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	w = wbuf_new(*out, n + 2 * sizeof(quoted));
	copy_without(&w, text, 0, at.after, &at);
	if (program != NULL)
		add_block(&w, quoted);
	copy_without(&w, text, at.after, n, &at);
	*out_n = w.n;
	if (wbuf_ok(&w))
		return ERR_OK;
	free(*out);
	*out = NULL;
	return why_set(why, ERR_INTERNAL, "hook lines that do not fit");
}
