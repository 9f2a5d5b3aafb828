/* SPDX-License-Identifier: MIT */
/*
 * Codec v1 of Trezor and KeepKey: a message in 64-byte packets, one message at a time each way.
 *
 * First packet: 3F 23 23, type (BE16), length (BE32), 55 bytes of the message; each next: 3F and 63
 * bytes; zeros up to 64. Pure but for the transport; worker.
 */
#ifndef LANYARD_TREZOR_WIRE_H
#define LANYARD_TREZOR_WIRE_H

#include "devices/transport.h"

enum { WIRE_MESSAGE_MAX = 4096 }; /* the longest that we send or take */

/* In locked memory: it may be a secret. */
struct wire_message {
	uint16_t type;
	size_t n;
	uint8_t p[WIRE_MESSAGE_MAX];
	uint8_t packet[PACKET_LEN]; /* the codec's own */
};

enum err wire_send(struct transport *t, struct wire_message *m, uint64_t deadline) MUST_CHECK;
/* ERR_DEVICE_ERROR for a packet out of place or a message longer than WIRE_MESSAGE_MAX, at once. */
enum err wire_receive(struct transport *t, struct wire_message *m, uint64_t deadline) MUST_CHECK;
/* A packet of zeros: a device that waits for the rest of a message forgets it. */
enum err wire_reset(struct transport *t, uint64_t deadline) MUST_CHECK;

#endif
