/* SPDX-License-Identifier: MIT */
/* Every message that real firmware exchanged, through the driver's codec: taken apart and put
 * together again it is the same packets. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "devices/trezor/wire.h"

enum { LINES_MAX = 2000, HEADER_LEN = 9 };

static struct line {
	char direction; /* '>' or '<'; 0: something else */
	uint8_t packet[PACKET_LEN];
} lines[LINES_MAX];

struct tape {
	struct transport t;
	unsigned at, sent;
	uint8_t out[1 + WIRE_MESSAGE_MAX / (PACKET_LEN - 1) + 1][PACKET_LEN];
};

static enum err tape_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			  uint64_t deadline)
{
	struct tape *tape = (struct tape *)t;

	(void)deadline;
	memcpy(tape->out[tape->sent++], packet, PACKET_LEN);
	return ERR_OK;
}

static enum err tape_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			     uint64_t deadline)
{
	struct tape *tape = (struct tape *)t;

	(void)deadline;
	memcpy(packet, lines[tape->at++].packet, PACKET_LEN);
	return ERR_OK;
}

static const struct transport_ops tape_ops = {.send = tape_send, .receive = tape_receive};

/* The lines of whole packets, in their order. */
static unsigned read_lines(const char *path)
{
	char text[400];
	unsigned count = 0;
	FILE *f = fopen(path, "r");

	cr_assert(f, "%s", path);
	while (fgets(text, sizeof(text), f)) {
		struct line *l = &lines[count++];
		size_t n;

		cr_assert_lt(count, LINES_MAX);
		*l = (struct line){0};
		text[strcspn(text, "\n")] = '\0';
		if ((text[0] == '>' || text[0] == '<') && text[1] == ' ' &&
		    !hex_decode(l->packet, PACKET_LEN, &n, text + 2, strlen(text + 2)))
			l->direction = text[0];
	}
	fclose(f);
	return count;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* How many packets the message has that begins here; 0: none does, not all of it is there, or
 * something else is behind it. */
static unsigned packets_of(unsigned at, unsigned count)
{
	const uint8_t *p = lines[at].packet;
	uint32_t n = be32(p + 5);

	if (!lines[at].direction || memcmp(p, "?##", 3) || n > WIRE_MESSAGE_MAX)
		return 0;
	unsigned need = n <= PACKET_LEN - HEADER_LEN
				? 1
				: 1 + (n - (PACKET_LEN - HEADER_LEN) + PACKET_LEN - 2) /
						  (PACKET_LEN - 1);
	for (unsigned i = 1; i < need; i++)
		if (at + i >= count || lines[at + i].direction != lines[at].direction ||
		    lines[at + i].packet[0] != '?')
			return 0;
	size_t used = HEADER_LEN + n + need - 1, rest = need * PACKET_LEN - used;
	for (size_t i = PACKET_LEN - rest; i < PACKET_LEN; i++)
		if (lines[at + need - 1].packet[i])
			return 0;
	return need;
}

static void check(const char *path, unsigned least)
{
	struct wire_message *m = calloc(1, sizeof(*m));
	struct tape *tape = calloc(1, sizeof(*tape));
	unsigned count = read_lines(path), messages = 0;

	cr_assert(m && tape);
	tape->t.ops = &tape_ops;
	for (unsigned at = 0; at < count; at++) {
		unsigned packets = packets_of(at, count);
		if (!packets)
			continue;
		tape->at = at;
		tape->sent = 0;
		cr_assert_eq(wire_receive(&tape->t, m, 0), ERR_OK, "%s:%u", path, at + 1);
		cr_assert_eq(tape->at - at, packets, "%s:%u", path, at + 1);
		cr_assert_eq(wire_send(&tape->t, m, 0), ERR_OK);
		cr_assert_eq(tape->sent, packets, "%s:%u", path, at + 1);
		for (unsigned i = 0; i < packets; i++)
			cr_assert_arr_eq(tape->out[i], lines[at + i].packet, PACKET_LEN, "%s:%u",
					 path, at + i + 1);
		messages++;
		at += packets - 1;
	}
	cr_assert_geq(messages, least, "only %u messages in %s", messages, path);
	free(tape);
	free(m);
}

Test(trezor_wire, captures)
{
	check("tests/vectors/trezor_wire.txt", 98);
	check("tests/vectors/keepkey_wire.txt", 400);
}
