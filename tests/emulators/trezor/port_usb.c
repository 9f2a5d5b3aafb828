/* SPDX-License-Identifier: MIT */
/* A USB device on the virtual host controller of Linux (vhci_hcd), which speaks USB/IP, Linux'
 * Documentation/usb/usbip_protocol.rst, over a socket that it is given: no network, no daemon. This
 * is the peripheral's side: endpoint 0, transfers that wait, and their cancelling go on whatever
 * the firmware does; what the firmware does not read is not acknowledged. */
#include "tests/emulators/trezor/port.h"
#include "tests/emulators/trezor/usb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CMD_SUBMIT = 1,
	CMD_UNLINK = 2,
	RET_SUBMIT = 3,
	RET_UNLINK = 4,
	HEADER_WORDS = 12,
	HEADER_LEN = 4 * HEADER_WORDS,
	DATA_MAX = 4096,
	TRANSFERS = 64,
	FIFO = 256, /* packets: the longest message is one of CipheredKeyValue */
	FULL_SPEED = 2,
	VHCI_PORTS = 8,
};

static const char attach_path[] = "/sys/devices/platform/vhci_hcd.0/attach";

/* The host's, until it is answered or taken back. */
struct transfer {
	uint32_t number;
	uint8_t endpoint; /* USB_IN included */
	size_t len;       /* of data, or of the host's room */
	uint8_t data[PACKET_LEN];
};

struct port_usb {
	struct port port;
	const struct usb_model *model;
	char serial[32], label[64], name[16];
	int bus;   /* the controller's socket; -1 while detached */
	int ready; /* eventfd: an OUT transfer waits for the firmware */
	bool configured;
	struct transfer transfers[TRANSFERS]; /* in the order they came */
	size_t transfers_len;
	uint8_t fifo[FIFO][PACKET_LEN]; /* what the host has not asked for yet */
	size_t fifo_len;
};

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void answer(struct port_usb *usb, uint32_t command, uint32_t number, int status,
		   size_t actual, const void *data, size_t data_len)
{
	uint8_t message[HEADER_LEN + USB_CONTROL_MAX] = {0};
	const uint32_t words[] = {command, number, 0, 0, 0, (uint32_t)status, (uint32_t)actual};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t j = 0; j < 4; j++)
			message[4 * i + j] = (uint8_t)(words[i] >> (24 - 8 * j));
	if (data_len)
		memcpy(message + HEADER_LEN, data, data_len);
	/* A host that has gone is seen where it is read from. */
	(void)!send(usb->bus, message, HEADER_LEN + data_len, MSG_NOSIGNAL);
}

/* As on many a host controller: what waits fails with another error before the device is gone. */
static void usb_detach(struct port *port)
{
	struct port_usb *usb = (struct port_usb *)port;
	uint64_t count;

	for (size_t i = 0; usb->bus >= 0 && i < usb->transfers_len; i++)
		answer(usb, RET_SUBMIT, usb->transfers[i].number, -EPROTO, 0, NULL, 0);
	if (usb->bus >= 0)
		close(usb->bus);
	usb->bus = -1;
	usb->configured = false;
	usb->transfers_len = usb->fifo_len = 0;
	(void)!read(usb->ready, &count, sizeof(count));
}

/* The first that waits at an endpoint; NULL if none does. */
static struct transfer *waiting(struct port_usb *usb, uint8_t endpoint)
{
	for (size_t i = 0; i < usb->transfers_len; i++)
		if (usb->transfers[i].endpoint == endpoint)
			return &usb->transfers[i];
	return NULL;
}

static void drop(struct port_usb *usb, struct transfer *transfer)
{
	size_t after = usb->transfers_len - (size_t)(transfer - usb->transfers) - 1;
	uint64_t count;

	memmove(transfer, transfer + 1, after * sizeof(*transfer));
	usb->transfers_len--;
	if (!waiting(usb, USB_WALLET))
		(void)!read(usb->ready, &count, sizeof(count));
}

/* Gives the host what it asks for, as far as both are there. */
static void deliver(struct port_usb *usb)
{
	struct transfer *transfer;

	while (usb->fifo_len > 0 && (transfer = waiting(usb, USB_IN | USB_WALLET))) {
		if (transfer->len < PACKET_LEN)
			answer(usb, RET_SUBMIT, transfer->number, -EOVERFLOW, 0, NULL, 0);
		else
			answer(usb, RET_SUBMIT, transfer->number, 0, PACKET_LEN, usb->fifo[0],
			       PACKET_LEN);
		drop(usb, transfer);
		usb->fifo_len--;
		memmove(usb->fifo[0], usb->fifo[1], usb->fifo_len * PACKET_LEN);
	}
}

static void control(struct port_usb *usb, uint32_t number, bool in, const uint8_t raw[static 8])
{
	const struct usb_setup setup = {
		.type = raw[0],
		.request = raw[1],
		.value = (uint16_t)(raw[2] | raw[3] << 8),
		.index = (uint16_t)(raw[4] | raw[5] << 8),
		.length = (uint16_t)(raw[6] | raw[7] << 8),
	};
	uint8_t data[USB_CONTROL_MAX] = {0};
	int len = usb_control(usb->model, usb->serial, usb->label, &setup, &usb->configured, data);

	if (len < 0 || in != (setup.type >= 0x80))
		answer(usb, RET_SUBMIT, number, -EPIPE, 0, NULL, 0);
	else
		answer(usb, RET_SUBMIT, number, 0, (size_t)len, data, (size_t)len);
}

static void submit(struct port_usb *usb, const uint8_t *header, const uint8_t *data, size_t len)
{
	struct transfer *transfer = &usb->transfers[usb->transfers_len];
	bool in = word(header + 12) == 1;
	uint32_t number = word(header + 4), endpoint = word(header + 16);
	bool wallet = endpoint == USB_WALLET, u2f = usb->model->u2f && endpoint == USB_U2F;
	uint64_t one = 1;

	if (endpoint == 0) {
		control(usb, number, in, header + 40);
	} else if (!usb->configured || (!wallet && !u2f)) {
		fprintf(stderr, "trezor: a transfer for endpoint %u\n", endpoint);
		answer(usb, RET_SUBMIT, number, -EPIPE, 0, NULL, 0);
	} else if (!in && (u2f || len != PACKET_LEN)) {
		/* The firmwares drop other sizes without a word. Nobody asks the authenticator. */
		fprintf(stderr, "trezor: %zu bytes dropped at endpoint %u\n", len, endpoint);
		answer(usb, RET_SUBMIT, number, 0, len, NULL, 0);
	} else if (usb->transfers_len == TRANSFERS) {
		fprintf(stderr, "trezor: more than %d transfers at once\n", TRANSFERS);
		abort();
	} else {
		*transfer = (struct transfer){
			.number = number,
			.endpoint = (uint8_t)((in ? USB_IN : 0) | endpoint),
			.len = len,
		};
		if (!in)
			memcpy(transfer->data, data, PACKET_LEN);
		usb->transfers_len++;
		if (!in && !write(usb->ready, &one, sizeof(one)))
			abort();
		deliver(usb);
	}
}

/* A transfer that was answered already is not cancelled, and the host knows by the 0. */
static void take_back(struct port_usb *usb, uint32_t number, uint32_t which)
{
	for (size_t i = 0; i < usb->transfers_len; i++) {
		if (usb->transfers[i].number == which) {
			drop(usb, &usb->transfers[i]);
			answer(usb, RET_UNLINK, number, -ECONNRESET, 0, NULL, 0);
			return;
		}
	}
	answer(usb, RET_UNLINK, number, 0, 0, NULL, 0);
}

static void usb_serve(struct port *port)
{
	struct port_usb *usb = (struct port_usb *)port;
	uint8_t header[HEADER_LEN], data[DATA_MAX];
	size_t len;
	bool out;

	if (recv(usb->bus, header, sizeof(header), MSG_WAITALL) != sizeof(header)) {
		usb_detach(port); /* the host has ended it */
		return;
	}
	switch (word(header)) {
	case CMD_SUBMIT:
		len = word(header + 24);
		out = word(header + 12) == 0;
		if (out && len > 0 &&
		    (len > sizeof(data) ||
		     recv(usb->bus, data, len, MSG_WAITALL) != (ssize_t)len)) {
			fprintf(stderr, "trezor: %zu bytes in one transfer\n", len);
			usb_detach(port);
			return;
		}
		submit(usb, header, data, len);
		return;
	case CMD_UNLINK:
		take_back(usb, word(header + 4), word(header + 20));
		return;
	}
	fprintf(stderr, "trezor: USB/IP command %u\n", word(header));
	usb_detach(port);
}

/* The controller's first free port. */
static bool give(struct port_usb *usb, int file, int theirs)
{
	char line[64];

	for (int i = 0; i < VHCI_PORTS; i++) {
		int n = snprintf(line, sizeof(line), "%d %d %d %d", i, theirs, i + 1, FULL_SPEED);

		if (write(file, line, (size_t)n) == n) {
			snprintf(usb->name, sizeof(usb->name), "usb%d", i);
			return true;
		}
		if (errno != EBUSY)
			break;
	}
	return false;
}

static bool usb_attach(struct port *port)
{
	struct port_usb *usb = (struct port_usb *)port;
	int ends[2] = {-1, -1}, file = open(attach_path, O_WRONLY | O_CLOEXEC);
	bool there = file >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
		     give(usb, file, ends[1]);

	if (!there)
		fprintf(stderr, "trezor: cannot attach to %s: %s (modprobe vhci_hcd, as root)\n",
			attach_path, strerror(errno));
	if (file >= 0)
		close(file);
	if (ends[1] >= 0)
		close(ends[1]); /* the kernel has its own */
	if (ends[0] >= 0 && !there)
		close(ends[0]);
	else
		usb->bus = ends[0];
	return there;
}

static int usb_fd(const struct port *port)
{
	const struct port_usb *usb = (const struct port_usb *)port;

	return usb->bus < 0 ? -1 : usb->ready;
}

static int usb_bus(const struct port *port)
{
	return ((const struct port_usb *)port)->bus;
}

static size_t usb_recv(struct port *port, uint8_t packet[static PACKET_LEN])
{
	struct port_usb *usb = (struct port_usb *)port;
	struct transfer *transfer = waiting(usb, USB_WALLET);

	if (!transfer)
		return 0;
	memcpy(packet, transfer->data, PACKET_LEN);
	answer(usb, RET_SUBMIT, transfer->number, 0, PACKET_LEN, NULL, 0);
	drop(usb, transfer);
	return PACKET_LEN;
}

static void usb_send(struct port *port, const uint8_t packet[static PACKET_LEN])
{
	struct port_usb *usb = (struct port_usb *)port;

	if (usb->bus < 0)
		return;
	if (usb->fifo_len == FIFO) {
		fprintf(stderr, "trezor: the host has not read %d packets\n", FIFO);
		abort();
	}
	memcpy(usb->fifo[usb->fifo_len++], packet, PACKET_LEN);
	deliver(usb);
}

static const char *usb_name(struct port *port)
{
	return ((struct port_usb *)port)->name;
}

static void usb_close(struct port *port)
{
	usb_detach(port);
	close(((struct port_usb *)port)->ready);
	free(port);
}

static const struct port_ops usb_ops = {
	.attach = usb_attach,
	.detach = usb_detach,
	.fd = usb_fd,
	.bus = usb_bus,
	.serve = usb_serve,
	.recv = usb_recv,
	.send = usb_send,
	.name = usb_name,
	.close = usb_close,
};

struct port *port_usb_open(const char *profile, const char *kind, const char *serial,
			   const char *label)
{
	const struct usb_model *model = usb_model_find(profile, kind);
	struct port_usb *usb = calloc(1, sizeof(*usb));

	if (!usb)
		abort();
	if (!model) {
		fprintf(stderr, "trezor: there is no %s with USB '%s'\n", profile, kind);
		free(usb);
		return NULL;
	}
	usb->port.ops = &usb_ops;
	usb->model = model;
	usb->bus = -1;
	usb->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(usb->serial, sizeof(usb->serial), "%s", serial);
	snprintf(usb->label, sizeof(usb->label), "%s", label);
	return &usb->port;
}
