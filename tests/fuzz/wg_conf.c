/* SPDX-License-Identifier: MIT */
/* wg-hook/conf.h: a wg-quick config; with the hook lines put in, put in again and taken out. */
#include "fuzz.h"

#include <strings.h>

#include "derive/kdf.h"
#include "wg-hook/conf.h"

static enum err parse(struct conf *c, const void *p, size_t n)
{
	struct why why = {0};
	char *copy = fuzz_copy(p, n);
	enum err e = conf_parse(c, "FILE", copy, n, &why);

	free(copy);
	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_NOT_ALLOWED);
	CHECK(e == ERR_OK || strncmp(why.text, "FILE", 4) == 0);
	return e;
}

/* wg(8)'s own way: the whole line without white space and comment. */
static bool line_is_secret(const uint8_t *p, size_t n)
{
	char *line = malloc(n + 1);
	size_t len = 0;
	bool secret;

	CHECK(line != NULL);
	for (size_t i = 0; i < n && p[i] != '#'; i++)
		if (strchr(" \t\n\v\f\r", p[i]) == NULL)
			line[len++] = (char)p[i];
	line[len] = '\0';
	secret = strncasecmp(line, "PrivateKey=", 11) == 0 ||
		 strncasecmp(line, "PresharedKey=", 13) == 0 ||
		 strcasecmp(line, "SaveConfig=true") == 0;
	free(line);
	return secret;
}

static void check_no_secret(const uint8_t *p, size_t n)
{
	CHECK(memchr(p, '\0', n) == NULL);
	for (size_t i = 0, end; i < n; i = end + 1) {
		for (end = i; end < n && p[end] != '\n'; end++)
			;
		CHECK(!line_is_secret(p + i, end - i));
	}
}

static bool edit(const void *p, size_t n, const char *program, char **out, size_t *out_n)
{
	struct why why = {0};
	char *copy = fuzz_copy(p, n);
	enum err e = conf_edit(copy, n, program, out, out_n, &why);

	free(copy);
	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_INVALID);
	return e == ERR_OK;
}

static void check_edit(const uint8_t *p, size_t n, const struct conf *c)
{
	static const char program[] = "/opt/it's/lanyard-wg";
	char *with, *again, *without, *back;
	size_t with_n, again_n, without_n, back_n;
	struct conf edited;

	if (!edit(p, n, NULL, &without, &without_n))
		return;
	CHECK(edit(p, n, program, &with, &with_n));
	CHECK(parse(&edited, with, with_n) == ERR_OK);
	CHECK(edited.count == c->count && edited.hook_line > 0);
	conf_free(&edited);
	CHECK(edit(with, with_n, program, &again, &again_n));
	CHECK(again_n == with_n && memcmp(again, with, with_n) == 0);
	CHECK(edit(with, with_n, NULL, &back, &back_n));
	/* But for the newline that a last line lacked. */
	CHECK(back_n - without_n <= 1 && memcmp(back, without, without_n) == 0);
	free(with);
	free(again);
	free(without);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c;
	char *out;
	size_t n;

	if (parse(&c, data, size) != ERR_OK) {
		CHECK(c.peers == NULL && c.count == 0);
		if (edit(data, size, "/l", &out, &n))
			free(out);
		return 0;
	}
	check_no_secret(data, size);
	for (size_t i = 0; i < c.count; i++)
		CHECK(kdf_wg_check(c.peers[i].key, NULL) == ERR_OK && c.peers[i].line > 0);
	check_edit(data, size, &c);
	conf_free(&c);
	return 0;
}
