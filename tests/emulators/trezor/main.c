/* SPDX-License-Identifier: MIT */
/* An emulated Trezor One or KeepKey. `trezor --help`; commands while it runs: control.h. */
#include "tests/emulators/trezor/control.h"
#include "tests/emulators/trezor/device.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: trezor [OPTION...]\n"
	"       trezor tell SOCKET COMMAND...\n"
	"  --profile trezor-one|keepkey  (trezor-one)\n"
	"  --port N            UDP port on 127.0.0.1; 0: any (0). Printed as \"port N\" when "
	"ready\n"
	"  --usb KIND          instead: a USB device on vhci_hcd, with the firmware that was "
	"webusb,\n"
	"                      hid or hid-v1\n"
	"  --control PATH      Unix socket for commands; `trezor tell PATH help` lists them\n"
	"  --mnemonic WORDS    the wallet (all x 12); not checked\n"
	"  --seed HEX          64 bytes instead of words\n"
	"  --empty             no wallet\n"
	"  --label TEXT        (peer)   --device-id HEX24\n"
	"  --pin DIGITS        (none)   --unlocked: it has been typed already\n"
	"  --pin-scale N       per cent of the real delays for wrong PINs (100)\n"
	"  --passphrase        passphrase protection on\n"
	"  --buttons MODE      auto, 'delay MS', refuse, never (auto)\n"
	"  --fault 'KIND N'    as the command `fault`\n"
	"  --after-power-cycle KeepKey's Features as its emulator gave them after one\n";

/* What is not in struct device. */
struct options {
	const char *control, *usb;
	uint16_t port;
};

static bool set_text(char *to, size_t size, const char *from, const char *allowed)
{
	if (strlen(from) >= size || (allowed && strspn(from, allowed) != strlen(from)))
		return false;
	strcpy(to, from);
	return true;
}

static bool set_seed(struct settings *set, const char *hex)
{
	size_t len = 0;

	set->has_seed = true;
	return sodium_hex2bin(set->seed, SEED_LEN, hex, strlen(hex), NULL, &len, NULL) == 0 &&
	       len == SEED_LEN;
}

static bool set_profile(struct settings *set, const char *name)
{
	set->profile = !strcmp(name, profile_keepkey.name) ? &profile_keepkey : &profile_trezor_one;
	return !strcmp(name, set->profile->name);
}

static bool set_option(struct device *dev, struct options *options, int option, const char *arg)
{
	struct settings *set = &dev->set;

	switch (option) {
	case 'p':
		return set_profile(set, arg);
	case 'u':
		options->port = (uint16_t)strtoul(arg, NULL, 10);
		return true;
	case 'x':
		options->usb = arg;
		return true;
	case 'c':
		options->control = arg;
		return true;
	case 'm':
		return set_text(set->mnemonic, sizeof(set->mnemonic), arg, NULL);
	case 's':
		return set_seed(set, arg);
	case 'e':
		return set->empty = true;
	case 'l':
		return set_text(set->label, sizeof(set->label), arg, NULL);
	case 'd':
		return set_text(set->device_id, sizeof(set->device_id), arg, "0123456789ABCDEF");
	case 'P':
		return set_text(set->pin, set->profile == &profile_keepkey ? 10 : sizeof(set->pin),
				arg, "123456789");
	case 'U':
		return set->unlocked = true;
	case 'S':
		set->pin_scale = (uint32_t)strtoul(arg, NULL, 10);
		return true;
	case 'w':
		return set->passphrase = true;
	case 'b':
		return parse_finger(arg, dev);
	case 'f':
		return parse_fault(arg, dev);
	case 'a':
		return set->after_power_cycle = true;
	}
	return false;
}

static bool set_options(struct device *dev, struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"profile", required_argument, NULL, 'p'},
		{"port", required_argument, NULL, 'u'},
		{"usb", required_argument, NULL, 'x'},
		{"control", required_argument, NULL, 'c'},
		{"mnemonic", required_argument, NULL, 'm'},
		{"seed", required_argument, NULL, 's'},
		{"empty", no_argument, NULL, 'e'},
		{"label", required_argument, NULL, 'l'},
		{"device-id", required_argument, NULL, 'd'},
		{"pin", required_argument, NULL, 'P'},
		{"unlocked", no_argument, NULL, 'U'},
		{"pin-scale", required_argument, NULL, 'S'},
		{"passphrase", no_argument, NULL, 'w'},
		{"buttons", required_argument, NULL, 'b'},
		{"fault", required_argument, NULL, 'f'},
		{"after-power-cycle", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!set_option(dev, options, option, optarg)) {
			if (option != 'h' && option != '?')
				fprintf(stderr, "trezor: '%s' is no good there\n",
					optarg ? optarg : "");
			fputs(usage, option == 'h' ? stdout : stderr);
			return false;
		}
	}
	if (optind != argc || (dev->set.has_seed && dev->set.passphrase)) {
		fputs(optind != argc ? usage : "trezor: a passphrase needs --mnemonic\n", stderr);
		return false;
	}
	return true;
}

static bool plug_in(struct device *dev)
{
	bool there = dev->port->ops->attach(dev->port);

	device_boot(dev);
	if (!there)
		device_unplug(dev);
	return there;
}

static void run(struct device *dev)
{
	while (!dev->quit) {
		if (dev->boot) {
			if (dev->fault == FAULT_VANISH || dev->fault == FAULT_STALL)
				dev->fault = FAULT_NONE;
			control_plugged(dev->control, plug_in(dev));
		}
		device_pump(dev, -1);
	}
}

static int tell(int argc, char **argv)
{
	char command[512] = "";

	for (int i = 3; i < argc; i++) {
		size_t len = strlen(command);

		snprintf(command + len, sizeof(command) - len, "%s%s", len ? " " : "", argv[i]);
	}
	return control_tell(argv[2], command);
}

int main(int argc, char **argv)
{
	struct device *dev = calloc(1, sizeof(*dev));
	struct options options = {0};
	int status = 2;

	if (argc > 3 && !strcmp(argv[1], "tell")) {
		free(dev);
		return tell(argc, argv);
	}
	if (!dev || sodium_init() < 0)
		abort();
	dev->set = (struct settings){
		.profile = &profile_trezor_one,
		.mnemonic = "all all all all all all all all all all all all",
		.label = "peer",
		.device_id = "A210790899570787245CA692",
		.pin_scale = 100,
	};
	if (!set_options(dev, &options, argc, argv))
		goto out;
	status = 1;
	dev->control = control_open(options.control);
	dev->port = options.usb ? port_usb_open(dev->set.profile->name, options.usb,
						dev->set.device_id, dev->set.label)
				: port_udp_open(options.port);
	if (!dev->control || !dev->port || !plug_in(dev))
		goto out;
	dev->unlocked = dev->unlocked || dev->set.unlocked;
	printf("port %s\n", dev->port->ops->name(dev->port));
	fflush(stdout);
	run(dev);
	status = 0;
out:
	if (dev->port)
		dev->port->ops->close(dev->port);
	if (dev->control)
		control_close(dev->control);
	free(dev);
	return status;
}
