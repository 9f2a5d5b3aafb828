/* SPDX-License-Identifier: MIT */
/*
 * The text of the two state files, `keys` and `devices` (doc/ARCHITECTURE.md, "State"). Pure: no
 * I/O, nothing allocated; agent/store reads and writes the files.
 *
 * Both begin with "lanyard NAME 1", have a line an entry, and end with "end", so that a file that
 * was cut anywhere is seen to be. Each line ends with LF, words are separated by one space.
 */
#ifndef LANYARD_STATE_H
#define LANYARD_STATE_H

#include "agent/request.h"
#include "derive/identity.h"
#include "protocol/buf.h"
#include "protocol/err.h"

enum {
	STATE_VERSION = 1,
	STATE_DEVICES_MAX = 1000,
	STATE_LINE_MAX = 1000, /* more than any line that is written */
	WALLET_LEN = 32,
};

/* sign|ecdh INDEX CURVE DRIVER SERIAL WALLET PUBLIC URI */
struct state_key {
	struct identity id;
	enum purpose purpose;
	char driver[DRIVER_NAME_MAX + 1], serial[DEVICE_SERIAL_MAX + 1];
	bool has_wallet, known; /* else "-" */
	uint8_t wallet[WALLET_LEN];
	uint8_t public_key[PUBLIC_KEY_LEN];
};

/* INDEX DRIVER SERIAL LABEL */
struct state_device {
	uint32_t index;
	char driver[DRIVER_NAME_MAX + 1], serial[DEVICE_SERIAL_MAX + 1];
	char label[DEVICE_LABEL_MAX + 1];
};

/* found() is called for each line; its error ends the parsing, and its words get PATH:LINE before
 * them. ERR_CORRUPT, or ERR_VERSION for what a newer lanyard wrote. */
enum err state_keys_parse(const void *p, size_t n, const char *path,
			  enum err (*found)(void *arg, const struct state_key *key,
					    struct why *why),
			  void *arg, struct why *why) MUST_CHECK;
enum err state_devices_parse(const void *p, size_t n, const char *path,
			     enum err (*found)(void *arg, const struct state_device *device,
					       struct why *why),
			     void *arg, struct why *why) MUST_CHECK;

/* name: "keys", "devices" */
void state_begin(struct wbuf *w, const char *name);
void state_put_key(struct wbuf *w, const struct state_key *key);
void state_put_device(struct wbuf *w, const struct state_device *device);
void state_end(struct wbuf *w);

/* Hexadecimal as `lanyard pubkey --raw` has it: without SLIP-0010's zero before a 25519 key. */
enum { STATE_PUBLIC_MAX = 2 * PUBLIC_KEY_LEN };
void state_public_text(char out[static STATE_PUBLIC_MAX + 1], enum curve curve,
		       const uint8_t pub[static PUBLIC_KEY_LEN]);

/* What can stand in a file as a driver's name, a serial or a label: 1 to max bytes of printable
 * ASCII without spaces. */
bool state_is_word(const char *text, size_t max);

#endif
