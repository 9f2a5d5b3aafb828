/* SPDX-License-Identifier: MIT */
#include "agent/line.h"
#include "agent/logind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "derive/encode.h"
#include "protocol/log.h"
#include "protocol/text.h"

enum { POINT_MAX = 65, PUBLIC_TEXT_MAX = 1024 };

/* ---- parsing what the commands share ---- */

enum err line_identity(struct line_conn *lc, enum op op, enum use use, struct why *why)
{
	struct request *r = &lc->request;
	const char *index = line_option(&lc->command, "index");
	const char *curve = line_option(&lc->command, "curve");
	enum err e;

	r->op = op;
	r->device = line_option(&lc->command, "device");
	r->data = (struct slice){0};
	r->visual = NULL;
	r->context = NULL;
	r->raw = false;
	r->wg_keys = false;
	r->purpose = use == USE_ECDH ? PURPOSE_ECDH : PURPOSE_SIGN;
	e = identity_parse(&r->id, line_operand(&lc->command, 0), why);
	if (e != ERR_OK)
		return e;
	r->id.curve = identity_default_curve(r->id.class, use);
	if (curve != NULL)
		e = curve_parse(curve, &r->id.curve, why);
	if (e == ERR_OK && index != NULL && !text_to_u32(index, 0, UINT32_MAX, &r->id.index))
		e = why_set(why, ERR_INVALID, "index %s: a number from 0 to 4294967295", index);
	return e;
}

/* Another spelling of the same place is in use: the user should know that it is another key. */
static void line_warn_near(struct line_conn *lc)
{
	const struct key *near = keyring_near(&lc->request.agent->keys, &lc->request.id);

	if (near != NULL)
		line_status(lc, "NEAR", near->id.uri, NULL);
}

static struct key *line_key(struct line_conn *lc)
{
	return keyring_find(&lc->request.agent->keys, &lc->request.id, PURPOSE_SIGN,
			    lc->request.driver, lc->request.serial);
}

/* ---- answers of requests ---- */

static void reply_out(struct line_conn *lc)
{
	line_send_data(lc, lc->request.out, lc->request.out_len);
	line_reply_ok(lc);
}

static void reply_secret(struct line_conn *lc)
{
	line_send_data(lc, lc->request.secret.p, lc->request.secret.n);
	line_reply_ok(lc);
}

static void reply_text(struct line_conn *lc)
{
	if (lc->request.text != NULL)
		line_send_data(lc, lc->request.text, strlen(lc->request.text));
	line_reply_ok(lc);
}

/* The public key as a person pastes it. */
static enum err line_public_text(struct line_conn *lc, char *out, size_t cap, struct why *why)
{
	struct request *r = &lc->request;
	const struct scheme *scheme = agent_scheme(r->agent, r->id.class);
	const struct key *key = line_key(lc);
	const uint8_t *p = r->out;
	size_t n = r->out_len;
	enum err e;

	if (!r->raw && r->id.class == CLASS_WG_INTERFACE) {
		base64_encode(out, cap, p, n);
		return ERR_OK;
	}
	if (!r->raw && r->id.class == CLASS_WG_PEER) {
		base64_encode(out, cap, p + 1, n - 1);
		return ERR_OK;
	}
	if (!r->raw && scheme != NULL && scheme->public_text != NULL && key != NULL) {
		e = scheme->public_text(key, out, cap);
		if (e != ERR_OK)
			why_set(why, e, "a %s key has no form for %s: add --raw for its hex",
				curve_name(r->id.curve), r->id.uri);
		return e;
	}
	/* 25519 keys are 32 bytes behind SLIP-0010's zero. */
	if (r->id.curve == CURVE_ED25519 || r->id.curve == CURVE_CURVE25519) {
		p++;
		n--;
	}
	hex_encode(out, p, n);
	return ERR_OK;
}

void line_reply_public(struct line_conn *lc)
{
	char text[PUBLIC_TEXT_MAX];
	struct why why = {0};
	enum err e = line_public_text(lc, text, sizeof(text), &why);

	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	line_warn_near(lc);
	line_send_data(lc, text, strlen(text));
	line_reply_ok(lc);
}

static void reply_add(struct line_conn *lc)
{
	struct request *r = &lc->request;
	struct key *key = line_key(lc);
	struct why why = {0};
	char text[PUBLIC_TEXT_MAX], *destinations = NULL;
	enum err e = line_public_text(lc, text, sizeof(text), &why);

	if (e == ERR_OK && key == NULL)
		e = why_set(&why, ERR_NO_MEMORY, "the keyring is full: %d keys", KEYRING_MAX);
	if (e == ERR_OK)
		e = line_destinations(lc, key, &destinations, &why);
	if (e == ERR_OK && lc->save)
		e = config_append_key(r->agent->config->path, &r->id, key->serial, destinations,
				      &why);
	if (e == ERR_EXISTS && lc->save)
		e = ERR_OK; /* saved before: what was asked for is so */
	if (e != ERR_OK) {
		free(destinations);
		line_reply_error(lc, e, &why);
		return;
	}
	agent_expire_key(r->agent, key);
	line_restrict(key, destinations);
	if (lc->save)
		key->until = 0;
	agent_offer_key(r->agent, key, lc->life, lc->confirm);
	log_info("%s is offered to SSH clients", key->id.uri);
	line_warn_near(lc);
	line_status_key(lc, key);
	line_send_data(lc, text, strlen(text));
	line_reply_ok(lc);
}

/* ---- commands ---- */

static void run_hello(struct line_conn *lc)
{
	const char *version = line_operand(&lc->command, 0);
	char number[12];
	struct why why = {0};

	snprintf(number, sizeof(number), "%d", PROTOCOL_VERSION);
	if (version != NULL && strcmp(version, number) != 0) {
		why_set(&why, ERR_UNSUPPORTED, "protocol version %s: this agent speaks %s", version,
			number);
		line_reply_error(lc, ERR_UNSUPPORTED, &why);
		return;
	}
	line_status(lc, "VERSION", LANYARD_VERSION, NULL);
	line_status(lc, "PROTOCOL", number, NULL);
	line_reply_ok(lc);
}

static void run_help(struct line_conn *lc)
{
	for (const struct line_command *c = line_commands; c->verb != NULL; c++)
		line_comment(lc, "%s%s%s: %s", c->verb, c->usage[0] != '\0' ? " " : "", c->usage,
			     c->help);
	line_reply_ok(lc);
}

static void run_devices(struct line_conn *lc)
{
	if (line_option(&lc->command, "known") != NULL)
		line_list_known(lc);
	else
		line_list_devices(lc);
	line_reply_ok(lc);
}

static void line_list_verbs(struct line_conn *lc, const struct driver *driver)
{
	for (const struct verb *v = driver->verbs; v != NULL && v->name != NULL; v++)
		line_comment(lc, "%s%s%s: %s", v->name, v->args[0] != '\0' ? " " : "", v->args,
			     v->help);
	line_reply_ok(lc);
}

static void run_device(struct line_conn *lc)
{
	struct request *r = &lc->request;
	const char *name = line_operand(&lc->command, 1);
	struct device *device;
	const struct verb *verb;
	struct why why = {0};
	enum err e;

	e = registry_find(r->agent->registry, line_operand(&lc->command, 0), &device, &why);
	if (e != ERR_OK) {
		line_reply_choice(lc, line_operand(&lc->command, 0), e, &why);
		return;
	}
	if (name == NULL) {
		line_list_verbs(lc, device_driver(device));
		return;
	}
	verb = device_driver(device)->verbs;
	while (verb != NULL && verb->name != NULL && strcmp(verb->name, name) != 0)
		verb++;
	if (verb == NULL || verb->name == NULL) {
		why_set(&why, ERR_UNKNOWN_COMMAND,
			"%s devices have no verb %s: DEVICE %s lists them",
			device_driver(device)->name, name, line_operand(&lc->command, 0));
		line_reply_error(lc, ERR_UNKNOWN_COMMAND, &why);
		return;
	}
	r->op = OP_VERB;
	r->device = line_operand(&lc->command, 0);
	r->verb = verb;
	r->args = &lc->command;
	line_start(lc, reply_text);
}

static void run_pubkey(struct line_conn *lc)
{
	bool ecdh = line_option(&lc->command, "ecdh") != NULL;
	bool raw = line_option(&lc->command, "raw") != NULL;
	struct why why = {0};
	enum err e;

	if (line_option(&lc->command, "psk-mode") != NULL) {
		line_run_wg_point(lc);
		return;
	}
	e = line_identity(lc, OP_PUBLIC_KEY, ecdh ? USE_ECDH : USE_PUBLIC_KEY, &why);
	if (e == ERR_OK && ecdh && !raw)
		e = why_set(&why, ERR_INVALID,
			    "--ecdh goes with --raw: it names the plain SLIP-0017 node");
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	lc->request.raw = raw;
	line_start(lc, line_reply_public);
}

/* What the identity's class does not allow is refused before its data are asked for, by the request
 * itself, so that it is told as an event. */
static bool refuse_class(struct line_conn *lc, enum use use, void (*reply)(struct line_conn *lc))
{
	if (identity_may(&lc->request.id, use, NULL) == ERR_OK)
		return false;
	line_start(lc, reply);
	return true;
}

static void run_sign(struct line_conn *lc)
{
	const char *visual = line_option(&lc->command, "visual");
	struct why why = {0};
	enum err e = line_identity(lc, OP_SIGN, USE_SIGN, &why);

	if (e == ERR_OK && refuse_class(lc, USE_SIGN, reply_out))
		return;
	if (e == ERR_OK && visual != NULL && signing_of(&lc->request.id) != SIGNING_OTHER)
		e = why_set(&why, ERR_INVALID,
			    "%s: the data alone is signed for ssh, gpg and signify; --visual is "
			    "for other protocols",
			    lc->request.id.uri);
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	lc->request.visual = visual;
	line_start_with_data(lc, LINE_DATA_MAX, reply_out);
}

static void run_ecdh(struct line_conn *lc)
{
	struct why why = {0};
	enum err e = line_identity(lc, OP_ECDH, USE_ECDH, &why);

	if (e == ERR_OK && refuse_class(lc, USE_ECDH, reply_secret))
		return;
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	line_start_with_data(lc, POINT_MAX, reply_secret);
}

static void run_secret(struct line_conn *lc)
{
	struct why why = {0};
	enum err e = line_identity(lc, OP_SECRET, USE_SECRET, &why);

	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	line_start(lc, reply_secret);
}

static enum err line_add_options(struct line_conn *lc, struct why *why)
{
	enum { LIFE_MAX = 365 * 86400 };
	const char *life = line_option(&lc->command, "life");

	lc->save = line_option(&lc->command, "save") != NULL;
	lc->confirm = line_option(&lc->command, "confirm") != NULL;
	lc->life = 0;
	if (life != NULL && !text_to_seconds(life, 1, LIFE_MAX, &lc->life))
		return why_set(why, ERR_INVALID, "life %s: 1s to 365d, such as 90s, 30m, 8h or 2d",
			       life);
	if (lc->save && (lc->life != 0 || lc->confirm))
		return why_set(why, ERR_INVALID,
			       "--save goes without --life and --confirm: what is saved is offered "
			       "for ever, and `confirm = always` in its section of the config asks "
			       "each time");
	return ERR_OK;
}

static void run_add(struct line_conn *lc)
{
	struct why why = {0};
	enum err e = line_identity(lc, OP_PUBLIC_KEY, USE_PUBLIC_KEY, &why);

	if (e == ERR_OK && lc->request.id.class != CLASS_SSH)
		e = why_set(&why, ERR_NOT_ALLOWED,
			    "%s: only ssh:// identities are offered to SSH clients",
			    lc->request.id.uri);
	if (e == ERR_OK && lc->request.id.curve != CURVE_ED25519 &&
	    lc->request.id.curve != CURVE_NIST256P1)
		e = why_set(&why, ERR_UNSUPPORTED,
			    "%s: SSH has no %s keys; use ed25519 or nist256p1", lc->request.id.uri,
			    curve_name(lc->request.id.curve));
	if (e == ERR_OK)
		e = line_add_options(lc, &why);
	if (e == ERR_OK)
		e = line_check_destinations(lc, &why);
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	line_start(lc, reply_add);
}

static void run_remove(struct line_conn *lc)
{
	struct agent *a = lc->request.agent;
	struct why why = {0};
	enum err e = line_identity(lc, OP_PUBLIC_KEY, USE_PUBLIC_KEY, &why);
	const struct key *key = NULL;
	bool found = false;

	if (line_refuse_locked(lc))
		return;
	while (e == ERR_OK && (key = request_next_key(a, key)) != NULL)
		if (key->listed && identity_equal(&key->id, &lc->request.id)) {
			e = request_unlist(a, key);
			found = true;
		}
	if (e == ERR_OK && !found)
		e = why_set(
			&why, ERR_NOT_FOUND,
			"%s (curve %s, index %u) is not offered: `lanyard ssh list` shows what is",
			lc->request.id.uri, curve_name(lc->request.id.curve), lc->request.id.index);
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_error(lc, e, &why);
}

static void run_status(struct line_conn *lc)
{
	const struct agent *a = lc->request.agent;
	char number[24];

	line_status(lc, "VERSION", LANYARD_VERSION, NULL);
	snprintf(number, sizeof(number), "%d", PROTOCOL_VERSION);
	line_status(lc, "PROTOCOL", number, NULL);
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	line_status(lc, "PID", number, NULL);
	line_status_locked(lc);
	snprintf(number, sizeof(number), "%zu", registry_count(a->registry));
	line_status(lc, "DEVICES", number, NULL);
	snprintf(number, sizeof(number), "%zu", a->keys.count);
	line_status(lc, "KEYS", number, NULL);
	line_status(lc, "SOCKET", a->agent_socket, NULL);
	line_status(lc, "SSH_AUTH_SOCK", a->ssh_socket, NULL);
	line_status(lc, "CONFIG", a->config->path, NULL);
	line_status(lc, "PINENTRY", a->config->pinentry != NULL ? a->config->pinentry : "default",
		    NULL);
	line_status(lc, "LOGIND", logind_state(a), NULL);
	line_status(lc, "MLOCK", a->mlock.text[0] != '\0' ? a->mlock.text : "ok", NULL);
	line_reply_ok(lc);
}

static void run_bye(struct line_conn *lc)
{
	line_reply_ok(lc);
	conn_finish(lc->conn);
}

#define KEY_OPTIONS " --device --index --curve "
#define KEY_USAGE   "[--device=D] [--index=N] [--curve=C] "

const struct line_command line_commands[] = {
	{"HELLO", "[1]", "the versions of the agent and of this protocol", NULL, 0, 1, run_hello,
	 FOR_ALL},
	{"HELP", "", "this list", NULL, 0, 0, run_help, FOR_ALL},
	{"STATUS", "", "process, sockets, whether it is locked", NULL, 0, 0, run_status, FOR_WG},
	{"DEVICES", "[--known]", "the devices that are connected, or all that have been",
	 " --known ", 0, 0, run_devices, FOR_WG},
	{"DEVICE", "DEV [VERB [WORD ...]]", "administer a device; without VERB: its verbs", NULL, 1,
	 LINE_WORDS_MAX, run_device, FOR_OWNER},
	{"PUBKEY", KEY_USAGE "[--raw [--ecdh]] [--psk-mode=M] URI", "the public key of an identity",
	 KEY_OPTIONS "--raw --ecdh --psk-mode ", 1, 1, run_pubkey, FOR_WG_URI},
	{"SIGN", KEY_USAGE "[--visual=TEXT] URI", "sign the data of INQUIRE DATA",
	 KEY_OPTIONS "--visual ", 1, 1, run_sign, FOR_OWNER},
	{"ECDH", KEY_USAGE "URI", "ECDH with the public point of INQUIRE DATA", KEY_OPTIONS, 1, 1,
	 run_ecdh, FOR_OWNER},
	{"SECRET", KEY_USAGE "URI", "32 bytes that only this device can make", KEY_OPTIONS, 1, 1,
	 run_secret, FOR_OWNER},
	{"WGKEYS",
	 "[--device=D] [--index=N] [--peers=N] [--psk-mode=M] [--point=Q] [--rotate=T] [--extra] "
	 "URI",
	 "WireGuard's private key, then a preshared key for each peer",
	 " --device --index --peers --psk-mode --point --rotate --extra ", 1, 1, line_run_wgkeys,
	 FOR_RELEASE},
	{"ADD", KEY_USAGE "[--save] [--life=T] [--confirm] [--destination=LIST] URI",
	 "offer an ssh:// identity to SSH clients",
	 KEY_OPTIONS "--save --life --confirm --destination ", 1, 1, run_add, FOR_OWNER},
	{"REMOVE", KEY_USAGE "URI", "stop offering it", KEY_OPTIONS, 1, 1, run_remove, FOR_OWNER},
	{"KEYS", "", "the identities in use", NULL, 0, 0, line_run_keys, FOR_WG},
	{"FORGET", KEY_USAGE "[--dry-run] URI|--all",
	 "stop knowing public keys: the next use learns", KEY_OPTIONS "--dry-run --all ", 0, 1,
	 line_run_forget, FOR_OWNER},
	{"FORGETDEVICE", "DEV", "give up the index of a device", NULL, 1, 1, line_run_forget_device,
	 FOR_OWNER},
	{"UNLOCK", "[DEV|CLASS]", "unlock a device and the agent, or a class of use", NULL, 0, 1,
	 line_run_unlock, FOR_OWNER},
	{"LOCK", "[--passphrase] [DEV|CLASS]",
	 "wipe every secret, of one device or all; or refuse a class", " --passphrase ", 0, 1,
	 line_run_lock, FOR_OWNER},
	{"TTY", "PATH [TERM]", "ask on this terminal from now on", NULL, 1, 2, line_run_tty,
	 FOR_OWNER},
	{"WATCH", "", "the state, then events, until a line comes", NULL, 0, 0, line_run_watch,
	 FOR_WG},
	{"RELOAD", "[--dry-run]", "read the configuration again", " --dry-run ", 0, 0,
	 line_run_reload, FOR_OWNER},
	{"OPTION", "NAME=VALUE", "pinentry-mode=ask|loopback; others for Assuan clients", NULL, 1,
	 1, line_run_option, FOR_WG},
	{"BYE", "", "close the connection", NULL, 0, 0, run_bye, FOR_ALL},
	{0},
};
