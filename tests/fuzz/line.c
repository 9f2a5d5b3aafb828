/* SPDX-License-Identifier: MIT */
/* protocol/line.h: command lines, data lines, error lines. */
#include "fuzz.h"

#include <ctype.h>

#include "protocol/line.h"

static void put_words(struct wbuf *w, const struct line *l)
{
	wbuf_text(w, l->verb);
	for (size_t i = 0; i < l->count; i++) {
		const char *value = l->words[i].value;

		wbuf_text(w, " ");
		if (l->words[i].name != NULL) {
			wbuf_printf(w, "--%s=", l->words[i].name);
		} else if (*value == '-') {
			wbuf_text(w, "%2D");
			value++;
		}
		line_encode(w, value, strlen(value), false);
	}
}

/* What was parsed, written out, is parsed as the same. */
static void check_again(const struct line *l)
{
	char text[4 * LINE_LEN_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct line again;

	put_words(&w, l);
	CHECK(wbuf_ok(&w));
	if (w.n > LINE_LEN_MAX)
		return;
	CHECK(line_parse(&again, text, w.n, NULL) == ERR_OK);
	CHECK(strcmp(again.verb, l->verb) == 0 && again.count == l->count);
	for (size_t i = 0; i < l->count; i++) {
		CHECK(!again.words[i].name == !l->words[i].name);
		CHECK(l->words[i].name == NULL ||
		      strcmp(again.words[i].name, l->words[i].name) == 0);
		CHECK(strcmp(again.words[i].value, l->words[i].value) == 0);
	}
}

static bool in_text(const struct line *l, const char *p)
{
	return p >= l->text && p < l->text + sizeof(l->text) &&
	       p + strlen(p) < l->text + sizeof(l->text);
}

static void check_words(const struct line *l)
{
	size_t operands = 0;

	CHECK(l->count <= LINE_WORDS_MAX);
	for (const char *c = l->verb; *c != '\0'; c++)
		CHECK(isupper((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
	for (size_t i = 0; i < l->count; i++) {
		const struct line_word *word = &l->words[i];

		CHECK(in_text(l, word->value));
		if (word->name == NULL) {
			CHECK(line_operand(l, operands++) == word->value && *word->value != '\0');
			continue;
		}
		CHECK(operands == 0 && in_text(l, word->name) && *word->name != '\0');
		CHECK(line_option(l, word->name) == word->value);
		CHECK(strspn(word->name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
		      strlen(word->name));
	}
	CHECK(line_operands(l) == operands && line_operand(l, operands) == NULL);
	CHECK(line_option(l, "no such option") == NULL);
}

static void check_command(const uint8_t *data, size_t size)
{
	struct line l;
	struct why why = {0};
	enum err e = line_parse(&l, data, size, &why);

	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_SYNTAX || e == ERR_TOO_LARGE);
	CHECK((e == ERR_TOO_LARGE) == (size > LINE_LEN_MAX));
	if (e != ERR_OK)
		return;
	CHECK(size == 0 || memchr(data, '\0', size) == NULL);
	check_words(&l);
	if (*l.verb != '\0')
		check_again(&l);
	else
		CHECK(l.count == 0);
}

/* As many lines as it takes, decoded one by one, are the data again. */
static void check_lines(struct slice bytes)
{
	size_t cap = 4 * bytes.n + 3; /* %XX, and "D " and LF now and then */
	char *text = malloc(cap);
	uint8_t *again = fuzz_copy(bytes.p, bytes.n);
	struct wbuf w = wbuf_new(text, cap), out = wbuf_new(again, bytes.n);

	CHECK(text != NULL);
	line_data(&w, bytes.p, bytes.n);
	CHECK(wbuf_ok(&w));
	for (struct rbuf r = rbuf_new(text, w.n); r.n > 0;) {
		const uint8_t *end = memchr(r.p, '\n', r.n);
		struct slice line;

		CHECK(end != NULL && end - r.p <= LINE_LEN_MAX && end - r.p > 2);
		line = rbuf_bytes(&r, (size_t)(end - r.p));
		rbuf_u8(&r);
		CHECK(memcmp(line.p, "D ", 2) == 0);
		CHECK(line_decode(&out, line.p + 2, line.n - 2) == ERR_OK);
	}
	CHECK(slice_eq((struct slice){again, out.n}, bytes));
	free(text);
	free(again);
}

static void check_data(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + 1);
	struct wbuf all = wbuf_new(bytes, size), none = wbuf_new(bytes, 0), less;
	enum err e = line_decode(&all, data, size);
	size_t n = all.n;

	CHECK(bytes != NULL && n <= size);
	CHECK(e == ERR_OK || e == ERR_SYNTAX);
	if (e == ERR_OK) {
		check_lines((struct slice){bytes, n});
		less = wbuf_new(bytes, n - (n > 0));
		CHECK(line_decode(&less, data, size) == (n > 0 ? ERR_TOO_LARGE : ERR_OK));
		/* The error stays. */
		CHECK(line_decode(&less, "", 0) == (n > 0 ? ERR_TOO_LARGE : ERR_OK));
	}
	CHECK(line_decode(&none, data, size) == (e != ERR_OK || size == 0 ? e : ERR_TOO_LARGE));
	free(bytes);
}

/* What this agent sends arrives as what it was. */
static void check_error(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char line[2 * WHY_MAX];
	struct wbuf w = wbuf_new(line, sizeof(line));
	struct why why = {0}, again = {0};
	enum err e = line_parse_error(text, &why);

	fuzz_check_why(e, &why);
	CHECK(e != ERR_OK && line_parse_error(text, NULL) == e);
	line_error(&w, e, &why);
	CHECK(wbuf_ok(&w) && w.n <= LINE_LEN_MAX && line[w.n - 1] == '\n');
	CHECK(memchr(line, '\n', w.n) == line + w.n - 1);
	line[w.n - 1] = '\0';
	CHECK(line_parse_error(line, &again) == e && strcmp(again.text, why.text) == 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_command(data, size);
	check_data(data, size);
	check_error(data, size);
	return 0;
}
