/* SPDX-License-Identifier: MIT */
/*
 * The messages of Trezor and KeepKey, as C: messages.proto through protobuf-c. Worker; pure.
 *
 * Writers fill `m` (ERR_TOO_LARGE when it does not fit). Readers answer ERR_DEVICE_ERROR for a
 * message that is not what its type says; what they unpack may be secret and stays in the arena,
 * which they wipe.
 */
#ifndef LANYARD_TREZOR_MESSAGES_H
#define LANYARD_TREZOR_MESSAGES_H

#include "derive/ecc.h"
#include "derive/slip10.h"
#include "devices/device.h"
#include "devices/trezor/wire.h"

enum message_type {
	MSG_INITIALIZE = 0,
	MSG_SUCCESS = 2,
	MSG_FAILURE = 3,
	MSG_GET_PUBLIC_KEY = 11,
	MSG_PUBLIC_KEY = 12,
	MSG_FEATURES = 17,
	MSG_PIN_REQUEST = 18,
	MSG_PIN_ACK = 19,
	MSG_CANCEL = 20,
	MSG_CIPHER_KEY_VALUE = 23,
	MSG_LOCK_DEVICE = 24, /* KeepKey: ClearSession */
	MSG_BUTTON_REQUEST = 26,
	MSG_BUTTON_ACK = 27,
	MSG_PASSPHRASE_REQUEST = 41,
	MSG_PASSPHRASE_ACK = 42,
	MSG_CIPHERED_KEY_VALUE = 48,
	MSG_SIGN_IDENTITY = 53,
	MSG_SIGNED_IDENTITY = 54,
	MSG_GET_FEATURES = 55,
	MSG_GET_ECDH_SESSION_KEY = 61,
	MSG_ECDH_SESSION_KEY = 62,
	MSG_END_SESSION = 83, /* Trezor only: KeepKey has another message there */
};

/* Failure.code */
enum failure {
	FAILURE_UNEXPECTED = 1,
	FAILURE_DATA = 3,
	FAILURE_CANCELED = 4,
	FAILURE_PIN_CANCELED = 6,
	FAILURE_PIN_WRONG = 7,
	FAILURE_NOT_INITIALIZED = 11,
	FAILURE_INVALID_SESSION = 14,
	FAILURE_PROTOCOL = 17, /* codec v1 is not spoken here: THP */
};

/* ButtonRequest.code of a Trezor that is typed on: what it asks for is no confirmation. */
enum button { BUTTON_PASSPHRASE = 19, BUTTON_PIN = 20 };

enum { SESSION_LEN = 32, MODEL_MAX = 20 };

/* What a wallet says it is. Texts are clean: printable ASCII, serial and label without spaces. */
struct features {
	char serial[DEVICE_SERIAL_MAX + 1]; /* device_id */
	char label[DEVICE_LABEL_MAX + 1];   /* the model's name when it has none */
	char model[MODEL_MAX + 1];          /* "Trezor One" */
	char firmware[40];                  /* "1.14.1" */
	bool keepkey;
	bool small; /* the limits and the keypad of a Trezor One: KeepKey has them too */
	bool bootloader, initialized;
	bool has_pin, has_passphrase; /* it asks for one */
	bool unlocked;                /* needs no PIN now */
	bool keyboard;                /* a passphrase can be typed on it */
	uint8_t session[SESSION_LEN];
	bool has_session;
};

/* Where protobuf-c unpacks: in locked memory, with a message's size for a bound. */
struct arena {
	size_t used;
	_Alignas(16) uint8_t p[32 * 1024];
};

void message_empty(struct wire_message *m, enum message_type type);
enum err message_initialize(struct wire_message *m, const uint8_t *session) MUST_CHECK;
enum err message_pin(struct wire_message *m, struct slice pin) MUST_CHECK;
/* on_device: it asks itself, and `passphrase` is not sent. */
enum err message_passphrase(struct wire_message *m, struct slice passphrase,
			    bool on_device) MUST_CHECK;
enum err message_get_public_key(struct wire_message *m, const uint32_t path[static PATH_LEN],
				enum curve curve) MUST_CHECK;
enum err message_sign(struct wire_message *m, const struct identity *id, struct slice data,
		      const char *visual) MUST_CHECK;
enum err message_ecdh(struct wire_message *m, const struct identity *id, enum curve curve,
		      struct slice peer) MUST_CHECK;
enum err message_cipher(struct wire_message *m, const uint32_t path[static PATH_LEN],
			struct slice key, struct slice value) MUST_CHECK;

enum err message_read_features(const struct wire_message *m, struct arena *a,
			       struct features *out) MUST_CHECK;
enum err message_read_failure(const struct wire_message *m, struct arena *a, uint32_t *code,
			      char *text, size_t cap) MUST_CHECK;
enum err message_read_button(const struct wire_message *m, struct arena *a,
			     uint32_t *code) MUST_CHECK;
enum err message_read_public_key(const struct wire_message *m, struct arena *a, enum curve curve,
				 uint8_t out[static PUBLIC_KEY_LEN]) MUST_CHECK;
enum err message_read_signature(const struct wire_message *m, struct arena *a, enum curve curve,
				uint8_t pub[static PUBLIC_KEY_LEN],
				uint8_t sig[static SIGNATURE_LEN]) MUST_CHECK;
/* *has_pub: old firmware does not say it. */
enum err message_read_shared(const struct wire_message *m, struct arena *a, enum curve curve,
			     uint8_t pub[static PUBLIC_KEY_LEN], bool *has_pub,
			     struct secret *shared) MUST_CHECK;
enum err message_read_cipher(const struct wire_message *m, struct arena *a,
			     uint8_t out[static 32]) MUST_CHECK;

#endif
