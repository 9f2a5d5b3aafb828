/* SPDX-License-Identifier: MIT */
/* The emulated wallet. It runs as the firmwares do: a call is straight-line code that waits, in the
 * middle, for a button, a PIN or a passphrase; device_pump() is the poll inside those waits. */
#ifndef EMULATOR_DEVICE_H
#define EMULATOR_DEVICE_H

#include "tests/emulators/trezor/keys.h"
#include "tests/emulators/trezor/messages.h"
#include "tests/emulators/trezor/port.h"

enum { SESSIONS = 10, MESSAGE_MAX = 16384, LOG_MAX = 1024, PIN_TRIES = 16, PIN_MAX = 50 };

enum finger { FINGER_AUTO, FINGER_DELAY, FINGER_REFUSE, FINGER_NEVER };

enum fault {
	FAULT_NONE,
	FAULT_VANISH,        /* after n packets, both ways, the device is unplugged */
	FAULT_STALL,         /* after n packets it neither reads nor answers */
	FAULT_GARBAGE,       /* the n-th packet it sends is noise */
	FAULT_MARK,          /* the n-th: its marks (? # #) are wrong */
	FAULT_DROP,          /* the n-th is not sent */
	FAULT_REPEAT,        /* the n-th is sent twice */
	FAULT_SWAP,          /* the n-th is sent after the one that follows it */
	FAULT_LENGTH,        /* the n-th message claims `arg` bytes */
	FAULT_TYPE,          /* the n-th message has type `arg` */
	FAULT_BAD_SIGNATURE, /* signatures and shared points have a bit turned over, until `none` */
	FAULT_BAD_KEY,       /* everything is done with another index's key */
	FAULT_THP,           /* every message is answered by Failure 17 */
	FAULT_FAILURE,       /* every call is answered by Failure n */
};

/* What stays in flash, as the command line set it. */
struct settings {
	const struct profile *profile;
	char mnemonic[256];
	uint8_t seed[SEED_LEN];
	bool has_seed, empty; /* seed instead of words; no seed at all */
	char label[32 + 1], device_id[24 + 1], pin[PIN_MAX + 1];
	bool passphrase, unlocked, after_power_cycle;
	uint32_t pin_scale; /* per cent of the real PIN delays */
	enum finger finger;
	int finger_ms;
};

/* What the fake finger and the host may do to a wait. */
enum decision { DECIDE_NOTHING, DECIDE_YES, DECIDE_NO };

struct session {
	uint8_t id[SESSION_LEN], seed[SEED_LEN];
	bool used, seeded;
	uint64_t last;
};

struct log_entry {
	bool out;
	uint16_t type;
	unsigned packets;
};

struct control;

struct device {
	struct settings set;
	struct port *port;
	struct control *control;
	uint32_t pin_fails; /* flash too */

	/* Wire, inwards: the message being put together. */
	uint8_t in[MESSAGE_MAX + PACKET_LEN];
	bool reading;
	uint16_t in_type;
	uint32_t in_len, in_used;

	/* A wait reads packets one by one into this slot. */
	bool tiny;
	uint16_t tiny_type;
	union message tiny_message;

	/* RAM of the firmware. */
	struct session sessions[SESSIONS]; /* KeepKey uses the first */
	struct session *session;
	uint64_t session_clock;
	bool unlocked, passphrase_cached;
	bool initialize_aborts; /* the next Failure is Features instead */
	char matrix[9 + 1];
	const char *state; /* for `state` and `wait`: "idle", "button 7", "pin", … */
	char state_text[24];

	/* The test's hand. */
	enum decision decision;
	uint8_t next_session[SESSION_LEN];
	bool has_next_session, deaf, gone, boot, quit;
	enum fault fault;
	uint32_t fault_n, fault_arg, fault_seen;
	bool stalled, swapped;
	uint8_t swap[PACKET_LEN];
	unsigned packets_in, packets_out;
	struct log_entry log[LOG_MAX];
	size_t log_len;
};

struct call {
	uint16_t type;
	const struct pb_desc *desc;
	void (*run)(struct device *dev, const union message *msg);
};

struct profile {
	const char *name;
	struct pb_dialect dialect;
	uint8_t prefix25519;
	/* A packet while no call waits, and while one does. */
	void (*packet)(struct device *dev, const uint8_t *packet, size_t len);
	void (*packet_tiny)(struct device *dev, const uint8_t *packet, size_t len);
};

extern const struct profile profile_trezor_one, profile_keepkey;

/* device.c: the outside. */

/* Waits up to `ms` (-1: for ever) for one packet or command. False once the device is unplugged:
 * the waits unwind. */
bool device_pump(struct device *dev, int ms);
/* As a firmware that sleeps: the host is not heard. */
bool device_sleep(struct device *dev, uint32_t ms);
void device_state(struct device *dev, const char *state, uint32_t code);
/* RAM as after power-up. */
void device_boot(struct device *dev);
void device_unplug(struct device *dev);
void device_arm(struct device *dev, enum fault fault, uint32_t n, uint32_t arg);
bool device_readable(const struct device *dev);

/* wire.c */

void wire_send(struct device *dev, uint16_t type, const struct pb_out *body);
void wire_packet_in(struct device *dev, const uint8_t *packet, size_t len);
void log_message(struct device *dev, bool out, uint16_t type, unsigned packets);
uint32_t be32(const uint8_t *at);

/* calls.c: what both firmwares do alike. */

/* Has the finger, or the test, decided? Called in a loop once the button was acknowledged. */
enum decision finger_decides(struct device *dev, int64_t since, int *wait_ms);
int64_t now_ms(void);
void send_button_request(struct device *dev, uint32_t code);
void send_failure(struct device *dev, enum failure code, const char *text);
void send_text(struct device *dev, uint16_t type, bool has_text, const char *text);
void matrix_shuffle(struct device *dev);
/* False if it holds something that is no key of the keypad. */
bool matrix_decode(const struct device *dev, char *pin);
void session_seed(struct device *dev, struct session *session, const char *passphrase);
/* The five-element path of SLIP-0013 (13) or SLIP-0017 (17). */
void identity_path(const struct device *dev, const struct msg_identity *identity, uint32_t purpose,
		   uint32_t path[static 5]);
/* False: the firmware's "Error signing identity". */
bool sign_identity(struct device *dev, const struct msg_sign *msg, const struct node *node,
		   bool signify);
void send_ciphered(struct device *dev, const struct msg_cipher *msg, const struct node *node);
void put_node(struct pb_out *out, const struct node *node);

#endif
