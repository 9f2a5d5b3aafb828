/* SPDX-License-Identifier: MIT */
/* devices/trezor/wire.h and messages.h: what a wallet sends, as packets of 64 bytes. */
#include "fuzz.h"

#include "derive/encode.h"
#include "devices/trezor/messages.h"

enum { PACKETS_MAX = 1 + WIRE_MESSAGE_MAX / 63 + 1 };

struct feed {
	struct transport t;
	struct rbuf rest; /* what comes */
	size_t sent;
	uint8_t out[PACKETS_MAX * PACKET_LEN];
};

static enum err feed_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			  uint64_t deadline)
{
	struct feed *f = (struct feed *)t;

	(void)deadline;
	CHECK(f->sent + PACKET_LEN <= sizeof(f->out));
	memcpy(f->out + f->sent, packet, PACKET_LEN);
	f->sent += PACKET_LEN;
	return ERR_OK;
}

static enum err feed_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			     uint64_t deadline)
{
	struct feed *f = (struct feed *)t;
	size_t n = f->rest.n < PACKET_LEN ? f->rest.n : PACKET_LEN;

	(void)deadline;
	if (n == 0)
		return ERR_TIMEOUT;
	memset(packet, 0, PACKET_LEN);
	memcpy(packet, rbuf_bytes(&f->rest, n).p, n);
	return ERR_OK;
}

static const struct transport_ops feed_ops = {.send = feed_send, .receive = feed_receive};

static void check_word(const char *word, size_t cap)
{
	CHECK(strlen(word) < cap);
	CHECK(text_is_ascii_printable(word, strlen(word)) && !strchr(word, ' '));
}

static void check_features(const struct wire_message *m, struct arena *a)
{
	struct features f;

	if (message_read_features(m, a, &f) != ERR_OK)
		return;
	check_word(f.serial, sizeof(f.serial));
	check_word(f.label, sizeof(f.label));
	CHECK(f.label[0] != '\0');
	CHECK(text_is_ascii_printable(f.model, strlen(f.model)));
	CHECK(!f.keepkey || f.small);
}

static void check_keys(const struct wire_message *m, struct arena *a, enum curve curve)
{
	struct secret shared = {0};
	uint8_t pub[PUBLIC_KEY_LEN], sig[SIGNATURE_LEN];
	bool has_pub;

	(void)!message_read_public_key(m, a, curve, pub);
	(void)!message_read_signature(m, a, curve, pub, sig);
	if (message_read_shared(m, a, curve, pub, &has_pub, &shared) == ERR_OK)
		CHECK(shared.n == (curve == CURVE_CURVE25519 ? 32 : SHARED_MAX));
	secret_free(&shared);
}

static void check_message(const struct wire_message *m, struct arena *a)
{
	char text[40];
	uint8_t cipher[32];
	uint32_t code;

	check_features(m, a);
	if (message_read_failure(m, a, &code, text, sizeof(text)) == ERR_OK)
		fuzz_check_shown(text);
	(void)!message_read_button(m, a, &code);
	(void)!message_read_cipher(m, a, cipher);
	for (enum curve c = 0; c < CURVE_COUNT; c++)
		check_keys(m, a, c);
	CHECK(a->used == 0);
	for (size_t i = 0; i < sizeof(a->p); i++)
		CHECK(a->p[i] == 0); /* what was unpacked may be a secret */
}

/* Sent again, it is the same message. */
static void check_again(struct wire_message *m)
{
	struct feed *f = calloc(1, sizeof(*f));
	struct wire_message *again = calloc(1, sizeof(*again));

	CHECK(f && again);
	f->t.ops = &feed_ops;
	CHECK(wire_send(&f->t, m, 0) == ERR_OK);
	f->rest = rbuf_new(f->out, f->sent);
	CHECK(wire_receive(&f->t, again, 0) == ERR_OK && f->rest.n == 0);
	CHECK(again->type == m->type && again->n == m->n && !memcmp(again->p, m->p, m->n));
	f->sent = 0;
	CHECK(wire_reset(&f->t, 0) == ERR_OK && f->sent == PACKET_LEN && f->out[0] == 0);
	free(again);
	free(f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct why why;

	(void)argc;
	(void)argv;
	CHECK(secret_start(&why) == ERR_OK);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {.t = {.ops = &feed_ops}, .rest = rbuf_new(data, size)};
	struct wire_message *m = calloc(1, sizeof(*m));
	struct arena *a = calloc(1, sizeof(*a));
	enum err e;

	CHECK(m && a);
	while ((e = wire_receive(&f.t, m, 0)) != ERR_TIMEOUT) {
		CHECK(e == ERR_OK || e == ERR_DEVICE_ERROR);
		CHECK(m->n <= sizeof(m->p));
		if (e != ERR_OK)
			continue;
		check_message(m, a);
		check_again(m);
	}
	free(a);
	free(m);
	return 0;
}
