/* SPDX-License-Identifier: MIT */
/* What can be known of USB without any: sysfs as it looks, descriptors, node errors, a hidraw node
 * played by a terminal. The real thing: tests/vm. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <libusb.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices/hotplug.h"
#include "devices/node.h"
#include "devices/transport.h"
#include "devices/transport_usb.h"
#include "devices/usb.h"

/* ---- sysfs ---- */

static char root[] = "/tmp/lanyard.XXXXXX";

static void PRINTF_LIKE(1, 2) run(const char *fmt, ...)
{
	char command[600];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void sysfs_device(const char *name, const char *vendor, const char *product,
			 const char *number)
{
	run("mkdir -p %s/bus/usb/devices/%s && cd %s/bus/usb/devices/%s && echo %s >idVendor && "
	    "echo %s >idProduct && echo %s >devnum",
	    root, name, root, name, vendor, product, number);
}

static void sysfs_hidraw(const char *name, const char *device, const char *descriptor)
{
	run("mkdir -p %s/devices/%s %s/class/hidraw/%s && "
	    "ln -s ../../../devices/%s %s/class/hidraw/%s/device && "
	    "printf '%s' >%s/devices/%s/report_descriptor",
	    root, device, root, name, device, root, name, descriptor, root, device);
}

static void collect(void *arg, const char *where)
{
	char *all = arg;
	snprintf(all + strlen(all), 200 - strlen(all), "%s ", where);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of `text` in order: directories have none. */
static void sort_words(char *text)
{
	char *words[16], copy[200];
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	qsort(words, n, sizeof(words[0]), by_text);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		collect(text, words[i]);
}

static const struct usb_id ids[] = {
	{0x534C, 0x0001, 0xFF00}, {0x1209, 0x53C1, 0}, {0x2B24, 0x0002, 0}, {0, 0, 0}};

Test(devices_usb, list)
{
	char all[200] = "";

	cr_assert(mkdtemp(root));
	sysfs_device("1-2.3", "1209", "53c1", "4");
	sysfs_device("1-2.3:1.0", "1209", "53c1", "9"); /* an interface */
	sysfs_device("usb1", "1209", "53c1", "1");
	sysfs_device("2-1", "2b24", "0002", "127");
	sysfs_device("3-1", "1209", "53c2", "2");
	sysfs_device("3-2", "534c", "0001", "3"); /* its hidraw node is wanted */
	sysfs_device("3-3", "1209", "53c1", "0");
	sysfs_device("3-4", "1209x", "53c1", "5");
	sysfs_hidraw("hidraw0", "0003:534C:0001.0005", "\\006\\000\\377\\011\\001");
	sysfs_hidraw("hidraw1", "0003:534C:0001.0006", "\\006\\320\\361\\011\\001"); /* U2F */
	sysfs_hidraw("hidraw2", "0003:534C:0001.0007", "\\006\\001\\377\\011\\001"); /* debug */
	sysfs_hidraw("hidraw3", "0005:534C:0001.0008", "\\006\\000\\377\\011\\001"); /* bluetooth */
	sysfs_hidraw("hidraw4", "0003:1209:53C1.0009", "\\006\\000\\377\\011\\001");
	sysfs_hidraw("hidraw5", "0003:534C:0001.000A", "\\006\\000");
	cr_expect_eq(usb_list(root, ids, collect, all), ERR_OK);
	sort_words(all);
	cr_expect_str_eq(all, "hid:/dev/hidraw0 usb:1-2.3/4 usb:2-1/127 ");
	run("rm -rf %s", root);
	all[0] = '\0';
	cr_assert_eq(usb_list(root, ids, collect, all), ERR_OK); /* no USB at all */
	cr_assert_str_eq(all, "");
}

Test(devices_usb, node)
{
	static const char *const bad[] = {"",       "1",        "1-2",      "1-2/",  "1-2/x",
					  "1-2/4x", "/4",       "x-1/4",    "0-1/4", "1-2/0",
					  "1-2/-1", "1000-1/4", "1-2/1000", "1/4"};
	char node[32];

	cr_assert_eq(usb_node(node, sizeof(node), "1-2.3.4/7"), ERR_OK);
	cr_assert_str_eq(node, "/dev/bus/usb/001/007");
	cr_assert_eq(usb_node(node, sizeof(node), "12-1/127"), ERR_OK);
	cr_assert_str_eq(node, "/dev/bus/usb/012/127");
	cr_assert_eq(usb_node(node, 20, "1-2/4"), ERR_TOO_LARGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(usb_node(node, sizeof(node), bad[i]), ERR_INVALID, "%s", bad[i]);
}

/* ---- descriptors ---- */

static struct libusb_endpoint_descriptor endpoint(uint8_t address, uint8_t type, uint16_t size)
{
	return (struct libusb_endpoint_descriptor){
		.bEndpointAddress = address, .bmAttributes = type, .wMaxPacketSize = size};
}

enum { INTERRUPT = LIBUSB_TRANSFER_TYPE_INTERRUPT, BULK = LIBUSB_TRANSFER_TYPE_BULK };

struct layout {
	struct libusb_endpoint_descriptor endpoints[4][3];
	struct libusb_interface_descriptor settings[4];
	struct libusb_interface interfaces[4];
	struct libusb_config_descriptor config;
};

static void add(struct layout *l, uint8_t class, uint8_t number, uint8_t endpoints)
{
	uint8_t i = l->config.bNumInterfaces++;

	l->settings[i] = (struct libusb_interface_descriptor){.bInterfaceClass = class,
							      .bInterfaceNumber = number,
							      .bNumEndpoints = endpoints,
							      .endpoint = l->endpoints[i]};
	l->interfaces[i] = (struct libusb_interface){&l->settings[i], 1};
	l->config.interface = l->interfaces;
}

/* Wire, debug and U2F, in any order that firmware has. */
Test(devices_usb, choose)
{
	struct layout l = {
		.endpoints = {{endpoint(0x83, INTERRUPT, 64), endpoint(3, INTERRUPT, 64)},
			      {endpoint(0x81, INTERRUPT, 64), endpoint(1, INTERRUPT, 64)},
			      {endpoint(0x82, INTERRUPT, 64), endpoint(2, INTERRUPT, 64)}}};
	struct usb_interface chosen;

	add(&l, LIBUSB_CLASS_HID, 2, 2);
	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 0, 2);
	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 1, 2);
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_OK);
	cr_assert_eq(chosen.number, 0);
	cr_assert_eq(chosen.in, 0x81);
	cr_assert_eq(chosen.out, 0x01);
	l.interfaces[1].num_altsetting = 0;
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_OK);
	cr_assert_eq(chosen.number, 1);
	cr_assert_eq(chosen.in, 0x82);
	cr_assert_eq(chosen.out, 0x02);
}

Test(devices_usb, choose_skips_what_is_no_wallet)
{
	struct layout l = {.endpoints = {{endpoint(0x81, BULK, 64), endpoint(1, BULK, 64)},
					 {endpoint(0x82, INTERRUPT, 64), endpoint(2, INTERRUPT, 8)},
					 {endpoint(0x83, INTERRUPT, 64)},
					 {endpoint(0x84, BULK, 64), endpoint(0x85, INTERRUPT, 64),
					  endpoint(4, INTERRUPT, 64)}}};
	struct usb_interface chosen;

	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 0, 2);
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_UNSUPPORTED);
	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 1, 2);
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_UNSUPPORTED);
	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 2, 1);
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_UNSUPPORTED);
	add(&l, LIBUSB_CLASS_VENDOR_SPEC, 3, 3);
	cr_assert_eq(usb_choose(&l.config, &chosen), ERR_OK);
	cr_assert_eq(chosen.number, 3);
	cr_assert_eq(chosen.in, 0x85);
	cr_assert_eq(chosen.out, 0x04);
}

/* ---- announcements ---- */

Test(devices_usb, announcements)
{
	static const char kernel[] =
		"add@/devices/pci0000:00/usb1/1-1\0ACTION=add\0"
		"DEVPATH=/devices/pci0000:00/usb1/1-1\0SUBSYSTEM=usb\0SEQNUM=7";
	static const char hid[] = "libudev\0\xfe\xed\xca\xfe(((((((((ACTION=remove\0"
				  "SUBSYSTEM=hidraw\0DEVNAME=/dev/hidraw0";
	static const char other[] = "change@/devices/x\0ACTION=change\0SUBSYSTEM=usbmisc\0"
				    "DEVPATH=/SUBSYSTEM=usb/x";

	cr_assert(hotplug_concerns(kernel, sizeof(kernel)));
	cr_assert(hotplug_concerns(hid, sizeof(hid)));
	cr_assert_not(hotplug_concerns(other, sizeof(other)));
	cr_assert_not(hotplug_concerns("SUBSYSTEM=usb", 13)); /* cut off */
	cr_assert_not(hotplug_concerns("", 0));
}

/* ---- nodes ---- */

Test(devices_node, explains)
{
	struct node_denied d = {.path = "/dev/bus/usb/001/004",
				.st = {.st_mode = S_IFCHR | 0664},
				.owner = "root",
				.group = "root",
				.user = "alice"};
	struct why why = {0};

	cr_assert_eq(node_explain(&d, &why), ERR_PERMISSION);
	cr_expect(strstr(why.text, "no access to /dev/bus/usb/001/004 (owner root:root, mode 0664) "
				   "for alice: the udev rule is missing: install 70-lanyard.rules"),
		  "%s", why.text);
	d.rule = true;
	cr_assert_eq(node_explain(&d, &why), ERR_PERMISSION);
	cr_expect(strstr(why.text, "type `sudo systemd-sysusers; "), "%s", why.text);
	d.has_group = true;
	cr_assert_eq(node_explain(&d, &why), ERR_PERMISSION);
	cr_expect(strstr(why.text, "not been applied to it: type `sudo udevadm"), "%s", why.text);
	d.grouped = true;
	d.group = "lanyard";
	d.st.st_mode = S_IFCHR | 0660;
	cr_assert_eq(node_explain(&d, &why), ERR_PERMISSION);
	cr_expect(strstr(why.text, "(owner root:lanyard, mode 0660)"), "%s", why.text);
	cr_expect(strstr(why.text, "`sudo usermod -aG lanyard alice` and log in again"), "%s",
		  why.text);
	d.member = true;
	cr_assert_eq(node_explain(&d, &why), ERR_PERMISSION);
	cr_expect(strstr(why.text, "log in again") && !strstr(why.text, "usermod"), "%s", why.text);
}

Test(devices_node, gone)
{
	struct transport *t = NULL;
	struct why why = {0};
	int fd;

	cr_assert_eq(node_open(&fd, "/dev/bus/usb/999/999", &why), ERR_DEVICE_GONE);
	cr_assert_str_eq(why.text, "");
	cr_assert_eq(transport_new(&t, "usb:999-1/999", &why), ERR_OK);
	cr_assert_eq(t->ops->claim(t, &why), ERR_DEVICE_GONE);
	t->ops->release(t);
	transport_free(t);
	cr_assert_eq(transport_new(&t, "hid:/dev/hidraw999", &why), ERR_OK);
	cr_assert_eq(t->ops->claim(t, &why), ERR_DEVICE_GONE);
	t->ops->release(t);
	transport_free(t);
	cr_assert_eq(transport_new(&t, "usb:zero", &why), ERR_INVALID);
	cr_assert_eq(transport_new(&t, "tcp:1", &why), ERR_INTERNAL);
}

/* ---- a hidraw node ---- */

struct hid {
	int device, keep; /* the device's end; ours, so that it does not end with a flow */
	char node[NODE_PATH_MAX];
	struct transport *t;
	uint64_t soon;
};

static struct hid hid_new(void)
{
	struct termios raw;
	struct why why = {0};
	struct hid h = {0};

	cr_assert_eq(openpty(&h.device, &h.keep, h.node, NULL, NULL), 0);
	cr_assert_eq(tcgetattr(h.keep, &raw), 0);
	cfmakeraw(&raw);
	cr_assert_eq(tcsetattr(h.keep, TCSANOW, &raw), 0);
	char where[NODE_PATH_MAX + 4];
	snprintf(where, sizeof(where), "hid:%s", h.node);
	cr_assert_eq(transport_new(&h.t, where, &why), ERR_OK, "%s", why.text);
	h.soon = transport_now() + 20000;
	return h;
}

static void hid_free(struct hid *h)
{
	h->t->ops->release(h->t);
	transport_free(h->t);
	close(h->keep);
	if (h->device >= 0)
		close(h->device);
}

Test(devices_hidraw, packets, .timeout = 30)
{
	uint8_t packet[PACKET_LEN] = {0x3F, 0x23, 0x23, 1}, report[100], got[PACKET_LEN];
	struct hid h = hid_new();
	struct why why = {0};

	memset(report, 0xEE, sizeof(report));
	struct pollfd there = {.fd = h.keep, .events = POLLIN};
	cr_assert_eq(write(h.device, report, 10), 10); /* of before the flow */
	cr_assert_eq(poll(&there, 1, 20000), 1);
	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(h.t->ops->send(h.t, packet, h.soon), ERR_OK);
	cr_assert_eq(read(h.device, report, sizeof(report)), 1 + PACKET_LEN);
	cr_assert_eq(report[0], 0); /* no report number */
	cr_assert_arr_eq(report + 1, packet, PACKET_LEN);
	cr_assert_eq(h.t->ops->receive(h.t, got, transport_now() + 10), ERR_TIMEOUT);
	cr_assert_eq(write(h.device, packet, PACKET_LEN), PACKET_LEN);
	cr_assert_eq(h.t->ops->receive(h.t, got, h.soon), ERR_OK);
	cr_assert_arr_eq(got, packet, PACKET_LEN);
	cr_assert_eq(write(h.device, packet, 8), 8);
	cr_assert_eq(h.t->ops->receive(h.t, got, h.soon), ERR_OK);
	cr_assert_arr_eq(got, ((uint8_t[PACKET_LEN]){0}), PACKET_LEN);
	hid_free(&h);
}

Test(devices_hidraw, unplugged, .timeout = 30)
{
	uint8_t got[PACKET_LEN];
	struct hid h = hid_new();
	struct why why = {0};

	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_OK);
	close(h.device);
	h.device = -1;
	cr_assert_eq(h.t->ops->receive(h.t, got, h.soon), ERR_DEVICE_GONE);
	hid_free(&h);
}

/* Some controllers report an error before the end of the device. */
Test(devices_hidraw, error_before_the_end, .timeout = 30)
{
	struct hid h = hid_new();

	cr_assert_eq(transport_failed(h.t, h.keep), ERR_IO);
	transport_abort(h.t);
	cr_assert_eq(transport_failed(h.t, h.keep), ERR_CANCELED);
	transport_rearm(h.t);
	close(h.device);
	h.device = -1;
	cr_assert_eq(transport_failed(h.t, h.keep), ERR_DEVICE_GONE);
	hid_free(&h);
}

static void *wake(void *arg)
{
	transport_abort(arg);
	return NULL;
}

Test(devices_hidraw, woken, .timeout = 30)
{
	uint8_t got[PACKET_LEN];
	struct hid h = hid_new();
	struct why why = {0};
	pthread_t thread;

	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_OK);
	cr_assert_eq(pthread_create(&thread, NULL, wake, h.t), 0);
	cr_assert_eq(h.t->ops->receive(h.t, got, h.soon), ERR_CANCELED);
	pthread_join(thread, NULL);
	cr_assert_eq(h.t->ops->receive(h.t, got, h.soon), ERR_CANCELED); /* until rearmed */
	transport_rearm(h.t);
	cr_assert_eq(h.t->ops->receive(h.t, got, transport_now() + 10), ERR_TIMEOUT);
	hid_free(&h);
}

/* A program that has it open is named, and its turn is waited for. */
Test(devices_hidraw, busy, .timeout = 30)
{
	struct hid h = hid_new();
	struct why why = {0};
	char want[40];
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_DEVICE_BUSY);
	snprintf(want, sizeof(want), "(process %d)", child);
	cr_assert(strstr(why.text, h.node) && strstr(why.text, want), "%s", why.text);
	h.t->ops->release(h.t);
	transport_abort(h.t);
	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_CANCELED);
	h.t->ops->release(h.t);
	transport_rearm(h.t);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	why = (struct why){0};
	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_OK, "%s", why.text);
	hid_free(&h);
}

/* Two of us do not see each other's files. */
Test(devices_hidraw, busy_with_another_agent, .timeout = 30)
{
	struct hid h = hid_new(), other = {0};
	struct why why = {0};
	char where[NODE_PATH_MAX + 4];

	snprintf(where, sizeof(where), "hid:%s", h.node);
	cr_assert_eq(transport_new(&other.t, where, &why), ERR_OK);
	cr_assert_eq(h.t->ops->claim(h.t, &why), ERR_OK);
	cr_assert_eq(other.t->ops->claim(other.t, &why), ERR_DEVICE_BUSY);
	cr_assert(strstr(why.text, "in use by another program"), "%s", why.text);
	other.t->ops->release(other.t);
	h.t->ops->release(h.t);
	cr_assert_eq(other.t->ops->claim(other.t, &why), ERR_OK);
	other.t->ops->release(other.t);
	transport_free(other.t);
	hid_free(&h);
}
