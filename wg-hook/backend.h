/* SPDX-License-Identifier: MIT */
/*
 * WireGuard as it runs: what an interface has, and one transaction that changes it.
 *
 * Two back ends: the kernel's (netlink.c: generic netlink, family "wireguard" version 1, Linux
 * include/uapi/linux/wireguard.h) and a user-space implementation's socket (uapi.c: "Configuration
 * Protocol" of wireguard.com/xplatform). As wg(8) does, the socket is taken where there is one.
 *
 * What comes back is parsed as hostile, though root answers: an interface may have any name. One
 * thread. Everything with keys is in locked memory (derive/secret) and wiped.
 */
#ifndef LANYARD_WG_BACKEND_H
#define LANYARD_WG_BACKEND_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

#include "protocol/buf.h"
#include "protocol/err.h"
#include "wg-hook/wg.h"

/* Where user-space implementations have their sockets, IFACE.sock. */
#define WG_UAPI_DIR "/var/run/wireguard"

enum {
	WG_PEERS_MAX = 65536,
	WG_ALLOWED_MAX = 1 << 20, /* allowed IPs of all peers of an interface */
};

struct wg_allowed {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t cidr;
	uint8_t address[16]; /* the first 4 for AF_INET */
};

union wg_endpoint {
	struct sockaddr any; /* sa_family AF_UNSPEC: none */
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* What wg_set() does with a peer; wg_get() gives 0. */
enum wg_peer_flag {
	WG_PEER_REMOVE = 1,
	WG_PEER_PSK = 2,  /* set the preshared key; all zero takes it out */
	WG_PEER_FULL = 4, /* make it if it is not there; set endpoint, keepalive, allowed IPs */
};

struct wg_peer {
	uint8_t public_key[WG_KEY_LEN];
	uint8_t psk[WG_KEY_LEN]; /* secret; all zero: none */
	union wg_endpoint endpoint;
	uint16_t keepalive;     /* seconds; 0: off */
	uint8_t flags;          /* enum wg_peer_flag */
	uint32_t allowed;       /* the first of its allowed IPs in wg_device.allowed */
	uint32_t allowed_count; /* they are adjacent */
	int64_t handshake;      /* the latest one, seconds of CLOCK_REALTIME; 0: none */
	uint64_t rx, tx;        /* bytes */
};

/*
 * An interface, or a change of one. Start with a zeroed struct; wg_device_free() wipes it. Both
 * arrays are locked memory that grows with what really came.
 */
struct wg_device {
	uint8_t private_key[WG_KEY_LEN]; /* secret; all zero: none */
	uint8_t public_key[WG_KEY_LEN];  /* of private_key; all zero without one */
	bool set_private;                /* for wg_set() */
	bool sorted;                     /* by public key: wg_device_find() is fast */
	size_t count, peers_cap;
	struct wg_peer *peers;
	size_t allowed_count, allowed_cap;
	struct wg_allowed *allowed;
};

/* Appends a zeroed peer, valid until the next call; NULL when there are too many, or no memory. */
struct wg_peer *wg_device_add(struct wg_device *d) MUST_CHECK;
/* Appends an allowed IP to the last peer. */
enum err wg_device_allow(struct wg_device *d, const struct wg_allowed *a) MUST_CHECK;
/* NULL when it has no such peer. */
struct wg_peer *wg_device_find(const struct wg_device *d, const uint8_t key[static WG_KEY_LEN]);
/* Sorts by public key (wg_device_find is linear before); allowed IPs stay theirs. */
void wg_device_sort(struct wg_device *d);
void wg_device_free(struct wg_device *d);
bool wg_key_is_zero(const uint8_t key[static WG_KEY_LEN]); /* constant time */

/*
 * ERR_NOT_FOUND: no such WireGuard interface. ERR_PERMISSION: not root. ERR_TIMEOUT: it did not
 * answer in 10 s. ERR_SYNTAX: what it answered is no WireGuard's answer.
 */
enum err wg_get(struct wg_device *out, const char *iface, struct why *why) MUST_CHECK;
/*
 * Applies `change`: the private key when set_private, then each peer as its flags say; other peers
 * and settings stay. Without WG_PEER_FULL a peer that is not there is left out, silently. All or
 * nothing is the caller's: after an error a part may have been applied. Read it back.
 */
enum err wg_set(const char *iface, const struct wg_device *change, struct why *why) MUST_CHECK;

/* The two back ends; wg_get() and wg_set() choose. */
struct wg_backend {
	const char *name; /* for a person */
	enum err (*get)(struct wg_device *out, const char *iface, struct why *why);
	enum err (*set)(const char *iface, const struct wg_device *change, struct why *why);
};
extern const struct wg_backend wg_uapi, wg_netlink;
/* Chosen for this interface now. */
const struct wg_backend *wg_backend(const char *iface);

/* Parsers of what comes from outside; for their back ends, state.c and the fuzzers. */

/*
 * An answer of the socket, line by line (without LF). `done` after the empty line at its end;
 * `code` is its errno line's, which must come.
 */
enum { WG_UAPI_LINE_MAX = 512 };
struct wg_uapi_reader {
	struct wg_device *out;
	bool done, has_code, in_peer;
	int64_t code;
};
enum err wg_uapi_line(struct wg_uapi_reader *r, struct slice line, struct why *why) MUST_CHECK;
/* A whole one, nothing after it, with `errno=0`. */
enum err wg_uapi_parse(struct wg_device *out, struct slice text, struct why *why) MUST_CHECK;
/* Appends endpoint and keepalive of a peer, and an allowed IP, as lines of a request. */
void wg_uapi_write_peer(struct wbuf *w, const struct wg_peer *p);
void wg_uapi_write_allowed(struct wbuf *w, const struct wg_allowed *a);
/* A key as the line "name=hex". */
void wg_uapi_write_key(struct wbuf *w, const char *name, const uint8_t key[static WG_KEY_LEN]);
/* The attributes of one message of a dump, generic netlink's header left out. A peer that goes on
 * from the message before is joined. */
enum err wg_netlink_parse(struct wg_device *out, struct slice attributes,
			  struct why *why) MUST_CHECK;

#endif
