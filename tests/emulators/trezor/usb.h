/* SPDX-License-Identifier: MIT */
/* What the wallets say on endpoint 0 (USB 2.0 chapter 9, HID 1.11 section 7): descriptors.
 * Interface 0 is the wallet, at endpoints 0x81 and 0x01; interface 1, if there is one, its U2F
 * authenticator, at 0x83 and 0x03. Ids, classes and endpoints are those of the firmwares. */
#ifndef EMULATOR_USB_H
#define EMULATOR_USB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { USB_IN = 0x80, USB_WALLET = 1, USB_U2F = 3, USB_CONTROL_MAX = 256 };

struct usb_model {
	const char *profile, *kind; /* "trezor-one", "webusb" */
	uint16_t version, vendor, product;
	const char *manufacturer, *name; /* no name: the device's label */
	const uint8_t *report;           /* of a HID wallet; NULL: WebUSB */
	size_t report_len;
	bool u2f;
};

struct usb_setup {
	uint8_t type, request;
	uint16_t value, index, length; /* in the host's byte order */
};

/* NULL if there is no such device. */
const struct usb_model *usb_model_find(const char *profile, const char *kind);
/* Answers a request of the control endpoint: the bytes for the host, at most setup->length of them,
 * or -1 for a stall. *configured follows SET_CONFIGURATION. */
int usb_control(const struct usb_model *model, const char *serial, const char *label,
		const struct usb_setup *setup, bool *configured,
		uint8_t answer[static USB_CONTROL_MAX]);

#endif
