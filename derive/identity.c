/* SPDX-License-Identifier: MIT */
#include "derive/identity.h"

#include <string.h>

#include "derive/encode.h"

enum { IFACE_MAX = 15, PEER_LEN = 32 };

static const char *const curve_names[CURVE_COUNT] = {
	[CURVE_NIST256P1] = "nist256p1",
	[CURVE_SECP256K1] = "secp256k1",
	[CURVE_ED25519] = "ed25519",
	[CURVE_CURVE25519] = "curve25519",
};

static const struct {
	unsigned may;     /* 1 << USE_… */
	const char *form; /* as a person writes one */
	const char *what; /* what it may do, for a sentence */
} classes[CLASS_COUNT] = {
	[CLASS_SSH] = {1 << USE_PUBLIC_KEY | 1 << USE_SIGN, "an ssh:// identity",
		       "sign SSH logins and SSHSIG signatures"},
	[CLASS_GPG] = {1 << USE_PUBLIC_KEY | 1 << USE_SIGN | 1 << USE_ECDH, "a gpg:// identity",
		       "sign and decrypt (SIGN, ECDH)"},
	[CLASS_WG_INTERFACE] = {1 << USE_PUBLIC_KEY | 1 << USE_WG_KEYS,
				"a wg://IFACE@HOST identity",
				"be given to WireGuard (`lanyard-wg`)"},
	[CLASS_WG_PEER] = {1 << USE_PUBLIC_KEY | 1 << USE_WG_KEYS,
			   "a wg://IFACE@HOST/PEER identity",
			   "make a WireGuard preshared key (`lanyard-wg`)"},
	[CLASS_SECRET] = {1 << USE_PUBLIC_KEY | 1 << USE_SECRET, "a secret:// identity",
			  "make a secret (SECRET)"},
	[CLASS_OTHER] = {1 << USE_PUBLIC_KEY | 1 << USE_SIGN | 1 << USE_ECDH,
			 "an identity of this scheme", "sign and agree on keys (SIGN, ECDH)"},
};

static const char *const use_names[USE_COUNT] = {
	[USE_PUBLIC_KEY] = "tell its public key",
	[USE_SIGN] = "SIGN",
	[USE_ECDH] = "ECDH",
	[USE_SECRET] = "SECRET",
	[USE_WG_KEYS] = "WGKEYS",
};

const char *curve_name(enum curve c)
{
	return (unsigned)c < CURVE_COUNT ? curve_names[c] : "unknown";
}

enum err curve_parse(const char *name, enum curve *out, struct why *why)
{
	for (unsigned c = 0; c < CURVE_COUNT; c++) {
		if (strcmp(name, curve_names[c]) == 0) {
			*out = (enum curve)c;
			return ERR_OK;
		}
	}
	return why_set(why, ERR_INVALID,
		       "no curve \"%.20s\"; allowed: nist256p1, secp256k1, ed25519, curve25519",
		       name);
}

struct slice identity_part(const struct identity *id, size_t at, size_t n)
{
	return (struct slice){(const uint8_t *)id->uri + at, n};
}

enum curve identity_default_curve(enum identity_class class, enum use use)
{
	if (use == USE_ECDH || class == CLASS_WG_INTERFACE || class == CLASS_WG_PEER ||
	    class == CLASS_SECRET) {
		return CURVE_CURVE25519;
	}
	return CURVE_ED25519;
}

enum err identity_may(const struct identity *id, enum use use, struct why *why)
{
	if ((unsigned)id->class >= CLASS_COUNT || (unsigned)use >= USE_COUNT) {
		return why_set(why, ERR_INVALID, "no such class of identity, or no such use");
	}
	if ((classes[id->class].may & 1U << use) != 0) {
		return ERR_OK;
	}
	return why_set(why, ERR_NOT_ALLOWED, "%s may only %s: %s is refused for %.150s",
		       classes[id->class].form, classes[id->class].what, use_names[use], id->uri);
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Rules for each byte. */
static enum err check_bytes(const char *uri, size_t n, bool gpg, struct why *why)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)uri[i];

		if (c >= 0x80) {
			return why_set(why, ERR_INVALID,
				       "identity: byte %zu is not ASCII; write a host name in its "
				       "xn-- form and a user ID without accents",
				       i + 1);
		}
		if (c < 0x20 || c == 0x7F) {
			return why_set(why, ERR_INVALID,
				       "identity: byte %zu is a control character", i + 1);
		}
		if (strchr("%\"'`\\", c) != NULL) {
			return why_set(why, ERR_INVALID,
				       "identity: \"%c\" at byte %zu is not allowed (nor %%, "
				       "quotes and backslash anywhere)",
				       c, i + 1);
		}
		if (!gpg && strchr(" <>", c) != NULL) {
			return why_set(why, ERR_INVALID,
				       "identity: \"%c\" at byte %zu is allowed in gpg:// only", c,
				       i + 1);
		}
	}
	return ERR_OK;
}

/* RFC 3986 section 3.1, so that no scheme looks like an option or a host. */
static bool is_scheme(const char *p, size_t n)
{
	if (n == 0 || !is_alpha(p[0])) {
		return false;
	}
	for (size_t i = 1; i < n; i++) {
		if (!is_alpha(p[i]) && !is_digit(p[i]) && strchr("+-.", p[i]) == NULL) {
			return false;
		}
	}
	return true;
}

/* The length of ":port" at p[at], or 0: the port is letters, digits and _ up to a "/" or the end.
 */
static size_t port_length(const char *p, size_t at, size_t n)
{
	size_t end = at + 1;

	if (p[at] != ':') {
		return 0;
	}
	while (end < n && (is_alpha(p[end]) || is_digit(p[end]) || p[end] == '_')) {
		end++;
	}
	return end == n || p[end] == '/' ? end - at : 0;
}

/*
 * What follows "proto://", as trezor-agent's expression splits it:
 *   (?:(?P<user>.*)@)?(?P<host>.*?)(?::(?P<port>\w*))?(?P<path>/.*)?$
 * user goes to the last "@", wherever that is; host is as short as the rest allows. It drops an
 * empty user's "@" and an empty port's ":" from what it hashes, so such a URI would be two keys.
 */
static enum err split(struct identity *id, size_t at, struct why *why)
{
	const char *last_at = strrchr(id->uri + at, '@');
	size_t n = strlen(id->uri);
	size_t host, i, port;

	if (last_at != NULL) {
		id->user.at = (uint16_t)at;
		id->user.n = (uint16_t)((size_t)(last_at - id->uri) - at);
		at += id->user.n + 1U;
		if (id->user.n == 0) {
			return why_set(why, ERR_INVALID,
				       "identity: nothing before the \"@\"; leave the \"@\" out or "
				       "name the user");
		}
	}
	host = at;
	for (i = host, port = 0; i < n && id->uri[i] != '/'; i++) {
		port = port_length(id->uri, i, n);
		if (port > 0) {
			break;
		}
	}
	id->host.at = (uint16_t)host;
	id->host.n = (uint16_t)(i - host);
	if (port == 1) {
		return why_set(why, ERR_INVALID,
			       "identity: nothing after the \":\"; leave the \":\" out or name "
			       "the port");
	}
	if (port > 1) {
		id->port.at = (uint16_t)(i + 1);
		id->port.n = (uint16_t)(port - 1);
		i += port;
	}
	id->path.at = (uint16_t)i;
	id->path.n = (uint16_t)(n - i);
	return ERR_OK;
}

static enum err check_wg(struct identity *id, struct why *why)
{
	uint8_t peer[PEER_LEN];
	size_t n = 0;
	struct slice iface = IDENTITY_PART(id, user);

	for (size_t i = 0; i < iface.n; i++) {
		if (!is_alpha((char)iface.p[i]) && !is_digit((char)iface.p[i]) &&
		    strchr("_=+.-", iface.p[i]) == NULL) {
			iface.n = 0;
		}
	}
	if (iface.n < 1 || iface.n > IFACE_MAX) {
		return why_set(why, ERR_INVALID,
			       "identity: wg:// wants wg://IFACE@HOST with an interface name of 1 "
			       "to %d characters of A-Z a-z 0-9 _ = + . -",
			       IFACE_MAX);
	}
	if (id->port.n > 0) {
		return why_set(why, ERR_INVALID,
			       "identity: wg:// has no port: HOST names the machine, not an "
			       "endpoint");
	}
	if (id->path.n == 0) {
		return ERR_OK;
	}
	/* The decoder takes the canonical form only. */
	if (base64url_decode(peer, sizeof peer, &n, id->uri + id->path.at + 1, id->path.n - 1U) !=
		    ERR_OK ||
	    n != PEER_LEN) {
		return why_set(why, ERR_INVALID,
			       "identity: after wg://IFACE@HOST/ comes the peer's public key, 43 "
			       "characters of base64url: its base64 with - for +, _ for /, "
			       "without the =");
	}
	id->class = CLASS_WG_PEER;
	return ERR_OK;
}

static enum identity_class class_of(const struct identity *id)
{
	struct slice proto = IDENTITY_PART(id, proto);

	if (slice_is(proto, "ssh")) {
		return CLASS_SSH;
	}
	if (slice_is(proto, "gpg")) {
		return CLASS_GPG;
	}
	if (slice_is(proto, "wg")) {
		return CLASS_WG_INTERFACE;
	}
	return slice_is(proto, "secret") ? CLASS_SECRET : CLASS_OTHER;
}

/* Rules for the parts. */
static enum err check_parts(struct identity *id, struct why *why)
{
	if (id->host.n == 0) {
		return why_set(why, ERR_INVALID,
			       id->class == CLASS_GPG
				       ? "identity: nothing after gpg://; write gpg://User ID"
				       : "identity: the host is empty; write "
					 "proto://[user@]host[:port][/path]");
	}
	if ((id->user.n > 0 && id->uri[id->user.at] == '-') || id->uri[id->host.at] == '-') {
		return why_set(why, ERR_INVALID,
			       "identity: a user or host may not begin with \"-\"");
	}
	return id->class == CLASS_WG_INTERFACE ? check_wg(id, why) : ERR_OK;
}

enum err identity_parse(struct identity *id, const char *uri, struct why *why)
{
	const char *mark = strstr(uri, "://");
	size_t n = strlen(uri);
	size_t scheme = mark != NULL ? (size_t)(mark - uri) : 0;
	enum err e;

	*id = (struct identity){.index = 0};
	if (n > IDENTITY_URI_MAX) {
		return why_set(why, ERR_INVALID, "identity: %zu bytes; at most %d are allowed", n,
			       IDENTITY_URI_MAX);
	}
	memcpy(id->uri, uri, n);
	id->proto.n = (uint16_t)scheme;
	id->class = class_of(id);
	e = check_bytes(uri, n, id->class == CLASS_GPG, why);
	if (e != ERR_OK) {
		return e;
	}
	if (!is_scheme(uri, scheme)) {
		return why_set(why, ERR_INVALID,
			       "identity: it does not begin with a scheme; write "
			       "proto://[user@]host[:port][/path], for example ssh://git@host");
	}
	if (id->class == CLASS_GPG) {
		id->host.at = (uint16_t)(scheme + 3);
		id->host.n = (uint16_t)(n - scheme - 3);
	} else if (strstr(mark + 3, "://") != NULL) {
		return why_set(why, ERR_INVALID, "identity: a second \"://\" is not allowed");
	} else {
		e = split(id, scheme + 3, why);
	}
	if (e == ERR_OK) {
		e = check_parts(id, why);
	}
	id->curve = identity_default_curve(id->class, USE_PUBLIC_KEY);
	return e;
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->index == b->index && a->curve == b->curve && strcmp(a->uri, b->uri) == 0;
}

static bool equal_ignoring_case(struct slice a, struct slice b)
{
	if (a.n != b.n) {
		return false;
	}
	for (size_t i = 0; i < a.n; i++) {
		char x = (char)a.p[i];
		char y = (char)b.p[i];

		if (x != y && !(is_alpha(x) && is_alpha(y) && (x ^ y) == ('a' ^ 'A'))) {
			return false;
		}
	}
	return true;
}

/* ssh's default port is no port. */
static struct slice near_port(const struct identity *id)
{
	struct slice port = IDENTITY_PART(id, port);

	if (id->class == CLASS_SSH && slice_is(port, "22")) {
		port.n = 0;
	}
	return port;
}

static struct slice without_slash(struct slice s)
{
	if (s.n > 0 && s.p[s.n - 1] == '/') {
		s.n--;
	}
	return s;
}

bool identity_near(const struct identity *a, const struct identity *b)
{
	return !identity_equal(a, b) && a->class == b->class && a->curve == b->curve &&
	       a->index == b->index && slice_eq(IDENTITY_PART(a, proto), IDENTITY_PART(b, proto)) &&
	       slice_eq(IDENTITY_PART(a, user), IDENTITY_PART(b, user)) &&
	       equal_ignoring_case(without_slash(IDENTITY_PART(a, host)),
				   without_slash(IDENTITY_PART(b, host))) &&
	       slice_eq(near_port(a), near_port(b)) &&
	       slice_eq(without_slash(IDENTITY_PART(a, path)),
			without_slash(IDENTITY_PART(b, path)));
}
