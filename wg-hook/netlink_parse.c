/* SPDX-License-Identifier: MIT */
/* Attributes of generic netlink's "wireguard": native byte order, a 16-bit length with its header,
 * a 16-bit type, padded to 4 (Linux include/uapi/linux/netlink.h, struct nlattr). */
#include <linux/netlink.h>
#include <string.h>

#include "wg-hook/backend.h"

/* After our headers: it defines WG_KEY_LEN as a macro. */
#include <linux/wireguard.h>

/* The next attribute; false at the end, and when it does not fit (then r->bad). */
static bool next_attribute(struct rbuf *r, unsigned *type, struct slice *value)
{
	struct nlattr head;
	struct slice s;
	size_t padding;

	if (r->n == 0)
		return false;
	s = rbuf_bytes(r, sizeof(head));
	if (r->bad)
		return false;
	memcpy(&head, s.p, sizeof(head));
	if (head.nla_len < sizeof(head)) {
		r->bad = true;
		r->n = 0;
		return false;
	}
	*type = head.nla_type & NLA_TYPE_MASK;
	*value = rbuf_bytes(r, head.nla_len - sizeof(head));
	padding = (size_t)(-head.nla_len & 3);
	rbuf_bytes(r, padding < r->n ? padding : r->n);
	return !r->bad;
}

/* A value of exactly this size. */
static bool take(struct slice value, void *out, size_t n)
{
	if (value.n != n)
		return false;
	memcpy(out, value.p, n);
	return true;
}

static bool parse_allowed(struct slice nest, struct wg_allowed *out)
{
	struct rbuf r = rbuf_from(nest);
	struct slice value, address = {0};
	uint16_t family = 0;
	unsigned type;
	bool ok = true;

	memset(out, 0, sizeof(*out));
	while (ok && next_attribute(&r, &type, &value)) {
		if (type == WGALLOWEDIP_A_FAMILY)
			ok = take(value, &family, sizeof(family));
		else if (type == WGALLOWEDIP_A_IPADDR)
			address = value;
		else if (type == WGALLOWEDIP_A_CIDR_MASK)
			ok = take(value, &out->cidr, sizeof(out->cidr));
	}
	if (!ok || !rbuf_end(&r) || (family != AF_INET && family != AF_INET6))
		return false;
	out->family = (uint8_t)family;
	return out->cidr <= (family == AF_INET ? 32 : 128) &&
	       take(address, out->address, family == AF_INET ? 4 : 16);
}

static bool parse_endpoint(struct slice value, union wg_endpoint *out)
{
	memset(out, 0, sizeof(*out));
	if (value.n == sizeof(out->in) && take(value, &out->in, sizeof(out->in)) &&
	    out->any.sa_family == AF_INET)
		return true;
	return value.n == sizeof(out->in6) && take(value, &out->in6, sizeof(out->in6)) &&
	       out->any.sa_family == AF_INET6;
}

static bool parse_peer_value(struct wg_peer *p, unsigned type, struct slice value)
{
	struct {
		int64_t seconds, nanoseconds;
	} time;

	switch (type) {
	case WGPEER_A_PUBLIC_KEY:
		return take(value, p->public_key, WG_KEY_LEN);
	case WGPEER_A_PRESHARED_KEY:
		return take(value, p->psk, WG_KEY_LEN);
	case WGPEER_A_ENDPOINT:
		return parse_endpoint(value, &p->endpoint);
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		return take(value, &p->keepalive, sizeof(p->keepalive));
	case WGPEER_A_LAST_HANDSHAKE_TIME:
		if (!take(value, &time, sizeof(time)))
			return false;
		p->handshake = time.seconds;
		return true;
	case WGPEER_A_RX_BYTES:
		return take(value, &p->rx, sizeof(p->rx));
	case WGPEER_A_TX_BYTES:
		return take(value, &p->tx, sizeof(p->tx));
	default:
		return true;
	}
}

static enum err too_much(struct why *why)
{
	return why_set(why, ERR_NO_MEMORY,
		       "the interface has more than %d peers or %d allowed IPs, or memory is short",
		       WG_PEERS_MAX, WG_ALLOWED_MAX);
}

static enum err senseless(struct why *why)
{
	return why_set(why, ERR_SYNTAX, "the kernel's answer about WireGuard makes no sense");
}

static enum err add_allowed(struct wg_device *d, struct slice list, struct why *why)
{
	struct rbuf r = rbuf_from(list);
	struct wg_allowed allowed;
	struct slice value;
	unsigned type;

	while (next_attribute(&r, &type, &value)) {
		if (!parse_allowed(value, &allowed))
			return senseless(why);
		if (wg_device_allow(d, &allowed) != ERR_OK)
			return too_much(why);
	}
	return rbuf_end(&r) ? ERR_OK : senseless(why);
}

/* One peer. The last one again is the same going on: only its allowed IPs are new. */
static enum err add_peer(struct wg_device *d, struct slice nest, struct why *why)
{
	struct rbuf r = rbuf_from(nest);
	struct slice value, key = {0}, allowed = {0};
	struct wg_peer *p;
	unsigned type;

	while (next_attribute(&r, &type, &value)) {
		if (type == WGPEER_A_PUBLIC_KEY)
			key = value;
		else if (type == WGPEER_A_ALLOWEDIPS)
			allowed = value;
	}
	if (!rbuf_end(&r) || key.n != WG_KEY_LEN)
		return senseless(why);
	p = d->count > 0 ? &d->peers[d->count - 1] : NULL;
	if (!p || memcmp(p->public_key, key.p, WG_KEY_LEN) != 0) {
		p = wg_device_add(d);
		if (!p)
			return too_much(why);
	}
	for (r = rbuf_from(nest); next_attribute(&r, &type, &value);) {
		if (!parse_peer_value(p, type, value))
			return senseless(why);
	}
	return allowed.n > 0 ? add_allowed(d, allowed, why) : ERR_OK;
}

enum err wg_netlink_parse(struct wg_device *out, struct slice attributes, struct why *why)
{
	struct rbuf r = rbuf_from(attributes), peers;
	struct slice value;
	unsigned type;
	enum err e = ERR_OK;
	bool ok = true;

	while (ok && e == ERR_OK && next_attribute(&r, &type, &value)) {
		if (type == WGDEVICE_A_PRIVATE_KEY)
			ok = take(value, out->private_key, WG_KEY_LEN);
		else if (type == WGDEVICE_A_PUBLIC_KEY)
			ok = take(value, out->public_key, WG_KEY_LEN);
		if (type != WGDEVICE_A_PEERS)
			continue;
		peers = rbuf_from(value);
		while (e == ERR_OK && next_attribute(&peers, &type, &value))
			e = add_peer(out, value, why);
		ok = !peers.bad;
	}
	if (e != ERR_OK)
		return e;
	return ok && rbuf_end(&r) ? ERR_OK : senseless(why);
}
