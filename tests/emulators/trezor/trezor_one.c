/* SPDX-License-Identifier: MIT */
/* Trezor One, firmware 1.14.1, debug build: its texts begin with the line that sent them. */
#include "tests/emulators/trezor/trezor_one.h"

#include <string.h>

static void run_initialize(struct device *dev, const union message *msg)
{
	uint8_t id[SESSION_LEN] = {0};

	memcpy(id, msg->initialize.session.data, msg->initialize.session.len);
	trezor_initialize(dev, msg->initialize.has_session ? id : NULL);
}

static void run_get_features(struct device *dev, const union message *msg)
{
	(void)msg;
	trezor_features(dev, false);
}

static void run_ping(struct device *dev, const union message *msg)
{
	if (msg->ping.button && trezor_button(dev, 7) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_common.h:139:Action cancelled by user");
		return;
	}
	send_text(dev, MSG_SUCCESS, msg->ping.has_text, msg->ping.text);
}

static void run_cancel(struct device *dev, const union message *msg)
{
	(void)msg;
	trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_common.h:362:Action cancelled by user");
}

static void run_lock_device(struct device *dev, const union message *msg)
{
	(void)msg;
	dev->unlocked = false;
	send_text(dev, MSG_SUCCESS, true, "Session cleared");
}

static void run_end_session(struct device *dev, const union message *msg)
{
	(void)msg;
	if (dev->session)
		*dev->session = (struct session){.used = false};
	dev->session = NULL;
	send_text(dev, MSG_SUCCESS, true, "Session ended");
}

static void run_sign_identity(struct device *dev, const union message *msg)
{
	const struct msg_sign *sign = &msg->sign;
	uint32_t path[5];
	struct node node;

	if (dev->set.empty) {
		trezor_fail(dev, FAIL_NOT_INITIALIZED,
			    "fsm_msg_crypto.h:76:Device not initialized");
		return;
	}
	if (!trezor_protect_pin(dev))
		return;
	if (trezor_button(dev, 7) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_crypto.h:83:Action cancelled by user");
		return;
	}
	identity_path(dev, &sign->identity, 13, path);
	if (!trezor_node(dev, &node, sign->has_curve ? sign->curve : "secp256k1", path, 5))
		return;
	if (!sign_identity(dev, sign, &node, true))
		trezor_fail(dev, FAIL_PROCESS, "fsm_msg_crypto.h:170:Error signing identity");
}

static void run_get_ecdh(struct device *dev, const union message *msg)
{
	const struct msg_ecdh *ecdh = &msg->ecdh;
	uint8_t shared[65], pub[33];
	size_t len;
	uint32_t path[5];
	struct node node;
	struct pb_out out = {0};

	if (dev->set.empty) {
		trezor_fail(dev, FAIL_NOT_INITIALIZED,
			    "fsm_msg_crypto.h:179:Device not initialized");
		return;
	}
	if (!trezor_protect_pin(dev))
		return;
	if (trezor_button(dev, 7) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_crypto.h:185:Action cancelled by user");
		return;
	}
	identity_path(dev, &ecdh->identity, 17, path);
	if (!trezor_node(dev, &node, ecdh->has_curve ? ecdh->curve : "secp256k1", path, 5))
		return;
	if (!node_ecdh(&node, ecdh->peer.data, shared, &len)) {
		trezor_fail(dev, FAIL_PROCESS,
			    "fsm_msg_crypto.h:234:Error getting ECDH session key");
		return;
	}
	if (dev->fault == FAULT_BAD_SIGNATURE)
		shared[20] ^= 1;
	node_public(&node, pub);
	pb_put_bytes(&out, 1, shared, len);
	pb_put_bytes(&out, 2, pub, sizeof(pub));
	wire_send(dev, MSG_ECDH, &out);
}

static void run_cipher_key_value(struct device *dev, const union message *msg)
{
	const struct msg_cipher *cipher = &msg->cipher;
	struct node node;

	if (dev->set.empty) {
		trezor_fail(dev, FAIL_NOT_INITIALIZED,
			    "fsm_msg_crypto.h:21:Device not initialized");
		return;
	}
	if (cipher->value.len % 16) {
		trezor_fail(dev, FAIL_DATA,
			    "fsm_msg_crypto.h:23:Value length must be a multiple of 16");
		return;
	}
	if (!trezor_protect_pin(dev) ||
	    !trezor_node(dev, &node, "secp256k1", cipher->path.n, cipher->path.count))
		return;
	if ((cipher->encrypt ? cipher->ask_encrypt : cipher->ask_decrypt) &&
	    trezor_button(dev, 1) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_crypto.h:38:Action cancelled by user");
		return;
	}
	send_ciphered(dev, cipher, &node);
}

/* Two pages; "no" goes round the QR code, only Cancel and Initialize leave. */
static bool show_xpub(struct device *dev)
{
	for (int page = 0; page < 2;) {
		switch (trezor_button(dev, 11)) {
		case ANSWER_YES:
			page++;
			break;
		case ANSWER_NO:
			break;
		case ANSWER_ENDED:
			return false;
		}
	}
	return true;
}

static void run_get_public_key(struct device *dev, const union message *msg)
{
	const struct msg_get_public_key *get = &msg->public_key;
	const char *curve = get->has_curve ? get->curve : "secp256k1";
	char xpub[XPUB_MAX + 1], text[DESCRIPTOR_MAX + 1];
	struct pb_out out = {0};
	struct node root, node;

	if (!trezor_protect_pin(dev))
		return;
	if (dev->set.empty) {
		trezor_fail(dev, FAIL_NOT_INITIALIZED, "fsm_msg_coin.h:29:Device not initialized");
		return;
	}
	if (get->has_coin && strcmp(get->coin, "Bitcoin")) {
		trezor_fail(dev, FAIL_DATA, "fsm.c:234:Invalid coin name");
		return;
	}
	if (!trezor_node(dev, &root, curve, NULL, 0) ||
	    !trezor_node(dev, &node, curve, get->path.n, get->path.count))
		return;
	put_node(&out, &node);
	node_xpub(&node, xpub);
	pb_put_string(&out, 2, xpub);
	if (get->show && !show_xpub(dev)) {
		trezor_fail(dev, FAIL_CANCELLED, "fsm_msg_coin.h:155:Action cancelled by user");
		return;
	}
	pb_put_uint(&out, 3, node_fingerprint(&root));
	descriptor(node_fingerprint(&root), get->path.n, get->path.count, xpub, text);
	if (text[0])
		pb_put_string(&out, 4, text);
	wire_send(dev, MSG_PUBLIC_KEY, &out);
}

static const struct call calls[] = {
	{MSG_INITIALIZE, &desc_trezor_initialize, run_initialize},
	{MSG_PING, &desc_trezor_ping, run_ping},
	{MSG_GET_PUBLIC_KEY, &desc_get_public_key, run_get_public_key},
	{MSG_CANCEL, &desc_empty, run_cancel},
	{MSG_CIPHER_KEY_VALUE, &desc_trezor_cipher, run_cipher_key_value},
	{MSG_LOCK_DEVICE, &desc_empty, run_lock_device},
	{MSG_SIGN_IDENTITY, &desc_trezor_sign, run_sign_identity},
	{MSG_GET_FEATURES, &desc_empty, run_get_features},
	{MSG_GET_ECDH, &desc_trezor_ecdh, run_get_ecdh},
	{MSG_END_SESSION, &desc_empty, run_end_session},
};

static void dispatch(struct device *dev, const struct call *call)
{
	union message msg = {0};
	const char *error;
	char text[64] = "messages.c:232:";

	if (dev->fault == FAULT_FAILURE) {
		send_failure(dev, (enum failure)dev->fault_n, "fault");
		return;
	}
	error = pb_decode(call->desc, &profile_trezor_one.dialect, dev->in, dev->in_len, &msg);
	if (error) {
		trezor_fail(dev, FAIL_DATA, strcat(text, error));
		return;
	}
	call->run(dev, &msg);
	if (!dev->gone)
		device_state(dev, "idle", 0);
}

static void packet(struct device *dev, const uint8_t *packet, size_t len)
{
	const struct call *call = NULL;

	(void)len; /* a shorter datagram reads as if it were padded */
	if (!dev->reading) {
		if (memcmp(packet, "?##", 3))
			return;
		dev->in_type = (uint16_t)(packet[3] << 8 | packet[4]);
		dev->in_len = be32(packet + 5);
		dev->in_used = 0;
		if (dev->fault == FAULT_THP) {
			log_message(dev, false, dev->in_type, 1);
			send_failure(dev, FAIL_PROTOCOL, "Invalid protocol");
			return;
		}
	} else if (packet[0] != '?') {
		dev->reading = false;
		return;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].type == dev->in_type)
			call = &calls[i];
	if (!call || (!dev->reading && dev->in_len > MESSAGE_MAX)) {
		log_message(dev, false, dev->in_type, 1);
		if (call)
			trezor_fail(dev, FAIL_DATA, "messages.c:262:Message too big");
		else
			trezor_fail(dev, FAIL_UNEXPECTED, "messages.c:257:Unknown message");
		return;
	}
	size_t from = dev->reading ? 1 : 9;

	dev->reading = true;
	memcpy(dev->in + dev->in_used, packet + from, PACKET_LEN - from);
	dev->in_used += (uint32_t)(PACKET_LEN - from);
	if (dev->in_used < dev->in_len)
		return;
	log_message(dev, false, dev->in_type, 1 + (dev->in_used - 55) / 63);
	dev->reading = false;
	dispatch(dev, call);
}

static void packet_tiny(struct device *dev, const uint8_t *packet, size_t len)
{
	static const struct {
		uint16_t type;
		const struct pb_desc *desc;
	} acks[] = {
		{MSG_PIN_MATRIX_ACK, &desc_trezor_pin},        {MSG_BUTTON_ACK, &desc_empty},
		{MSG_PASSPHRASE_ACK, &desc_trezor_passphrase}, {MSG_CANCEL, &desc_empty},
		{MSG_INITIALIZE, &desc_trezor_initialize},
	};
	uint16_t type = (uint16_t)(packet[3] << 8 | packet[4]);
	uint32_t size = be32(packet + 5);
	char text[64] = "messages.c:399:";
	const char *error;

	(void)len;
	if (memcmp(packet, "?##", 3))
		return;
	log_message(dev, false, type, 1);
	for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		if (acks[i].type != type)
			continue;
		if (size > PACKET_LEN - 9) {
			trezor_fail(dev, FAIL_DATA, "messages.c:389:Message too big");
			dev->tiny_type = MSG_NONE;
			return;
		}
		memset(&dev->tiny_message, 0, sizeof(dev->tiny_message));
		error = pb_decode(acks[i].desc, &profile_trezor_one.dialect, packet + 9, size,
				  &dev->tiny_message);
		dev->tiny_type = error ? MSG_NONE : type;
		if (error)
			trezor_fail(dev, FAIL_DATA, strcat(text, error));
		return;
	}
}

const struct profile profile_trezor_one = {
	.name = "trezor-one",
	.dialect = {.utf8 = true, .zero_tag_ends = false},
	.prefix25519 = 0,
	.packet = packet,
	.packet_tiny = packet_tiny,
};
