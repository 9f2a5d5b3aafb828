/* SPDX-License-Identifier: MIT */
/*
 * Bounded cursors: the only pointer arithmetic on bytes from outside.
 *
 * Both have a sticky error: after the first read past the end (or write past the capacity) every
 * later call does nothing, and rbuf_end()/wbuf_ok() says so once at the end. Integers are big
 * endian; a "string" is RFC 4251 section 5: a uint32 length and that many bytes.
 */
#ifndef LANYARD_BUF_H
#define LANYARD_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

/* A view of bytes that somebody else owns. */
struct slice {
	const uint8_t *p;
	size_t n;
};

struct rbuf {
	const uint8_t *p;
	size_t n; /* bytes left; 0 when bad, so that a loop over what is left ends */
	bool bad;
};

struct rbuf rbuf_new(const void *p, size_t n);
struct rbuf rbuf_from(struct slice s);
uint8_t rbuf_u8(struct rbuf *r);                   /* 0 when bad */
uint32_t rbuf_u32(struct rbuf *r);                 /* 0 when bad */
uint64_t rbuf_u64(struct rbuf *r);                 /* 0 when bad */
struct slice rbuf_bytes(struct rbuf *r, size_t n); /* empty (p non-NULL) when bad */
struct slice rbuf_string(struct rbuf *r);          /* empty (p non-NULL) when bad */
/* True when nothing failed and nothing is left: reject trailing bytes with this. */
bool rbuf_end(const struct rbuf *r) MUST_CHECK;

/* Not constant-time: for what is no secret. */
bool slice_eq(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);

/* Writes into memory the caller owns; never allocates. */
struct wbuf {
	uint8_t *p;
	size_t n; /* bytes written */
	size_t cap;
	bool bad;
};

struct wbuf wbuf_new(void *p, size_t cap);
void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u32(struct wbuf *w, uint32_t v);
void wbuf_u64(struct wbuf *w, uint64_t v);
void wbuf_bytes(struct wbuf *w, const void *p, size_t n);
void wbuf_text(struct wbuf *w, const char *text); /* without the final NUL */
/* Same, but needs room for the NUL while it writes. */
void wbuf_printf(struct wbuf *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void wbuf_string(struct wbuf *w, const void *p, size_t n); /* RFC 4251 string */
void wbuf_cstring(struct wbuf *w, const char *text);       /* RFC 4251 string */
/* RFC 4251 mpint of an unsigned big-endian number: leading zeros dropped, 00 before a high bit. */
void wbuf_mpint(struct wbuf *w, const uint8_t *p, size_t n);
/* Room for a uint32 length that wbuf_close_string() fills in: strings inside strings. */
size_t wbuf_open_string(struct wbuf *w);
void wbuf_close_string(struct wbuf *w, size_t mark);
bool wbuf_ok(const struct wbuf *w) MUST_CHECK;

#endif
