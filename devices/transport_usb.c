/* SPDX-License-Identifier: MIT */
/*
 * A wallet's vendor-specific interface, by libusb: one transfer a packet, waited for in poll(2)
 * beside the wake-up. libusb gets a node that we have opened, and looks for no devices itself: so
 * it has no thread of its own. Node and interface are ours for a flow only: other programs have
 * their turns between, and a right that was taken away is not used any longer.
 */
#include "devices/transport_usb.h"

#include <libusb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/node.h"
#include "devices/transport.h"
#include "devices/usb.h"

struct usb {
	struct transport t;
	char node[NODE_PATH_MAX + 1];
	struct usb_interface interface;
	/* Of a flow. */
	int fd;
	libusb_context *context;
	libusb_device_handle *handle;
	struct libusb_transfer *transfer;
	bool claimed;
};

/* ---- the interface ---- */

static bool is_whole(const struct libusb_endpoint_descriptor *e)
{
	return (e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) == LIBUSB_TRANSFER_TYPE_INTERRUPT &&
	       e->wMaxPacketSize == PACKET_LEN;
}

enum err usb_choose(const struct libusb_config_descriptor *config, struct usb_interface *out)
{
	for (uint8_t i = 0; i < config->bNumInterfaces; i++) {
		const struct libusb_interface *interface = &config->interface[i];
		if (interface->num_altsetting < 1 ||
		    interface->altsetting[0].bInterfaceClass != LIBUSB_CLASS_VENDOR_SPEC)
			continue;
		const struct libusb_interface_descriptor *d = &interface->altsetting[0];
		*out = (struct usb_interface){.number = d->bInterfaceNumber};
		for (uint8_t k = 0; k < d->bNumEndpoints; k++) {
			uint8_t address = d->endpoint[k].bEndpointAddress;
			uint8_t *to = address & LIBUSB_ENDPOINT_IN ? &out->in : &out->out;
			if (!*to && is_whole(&d->endpoint[k]))
				*to = address;
		}
		if (out->in && out->out)
			return ERR_OK;
	}
	return ERR_UNSUPPORTED;
}

static enum err usb_error(struct usb *u, int status, struct why *why)
{
	switch (status) {
	case LIBUSB_ERROR_NO_DEVICE:
	case LIBUSB_ERROR_NOT_FOUND: /* no such interface any more: it is being reset */
		return ERR_DEVICE_GONE;
	case LIBUSB_ERROR_NO_MEM:
		return ERR_NO_MEMORY;
	case LIBUSB_ERROR_BUSY:
		return ERR_DEVICE_BUSY;
	default:
		return why_set(why, ERR_IO, "%s: %s", u->node, libusb_strerror(status));
	}
}

static enum err usb_open(struct usb *u, struct why *why)
{
	struct libusb_config_descriptor *config = NULL;
	enum err e = node_open(&u->fd, u->node, why);

	if (e)
		return e;
	/* Before libusb_init(), which else would start a thread and look at every device. */
	int status = libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	if (!status)
		status = libusb_init(&u->context);
	if (!status)
		status = libusb_wrap_sys_device(u->context, u->fd, &u->handle);
	if (!status)
		status = libusb_get_active_config_descriptor(libusb_get_device(u->handle), &config);
	if (status)
		return usb_error(u, status, why);
	e = usb_choose(config, &u->interface);
	libusb_free_config_descriptor(config);
	if (e)
		return why_set(why, e, "%s has no interface of a wallet", u->node);
	u->transfer = libusb_alloc_transfer(0);
	return u->transfer ? ERR_OK : ERR_NO_MEMORY;
}

static enum err usb_take(struct transport *t, struct why *why)
{
	struct usb *u = (struct usb *)t;
	int status = libusb_claim_interface(u->handle, u->interface.number);

	u->claimed = status == 0;
	return u->claimed ? ERR_OK : usb_error(u, status, why);
}

static enum err usb_claim(struct transport *t, struct why *why)
{
	struct usb *u = (struct usb *)t;
	enum err e = usb_open(u, why);

	return e ? e : transport_take(t, u->node, usb_take, why);
}

static void usb_release(struct transport *t)
{
	struct usb *u = (struct usb *)t;

	libusb_free_transfer(u->transfer);
	if (u->claimed)
		libusb_release_interface(u->handle, u->interface.number);
	if (u->handle)
		libusb_close(u->handle);
	if (u->context)
		libusb_exit(u->context);
	if (u->fd >= 0)
		close(u->fd);
	u->transfer = NULL;
	u->claimed = false;
	u->handle = NULL;
	u->context = NULL;
	u->fd = -1;
}

/* ---- packets ---- */

static void on_transfer(struct libusb_transfer *transfer)
{
	*(int *)transfer->user_data = 1;
}

/* Handles what has happened, without waiting. */
static int usb_handle(struct usb *u, int *done)
{
	struct timeval now = {0};
	return libusb_handle_events_timeout_completed(u->context, &now, done);
}

/* Until the kernel has let go of it: it does so at once. */
static void usb_take_back(struct usb *u, int *done)
{
	while (!*done) {
		libusb_cancel_transfer(u->transfer);
		libusb_handle_events_completed(u->context, done);
	}
}

static enum err transfer_error(struct usb *u, uint8_t endpoint)
{
	switch (u->transfer->status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return ERR_OK;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return ERR_DEVICE_GONE;
	case LIBUSB_TRANSFER_STALL:
		(void)libusb_clear_halt(u->handle, endpoint); /* for the next flow */
		return transport_failed(&u->t, u->fd);
	default:
		return transport_failed(&u->t, u->fd);
	}
}

/* One packet; *n is what has gone. The node is ready for writing when a transfer has ended, and in
 * error when the device has gone. */
static enum err usb_packet(struct usb *u, uint8_t endpoint, uint8_t *p, int *n, uint64_t deadline)
{
	int done = 0, status;
	enum err e = ERR_OK;

	libusb_fill_interrupt_transfer(u->transfer, u->handle, endpoint, p, PACKET_LEN, on_transfer,
				       &done, 0);
	status = libusb_submit_transfer(u->transfer);
	if (status) {
		e = usb_error(u, status, NULL);
		return e == ERR_IO ? transport_failed(&u->t, u->fd) : e;
	}
	while (!e && !done) {
		e = transport_wait(&u->t, u->fd, POLLOUT, deadline);
		status = e ? 0 : usb_handle(u, &done);
		if (status && status != LIBUSB_ERROR_INTERRUPTED)
			e = usb_error(u, status, NULL);
	}
	usb_take_back(u, &done);
	*n = u->transfer->actual_length;
	/* It may have ended just before it was taken back. */
	if (!e || u->transfer->status == LIBUSB_TRANSFER_COMPLETED)
		e = transfer_error(u, endpoint);
	return e;
}

static enum err usb_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			 uint64_t deadline)
{
	struct usb *u = (struct usb *)t;
	int n;
	/* libusb only reads what goes out. */
	enum err e = usb_packet(u, u->interface.out, (uint8_t *)packet, &n, deadline);

	return !e && n != PACKET_LEN ? ERR_IO : e;
}

static enum err usb_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			    uint64_t deadline)
{
	struct usb *u = (struct usb *)t;
	int n;
	enum err e = usb_packet(u, u->interface.in, packet, &n, deadline);

	if (!e && n != PACKET_LEN)
		memset(packet, 0, PACKET_LEN);
	return e;
}

static void usb_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops usb_ops = {
	.claim = usb_claim,
	.release = usb_release,
	.send = usb_send,
	.receive = usb_receive,
	.free = usb_free,
};

enum err transport_usb_new(struct transport **out, const char *place, struct why *why)
{
	struct usb *u = calloc(1, sizeof(*u));
	if (!u)
		return ERR_NO_MEMORY;
	u->fd = -1;
	enum err e = usb_node(u->node, sizeof(u->node), place);
	if (e)
		e = why_set(why, e, "usb:%s is no place of a USB device", place);
	else
		e = transport_init(&u->t, &usb_ops);
	if (e)
		free(u);
	else
		*out = &u->t;
	return e;
}
