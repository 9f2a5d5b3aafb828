/* SPDX-License-Identifier: MIT */
#include "ssh/agent.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/request.h"
#include "protocol/log.h"
#include "protocol/text.h"
#include "ssh/bind.h"
#include "ssh/blob.h"
#include "ssh/message.h"
#include "ssh/relay.h"

struct ssh_conn {
	struct conn *conn;
	struct ssh_binds binds;
	bool finished;      /* given up: nothing more is read */
	struct slice frame; /* the request, while it is dispatched */
	/* Other agents; the type of the request that they work on. */
	struct relay relay;
	uint8_t relayed;
	/* The signature in flight, and what it borrows. */
	bool signing;
	struct request request;
	uint8_t *data;
	char device[DRIVER_NAME_MAX + 1 + DEVICE_SERIAL_MAX + 1]; /* DRIVER:SERIAL */
};

/* Sends what `w` holds: a whole message whose first four bytes wait for the length. */
static void ssh_send(struct ssh_conn *s, struct wbuf *w)
{
	wbuf_close_string(w, 0);
	if (wbuf_ok(w)) {
		conn_send(s->conn, w->p, w->n);
		return;
	}
	/* Without an answer the client would wait for ever. */
	log_error("ssh: client %d: an answer did not fit its buffer", (int)conn_pid(s->conn));
	conn_finish(s->conn);
	s->finished = true;
}

static void ssh_answer(struct ssh_conn *s, uint8_t type)
{
	uint8_t buf[5];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	wbuf_open_string(&w);
	wbuf_u8(&w, type);
	ssh_send(s, &w);
}

/* The protocol has no room for a reason: it is in the log. */
static void ssh_fail(struct ssh_conn *s, uint8_t type, enum err e, const struct why *why)
{
	log_warn("ssh: client %d: %s", (int)conn_pid(s->conn), why_text(why, e));
	ssh_answer(s, type);
}

/* Hands the request to the other agents. False: there are none for it. */
static bool ssh_relay(struct ssh_conn *s, enum relay_kind kind, const struct ssh_message *m)
{
	if (request_locked(conn_agent(s->conn)) || !relay_any(&s->relay))
		return false;
	if (s->binds.forwarded && kind != RELAY_LIST && kind != RELAY_SIGN)
		return false;
	s->relayed = m->type;
	relay_start(&s->relay, kind, s->frame, m->key);
	return true;
}

/* ---- list ---- */

/* Only a key of SSH's own types has a blob; ssh_put_blob() fails for the others. */
static bool ssh_offers(const struct key *key)
{
	return key->listed && key->known && ssh_type(key->id.curve) != NULL;
}

static void ssh_put_identity(struct wbuf *w, const struct key *key)
{
	char comment[SSH_COMMENT_MAX + 1];
	size_t mark = wbuf_open_string(w);

	if (ssh_put_blob(w, key) != ERR_OK)
		w->bad = true;
	wbuf_close_string(w, mark);
	ssh_comment(comment, &key->id);
	wbuf_cstring(w, comment);
}

/* Our keys, then those that the other agents have listed. */
static void ssh_send_list(struct ssh_conn *s)
{
	enum { HEAD = 4 + 1 + 4, ENTRY_MAX = 4 + SSH_BLOB_MAX + 4 + SSH_COMMENT_MAX };
	struct agent *agent = conn_agent(s->conn);
	const struct key *key = NULL;
	uint32_t count = 0, fits = (SSH_FRAME_MAX - HEAD) / ENTRY_MAX;
	struct wbuf w, head;
	size_t room;
	uint8_t *p;

	while (!request_locked(agent) && (key = request_next_key(agent, key)) != NULL)
		count += ssh_offers(key);
	if (count > fits) {
		log_warn("ssh: %u keys are offered, but clients can read no more than %u: the rest "
			 "is left out; `lanyard ssh rm` those you do not need",
			 count, fits);
		count = fits;
	}
	room = HEAD + (size_t)count * ENTRY_MAX + relay_put_max(&s->relay);
	p = malloc(room);
	if (p == NULL) {
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NO_MEMORY, NULL);
		return;
	}
	w = wbuf_new(p, room);
	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	wbuf_u32(&w, 0);
	for (key = NULL, fits = count; fits > 0 && (key = request_next_key(agent, key)) != NULL;)
		if (ssh_offers(key)) {
			ssh_put_identity(&w, key);
			fits--;
		}
	if (!request_locked(agent))
		relay_put(&s->relay, &w, HEAD, &count);
	head = wbuf_new(p + HEAD - 4, 4);
	wbuf_u32(&head, count);
	ssh_send(s, &w);
	free(p);
}

static void ssh_list(struct ssh_conn *s, const struct ssh_message *m)
{
	if (!ssh_relay(s, RELAY_LIST, m))
		ssh_send_list(s);
}

/* The key that a client names, if it is offered. */
static const struct key *ssh_find(struct ssh_conn *s, struct slice blob, struct why *why)
{
	struct agent *agent = conn_agent(s->conn);
	uint8_t pub[PUBLIC_KEY_LEN];
	const struct key *key = NULL;
	enum curve curve;

	if (request_locked(agent)) {
		why_set(why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
		return NULL;
	}
	/* Two devices from one seed have the same key; the one that is offered is meant. */
	while ((key = request_next_key(agent, key)) != NULL)
		if (ssh_offers(key) && ssh_blob_is(blob, key))
			return key;
	if (ssh_parse_key(blob, &curve, pub) != ERR_OK) {
		why_set(why, ERR_UNSUPPORTED,
			"the key asked for is neither ssh-ed25519 nor ecdsa-sha2-nistp256");
		return NULL;
	}
	why_set(why, ERR_NOT_FOUND,
		"the key asked for is not offered; `lanyard ssh list` shows those that are, "
		"`lanyard ssh add` adds one");
	return NULL;
}

/* ---- sign ---- */

static void ssh_sign_done(struct request *r, enum err e)
{
	struct ssh_conn *s = r->arg;
	uint8_t buf[4 + 1 + 4 + SSH_SIGNATURE_MAX];
	struct wbuf w = wbuf_new(buf, sizeof(buf));
	size_t mark;

	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_SIGN_RESPONSE);
	mark = wbuf_open_string(&w);
	if (e == ERR_OK && r->out_len != SIGNATURE_LEN)
		e = why_set(&r->why, ERR_INTERNAL, "a signature of %zu bytes", r->out_len);
	if (e == ERR_OK)
		e = ssh_put_signature(&w, r->id.curve, r->out);
	wbuf_close_string(&w, mark);
	if (e == ERR_OK) {
		log_info("ssh: client %d: signed: %s", (int)conn_pid(s->conn), r->proof.facts);
		ssh_send(s, &w);
	} else {
		ssh_fail(s, SSH_AGENT_FAILURE, e, &r->why);
	}
	request_clear(r);
	free(s->data);
	s->data = NULL;
	s->signing = false;
	conn_resume(s->conn);
}

static void ssh_sign(struct ssh_conn *s, const struct ssh_message *m)
{
	static const struct request_calls calls = {.done = ssh_sign_done};
	struct why why = {0};
	const struct key *key = ssh_find(s, m->key, &why);

	if (key == NULL && ssh_relay(s, RELAY_SIGN, m))
		return;
	if (key == NULL) {
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NOT_FOUND, &why);
		return;
	}
	/* They choose the hash of an RSA key, so they mean nothing here; OpenSSH ignores them too.
	 */
	if ((m->flags & ~(uint32_t)(SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512)) != 0) {
		why_set(&why, ERR_UNSUPPORTED, "signature flags 0x%x: there are only 2 and 4",
			m->flags);
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_UNSUPPORTED, &why);
		return;
	}
	s->data = malloc(m->data.n + 1); /* the frame is gone before the signature is made */
	if (s->data == NULL) {
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NO_MEMORY, NULL);
		return;
	}
	memcpy(s->data, m->data.p, m->data.n);
	snprintf(s->device, sizeof(s->device), "%s:%s", key->driver, key->serial);
	s->request = (struct request){
		.agent = conn_agent(s->conn),
		.op = OP_SIGN,
		.id = key->id,
		.purpose = PURPOSE_SIGN,
		.device = s->device,
		.patient = true,
		.attended = true,
		.asker = conn_pid(s->conn),
		.data = {s->data, m->data.n},
		.context = &s->binds,
		.calls = &calls,
		.arg = s,
	};
	s->signing = true;
	request_start(&s->request);
}

/* ---- the rest ---- */

static void ssh_remove(struct ssh_conn *s, const struct ssh_message *m)
{
	struct why why = {0};
	const struct key *key = ssh_find(s, m->key, &why);
	enum err e;

	if (key == NULL && ssh_relay(s, RELAY_ALL, m))
		return;
	e = key == NULL ? ERR_NOT_FOUND : request_unlist(conn_agent(s->conn), key);
	if (e == ERR_OK)
		ssh_answer(s, SSH_AGENT_SUCCESS);
	else
		ssh_fail(s, SSH_AGENT_FAILURE, e, &why);
}

static void ssh_remove_all(struct ssh_conn *s, const struct ssh_message *m)
{
	struct agent *agent = conn_agent(s->conn);
	enum err e = request_locked(agent) ? ERR_LOCKED : request_unlist(agent, NULL);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		ssh_fail(s, SSH_AGENT_FAILURE, e, NULL);
	else if (m->type != SSH_AGENTC_REMOVE_ALL_IDENTITIES || !ssh_relay(s, RELAY_ALL, m))
		ssh_answer(s, SSH_AGENT_SUCCESS);
}

static void ssh_query(struct ssh_conn *s)
{
	uint8_t buf[128];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_EXTENSION_RESPONSE);
	wbuf_cstring(&w, "query");
	wbuf_cstring(&w, "session-bind@openssh.com");
	ssh_send(s, &w);
}

/* A known extension fails with a number of its own, an unknown one like any unknown request (RFC
 * 9987 section 3.8). */
static void ssh_extension(struct ssh_conn *s, const struct ssh_message *m)
{
	struct why why = {0};
	char name[80];
	enum err e;

	if (slice_is(m->name, "session-bind@openssh.com")) {
		relay_bind(&s->relay, s->frame);
		e = ssh_bind_add(&s->binds, m->contents, &why);
		if (e == ERR_OK)
			ssh_answer(s, SSH_AGENT_SUCCESS);
		else
			ssh_fail(s, SSH_AGENT_EXTENSION_FAILURE, e, &why);
	} else if (slice_is(m->name, SSH_RELAY_CHAIN)) {
		e = relay_chain(&s->relay, m->contents, &why);
		if (e == ERR_OK)
			ssh_answer(s, SSH_AGENT_SUCCESS);
		else
			ssh_fail(s, SSH_AGENT_EXTENSION_FAILURE, e, &why);
	} else if (slice_is(m->name, "query")) {
		e = m->contents.n == 0 ? ERR_OK
				       : why_set(&why, ERR_SYNTAX, "a query with bytes left over");
		if (e == ERR_OK)
			ssh_query(s);
		else
			ssh_fail(s, SSH_AGENT_EXTENSION_FAILURE, e, &why);
	} else if (!ssh_relay(s, RELAY_FIRST, m)) {
		text_clean(name, sizeof(name), m->name.p, m->name.n);
		why_set(&why, ERR_UNSUPPORTED, "extension %s is not supported", name);
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_UNSUPPORTED, &why);
	}
}

static void ssh_refuse(struct ssh_conn *s, uint8_t type)
{
	struct why why = {0};

	switch (type) {
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		why_set(&why, ERR_UNSUPPORTED,
			"lanyard holds no private keys: `lanyard ssh add` derives one for a host, "
			"an ssh-agent that is its upstream takes others (lanyard.conf(5)), but not "
			"from a forwarded connection, nor while the agent is locked");
		break;
	case SSH_AGENTC_ADD_SMARTCARD_KEY:
	case SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED:
	case SSH_AGENTC_REMOVE_SMARTCARD_KEY:
		why_set(&why, ERR_UNSUPPORTED,
			"PKCS#11 modules are not loaded: `lanyard devices` shows what is used; an "
			"ssh-agent that is lanyard's upstream may (lanyard.conf(5))");
		break;
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		why_set(&why, ERR_UNSUPPORTED,
			"locking with a passphrase is not supported: use `lanyard lock`, `lanyard "
			"unlock`");
		break;
	default:
		why_set(&why, ERR_UNKNOWN_COMMAND, "requests of type %u are not supported", type);
	}
	ssh_fail(s, SSH_AGENT_FAILURE, ERR_UNSUPPORTED, &why);
}

static void ssh_dispatch(struct ssh_conn *s, const struct ssh_message *m)
{
	switch (m->type) {
	case SSH_AGENTC_REQUEST_IDENTITIES:
		ssh_list(s, m);
		break;
	case SSH_AGENTC_SIGN_REQUEST:
		ssh_sign(s, m);
		break;
	case SSH_AGENTC_REMOVE_IDENTITY:
		ssh_remove(s, m);
		break;
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		ssh_remove_all(s, m);
		break;
	case SSH_AGENTC_EXTENSION:
		ssh_extension(s, m);
		break;
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
	case SSH_AGENTC_ADD_SMARTCARD_KEY:
	case SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED:
	case SSH_AGENTC_REMOVE_SMARTCARD_KEY:
		if (!ssh_relay(s, RELAY_FIRST, m))
			ssh_refuse(s, m->type);
		break;
	default:
		ssh_refuse(s, m->type);
	}
}

/* The other agents have done their part. */
static void ssh_relayed(struct relay *r, enum err e, struct slice answer, const struct why *why)
{
	struct ssh_conn *s = (struct ssh_conn *)((char *)r - offsetof(struct ssh_conn, relay));
	uint8_t buf[4];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	if (s->relayed == SSH_AGENTC_REQUEST_IDENTITIES) {
		ssh_send_list(s);
	} else if (s->relayed == SSH_AGENTC_REMOVE_ALL_IDENTITIES) {
		ssh_answer(s, r->refused == 0 ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	} else if (s->relayed == SSH_AGENTC_REMOVE_IDENTITY) {
		ssh_answer(s, r->accepted > 0 ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	} else if (e == ERR_OK) {
		wbuf_u32(&w, (uint32_t)answer.n);
		conn_send(s->conn, w.p, w.n);
		conn_send(s->conn, answer.p, answer.n);
	} else {
		ssh_fail(s, SSH_AGENT_FAILURE, e, why);
	}
}

/* ---- the front end ---- */

static void ssh_open(struct conn *c, void *state)
{
	struct ssh_conn *s = state;

	s->conn = c;
	relay_open(&s->relay, c, ssh_relayed);
}

static size_t ssh_input(struct conn *c, void *state, const uint8_t *p, size_t n)
{
	struct ssh_conn *s = state;
	struct ssh_message m;
	struct why why = {0};
	size_t used = n;

	if (s->signing || s->relay.busy)
		return 0;
	if (s->finished)
		return n;
	switch (ssh_frame_parse(p, n, &m, &used, &why)) {
	case SSH_FRAME_MORE:
		return 0;
	case SSH_FRAME_TOO_LONG:
		log_warn("ssh: client %d: %s; disconnected", (int)conn_pid(c), why.text);
		conn_finish(c);
		s->finished = true;
		return n;
	case SSH_FRAME_BAD:
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_SYNTAX, &why);
		break;
	case SSH_FRAME_OK:
		s->frame = (struct slice){p, used};
		ssh_dispatch(s, &m);
		break;
	}
	return used;
}

static void ssh_close(struct conn *c, void *state)
{
	struct ssh_conn *s = state;

	(void)c;
	request_cancel(&s->request);
	relay_close(&s->relay);
}

static bool ssh_busy(const void *state)
{
	const struct ssh_conn *s = state;

	return s->signing || s->relay.busy;
}

const struct frontend ssh_frontend = {
	.name = "ssh",
	.socket = "ssh.sock",
	.root = ROOT_ALL,
	.state_size = sizeof(struct ssh_conn),
	.message_max = 4 + SSH_FRAME_MAX,
	.open = ssh_open,
	.input = ssh_input,
	.close = ssh_close,
	.busy = ssh_busy,
};
