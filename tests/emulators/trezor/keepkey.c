/* SPDX-License-Identifier: MIT */
/* KeepKey, firmware 7.10.0. */
#include "tests/emulators/trezor/keepkey.h"

#include <stdio.h>
#include <string.h>

static void run_initialize(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_initialize(dev);
}

static void run_get_features(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_features(dev);
}

static void run_ping(struct device *dev, const union message *msg)
{
	const struct msg_ping *ping = &msg->ping;

	if (ping->button && !keepkey_confirm(dev, 23)) {
		keepkey_fail(dev, FAIL_CANCELLED, "Ping cancelled");
		return;
	}
	if (ping->pin && !keepkey_protect_pin(dev))
		return;
	if (ping->passphrase && !keepkey_protect_passphrase(dev)) {
		keepkey_fail(dev, FAIL_CANCELLED, "Ping cancelled");
		return;
	}
	send_text(dev, MSG_SUCCESS, ping->has_text, ping->text);
}

static void run_cancel(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_fail(dev, FAIL_CANCELLED, "Aborted");
}

static void run_clear_session(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_clear(dev);
	dev->unlocked = dev->set.pin[0] == '\0';
	keepkey_succeed(dev, "Session cleared");
}

static void run_firmware_erase(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_fail(dev, FAIL_UNEXPECTED, "Not in bootloader mode");
}

/* Only as an empty message, which is what a Trezor's EndSession is here. */
static void run_apply_policies(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_fail(dev, FAIL_PROCESS, "No policies provided");
}

static void run_unexpected(struct device *dev, const union message *msg)
{
	(void)msg;
	keepkey_fail(dev, FAIL_UNEXPECTED, "Unexpected message");
}

static bool initialized(struct device *dev)
{
	if (dev->set.empty)
		keepkey_fail(dev, FAIL_NOT_INITIALIZED, "Device not initialized");
	return !dev->set.empty;
}

static bool get_node(struct device *dev, struct node *node, const char *name, const uint32_t *path,
		     size_t count)
{
	enum curve curve = curve_by_name(name);

	if (curve == CURVES) {
		keepkey_fail(dev, FAIL_DATA, "Unknown ecdsa curve");
		return false;
	}
	if (!keepkey_protect_passphrase(dev)) {
		keepkey_fail(dev, FAIL_NOT_INITIALIZED,
			     "Device not initialized or passphrase request cancelled");
		return false;
	}
	node_master(node, curve, profile_keepkey.prefix25519, keepkey_seed(dev));
	if (!node_derive(node, path, count)) {
		keepkey_fail(dev, FAIL_PROCESS, "Failed to derive private key");
		return false;
	}
	return true;
}

static void run_sign_identity(struct device *dev, const union message *msg)
{
	const struct msg_sign *sign = &msg->sign;
	uint32_t path[5];
	struct node node;

	if (!initialized(dev))
		return;
	if (!keepkey_confirm(dev, 22)) {
		keepkey_fail(dev, FAIL_CANCELLED, "Sign identity cancelled");
		return;
	}
	if (!keepkey_protect_pin(dev))
		return;
	if (!sign->has_identity) {
		keepkey_fail(dev, FAIL_PROCESS, "Invalid identity");
		return;
	}
	identity_path(dev, &sign->identity, 13, path);
	if (!get_node(dev, &node, sign->has_curve ? sign->curve : "secp256k1", path, 5))
		return;
	if (!sign_identity(dev, sign, &node, false))
		keepkey_fail(dev, FAIL_PROCESS, "Error signing identity");
}

static void run_cipher_key_value(struct device *dev, const union message *msg)
{
	const struct msg_cipher *cipher = &msg->cipher;
	struct node node;
	const char *wrong = !cipher->has_key         ? "No key provided"
			    : !cipher->has_value     ? "No value provided"
			    : cipher->value.len % 16 ? "Value length must be a multiple of 16"
						     : NULL;

	if (!initialized(dev))
		return;
	if (wrong) {
		keepkey_fail(dev, FAIL_PROCESS, wrong);
		return;
	}
	if (!keepkey_protect_pin(dev) ||
	    !get_node(dev, &node, "secp256k1", cipher->path.n, cipher->path.count))
		return;
	if ((cipher->encrypt ? cipher->ask_encrypt : cipher->ask_decrypt) &&
	    !keepkey_confirm(dev, 1)) {
		keepkey_fail(dev, FAIL_CANCELLED, "CipherKeyValue cancelled");
		return;
	}
	send_ciphered(dev, cipher, &node);
}

static void run_get_public_key(struct device *dev, const union message *msg)
{
	const struct msg_get_public_key *get = &msg->public_key;
	char xpub[XPUB_MAX + 1];
	struct pb_out out = {0};
	struct node node;

	if (!initialized(dev) || !keepkey_protect_pin(dev))
		return;
	if (get->has_coin && strcmp(get->coin, "Bitcoin")) {
		keepkey_fail(dev, FAIL_PROCESS, "Invalid coin name");
		return;
	}
	if (!get_node(dev, &node, get->has_curve ? get->curve : "secp256k1", get->path.n,
		      get->path.count))
		return;
	put_node(&out, &node);
	node_xpub(&node, xpub);
	pb_put_string(&out, 2, xpub);
	if (get->show && !keepkey_confirm(dev, 10)) {
		keepkey_fail(dev, FAIL_CANCELLED, "Show extended public key cancelled");
		return;
	}
	wire_send(dev, MSG_PUBLIC_KEY, &out);
}

static const struct call calls[] = {
	{MSG_INITIALIZE, &desc_empty, run_initialize},
	{MSG_PING, &desc_keepkey_ping, run_ping},
	{MSG_FIRMWARE_ERASE, &desc_empty, run_firmware_erase},
	{MSG_GET_PUBLIC_KEY, &desc_get_public_key, run_get_public_key},
	{MSG_PIN_MATRIX_ACK, &desc_keepkey_pin, run_unexpected},
	{MSG_CANCEL, &desc_empty, run_cancel},
	{MSG_CIPHER_KEY_VALUE, &desc_keepkey_cipher, run_cipher_key_value},
	{MSG_LOCK_DEVICE, &desc_empty, run_clear_session},
	{MSG_BUTTON_ACK, &desc_empty, run_unexpected},
	{MSG_PASSPHRASE_ACK, &desc_keepkey_passphrase, run_unexpected},
	{MSG_SIGN_IDENTITY, &desc_keepkey_sign, run_sign_identity},
	{MSG_GET_FEATURES, &desc_empty, run_get_features},
	{MSG_END_SESSION, &desc_empty, run_apply_policies},
};

static void dispatch(struct device *dev, const struct call *call)
{
	union message msg = {0};

	if (dev->fault == FAULT_FAILURE) {
		send_failure(dev, (enum failure)dev->fault_n, "fault");
		return;
	}
	if (pb_decode(call->desc, &profile_keepkey.dialect, dev->in, dev->in_len, &msg)) {
		keepkey_fail(dev, FAIL_UNEXPECTED, "Could not parse protocol buffer message");
		return;
	}
	call->run(dev, &msg);
	if (!dev->gone)
		device_state(dev, "idle", 0);
}

/* The Failure for a packet that fits nothing; what was read so far is forgotten. */
static void reject(struct device *dev, const char *text)
{
	dev->reading = false;
	keepkey_fail(dev, FAIL_UNEXPECTED, text);
}

static void packet(struct device *dev, const uint8_t *packet, size_t len)
{
	const struct call *call = NULL;
	size_t from = dev->reading ? 1 : 9, n = len - from;

	if (len < 9) {
		reject(dev, "Buffer too small");
		return;
	}
	if (packet[0] != '?' || (!dev->reading && memcmp(packet, "?##", 3))) {
		reject(dev, "Malformed packet");
		return;
	}
	if (!dev->reading) {
		memset(dev->in, 0, sizeof(dev->in));
		dev->in_type = (uint16_t)(packet[3] << 8 | packet[4]);
		dev->in_len = be32(packet + 5);
		dev->in_used = 0;
		if (n > dev->in_len)
			n = dev->in_len;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].type == dev->in_type)
			call = &calls[i];
	if (!call) {
		log_message(dev, false, dev->in_type, 1);
		reject(dev, "Unknown message");
		return;
	}
	if (dev->in_used + n > KEEPKEY_MESSAGE_MAX) {
		reject(dev, "Malformed message");
		return;
	}
	memcpy(dev->in + dev->in_used, packet + from, n);
	dev->in_used += (uint32_t)n;
	dev->reading = dev->in_used < dev->in_len;
	if (dev->reading)
		return;
	log_message(dev, false, dev->in_type,
		    dev->in_used > 55 ? 1 + (dev->in_used - 55 + 62) / 63 : 1);
	dispatch(dev, call);
}

const struct profile profile_keepkey = {
	.name = "keepkey",
	.dialect = {.utf8 = false, .zero_tag_ends = true},
	.prefix25519 = 1,
	.packet = packet,
	.packet_tiny = keepkey_packet_tiny,
};
