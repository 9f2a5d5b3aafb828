/* SPDX-License-Identifier: MIT */
/* The messages that the emulator reads, as decoded, and the numbers of those it knows. */
#ifndef EMULATOR_MESSAGES_H
#define EMULATOR_MESSAGES_H

#include "tests/emulators/trezor/pb.h"

enum message_type {
	MSG_INITIALIZE = 0,
	MSG_PING = 1,
	MSG_SUCCESS = 2,
	MSG_FAILURE = 3,
	MSG_FIRMWARE_ERASE = 6,
	MSG_GET_PUBLIC_KEY = 11,
	MSG_PUBLIC_KEY = 12,
	MSG_FEATURES = 17,
	MSG_PIN_MATRIX_REQUEST = 18,
	MSG_PIN_MATRIX_ACK = 19,
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
	MSG_GET_ECDH = 61,
	MSG_ECDH = 62,
	MSG_END_SESSION = 83, /* KeepKey: ApplyPolicies */
	MSG_NONE = 0xffff,
};

enum failure {
	FAIL_UNEXPECTED = 1,
	FAIL_DATA = 3, /* KeepKey: SyntaxError */
	FAIL_CANCELLED = 4,
	FAIL_PIN_CANCELLED = 6,
	FAIL_PIN_INVALID = 7,
	FAIL_PROCESS = 9, /* KeepKey: Other */
	FAIL_NOT_INITIALIZED = 11,
	FAIL_SESSION = 14,
	FAIL_PROTOCOL = 17,
};

enum { HIDDEN_MAX = 512, VALUE_MAX = 1024, PASSPHRASE_MAX = 50, SESSION_LEN = 32 };

struct msg_identity {
	char proto[8 + 1], user[63 + 1], host[63 + 1], port[5 + 1], path[255 + 1];
	uint32_t index;
	bool has_proto, has_user, has_host, has_port, has_path, has_index;
};

struct msg_sign {
	struct msg_identity identity;
	struct {
		uint16_t len;
		uint8_t data[HIDDEN_MAX];
	} hidden;
	char visual[255 + 1], curve[31 + 1];
	bool has_identity, has_hidden, has_visual, has_curve;
};

/* nanopb checks a byte string against its struct's size, padding included: 66 bytes pass for 65. */
struct msg_ecdh {
	struct msg_identity identity;
	struct {
		uint16_t len;
		uint8_t data[66];
	} peer;
	char curve[31 + 1];
	bool has_identity, has_peer, has_curve;
};

struct msg_cipher {
	struct pb_path path;
	char key[255 + 1];
	struct {
		uint16_t len;
		uint8_t data[VALUE_MAX];
	} value;
	bool encrypt, ask_encrypt, ask_decrypt;
	struct {
		uint16_t len;
		uint8_t data[16];
	} iv;
	bool has_path, has_key, has_value, has_encrypt, has_ask_encrypt, has_ask_decrypt, has_iv;
};

struct msg_get_public_key {
	struct pb_path path;
	char curve[31 + 1], coin[20 + 1];
	bool show;
	uint32_t script;
	bool has_path, has_curve, has_coin, has_show, has_script;
};

struct msg_initialize {
	struct {
		uint16_t len;
		uint8_t data[SESSION_LEN];
	} session;
	bool has_session;
};

struct msg_ping {
	char text[255 + 1];
	bool button, pin, passphrase;
	bool has_text, has_button, has_pin, has_passphrase;
};

struct msg_pin {
	char pin[50 + 1];
	bool has_pin;
};

struct msg_passphrase {
	char text[PASSPHRASE_MAX + 1];
	bool on_device;
	bool has_text, has_on_device;
};

union message {
	struct msg_sign sign;
	struct msg_ecdh ecdh;
	struct msg_cipher cipher;
	struct msg_get_public_key public_key;
	struct msg_initialize initialize;
	struct msg_ping ping;
	struct msg_pin pin;
	struct msg_passphrase passphrase;
};

extern const struct pb_desc desc_empty, desc_get_public_key;
extern const struct pb_desc desc_trezor_initialize, desc_trezor_ping, desc_trezor_sign,
	desc_trezor_ecdh, desc_trezor_cipher, desc_trezor_pin, desc_trezor_passphrase;
extern const struct pb_desc desc_keepkey_ping, desc_keepkey_sign, desc_keepkey_cipher,
	desc_keepkey_pin, desc_keepkey_passphrase;

/* "SignIdentity" and so on, or "type". */
const char *message_name(uint16_t type);

#endif
