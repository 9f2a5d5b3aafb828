/* SPDX-License-Identifier: MIT */
/*
 * The ssh-agent protocol (RFC 9987) for the benchmark: its own codec, so that what is measured does
 * not also measure itself. Blocking; every failure ends the program with a message.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_MAX = 64 * 1024, WIRE_BLOB_MAX = 256 };
enum { WIRE_FAILURE = 5, WIRE_LIST = 11, WIRE_KEYS = 12, WIRE_SIGN = 13, WIRE_SIGNATURE = 14 };
enum wire_type { WIRE_ED25519, WIRE_NISTP256, WIRE_TYPES };

/* Big-endian fields into a buffer of the caller's that is large enough. */
struct put {
	uint8_t *p;
	size_t n, room;
};
void put_u8(struct put *w, uint8_t v);
void put_u32(struct put *w, uint32_t v);
void put_string(struct put *w, const void *p, size_t n);
void put_text(struct put *w, const char *text);
size_t put_open(struct put *w); /* a length that put_close() fills in */
void put_close(struct put *w, size_t mark);

/* Fields of a message; a read past its end sets `bad` and gives zeros. */
struct get {
	const uint8_t *p;
	size_t n;
	bool bad;
};
uint8_t get_u8(struct get *r);
uint32_t get_u32(struct get *r);
struct get get_string(struct get *r);
bool get_is(const struct get *r, const char *text);

void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
uint64_t now_ns(void);

const char *wire_name(enum wire_type type);
enum wire_type wire_type_of(const char *name);

int wire_dial(const char *path); /* -1: nobody listens */
/* The whole answer with its length in front is in `answer`; returns its bytes, 0 when the other
 * side closed. */
size_t wire_call(int fd, const struct put *request, uint8_t answer[static WIRE_MAX]);

/* Whole requests, lengths in front. */
void wire_put_list(struct put *w);
/* What sshd has a client sign: user "bench", a fixed session, this key. */
void wire_put_sign(struct put *w, enum wire_type type, const uint8_t *key, size_t n);

/* Of an answer to a listing: how many keys, and the first of this type (*n 0: none). */
uint32_t wire_find_key(const uint8_t *answer, size_t len, enum wire_type type,
		       uint8_t key[static WIRE_BLOB_MAX], size_t *n);
/* Dies unless the answer to this sign request is a signature that libcrypto verifies. */
void wire_check(enum wire_type type, const struct put *request, const uint8_t *answer, size_t len);

#endif
