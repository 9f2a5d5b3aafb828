/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/messages.h"

#define MEMBER(s, m) offsetof(struct s, m), offsetof(struct s, has_##m), NULL
#define DESC(name)                                                                                 \
	const struct pb_desc name = {sizeof(name##_fields) / sizeof(name##_fields[0]),             \
				     name##_fields}

const struct pb_desc desc_empty = {0, NULL};

static const struct pb_field identity_fields[] = {
	{1, PB_STRING, false, 8, MEMBER(msg_identity, proto)},
	{2, PB_STRING, false, 63, MEMBER(msg_identity, user)},
	{3, PB_STRING, false, 63, MEMBER(msg_identity, host)},
	{4, PB_STRING, false, 5, MEMBER(msg_identity, port)},
	{5, PB_STRING, false, 255, MEMBER(msg_identity, path)},
	{6, PB_UINT32, false, 0, MEMBER(msg_identity, index)},
};
static DESC(identity);

#define IDENTITY(s, needed)                                                                        \
	{                                                                                          \
		1, PB_MESSAGE, needed, 0, offsetof(struct s, identity),                            \
			offsetof(struct s, has_identity), &identity                                \
	}

static const struct pb_field desc_trezor_sign_fields[] = {
	IDENTITY(msg_sign, true),
	{2, PB_BYTES, false, 512, MEMBER(msg_sign, hidden)},
	{3, PB_STRING, false, 255, MEMBER(msg_sign, visual)},
	{4, PB_STRING, false, 31, MEMBER(msg_sign, curve)},
};
DESC(desc_trezor_sign);

static const struct pb_field desc_keepkey_sign_fields[] = {
	IDENTITY(msg_sign, false),
	{2, PB_BYTES, false, 256, MEMBER(msg_sign, hidden)},
	{3, PB_STRING, false, 255, MEMBER(msg_sign, visual)},
	{4, PB_STRING, false, 31, MEMBER(msg_sign, curve)},
};
DESC(desc_keepkey_sign);

static const struct pb_field desc_trezor_ecdh_fields[] = {
	IDENTITY(msg_ecdh, true),
	{2, PB_BYTES, true, 66, MEMBER(msg_ecdh, peer)},
	{3, PB_STRING, false, 31, MEMBER(msg_ecdh, curve)},
};
DESC(desc_trezor_ecdh);

#define CIPHER_FIELDS(needed)                                                                      \
	{1, PB_PATH, false, 0, MEMBER(msg_cipher, path)},                                          \
		{2, PB_STRING, needed, 255, MEMBER(msg_cipher, key)},                              \
		{3, PB_BYTES, needed, VALUE_MAX, MEMBER(msg_cipher, value)},                       \
		{4, PB_BOOL, false, 0, MEMBER(msg_cipher, encrypt)},                               \
		{5, PB_BOOL, false, 0, MEMBER(msg_cipher, ask_encrypt)},                           \
		{6, PB_BOOL, false, 0, MEMBER(msg_cipher, ask_decrypt)},                           \
	{                                                                                          \
		7, PB_BYTES, false, 16, MEMBER(msg_cipher, iv)                                     \
	}

static const struct pb_field desc_trezor_cipher_fields[] = {CIPHER_FIELDS(true)};
DESC(desc_trezor_cipher);
static const struct pb_field desc_keepkey_cipher_fields[] = {CIPHER_FIELDS(false)};
DESC(desc_keepkey_cipher);

static const struct pb_field desc_get_public_key_fields[] = {
	{1, PB_PATH, false, 0, MEMBER(msg_get_public_key, path)},
	{2, PB_STRING, false, 31, MEMBER(msg_get_public_key, curve)},
	{3, PB_BOOL, false, 0, MEMBER(msg_get_public_key, show)},
	{4, PB_STRING, false, 20, MEMBER(msg_get_public_key, coin)},
	{5, PB_UINT32, false, 0, MEMBER(msg_get_public_key, script)},
};
DESC(desc_get_public_key);

static const struct pb_field desc_trezor_initialize_fields[] = {
	{1, PB_BYTES, false, SESSION_LEN, MEMBER(msg_initialize, session)},
};
DESC(desc_trezor_initialize);

static const struct pb_field desc_trezor_ping_fields[] = {
	{1, PB_STRING, false, 255, MEMBER(msg_ping, text)},
	{2, PB_BOOL, false, 0, MEMBER(msg_ping, button)},
};
DESC(desc_trezor_ping);

static const struct pb_field desc_keepkey_ping_fields[] = {
	{1, PB_STRING, false, 255, MEMBER(msg_ping, text)},
	{2, PB_BOOL, false, 0, MEMBER(msg_ping, button)},
	{3, PB_BOOL, false, 0, MEMBER(msg_ping, pin)},
	{4, PB_BOOL, false, 0, MEMBER(msg_ping, passphrase)},
};
DESC(desc_keepkey_ping);

static const struct pb_field desc_trezor_pin_fields[] = {
	{1, PB_STRING, true, 50, MEMBER(msg_pin, pin)},
};
DESC(desc_trezor_pin);

static const struct pb_field desc_keepkey_pin_fields[] = {
	{1, PB_STRING, true, 9, MEMBER(msg_pin, pin)},
};
DESC(desc_keepkey_pin);

static const struct pb_field desc_trezor_passphrase_fields[] = {
	{1, PB_STRING, false, PASSPHRASE_MAX, MEMBER(msg_passphrase, text)},
	{3, PB_BOOL, false, 0, MEMBER(msg_passphrase, on_device)},
};
DESC(desc_trezor_passphrase);

static const struct pb_field desc_keepkey_passphrase_fields[] = {
	{1, PB_STRING, true, PASSPHRASE_MAX, MEMBER(msg_passphrase, text)},
};
DESC(desc_keepkey_passphrase);

const char *message_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{MSG_INITIALIZE, "Initialize"},
		{MSG_PING, "Ping"},
		{MSG_SUCCESS, "Success"},
		{MSG_FAILURE, "Failure"},
		{MSG_FIRMWARE_ERASE, "FirmwareErase"},
		{MSG_GET_PUBLIC_KEY, "GetPublicKey"},
		{MSG_PUBLIC_KEY, "PublicKey"},
		{MSG_FEATURES, "Features"},
		{MSG_PIN_MATRIX_REQUEST, "PinMatrixRequest"},
		{MSG_PIN_MATRIX_ACK, "PinMatrixAck"},
		{MSG_CANCEL, "Cancel"},
		{MSG_CIPHER_KEY_VALUE, "CipherKeyValue"},
		{MSG_LOCK_DEVICE, "LockDevice"},
		{MSG_BUTTON_REQUEST, "ButtonRequest"},
		{MSG_BUTTON_ACK, "ButtonAck"},
		{MSG_PASSPHRASE_REQUEST, "PassphraseRequest"},
		{MSG_PASSPHRASE_ACK, "PassphraseAck"},
		{MSG_CIPHERED_KEY_VALUE, "CipheredKeyValue"},
		{MSG_SIGN_IDENTITY, "SignIdentity"},
		{MSG_SIGNED_IDENTITY, "SignedIdentity"},
		{MSG_GET_FEATURES, "GetFeatures"},
		{MSG_GET_ECDH, "GetECDHSessionKey"},
		{MSG_ECDH, "ECDHSessionKey"},
		{MSG_END_SESSION, "EndSession"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "type";
}
