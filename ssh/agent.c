/* SPDX-License-Identifier: MIT */
#include "ssh/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/request.h"
#include "protocol/log.h"
#include "protocol/text.h"
#include "ssh/bind.h"
#include "ssh/blob.h"
#include "ssh/message.h"

struct ssh_conn {
	struct conn *conn;
	struct ssh_binds binds;
	bool finished; /* given up: nothing more is read */
	/* The signature in flight, and what it borrows. */
	bool signing;
	struct request request;
	uint8_t *data;
	char device[DEVICE_SERIAL_MAX + 1];
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

/* ---- list ---- */

/* Only a key of SSH's own types has a blob; ssh_put_key() fails for the others. */
static bool ssh_offers(const struct key *key)
{
	return key->listed && key->known && ssh_type(key->id.curve) != NULL;
}

static void ssh_put_identity(struct wbuf *w, const struct key *key)
{
	char comment[SSH_COMMENT_MAX + 1];
	size_t mark = wbuf_open_string(w);

	if (ssh_put_key(w, key->id.curve, key->public_key) != ERR_OK)
		w->bad = true;
	wbuf_close_string(w, mark);
	ssh_comment(comment, &key->id);
	wbuf_cstring(w, comment);
}

static void ssh_list(struct ssh_conn *s)
{
	enum { HEAD = 4 + 1 + 4, ENTRY_MAX = 4 + SSH_BLOB_MAX + 4 + SSH_COMMENT_MAX };
	struct agent *agent = conn_agent(s->conn);
	const struct key *key = NULL;
	uint32_t count = 0, fits = (SSH_FRAME_MAX - HEAD) / ENTRY_MAX;
	struct wbuf w;
	uint8_t *p;

	while (!request_locked(agent) && (key = request_next_key(agent, key)) != NULL)
		count += ssh_offers(key);
	if (count > fits) {
		log_warn("ssh: %u keys are offered, but clients can read no more than %u: the rest "
			 "is left out; `lanyard ssh rm` those you do not need",
			 count, fits);
		count = fits;
	}
	p = malloc(HEAD + (size_t)count * ENTRY_MAX);
	if (p == NULL) {
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NO_MEMORY, NULL);
		return;
	}
	w = wbuf_new(p, HEAD + (size_t)count * ENTRY_MAX);
	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	wbuf_u32(&w, count);
	for (key = NULL; count > 0 && (key = request_next_key(agent, key)) != NULL;)
		if (ssh_offers(key)) {
			ssh_put_identity(&w, key);
			count--;
		}
	ssh_send(s, &w);
	free(p);
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
	if (ssh_parse_key(blob, &curve, pub) != ERR_OK) {
		why_set(why, ERR_UNSUPPORTED,
			"the key asked for is neither ssh-ed25519 nor ecdsa-sha2-nistp256");
		return NULL;
	}
	/* Two devices from one seed have the same key; the one that is offered is meant. */
	while ((key = request_next_key(agent, key)) != NULL)
		if (ssh_offers(key) && key->id.curve == curve &&
		    memcmp(key->public_key, pub, sizeof(pub)) == 0)
			return key;
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
		log_info("ssh: client %d: signed: %s", (int)conn_pid(s->conn), r->facts);
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
	snprintf(s->device, sizeof(s->device), "%s", key->serial);
	s->request = (struct request){
		.agent = conn_agent(s->conn),
		.op = OP_SIGN,
		.id = key->id,
		.purpose = PURPOSE_SIGN,
		.device = s->device[0] != '\0' ? s->device : NULL,
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
	enum err e = key == NULL ? ERR_NOT_FOUND : request_unlist(conn_agent(s->conn), key);

	if (e == ERR_OK)
		ssh_answer(s, SSH_AGENT_SUCCESS);
	else
		ssh_fail(s, SSH_AGENT_FAILURE, e, &why);
}

static void ssh_remove_all(struct ssh_conn *s)
{
	struct agent *agent = conn_agent(s->conn);
	enum err e = request_locked(agent) ? ERR_LOCKED : request_unlist(agent, NULL);

	if (e == ERR_OK || e == ERR_NOT_FOUND)
		ssh_answer(s, SSH_AGENT_SUCCESS);
	else
		ssh_fail(s, SSH_AGENT_FAILURE, e, NULL);
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
		e = ssh_bind_add(&s->binds, m->contents, &why);
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
	} else {
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
			"lanyard holds no private keys: `lanyard ssh add` derives one for a host");
		break;
	case SSH_AGENTC_ADD_SMARTCARD_KEY:
	case SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED:
	case SSH_AGENTC_REMOVE_SMARTCARD_KEY:
		why_set(&why, ERR_UNSUPPORTED,
			"PKCS#11 modules are not loaded: `lanyard devices` shows what is used");
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
		ssh_list(s);
		break;
	case SSH_AGENTC_SIGN_REQUEST:
		ssh_sign(s, m);
		break;
	case SSH_AGENTC_REMOVE_IDENTITY:
		ssh_remove(s, m);
		break;
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		ssh_remove_all(s);
		break;
	case SSH_AGENTC_EXTENSION:
		ssh_extension(s, m);
		break;
	default:
		ssh_refuse(s, m->type);
	}
}

/* ---- the front end ---- */

static void ssh_open(struct conn *c, void *state)
{
	struct ssh_conn *s = state;

	s->conn = c;
}

static size_t ssh_input(struct conn *c, void *state, const uint8_t *p, size_t n)
{
	struct ssh_conn *s = state;
	struct ssh_message m;
	struct why why = {0};
	size_t used = n;

	if (s->signing)
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
}

static bool ssh_busy(const void *state)
{
	const struct ssh_conn *s = state;

	return s->signing;
}

const struct frontend ssh_frontend = {
	.name = "ssh",
	.socket = "ssh.sock",
	.state_size = sizeof(struct ssh_conn),
	.message_max = 4 + SSH_FRAME_MAX,
	.open = ssh_open,
	.input = ssh_input,
	.close = ssh_close,
	.busy = ssh_busy,
};
