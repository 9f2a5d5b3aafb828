/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/buf.h"

static const uint8_t nothing[1];

struct rbuf rbuf_new(const void *p, size_t n)
{
	return (struct rbuf){.p = p && n > 0 ? p : nothing, .n = p ? n : 0};
}

struct rbuf rbuf_from(struct slice s)
{
	return rbuf_new(s.p, s.n);
}

struct slice rbuf_bytes(struct rbuf *r, size_t n)
{
	struct slice s = {.p = nothing, .n = 0};

	if (r->bad || n > r->n) {
		/* Nothing is left either: a loop over what is left ends. */
		r->bad = true;
		r->n = 0;
		return s;
	}
	s = (struct slice){.p = r->p, .n = n};
	r->p += n;
	r->n -= n;
	return s;
}

static uint64_t rbuf_uint(struct rbuf *r, size_t width)
{
	struct slice s = rbuf_bytes(r, width);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

uint8_t rbuf_u8(struct rbuf *r)
{
	return (uint8_t)rbuf_uint(r, 1);
}

uint32_t rbuf_u32(struct rbuf *r)
{
	return (uint32_t)rbuf_uint(r, 4);
}

uint64_t rbuf_u64(struct rbuf *r)
{
	return rbuf_uint(r, 8);
}

struct slice rbuf_string(struct rbuf *r)
{
	uint32_t n = rbuf_u32(r);

	return rbuf_bytes(r, n);
}

bool rbuf_end(const struct rbuf *r)
{
	return !r->bad && r->n == 0;
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_is(struct slice a, const char *text)
{
	return slice_eq(a, (struct slice){.p = (const uint8_t *)text, .n = strlen(text)});
}

struct wbuf wbuf_new(void *p, size_t cap)
{
	return (struct wbuf){.p = p, .cap = p ? cap : 0};
}

void wbuf_bytes(struct wbuf *w, const void *p, size_t n)
{
	if (w->bad || n > w->cap - w->n) {
		w->bad = true;
		return;
	}
	if (n > 0)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void wbuf_uint(struct wbuf *w, uint64_t v, size_t width)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (uint8_t)(v >> 8 * (width - 1 - i));
	wbuf_bytes(w, bytes, width);
}

void wbuf_u8(struct wbuf *w, uint8_t v)
{
	wbuf_uint(w, v, 1);
}

void wbuf_u32(struct wbuf *w, uint32_t v)
{
	wbuf_uint(w, v, 4);
}

void wbuf_u64(struct wbuf *w, uint64_t v)
{
	wbuf_uint(w, v, 8);
}

void wbuf_text(struct wbuf *w, const char *text)
{
	wbuf_bytes(w, text, strlen(text));
}

void wbuf_printf(struct wbuf *w, const char *fmt, ...)
{
	va_list args;

	if (w->bad || w->n == w->cap) {
		w->bad = true;
		return;
	}
	va_start(args, fmt);
	int n = vsnprintf((char *)w->p + w->n, w->cap - w->n, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= w->cap - w->n)
		w->bad = true;
	else
		w->n += (size_t)n;
}

void wbuf_string(struct wbuf *w, const void *p, size_t n)
{
	size_t mark = wbuf_open_string(w);

	wbuf_bytes(w, p, n);
	wbuf_close_string(w, mark);
}

void wbuf_cstring(struct wbuf *w, const char *text)
{
	wbuf_string(w, text, strlen(text));
}

void wbuf_mpint(struct wbuf *w, const uint8_t *p, size_t n)
{
	size_t mark = wbuf_open_string(w);

	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	if (n > 0 && *p & 0x80)
		wbuf_u8(w, 0);
	wbuf_bytes(w, p, n);
	wbuf_close_string(w, mark);
}

size_t wbuf_open_string(struct wbuf *w)
{
	size_t mark = w->n;

	wbuf_u32(w, 0);
	return mark;
}

void wbuf_close_string(struct wbuf *w, size_t mark)
{
	if (w->bad || mark > w->n || w->n - mark < 4 || w->n - mark - 4 > UINT32_MAX) {
		w->bad = true;
		return;
	}
	struct wbuf length = wbuf_new(w->p + mark, 4);
	wbuf_u32(&length, (uint32_t)(w->n - mark - 4));
}

bool wbuf_ok(const struct wbuf *w)
{
	return !w->bad;
}
