/* SPDX-License-Identifier: MIT */
/*
 * Identities: a SLIP-0013 URI, an index and a curve, and what such a key may do.
 *
 * proto://[user@]host[:port][/path], split as trezor-agent splits it and hashed as the exact bytes
 * of `uri`: no default port, no case folding, no decoding. `u@h` and `u@h:22` are two keys.
 */
#ifndef LANYARD_IDENTITY_H
#define LANYARD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"
#include "protocol/err.h"

/* name as users and devices spell it (SLIP-0013 ecdsa_curve_name), SLIP-0010 salt in slip10.c */
enum curve { CURVE_NIST256P1, CURVE_SECP256K1, CURVE_ED25519, CURVE_CURVE25519, CURVE_COUNT };

const char *curve_name(enum curve c);
enum err curve_parse(const char *name, enum curve *out, struct why *why) MUST_CHECK;

/* DESIGN: an identity's class follows from its URI up to the first "://". */
enum identity_class {
	CLASS_SSH,          /* ssh://…               SIGN of what ssh/ has parsed */
	CLASS_GPG,          /* gpg://User ID[…]      SIGN, ECDH */
	CLASS_WG_INTERFACE, /* wg://IFACE@HOST       key release by WGKEYS only */
	CLASS_WG_PEER,      /* wg://IFACE@HOST/PEER  preshared key, by WGKEYS only */
	CLASS_SECRET,       /* secret://…            SECRET */
	CLASS_OTHER,        /* anything else         SIGN, ECDH */
	CLASS_COUNT
};

/* What a front end may ask of a key; the classes allow subsets (identity_may). */
enum use { USE_PUBLIC_KEY, USE_SIGN, USE_ECDH, USE_SECRET, USE_WG_KEYS, USE_COUNT };

enum { IDENTITY_URI_MAX = 500 };

struct identity {
	enum identity_class class;
	enum curve curve;
	uint32_t index;
	/* Parts as offsets into uri, separators excluded; n = 0 when absent. For gpg:// everything
	 * after the scheme is host, as trezor-gpg does it. Path keeps its leading slash. */
	struct {
		uint16_t at, n;
	} proto, user, host, port, path;
	char uri[IDENTITY_URI_MAX + 1];
};

/*
 * Parses and checks a URI; index 0 and the class's default curve (identity_default_curve).
 * Refused, with the reason in `why`: no scheme (RFC 3986: a letter, then letters, digits, + - .), a
 * second "://" (except in gpg://), non-ASCII and control characters, quotes (" ' `), % and
 * backslash anywhere; space and <> except in gpg://; a user or host that begins with "-"; an empty
 * host, an empty user before "@" or port after ":" (a device would hash another URI); more than
 * IDENTITY_URI_MAX bytes; for wg:// an IFACE that is not 1-15 characters of [A-Za-z0-9_=+.-], no
 * HOST, a port, or a PEER that is not the canonical unpadded base64url of 32 bytes.
 */
enum err identity_parse(struct identity *id, const char *uri, struct why *why) MUST_CHECK;

struct slice identity_part(const struct identity *id, size_t at, size_t n);
#define IDENTITY_PART(id, part) identity_part((id), (id)->part.at, (id)->part.n)

/* ed25519 for keys that sign; curve25519 for wg:// and secret:// and whenever `use` is ECDH. */
enum curve identity_default_curve(enum identity_class class, enum use use);

/* ERR_OK, or ERR_NOT_ALLOWED with a sentence that names the class and what it may do. */
enum err identity_may(const struct identity *id, enum use use, struct why *why) MUST_CHECK;

bool identity_equal(const struct identity *a, const struct identity *b); /* uri, index, curve */

/* "ssh://u@h" and "ssh://u@h:22" and the like: the same place, another key; worth a warning. */
bool identity_near(const struct identity *a, const struct identity *b);

#endif
