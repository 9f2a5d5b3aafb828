/* SPDX-License-Identifier: MIT */
/*
 * protocol/buf.h: calls in any order and number. An input is (call, argument) pairs; the cursor
 * reads the input itself.
 */
#include "fuzz.h"

struct pair {
	struct rbuf calls, r;
	struct wbuf w; /* what was read is written again, in the same form */
};

static void read_and_write(struct pair *p, uint8_t call, uint8_t argument)
{
	struct slice s;

	switch (call % 6) {
	case 0:
		wbuf_u8(&p->w, rbuf_u8(&p->r));
		break;
	case 1:
		wbuf_u32(&p->w, rbuf_u32(&p->r));
		break;
	case 2:
		wbuf_u64(&p->w, rbuf_u64(&p->r));
		break;
	case 3:
		s = rbuf_bytes(&p->r, argument);
		wbuf_bytes(&p->w, s.p, s.n);
		break;
	case 4:
		s = rbuf_string(&p->r);
		wbuf_string(&p->w, s.p, s.n);
		break;
	case 5:
		s = rbuf_bytes(&p->r, p->r.n < argument ? p->r.n : argument);
		wbuf_bytes(&p->w, s.p, s.n);
		CHECK(!p->r.bad || s.n == 0);
		break;
	}
}

/* Reading never moves the end, and a bad cursor stays bad and empty. */
static void check_pairs(const uint8_t *data, size_t size)
{
	uint8_t *again = malloc(size + 8);
	struct pair p = {.calls = rbuf_new(data, size),
			 .r = rbuf_from((struct slice){data, size}),
			 .w = wbuf_new(again, size)};

	CHECK(again != NULL);
	while (p.calls.n > 0) {
		uint8_t call = rbuf_u8(&p.calls), argument = rbuf_u8(&p.calls);
		struct rbuf before = p.r;
		size_t written = p.w.n;

		read_and_write(&p, call, argument);
		CHECK(p.r.n <= before.n && (p.r.bad || p.r.p + p.r.n == data + size || size == 0));
		CHECK(p.r.bad || !before.bad);
		CHECK(!p.r.bad || (p.r.n == 0 && !rbuf_end(&p.r)));
		CHECK(p.w.n >= written && p.w.n <= p.w.cap);
		if (p.r.bad)
			break;
		/* So far it is the same bytes, and there was room for them. */
		CHECK(wbuf_ok(&p.w) && p.w.n == size - p.r.n);
	}
	if (!p.r.bad && size > 0)
		CHECK(slice_eq((struct slice){again, p.w.n}, (struct slice){data, p.w.n}));
	memcpy(again, "text", 5);
	CHECK(slice_is((struct slice){again, 4}, "text") &&
	      !slice_is((struct slice){again, 3}, "text"));
	free(again);
}

/* A writer without enough room writes a part, inside its memory, and says so until the end. */
static void check_room(const uint8_t *data, size_t size)
{
	for (size_t cap = 0; cap < size + 10 && cap < 40; cap++) {
		uint8_t *p = malloc(cap > 0 ? cap : 1);
		struct wbuf w = wbuf_new(p, cap);
		size_t mark;

		CHECK(p != NULL);
		mark = wbuf_open_string(&w);
		wbuf_mpint(&w, data, size);
		wbuf_cstring(&w, "");
		wbuf_printf(&w, "%zu", size);
		wbuf_close_string(&w, mark);
		CHECK(w.n <= cap && (!wbuf_ok(&w) || w.n >= 13));
		if (!wbuf_ok(&w)) {
			size_t n = w.n;

			wbuf_printf(&w, "%s", "");
			wbuf_text(&w, "");
			CHECK(!wbuf_ok(&w) && w.n == n);
		}
		free(p);
	}
}

/* An mpint is the number again: no leading zeros, never negative. */
static void check_mpint(const uint8_t *data, size_t size)
{
	uint8_t *p = malloc(size + 5);
	struct wbuf w = wbuf_new(p, size + 5);
	struct rbuf r;
	struct slice s;

	CHECK(p != NULL);
	wbuf_mpint(&w, data, size);
	CHECK(wbuf_ok(&w));
	r = rbuf_new(p, w.n);
	s = rbuf_string(&r);
	CHECK(rbuf_end(&r));
	if (s.n > 0 && s.p[0] == 0) {
		CHECK(s.n > 1 && s.p[1] >= 0x80);
		s = (struct slice){s.p + 1, s.n - 1};
	} else {
		CHECK(s.n == 0 || s.p[0] < 0x80);
	}
	CHECK(s.n <= size && (s.n == 0 || memcmp(data + size - s.n, s.p, s.n) == 0));
	for (size_t i = 0; i < size - s.n; i++)
		CHECK(data[i] == 0);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_pairs(data, size);
	check_room(data, size);
	check_mpint(data, size);
	return 0;
}
