/* SPDX-License-Identifier: MIT */
/* What is plugged in, as sysfs has it: nothing is opened, no device is spoken to. Any thread. */
#ifndef LANYARD_USB_H
#define LANYARD_USB_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/err.h"

struct usb_id {
	uint16_t vendor, product;
	/* 0: a vendor-specific interface, for libusb. Else one of the device's hidraw nodes: the
	 * one whose report descriptor begins with this usage page. */
	uint16_t usage_page;
};

/*
 * Calls found() for each place where a device of `ids` (ends with vendor 0) is, as transport_new()
 * wants it: "usb:1-2.3/4" (the port that it is in, as the kernel's log names it, and its number on
 * that bus, which another one there does not get soon) or "hid:/dev/hidraw0". `sysfs` is "/sys".
 * ERR_OK without any USB, too.
 */
enum err usb_list(const char *sysfs, const struct usb_id *ids,
		  void (*found)(void *arg, const char *where), void *arg) MUST_CHECK;

/* "1-2.3/4" → "/dev/bus/usb/001/004". ERR_INVALID. */
enum err usb_node(char *out, size_t cap, const char *place) MUST_CHECK;

#endif
