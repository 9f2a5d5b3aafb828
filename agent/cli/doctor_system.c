/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/doctor.h"

/* ---- what the machine is ---- */

void doctor_machine(const struct doctor *d)
{
	char text[300];

	if (doctor_read(d, text, sizeof(text), "/proc/sys/kernel/osrelease") &&
	    strcasestr(text, "microsoft") != NULL)
		doctor_say(d, "wsl", DOCTOR_NOTE,
			   "usbipd list; usbipd bind --busid BUSID; usbipd attach --wsl --busid "
			   "BUSID",
			   "this is WSL: a USB device is handed to it from Windows, in an "
			   "administrator's PowerShell");
	if (doctor_exists(d, "/.dockerenv") || doctor_exists(d, "/run/.containerenv") ||
	    doctor_exists(d, "/run/systemd/container"))
		doctor_say(d, "container", DOCTOR_NOTE, NULL,
			   "this is a container: devices have to be given to it "
			   "(--device=/dev/bus/usb), and the agent of the host is used by its "
			   "socket, mounted in");
}

/* ---- what is written to disk ---- */

/* Lines after the head: areas that are in use. */
static bool has_swap(const struct doctor *d)
{
	char text[2048];
	const char *line = NULL;

	if (doctor_read(d, text, sizeof(text), "/proc/swaps"))
		line = strchr(text, '\n');
	return line != NULL && line[1] != '\0';
}

void doctor_swap(const struct doctor *d)
{
	char state[100], resume[40];
	bool hibernates = doctor_read(d, state, sizeof(state), "/sys/power/state") &&
			  strstr(state, "disk") != NULL && has_swap(d);

	/* "0:0": nothing to resume from was configured. */
	if (hibernates && doctor_read(d, resume, sizeof(resume), "/sys/power/resume"))
		hibernates = strcmp(resume, "0:0") != 0;
	if (!hibernates)
		doctor_say(d, "hibernation", DOCTOR_OK, NULL,
			   "this machine does not hibernate; locked memory is not swapped");
	else if (d->hears_of_sleep)
		doctor_say(
			d, "hibernation", DOCTOR_OK, NULL,
			"this machine can hibernate; with `sleep` in lock-on the agent is locked "
			"before it");
	else if (doctor_exists(d, "/run/systemd/seats"))
		doctor_say(d, "hibernation", DOCTOR_NOTE, "lanyard lock",
			   "hibernation writes all memory to disk, locked memory too: lock before "
			   "it, unless the swap is encrypted");
	else
		doctor_say(d, "hibernation", DOCTOR_TODO, "lanyard lock",
			   "hibernation writes all memory to disk, locked memory too, and without "
			   "logind nothing tells of it: lock before it");
}

/* ---- USB ---- */

/* Makers' numbers; product 0: all of theirs. */
static const struct maker {
	unsigned vendor, product;
	const char *name;
	bool ours; /* a rule of lanyard's own is for it */
} makers[] = {
	{0x534c, 0x0001, "Trezor One", true},
	{0x1209, 0x53c0, "Trezor", true},
	{0x1209, 0x53c1, "Trezor", true},
	{0x2b24, 0x0001, "KeepKey", true},
	{0x2b24, 0x0002, "KeepKey", true},
	{0x2c97, 0, "Ledger", false},
	{0x1050, 0, "YubiKey", false},
	{0x20a0, 0x42b1, "Nitrokey FIDO2", false},
	{0x20a0, 0x42b2, "Nitrokey 3", false},
	{0x20a0, 0x4108, "Nitrokey Pro", false},
	{0x20a0, 0x4211, "Nitrokey Start", false},
	{0x20a0, 0x4109, "Nitrokey Storage", false},
};

static bool read_number(const struct doctor *d, const char *device, const char *name, int base,
			unsigned *out)
{
	char text[16], *end;
	unsigned long value;

	if (!doctor_read(d, text, sizeof(text), "/sys/bus/usb/devices/%s/%s", device, name))
		return false;
	value = strtoul(text, &end, base);
	*out = (unsigned)value;
	return end != text && *end == '\0' && value <= 0xFFFF;
}

static const struct maker *find_maker(unsigned vendor, unsigned product)
{
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		if (makers[i].vendor == vendor &&
		    (makers[i].product == 0 || makers[i].product == product))
			return &makers[i];
	return NULL;
}

static void check_node(const struct doctor *d, const struct maker *m, unsigned bus, unsigned number)
{
	char node[40], path[PATH_MAX];
	bool rule = doctor_exists(d, "/usr/local/lib/udev/rules.d/70-lanyard.rules") ||
		    doctor_exists(d, "/usr/lib/udev/rules.d/70-lanyard.rules") ||
		    doctor_exists(d, "/etc/udev/rules.d/70-lanyard.rules");

	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", bus, number);
	if ((size_t)snprintf(path, sizeof(path), "%s%s", d->root, node) >= sizeof(path))
		return;
	if (access(path, F_OK) != 0)
		doctor_say(
			d, "usb", DOCTOR_TODO, NULL,
			"%s is plugged in, but its node %s is not here: a container, or no udevd",
			m->name, node);
	else if (access(path, R_OK | W_OK) == 0)
		doctor_say(d, "usb", DOCTOR_OK, NULL, "%s at %s may be used", m->name, node);
	else if (!m->ours)
		doctor_say(d, "usb", DOCTOR_NOTE, "sudo apt install libfido2-1 libu2f-udev",
			   "%s at %s may not be used over USB by this user", m->name, node);
	else if (!rule)
		doctor_say(
			d, "usb", DOCTOR_TODO,
			"sudo make install; sudo systemd-sysusers; sudo udevadm control --reload; "
			"sudo udevadm trigger",
			"%s at %s may not be used by this user, and the udev rule "
			"70-lanyard.rules is not installed",
			m->name, node);
	else
		doctor_say(d, "usb", DOCTOR_TODO,
			   "sudo udevadm control --reload; sudo udevadm trigger; sudo usermod -aG "
			   "lanyard $USER",
			   "%s at %s may not be used by this user: the rule is for who sits at the "
			   "machine, and for the group lanyard (log in again)",
			   m->name, node);
}

void doctor_usb(const struct doctor *d)
{
	char path[PATH_MAX];
	unsigned vendor, product, bus, number;
	struct dirent *entry;
	DIR *dir;

	if ((size_t)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", d->root) >= sizeof(path))
		return;
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const struct maker *m;

		if (!read_number(d, entry->d_name, "idVendor", 16, &vendor) ||
		    !read_number(d, entry->d_name, "idProduct", 16, &product) ||
		    !read_number(d, entry->d_name, "busnum", 10, &bus) ||
		    !read_number(d, entry->d_name, "devnum", 10, &number))
			continue;
		m = find_maker(vendor, product);
		if (m != NULL)
			check_node(d, m, bus, number);
	}
	if (dir != NULL)
		closedir(dir);
}
