/* SPDX-License-Identifier: MIT */
/* Frames of the ssh-agent protocol. */
#include "tests/e2e/hostile.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 256 * 1024, FAILURE = 5, LIST_ANSWER = 12, EXTENSION_FAILURE = 28 };
enum { CLOSED = -1 };

struct bytes {
	uint8_t p[4 + FRAME_MAX + 1];
	size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
	if (b->n + n > sizeof(b->p))
		die("the test's buffer is too small");
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void add_u8(struct bytes *b, uint8_t v)
{
	add(b, &v, 1);
}

static void set_u32(uint8_t *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void add_u32(struct bytes *b, size_t v)
{
	uint8_t p[4];

	set_u32(p, v);
	add(b, p, 4);
}

static void add_string(struct bytes *b, const void *p, size_t n)
{
	add_u32(b, n);
	add(b, p, n);
}

static void begin(struct bytes *b, uint8_t type)
{
	b->n = 0;
	add_u32(b, 0);
	add_u8(b, type);
}

static void end(struct bytes *b)
{
	set_u32(b->p, b->n - 4);
}

/* The type of the next answer, or CLOSED. */
static int answer(int fd)
{
	static uint8_t body[FRAME_MAX];
	uint8_t head[4];
	size_t n;

	if (!get(fd, head, 4))
		return CLOSED;
	n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (n == 0 || n > sizeof(body) || !get(fd, body, n))
		die("a broken frame of %zu bytes", n);
	return body[0];
}

static void expect_list(int fd)
{
	static const uint8_t list[] = {0, 0, 0, 1, 11};
	int type = put(fd, list, sizeof(list)) ? answer(fd) : CLOSED;

	if (type != LIST_ANSWER)
		die("a list was answered with %d", type);
}

void expect_alive(void)
{
	int fd = dial(hostile.ssh_path);

	expect_list(fd);
	close(fd);
}

static void expect_failure(int fd, const struct bytes *b)
{
	int type = put(fd, b->p, b->n) ? answer(fd) : CLOSED;

	if (type != FAILURE && type != EXTENSION_FAILURE)
		die("%zu bytes of type %d were answered with %d", b->n, b->p[4], type);
	expect_list(fd); /* one answer, and the connection goes on */
}

/* Appends the key's blob as a string. */
static void add_blob(struct bytes *b)
{
	const char *hex = hostile.blob;
	unsigned byte;

	add_u32(b, strlen(hex) / 2);
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		add_u8(b, (uint8_t)byte);
}

static void message_plain(struct bytes *b, uint8_t type)
{
	begin(b, type);
	end(b);
}

static void message_sign(struct bytes *b, size_t data)
{
	static const uint8_t zero[FRAME_MAX];

	begin(b, 13);
	add_blob(b);
	add_string(b, zero, data);
	add_u32(b, 0);
	end(b);
}

static void message_extension(struct bytes *b, const char *name, const char *contents)
{
	begin(b, 27);
	add_string(b, name, strlen(name));
	add(b, contents, strlen(contents));
	end(b);
}

static void message_words(struct bytes *b, uint8_t type, const char *one, const char *two)
{
	begin(b, type);
	add_string(b, one, strlen(one));
	add_string(b, two, strlen(two));
	end(b);
}

enum { MESSAGES = 12 };

static void message(struct bytes *b, int which)
{
	switch (which) {
	case 0:
		message_plain(b, 11);
		break;
	case 1:
		message_sign(b, 20);
		break;
	case 2:
		begin(b, 18);
		add_blob(b);
		end(b);
		break;
	case 3:
		message_plain(b, 9);
		break;
	case 4:
		message_plain(b, 19);
		break;
	case 5:
		message_extension(b, "query", "");
		break;
	case 6:
		message_extension(b, "session-bind@openssh.com", "not a host key");
		break;
	case 7:
		message_extension(b, "no-such-extension@example.org", "what");
		break;
	case 8:
		message_words(b, 17, "ssh-ed25519", "private");
		break;
	case 9:
		/* UNLOCK, of nothing; a whole LOCK is no attack but what it says. */
		begin(b, 23);
		add_string(b, "passphrase", 10);
		end(b);
		break;
	case 10:
		message_words(b, 26, "/usr/lib/evil.so", "pin");
		break;
	default:
		message_words(b, 25, "ssh-rsa", "private");
	}
}

void ssh_lengths(void)
{
	static const size_t closing[] = {0x80000000, 0xffffffff, FRAME_MAX + 1};
	static struct bytes b;
	int fd = dial(hostile.ssh_path), type;

	hostile.doing = "ssh: a frame of length 0";
	b.n = 0;
	add_u32(&b, 0);
	expect_failure(fd, &b);
	hostile.doing = "ssh: a frame of exactly 256 KiB";
	message_sign(&b, FRAME_MAX - 1 - 4 - strlen(hostile.blob) / 2 - 4 - 4);
	if (b.n != 4 + FRAME_MAX)
		die("the test is wrong: %zu bytes", b.n);
	expect_failure(fd, &b);
	memset(b.p + 4, 0, FRAME_MAX);
	expect_failure(fd, &b);
	close(fd);

	hostile.doing = "ssh: a frame longer than 256 KiB";
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++) {
		fd = dial(hostile.ssh_path);
		b.n = 0;
		add_u32(&b, closing[i]);
		add_u8(&b, 13);
		type = put(fd, b.p, b.n) ? answer(fd) : CLOSED;
		if (type != CLOSED)
			die("length %zu was answered with %d", closing[i], type);
		close(fd);
	}
}

/* The first k bytes and then nothing: closed, closed for sending, or silent. */
static void ssh_cut_at(const struct bytes *b, size_t k, int *silent)
{
	uint8_t byte;
	int fd = dial(hostile.ssh_path);

	put(fd, b->p, k);
	close(fd);
	fd = dial(hostile.ssh_path);
	put(fd, b->p, k);
	shutdown(fd, SHUT_WR);
	if (get(fd, &byte, 1))
		die("an answer to %zu of %zu bytes", k, b->n);
	close(fd);
	*silent = dial(hostile.ssh_path);
	put(*silent, b->p, k);
}

void ssh_cut(void)
{
	static struct bytes b, cut;
	static int silent[4 + 1 + 4 + 200 + 200];
	int fd;

	for (int i = 0; i < MESSAGES; i++) {
		hostile.doing = "ssh: a message cut by its end";
		message(&b, i);
		for (size_t k = 0; k < b.n; k++)
			ssh_cut_at(&b, k, &silent[k]);
		expect_alive();
		for (size_t k = 0; k < b.n; k++)
			close(silent[k]);
		hostile.doing = "ssh: a message cut in its frame";
		fd = dial(hostile.ssh_path);
		for (size_t k = 4; k < b.n; k++) {
			cut.n = 0;
			add(&cut, b.p, k);
			end(&cut);
			expect_failure(fd, &cut);
		}
		hostile.doing = "ssh: a message with a byte left over";
		add_u8(&b, 0);
		end(&b);
		expect_failure(fd, &b);
		close(fd);
	}
}

void ssh_types(void)
{
	static struct bytes b;
	int fd = dial(hostile.ssh_path), type;

	hostile.doing = "ssh: every type";
	for (int t = 0; t < 256; t++) {
		bool known = t == 9 || t == 11 || t == 19;

		message_plain(&b, (uint8_t)t);
		type = put(fd, b.p, b.n) ? answer(fd) : CLOSED;
		if (type == CLOSED || (type == FAILURE) == known)
			die("type %d was answered with %d", t, type);
	}
	close(fd);
}
