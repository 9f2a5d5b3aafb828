/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/usb.h"

#include <string.h>

enum {
	TO_HOST = 0x80,
	DEVICE = 0,
	INTERFACE = 1,
	ENDPOINT = 2,
	GET_STATUS = 0,
	CLEAR_FEATURE = 1,
	GET_DESCRIPTOR = 6,
	GET_CONFIGURATION = 8,
	SET_CONFIGURATION = 9,
	GET_INTERFACE = 10,
	SET_INTERFACE = 11,
	DT_DEVICE = 1,
	DT_CONFIGURATION = 2,
	DT_STRING = 3,
	DT_INTERFACE = 4,
	DT_ENDPOINT = 5,
	DT_BOS = 15,
	DT_HID = 0x21,
	DT_REPORT = 0x22,
	STRING_MANUFACTURER = 1,
	STRING_NAME,
	STRING_SERIAL,
	STRING_WALLET,
	STRING_U2F,
	CLASS_HID = 3,
	CLASS_VENDOR = 0xff,
	EN_US = 0x0409,
};

/* A usage page's first usage: 64 bytes in, 64 out, without report numbers. */
#define REPORT_64(page_low, page_high)                                                             \
	{                                                                                          \
		0x06, page_low, page_high, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x20, 0x15, 0x00, 0x26,   \
			0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02, 0x09, 0x21, 0x15, 0x00,    \
			0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02, 0xc0                 \
	}

static const uint8_t report_wallet[] = REPORT_64(0x00, 0xff);
static const uint8_t report_u2f[] = REPORT_64(0xd0, 0xf1);
/* The oldest: report number 0x3f, which is the '?' of each packet, and 63 bytes. */
static const uint8_t report_wallet_v1[] = {
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x85, 0x3f, 0x09, 0x20, 0x15,
	0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x3f, 0x81, 0x02, 0x09, 0x21,
	0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x3f, 0x91, 0x02, 0xc0,
};

static const struct usb_model models[] = {
	{"trezor-one", "webusb", 0x0210, 0x1209, 0x53c1, "SatoshiLabs", "TREZOR", NULL, 0, true},
	{"trezor-one", "hid", 0x0200, 0x534c, 0x0001, "SatoshiLabs", "TREZOR", report_wallet,
	 sizeof(report_wallet), true},
	{"trezor-one", "hid-v1", 0x0200, 0x534c, 0x0001, "SatoshiLabs", "TREZOR", report_wallet_v1,
	 sizeof(report_wallet_v1), false},
	{"keepkey", "webusb", 0x0210, 0x2b24, 0x0002, "KeyHodlers, LLC", NULL, NULL, 0, true},
	{"keepkey", "hid", 0x0200, 0x2b24, 0x0001, "KeepKey, LLC", "KeepKey", report_wallet,
	 sizeof(report_wallet), false},
};

const struct usb_model *usb_model_find(const char *profile, const char *kind)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (!strcmp(models[i].profile, profile) && !strcmp(models[i].kind, kind))
			return &models[i];
	return NULL;
}

struct bytes {
	uint8_t *at;
	size_t len;
};

static void put(struct bytes *to, const void *bytes, size_t len)
{
	memcpy(to->at + to->len, bytes, len);
	to->len += len;
}

#define PUT(to, ...) put(to, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static uint8_t low(size_t n)
{
	return (uint8_t)n;
}

static uint8_t high(size_t n)
{
	return (uint8_t)(n >> 8);
}

static void put_device(struct bytes *to, const struct usb_model *model)
{
	PUT(to, 18, DT_DEVICE, low(model->version), high(model->version), 0, 0, 0, 64,
	    low(model->vendor), high(model->vendor), low(model->product), high(model->product), 0,
	    1, STRING_MANUFACTURER, STRING_NAME, STRING_SERIAL, 1);
}

static void put_hid(struct bytes *to, size_t report_len)
{
	PUT(to, 9, DT_HID, 0x11, 0x01, 0, 1, DT_REPORT, low(report_len), high(report_len));
}

static void put_interface(struct bytes *to, uint8_t number, size_t report_len, uint8_t endpoint,
			  uint8_t string)
{
	PUT(to, 9, DT_INTERFACE, number, 0, 2, report_len ? CLASS_HID : CLASS_VENDOR, 0, 0, string);
	if (report_len)
		put_hid(to, report_len);
	PUT(to, 7, DT_ENDPOINT, USB_IN | endpoint, 3, 64, 0, 1);
	PUT(to, 7, DT_ENDPOINT, endpoint, 3, 64, 0, 1);
}

static void put_configuration(struct bytes *to, const struct usb_model *model)
{
	PUT(to, 9, DT_CONFIGURATION, 0, 0, model->u2f ? 2 : 1, 1, 0, 0x80, 50);
	put_interface(to, 0, model->report_len, USB_WALLET, STRING_WALLET);
	if (model->u2f)
		put_interface(to, 1, sizeof(report_u2f), USB_U2F, STRING_U2F);
	to->at[2] = low(to->len);
	to->at[3] = high(to->len);
}

/* One platform capability: WebUSB 1.0, vendor code 1, landing page 1. */
static void put_bos(struct bytes *to)
{
	PUT(to, 5, DT_BOS, 29, 0, 1);
	PUT(to, 24, 16, 5, 0);
	PUT(to, 0x38, 0xb6, 0x08, 0x34, 0xa9, 0x09, 0xa0, 0x47, 0x8b, 0xfd, 0xa0, 0x76, 0x88, 0x15,
	    0xb6, 0x65, 0x00, 0x01, 1, 1);
}

/* UTF-16, of ASCII; 126 characters at most fit. */
static bool put_string(struct bytes *to, const char *text)
{
	PUT(to, 0, DT_STRING);
	for (size_t i = 0; text[i] && i < 126; i++)
		PUT(to, (uint8_t)(text[i] & 0x7f), 0);
	to->at[0] = low(to->len);
	return true;
}

static bool string(struct bytes *to, const struct usb_model *model, const char *serial,
		   const char *label, uint8_t number)
{
	switch (number) {
	case 0:
		PUT(to, 4, DT_STRING, low(EN_US), high(EN_US));
		return true;
	case STRING_MANUFACTURER:
		return put_string(to, model->manufacturer);
	case STRING_NAME:
		return put_string(to, model->name ? model->name : label);
	case STRING_SERIAL:
		return put_string(to, serial);
	case STRING_WALLET:
		return put_string(to, "Interface");
	case STRING_U2F:
		return model->u2f && put_string(to, "U2F Interface");
	}
	return false;
}

/* A full-speed device has no qualifier, and these no string 0xee for Windows here. */
static bool descriptor(struct bytes *to, const struct usb_model *model, const char *serial,
		       const char *label, const struct usb_setup *setup)
{
	uint8_t number = low(setup->value);

	switch (high(setup->value)) {
	case DT_DEVICE:
		put_device(to, model);
		return number == 0;
	case DT_CONFIGURATION:
		put_configuration(to, model);
		return number == 0;
	case DT_STRING:
		return string(to, model, serial, label, number);
	case DT_BOS:
		put_bos(to);
		return model->version > 0x0200 && number == 0;
	}
	return false;
}

static bool report(struct bytes *to, const struct usb_model *model, const struct usb_setup *setup)
{
	if (setup->value != DT_REPORT << 8)
		return false;
	if (setup->index == 0 && model->report)
		put(to, model->report, model->report_len);
	else if (setup->index == 1 && model->u2f)
		put(to, report_u2f, sizeof(report_u2f));
	return to->len > 0;
}

static bool endpoint_is(const struct usb_model *model, uint16_t index)
{
	uint16_t number = index & ~USB_IN;

	return number == 0 || number == USB_WALLET || (model->u2f && number == USB_U2F);
}

/* False: a stall, as for every request that the firmwares do not know (SET_IDLE among them). */
static bool request(struct bytes *to, const struct usb_model *model, const char *serial,
		    const char *label, const struct usb_setup *setup, bool *configured)
{
	bool interface_is = setup->index <= (model->u2f ? 1 : 0);

	switch (setup->type << 8 | setup->request) {
	case (TO_HOST | DEVICE) << 8 | GET_STATUS:
		PUT(to, 0, 0);
		return true;
	case (TO_HOST | INTERFACE) << 8 | GET_STATUS:
		PUT(to, 0, 0);
		return interface_is;
	case (TO_HOST | ENDPOINT) << 8 | GET_STATUS:
		PUT(to, 0, 0);
		return endpoint_is(model, setup->index);
	case ENDPOINT << 8 | CLEAR_FEATURE:
		return setup->value == 0 && endpoint_is(model, setup->index);
	case (TO_HOST | DEVICE) << 8 | GET_DESCRIPTOR:
		return descriptor(to, model, serial, label, setup);
	case (TO_HOST | INTERFACE) << 8 | GET_DESCRIPTOR:
		return report(to, model, setup);
	case (TO_HOST | DEVICE) << 8 | GET_CONFIGURATION:
		PUT(to, *configured);
		return true;
	case DEVICE << 8 | SET_CONFIGURATION:
		*configured = setup->value == 1;
		return setup->value <= 1;
	case (TO_HOST | INTERFACE) << 8 | GET_INTERFACE:
		PUT(to, 0);
		return interface_is;
	case INTERFACE << 8 | SET_INTERFACE:
		return interface_is && setup->value == 0;
	}
	return false;
}

int usb_control(const struct usb_model *model, const char *serial, const char *label,
		const struct usb_setup *setup, bool *configured,
		uint8_t answer[static USB_CONTROL_MAX])
{
	struct bytes to = {answer, 0};

	if (!request(&to, model, serial, label, setup, configured))
		return -1;
	return (int)(to.len < setup->length ? to.len : setup->length);
}
