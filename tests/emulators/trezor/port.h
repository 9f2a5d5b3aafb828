/* SPDX-License-Identifier: MIT */
/* How packets reach the emulator: UDP datagrams, or transfers of a USB device. */
#ifndef EMULATOR_PORT_H
#define EMULATOR_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_LEN = 64 };

struct port;

struct port_ops {
	/* Appears on the host; false with a message on stderr if it cannot. */
	bool (*attach)(struct port *port);
	/* Disappears from the host. */
	void (*detach)(struct port *port);
	/* A descriptor that polls readable when recv has something, or -1 while detached. */
	int (*fd)(const struct port *port);
	/* Optional, for what goes on whether the firmware listens or not: a descriptor, or -1 while
	 * detached, and what to do when it polls readable. */
	int (*bus)(const struct port *port);
	void (*serve)(struct port *port);
	/* One packet: its length, 0 if there was none after all. */
	size_t (*recv)(struct port *port, uint8_t packet[static PACKET_LEN]);
	void (*send)(struct port *port, const uint8_t packet[static PACKET_LEN]);
	/* Where the host finds it, in one word ("21324"). */
	const char *(*name)(struct port *port);
	void (*close)(struct port *port);
};

struct port {
	const struct port_ops *ops;
};

/* 127.0.0.1 only; number 0 lets the kernel choose, once: it stays the same after a detach. */
struct port *port_udp_open(uint16_t number);
/* A full-speed device on vhci_hcd, which must be loaded; root only. kind: "webusb" or "hid"
 * firmware, or "hid-v1". NULL with a message if that profile was never like that. */
struct port *port_usb_open(const char *profile, const char *kind, const char *serial,
			   const char *label);

#endif
