/* SPDX-License-Identifier: MIT */
/* Codec v1 outwards, packet counts, and the faults that a test asks for. */
#include "tests/emulators/trezor/device.h"

#include <string.h>

enum { HEADER_LEN = 9 };

uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void log_message(struct device *dev, bool out, uint16_t type, unsigned packets)
{
	if (dev->log_len < LOG_MAX)
		dev->log[dev->log_len++] = (struct log_entry){out, type, packets};
}

/* Counts a packet; true if the device is no longer there to read or send it. */
static bool lost(struct device *dev)
{
	if (dev->gone || dev->stalled)
		return true;
	if (dev->fault != FAULT_VANISH && dev->fault != FAULT_STALL)
		return false;
	if (dev->fault_seen++ < dev->fault_n)
		return false;
	if (dev->fault == FAULT_VANISH)
		device_unplug(dev);
	else
		dev->stalled = true;
	return true;
}

void wire_packet_in(struct device *dev, const uint8_t *packet, size_t len)
{
	if (lost(dev))
		return;
	dev->packets_in++;
	if (dev->tiny)
		dev->set.profile->packet_tiny(dev, packet, len);
	else
		dev->set.profile->packet(dev, packet, len);
}

static void put(struct device *dev, const uint8_t packet[static PACKET_LEN])
{
	dev->packets_out++;
	dev->port->ops->send(dev->port, packet);
}

/* Is this the packet, or the message, that the fault is for? */
static bool strikes(struct device *dev)
{
	return ++dev->fault_seen == dev->fault_n;
}

static bool packet_out(struct device *dev, uint8_t packet[static PACKET_LEN], bool first)
{
	if (lost(dev))
		return false;
	if (dev->swapped) {
		dev->swapped = false;
		put(dev, packet);
		put(dev, dev->swap);
		return true;
	}
	if (dev->fault < FAULT_GARBAGE || dev->fault > FAULT_SWAP || !strikes(dev)) {
		put(dev, packet);
		return true;
	}
	switch (dev->fault) {
	case FAULT_GARBAGE:
		memset(packet, 0xa5, PACKET_LEN);
		put(dev, packet);
		break;
	case FAULT_MARK:
		/* The first packet of a message loses its ##, any other its '?'. */
		packet[first ? 1 : 0] = '!';
		put(dev, packet);
		break;
	case FAULT_REPEAT:
		put(dev, packet);
		put(dev, packet);
		break;
	case FAULT_SWAP:
		memcpy(dev->swap, packet, PACKET_LEN);
		dev->swapped = true;
		break;
	default: /* FAULT_DROP */
		break;
	}
	return true;
}

void wire_send(struct device *dev, uint16_t type, const struct pb_out *body)
{
	uint8_t packet[PACKET_LEN] = {'?', '#', '#'};
	uint32_t claimed = (uint32_t)body->len;
	size_t at = HEADER_LEN, done = 0;
	unsigned packets = 0;

	if ((dev->fault == FAULT_LENGTH || dev->fault == FAULT_TYPE) && strikes(dev)) {
		if (dev->fault == FAULT_LENGTH)
			claimed = dev->fault_arg;
		else
			type = (uint16_t)dev->fault_arg;
	}
	packet[3] = (uint8_t)(type >> 8);
	packet[4] = (uint8_t)type;
	for (int i = 0; i < 4; i++)
		packet[5 + i] = (uint8_t)(claimed >> (24 - 8 * i));
	do {
		size_t n = body->len - done;

		if (n > PACKET_LEN - at)
			n = PACKET_LEN - at;
		memcpy(packet + at, body->data + done, n);
		memset(packet + at + n, 0, PACKET_LEN - at - n);
		done += n;
		packets++;
		if (!packet_out(dev, packet, packets == 1))
			return;
		packet[0] = '?';
		at = 1;
	} while (done < body->len);
	log_message(dev, true, type, packets);
}
