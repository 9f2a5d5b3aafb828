/* SPDX-License-Identifier: MIT */
#include "agent/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "protocol/text.h"

/* The files, line by line. */
struct lines {
	struct rbuf in;
	const char *path;
	unsigned number;
	struct why *why;
};

static enum err PRINTF_LIKE(2, 3) lines_fail(struct lines *l, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return why_set(l->why, ERR_CORRUPT, "%s:%u: %s", l->path, l->number, text);
}

/* The next line without its LF. */
static enum err lines_next(struct lines *l, struct slice *line)
{
	const uint8_t *end = l->in.n > 0 ? memchr(l->in.p, '\n', l->in.n) : NULL;

	l->number++;
	if (end == NULL)
		return lines_fail(l, l->in.n > 0 ? "the line is cut" : "the end is missing");
	*line = rbuf_bytes(&l->in, (size_t)(end - l->in.p));
	(void)rbuf_u8(&l->in);
	if (!text_is_ascii_printable(line->p, line->n))
		return lines_fail(l, "there is a character that is not printable ASCII");
	return ERR_OK;
}

/* Takes a word off the front of a line; false when it is missing, empty or longer than `max`. */
static bool word_take(struct slice *line, char *out, size_t max)
{
	const uint8_t *space = line->n > 0 ? memchr(line->p, ' ', line->n) : NULL;
	size_t n = space != NULL ? (size_t)(space - line->p) : line->n;
	struct rbuf rest = rbuf_from(*line);

	if (n == 0 || n > max || (space != NULL && line->n == n + 1))
		return false;
	memcpy(out, rbuf_bytes(&rest, n).p, n);
	out[n] = '\0';
	if (space != NULL)
		(void)rbuf_u8(&rest);
	*line = (struct slice){rest.p, rest.n};
	return true;
}

static enum err lines_begin(struct lines *l, const char *name)
{
	char first[32];
	struct slice line;
	uint32_t version;
	int n = snprintf(first, sizeof(first), "lanyard %s ", name);
	enum err e = lines_next(l, &line);

	if (e != ERR_OK)
		return e;
	if (line.n <= (size_t)n || memcmp(line.p, first, (size_t)n) != 0)
		return lines_fail(l, "it does not begin with \"%s%d\"", first, STATE_VERSION);
	snprintf(first, sizeof(first), "%.*s", (int)(line.n - (size_t)n), (const char *)line.p + n);
	if (!text_to_u32(first, 1, UINT32_MAX, &version))
		return lines_fail(l, "the version is not a number");
	if (version != STATE_VERSION)
		return why_set(l->why, ERR_VERSION,
			       "%s:1: a newer lanyard wrote it (version %u; this one reads %d)",
			       l->path, version, STATE_VERSION);
	return ERR_OK;
}

/* ---- words ---- */

bool state_is_word(const char *text, size_t max)
{
	size_t n = strlen(text);

	return n > 0 && n <= max && text_is_ascii_printable(text, n) && strchr(text, ' ') == NULL;
}

static bool parse_hex(const char *word, uint8_t *out, size_t len)
{
	char again[2 * 33 + 1];
	size_t n;

	if (hex_decode(out, len, &n, word, strlen(word)) != ERR_OK || n != len)
		return false;
	/* One spelling: lower case. */
	hex_encode(again, out, len);
	return strcmp(again, word) == 0;
}

static bool is_25519(enum curve curve)
{
	return curve == CURVE_ED25519 || curve == CURVE_CURVE25519;
}

void state_public_text(char out[static STATE_PUBLIC_MAX + 1], enum curve curve,
		       const uint8_t pub[static PUBLIC_KEY_LEN])
{
	size_t skip = is_25519(curve) ? 1 : 0;

	hex_encode(out, pub + skip, PUBLIC_KEY_LEN - skip);
}

static bool parse_public(const char *word, enum curve curve, uint8_t out[static PUBLIC_KEY_LEN])
{
	size_t skip = is_25519(curve) ? 1 : 0;

	out[0] = 0;
	return parse_hex(word, out + skip, PUBLIC_KEY_LEN - skip) &&
	       ecc_check_public(curve, out) == ERR_OK;
}

/* ---- keys ---- */

static enum err parse_key_words(struct lines *l, struct slice *line, struct state_key *k,
				enum curve *curve, uint32_t *index)
{
	char word[2 * PUBLIC_KEY_LEN + 1];

	if (!word_take(line, word, 4) || (strcmp(word, "sign") != 0 && strcmp(word, "ecdh") != 0))
		return lines_fail(l, "the line begins with neither sign, ecdh nor end");
	k->purpose = word[0] == 's' ? PURPOSE_SIGN : PURPOSE_ECDH;
	if (!word_take(line, word, 10) || !text_to_u32(word, 0, UINT32_MAX, index))
		return lines_fail(l, "the index is not a number from 0 to 4294967295");
	if (!word_take(line, word, sizeof(word) - 1) || curve_parse(word, curve, NULL) != ERR_OK)
		return lines_fail(l, "the curve is not one of ed25519, nist256p1, secp256k1, "
				     "curve25519");
	if (*curve == (k->purpose == PURPOSE_SIGN ? CURVE_CURVE25519 : CURVE_ED25519))
		return lines_fail(l, "%s is no curve for %s", curve_name(*curve),
				  k->purpose == PURPOSE_SIGN ? "sign" : "ecdh");
	if (!word_take(line, k->driver, DRIVER_NAME_MAX) ||
	    !word_take(line, k->serial, DEVICE_SERIAL_MAX))
		return lines_fail(l, "the driver or the serial number is missing or too long");
	if (!word_take(line, word, sizeof(word) - 1))
		return lines_fail(l, "the wallet is missing or too long");
	k->has_wallet = strcmp(word, "-") != 0;
	if (k->has_wallet && !parse_hex(word, k->wallet, WALLET_LEN))
		return lines_fail(l, "the wallet is not - or 64 hexadecimal digits");
	if (!word_take(line, word, sizeof(word) - 1))
		return lines_fail(l, "the public key is missing or too long");
	k->known = strcmp(word, "-") != 0;
	if (k->known && !parse_public(word, *curve, k->public_key))
		return lines_fail(l, "the public key is not - or a public key of %s",
				  curve_name(*curve));
	return ERR_OK;
}

static enum err parse_key(struct lines *l, struct slice line, struct state_key *k)
{
	char uri[IDENTITY_URI_MAX + 1];
	struct why why = {0};
	enum curve curve;
	uint32_t index;
	enum err e;

	*k = (struct state_key){0};
	e = parse_key_words(l, &line, k, &curve, &index);
	if (e != ERR_OK)
		return e;
	if (line.n == 0 || line.n > IDENTITY_URI_MAX)
		return lines_fail(l, "the identity is missing or longer than %d bytes",
				  IDENTITY_URI_MAX);
	memcpy(uri, line.p, line.n);
	uri[line.n] = '\0';
	e = identity_parse(&k->id, uri, &why);
	if (e != ERR_OK)
		return lines_fail(l, "the identity: %s", why_text(&why, e));
	k->id.curve = curve;
	k->id.index = index;
	return ERR_OK;
}

/* A caller's refusal of an entry. */
static enum err lines_refused(struct lines *l, enum err e, const struct why *why)
{
	return why_set(l->why, e, "%s:%u: %s", l->path, l->number, why_text(why, e));
}

static bool lines_at_end(const struct lines *l, struct slice line)
{
	return slice_is(line, "end") && l->in.n == 0;
}

enum err state_keys_parse(const void *p, size_t n, const char *path,
			  enum err (*found)(void *arg, const struct state_key *key,
					    struct why *why),
			  void *arg, struct why *why)
{
	struct lines l = {.in = rbuf_new(p, n), .path = path, .why = why};
	struct why refusal = {0};
	struct state_key key;
	struct slice line;
	enum err e = lines_begin(&l, "keys");

	while (e == ERR_OK && (e = lines_next(&l, &line)) == ERR_OK) {
		if (lines_at_end(&l, line))
			return ERR_OK;
		e = parse_key(&l, line, &key);
		if (e == ERR_OK && (e = found(arg, &key, &refusal)) != ERR_OK)
			return lines_refused(&l, e, &refusal);
	}
	return e;
}

/* ---- devices ---- */

static enum err parse_device(struct lines *l, struct slice line, struct state_device *d)
{
	char word[11];

	if (!word_take(&line, word, 10) || !text_to_u32(word, 0, UINT32_MAX, &d->index))
		return lines_fail(l, "the line begins with neither an index nor end");
	if (!word_take(&line, d->driver, DRIVER_NAME_MAX))
		return lines_fail(l, "the driver is missing or longer than %d bytes",
				  DRIVER_NAME_MAX);
	if (!word_take(&line, d->serial, DEVICE_SERIAL_MAX))
		return lines_fail(l, "the serial number is missing or longer than %d bytes",
				  DEVICE_SERIAL_MAX);
	if (!word_take(&line, d->label, DEVICE_LABEL_MAX) || line.n > 0)
		return lines_fail(l, "after the serial number stands one word, the label");
	return ERR_OK;
}

enum err state_devices_parse(const void *p, size_t n, const char *path,
			     enum err (*found)(void *arg, const struct state_device *device,
					       struct why *why),
			     void *arg, struct why *why)
{
	struct lines l = {.in = rbuf_new(p, n), .path = path, .why = why};
	struct state_device device;
	struct why refusal = {0};
	struct slice line;
	enum err e = lines_begin(&l, "devices");

	while (e == ERR_OK && (e = lines_next(&l, &line)) == ERR_OK) {
		if (lines_at_end(&l, line))
			return ERR_OK;
		e = parse_device(&l, line, &device);
		if (e == ERR_OK && (e = found(arg, &device, &refusal)) != ERR_OK)
			return lines_refused(&l, e, &refusal);
	}
	return e;
}

/* ---- writing ---- */

void state_begin(struct wbuf *w, const char *name)
{
	wbuf_printf(w, "lanyard %s %d\n", name, STATE_VERSION);
}

void state_put_key(struct wbuf *w, const struct state_key *key)
{
	char wallet[2 * WALLET_LEN + 1] = "-", public[STATE_PUBLIC_MAX + 1] = "-";

	if (key->has_wallet)
		hex_encode(wallet, key->wallet, WALLET_LEN);
	if (key->known)
		state_public_text(public, key->id.curve, key->public_key);
	wbuf_printf(w, "%s %u %s %s %s %s %s ", key->purpose == PURPOSE_SIGN ? "sign" : "ecdh",
		    (unsigned)key->id.index, curve_name(key->id.curve), key->driver, key->serial,
		    wallet, public);
	wbuf_text(w, key->id.uri);
	wbuf_u8(w, '\n');
}

void state_put_device(struct wbuf *w, const struct state_device *device)
{
	wbuf_printf(w, "%u %s %s %s\n", (unsigned)device->index, device->driver, device->serial,
		    device->label);
}

void state_end(struct wbuf *w)
{
	wbuf_text(w, "end\n");
}
