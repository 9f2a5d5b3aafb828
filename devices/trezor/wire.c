/* SPDX-License-Identifier: MIT */
#include "devices/trezor/wire.h"

#include <string.h>

#include "protocol/buf.h"

enum { MARK = 0x3F, START = 0x23 };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

enum err wire_send(struct transport *t, struct wire_message *m, uint64_t deadline)
{
	size_t sent = 0;
	enum err e = ERR_OK;

	do {
		struct wbuf w = wbuf_new(m->packet, PACKET_LEN);
		memset(m->packet, 0, PACKET_LEN);
		wbuf_u8(&w, MARK);
		if (sent == 0) {
			const uint8_t type[] = {(uint8_t)(m->type >> 8), (uint8_t)m->type};
			wbuf_u8(&w, START);
			wbuf_u8(&w, START);
			wbuf_bytes(&w, type, sizeof(type));
			wbuf_u32(&w, (uint32_t)m->n);
		}
		size_t part = min_size(m->n - sent, PACKET_LEN - w.n);
		wbuf_bytes(&w, m->p + sent, part);
		sent += part;
		e = wbuf_ok(&w) ? t->ops->send(t, m->packet, deadline) : ERR_INTERNAL;
	} while (!e && sent < m->n);
	return e;
}

/* The next packet's data, `first` with the header before it. */
static enum err receive_packet(struct transport *t, struct wire_message *m, bool first,
			       struct rbuf *r, uint64_t deadline)
{
	enum err e = t->ops->receive(t, m->packet, deadline);
	if (e)
		return e;
	*r = rbuf_new(m->packet, PACKET_LEN);
	bool good = rbuf_u8(r) == MARK;
	if (first)
		good = good && rbuf_u8(r) == START && rbuf_u8(r) == START;
	return good ? ERR_OK : ERR_DEVICE_ERROR;
}

enum err wire_receive(struct transport *t, struct wire_message *m, uint64_t deadline)
{
	struct rbuf r;
	size_t got = 0;

	m->n = 0;
	enum err e = receive_packet(t, m, true, &r, deadline);
	if (e)
		return e;
	m->type = (uint16_t)(rbuf_u8(&r) << 8);
	m->type |= rbuf_u8(&r);
	uint32_t length = rbuf_u32(&r);
	if (length > WIRE_MESSAGE_MAX)
		return ERR_DEVICE_ERROR;
	for (;;) {
		struct slice part = rbuf_bytes(&r, min_size(length - got, r.n));
		memcpy(m->p + got, part.p, part.n);
		got += part.n;
		if (got == length)
			break;
		e = receive_packet(t, m, false, &r, deadline);
		if (e)
			return e;
	}
	m->n = got;
	return ERR_OK;
}

enum err wire_reset(struct transport *t, uint64_t deadline)
{
	static const uint8_t zeros[PACKET_LEN];

	return t->ops->send(t, zeros, deadline);
}
