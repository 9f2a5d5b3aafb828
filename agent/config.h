/* SPDX-License-Identifier: MIT */
/*
 * lanyard.conf (lanyard.conf(5)), read with libconfuse. Loop thread only.
 */
#ifndef LANYARD_CONFIG_H
#define LANYARD_CONFIG_H

#include "agent/policy.h"
#include "agent/frontend.h"
#include "agent/request.h"
#include "derive/identity.h"
#include "protocol/err.h"
#include "protocol/log.h"

enum { SELECTOR_MAX = 100 }; /* bytes of what names a device */

/* key "ssh://git@github.com" { curve = ed25519  index = 0  device = "…"  allow = {"userauth"} } */
struct config_key {
	struct identity id;
	const char *device; /* selector, or NULL */
	unsigned allow;     /* ALLOW_… */
	bool host_known;    /* host-key = known */
	char *destinations; /* a list of agent/destination.h, or NULL */
	struct policy policy;
};

/* policy "ssh://" { confirm = always }: of a protocol, or of a device (SERIAL, DRIVER:LABEL or
 * DRIVER:SERIAL). */
struct config_policy {
	const char *of;
	struct policy policy;
};

enum { LOCK_ON_SLEEP = 1, LOCK_ON_SESSION = 2 };

struct config {
	char *path;           /* the file it came from, or would be in */
	char digest[65];      /* SHA-256 of its text, hexadecimal; "" without a file */
	bool named;           /* by the command line: it has to be there */
	char *device;         /* default device selector, or NULL */
	enum log_level log;   /* "error" | "warn" | "info" | "debug" */
	uint32_t lock_after;  /* seconds without a use until all is locked; 0: never */
	unsigned lock_on;     /* LOCK_ON_…: what else locks all */
	unsigned wait_device; /* seconds that a request waits for its device; 0: not at all */
	/* Questions and notifications. NULL: the default; notify "" for none. */
	char *events;               /* "journald", a file's path, or NULL: no log of events */
	char *pinentry, *notify;    /* programs */
	char *display, *tty;        /* where */
	bool allow_loopback;        /* clients may answer PIN and passphrase questions */
	enum allow_root allow_root; /* what root may ask, when the agent is not root's */
	bool allow_owner;           /* WGKEYS is answered to the agent's own user too */
	char **udp;                 /* addresses of emulated devices, ends with NULL; may be NULL */
	char **upstreams;           /* other ssh-agents' sockets, ends with NULL; may be NULL */
	struct wallet_setting *wallets; /* ends with device == NULL; may be NULL */
	struct policy policy;           /* of all keys */
	struct config_policy *policies; /* ends with of == NULL; may be NULL */
	struct config_key *keys;        /* offered to SSH clients when ssh:// */
	size_t key_count;
};

/*
 * Reads `path` (NULL: $XDG_CONFIG_HOME/lanyard/lanyard.conf, which need not exist; a named file
 * must). On error `why` names file, line, key and what is allowed.
 */
enum err config_load(struct config **out, const char *path, struct why *why) MUST_CHECK;
/* The same file again, whatever it says now. */
enum err config_reload(struct config **out, const struct config *old, struct why *why) MUST_CHECK;
void config_free(struct config *c);

/* The section of an identity, or NULL; and what it may sign (ALLOW_…). */
const struct config_key *config_find_key(const struct config *c, const struct identity *id);
unsigned config_allow(const struct config *c, const struct identity *id);

/* What holds for the use of an identity on a device: its key section's settings, then the
 * device's, the protocol's, and those of all keys. `label` may be NULL. */
void config_policy(const struct config *c, const struct identity *id, const char *driver,
		   const char *serial, const char *label, struct policy *out);

/* What its key section says of a key that is in use; without one, the defaults. */
void config_key_settings(const struct config *c, struct key *key);

/* Appends a key section to the file (made with mode 0600 when missing), atomically; the device is
 * named by serial, `destinations` is a list of agent/destination.h or NULL. ERR_EXISTS when the
 * file has this uri, index and curve (ERR_NOT_ALLOWED: with other destinations). The result is
 * parsed again before it replaces the old file. */
enum err config_append_key(const char *path, const struct identity *id, const char *serial,
			   const char *destinations, struct why *why) MUST_CHECK;

#endif
