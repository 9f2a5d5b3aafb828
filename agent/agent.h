/* SPDX-License-Identifier: MIT */
/*
 * The daemon's own structure: what main.c makes and request, keyring, lock and the dialects share.
 * Loop thread only.
 */
#ifndef LANYARD_AGENT_H
#define LANYARD_AGENT_H

#include <uv.h>

#include "agent/certs.h"
#include "agent/clock.h"
#include "agent/config.h"
#include "agent/consent.h"
#include "agent/keyring.h"
#include "agent/request.h"
#include "agent/store.h"
#include "agent/upstream.h"
#include "agent/waiting.h"
#include "agent/watch.h"
#include "devices/registry.h"
#include "protocol/client.h"

struct autoload;
struct confirmation;
struct held;
struct idle;
struct logind;
struct passlock;
struct prompter;
struct reloader;
struct unlock;
struct wgkeys;

/* Every class: nothing is used and nothing is listed, and every device has wiped its secrets. */
enum { LOCKED_ALL = (1 << OP_CLASS_COUNT) - 1 };

struct agent {
	uv_loop_t *loop;
	const struct clock *clock;
	struct config *config;
	struct registry *registry;
	const struct scheme *const *schemes; /* ends with NULL */
	struct keyring keys;
	struct certs certs;
	struct store store;     /* known devices, and the files */
	struct waiting waiting; /* requests whose device is not connected */
	struct watch watch;
	struct consent consent;             /* what people have said yes to, and are asked */
	struct confirmation *confirmations; /* of uses that are no requests; agent/confirm */
	struct autoload *autoload;
	struct prompter *prompter;
	struct reloader *reloader;
	struct unlock *unlocks; /* those that run */
	struct held *held;      /* devices that only UNLOCK unlocks */
	struct wgkeys *wgkeys;  /* connections that keep SECRET of a wg:// interface */
	bool loopback_refused;  /* after a wrong answer, until a person has given a right one */
	struct why mlock;       /* empty when memory can be locked, else why not */
	struct passlock *passlock;
	struct idle *idle;
	struct logind *logind;
	unsigned locked;             /* classes of use, 1 << enum op_class; agent/lock */
	uint8_t id[UPSTREAM_ID_LEN]; /* random; the name in a chain of agents */
	bool stopping;
	char agent_socket[SOCKET_PATH_MAX + 1];
	char ssh_socket[SOCKET_PATH_MAX + 1];
};

/* The scheme of a class, or NULL. */
const struct scheme *agent_scheme(const struct agent *a, enum identity_class class);

/* Offers a key to SSH clients, for `life` seconds (0: as long as the agent runs). One that is
 * offered already keeps what it had: its life when there is no other, and that each use is
 * confirmed. */
void agent_offer_key(const struct agent *a, struct key *key, uint32_t life, bool confirm);
/* Ends it when its life is over. */
void agent_expire_key(const struct agent *a, struct key *key);
/* Does so no more, nor keeps the destinations that were added with it. */
void agent_unlist_key(struct key *key);
/* How many seconds are left, 0: no limit. */
uint32_t agent_key_life(const struct agent *a, const struct key *key);

#endif
