/* SPDX-License-Identifier: MIT */
/*
 * A request of a client for an operation with a derived key: class check, which device, policy,
 * the job, the answer. The same for every dialect; a dialect names an identity, never a driver.
 * Loop thread only.
 */
#ifndef LANYARD_REQUEST_H
#define LANYARD_REQUEST_H

#include <sys/types.h>

#include "agent/policy.h"
#include "derive/ecc.h"
#include "derive/identity.h"
#include "derive/secret.h"
#include "devices/device.h"
#include "protocol/buf.h"
#include "protocol/err.h"

struct agent;
struct request;
struct confirmation;
struct prompt;
struct unlock;

/* What a ssh:// key may sign; config key `allow`. */
enum allow { ALLOW_USERAUTH = 1, ALLOW_SSHSIG = 2, ALLOW_CERTIFICATE = 4, ALLOW_ANY = 8 };
enum { ALLOW_DEFAULT = ALLOW_USERAUTH | ALLOW_SSHSIG };

enum { DRIVER_NAME_MAX = 16 };

/* A key in use. The keyring owns it; valid until the loop runs again. */
struct key {
	struct identity id;
	enum purpose purpose; /* which of the identity's nodes: signing or ECDH */
	uint8_t public_key[PUBLIC_KEY_LEN];
	uint8_t point[65]; /* public_key of an EC key, as 04 || X || Y; else zero */
	bool known;        /* public_key is filled in */
	bool listed;       /* offered to SSH clients */
	uint64_t until;    /* and how long: milliseconds of CLOCK_BOOTTIME, or 0: for ever */
	bool confirm;      /* each use is to be confirmed */
	unsigned allow;
	bool host_known; /* only logins at hosts whose proved key is in known_hosts */
	/* Lists of agent/destination.h, or NULL: the config's, and (the keyring's) ADD's. */
	const char *destinations;
	char *added_destinations;
	char driver[DRIVER_NAME_MAX + 1];   /* the device that holds it: two */
	char serial[DEVICE_SERIAL_MAX + 1]; /* drivers may have equal serials */
	size_t position;                    /* in the keyring, for request_next_key() */
};

enum { CERT_FILE_MAX = 32 * 1024 };

/* A certificate in the config's folder certs/. agent/certs owns it; valid until certs_refresh(). */
struct cert {
	enum curve curve; /* of the key that it certifies, and that key */
	uint8_t public_key[PUBLIC_KEY_LEN];
	uint64_t serial;
	uint64_t valid_after, valid_before; /* seconds since 1970; UINT64_MAX: for ever */
	char key_id[60];                    /* clean */
	const char *file;                   /* its name in the folder */
	uint8_t *blob;
	size_t blob_n;
};

enum { FACTS_MAX = 640 }; /* a URI and what goes with it */

/* What is proved about data to be signed. */
struct proof {
	enum op_class class;
	char facts[FACTS_MAX]; /* for questions and the log: clean, one line */
};

/* What a scheme knows about its identities; main.c wires the table. */
struct scheme {
	enum identity_class class;
	/*
	 * May `key` sign `data`? `context` is request->context (the dialect's; NULL from
	 * agent.sock). Writes `proof`.
	 */
	enum err (*check_sign)(const struct key *key, const void *context, struct slice data,
			       struct proof *proof, struct why *why);
	/* The public key as its user pastes it, without a newline. */
	enum err (*public_text)(const struct key *key, char *out, size_t cap);
	/* Can the hosts of a list of destinations be told from others? */
	enum err (*check_destinations)(const char *destinations, struct why *why);
	/* Reads a file of the folder certs/; `out` starts as zeros and gets all but its file, with
	 * a blob to be freed. */
	enum err (*read_cert)(struct slice text, struct cert *out, struct why *why);
};

struct request_calls {
	/* Exactly once for each request_start(), possibly from inside it. Results are the request's
	 * until it is started again or cleared. */
	void (*done)(struct request *r, enum err e);
	/* A question for a PIN or passphrase that this client may answer (request_answer()); NULL:
	 * it cannot, or may not for this operation. */
	void (*ask)(struct request *r, const struct ask *ask);
	/* The request waits up to `seconds` for a device ("soft:home") to be connected. May be
	 * NULL. */
	void (*waiting)(struct request *r, const char *device, unsigned seconds);
};

/* Lives in the dialect's connection state: one request in flight a client. */
struct request {
	/* Filled in by the dialect. */
	struct agent *agent;
	enum op op;
	struct identity id;
	enum purpose purpose; /* OP_PUBLIC_KEY: which node, when raw */
	bool raw;             /* OP_PUBLIC_KEY: the plain node, for wg:// not the WireGuard key */
	unsigned classes;     /* OP_UNLOCK: what of the agent it opens; agent/lock */
	/* For agent/wgkeys, of wg:// identities alone: OP_SECRET of an interface gives SECRET
	 * itself and in `out` the WireGuard public key, checked against the recorded one;
	 * OP_PUBLIC_KEY the same, for points that are told; OP_ECDH of a peer follows an OP_SECRET.
	 */
	bool wg_keys;
	unsigned wg_peers;  /* OP_SECRET: how many preshared keys will follow, as the client says */
	const char *device; /* INDEX, SERIAL or DRIVER:LABEL; NULL: the key's, or the default */
	bool patient;       /* waits for a device that is not connected (config wait-device) */
	struct slice data;  /* owned by the dialect until done() */
	const char *visual;
	const void *context;     /* for scheme.check_sign */
	const struct verb *verb; /* OP_VERB, with device */
	const struct line *args;
	bool attended;  /* somebody waits for it: a locked device may ask its owner */
	bool forwarded; /* the client speaks for a remote host (SSH agent forwarding) */
	pid_t asker;    /* the client's process, or 0 */
	uid_t asker_uid;
	const char *client; /* its dialect: "line", "ssh"; for events */
	const struct request_calls *calls;
	void *arg;

	/* Results. */
	uint8_t out[SIGNATURE_LEN + 1];
	size_t out_len;
	struct secret secret;               /* OP_ECDH, OP_SECRET */
	const char *text;                   /* OP_VERB */
	char driver[DRIVER_NAME_MAX + 1];   /* the device that answered, or is */
	char serial[DEVICE_SERIAL_MAX + 1]; /* waited for */
	struct proof proof;
	struct why why;

	/* request.c's own. */
	struct job job;
	struct device *target;
	int step;
	bool running, canceled, asking;
	bool learned; /* this request has asked the device for the public key */
	bool foreign; /* the device holds another wallet; the key is asked for to be named */
	struct request *wait_next;
	uint64_t wait_until; /* milliseconds of the loop's clock; 0: does not wait, and has not */
	bool waiting;
	/* agent/consent's. */
	bool consented; /* policy, or a person, has said yes to this use */
	struct confirmation *confirmation;
	struct request *consent_next;
	/* agent/asking's and agent/unlock's. */
	struct prompt *prompt; /* a question on the screen */
	uint32_t note;         /* a notification there, or 0 */
	bool asked, asked_client;
	bool unlock_tried;
	struct unlock *unlock; /* waits for this one */
	struct request *unlock_next;
};

void request_start(struct request *r);
/* The client went away or said so: done() comes with ERR_CANCELED, possibly from inside. Nothing
 * when none runs. */
void request_cancel(struct request *r);
/* For agent/waiting: the wait has ended; `e` is ERR_OK when the device is here. */
void request_resume(struct request *r, enum err e);
/* For agent/unlock: the wait has ended; `e` is ERR_OK when the device is unlocked. */
void request_unlocked(struct request *r, enum err e, const struct why *why);
/* For agent/consent: the question has ended. */
void request_consented(struct request *r, enum err e);
/* Answers calls->ask. */
void request_answer(struct request *r, enum err e, const void *p, size_t n);
/* Wipes results; the request can be started again. Not while running. */
void request_clear(struct request *r);

/* The keys, for listings: NULL starts and ends. Answered from memory, no device asked. */
const struct key *request_next_key(struct agent *a, const struct key *after);
/* Looks at the folder of certificates again, before a listing. */
void request_refresh_certs(struct agent *a);
/* The key's certificates: NULL starts and ends. */
const struct cert *request_next_cert(const struct agent *a, const struct key *key,
				     const struct cert *after);
/* Stops offering a key to SSH clients; ERR_NOT_FOUND. key NULL: all of them. */
enum err request_unlist(struct agent *a, const struct key *key);
/* Where the key may be used, or NULL: anywhere. The config has the first word. */
const char *request_destinations(const struct key *key);
bool request_locked(const struct agent *a); /* all of it: nothing is listed */
bool request_class_locked(const struct agent *a, enum op_class class);
/* What a client that speaks for a remote host may do with the key, or (NULL) with those of other
 * agents; never FORWARDED_UNSET. */
enum forwarded request_forwarded(const struct agent *a, const struct key *key);

#endif
