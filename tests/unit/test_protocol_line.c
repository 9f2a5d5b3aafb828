/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/line.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* line_parse() of memory of exactly that size, so that the sanitiser sees one byte too many. */
static enum err parse(struct line *l, const void *p, size_t n, struct why *why)
{
	void *copy = malloc(n ? n : 1);

	cr_assert(copy);
	memcpy(copy, p, n);
	why->text[0] = '\0';
	enum err e = line_parse(l, copy, n, why);
	free(copy);
	return e;
}

/* "VERB [name=value] {operand}", to compare lines with. */
static const char *shape(const struct line *l)
{
	static char text[3 * LINE_LEN_MAX];
	struct wbuf w = wbuf_new(text, sizeof(text));

	wbuf_text(&w, l->verb);
	for (size_t i = 0; i < l->count; i++)
		if (l->words[i].name)
			wbuf_printf(&w, " [%s=%s]", l->words[i].name, l->words[i].value);
		else
			wbuf_printf(&w, " {%s}", l->words[i].value);
	wbuf_u8(&w, 0);
	cr_assert(wbuf_ok(&w));
	return text;
}

Test(protocol_line, commands)
{
	static const struct {
		const char *in, *shape;
	} rows[] = {
		{"", ""},
		{"   ", ""},
		{"\r", ""},
		{"#", ""},
		{"# HELLO", ""},
		{"HELLO", "HELLO"},
		{"hello\r", "HELLO"},
		{"  Bye  ", "BYE"},
		{"GET_2 x", "GET_2 {x}"},
		{"PUBKEY  ssh://git@github.com", "PUBKEY {ssh://git@github.com}"},
		{"SIGN --device=1 --raw -- --x y", "SIGN [device=1] [raw=] {--x} {y}"},
		{"SIGN a --b -- c", "SIGN {a} {--b} {--} {c}"},
		{"SIGN -- -- --", "SIGN {--} {--}"},
		{"SIGN - -x --y", "SIGN {-} {-x} {--y}"},
		{"SIGN %2d-x --y", "SIGN {--x} {--y}"},
		{"SIGN --a=b=c --d=%3D%25 --e2-f=", "SIGN [a=b=c] [d==%] [e2-f=]"},
		{"SIGN --a=%20%2520", "SIGN [a= %20]"},
		{"SIGN a%20b%0Ac%0d", "SIGN {a b\nc\r}"},
		{"SIGN \xc3\xa9%c3%A9\t", "SIGN {\xc3\xa9\xc3\xa9\t}"},
		{"X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
		 "X {1} {2} {3} {4} {5} {6} {7} {8} {9} {10} {11} {12} {13} {14} {15} {16}"},
	};
	struct line l;
	struct why why;

	for (size_t i = 0; i < ROWS(rows); i++) {
		cr_expect_eq(parse(&l, rows[i].in, strlen(rows[i].in), &why), ERR_OK, "'%s': %s",
			     rows[i].in, why.text);
		cr_expect_str_eq(shape(&l), rows[i].shape, "'%s' is %s", rows[i].in, shape(&l));
	}
}

Test(protocol_line, refused_commands)
{
	static const struct {
		const char *in;
		size_t n;
	} rows[] = {
#define ROW(text) {text, sizeof(text) - 1}
		ROW("HELLO\0"),
		ROW("\0"),
		ROW("SIGN a\0b"),
		ROW("# comment\0"),
		ROW("SIGN a%00"),
		ROW("SIGN --a=%00"),
		ROW("HEL\rLO"),
		ROW("HELLO\r\r"),
		ROW("\r\r"),
		ROW("# x\ry"),
		ROW("HELLO\nBYE"),
		ROW("HELLO\n"),
		ROW("SIGN %"),
		ROW("SIGN %4"),
		ROW("SIGN %4 1"),
		ROW("SIGN %g1"),
		ROW("SIGN %1g"),
		ROW("SIGN % 1"),
		ROW("SIGN %+1"),
		ROW("SIGN --a=%"),
		ROW("SIGN a --b%"),
		ROW("HELLO! x"),
		ROW("S\xc3\xa9"),
		ROW("%48ELLO"),
		ROW("--x"),
		ROW("\tHELLO"),
		ROW("SIGN --=1"),
		ROW("SIGN --A=1"),
		ROW("SIGN --a%62=1"),
		ROW("SIGN --\x1b[2J"),
		ROW("SIGN --a --b --a=1"),
		ROW("X 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"),
		ROW("X --a -- 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"),
#undef ROW
	};
	struct line l;
	struct why why;

	for (size_t i = 0; i < ROWS(rows); i++) {
		cr_expect_eq(parse(&l, rows[i].in, rows[i].n, &why), ERR_SYNTAX, "'%s'",
			     rows[i].in);
		cr_expect(why.text[0], "'%s'", rows[i].in);
		cr_expect_eq(strchr(why.text, '\x1b'), NULL);
	}
}

Test(protocol_line, length_limit)
{
	char text[LINE_LEN_MAX + 2];
	struct line l;
	struct why why;

	memset(text, 'x', sizeof(text));
	memcpy(text, "SIGN ", 5);
	cr_expect_eq(parse(&l, text, 1000, &why), ERR_OK);
	cr_expect_eq(strlen(line_operand(&l, 0)), 995);
	cr_expect_eq(parse(&l, text, 1001, &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "1001"));
	cr_expect(strstr(why.text, "1000"));
	text[999] = '\r';
	cr_expect_eq(parse(&l, text, 1000, &why), ERR_OK);
	cr_expect_eq(strlen(line_operand(&l, 0)), 994);
	text[1000] = '\r';
	text[999] = 'x';
	cr_expect_eq(parse(&l, text, 1001, &why), ERR_TOO_LARGE);
}

Test(protocol_line, a_command_cut_at_every_byte)
{
	static const char in[] = "SIGN --device=soft%3Ax --raw -- ssh://u@h %41%42\r";
	struct line l;
	struct why why;

	for (size_t n = 0; n < sizeof(in); n++) {
		enum err e = parse(&l, in, n, &why);
		bool in_escape = n > 2 && (in[n - 1] == '%' || in[n - 2] == '%');

		cr_expect_eq(e, in_escape ? ERR_SYNTAX : ERR_OK, "%zu: %s", n, why.text);
	}
}

Test(protocol_line, options_and_operands)
{
	static const char in[] = "SIGN --device=1 --raw a b";
	struct line l;
	struct why why;

	cr_assert_eq(parse(&l, in, strlen(in), &why), ERR_OK);
	cr_expect_str_eq(line_option(&l, "device"), "1");
	cr_expect_str_eq(line_option(&l, "raw"), "");
	cr_expect_eq(line_option(&l, "a"), NULL);
	cr_expect_eq(line_operands(&l), 2);
	cr_expect_str_eq(line_operand(&l, 0), "a");
	cr_expect_str_eq(line_operand(&l, 1), "b");
	cr_expect_eq(line_operand(&l, 2), NULL);
	cr_expect_eq(line_operand(&l, SIZE_MAX), NULL);
}

Test(protocol_line, encode_and_decode_every_byte)
{
	uint8_t all[256], back[256];
	char text[3 * 256];

	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	for (unsigned keep_space = 0; keep_space < 2; keep_space++) {
		struct wbuf w = wbuf_new(text, sizeof(text)), out = wbuf_new(back, sizeof(back));

		line_encode(&w, all, sizeof(all), keep_space);
		cr_assert(wbuf_ok(&w));
		/* 94 bytes are as they are, but for "%". */
		cr_expect_eq(w.n, 93 + 3 * (256 - 93) - 2 * keep_space);
		cr_expect_eq(memchr(text, ' ', w.n) != NULL, keep_space);
		cr_expect_eq(line_decode(&out, text, w.n), ERR_OK);
		cr_expect_eq(out.n, sizeof(all));
		cr_expect_arr_eq(back, all, sizeof(all));
	}
}

Test(protocol_line, decode)
{
	static const struct {
		const char *in;
		size_t n;
		enum err e;
	} rows[] = {
		{"", 0, ERR_OK},
		{"a\0b%00\xff ", 8, ERR_OK},
		{"12345678", 8, ERR_OK},
		{"123456789", 9, ERR_TOO_LARGE},
		{"1234567%38%", 11, ERR_SYNTAX},
		{"%", 1, ERR_SYNTAX},
		{"%4", 2, ERR_SYNTAX},
		{"%4x", 3, ERR_SYNTAX},
		{"%%41", 4, ERR_SYNTAX},
		{"a\rb", 3, ERR_SYNTAX},
		{"a\nb", 3, ERR_SYNTAX},
		{"%0d%0A", 6, ERR_OK},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t room[8];
		struct wbuf w = wbuf_new(room, sizeof(room));

		cr_expect_eq(line_decode(&w, rows[i].in, rows[i].n), rows[i].e, "row %zu", i);
	}
}

/* Reads "D ...\n" lines back; checks each line's length. */
static void read_lines(const char *text, size_t n, struct wbuf *out)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);

		cr_assert(end);
		size_t len = (size_t)(end - text);
		cr_assert_leq(len, LINE_LEN_MAX);
		cr_assert_eq(strncmp(text, "D ", 2), 0);
		/* An escape split between two lines would fail here. */
		cr_assert_eq(line_decode(out, text + 2, len - 2), ERR_OK);
		n -= len + 1;
		text = end + 1;
	}
}

Test(protocol_line, data_lines)
{
	static uint8_t data[2200], back[2200];
	static char text[8000];

	/* A plain byte first moves the escapes to each place at the end of a line. */
	for (size_t plain = 0; plain < 4; plain++)
		for (size_t n = 0; n < sizeof(data); n += n < 1100 ? 1 : 97)
			for (unsigned fill = 0; fill < 3; fill++) {
				struct wbuf w = wbuf_new(text, sizeof(text));
				struct wbuf out = wbuf_new(back, sizeof(back));

				memset(data,
				       fill == 0   ? 'x'
				       : fill == 1 ? '\n'
						   : ' ',
				       sizeof(data));
				memset(data, 'y', plain);
				line_data(&w, data, n);
				cr_assert(wbuf_ok(&w) && w.n <= 4 * n + 3, "%zu bytes take %zu", n,
					  w.n);
				read_lines(text, w.n, &out);
				cr_assert_eq(out.n, n);
				cr_assert(n == 0 || memcmp(back, data, n) == 0);
			}
}

Test(protocol_line, data_fills_its_lines)
{
	char data[999], text[2100];
	struct wbuf w = wbuf_new(text, sizeof(text));

	line_data(&w, "", 0);
	cr_expect_eq(w.n, 0);
	memset(data, 'x', sizeof(data));
	line_data(&w, data, 998);
	cr_expect_eq(w.n, 1001);
	w.n = 0;
	line_data(&w, data, 999);
	cr_expect_eq(w.n, 1001 + 4);
	w.n = 0;
	data[997] = '%';
	line_data(&w, data, 998);
	cr_expect_eq(w.n, 2 + 997 + 1 + 2 + 3 + 1);
}

Test(protocol_line, every_error_has_its_gpg_number)
{
	cr_expect_eq(line_error_code(ERR_OK), 0);
	for (unsigned e = 1; e < ERR_COUNT; e++) {
		uint32_t code = line_error_code((enum err)e);

		cr_expect_eq(code >> 24, 32, "%s", err_word((enum err)e));
		cr_expect_neq(code & 0xFFFF, 0, "%s", err_word((enum err)e));
		cr_expect_eq(code & 0xFF0000, 0);
		for (unsigned other = 1; other < e; other++)
			cr_expect_neq(code, line_error_code((enum err)other), "%s and %s",
				      err_word((enum err)e), err_word((enum err)other));
	}
	cr_expect_eq(line_error_code(ERR_CANCELED), 536870912 + 99);
	cr_expect_eq(line_error_code(ERR_COUNT), line_error_code(ERR_INTERNAL));
}

Test(protocol_line, errors_there_and_back)
{
	for (unsigned i = 1; i < ERR_COUNT; i++) {
		enum err e = (enum err)i;
		struct why why, back;
		char text[LINE_LEN_MAX + 2] = "";
		struct wbuf w = wbuf_new(text, sizeof(text));

		why_set(&why, e, "%s: \x1b %0*d", err_word(e), WHY_MAX, 1);
		line_error(&w, e, &why);
		cr_assert(wbuf_ok(&w));
		cr_assert_leq(w.n, LINE_LEN_MAX + 1);
		cr_assert_eq(text[w.n - 1], '\n');
		text[w.n - 1] = '\0';
		cr_expect_eq(line_parse_error(text, &back), e);
		cr_expect_str_eq(back.text, why.text);

		w.n = 0;
		line_error(&w, e, NULL);
		text[w.n - 1] = '\0';
		cr_expect_eq(line_parse_error(text, &back), e);
		cr_expect_str_eq(back.text, err_text(e));
		cr_expect_eq(line_parse_error(text, NULL), e);
	}
}

Test(protocol_line, errors_of_other_programs)
{
	static const struct {
		const char *in;
		enum err e;
		const char *why;
	} rows[] = {
		{"ERR 536870999 bad-pin: 2 tries left", ERR_BAD_PIN, "2 tries left"},
		{"ERR 1 bad-pin:2 tries: left", ERR_BAD_PIN, "2 tries: left"},
		{"ERR 1 bad-pin:", ERR_BAD_PIN, "wrong PIN"},
		{"ERR 1 bad-pin", ERR_INTERNAL, "bad-pin"},
		{"ERR 67109139 Unknown IPC command <GPG Agent>", ERR_INTERNAL,
		 "Unknown IPC command <GPG Agent>"},
		{"ERR 1 nonsense: text", ERR_INTERNAL, "nonsense: text"},
		{"ERR 0 ok: success", ERR_INTERNAL, "ok: success"},
		{"ERR 1 : text", ERR_INTERNAL, ": text"},
		{"ERR 1 a-word-that-is-longer-than-any-of-ours: x", ERR_INTERNAL,
		 "a-word-that-is-longer-than-any-of-ours: x"},
		{"ERR 99999999999999999999 io: x", ERR_IO, "x"},
		{"ERR 1", ERR_INTERNAL, "a bug in lanyard"},
		{"ERR 1 io: a\x1b[2J\xff\xc2\x85", ERR_IO, "a\\x1b[2J\\xff\\xc2\\x85"},
		{"ERR", ERR_INTERNAL, "an error line that cannot be read: ERR"},
		{"ERR ", ERR_INTERNAL, "an error line that cannot be read: ERR "},
		{"ERR io: x", ERR_INTERNAL, "an error line that cannot be read: ERR io: x"},
		{"ERROR 1", ERR_INTERNAL, "an error line that cannot be read: ERROR 1"},
		{"", ERR_INTERNAL, "an error line that cannot be read: "},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct why why;

		cr_expect_eq(line_parse_error(rows[i].in, &why), rows[i].e, "'%s'", rows[i].in);
		cr_expect_str_eq(why.text, rows[i].why, "'%s': %s", rows[i].in, why.text);
	}
}
