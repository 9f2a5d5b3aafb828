/* SPDX-License-Identifier: MIT */
/* Which of a device's interfaces is spoken to. Pure. */
#ifndef LANYARD_TRANSPORT_USB_H
#define LANYARD_TRANSPORT_USB_H

#include <stdint.h>

#include "protocol/err.h"

struct libusb_config_descriptor;

struct usb_interface {
	uint8_t number, in, out; /* endpoint addresses */
};

/* The first interface, as it is before anybody chooses another setting, that is vendor-specific
 * and has an interrupt endpoint for whole packets each way: those after it are for debugging.
 * ERR_UNSUPPORTED. */
enum err usb_choose(const struct libusb_config_descriptor *config,
		    struct usb_interface *out) MUST_CHECK;

#endif
