/* SPDX-License-Identifier: MIT */
/*
 * Packets to and from a device: what a driver on its worker speaks through, over USB (libusb,
 * hidraw), or UDP to an emulator.
 *
 * Deadlines are transport_now() times; a driver gives all packets of one exchange the same, so that
 * a device which sends a packet now and then cannot stretch it. Errors everywhere: ERR_TIMEOUT;
 * ERR_CANCELED after transport_abort(); ERR_DEVICE_GONE when there is nothing at the other end any
 * more; ERR_IO, ERR_DEVICE_BUSY, ERR_PERMISSION with what to do in `why`.
 */
#ifndef LANYARD_TRANSPORT_H
#define LANYARD_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

enum { PACKET_LEN = 64 };

struct transport;

struct transport_ops {
	/* A flow begins: what others sent or asked before is not seen. release() ends it; nothing
	 * is sent or received outside. */
	enum err (*claim)(struct transport *t, struct why *why);
	void (*release)(struct transport *t);
	/* ERR_OK when something answers there; disturbs no flow. NULL: claim() tells. */
	enum err (*alive)(struct transport *t, uint64_t deadline);
	enum err (*send)(struct transport *t, const uint8_t packet[static PACKET_LEN],
			 uint64_t deadline);
	/* A packet of another size comes as one of zeros. */
	enum err (*receive)(struct transport *t, uint8_t packet[static PACKET_LEN],
			    uint64_t deadline);
	void (*free)(struct transport *t); /* released already */
};

/* The first member of each transport's own struct. */
struct transport {
	const struct transport_ops *ops;
	int wake; /* eventfd: readable from transport_abort() to transport_rearm() */
};

/* `where` as in device_info: "usb:1-2.3/4", "hid:/dev/hidraw0" (devices/usb.h) or
 * "udp:127.0.0.1:21324". Nothing is opened or sent. */
enum err transport_new(struct transport **out, const char *where, struct why *why) MUST_CHECK;
void transport_free(struct transport *t); /* NULL is fine */

/* Any thread, never blocks: what waits, and all that would wait, ends with ERR_CANCELED … */
void transport_abort(struct transport *t);
/* … until this. */
void transport_rearm(struct transport *t);

uint64_t transport_now(void); /* milliseconds, monotonic */

/* For transports. transport_init() makes what is common. */
enum err transport_init(struct transport *t, const struct transport_ops *ops) MUST_CHECK;
/* Until `fd` has one of poll(2)'s `events`. */
enum err transport_wait(struct transport *t, int fd, short events, uint64_t deadline) MUST_CHECK;

/* After an error on `fd`, a node's: ERR_DEVICE_GONE when the device goes within half a second, for
 * many a host controller tells of one that was pulled out by another error first. Else ERR_IO. */
enum err transport_failed(struct transport *t, int fd) MUST_CHECK;

/* take() until it is not ERR_DEVICE_BUSY, for a second: other programs have their turns too. Then
 * it is ERR_DEVICE_BUSY, with who has `node`. */
enum err transport_take(struct transport *t, const char *node,
			enum err (*take)(struct transport *t, struct why *why),
			struct why *why) MUST_CHECK;

/* The part of `where` after the colon. */
enum err transport_usb_new(struct transport **out, const char *place, struct why *why) MUST_CHECK;
enum err transport_hidraw_new(struct transport **out, const char *node, struct why *why) MUST_CHECK;
enum err transport_udp_new(struct transport **out, const char *address, struct why *why) MUST_CHECK;

#endif
