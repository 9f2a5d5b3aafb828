/* SPDX-License-Identifier: MIT */
/* What the two firmwares do alike; how they differ is in trezor_one.c and keepkey.c. */
#include "tests/emulators/trezor/device.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum decision finger_decides(struct device *dev, int64_t since, int *wait_ms)
{
	int64_t left = since + dev->set.finger_ms - now_ms();

	*wait_ms = -1;
	if (dev->decision != DECIDE_NOTHING)
		return dev->decision;
	switch (dev->set.finger) {
	case FINGER_AUTO:
		return DECIDE_YES;
	case FINGER_REFUSE:
		return DECIDE_NO;
	case FINGER_DELAY:
		if (left <= 0)
			return DECIDE_YES;
		*wait_ms = (int)left;
		return DECIDE_NOTHING;
	case FINGER_NEVER:
		break;
	}
	return DECIDE_NOTHING;
}

void send_button_request(struct device *dev, uint32_t code)
{
	struct pb_out out = {0};

	dev->decision = DECIDE_NOTHING;
	pb_put_uint(&out, 1, code);
	wire_send(dev, MSG_BUTTON_REQUEST, &out);
}

void send_failure(struct device *dev, enum failure code, const char *text)
{
	struct pb_out out = {0};

	pb_put_uint(&out, 1, code);
	pb_put_string(&out, 2, text);
	wire_send(dev, MSG_FAILURE, &out);
}

void send_text(struct device *dev, uint16_t type, bool has_text, const char *text)
{
	struct pb_out out = {0};

	if (has_text)
		pb_put_string(&out, 1, text);
	wire_send(dev, type, &out);
}

void matrix_shuffle(struct device *dev)
{
	memcpy(dev->matrix, "123456789", sizeof(dev->matrix));
	for (uint32_t i = 8; i > 0; i--) {
		uint32_t j = randombytes_uniform(i + 1);
		char c = dev->matrix[i];

		dev->matrix[i] = dev->matrix[j];
		dev->matrix[j] = c;
	}
}

bool matrix_decode(const struct device *dev, char *pin)
{
	for (; *pin; pin++) {
		if (*pin < '1' || *pin > '9')
			return false;
		*pin = dev->matrix[*pin - '1'];
	}
	return true;
}

void session_seed(struct device *dev, struct session *session, const char *passphrase)
{
	if (dev->set.has_seed)
		memcpy(session->seed, dev->set.seed, SEED_LEN);
	else
		seed_from_mnemonic(dev->set.mnemonic, passphrase, session->seed);
	session->seeded = true;
}

/* The parts are C strings to the firmware: what follows a NUL is not hashed. */
static void hash_part(crypto_hash_sha256_state *hash, const char *before, const char *part,
		      const char *after)
{
	if (!part[0])
		return;
	crypto_hash_sha256_update(hash, (const uint8_t *)before, strlen(before));
	crypto_hash_sha256_update(hash, (const uint8_t *)part, strlen(part));
	crypto_hash_sha256_update(hash, (const uint8_t *)after, strlen(after));
}

void identity_path(const struct device *dev, const struct msg_identity *identity, uint32_t purpose,
		   uint32_t path[static 5])
{
	crypto_hash_sha256_state state;
	uint32_t index = identity->index + (dev->fault == FAULT_BAD_KEY ? 1 : 0);
	uint8_t hash[32], le[4];

	for (int i = 0; i < 4; i++)
		le[i] = (uint8_t)(index >> (8 * i));
	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, le, sizeof(le));
	hash_part(&state, "", identity->proto, "://");
	hash_part(&state, "", identity->user, "@");
	hash_part(&state, "", identity->host, "");
	hash_part(&state, ":", identity->port, "");
	hash_part(&state, "", identity->path, "");
	crypto_hash_sha256_final(&state, hash);
	path[0] = 0x80000000 | purpose;
	for (int i = 0; i < 4; i++)
		path[1 + i] = 0x80000000 | (uint32_t)hash[4 * i] | (uint32_t)hash[4 * i + 1] << 8 |
			      (uint32_t)hash[4 * i + 2] << 16 | (uint32_t)hash[4 * i + 3] << 24;
}

/* The digest of "other" protocols: a Bitcoin message of the two challenges' hashes. */
static void message_digest(const struct msg_sign *msg, uint8_t digest[static 32])
{
	uint8_t text[26 + 64] = "\x18"
				"Bitcoin Signed Message:\n\x40";

	crypto_hash_sha256(text + 26, msg->hidden.data, msg->hidden.len);
	crypto_hash_sha256(text + 58, (const uint8_t *)msg->visual, strlen(msg->visual));
	crypto_hash_sha256(digest, text, sizeof(text));
	crypto_hash_sha256(digest, digest, 32);
}

bool sign_identity(struct device *dev, const struct msg_sign *msg, const struct node *node,
		   bool signify)
{
	const char *proto = msg->identity.proto;
	bool ssh = !strcmp(proto, "ssh"), gpg = !strcmp(proto, "gpg");
	bool ed25519 = node->curve == CURVE_ED25519;
	uint8_t digest[32], pub[33], sig[65], parity;
	const uint8_t *data = msg->hidden.data;
	size_t len = msg->hidden.len;
	char address[ADDRESS_MAX];
	struct pb_out out = {0};

	signify = signify && !strcmp(proto, "signify");
	if ((signify && !ed25519) || (gpg && !ed25519 && len != 32))
		return false;
	if (ssh && !ed25519)
		crypto_hash_sha256(digest, data, len);
	else if (!ssh && !gpg && !signify)
		message_digest(msg, digest);
	if ((ssh && !ed25519) || (!ssh && !gpg && !signify)) {
		data = digest;
		len = sizeof(digest);
	}
	if (!node_sign(node, data, len, sig + 1, &parity))
		return false;
	sig[0] = ssh || gpg || signify ? 0 : (uint8_t)(31 + parity);
	if (dev->fault == FAULT_BAD_SIGNATURE)
		sig[40] ^= 1;
	if (node->curve == CURVE_SECP256K1) {
		node_address(node, address);
		pb_put_string(&out, 1, address);
	}
	node_public(node, pub);
	pb_put_bytes(&out, 2, pub, sizeof(pub));
	pb_put_bytes(&out, 3, sig, sizeof(sig));
	wire_send(dev, MSG_SIGNED_IDENTITY, &out);
	return true;
}

void send_ciphered(struct device *dev, const struct msg_cipher *msg, const struct node *node)
{
	char key[sizeof(msg->key) + 4];
	uint8_t value[VALUE_MAX] = {0};
	struct pb_out out = {0};

	snprintf(key, sizeof(key), "%sE%cD%c", msg->key, msg->ask_encrypt ? '1' : '0',
		 msg->ask_decrypt ? '1' : '0');
	node_cipher(node, msg->encrypt, key, msg->iv.len == 16 ? msg->iv.data : NULL,
		    msg->value.data, msg->value.len, value);
	if (dev->fault == FAULT_BAD_KEY || dev->fault == FAULT_BAD_SIGNATURE)
		value[0] ^= 1;
	pb_put_bytes(&out, 1, value, msg->value.len);
	wire_send(dev, MSG_CIPHERED_KEY_VALUE, &out);
}

void put_node(struct pb_out *out, const struct node *node)
{
	struct pb_out inner = {0};
	uint8_t pub[33];

	node_public(node, pub);
	pb_put_uint(&inner, 1, node->depth);
	pb_put_uint(&inner, 2, node->parent);
	pb_put_uint(&inner, 3, node->child);
	pb_put_bytes(&inner, 4, node->chain, sizeof(node->chain));
	pb_put_bytes(&inner, 6, pub, sizeof(pub));
	pb_put_bytes(out, 1, inner.data, inner.len);
}
