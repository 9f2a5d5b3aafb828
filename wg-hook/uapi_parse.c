/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/kdf.h"
#include "derive/secret.h"
#include "wg-hook/backend.h"

/* A decimal number, digits only, at most `max`. */
static bool parse_number(struct slice s, uint64_t max, uint64_t *out)
{
	struct rbuf r = rbuf_from(s);
	uint64_t n = 0;

	if (r.n == 0)
		return false;
	while (r.n > 0) {
		uint8_t c = rbuf_u8(&r);

		if (c < '0' || c > '9' || n > (max - (uint64_t)(c - '0')) / 10)
			return false;
		n = 10 * n + (uint64_t)(c - '0');
	}
	*out = n;
	return true;
}

static bool parse_key(struct slice s, uint8_t out[static WG_KEY_LEN])
{
	size_t n = 0;

	return hex_decode(out, WG_KEY_LEN, &n, (const char *)s.p, s.n) == ERR_OK && n == WG_KEY_LEN;
}

/* The text in front of the last `c`; `after` what follows it. */
static bool split_last(struct slice s, char c, char *out, size_t cap, struct slice *after)
{
	const uint8_t *at = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;
	struct rbuf r = rbuf_from(s);
	struct slice before;

	if (!at)
		return false;
	before = rbuf_bytes(&r, (size_t)(at - s.p));
	rbuf_u8(&r);
	*after = rbuf_bytes(&r, r.n);
	if (before.n >= cap || memchr(before.p, '\0', before.n))
		return false;
	memcpy(out, before.p, before.n);
	out[before.n] = '\0';
	return true;
}

/* "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%eth0]:51820" */
static bool parse_endpoint(struct slice s, union wg_endpoint *out)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 4];
	struct slice port_text;
	uint64_t port;
	size_t n;
	char *zone;

	memset(out, 0, sizeof(*out));
	if (!split_last(s, ':', host, sizeof(host), &port_text) ||
	    !parse_number(port_text, UINT16_MAX, &port))
		return false;
	n = strlen(host);
	if (n < 2 || host[0] != '[' || host[n - 1] != ']') {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons((uint16_t)port);
		return inet_pton(AF_INET, host, &out->in.sin_addr) == 1;
	}
	host[n - 1] = '\0';
	zone = strchr(host, '%');
	if (zone) {
		uint64_t index = 0;

		*zone++ = '\0';
		if (!parse_number((struct slice){(uint8_t *)zone, strlen(zone)}, UINT32_MAX,
				  &index))
			index = if_nametoindex(zone);
		out->in6.sin6_scope_id = (uint32_t)index;
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, host + 1, &out->in6.sin6_addr) == 1;
}

static bool parse_allowed(struct slice s, struct wg_allowed *out)
{
	char address[INET6_ADDRSTRLEN];
	struct slice bits;
	uint64_t cidr;

	memset(out, 0, sizeof(*out));
	if (!split_last(s, '/', address, sizeof(address), &bits))
		return false;
	out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (!parse_number(bits, out->family == AF_INET ? 32 : 128, &cidr))
		return false;
	out->cidr = (uint8_t)cidr;
	return inet_pton(out->family, address, out->address) == 1;
}

static enum err bad_line(struct why *why, struct slice name)
{
	return why_set(
		why, ERR_SYNTAX,
		"the WireGuard socket answered with a value for \"%.*s\" that makes no sense",
		(int)(name.n < 40 ? name.n : 40), (const char *)name.p);
}

static enum err too_much(struct why *why)
{
	return why_set(why, ERR_NO_MEMORY,
		       "the interface has more than %d peers or %d allowed IPs, or memory is short",
		       WG_PEERS_MAX, WG_ALLOWED_MAX);
}

static enum err peer_line(struct wg_device *d, struct slice name, struct slice value,
			  struct why *why)
{
	struct wg_peer *p = &d->peers[d->count - 1];
	struct wg_allowed allowed;
	uint64_t n = 0;
	bool ok = true;

	if (slice_is(name, "preshared_key")) {
		ok = parse_key(value, p->psk);
	} else if (slice_is(name, "endpoint")) {
		ok = parse_endpoint(value, &p->endpoint);
	} else if (slice_is(name, "persistent_keepalive_interval")) {
		ok = parse_number(value, UINT16_MAX, &n);
		p->keepalive = (uint16_t)n;
	} else if (slice_is(name, "last_handshake_time_sec")) {
		ok = parse_number(value, INT64_MAX, &n);
		p->handshake = (int64_t)n;
	} else if (slice_is(name, "rx_bytes")) {
		ok = parse_number(value, UINT64_MAX, &p->rx);
	} else if (slice_is(name, "tx_bytes")) {
		ok = parse_number(value, UINT64_MAX, &p->tx);
	} else if (slice_is(name, "allowed_ip")) {
		ok = parse_allowed(value, &allowed);
		if (ok && wg_device_allow(d, &allowed) != ERR_OK)
			return too_much(why);
	}
	return ok ? ERR_OK : bad_line(why, name);
}

static enum err end_of_answer(struct wg_uapi_reader *r, struct why *why)
{
	if (!r->has_code)
		return why_set(why, ERR_SYNTAX, "the WireGuard socket's answer has no errno line");
	r->done = true;
	if (!wg_key_is_zero(r->out->private_key))
		kdf_wg_public(r->out->public_key, r->out->private_key);
	return ERR_OK;
}

enum err wg_uapi_line(struct wg_uapi_reader *r, struct slice line, struct why *why)
{
	struct rbuf rest = rbuf_from(line);
	const uint8_t *equals = line.n > 0 ? memchr(line.p, '=', line.n) : NULL;
	struct slice name, value;
	struct wg_peer *p;
	uint64_t code = 0;

	if (line.n == 0)
		return end_of_answer(r, why);
	if (!equals || r->has_code || line.n > WG_UAPI_LINE_MAX)
		return why_set(why, ERR_SYNTAX,
			       "the WireGuard socket's answer does not follow its protocol");
	name = rbuf_bytes(&rest, (size_t)(equals - line.p));
	rbuf_u8(&rest);
	value = rbuf_bytes(&rest, rest.n);
	if (slice_is(name, "errno")) {
		bool negative = value.n > 0 && value.p[0] == '-';
		struct rbuf digits = rbuf_from(value);

		if (negative)
			rbuf_u8(&digits);
		if (!parse_number(rbuf_bytes(&digits, digits.n), INT32_MAX, &code))
			return bad_line(why, name);
		r->has_code = true;
		r->code = negative ? -(int64_t)code : (int64_t)code;
		return ERR_OK;
	}
	if (slice_is(name, "public_key")) {
		p = wg_device_add(r->out);
		if (!p)
			return too_much(why);
		r->in_peer = true;
		return parse_key(value, p->public_key) ? ERR_OK : bad_line(why, name);
	}
	if (r->in_peer)
		return peer_line(r->out, name, value, why);
	if (slice_is(name, "private_key") && !parse_key(value, r->out->private_key))
		return bad_line(why, name);
	return ERR_OK;
}

enum err wg_uapi_parse(struct wg_device *out, struct slice text, struct why *why)
{
	struct wg_uapi_reader reader = {.out = out};
	struct rbuf r = rbuf_from(text);
	enum err e = ERR_OK;

	while (e == ERR_OK && r.n > 0 && !reader.done) {
		const uint8_t *end = memchr(r.p, '\n', r.n);

		if (!end)
			break;
		e = wg_uapi_line(&reader, rbuf_bytes(&r, (size_t)(end - r.p)), why);
		rbuf_u8(&r);
	}
	if (e != ERR_OK)
		return e;
	if (!reader.done || reader.code != 0 || !rbuf_end(&r))
		return why_set(why, ERR_SYNTAX,
			       "the WireGuard socket's answer is cut short or "
			       "reports an error");
	return ERR_OK;
}

void wg_uapi_write_key(struct wbuf *w, const char *name, const uint8_t key[static WG_KEY_LEN])
{
	char hex[2 * WG_KEY_LEN + 1];

	hex_encode(hex, key, WG_KEY_LEN);
	wbuf_text(w, name);
	wbuf_text(w, "=");
	wbuf_text(w, hex);
	wbuf_text(w, "\n");
	secret_wipe(hex, sizeof(hex));
}

void wg_uapi_write_peer(struct wbuf *w, const struct wg_peer *p)
{
	char address[INET6_ADDRSTRLEN];

	if (p->endpoint.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &p->endpoint.in.sin_addr, address, sizeof(address));
		wbuf_printf(w, "endpoint=%s:%u\n", address, ntohs(p->endpoint.in.sin_port));
	} else if (p->endpoint.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &p->endpoint.in6.sin6_addr, address, sizeof(address));
		wbuf_printf(w, "endpoint=[%s", address);
		if (p->endpoint.in6.sin6_scope_id != 0)
			wbuf_printf(w, "%%%u", p->endpoint.in6.sin6_scope_id);
		wbuf_printf(w, "]:%u\n", ntohs(p->endpoint.in6.sin6_port));
	}
	wbuf_printf(w, "persistent_keepalive_interval=%u\n", p->keepalive);
}

void wg_uapi_write_allowed(struct wbuf *w, const struct wg_allowed *a)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(a->family, a->address, address, sizeof(address));
	wbuf_printf(w, "allowed_ip=%s/%u\n", address, a->cidr);
}
