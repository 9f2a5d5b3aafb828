/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "protocol/line.h"

/* libgpg-error's numbers (its doc/errorref.txt): a source, and a code that fits. */
enum { GPG_SOURCE_USER_1 = 32, GPG_SYSTEM_ERROR = 1 << 15 };

static const uint16_t gpg_codes[ERR_COUNT] = {
	[ERR_OK] = 0,
	[ERR_INVALID] = 55,                        /* INV_VALUE */
	[ERR_SYNTAX] = 276,                        /* ASS_SYNTAX */
	[ERR_TOO_LARGE] = 67,                      /* TOO_LARGE */
	[ERR_UNKNOWN_COMMAND] = 275,               /* ASS_UNKNOWN_CMD */
	[ERR_NO_MEMORY] = GPG_SYSTEM_ERROR | 86,   /* ENOMEM */
	[ERR_IO] = GPG_SYSTEM_ERROR | 49,          /* EIO */
	[ERR_INTERNAL] = 63,                       /* INTERNAL */
	[ERR_NOT_FOUND] = 27,                      /* NOT_FOUND */
	[ERR_EXISTS] = GPG_SYSTEM_ERROR | 35,      /* EEXIST */
	[ERR_NO_DEVICE] = 112,                     /* CARD_NOT_PRESENT */
	[ERR_AMBIGUOUS] = 107,                     /* AMBIGUOUS_NAME */
	[ERR_DEVICE_GONE] = 110,                   /* CARD_REMOVED */
	[ERR_DEVICE_BUSY] = GPG_SYSTEM_ERROR | 19, /* EBUSY */
	[ERR_DEVICE_ERROR] = 108,                  /* CARD */
	[ERR_TIMEOUT] = 62,                        /* TIMEOUT */
	[ERR_CANCELED] = 99,                       /* CANCELED */
	[ERR_REFUSED] = 114,                       /* NOT_CONFIRMED */
	[ERR_LOCKED] = 173,                        /* LOCKED */
	[ERR_BAD_PASSPHRASE] = 11,                 /* BAD_PASSPHRASE */
	[ERR_BAD_PIN] = 87,                        /* BAD_PIN */
	[ERR_NOT_ALLOWED] = 125,                   /* WRONG_KEY_USAGE */
	[ERR_UNSUPPORTED] = 60,                    /* NOT_SUPPORTED */
	[ERR_NO_PROMPT] = 85,                      /* NO_PIN_ENTRY */
	[ERR_CORRUPT] = 89,                        /* BAD_DATA */
	[ERR_VERSION] = 3,                         /* UNKNOWN_VERSION */
	[ERR_PERMISSION] = GPG_SYSTEM_ERROR | 1,   /* EACCES */
	[ERR_MISMATCH] = 91,                       /* WRONG_CARD */
	[ERR_NO_AGENT] = 77,                       /* NO_AGENT */
	[ERR_SHUTDOWN] = 176,                      /* NOT_OPERATIONAL */
	[ERR_BAD_POINT] = 6,                       /* BAD_PUBKEY */
};

/* Cuts the next word out of the text at *at; NULL when there is none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " ");
	size_t n = strcspn(word, " ");

	if (n == 0)
		return NULL;
	*at = word + n;
	if (**at == ' ')
		*(*at)++ = '\0';
	return word;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte of an escape's two digits, or -1. */
static int escape_value(struct slice digits)
{
	if (digits.n != 2)
		return -1;
	int high = hex_value(digits.p[0]), low = hex_value(digits.p[1]);

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

enum err line_decode(struct wbuf *out, const void *p, size_t n)
{
	struct rbuf r = rbuf_new(p, n);

	while (r.n > 0) {
		int c = rbuf_u8(&r);

		if (c == '\r' || c == '\n')
			return ERR_SYNTAX;
		if (c == '%')
			c = escape_value(rbuf_bytes(&r, 2));
		if (c < 0)
			return ERR_SYNTAX;
		wbuf_u8(out, (uint8_t)c);
	}
	return wbuf_ok(out) ? ERR_OK : ERR_TOO_LARGE;
}

/* Decodes a word where it stands: it never grows, and each byte is read before it is written. */
static enum err decode_word(char *word, struct why *why)
{
	struct wbuf w = wbuf_new(word, strlen(word));

	if (line_decode(&w, word, strlen(word)) != ERR_OK)
		return why_set(
			why, ERR_SYNTAX,
			"a word of the command has a bad escape; it is %% and two hexadecimal "
			"digits, %%25 for %% itself");
	if (w.n > 0 && memchr(word, '\0', w.n))
		return why_set(why, ERR_SYNTAX, "a word of the command holds %%00");
	word[w.n] = '\0';
	return ERR_OK;
}

static enum err check_verb(char *verb, struct why *why)
{
	for (char *c = verb; *c; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		if ((*c < 'A' || *c > 'Z') && (*c < '0' || *c > '9') && *c != '_')
			return why_set(why, ERR_SYNTAX,
				       "a command begins with a word of letters, digits and \"_\"; "
				       "HELP lists them");
	}
	return ERR_OK;
}

static enum err add_option(struct line *l, char *word, struct why *why)
{
	char *name = word + 2;
	char *value = name + strcspn(name, "=");

	if (*value == '=')
		*value++ = '\0';
	if (*name == '\0' || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return why_set(why, ERR_SYNTAX,
			       "\"--%s\" is no option's name: lower-case letters, digits and \"-\"",
			       name);
	if (line_option(l, name))
		return why_set(why, ERR_SYNTAX, "option --%s is given twice", name);
	enum err e = decode_word(value, why);
	if (e == ERR_OK)
		l->words[l->count++] = (struct line_word){.name = name, .value = value};
	return e;
}

static enum err parse_words(struct line *l, char *at, struct why *why)
{
	bool options = true;
	char *word;

	while ((word = next_word(&at))) {
		enum err e;

		if (options && strcmp(word, "--") == 0) {
			options = false;
			continue;
		}
		if (l->count == LINE_WORDS_MAX)
			return why_set(why, ERR_SYNTAX,
				       "the command has more than %d words after its name",
				       LINE_WORDS_MAX);
		options = options && strncmp(word, "--", 2) == 0;
		if (options) {
			e = add_option(l, word, why);
		} else {
			e = decode_word(word, why);
			l->words[l->count++] = (struct line_word){.value = word};
		}
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err line_parse(struct line *l, const void *p, size_t n, struct why *why)
{
	struct slice in = {.p = p, .n = n};

	*l = (struct line){.verb = ""};
	if (in.n > LINE_LEN_MAX)
		return why_set(why, ERR_TOO_LARGE,
			       "the line is %zu bytes long; at most %d are allowed", in.n,
			       LINE_LEN_MAX);
	if (in.n > 0 && in.p[in.n - 1] == '\r')
		in.n--;
	if (in.n == 0)
		return ERR_OK;
	if (memchr(in.p, '\0', in.n) || memchr(in.p, '\r', in.n) || memchr(in.p, '\n', in.n))
		return why_set(why, ERR_SYNTAX,
			       "the line holds a NUL, or a CR or LF before its end; an argument "
			       "with a CR or LF has %%0D or %%0A");
	memcpy(l->text, in.p, in.n);
	if (l->text[0] == '#')
		return ERR_OK;
	char *at = l->text;
	char *verb = next_word(&at);
	if (!verb)
		return ERR_OK;
	enum err e = check_verb(verb, why);
	l->verb = verb;
	return e != ERR_OK ? e : parse_words(l, at, why);
}

const char *line_option(const struct line *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].name && strcmp(l->words[i].name, name) == 0)
			return l->words[i].value;
	return NULL;
}

const char *line_operand(const struct line *l, size_t i)
{
	for (size_t k = 0; k < l->count; k++)
		if (!l->words[k].name && i-- == 0)
			return l->words[k].value;
	return NULL;
}

size_t line_operands(const struct line *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++)
		count += !l->words[i].name;
	return count;
}

/* Writes a byte as it is or as its escape; returns how many characters that is. */
static size_t encode_byte(char out[static 4], uint8_t c, bool keep_space)
{
	if ((c > ' ' && c < 0x7F && c != '%') || (c == ' ' && keep_space)) {
		out[0] = (char)c;
		return 1;
	}
	return (size_t)snprintf(out, 4, "%%%02X", c);
}

void line_encode(struct wbuf *w, const void *p, size_t n, bool keep_space)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < n; i++) {
		char piece[4];

		wbuf_bytes(w, piece, encode_byte(piece, in[i], keep_space));
	}
}

void line_data(struct wbuf *w, const void *p, size_t n)
{
	const uint8_t *in = p;
	size_t len = 0; /* of the current line */

	for (size_t i = 0; i < n; i++) {
		char piece[4];
		size_t size = encode_byte(piece, in[i], true);

		if (len + size > LINE_LEN_MAX) {
			wbuf_u8(w, '\n');
			len = 0;
		}
		if (len == 0) {
			wbuf_text(w, "D ");
			len = 2;
		}
		wbuf_bytes(w, piece, size);
		len += size;
	}
	if (len > 0)
		wbuf_u8(w, '\n');
}

uint32_t line_error_code(enum err e)
{
	uint32_t code = gpg_codes[(unsigned)e < ERR_COUNT ? e : ERR_INTERNAL];

	return code ? (uint32_t)GPG_SOURCE_USER_1 << 24 | code : 0;
}

void line_error(struct wbuf *w, enum err e, const struct why *why)
{
	wbuf_printf(w, "ERR %u %s: %s\n", (unsigned)line_error_code(e), err_word(e),
		    why_text(why, e));
}

enum err line_parse_error(const char *text, struct why *why)
{
	const char *digits = text + strlen("ERR ");
	char word[32] = "";

	if (strncmp(text, "ERR ", 4) != 0 || strspn(digits, "0123456789") == 0)
		return why_set(why, ERR_INTERNAL, "an error line that cannot be read: %s", text);
	text = digits + strspn(digits, "0123456789");
	text += strspn(text, " ");
	size_t n = strcspn(text, ": ");
	enum err e = ERR_COUNT;
	if (text[n] == ':' && n < sizeof(word)) {
		memcpy(word, text, n);
		e = err_from_word(word);
	}
	if (e == ERR_OK || e == ERR_COUNT)
		e = ERR_INTERNAL;
	else
		text += n + 1;
	text += strspn(text, " ");
	return *text ? why_set(why, e, "%s", text) : why_set(why, e, "%s", err_text(e));
}
