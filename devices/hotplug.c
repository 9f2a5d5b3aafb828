/* SPDX-License-Identifier: MIT */
#include "devices/hotplug.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "protocol/dirs.h"
#include "protocol/log.h"

enum { DEBOUNCE_MS = 50, WATCH_MAX = 8, MESSAGE_MAX = 8192 };
/* linux/netlink.h has no names for them. udev's come when nodes have their owners. */
enum { GROUP_KERNEL = 1, GROUP_UDEV = 2 };

struct hotplug {
	const struct driver *const *drivers;
	const struct driver_env *env;
	void (*changed)(void *arg);
	void (*closed)(void *arg);
	void *arg;
	uv_timer_t timer;
	uv_fs_event_t watches[WATCH_MAX];
	size_t count; /* of watches */
	uv_poll_t poll;
	int netlink; /* -1: USB is not watched */
	size_t open; /* handles that are not closed */
};

static void on_event(uv_fs_event_t *watch, const char *name, int events, int status);

/* Watches the directory that has the name now: it may have been removed and made again. */
static void watch_start(struct hotplug *h, size_t i, const char *dir)
{
	char path[DEVICE_WHERE_MAX + 1];
	struct why why = {0};

	uv_fs_event_stop(&h->watches[i]);
	int n = snprintf(path, sizeof(path), "%s/%s", h->env->data_dir, dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		log_warn("%s/%s is longer than %d bytes", h->env->data_dir, dir, DEVICE_WHERE_MAX);
		return;
	}
	enum err e = dir_make(path, &why);
	if (e) {
		log_warn("new devices in %s go unnoticed: %s", path, why_text(&why, e));
		return;
	}
	int status = uv_fs_event_start(&h->watches[i], on_event, path, 0);
	if (status)
		log_warn("new devices in %s go unnoticed: %s", path, uv_strerror(status));
}

static void watch_all(struct hotplug *h)
{
	size_t i = 0;
	for (const struct driver *const *d = h->drivers; *d && i < h->count; d++)
		if ((*d)->dir)
			watch_start(h, i++, (*d)->dir);
}

static void on_timer(uv_timer_t *timer)
{
	struct hotplug *h = timer->data;
	watch_all(h);
	h->changed(h->arg);
}

/* Not pushed back by later events: a busy directory must not starve the look. */
static void look_soon(struct hotplug *h)
{
	if (!uv_is_active((uv_handle_t *)&h->timer))
		uv_timer_start(&h->timer, on_timer, DEBOUNCE_MS, 0);
}

static void on_event(uv_fs_event_t *watch, const char *name, int events, int status)
{
	(void)name, (void)events, (void)status;
	look_soon(watch->data);
}

bool hotplug_concerns(const void *message, size_t n)
{
	static const char usb[] = "SUBSYSTEM=usb", hidraw[] = "SUBSYSTEM=hidraw"; /* with NUL */

	return memmem(message, n, usb, sizeof(usb)) || memmem(message, n, hidraw, sizeof(hidraw));
}

/* Nothing that is in a message is believed: it is only a reason to look. */
static void on_netlink(uv_poll_t *poll, int status, int events)
{
	struct hotplug *h = poll->data;
	char message[MESSAGE_MAX];
	ssize_t n;

	(void)status, (void)events;
	do {
		n = recv(h->netlink, message, sizeof(message), MSG_DONTWAIT);
		if ((n > 0 && hotplug_concerns(message, (size_t)n)) || (n < 0 && errno == ENOBUFS))
			look_soon(h); /* ENOBUFS: some were lost */
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
}

static void usb_start(struct hotplug *h, struct uv_loop_s *loop)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};

	address.nl_groups = access("/run/udev/control", F_OK) ? GROUP_KERNEL : GROUP_UDEV;
	h->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    NETLINK_KOBJECT_UEVENT);
	if (h->netlink < 0 || bind(h->netlink, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    uv_poll_init(loop, &h->poll, h->netlink) != 0) {
		log_warn("new USB devices go unnoticed: %s", strerror(errno));
		if (h->netlink >= 0)
			close(h->netlink);
		h->netlink = -1;
		return;
	}
	h->poll.data = h;
	h->open++;
	uv_poll_start(&h->poll, UV_READABLE, on_netlink);
}

enum err hotplug_new(struct hotplug **out, struct uv_loop_s *loop,
		     const struct driver *const *drivers, const struct driver_env *env,
		     void (*changed)(void *arg), void *arg, struct why *why)
{
	struct hotplug *h = calloc(1, sizeof(*h));
	if (!h)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the device watch");
	h->drivers = drivers;
	h->env = env;
	h->changed = changed;
	h->arg = arg;
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	for (const struct driver *const *d = drivers; *d && h->count < WATCH_MAX; d++) {
		if (!(*d)->dir)
			continue;
		uv_fs_event_init(loop, &h->watches[h->count]);
		h->watches[h->count++].data = h;
	}
	h->open = h->count + 1;
	watch_all(h);
	h->netlink = -1;
	const struct driver *const *d = drivers;
	while (*d && !(*d)->usb)
		d++;
	if (*d)
		usb_start(h, loop);
	*out = h;
	return ERR_OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct hotplug *h = handle->data;
	if (--h->open)
		return;
	if (h->netlink >= 0)
		close(h->netlink);
	h->closed(h->arg);
	free(h);
}

void hotplug_close(struct hotplug *h, void (*closed)(void *arg))
{
	h->closed = closed;
	uv_close((uv_handle_t *)&h->timer, on_closed);
	if (h->netlink >= 0)
		uv_close((uv_handle_t *)&h->poll, on_closed);
	for (size_t i = 0; i < h->count; i++)
		uv_close((uv_handle_t *)&h->watches[i], on_closed);
}
