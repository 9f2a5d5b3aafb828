/* SPDX-License-Identifier: MIT */
/* wg-hook/backend.h: what the kernel and a user-space WireGuard answer, and the arrays behind. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "derive/secret.h"
#include "wg-hook/backend.h"

/* After our headers: it defines WG_KEY_LEN as a macro. */
#include <linux/wireguard.h>

#define ROWS(table) (sizeof(table) / sizeof(*(table)))
/* Of DERIVATION.md's vectors: wg.a.private, wg.a.public. */
#define PRIVATE "808963156524b0ac2596b5e228d71b351e87d99b22af5247ed4bf02fe86d8649"
#define PUBLIC  "nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I="
#define HEX_0   "0000000000000000000000000000000000000000000000000000000000000000"
#define HEX_1   "0101010101010101010101010101010101010101010101010101010101010101"
#define HEX_2   "0202020202020202020202020202020202020202020202020202020202020202"

static void start(void)
{
	cr_assert_eq(secret_start(NULL), ERR_OK);
}

TestSuite(wg_backend, .init = start);

/* ---- the arrays ---- */

Test(wg_backend, a_device_that_grows_and_is_sorted)
{
	struct wg_device d = {0};
	struct wg_allowed a = {.family = AF_INET, .cidr = 32};
	uint8_t key[WG_KEY_LEN] = {0};

	cr_expect_eq(wg_device_allow(&d, &a), ERR_INVALID, "of no peer");
	cr_expect_null(wg_device_find(&d, key));
	for (unsigned i = 0; i < 1000; i++) {
		struct wg_peer *p = wg_device_add(&d);

		cr_assert(p != NULL);
		/* 7 has no common divisor with 1000: each number once, in no order. */
		p->public_key[0] = (uint8_t)(i * 7 % 1000 >> 8);
		p->public_key[1] = (uint8_t)(i * 7 % 1000);
		for (unsigned k = 0; k < i % 3; k++) {
			a.address[0] = (uint8_t)(i * 7 % 1000);
			cr_assert_eq(wg_device_allow(&d, &a), ERR_OK);
		}
	}
	cr_expect_eq(d.count, 1000);
	cr_expect(!d.sorted);
	key[0] = 999 >> 8;
	key[1] = 999 & 255;
	cr_expect(wg_device_find(&d, key) != NULL, "unsorted");
	wg_device_sort(&d);
	for (unsigned i = 0; i < 1000; i++) {
		const struct wg_peer *p;

		key[0] = (uint8_t)(i >> 8);
		key[1] = (uint8_t)i;
		p = wg_device_find(&d, key);
		cr_assert_eq(p, &d.peers[i], "%u", i);
		for (uint32_t k = 0; k < p->allowed_count; k++)
			cr_expect_eq(d.allowed[p->allowed + k].address[0], (uint8_t)i);
	}
	key[0] = 255;
	cr_expect_null(wg_device_find(&d, key));
	wg_device_free(&d);
	cr_expect(d.count == 0 && d.peers == NULL && d.allowed == NULL);
}

/* ---- the kernel ---- */

/* Attributes as the kernel writes them. */
struct attributes {
	uint8_t p[2048];
	size_t n;
};

static size_t begin(struct attributes *a, uint16_t type)
{
	struct nlattr head = {.nla_type = type};

	cr_assert(a->n + sizeof(head) <= sizeof(a->p));
	memcpy(a->p + a->n, &head, sizeof(head));
	a->n += sizeof(head);
	return a->n - sizeof(head);
}

static void end(struct attributes *a, size_t at)
{
	uint16_t len = (uint16_t)(a->n - at);

	memcpy(a->p + at, &len, sizeof(len));
	while (a->n % 4 != 0)
		a->p[a->n++] = 0;
}

static void put(struct attributes *a, uint16_t type, const void *value, size_t n)
{
	size_t at = begin(a, type);

	cr_assert(a->n + n + 3 <= sizeof(a->p));
	memcpy(a->p + a->n, value, n);
	a->n += n;
	end(a, at);
}

static void put_key(struct attributes *a, uint16_t type, uint8_t byte)
{
	uint8_t key[WG_KEY_LEN];

	memset(key, byte, sizeof(key));
	put(a, type, key, sizeof(key));
}

static void put_allowed(struct attributes *a, const char *text, uint8_t cidr)
{
	uint16_t family = strchr(text, ':') ? AF_INET6 : AF_INET;
	uint8_t address[16];
	size_t at = begin(a, 0 | NLA_F_NESTED);

	cr_assert_eq(inet_pton(family, text, address), 1);
	put(a, WGALLOWEDIP_A_FAMILY, &family, sizeof(family));
	put(a, WGALLOWEDIP_A_IPADDR, address, family == AF_INET ? 4 : 16);
	put(a, WGALLOWEDIP_A_CIDR_MASK, &cidr, sizeof(cidr));
	end(a, at);
}

static enum err parse(struct wg_device *d, const struct attributes *a)
{
	struct why why = {0};
	enum err e = wg_netlink_parse(d, (struct slice){a->p, a->n}, &why);

	cr_expect_eq(e != ERR_OK, why.text[0] != '\0', "said \"%s\"", why.text);
	return e;
}

/* One peer with all that a peer has. */
static void put_whole_peer(struct attributes *a)
{
	const struct sockaddr_in6 to = {.sin6_family = AF_INET6,
					.sin6_port = htons(51820),
					.sin6_addr = {.s6_addr = {0xfe, 0x80, [15] = 9}},
					.sin6_scope_id = 3};
	const struct {
		int64_t seconds, nanoseconds;
	} when = {1700000000, 1};
	const uint64_t rx = 12, tx = 1ULL << 40;
	const uint16_t keepalive = 25;
	size_t peer = begin(a, 0 | NLA_F_NESTED), list;

	put_key(a, WGPEER_A_PUBLIC_KEY, 1);
	put_key(a, WGPEER_A_PRESHARED_KEY, 2);
	put(a, WGPEER_A_ENDPOINT, &to, sizeof(to));
	put(a, WGPEER_A_LAST_HANDSHAKE_TIME, &when, sizeof(when));
	put(a, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, &keepalive, sizeof(keepalive));
	put(a, WGPEER_A_RX_BYTES, &rx, sizeof(rx));
	put(a, WGPEER_A_TX_BYTES, &tx, sizeof(tx));
	put(a, 99, "new", 3);
	list = begin(a, WGPEER_A_ALLOWEDIPS | NLA_F_NESTED);
	put_allowed(a, "10.1.0.0", 16);
	put_allowed(a, "2001:db8::", 32);
	end(a, list);
	end(a, peer);
}

Test(wg_backend, a_dump_of_the_kernel)
{
	struct attributes first = {.n = 0}, second = {.n = 0};
	struct wg_device d = {0};
	size_t peers = 0, peer, list;
	const struct wg_peer *p;

	put_key(&first, WGDEVICE_A_PRIVATE_KEY, 7);
	put_key(&first, WGDEVICE_A_PUBLIC_KEY, 8);
	put(&first, WGDEVICE_A_IFNAME, "wg0", 4);
	peers = begin(&first, WGDEVICE_A_PEERS | NLA_F_NESTED);
	put_whole_peer(&first);
	end(&first, peers);
	/* The next message goes on with the same peer, then has another. */
	peers = begin(&second, WGDEVICE_A_PEERS | NLA_F_NESTED);
	peer = begin(&second, 0 | NLA_F_NESTED);
	put_key(&second, WGPEER_A_PUBLIC_KEY, 1);
	list = begin(&second, WGPEER_A_ALLOWEDIPS | NLA_F_NESTED);
	put_allowed(&second, "10.2.0.0", 24);
	end(&second, list);
	end(&second, peer);
	peer = begin(&second, 0 | NLA_F_NESTED);
	put_key(&second, WGPEER_A_PUBLIC_KEY, 3);
	end(&second, peer);
	end(&second, peers);

	cr_assert_eq(parse(&d, &first), ERR_OK);
	cr_assert_eq(parse(&d, &second), ERR_OK);
	cr_expect(d.private_key[0] == 7 && d.private_key[31] == 7 && d.public_key[31] == 8);
	cr_assert_eq(d.count, 2);
	p = &d.peers[0];
	cr_expect(p->public_key[31] == 1 && p->psk[0] == 2 && p->psk[31] == 2);
	cr_expect(p->endpoint.in6.sin6_family == AF_INET6 &&
		  ntohs(p->endpoint.in6.sin6_port) == 51820 &&
		  p->endpoint.in6.sin6_addr.s6_addr[15] == 9 && p->endpoint.in6.sin6_scope_id == 3);
	cr_expect(p->handshake == 1700000000 && p->keepalive == 25);
	cr_expect(p->rx == 12 && p->tx == 1ULL << 40);
	cr_expect(p->allowed == 0 && p->allowed_count == 3);
	cr_expect(d.allowed[0].family == AF_INET && d.allowed[0].cidr == 16 &&
		  d.allowed[0].address[1] == 1);
	cr_expect(d.allowed[1].family == AF_INET6 && d.allowed[1].cidr == 32 &&
		  d.allowed[1].address[3] == 0xb8);
	cr_expect(d.allowed[2].cidr == 24 && d.allowed[2].address[1] == 2);
	cr_expect(d.peers[1].public_key[0] == 3 && d.peers[1].allowed_count == 0 &&
		  wg_key_is_zero(d.peers[1].psk));
	wg_device_free(&d);
}

/* A value of another size, in a peer or its allowed IP, and lengths that lie: each is refused. */
Test(wg_backend, a_dump_that_makes_no_sense)
{
	struct attributes whole = {.n = 0};
	size_t peers = begin(&whole, WGDEVICE_A_PEERS | NLA_F_NESTED), refused = 0;
	struct wg_device d = {0};

	put_whole_peer(&whole);
	end(&whole, peers);
	cr_assert_eq(parse(&d, &whole), ERR_OK);
	wg_device_free(&d);
	for (size_t n = 1; n < whole.n; n++) {
		struct attributes cut = whole;

		cut.n = n;
		cr_expect_eq(parse(&d, &cut), ERR_SYNTAX, "cut at %zu", n);
		wg_device_free(&d);
	}
	/* Each length in it, one shorter: what it has is cut or ends elsewhere. */
	for (size_t at = 8; at + 4 <= whole.n; at += 4) {
		struct attributes lie = whole;
		struct nlattr head;

		memcpy(&head, lie.p + at, sizeof(head));
		if (head.nla_len != WG_KEY_LEN + sizeof(head) && head.nla_len != 5)
			continue;
		head.nla_len--;
		memcpy(lie.p + at, &head, sizeof(head));
		cr_expect_eq(parse(&d, &lie), ERR_SYNTAX, "the length at %zu", at);
		wg_device_free(&d);
		refused++;
	}
	cr_expect_eq(refused, 4, "two keys and two masks, not %zu", refused);
}

Test(wg_backend, allowed_ips_that_make_no_sense)
{
	static const struct {
		uint16_t family;
		size_t length;
		uint8_t cidr;
		enum err e;
	} rows[] = {
		{AF_INET, 4, 32, ERR_OK},        {AF_INET, 4, 33, ERR_SYNTAX},
		{AF_INET, 16, 32, ERR_SYNTAX},   {AF_INET6, 16, 128, ERR_OK},
		{AF_INET6, 16, 129, ERR_SYNTAX}, {AF_INET6, 4, 32, ERR_SYNTAX},
		{AF_UNSPEC, 4, 32, ERR_SYNTAX},  {AF_INET, 0, 0, ERR_SYNTAX},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		static const uint8_t address[16];
		struct attributes a = {.n = 0};
		struct wg_device d = {0};
		size_t peers = begin(&a, WGDEVICE_A_PEERS), peer = begin(&a, 0), list, one;

		put_key(&a, WGPEER_A_PUBLIC_KEY, 1);
		list = begin(&a, WGPEER_A_ALLOWEDIPS);
		one = begin(&a, 0);
		put(&a, WGALLOWEDIP_A_FAMILY, &rows[i].family, sizeof(rows[i].family));
		put(&a, WGALLOWEDIP_A_IPADDR, address, rows[i].length);
		put(&a, WGALLOWEDIP_A_CIDR_MASK, &rows[i].cidr, 1);
		end(&a, one);
		end(&a, list);
		end(&a, peer);
		end(&a, peers);
		cr_expect_eq(parse(&d, &a), rows[i].e, "row %zu", i);
		wg_device_free(&d);
	}
}

/* ---- user space ---- */

static enum err uapi(struct wg_device *d, const char *text)
{
	struct why why = {0};
	enum err e = wg_uapi_parse(d, (struct slice){(const uint8_t *)text, strlen(text)}, &why);

	cr_expect_eq(e != ERR_OK, why.text[0] != '\0', "\"%s\": said \"%s\"", text, why.text);
	return e;
}

Test(wg_backend, an_answer_of_the_socket)
{
	static const char text[] =
		"private_key=" PRIVATE "\nlisten_port=51820\nnew_word=1\npublic_key=" HEX_1 "\n"
		"preshared_key=" HEX_2 "\nprotocol_version=1\nendpoint=[fe80::9%3]:65535\n"
		"last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\ntx_bytes="
		"18446744073709551615\nrx_bytes=12\npersistent_keepalive_interval=25\n"
		"allowed_ip=10.1.0.0/16\nallowed_ip=2001:db8::/32\npublic_key=" HEX_2 "\n"
		"preshared_key=" HEX_0 "\nendpoint=192.0.2.1:7\nerrno=0\n\n";
	char public_key[WG_KEY_TEXT];
	struct wg_device d = {0};
	const struct wg_peer *p;

	cr_assert_eq(uapi(&d, text), ERR_OK);
	cr_expect(d.private_key[0] == 0x80 && d.private_key[31] == 0x49);
	wg_key_format(public_key, d.public_key);
	cr_expect_str_eq(public_key, PUBLIC, "made from the private key");
	cr_assert_eq(d.count, 2);
	p = &d.peers[0];
	cr_expect(p->public_key[31] == 1 && p->psk[31] == 2);
	cr_expect(p->endpoint.in6.sin6_family == AF_INET6 &&
		  ntohs(p->endpoint.in6.sin6_port) == 65535 && p->endpoint.in6.sin6_scope_id == 3);
	cr_expect(p->handshake == 1700000000 && p->keepalive == 25);
	cr_expect(p->rx == 12 && p->tx == UINT64_MAX);
	cr_expect(p->allowed == 0 && p->allowed_count == 2);
	cr_expect(d.allowed[0].cidr == 16 && d.allowed[1].family == AF_INET6);
	p = &d.peers[1];
	cr_expect(wg_key_is_zero(p->psk) && p->allowed_count == 0);
	cr_expect(p->endpoint.in.sin_family == AF_INET && ntohs(p->endpoint.in.sin_port) == 7);
	wg_device_free(&d);
	cr_expect_eq(uapi(&d, "errno=0\n\n"), ERR_OK, "no key, no peer");
	cr_expect(wg_key_is_zero(d.public_key));
	wg_device_free(&d);
}

Test(wg_backend, an_answer_that_makes_no_sense)
{
#define PEER "public_key=" HEX_1 "\n"
	static const char *const rows[] = {
		"",
		"errno=0\n",
		"\n",
		"errno=0\n\nmore",
		"errno=-2\n\n",
		"errno=two\n\n",
		"errno=0\nerrno=0\n\n",
		"errno=0\n" PEER "\n",
		"word\nerrno=0\n\n",
		"private_key=77\nerrno=0\n\n",
		"public_key=" HEX_1 "01\nerrno=0\n\n",
		PEER "preshared_key=x" HEX_1 "\nerrno=0\n\n",
		PEER "endpoint=192.0.2.1\nerrno=0\n\n",
		PEER "endpoint=192.0.2.1:65536\nerrno=0\n\n",
		PEER "endpoint=192.0.2.256:1\nerrno=0\n\n",
		PEER "endpoint=[::1:1\nerrno=0\n\n",
		PEER "endpoint=::1:1\nerrno=0\n\n",
		PEER "allowed_ip=10.0.0.0\nerrno=0\n\n",
		PEER "allowed_ip=10.0.0.0/33\nerrno=0\n\n",
		PEER "allowed_ip=::/129\nerrno=0\n\n",
		PEER "allowed_ip=10.0.0.0/\nerrno=0\n\n",
		PEER "allowed_ip=10.0.0.0/-1\nerrno=0\n\n",
		PEER "persistent_keepalive_interval=65536\nerrno=0\n\n",
		PEER "tx_bytes=18446744073709551616\nerrno=0\n\n",
		PEER "rx_bytes=\nerrno=0\n\n",
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wg_device d = {0};

		cr_expect_eq(uapi(&d, rows[i]), ERR_SYNTAX, "row %zu: \"%s\"", i, rows[i]);
		wg_device_free(&d);
	}
}

Test(wg_backend, a_line_that_is_too_long)
{
	char text[WG_UAPI_LINE_MAX + 32];
	struct wg_device d = {0};

	for (int over = 0; over <= 1; over++) {
		snprintf(text, sizeof(text), "x=%0*d\nerrno=0\n\n", WG_UAPI_LINE_MAX - 2 + over, 0);
		cr_expect_eq(uapi(&d, text), over ? ERR_SYNTAX : ERR_OK, "%d over", over);
		wg_device_free(&d);
	}
}

/* The lines of a request. */
Test(wg_backend, what_the_socket_is_told)
{
	static const char want[] =
		"public_key=" HEX_1
		"\nendpoint=[fe80::9%3]:51820\npersistent_keepalive_interval=25\n"
		"allowed_ip=10.1.0.0/16\nendpoint=192.0.2.1:7\npersistent_keepalive_interval=0\n"
		"persistent_keepalive_interval=0\n";
	struct wg_peer six = {.keepalive = 25}, four = {.keepalive = 0}, none = {.keepalive = 0};
	const struct wg_allowed allowed = {AF_INET, 16, {10, 1}};
	uint8_t bytes[512];
	struct wbuf w = wbuf_new(bytes, sizeof(bytes));

	memset(six.public_key, 1, sizeof(six.public_key));
	six.endpoint.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						 .sin6_port = htons(51820),
						 .sin6_addr = {.s6_addr = {0xfe, 0x80, [15] = 9}},
						 .sin6_scope_id = 3};
	four.endpoint.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(7)};
	cr_assert_eq(inet_pton(AF_INET, "192.0.2.1", &four.endpoint.in.sin_addr), 1);
	wg_uapi_write_key(&w, "public_key", six.public_key);
	wg_uapi_write_peer(&w, &six);
	wg_uapi_write_allowed(&w, &allowed);
	wg_uapi_write_peer(&w, &four);
	wg_uapi_write_peer(&w, &none);
	cr_assert(wbuf_ok(&w));
	cr_expect_eq(w.n, sizeof(want) - 1);
	cr_expect_arr_eq(w.p, want, sizeof(want) - 1, "%.*s", (int)w.n, (const char *)w.p);
}
