/* SPDX-License-Identifier: MIT */
/*
 * Whether a person has to confirm a use of a key: a pure decision over the config's rules, the
 * windows that earlier confirmations opened, and the time. No I/O; the caller asks.
 *
 * A window belongs to one operation class, and to one key or (scope all) to every key of the same
 * device whose own rule says scope all too; that key's remember and max-uses then hold as well. It
 * never covers a release: what hands key material to a client is confirmed each time
 * unless its own rule says never.
 */
#ifndef LANYARD_POLICY_H
#define LANYARD_POLICY_H

#include "agent/clock.h"
#include "derive/identity.h"
#include "devices/device.h"
#include "protocol/err.h"

/* What a use is for. The first three can be locked one by one (`lanyard lock auth`). */
enum op_class {
	OP_CLASS_AUTH,    /* a login: ssh user authentication, gpg's authentication key */
	OP_CLASS_SIGN,    /* every other signature */
	OP_CLASS_DECRYPT, /* ECDH of a gpg:// identity */
	OP_CLASS_RELEASE, /* SECRET, WGKEYS, ECDH of other identities: key material leaves */
	OP_CLASS_COUNT
};
const char *op_class_name(enum op_class c); /* "auth", "sign", "decrypt", "release" */
/* It uses a private key. */
bool op_is_use(enum op op);
/* Of an operation that is not a public key; a scheme may know better what a signature is. */
enum op_class op_class_of(enum op op, const struct identity *id);

enum confirm { CONFIRM_UNSET, CONFIRM_NEVER, CONFIRM_FIRST, CONFIRM_ALWAYS };
enum scope { SCOPE_UNSET, SCOPE_KEY, SCOPE_ALL };
enum forwarded { FORWARDED_UNSET, FORWARDED_DENY, FORWARDED_CONFIRM, FORWARDED_ALLOW };

enum {
	POLICY_REMEMBER_DEFAULT = 600, /* seconds */
	POLICY_REMEMBER_MAX = 86400,
	POLICY_USES_MAX = 1000000,
	POLICY_WINDOWS_MAX = 256, /* more: the oldest is given up, and asked for again */
};

/* One rule's settings; UNSET or 0 leaves them to the next, wider rule. */
struct policy {
	enum confirm confirm;
	uint32_t remember; /* seconds a confirmation lasts with confirm = first; 0 unset */
	enum scope scope;
	uint32_t max_uses; /* uses a confirmation lasts; 0 unset (no limit) */
	enum forwarded forwarded;
};

/* `to` with its unset fields taken from `wider`: key, then device, then protocol, then the whole.
 */
void policy_inherit(struct policy *to, const struct policy *wider);

struct policy_use {
	enum op_class class;
	const struct identity *id;
	const char *serial; /* the device */
	bool forwarded;     /* the client speaks for a remote host */
};

struct policy_window {
	enum op_class class;
	bool all; /* of the device, else of one key */
	char uri[IDENTITY_URI_MAX + 1];
	enum curve curve;
	uint32_t index;
	char serial[DEVICE_SERIAL_MAX + 1];
	uint64_t begins, ends; /* milliseconds of the same clock as `now` */
	uint32_t uses;         /* made so far */
	uint32_t uses_left;    /* UINT32_MAX: no limit */
};

struct policy_windows {
	struct policy_window list[POLICY_WINDOWS_MAX]; /* oldest first */
	size_t count;
	uint64_t slept; /* clock_time.slept when last looked */
};

enum verdict { VERDICT_ALLOW, VERDICT_ASK, VERDICT_DENY };

/* The time for the calls below. A suspend ends every window: who woke the machine need not be who
 * confirmed. */
uint64_t policy_look(struct policy_windows *w, struct clock_time t);
/* Does not change the windows: policy_used() counts a use that was made. */
enum verdict policy_decide(const struct policy *p, const struct policy_use *use,
			   const struct policy_windows *w, uint64_t now);
/* A confirmation of this use lasts: for so many seconds. */
bool policy_opens_window(const struct policy *p, const struct policy_use *use);
uint32_t policy_remember(const struct policy *p);
/* A person confirmed this use: opens a window if the policy has one for it. */
void policy_confirmed(const struct policy *p, const struct policy_use *use,
		      struct policy_windows *w, uint64_t now);
/* The use was made: counts against the window that covered it. */
void policy_used(const struct policy *p, const struct policy_use *use, struct policy_windows *w,
		 uint64_t now);
/* Ends the windows of a device, or all (NULL): lock, suspend, removal, reload. */
void policy_end(struct policy_windows *w, const char *serial);

/* True when `to` asks less, or remembers more, than `from` for the same thing. */
bool policy_loosens(const struct policy *from, const struct policy *to);

#endif
