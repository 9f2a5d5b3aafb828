/* SPDX-License-Identifier: MIT */
#include "devices/trezor/messages.h"

#include <stdio.h>
#include <string.h>

#include "devices/trezor/messages.pb-c.h"
#include "protocol/text.h"

enum { CAPABILITY_PASSPHRASE_ENTRY = 17 };

/* ---- memory ---- */

static void *arena_alloc(void *arg, size_t n)
{
	struct arena *a = arg;
	size_t rest = sizeof(a->p) - a->used;

	if (n > rest || rest - n < 16)
		return NULL;
	void *p = a->p + a->used;
	a->used += (n + 15) / 16 * 16;
	return p;
}

static void arena_free(void *arg, void *p)
{
	(void)arg, (void)p; /* all at once, in arena_end() */
}

/* NULL: it is no such message. arena_end() comes after the last look at it. */
static void *unpack(const ProtobufCMessageDescriptor *type, const struct wire_message *m,
		    struct arena *a)
{
	ProtobufCAllocator allocator = {arena_alloc, arena_free, a};

	a->used = 0;
	return protobuf_c_message_unpack(type, &allocator, m->n, m->p);
}

static enum err arena_end(struct arena *a, bool good)
{
	secret_wipe(a->p, a->used);
	a->used = 0;
	return good ? ERR_OK : ERR_DEVICE_ERROR;
}

/* ---- writers ---- */

static enum err pack(struct wire_message *m, enum message_type type, const ProtobufCMessage *from)
{
	m->type = (uint16_t)type;
	m->n = 0;
	if (protobuf_c_message_get_packed_size(from) > sizeof(m->p))
		return ERR_TOO_LARGE;
	m->n = protobuf_c_message_pack(from, m->p);
	return ERR_OK;
}

static ProtobufCBinaryData bytes_of(struct slice s)
{
	return (ProtobufCBinaryData){s.n, (uint8_t *)s.p}; /* protobuf-c only reads it */
}

static struct slice slice_of_text(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}

void message_empty(struct wire_message *m, enum message_type type)
{
	m->type = (uint16_t)type;
	m->n = 0;
}

enum err message_initialize(struct wire_message *m, const uint8_t *session)
{
	Wallet__Initialize msg = WALLET__INITIALIZE__INIT;

	msg.has_session_id = session != NULL;
	msg.session_id = bytes_of((struct slice){session, SESSION_LEN});
	return pack(m, MSG_INITIALIZE, &msg.base);
}

enum err message_pin(struct wire_message *m, struct slice pin)
{
	Wallet__PinMatrixAck msg = WALLET__PIN_MATRIX_ACK__INIT;

	msg.pin = bytes_of(pin);
	return pack(m, MSG_PIN_ACK, &msg.base);
}

enum err message_passphrase(struct wire_message *m, struct slice passphrase, bool on_device)
{
	Wallet__PassphraseAck msg = WALLET__PASSPHRASE_ACK__INIT;

	msg.has_passphrase = !on_device;
	msg.passphrase = bytes_of(passphrase);
	msg.has_on_device = msg.on_device = on_device;
	return pack(m, MSG_PASSPHRASE_ACK, &msg.base);
}

enum err message_get_public_key(struct wire_message *m, const uint32_t path[static PATH_LEN],
				enum curve curve)
{
	Wallet__GetPublicKey msg = WALLET__GET_PUBLIC_KEY__INIT;

	msg.n_address_n = PATH_LEN;
	msg.address_n = (uint32_t *)path;
	msg.has_ecdsa_curve_name = true;
	msg.ecdsa_curve_name = bytes_of(slice_of_text(curve_name(curve)));
	return pack(m, MSG_GET_PUBLIC_KEY, &msg.base);
}

/* An absent part and an empty one are the same to the devices. */
static void set_identity(Wallet__Identity *msg, const struct identity *id)
{
	msg->proto = bytes_of(IDENTITY_PART(id, proto));
	msg->user = bytes_of(IDENTITY_PART(id, user));
	msg->host = bytes_of(IDENTITY_PART(id, host));
	msg->port = bytes_of(IDENTITY_PART(id, port));
	msg->path = bytes_of(IDENTITY_PART(id, path));
	msg->has_proto = true;
	msg->has_user = msg->user.len > 0;
	msg->has_host = true;
	msg->has_port = msg->port.len > 0;
	msg->has_path = msg->path.len > 0;
	msg->has_index = true;
	msg->index = id->index;
}

enum err message_sign(struct wire_message *m, const struct identity *id, struct slice data,
		      const char *visual)
{
	Wallet__Identity identity = WALLET__IDENTITY__INIT;
	Wallet__SignIdentity msg = WALLET__SIGN_IDENTITY__INIT;

	set_identity(&identity, id);
	msg.identity = &identity;
	msg.has_challenge_hidden = true;
	msg.challenge_hidden = bytes_of(data);
	msg.has_challenge_visual = visual != NULL;
	msg.challenge_visual = bytes_of(slice_of_text(visual ? visual : ""));
	msg.has_ecdsa_curve_name = true;
	msg.ecdsa_curve_name = bytes_of(slice_of_text(curve_name(id->curve)));
	return pack(m, MSG_SIGN_IDENTITY, &msg.base);
}

enum err message_ecdh(struct wire_message *m, const struct identity *id, enum curve curve,
		      struct slice peer)
{
	Wallet__Identity identity = WALLET__IDENTITY__INIT;
	Wallet__GetECDHSessionKey msg = WALLET__GET_ECDHSESSION_KEY__INIT;

	set_identity(&identity, id);
	msg.identity = &identity;
	msg.peer_public_key = bytes_of(peer);
	msg.has_ecdsa_curve_name = true;
	msg.ecdsa_curve_name = bytes_of(slice_of_text(curve_name(curve)));
	return pack(m, MSG_GET_ECDH_SESSION_KEY, &msg.base);
}

enum err message_cipher(struct wire_message *m, const uint32_t path[static PATH_LEN],
			struct slice key, struct slice value)
{
	Wallet__CipherKeyValue msg = WALLET__CIPHER_KEY_VALUE__INIT;

	msg.n_address_n = PATH_LEN;
	msg.address_n = (uint32_t *)path;
	msg.has_key = msg.has_value = msg.has_encrypt = true;
	msg.key = bytes_of(key);
	msg.value = bytes_of(value);
	msg.encrypt = true;
	msg.has_ask_on_encrypt = msg.ask_on_encrypt = true;
	msg.has_ask_on_decrypt = msg.ask_on_decrypt = true;
	return pack(m, MSG_CIPHER_KEY_VALUE, &msg.base);
}

/* ---- readers ---- */

static bool bytes_are(ProtobufCBinaryData b, const char *text)
{
	return slice_is((struct slice){b.data, b.len}, text);
}

/* Cut to fit; what is not printable ASCII, a space included, becomes '_'. */
static void set_word(char *out, size_t cap, ProtobufCBinaryData b)
{
	size_t n = b.len < cap - 1 ? b.len : cap - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = b.data[i] > 0x20 && b.data[i] < 0x7F ? (char)b.data[i] : '_';
	out[n] = '\0';
}

static void set_model(struct features *f, const Wallet__Features *msg)
{
	static const struct {
		const char *internal, *old, *name;
		bool small;
	} models[] = {
		{"T1B1", "1", "Trezor One", true},   {"T2T1", "T", "Trezor T", false},
		{"T2B1", "Safe 3", "Safe 3", false}, {"T3B1", NULL, "Safe 3", false},
		{"T3T1", "Safe 5", "Safe 5", false},
	};

	/* Before there were others, a Trezor One did not say that it is one. */
	bool first = !msg->has_internal_model && !msg->has_model;

	f->keepkey = bytes_are(msg->vendor, "keepkey.com");
	f->small = f->keepkey || first;
	snprintf(f->model, sizeof(f->model), "%s",
		 f->keepkey ? "KeepKey"
		 : first    ? "Trezor One"
			    : "Trezor");
	for (size_t i = 0; !f->keepkey && !first && i < sizeof(models) / sizeof(models[0]); i++) {
		if (msg->has_internal_model
			    ? !bytes_are(msg->internal_model, models[i].internal)
			    : !models[i].old || !bytes_are(msg->model, models[i].old))
			continue;
		snprintf(f->model, sizeof(f->model), "%s", models[i].name);
		f->small = models[i].small;
	}
}

static void set_features(struct features *f, const Wallet__Features *msg)
{
	*f = (struct features){
		.bootloader = msg->bootloader_mode,
		.initialized = msg->initialized,
		.has_pin = msg->pin_protection,
		.has_passphrase = msg->passphrase_protection,
		.unlocked = !msg->pin_protection || msg->unlocked,
		.has_session = msg->session_id.len == SESSION_LEN,
	};
	set_model(f, msg);
	set_word(f->serial, sizeof(f->serial), msg->device_id);
	set_word(f->label, sizeof(f->label), msg->label);
	snprintf(f->firmware, sizeof(f->firmware), "%u.%u.%u", (unsigned)msg->major_version,
		 (unsigned)msg->minor_version, (unsigned)msg->patch_version);
	for (size_t i = 0; i < msg->n_capabilities; i++)
		f->keyboard |= msg->capabilities[i] == CAPABILITY_PASSPHRASE_ENTRY;
	if (f->has_session)
		memcpy(f->session, msg->session_id.data, SESSION_LEN);
	if (!f->label[0])
		set_word(f->label, sizeof(f->label),
			 (ProtobufCBinaryData){strlen(f->model), (uint8_t *)f->model});
}

enum err message_read_features(const struct wire_message *m, struct arena *a, struct features *out)
{
	const Wallet__Features *msg = unpack(&wallet__features__descriptor, m, a);

	if (msg)
		set_features(out, msg);
	return arena_end(a, msg != NULL);
}

enum err message_read_failure(const struct wire_message *m, struct arena *a, uint32_t *code,
			      char *text, size_t cap)
{
	const Wallet__Failure *msg = unpack(&wallet__failure__descriptor, m, a);

	if (msg) {
		*code = msg->code;
		text_clean(text, cap, msg->message.data, msg->message.len);
	}
	return arena_end(a, msg != NULL);
}

enum err message_read_button(const struct wire_message *m, struct arena *a, uint32_t *code)
{
	const Wallet__ButtonRequest *msg = unpack(&wallet__button_request__descriptor, m, a);

	if (msg)
		*code = msg->code;
	return arena_end(a, msg != NULL);
}

/* Firmware knows two prefixes for what is not compressed SEC 1. */
static bool get_public_key(uint8_t out[static PUBLIC_KEY_LEN], ProtobufCBinaryData b,
			   enum curve curve)
{
	if (b.len != PUBLIC_KEY_LEN)
		return false;
	memcpy(out, b.data, PUBLIC_KEY_LEN);
	if ((curve == CURVE_ED25519 || curve == CURVE_CURVE25519) && out[0] == 0x01)
		out[0] = 0x00;
	return true;
}

enum err message_read_public_key(const struct wire_message *m, struct arena *a, enum curve curve,
				 uint8_t out[static PUBLIC_KEY_LEN])
{
	const Wallet__PublicKey *msg = unpack(&wallet__public_key__descriptor, m, a);

	return arena_end(a, msg && get_public_key(out, msg->node->public_key, curve));
}

enum err message_read_signature(const struct wire_message *m, struct arena *a, enum curve curve,
				uint8_t pub[static PUBLIC_KEY_LEN],
				uint8_t sig[static SIGNATURE_LEN])
{
	const Wallet__SignedIdentity *msg = unpack(&wallet__signed_identity__descriptor, m, a);
	bool good = msg && get_public_key(pub, msg->public_key, curve) &&
		    msg->signature.len == 1 + SIGNATURE_LEN;

	/* The first byte is 0, or how to recover the public key from it, which we know. */
	if (good)
		memcpy(sig, msg->signature.data + 1, SIGNATURE_LEN);
	return arena_end(a, good);
}

enum err message_read_shared(const struct wire_message *m, struct arena *a, enum curve curve,
			     uint8_t pub[static PUBLIC_KEY_LEN], bool *has_pub,
			     struct secret *shared)
{
	static const uint8_t zero[SHARED_MAX];
	const Wallet__ECDHSessionKey *msg = unpack(&wallet__ecdhsession_key__descriptor, m, a);
	bool x = curve == CURVE_CURVE25519; /* 04 and the coordinate */
	bool good = msg && msg->session_key.len == (x ? 33 : SHARED_MAX) &&
		    msg->session_key.data[0] == 0x04 &&
		    !secret_equal(msg->session_key.data + 1, zero, msg->session_key.len - 1);

	*has_pub = good && msg->has_public_key;
	if (*has_pub)
		good = get_public_key(pub, msg->public_key, curve);
	enum err e = ERR_OK;
	if (good)
		e = secret_copy(shared, msg->session_key.data + x, msg->session_key.len - x);
	enum err end = arena_end(a, good);
	return e ? e : end;
}

enum err message_read_cipher(const struct wire_message *m, struct arena *a, uint8_t out[static 32])
{
	const Wallet__CipheredKeyValue *msg = unpack(&wallet__ciphered_key_value__descriptor, m, a);
	bool good = msg && msg->value.len == 32;

	if (good)
		memcpy(out, msg->value.data, 32);
	return arena_end(a, good);
}
