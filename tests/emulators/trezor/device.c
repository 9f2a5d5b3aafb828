/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/device.h"

#include "tests/emulators/trezor/control.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

void device_state(struct device *dev, const char *state, uint32_t code)
{
	if (code)
		snprintf(dev->state_text, sizeof(dev->state_text), "%s %u", state, code);
	else
		snprintf(dev->state_text, sizeof(dev->state_text), "%s", state);
	dev->state = dev->state_text;
	control_state(dev->control, dev);
}

void device_boot(struct device *dev)
{
	memset(dev->sessions, 0, sizeof(dev->sessions));
	dev->session = NULL;
	dev->session_clock = 0;
	dev->reading = dev->tiny = dev->passphrase_cached = dev->initialize_aborts = false;
	dev->tiny_type = MSG_NONE;
	dev->unlocked = dev->set.pin[0] == '\0';
	dev->decision = DECIDE_NOTHING;
	dev->gone = dev->boot = dev->stalled = dev->deaf = dev->swapped = false;
	memset(dev->matrix, 'X', 9);
	device_state(dev, "idle", 0);
}

void device_unplug(struct device *dev)
{
	dev->port->ops->detach(dev->port);
	dev->gone = true;
	device_state(dev, "unplugged", 0);
}

void device_arm(struct device *dev, enum fault fault, uint32_t n, uint32_t arg)
{
	dev->fault = fault;
	dev->fault_n = n;
	dev->fault_arg = arg;
	dev->fault_seen = 0;
	dev->stalled = dev->swapped = false;
}

bool device_readable(const struct device *dev)
{
	const struct port_ops *port = dev->port->ops;
	struct pollfd fds[] = {
		{port->fd(dev->port), POLLIN, 0},
		{port->bus ? port->bus(dev->port) : -1, POLLIN, 0},
	};

	return poll(fds, 2, 0) > 0;
}

static void read_packet(struct device *dev)
{
	uint8_t packet[PACKET_LEN] = {0};
	size_t len = dev->port->ops->recv(dev->port, packet);

	if (len > 0)
		wire_packet_in(dev, packet, len);
}

bool device_pump(struct device *dev, int ms)
{
	const struct port_ops *port = dev->port->ops;
	struct pollfd fds[2 + CONTROL_FDS];
	int wait = control_deadline(dev->control, ms);

	if (dev->gone && dev->tiny)
		return false;
	fds[0] = (struct pollfd){dev->deaf ? -1 : port->fd(dev->port), POLLIN, 0};
	fds[1] = (struct pollfd){port->bus ? port->bus(dev->port) : -1, POLLIN, 0};
	control_fds(dev->control, fds + 2);
	if (poll(fds, 2 + CONTROL_FDS, wait) < 0)
		return !dev->gone;
	if (fds[1].revents)
		port->serve(dev->port);
	if (fds[0].revents)
		read_packet(dev);
	control_events(dev->control, dev, fds + 2);
	return !dev->gone;
}

bool device_sleep(struct device *dev, uint32_t ms)
{
	int64_t until = now_ms() + ms, left;

	dev->deaf = true;
	while (!dev->gone && (left = until - now_ms()) > 0)
		device_pump(dev, (int)left);
	dev->deaf = false;
	return !dev->gone;
}
