/* SPDX-License-Identifier: MIT */
#include "ssh/agent.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/confirm.h"
#include "agent/passlock.h"
#include "protocol/log.h"
#include "protocol/text.h"
#include "ssh/blob.h"
#include "ssh/conn.h"

struct ssh_conn *ssh_conn_of(struct relay *r)
{
	return (struct ssh_conn *)((char *)r - offsetof(struct ssh_conn, relay));
}

void ssh_send(struct ssh_conn *s, struct wbuf *w)
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

void ssh_answer(struct ssh_conn *s, uint8_t type)
{
	uint8_t buf[5];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	wbuf_open_string(&w);
	wbuf_u8(&w, type);
	ssh_send(s, &w);
}

void ssh_fail(struct ssh_conn *s, uint8_t type, enum err e, const struct why *why)
{
	log_warn("ssh: client %d: %s", (int)conn_pid(s->conn), why_text(why, e));
	ssh_answer(s, type);
}

bool ssh_upstream(struct ssh_conn *s)
{
	struct agent *agent = conn_agent(s->conn);

	return !request_locked(agent) && relay_any(&s->relay) &&
	       !(s->binds.forwarded && request_forwarded(agent, NULL) == FORWARDED_DENY);
}

bool ssh_relay(struct ssh_conn *s, enum relay_kind kind, const struct ssh_message *m)
{
	if (!ssh_upstream(s))
		return false;
	s->relayed = m->type;
	relay_start(&s->relay, kind, s->frame, m->key);
	return true;
}

/* ---- the rest ---- */

static void ssh_remove(struct ssh_conn *s, const struct ssh_message *m)
{
	struct why why = {0};
	const struct key *key = ssh_find(s, m->key, &why);
	enum err e;

	if (key == NULL && ssh_relay(s, RELAY_ALL, m))
		return;
	if (key != NULL && request_locked(conn_agent(s->conn)))
		e = why_set(&why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
	else if (key != NULL && !ssh_blob_is(m->key, key))
		e = why_set(&why, ERR_NOT_ALLOWED,
			    "a certificate is offered as long as its file is in the folder certs/");
	else
		e = key == NULL ? ERR_NOT_FOUND : ssh_visible(s, key, &why);
	if (e == ERR_OK)
		e = request_unlist(conn_agent(s->conn), key);
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

static void ssh_lock_done(void *arg)
{
	struct ssh_conn *s = arg;

	ssh_answer(s, SSH_AGENT_SUCCESS);
	s->locking = false;
	conn_resume(s->conn);
}

static void ssh_lock(struct ssh_conn *s, const struct ssh_message *m)
{
	struct why why = {0};
	enum err e = passlock_lock(conn_agent(s->conn), m->passphrase.p, m->passphrase.n,
				   ssh_lock_done, s, &why);

	if (e == ERR_OK)
		s->locking = true;
	else if (e == ERR_NO_DEVICE)
		ssh_answer(s, SSH_AGENT_SUCCESS); /* nothing to wipe */
	else
		ssh_fail(s, SSH_AGENT_FAILURE, e, &why);
}

static void ssh_unlock_done(struct passtry *t, enum err e)
{
	struct ssh_conn *s = (struct ssh_conn *)((char *)t - offsetof(struct ssh_conn, try));
	struct why why = {0};

	if (e == ERR_NOT_FOUND)
		why_set(&why, e, "the agent is not locked with a passphrase of its own");
	if (e == ERR_OK)
		ssh_answer(s, SSH_AGENT_SUCCESS);
	else
		ssh_fail(s, SSH_AGENT_FAILURE, e, &why);
	s->locking = false;
	conn_resume(s->conn);
}

static void ssh_unlock(struct ssh_conn *s, const struct ssh_message *m)
{
	s->locking = true;
	s->try.done = ssh_unlock_done;
	passlock_try(conn_agent(s->conn), &s->try, m->passphrase.p, m->passphrase.n);
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
	default:
		why_set(&why, ERR_UNKNOWN_COMMAND, "requests of type %u are not supported", type);
	}
	ssh_fail(s, SSH_AGENT_FAILURE, ERR_UNSUPPORTED, &why);
}

/* Who is at the other end of a forwarded connection may use keys, and manage none. */
static bool ssh_may(const struct ssh_conn *s, const struct ssh_message *m)
{
	switch (m->type) {
	case SSH_AGENTC_REQUEST_IDENTITIES:
	case SSH_AGENTC_SIGN_REQUEST:
		return true;
	case SSH_AGENTC_EXTENSION:
		return !s->binds.forwarded || slice_is(m->name, "session-bind@openssh.com") ||
		       slice_is(m->name, "query");
	default:
		return !s->binds.forwarded;
	}
}

static void ssh_dispatch(struct ssh_conn *s, const struct ssh_message *m)
{
	struct why why = {0};

	if (!ssh_may(s, m)) {
		why_set(&why, ERR_NOT_ALLOWED,
			"a request of type %u over a forwarded connection, which may only list, "
			"sign, query and bind sessions: do it on this machine",
			m->type);
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NOT_ALLOWED, &why);
		return;
	}
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
	case SSH_AGENTC_LOCK:
		ssh_lock(s, m);
		break;
	case SSH_AGENTC_UNLOCK:
		ssh_unlock(s, m);
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
	struct ssh_conn *s = ssh_conn_of(r);
	struct why locked = {0};
	uint8_t buf[4];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	if (s->relayed == SSH_AGENTC_SIGN_REQUEST) {
		if (e == ERR_OK)
			e = ssh_sign_relayed(s, &locked);
		ssh_sign_told(s, e == ERR_OK && answer.p[0] != SSH_AGENT_SIGN_RESPONSE ? ERR_REFUSED
										       : e);
	}
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
		ssh_fail(s, SSH_AGENT_FAILURE, e, why != NULL ? why : &locked);
	}
}

/* ---- the front end ---- */

static void ssh_open(struct conn *c, void *state)
{
	struct ssh_conn *s = state;

	s->conn = c;
	relay_open(&s->relay, c, ssh_relayed, ssh_sign_upstream);
}

static bool ssh_busy(const void *state)
{
	const struct ssh_conn *s = state;

	return s->signing || s->locking || s->relay.busy;
}

static size_t ssh_input(struct conn *c, void *state, const uint8_t *p, size_t n)
{
	struct ssh_conn *s = state;
	struct ssh_message m;
	struct why why = {0};
	size_t used = n;

	if (ssh_busy(s))
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

	request_cancel(&s->request);
	confirm_cancel(s->confirmation);
	s->confirmation = NULL;
	if (s->relay.busy && s->relayed == SSH_AGENTC_SIGN_REQUEST)
		ssh_sign_told(s, ERR_CANCELED);
	passlock_leave(conn_agent(c), &s->try);
	relay_close(&s->relay);
	ssh_binds_end(&s->binds);
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
