/* SPDX-License-Identifier: MIT */
/* Lines of the line protocol. */
#include "tests/e2e/hostile.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 256 * 1024, ANSWERS_MAX = 1024 * 1024 };

struct bytes {
	char p[REQUEST_MAX];
	size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
	if (b->n + n > sizeof(b->p))
		die("the test's buffer is too small");
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

/* Sends while it reads, until the other side closes; what came is a string. */
static void exchange(int fd, const void *p, size_t n, char *out, size_t cap)
{
	size_t sent = 0, got = 0;

	for (;;) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		ssize_t k;

		if (sent < n)
			poller.events |= POLLOUT;
		if (poll(&poller, 1, WAIT_MS) <= 0)
			die("neither an answer nor an end in %d s", WAIT_MS / 1000);
		if (sent < n && (poller.revents & POLLOUT) != 0) {
			k = send(fd, (const uint8_t *)p + sent, n - sent, MSG_NOSIGNAL);
			/* What has come is still there to read. */
			sent = k < 0 && errno != EAGAIN ? n : sent + (k > 0 ? (size_t)k : 0);
		}
		if ((poller.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		if (got + 1 >= cap)
			die("more than %zu bytes of answers", cap);
		k = recv(fd, out + got, cap - 1 - got, 0);
		if (k < 0 && errno == EAGAIN)
			continue;
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	out[got] = '\0';
	close(fd);
}

/* Every line of answers is one of the protocol's, printable. */
static void check_lines(char *text)
{
	static const char *const kinds[] = {"OK", "ERR ", "S ", "D ", "# ", "INQUIRE "};

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		bool known = false;

		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			known = known || strncmp(line, kinds[i], strlen(kinds[i])) == 0;
		for (char *c = line; *c != '\0'; c++)
			known = known && ((unsigned char)*c >= ' ' && *c != 0x7f);
		if (!known || strlen(line) > 1000)
			die("it answered '%s'", line);
	}
}

/* Sends bytes, then BYE; the agent must say `want`, and closes before BYE when `ends`. */
static void line_case(const char *name, const void *p, size_t n, const char *want, bool ends)
{
	static char out[ANSWERS_MAX];
	static struct bytes b;
	size_t len;

	hostile.doing = name;
	b.n = 0;
	add(&b, p, n);
	if (!ends)
		add(&b, "\nBYE\n", 5);
	exchange(dial(hostile.line_path), b.p, b.n, out, sizeof(out));
	len = strlen(out);
	if (strstr(out, want) == NULL)
		die("it answered '%s', not '%s'", out, want);
	if (!ends && (len < 4 || strcmp(out + len - 4, "\nOK\n") != 0))
		die("no answer to the next command: '%s'", out);
	check_lines(out);
}

#define LINE(name, text, want, ends) line_case(name, text, sizeof(text) - 1, want, ends)

void lines(void)
{
	static char pad[200 * 1024];

	memset(pad, '#', sizeof(pad));
	line_case("1000 bytes", pad, 1000, "OK", false);
	line_case("1001 bytes", pad, 1001, " too-large: ", false);
	pad[1001] = '\r';
	line_case("1002 bytes", pad, 1002, " too-large: ", true);
	memset(pad, 'x', sizeof(pad));
	line_case("16 KiB without LF", pad, 16 * 1024, " too-large: ", true);
	line_case("200 KiB without LF", pad, sizeof(pad), " too-large: ", true);
	LINE("CR within a line", "STA\rTUS", " syntax: ", false);
	LINE("CR in front", "\rSTATUS", " syntax: ", false);
	LINE("CR for LF", "STATUS\rSTATUS\r", " syntax: ", false);
	LINE("NUL", "\0", " syntax: ", false);
	LINE("NUL at the end", "STATUS\0", " syntax: ", false);
	LINE("encoded NUL", "PUBKEY ssh://a%00b", " syntax: ", false);
	LINE("half an escape", "PUBKEY ssh://a%4", " syntax: ", false);
	LINE("no verb", "=/?", " syntax: ", false);
	LINE("high bytes", "\xff\xfe\x9b", " syntax: ", false);
	LINE("D without INQUIRE", "D abc", " unknown-command: ", false);
	LINE("END without INQUIRE", "END", " unknown-command: ", false);
	LINE("seventeen words", "DEVICE 1 2 3 4 5 6 7 8 9 a b c d e f g h", " syntax: ", false);
	LINE("option twice", "PUBKEY --index=1 --index=1 ssh://a@b", " syntax: ", false);
	LINE("index over 2^32", "PUBKEY --index=4294967296 ssh://a@b", " invalid: ", false);
	LINE("command for data", "SIGN age://x\nSTATUS\n", " syntax: ", true);
	LINE("CR in data", "SIGN age://x\nD a\rb\n", " syntax: ", true);
	LINE("bad escape in data", "SIGN age://x\nD %zz\n", " syntax: ", true);
	LINE("too much data",
	     "ECDH age://x\nD 01234567890123456789012345678901234567890123456789"
	     "0123456789012345\n",
	     " too-large: ", true);
}

/* Reproducible bytes that mean nothing; every now and then a line of a real command. */
void line_garbage(void)
{
	static char out[ANSWERS_MAX];
	static struct bytes b;
	uint32_t x = 2463534242;

	hostile.doing = "binary garbage";
	for (int round = 0; round < 64; round++) {
		b.n = 0;
		while (b.n < 4096) {
			x ^= x << 13, x ^= x >> 17, x ^= x << 5;
			if (x % 97 == 0)
				add(&b, "\nSIGN age://x\n", 14);
			add(&b, &(char){(char)(x >> 8)}, 1);
		}
		add(&b, "\nCAN\nBYE\n", 9);
		exchange(dial(hostile.line_path), b.p, b.n, out, sizeof(out));
		check_lines(out);
	}
}
