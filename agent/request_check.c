/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "agent/agent.h"
#include "agent/lock.h"
#include "agent/pick.h"
#include "agent/request_check.h"

enum purpose request_purpose(const struct request *r)
{
	switch (r->op) {
	case OP_ECDH:
	case OP_SECRET:
		return PURPOSE_ECDH;
	case OP_PUBLIC_KEY:
		return r->id.curve == CURVE_CURVE25519 ? PURPOSE_ECDH : r->purpose;
	default:
		return PURPOSE_SIGN;
	}
}

bool request_is_wg_key(const struct request *r)
{
	return r->id.class == CLASS_WG_INTERFACE &&
	       (r->op == OP_SECRET || (r->op == OP_PUBLIC_KEY && !r->raw));
}

struct key *request_key(const struct request *r)
{
	return keyring_find(&r->agent->keys, &r->id, request_purpose(r), r->driver, r->serial);
}

/* What the protocol signs with this curve (derive/ecc.h): said here, a device would only refuse. */
static enum err request_check_signing(struct request *r)
{
	enum signing how = signing_of(&r->id);

	if (r->id.curve == CURVE_ED25519)
		return ERR_OK;
	if (how == SIGNING_SIGNIFY)
		return why_set(&r->why, ERR_UNSUPPORTED, "signify signs with ed25519, not %s",
			       curve_name(r->id.curve));
	/* Of a longer one the leftmost 32 bytes count, as ECDSA has it; SHA-512's is the longest.
	 */
	if (how == SIGNING_GPG && (r->data.n < 32 || r->data.n > 64))
		return why_set(&r->why, ERR_INVALID,
			       "gpg signs a digest of 32 to 64 bytes with %s; these are %zu",
			       curve_name(r->id.curve), r->data.n);
	return ERR_OK;
}

enum err request_check(struct request *r)
{
	static const enum use use_of[OP_COUNT] = {
		[OP_PUBLIC_KEY] = USE_PUBLIC_KEY,
		[OP_SIGN] = USE_SIGN,
		[OP_ECDH] = USE_ECDH,
		[OP_SECRET] = USE_SECRET,
	};
	enum curve c = r->id.curve;
	enum err e;

	if (r->agent->stopping)
		return why_set(&r->why, ERR_SHUTDOWN, "the agent is shutting down");
	e = lock_check(r);
	if (e != ERR_OK)
		return e;
	if (!request_has_identity(r))
		return ERR_OK;
	e = identity_may(&r->id, r->wg_keys ? USE_WG_KEYS : use_of[r->op], &r->why);
	if (e != ERR_OK)
		return e;
	if (request_is_wg_key(r) && c != CURVE_CURVE25519)
		return why_set(
			&r->why, ERR_UNSUPPORTED,
			"a WireGuard key is on curve25519, not %s: with --raw it is the node "
			"of that curve",
			curve_name(c));
	if ((r->op == OP_SIGN && c == CURVE_CURVE25519) ||
	    (request_purpose(r) == PURPOSE_ECDH && c == CURVE_ED25519) ||
	    (r->op == OP_SECRET && c != CURVE_CURVE25519))
		return why_set(
			&r->why, ERR_UNSUPPORTED,
			"curve %s cannot do that: sign with ed25519, nist256p1 or secp256k1; ECDH "
			"with curve25519, nist256p1 or secp256k1; SECRET with curve25519",
			curve_name(c));
	return r->op == OP_SIGN ? request_check_signing(r) : ERR_OK;
}

enum err request_check_driver(struct request *r)
{
	const struct driver *driver = device_driver(r->target);
	enum op op = request_is_wg_key(r) ? OP_SECRET : r->op;

	if ((driver->ops & 1u << op) != 0)
		return ERR_OK;
	return why_set(&r->why, ERR_UNSUPPORTED,
		       "%s:%s cannot do that: the %s driver has no such operation", driver->name,
		       device_info(r->target)->label, driver->name);
}

enum err request_check_data(struct request *r, const struct key *key)
{
	const struct scheme *scheme = agent_scheme(r->agent, r->id.class);
	enum err e;

	r->proof.class = op_class_of(r->op, &r->id);
	snprintf(r->proof.facts, sizeof(r->proof.facts), "%s", r->id.uri);
	if (scheme == NULL || scheme->check_sign == NULL)
		return ERR_OK;
	e = scheme->check_sign(key, r->context, r->data, &r->proof, &r->why);
	return e == ERR_OK ? lock_check(r) : e;
}
