/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buf.h"

/* Every kind of value once, a string within a string included. */
static void write_all(struct wbuf *w)
{
	static const uint8_t number[] = {0, 0, 0x80, 1};

	wbuf_u8(w, 0x01);
	wbuf_u32(w, 0x02030405);
	wbuf_u64(w, 0x060708090A0B0C0D);
	wbuf_bytes(w, "ab", 2);
	wbuf_text(w, "cd");
	wbuf_cstring(w, "ef");
	wbuf_mpint(w, number, sizeof(number));
	size_t outer = wbuf_open_string(w);
	wbuf_string(w, "", 0);
	wbuf_string(w, "g", 1);
	wbuf_close_string(w, outer);
}

static const uint8_t all[] = {
	1,   2, 3, 4, 5, 6, 7,    8, 9, 10, 11, 12, 13, 'a', 'b', 'c', 'd', 0, 0, 0, 2,   'e',
	'f', 0, 0, 0, 3, 0, 0x80, 1, 0, 0,  0,  9,  0,  0,   0,   0,   0,   0, 0, 1, 'g',
};

static bool read_all(struct rbuf *r)
{
	bool same = rbuf_u8(r) == 1;

	same &= rbuf_u32(r) == 0x02030405;
	same &= rbuf_u64(r) == 0x060708090A0B0C0D;
	same &= slice_is(rbuf_bytes(r, 2), "ab");
	same &= slice_is(rbuf_bytes(r, 2), "cd");
	same &= slice_is(rbuf_string(r), "ef");
	same &= slice_eq(rbuf_string(r), (struct slice){(const uint8_t *)"\0\x80\x01", 3});
	struct rbuf inner = rbuf_from(rbuf_string(r));
	same &= rbuf_string(&inner).n == 0;
	same &= slice_is(rbuf_string(&inner), "g");
	return same && rbuf_end(&inner) && rbuf_end(r);
}

/* In memory of exactly this size, so that the sanitiser sees one byte too many. */
static uint8_t *exact(const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	cr_assert(copy);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

Test(protocol_buf, write_and_read_back)
{
	uint8_t room[sizeof(all)];
	struct wbuf w = wbuf_new(room, sizeof(room));

	write_all(&w);
	cr_assert(wbuf_ok(&w));
	cr_assert_eq(w.n, sizeof(all));
	cr_assert_arr_eq(room, all, sizeof(all));
	struct rbuf r = rbuf_new(room, w.n);
	cr_assert(read_all(&r));
}

Test(protocol_buf, cut_at_every_byte)
{
	for (size_t n = 0; n < sizeof(all); n++) {
		uint8_t *in = exact(all, n), *out = exact(all, n);
		struct rbuf r = rbuf_new(in, n);
		struct wbuf w = wbuf_new(out, n);

		cr_assert_not(read_all(&r), "read of %zu bytes", n);
		cr_assert_not(rbuf_end(&r));
		write_all(&w);
		cr_assert_not(wbuf_ok(&w), "write into %zu bytes", n);
		cr_assert_leq(w.n, n);
		free(in);
		free(out);
	}
}

Test(protocol_buf, trailing_bytes_are_seen)
{
	uint8_t more[sizeof(all) + 1] = {0};

	memcpy(more, all, sizeof(all));
	struct rbuf r = rbuf_new(more, sizeof(more));
	cr_assert_not(read_all(&r));
	cr_assert_eq(r.n, 1);
	cr_assert_not(r.bad);
}

Test(protocol_buf, errors_stick)
{
	struct rbuf r = rbuf_new("\0\0\0\x05hell", 8);

	struct slice s = rbuf_string(&r);
	cr_expect(s.p && s.n == 0);
	cr_expect_eq(r.n, 0, "a loop over what is left must end");
	cr_expect_eq(rbuf_u8(&r), 0);
	cr_expect_eq(rbuf_u32(&r), 0);
	cr_expect_eq(rbuf_u64(&r), 0);
	s = rbuf_bytes(&r, 0);
	cr_expect(s.p && s.n == 0);
	cr_expect_not(rbuf_end(&r));

	uint8_t room[4] = {0};
	struct wbuf w = wbuf_new(room, sizeof(room));
	wbuf_u8(&w, 1);
	wbuf_u32(&w, 2);
	wbuf_u8(&w, 3);
	wbuf_text(&w, "");
	cr_expect_not(wbuf_ok(&w));
	cr_expect_eq(w.n, 1);
	cr_expect_eq(room[1], 0);
}

Test(protocol_buf, huge_lengths)
{
	static const uint8_t in[] = {0xFF, 0xFF, 0xFF, 0xFF, 'x'};
	struct rbuf r = rbuf_new(in, sizeof(in));
	uint8_t room[8];
	struct wbuf w = wbuf_new(room, sizeof(room));

	cr_expect_eq(rbuf_string(&r).n, 0);
	cr_expect(r.bad);
	r = rbuf_new(in, sizeof(in));
	cr_expect_eq(rbuf_bytes(&r, SIZE_MAX).n, 0);
	cr_expect(r.bad);
	wbuf_u8(&w, 1);
	wbuf_bytes(&w, in, SIZE_MAX);
	cr_expect_not(wbuf_ok(&w));
}

Test(protocol_buf, nothing_is_allowed)
{
	struct rbuf r = rbuf_new(NULL, 0);
	struct wbuf w = wbuf_new(NULL, 0);

	cr_expect(rbuf_bytes(&r, 0).p);
	cr_expect(rbuf_end(&r));
	wbuf_bytes(&w, NULL, 0);
	cr_expect(wbuf_ok(&w));
	wbuf_u8(&w, 0);
	cr_expect_not(wbuf_ok(&w));
	cr_expect(slice_eq((struct slice){NULL, 0}, rbuf_bytes(&r, 0)));
	cr_expect_not(slice_is((struct slice){all, 1}, ""));
}

Test(protocol_buf, mpint)
{
	/* RFC 4251 section 5, the numbers that are not negative, and leading zeros. */
	static const struct {
		const char *in, *out;
		size_t in_len, out_len;
	} rows[] = {
		{"", "\0\0\0\0", 0, 4},
		{"\0", "\0\0\0\0", 1, 4},
		{"\0\0", "\0\0\0\0", 2, 4},
		{"\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", "\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7",
		 8, 12},
		{"\x80", "\0\0\0\x02\0\x80", 1, 6},
		{"\0\x80", "\0\0\0\x02\0\x80", 2, 6},
		{"\0\x7f", "\0\0\0\x01\x7f", 2, 5},
		{"\x01\0", "\0\0\0\x02\x01\0", 2, 6},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t room[16];
		struct wbuf w = wbuf_new(room, sizeof(room));

		wbuf_mpint(&w, (const uint8_t *)rows[i].in, rows[i].in_len);
		cr_expect(wbuf_ok(&w));
		cr_expect_eq(w.n, rows[i].out_len, "row %zu", i);
		cr_expect_arr_eq(room, rows[i].out, rows[i].out_len, "row %zu", i);
	}
}

Test(protocol_buf, printf_keeps_within_its_room)
{
	char room[8];

	for (size_t cap = 0; cap <= sizeof(room); cap++) {
		struct wbuf w = wbuf_new(room, cap);

		memset(room, '#', sizeof(room));
		wbuf_printf(&w, "%d", 12345);
		cr_expect_eq(wbuf_ok(&w), cap > 5, "%zu", cap);
		cr_expect_eq(w.n, cap > 5 ? 5 : 0);
		cr_expect(cap == sizeof(room) || room[cap] == '#');
	}
}

Test(protocol_buf, a_string_is_closed_where_it_was_opened)
{
	uint8_t room[8];
	struct wbuf w = wbuf_new(room, sizeof(room));

	wbuf_u8(&w, 1);
	wbuf_close_string(&w, 0);
	cr_expect_not(wbuf_ok(&w), "less than a length after the mark");
	w = wbuf_new(room, sizeof(room));
	wbuf_close_string(&w, 9);
	cr_expect_not(wbuf_ok(&w), "a mark beyond the end");
}
