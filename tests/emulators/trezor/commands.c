/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/commands.h"

#include "tests/emulators/trezor/control.h"
#include "tests/emulators/trezor/device.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_DEFAULT_MS = 5000 };

bool parse_finger(const char *text, struct device *dev)
{
	int ms = 0, end = 0;

	if (sscanf(text, "delay %d%n", &ms, &end) == 1 && text[end] == '\0' && ms >= 0) {
		dev->set.finger = FINGER_DELAY;
		dev->set.finger_ms = ms;
	} else if (!strcmp(text, "auto")) {
		dev->set.finger = FINGER_AUTO;
	} else if (!strcmp(text, "refuse")) {
		dev->set.finger = FINGER_REFUSE;
	} else if (!strcmp(text, "never")) {
		dev->set.finger = FINGER_NEVER;
	} else {
		return false;
	}
	return true;
}

bool parse_fault(const char *text, struct device *dev)
{
	static const struct {
		const char *name;
		enum fault fault;
		int args;
	} faults[] = {
		{"none", FAULT_NONE, 0},
		{"vanish", FAULT_VANISH, 1},
		{"stall", FAULT_STALL, 1},
		{"garbage", FAULT_GARBAGE, 1},
		{"mark", FAULT_MARK, 1},
		{"drop", FAULT_DROP, 1},
		{"repeat", FAULT_REPEAT, 1},
		{"swap", FAULT_SWAP, 1},
		{"length", FAULT_LENGTH, 2},
		{"type", FAULT_TYPE, 2},
		{"bad-signature", FAULT_BAD_SIGNATURE, 0},
		{"bad-key", FAULT_BAD_KEY, 0},
		{"thp", FAULT_THP, 0},
		{"failure", FAULT_FAILURE, 1},
	};
	char name[16] = "", more;
	unsigned n = 0, arg = 0;
	int got = sscanf(text, "%15s %u %u %c", name, &n, &arg, &more) - 1;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strcmp(faults[i].name, name) || faults[i].args != got)
			continue;
		device_arm(dev, faults[i].fault, n, arg);
		return true;
	}
	return false;
}

static bool ok(struct client *client, bool good, const char *otherwise)
{
	if (good)
		client_say(client, "ok");
	else
		client_say(client, "error %s", otherwise);
	return good;
}

static bool waiting_for(const struct device *dev, const char *what)
{
	return !strncmp(dev->state, what, strlen(what));
}

static void run_yes(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	if (ok(client, waiting_for(dev, "button"), "it shows no button"))
		dev->decision = DECIDE_YES;
}

static void run_no(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	if (ok(client, waiting_for(dev, "button"), "it shows no button"))
		dev->decision = DECIDE_NO;
}

static void run_buttons(struct client *client, struct device *dev, const char *args)
{
	ok(client, parse_finger(args, dev), "auto, delay MS, refuse, never");
}

static void run_unplug(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	if (!dev->gone)
		device_unplug(dev);
	client_say(client, "ok");
}

static void run_plug(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	if (!dev->gone)
		device_unplug(dev);
	dev->boot = true;
	client_wait(client, WAIT_PLUGGED, "", 0);
}

static void run_fault(struct client *client, struct device *dev, const char *args)
{
	ok(client, parse_fault(args, dev),
	   "none, vanish N, stall N, garbage N, mark N, drop N, repeat N, swap N, length N BYTES, "
	   "type N TYPE, bad-signature, bad-key, thp, failure CODE");
}

static bool is_matrix(const char *text)
{
	unsigned seen = 0;

	for (size_t i = 0; i < 9; i++) {
		if (text[i] < '1' || text[i] > '9')
			return false;
		seen |= 1u << (text[i] - '1');
	}
	return seen == 0x1ff && text[9] == '\0';
}

static void run_matrix(struct client *client, struct device *dev, const char *args)
{
	if (dev->matrix[0] == 'X') {
		client_say(client, "error it asks for no PIN");
		return;
	}
	if (is_matrix(args))
		memcpy(dev->matrix, args, 9);
	client_say(client, "%s", dev->matrix);
	client_say(client, "ok");
}

static void run_pin(struct client *client, struct device *dev, const char *args)
{
	char keys[PIN_MAX + 1] = "";
	const char *pin = args[0] ? args : dev->set.pin;
	size_t i;

	if (dev->matrix[0] == 'X') {
		client_say(client, "error it asks for no PIN");
		return;
	}
	for (i = 0; pin[i] && i < PIN_MAX; i++) {
		const char *at = strchr(dev->matrix, pin[i]);

		keys[i] = at ? (char)('1' + (at - dev->matrix)) : '0';
	}
	client_say(client, "%s", keys);
	client_say(client, "ok");
}

static void run_fails(struct client *client, struct device *dev, const char *args)
{
	if (args[0])
		dev->pin_fails = (uint32_t)strtoul(args, NULL, 10) % PIN_TRIES;
	client_say(client, "%u", dev->pin_fails);
	client_say(client, "ok");
}

static void run_session(struct client *client, struct device *dev, const char *args)
{
	size_t len = 0;
	bool good = sodium_hex2bin(dev->next_session, SESSION_LEN, args, strlen(args), NULL, &len,
				   NULL) == 0 &&
		    len == SESSION_LEN;

	if (ok(client, good, "64 hexadecimal digits: the next new session's id"))
		dev->has_next_session = true;
}

static void run_lock(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	dev->unlocked = dev->set.pin[0] == '\0';
	dev->passphrase_cached = false;
	client_say(client, "ok");
}

static void run_label(struct client *client, struct device *dev, const char *args)
{
	bool good = args[0] && strlen(args) < sizeof(dev->set.label);

	if (ok(client, good, "1 to 32 bytes"))
		strcpy(dev->set.label, args);
}

static void run_setup(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	dev->set.empty = false;
	ok(client, true, "");
}

static void run_passphrase(struct client *client, struct device *dev, const char *args)
{
	bool good = dev->set.profile == &profile_keepkey && dev->set.passphrase &&
		    strlen(args) <= PASSPHRASE_MAX;

	if (!ok(client, good, "a KeepKey with a passphrase has one for all programs"))
		return;
	session_seed(dev, &dev->sessions[0], args);
	dev->passphrase_cached = true;
}

static void run_count(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	client_say(client, "in %u out %u", dev->packets_in, dev->packets_out);
	client_say(client, "ok");
}

static void run_log(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	for (size_t i = 0; i < dev->log_len; i++)
		client_say(client, "%s %s %u %u", dev->log[i].out ? "<" : ">",
			   message_name(dev->log[i].type), dev->log[i].type, dev->log[i].packets);
	client_say(client, "ok");
}

static void run_reset(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	dev->packets_in = dev->packets_out = 0;
	dev->log_len = 0;
	client_say(client, "ok");
}

static void run_state(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	client_say(client, "%s", dev->state);
	client_say(client, "ok");
}

static void run_wait(struct client *client, struct device *dev, const char *args)
{
	char state[24] = "";
	int ms = WAIT_DEFAULT_MS;

	(void)dev;
	if (sscanf(args, "%23s %d", state, &ms) < 1) {
		client_say(client, "error wait STATE [MS]");
		return;
	}
	client_wait(client, WAIT_STATE, state, ms);
}

static void run_quiet(struct client *client, struct device *dev, const char *args)
{
	(void)dev;
	(void)args;
	client_wait(client, WAIT_QUIET, "", 0);
}

static void run_quit(struct client *client, struct device *dev, const char *args)
{
	(void)args;
	if (!dev->gone)
		device_unplug(dev);
	dev->quit = true;
	client_say(client, "ok");
}

static void run_help(struct client *client, struct device *dev, const char *args);

static const struct {
	const char *name, *args, *help;
	void (*run)(struct client *client, struct device *dev, const char *args);
} commands[] = {
	{"yes", "", "press confirm; before the ButtonAck it is remembered", run_yes},
	{"no", "", "press cancel", run_no},
	{"buttons", "auto|delay MS|refuse|never", "what the finger does by itself", run_buttons},
	{"unplug", "", "off the host, and without power", run_unplug},
	{"plug", "", "on again, after a power cycle; also while plugged in", run_plug},
	{"fault", "KIND [N [ARG]]", "from here on; `fault none` ends it", run_fault},
	{"matrix", "[123456789]", "set the keypad that is on the screen", run_matrix},
	{"pin", "[DIGITS]", "the keys to press on it for the right PIN, or for DIGITS", run_pin},
	{"pin-fails", "[N]", "read or set the count of wrong PINs", run_fails},
	{"session", "HEX", "the id of the next new session", run_session},
	{"lock", "", "as its own auto-lock", run_lock},
	{"label", "TEXT", "as another program names it", run_label},
	{"setup", "", "an empty one, as another program sets it up", run_setup},
	{"passphrase", "TEXT", "as another program has typed it", run_passphrase},
	{"count", "", "packets from and to the host", run_count},
	{"log", "", "messages: > or <, name, type, packets", run_log},
	{"reset", "", "start count and log anew", run_reset},
	{"state", "", "idle, busy, button CODE, pin, pin-delay, passphrase, unplugged", run_state},
	{"wait", "STATE [MS]", "answer when it is in that state", run_wait},
	{"quiet", "", "answer when it has read all that was sent", run_quiet},
	{"quit", "", "end the emulator", run_quit},
	{"help", "", "this list", run_help},
};

static void run_help(struct client *client, struct device *dev, const char *args)
{
	(void)dev;
	(void)args;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		client_say(client, "%s %s: %s", commands[i].name, commands[i].args,
			   commands[i].help);
	client_say(client, "ok");
}

void command_run(struct client *client, struct device *dev, char *line)
{
	char *args = strchr(line, ' ');

	if (args)
		*args++ = '\0';
	else
		args = line + strlen(line);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, line)) {
			commands[i].run(client, dev, args);
			return;
		}
	}
	client_say(client, "error no such command; `help` lists them");
}
