/* SPDX-License-Identifier: MIT */
#include "devices/usb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WHERE_LEN = 64, ATTRIBUTE_LEN = 32, BUS_MAX = 999 };

struct list {
	const struct usb_id *ids;
	void (*found)(void *arg, const char *where);
	void *arg;
};

/* The beginning of a file below a directory; how much of it. */
static size_t read_file(int dir, const char *name, const char *attribute, void *out, size_t cap)
{
	char path[300];
	int n = snprintf(path, sizeof(path), "%s/%s", name, attribute);
	int fd = n > 0 && (size_t)n < sizeof(path) ? openat(dir, path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t got = fd >= 0 ? read(fd, out, cap) : -1;

	if (fd >= 0)
		close(fd);
	return got > 0 ? (size_t)got : 0;
}

/* -1: there is no such number. */
static long read_number(int dir, const char *name, const char *attribute, int base)
{
	char text[ATTRIBUTE_LEN + 1], *end;
	size_t n = read_file(dir, name, attribute, text, ATTRIBUTE_LEN);

	text[n] = '\0';
	long value = strtol(text, &end, base);
	return end != text && (*end == '\n' || *end == '\0') ? value : -1;
}

static bool is_listed(const struct list *l, long vendor, long product, bool hid, uint16_t page)
{
	for (const struct usb_id *id = l->ids; id->vendor; id++)
		if (id->vendor == vendor && id->product == product && !id->usage_page == !hid &&
		    id->usage_page == page)
			return true;
	return false;
}

/* bus/usb/devices has "1-2.3" for a device, "1-2.3:1.0" for its interfaces, "usb1" for hubs. */
static void on_device(const struct list *l, int dir, const char *name)
{
	char where[WHERE_LEN];

	if (name[0] < '0' || name[0] > '9' || strchr(name, ':'))
		return;
	long vendor = read_number(dir, name, "idVendor", 16);
	long product = read_number(dir, name, "idProduct", 16);
	if (!is_listed(l, vendor, product, false, 0))
		return;
	long number = read_number(dir, name, "devnum", 10);
	int n = snprintf(where, sizeof(where), "usb:%s/%ld", name, number);
	if (number > 0 && n > 0 && (size_t)n < sizeof(where))
		l->found(l->arg, where);
}

/* class/hidraw has "hidraw0"; its "device" leads to "…/0003:0000534C:00000001.0005" or shorter:
 * bus, vendor, product, a number. */
static void on_hidraw(const struct list *l, int dir, const char *name)
{
	char path[ATTRIBUTE_LEN], target[300], where[WHERE_LEN];
	unsigned bus, vendor, product;
	uint8_t page[3];
	enum { BUS_USB = 3, USAGE_PAGE = 0x06 /* with two bytes of data */ };

	if (strncmp(name, "hidraw", 6) ||
	    snprintf(path, sizeof(path), "%s/device", name) >= (int)sizeof(path))
		return;
	ssize_t n = readlinkat(dir, path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	const char *last = strrchr(target, '/');
	if (sscanf(last ? last + 1 : target, "%4x:%8x:%8x.", &bus, &vendor, &product) != 3 ||
	    bus != BUS_USB ||
	    read_file(dir, name, "device/report_descriptor", page, sizeof(page)) != sizeof(page) ||
	    page[0] != USAGE_PAGE ||
	    !is_listed(l, vendor, product, true, (uint16_t)(page[1] | page[2] << 8)))
		return;
	int len = snprintf(where, sizeof(where), "hid:/dev/%s", name);
	if (len > 0 && (size_t)len < sizeof(where))
		l->found(l->arg, where);
}

static enum err each(const struct list *l, const char *sysfs, const char *below,
		     void (*on)(const struct list *l, int dir, const char *name))
{
	char path[300];
	int n = snprintf(path, sizeof(path), "%s/%s", sysfs, below);

	if (n < 0 || (size_t)n >= sizeof(path))
		return ERR_TOO_LARGE;
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? ERR_OK : ERR_IO;
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			on(l, dirfd(dir), entry->d_name);
	closedir(dir);
	return ERR_OK;
}

enum err usb_list(const char *sysfs, const struct usb_id *ids,
		  void (*found)(void *arg, const char *where), void *arg)
{
	const struct list l = {.ids = ids, .found = found, .arg = arg};
	enum err e = each(&l, sysfs, "bus/usb/devices", on_device);

	return e ? e : each(&l, sysfs, "class/hidraw", on_hidraw);
}

enum err usb_node(char *out, size_t cap, const char *place)
{
	const char *slash = strchr(place, '/');
	char *end = NULL;
	long bus = strtol(place, &end, 10);
	bool good = slash && end > place && *end == '-' && bus > 0 && bus <= BUS_MAX;
	long number = good ? strtol(slash + 1, &end, 10) : 0;

	if (!good || end == slash + 1 || *end || number <= 0 || number > BUS_MAX)
		return ERR_INVALID;
	int n = snprintf(out, cap, "/dev/bus/usb/%03ld/%03ld", bus, number);
	return n > 0 && (size_t)n < cap ? ERR_OK : ERR_TOO_LARGE;
}
