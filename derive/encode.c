/* SPDX-License-Identifier: MIT */
#include "derive/encode.h"

#include <sodium.h>

#include "protocol/text.h"

enum {
	BASE64 = sodium_base64_VARIANT_ORIGINAL,
	BASE64URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

void hex_encode(char *out, const void *p, size_t n)
{
	(void)sodium_bin2hex(out, 2 * n + 1, p, n);
}

enum err hex_decode(uint8_t *out, size_t cap, size_t *n, const char *hex, size_t len)
{
	*n = 0;
	if (len / 2 > cap) {
		return ERR_TOO_LARGE;
	}
	if (len % 2 != 0 || sodium_hex2bin(out, cap, hex, len, NULL, n, NULL) != 0) {
		*n = 0;
		return ERR_INVALID;
	}
	return ERR_OK;
}

void base64_encode(char *out, size_t cap, const void *p, size_t n)
{
	(void)sodium_bin2base64(out, cap, p, n, BASE64);
}

static enum err decode(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len,
		       int variant)
{
	*n = 0;
	/* libsodium (1.0.18) stops at the capacity, and at the first character that does not
	 * belong, but reads some bytes from 0x80 on as digits. */
	if (!text_is_ascii_printable(text, len) ||
	    sodium_base642bin(out, cap, text, len, NULL, n, NULL, variant) != 0) {
		*n = 0;
		return ERR_INVALID;
	}
	return ERR_OK;
}

enum err base64_decode(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len)
{
	return decode(out, cap, n, text, len, BASE64);
}

void base64url_encode(char *out, size_t cap, const void *p, size_t n)
{
	(void)sodium_bin2base64(out, cap, p, n, BASE64URL);
}

enum err base64url_decode(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len)
{
	return decode(out, cap, n, text, len, BASE64URL);
}
