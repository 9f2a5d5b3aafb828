/* SPDX-License-Identifier: MIT */
/* KeepKey: waits for the person, the one session, Features. */
#include "tests/emulators/trezor/keepkey.h"

#include <string.h>

void keepkey_clear(struct device *dev)
{
	dev->passphrase_cached = false;
	dev->sessions[0].seeded = false;
}

static void put_policy(struct pb_out *out, const char *name, bool on)
{
	struct pb_out policy = {0};

	pb_put_string(&policy, 1, name);
	pb_put_uint(&policy, 2, on);
	pb_put_bytes(out, 18, policy.data, policy.len);
}

/* after_power_cycle: what the firmware's emulator said of itself once it had read its flash back.
 */
void keepkey_features(struct device *dev)
{
	const struct settings *set = &dev->set;
	struct pb_out out = {0};

	pb_put_string(&out, 1, "keepkey.com");
	pb_put_uint(&out, 2, 7);
	pb_put_uint(&out, 3, 10);
	pb_put_uint(&out, 4, 0);
	pb_put_string(&out, 6, set->device_id);
	pb_put_uint(&out, 7, set->pin[0] != '\0');
	pb_put_uint(&out, 8, set->passphrase);
	if (!set->empty) {
		pb_put_string(&out, 9, "english");
		pb_put_string(&out, 10, set->label);
	}
	pb_put_uint(&out, 12, !set->empty);
	pb_put_string(&out, 13, "3d8dec49e04505b99373b9c1b71c7c3c177373c5");
	pb_put_uint(&out, 15, !set->empty);
	pb_put_uint(&out, 16, dev->unlocked);
	pb_put_uint(&out, 17, dev->passphrase_cached);
	put_policy(&out, "ShapeShift", false);
	put_policy(&out, "Pin Caching", true);
	put_policy(&out, "Experimental", set->after_power_cycle);
	put_policy(&out, "AdvancedMode", set->after_power_cycle);
	pb_put_string(&out, 21, "K1-14AM");
	pb_put_string(&out, 22, "Emulator");
	pb_put_uint(&out, 24, set->after_power_cycle);
	if (set->after_power_cycle)
		pb_put_uint(&out, 25, 0);
	pb_put_uint(&out, 26, 600000);
	wire_send(dev, MSG_FEATURES, &out);
}

void keepkey_initialize(struct device *dev)
{
	keepkey_clear(dev);
	keepkey_features(dev);
}

static bool owes_features(struct device *dev)
{
	bool owes = dev->initialize_aborts;

	dev->initialize_aborts = false;
	if (owes)
		keepkey_initialize(dev);
	return owes;
}

void keepkey_fail(struct device *dev, enum failure code, const char *text)
{
	if (!owes_features(dev))
		send_failure(dev, code, text);
}

void keepkey_succeed(struct device *dev, const char *text)
{
	if (!owes_features(dev))
		send_text(dev, MSG_SUCCESS, true, text);
}

/* One turn of a wait: the type of the Ack, Cancel or Initialize that came, or MSG_NONE. Unlike the
 * Trezor, it keeps nothing for a later wait. */
static uint16_t poll_tiny(struct device *dev, int ms, bool *here)
{
	dev->tiny_type = MSG_NONE;
	dev->tiny = true;
	*here = device_pump(dev, ms);
	dev->tiny = false;
	return dev->tiny_type;
}

bool keepkey_confirm(struct device *dev, uint32_t code)
{
	enum decision decision = DECIDE_NOTHING;
	bool acked = false, here = true;
	int64_t since = 0;
	int wait = -1;

	dev->initialize_aborts = false;
	send_button_request(dev, code);
	device_state(dev, "button", code);
	while (here && decision == DECIDE_NOTHING) {
		uint16_t type = poll_tiny(dev, wait, &here);

		if (type == MSG_CANCEL || type == MSG_INITIALIZE) {
			dev->initialize_aborts = type == MSG_INITIALIZE;
			break;
		}
		if (type == MSG_BUTTON_ACK && !acked) {
			acked = true;
			since = now_ms();
		}
		if (acked)
			decision = finger_decides(dev, since, &wait);
	}
	device_state(dev, "busy", 0);
	return decision == DECIDE_YES && here;
}

/* The PIN as typed on the shuffled keypad, decoded; false after the Failure. */
static bool ask_pin(struct device *dev, char pin[static PIN_MAX + 1])
{
	struct pb_out out = {0};
	uint16_t type = MSG_NONE;
	bool here = true, got = false;

	dev->initialize_aborts = false;
	matrix_shuffle(dev);
	pb_put_uint(&out, 1, 1);
	wire_send(dev, MSG_PIN_MATRIX_REQUEST, &out);
	device_state(dev, "pin", 0);
	while (here && type != MSG_PIN_MATRIX_ACK && type != MSG_CANCEL && type != MSG_INITIALIZE)
		type = poll_tiny(dev, -1, &here);
	if (!here)
		return false;
	dev->initialize_aborts = type == MSG_INITIALIZE;
	if (type == MSG_PIN_MATRIX_ACK) {
		memcpy(pin, dev->tiny_message.pin.pin, PIN_MAX + 1);
		got = pin[0] && matrix_decode(dev, pin);
	}
	memset(dev->matrix, 'X', 9);
	device_state(dev, "busy", 0);
	if (!got)
		keepkey_fail(
			dev, FAIL_PIN_CANCELLED,
			type == MSG_PIN_MATRIX_ACK
				? "PIN must be at least 1 digit consisting of numbers from 1 to 9"
				: "PIN Cancelled");
	return got;
}

/* From the third failure on it waits, deaf, before it asks: 2^n - 1 "seconds" of 1.1 s. */
bool keepkey_protect_pin(struct device *dev)
{
	char pin[PIN_MAX + 1] = "";
	uint64_t wait = ((1ull << dev->pin_fails) - 1) * 1100 * dev->set.pin_scale / 100;

	if (dev->unlocked)
		return true;
	if (dev->pin_fails > 2) {
		device_state(dev, "pin-delay", 0);
		if (!device_sleep(dev, (uint32_t)wait))
			return false;
	}
	if (!ask_pin(dev, pin))
		return false;
	if (strcmp(pin, dev->set.pin)) {
		if (dev->pin_fails < 20)
			dev->pin_fails++;
		keepkey_fail(dev, FAIL_PIN_INVALID, "Invalid PIN");
		return false;
	}
	dev->pin_fails = 0;
	dev->unlocked = true;
	return true;
}

bool keepkey_protect_passphrase(struct device *dev)
{
	char text[PASSPHRASE_MAX + 1] = "";
	uint16_t type = MSG_NONE;
	bool here = true;

	if (dev->set.passphrase && !dev->passphrase_cached) {
		dev->initialize_aborts = false;
		send_text(dev, MSG_PASSPHRASE_REQUEST, false, NULL);
		device_state(dev, "passphrase", 0);
		while (here && type != MSG_PASSPHRASE_ACK && type != MSG_CANCEL &&
		       type != MSG_INITIALIZE)
			type = poll_tiny(dev, -1, &here);
		device_state(dev, "busy", 0);
		if (!here || type != MSG_PASSPHRASE_ACK) {
			dev->initialize_aborts = here && type == MSG_INITIALIZE;
			return false;
		}
		memcpy(text, dev->tiny_message.passphrase.text, sizeof(text));
		/* A refusal of this one changes nothing, not even by the host. */
		(void)keepkey_confirm(dev, 1);
		if (dev->gone)
			return false;
		dev->passphrase_cached = true;
		dev->sessions[0].seeded = false;
	}
	if (!dev->sessions[0].seeded)
		session_seed(dev, &dev->sessions[0], text);
	return true;
}

const uint8_t *keepkey_seed(struct device *dev)
{
	return dev->sessions[0].seed;
}

void keepkey_packet_tiny(struct device *dev, const uint8_t *packet, size_t len)
{
	static const struct {
		uint16_t type;
		const struct pb_desc *desc;
	} acks[] = {
		{MSG_PIN_MATRIX_ACK, &desc_keepkey_pin},
		{MSG_BUTTON_ACK, &desc_empty},
		{MSG_PASSPHRASE_ACK, &desc_keepkey_passphrase},
		{MSG_CANCEL, &desc_empty},
		{MSG_INITIALIZE, &desc_empty},
	};
	uint16_t type = (uint16_t)(packet[3] << 8 | packet[4]);
	uint32_t size = be32(packet + 5);
	const struct pb_desc *desc = NULL;

	if (len != PACKET_LEN)
		return;
	if (memcmp(packet, "?##", 3) || size > PACKET_LEN - 9) {
		keepkey_fail(dev, FAIL_UNEXPECTED, "Malformed tiny packet");
		return;
	}
	log_message(dev, false, type, 1);
	for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++)
		if (acks[i].type == type)
			desc = acks[i].desc;
	memset(&dev->tiny_message, 0, sizeof(dev->tiny_message));
	if (!desc)
		keepkey_fail(dev, FAIL_UNEXPECTED, "Unknown message");
	else if (pb_decode(desc, &profile_keepkey.dialect, packet + 9, size, &dev->tiny_message))
		keepkey_fail(dev, FAIL_DATA, "Malformed tiny packet");
	else
		dev->tiny_type = type;
}
