/* SPDX-License-Identifier: MIT */
#include "wg-hook/wg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "derive/encode.h"
#include "protocol/text.h"

enum { MESSAGE_MAX = 2048 };

static void PRINTF_LIKE(1, 0) complain(const char *fmt, va_list args)
{
	char raw[MESSAGE_MAX], text[MESSAGE_MAX];

	vsnprintf(raw, sizeof(raw), fmt, args);
	fprintf(stderr, "lanyard-wg: %s\n",
		text_clean_message(text, sizeof(text), raw, strlen(raw)));
}

int wg_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	return 1;
}

void wg_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
}

int wg_error(enum err e, const struct why *why)
{
	return wg_fail("%s", why_text(why, e));
}

enum err wg_need_root(const struct options *o, const char *what, struct why *why)
{
	return geteuid() == 0 ? ERR_OK
			      : why_set(why, ERR_PERMISSION, "only root can %s (%s): use sudo",
					what, o->iface);
}

enum err wg_confirm(const struct options *o, const char *question, struct why *why)
{
	char answer[16] = "";
	FILE *tty;

	if (o->yes)
		return ERR_OK;
	tty = fopen("/dev/tty", "r+e");
	if (tty == NULL)
		return why_set(why, ERR_NO_PROMPT,
			       "nobody to ask: there is no terminal; --yes answers yes");
	fprintf(tty, "%s [y/N] ", question);
	fflush(tty);
	if (fgets(answer, sizeof(answer), tty) == NULL)
		answer[0] = '\0';
	fclose(tty);
	if (strcmp(answer, "y\n") == 0 || strcmp(answer, "Y\n") == 0 ||
	    strcmp(answer, "yes\n") == 0)
		return ERR_OK;
	return why_set(why, ERR_REFUSED, "not done: the answer was not yes");
}

enum err wg_key_parse(uint8_t key[static WG_KEY_LEN], const char *text, size_t n)
{
	uint8_t raw[WG_KEY_LEN];
	size_t got = 0;
	enum err e = ERR_INVALID;

	if (n == WG_KEY_TEXT - 1 && base64_decode(raw, sizeof(raw), &got, text, n) == ERR_OK &&
	    got == WG_KEY_LEN) {
		memcpy(key, raw, WG_KEY_LEN);
		e = ERR_OK;
	}
	/* It may be a preshared key. */
	text_wipe(raw, sizeof(raw));
	return e;
}

void wg_key_format(char out[static WG_KEY_TEXT], const uint8_t key[static WG_KEY_LEN])
{
	base64_encode(out, WG_KEY_TEXT, key, WG_KEY_LEN);
}
