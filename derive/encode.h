/* SPDX-License-Identifier: MIT */
/* Hexadecimal and base64 (RFC 4648) over libsodium's constant-time codecs, so secrets may pass. */
#ifndef LANYARD_ENCODE_H
#define LANYARD_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

/* Lower case; `out` has room for 2n + 1. */
void hex_encode(char *out, const void *p, size_t n);
/* Exactly `len` characters, no spaces; refuses odd length, other characters, more than `cap` bytes.
 */
enum err hex_decode(uint8_t *out, size_t cap, size_t *n, const char *hex, size_t len) MUST_CHECK;

/* Standard alphabet with padding; `out` has room for 4 characters per 3 bytes begun, and a NUL. */
void base64_encode(char *out, size_t cap, const void *p, size_t n);
enum err base64_decode(uint8_t *out, size_t cap, size_t *n, const char *text,
		       size_t len) MUST_CHECK;
/* URL alphabet, no padding, canonical only (unused bits zero). */
void base64url_encode(char *out, size_t cap, const void *p, size_t n);
enum err base64url_decode(uint8_t *out, size_t cap, size_t *n, const char *text,
			  size_t len) MUST_CHECK;

#endif
