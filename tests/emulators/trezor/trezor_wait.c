/* SPDX-License-Identifier: MIT */
/* Trezor One: waits for the person, sessions, Features. */
#include "tests/emulators/trezor/trezor_one.h"

#include <sodium.h>
#include <string.h>

void trezor_fail(struct device *dev, enum failure code, const char *text)
{
	if (dev->initialize_aborts) {
		/* Whatever session that Initialize named, it is not resumed. */
		trezor_initialize(dev, NULL);
		dev->initialize_aborts = false;
		return;
	}
	send_failure(dev, code, text);
}

/* Cancel or Initialize in the slot ends a wait. */
static bool wait_ended(struct device *dev)
{
	bool cancel = dev->tiny_type == MSG_CANCEL;

	dev->initialize_aborts = dev->tiny_type == MSG_INITIALIZE;
	if (cancel || dev->initialize_aborts)
		dev->tiny_type = MSG_NONE;
	return cancel || dev->initialize_aborts;
}

static bool slot_has(struct device *dev, uint16_t type)
{
	if (dev->tiny_type != type)
		return false;
	dev->tiny_type = MSG_NONE;
	return true;
}

/* The first turn does not block: an Ack that came too early is still in the slot. */
enum answer trezor_button(struct device *dev, uint32_t code)
{
	enum answer answer = ANSWER_ENDED;
	bool acked = false;
	int64_t since = 0;
	int wait = 0;

	dev->tiny = true;
	send_button_request(dev, code);
	device_state(dev, "button", code);
	while (device_pump(dev, wait)) {
		enum decision decision = DECIDE_NOTHING;

		wait = -1;
		if (slot_has(dev, MSG_BUTTON_ACK)) {
			acked = true;
			since = now_ms();
		}
		if (acked)
			decision = finger_decides(dev, since, &wait);
		if (decision != DECIDE_NOTHING) {
			answer = decision == DECIDE_YES ? ANSWER_YES : ANSWER_NO;
			break;
		}
		if (wait_ended(dev))
			break;
	}
	dev->tiny = false;
	device_state(dev, "busy", 0);
	return answer;
}

/* The PIN as typed on the shuffled keypad, decoded; false if there is none. */
static bool ask_pin(struct device *dev, char pin[static PIN_MAX + 1])
{
	struct pb_out out = {0};
	bool got = false;
	int wait = 0;

	dev->tiny = true;
	pb_put_uint(&out, 1, 1);
	matrix_shuffle(dev);
	wire_send(dev, MSG_PIN_MATRIX_REQUEST, &out);
	device_state(dev, "pin", 0);
	while (device_pump(dev, wait)) {
		wait = -1;
		if (slot_has(dev, MSG_PIN_MATRIX_ACK)) {
			memcpy(pin, dev->tiny_message.pin.pin, PIN_MAX + 1);
			got = matrix_decode(dev, pin);
			break;
		}
		if (wait_ended(dev))
			break;
	}
	dev->tiny = false;
	memset(dev->matrix, 'X', 9);
	device_state(dev, "busy", 0);
	return got;
}

static uint32_t scaled(const struct device *dev, uint64_t ms)
{
	return (uint32_t)(ms * dev->set.pin_scale / 100);
}

static bool unlock(struct device *dev, const char *pin)
{
	bool right = !strcmp(pin, dev->set.pin);

	device_state(dev, "pin-delay", 0);
	device_sleep(dev, scaled(dev, ((1ull << dev->pin_fails) - 1) * 1000));
	if (!right)
		device_sleep(dev, scaled(dev, 600));
	device_state(dev, "busy", 0);
	if (dev->gone)
		return false;
	dev->pin_fails = right ? 0 : dev->pin_fails + 1;
	dev->unlocked = right;
	if (dev->pin_fails == PIN_TRIES) {
		/* Wiped; the firmware shows a message and stops. */
		dev->set.empty = true;
		dev->set.pin[0] = '\0';
		dev->pin_fails = 0;
		dev->stalled = true;
	}
	return right;
}

bool trezor_protect_pin(struct device *dev)
{
	char pin[PIN_MAX + 1] = "";

	if (dev->unlocked)
		return true;
	if (dev->set.pin[0] && !ask_pin(dev, pin)) {
		trezor_fail(dev, FAIL_PIN_CANCELLED, "protect.c:226:PIN cancelled");
		return false;
	}
	if (!unlock(dev, pin)) {
		trezor_fail(dev, FAIL_PIN_INVALID, "protect.c:233:PIN invalid");
		return false;
	}
	return true;
}

static bool ask_passphrase(struct device *dev, char text[static PASSPHRASE_MAX + 1])
{
	const struct msg_passphrase *ack = &dev->tiny_message.passphrase;
	bool got = false;
	int wait = 0;

	dev->tiny = true;
	send_text(dev, MSG_PASSPHRASE_REQUEST, false, NULL);
	device_state(dev, "passphrase", 0);
	while (device_pump(dev, wait)) {
		wait = -1;
		if (slot_has(dev, MSG_PASSPHRASE_ACK)) {
			got = ack->has_text && !ack->on_device;
			if (ack->on_device)
				trezor_fail(dev, FAIL_DATA,
					    "protect.c:386:This firmware is incapable of "
					    "passphrase entry "
					    "on the device.");
			else if (!got)
				trezor_fail(dev, FAIL_DATA,
					    "protect.c:393:No passphrase provided. Use empty "
					    "string to set "
					    "an empty passphrase.");
			else
				memcpy(text, ack->text, PASSPHRASE_MAX + 1);
			break;
		}
		if (wait_ended(dev)) {
			trezor_fail(dev, FAIL_CANCELLED, "protect.c:408:Action cancelled by user");
			break;
		}
	}
	dev->tiny = false;
	device_state(dev, "busy", 0);
	return got;
}

/* The session's seed, for which it may have to ask. */
static const uint8_t *get_seed(struct device *dev)
{
	char text[PASSPHRASE_MAX + 1] = "";

	if (!dev->session) {
		trezor_fail(dev, FAIL_SESSION, "config.c:584:Invalid session");
		return NULL;
	}
	if (dev->session->seeded)
		return dev->session->seed;
	if (dev->set.passphrase && !ask_passphrase(dev, text))
		return NULL;
	if (text[0] && trezor_button(dev, 1) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "config.c:611:Passphrase dismissed");
		return NULL;
	}
	if (text[0] && trezor_button(dev, 1) != ANSWER_YES) {
		trezor_fail(dev, FAIL_CANCELLED, "config.c:620:Passphrase dismissed");
		return NULL;
	}
	if (dev->gone)
		return NULL;
	/* While it stretches the words, it reads packets as if it waited. */
	session_seed(dev, dev->session, text);
	dev->tiny = true;
	while (device_readable(dev) && device_pump(dev, 0))
		continue;
	dev->tiny = false;
	return dev->gone ? NULL : dev->session->seed;
}

bool trezor_node(struct device *dev, struct node *node, const char *name, const uint32_t *path,
		 size_t count)
{
	const uint8_t *seed = get_seed(dev);
	enum curve curve = curve_by_name(name);

	if (!seed)
		return false;
	if (curve == CURVES) {
		trezor_fail(dev, FAIL_NOT_INITIALIZED, "config.c:712:Unsupported curve");
		return false;
	}
	node_master(node, curve, profile_trezor_one.prefix25519, seed);
	if (!node_derive(node, path, count)) {
		trezor_fail(dev, FAIL_PROCESS, "fsm.c:270:Failed to derive private key");
		return false;
	}
	return true;
}

static struct session *start_session(struct device *dev, const uint8_t *id)
{
	struct session *found = NULL, *oldest = &dev->sessions[0];

	for (size_t i = 0; i < SESSIONS; i++) {
		struct session *s = &dev->sessions[i];

		if (id && s->used && !memcmp(s->id, id, SESSION_LEN))
			found = s;
		if (!s->used ? oldest->used : oldest->used && s->last < oldest->last)
			oldest = s;
	}
	if (!found) {
		found = oldest;
		*found = (struct session){.used = true};
		randombytes_buf(found->id, SESSION_LEN);
		if (dev->has_next_session)
			memcpy(found->id, dev->next_session, SESSION_LEN);
		dev->has_next_session = false;
	}
	found->last = ++dev->session_clock;
	return found;
}

void trezor_features(struct device *dev, bool session)
{
	static const uint8_t capabilities[] = {1, 2, 5, 7, 10, 12, 14};
	static const uint8_t revision[] = {0x72, 0x5c, 0x0c, 0x01, 0x87, 0x93, 0x29,
					   0x90, 0x0f, 0x08, 0xfc, 0x45, 0x3d, 0x8f,
					   0xd0, 0xfc, 0xb4, 0xd8, 0x60, 0x90};
	static const uint8_t bootloader[] = {0x93, 0x78, 0xf2, 0xd6, 0x41, 0xbe, 0x25, 0xb1,
					     0xd9, 0xc6, 0x2d, 0x9c, 0x4d, 0x24, 0x9c, 0x7a,
					     0x44, 0x0a, 0xd3, 0x4e, 0xff, 0x62, 0x46, 0xd9,
					     0xcf, 0x25, 0xd6, 0x23, 0xa7, 0x55, 0x26, 0x7b};
	const struct settings *set = &dev->set;
	struct pb_out out = {0};

	pb_put_string(&out, 1, "trezor.io");
	pb_put_uint(&out, 2, 1);
	pb_put_uint(&out, 3, 14);
	pb_put_uint(&out, 4, 1);
	pb_put_string(&out, 6, set->device_id);
	pb_put_uint(&out, 7, set->pin[0] != '\0');
	pb_put_uint(&out, 8, set->passphrase);
	pb_put_string(&out, 9, "en-US");
	if (!set->empty)
		pb_put_string(&out, 10, set->label);
	pb_put_uint(&out, 12, !set->empty);
	pb_put_bytes(&out, 13, revision, sizeof(revision));
	pb_put_bytes(&out, 14, bootloader, sizeof(bootloader));
	if (dev->unlocked && !set->empty)
		pb_put_uint(&out, 15, 1);
	pb_put_uint(&out, 16, dev->unlocked);
	pb_put_uint(&out, 19, 0);
	pb_put_string(&out, 21, "1");
	pb_put_string(&out, 25, "EMULATOR");
	pb_put_uint(&out, 27, 0);
	pb_put_uint(&out, 28, 0);
	for (size_t i = 0; i < sizeof(capabilities); i++)
		pb_put_uint(&out, 30, capabilities[i]);
	if (dev->unlocked)
		pb_put_uint(&out, 34, 0);
	if (session)
		pb_put_bytes(&out, 35, dev->session->id, SESSION_LEN);
	pb_put_uint(&out, 37, 0);
	if (dev->unlocked)
		pb_put_uint(&out, 38, 600000);
	pb_put_uint(&out, 41, 0);
	wire_send(dev, MSG_FEATURES, &out);
}

void trezor_initialize(struct device *dev, const uint8_t *id)
{
	dev->session = start_session(dev, id);
	trezor_features(dev, true);
}
