/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/confirm.h"
#include "derive/hostkey.h"
#include "protocol/log.h"
#include "ssh/agent.h"
#include "ssh/blob.h"
#include "ssh/conn.h"
#include "ssh/facts.h"
#include "ssh/signed.h"

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

void ssh_sign(struct ssh_conn *s, const struct ssh_message *m)
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
		.asker_uid = conn_uid(s->conn),
		.client = ssh_frontend.name,
		.forwarded = s->binds.forwarded,
		.data = {s->data, m->data.n},
		.context = &s->binds,
		.calls = &calls,
		.arg = s,
	};
	s->signing = true;
	request_start(&s->request);
}

/* ---- with another agent's key ---- */

enum err ssh_sign_relayed(struct ssh_conn *s, struct why *why)
{
	if (!request_class_locked(conn_agent(s->conn), s->relayed_class))
		return ERR_OK;
	return why_set(why, ERR_LOCKED,
		       "another agent's key, but %s is locked: run `lanyard unlock`",
		       op_class_name(s->relayed_class));
}

static void sign_facts(struct ssh_conn *s, const struct ssh_message *m,
		       char fingerprint[static SSH_FINGERPRINT_LEN + 1],
		       char facts[static FACTS_MAX])
{
	uint8_t hash[32];

	hash_sha256(hash, m->key.p, m->key.n);
	ssh_fingerprint(fingerprint, hash);
	ssh_facts_foreign(facts, FACTS_MAX, &s->binds, m->key, m->data);
}

void ssh_sign_told(struct ssh_conn *s, enum err e)
{
	char fingerprint[SSH_FINGERPRINT_LEN + 1], facts[FACTS_MAX];
	struct slice op = {s->relay.op.p, s->relay.op.n};
	struct agent *agent = conn_agent(s->conn);
	const struct upstream_use use = {
		.key = fingerprint,
		.path = relay_holder_path(&s->relay),
		.result = e,
		.facts = facts,
		.client = ssh_frontend.name,
		.asker = conn_pid(s->conn),
		.asker_uid = conn_uid(s->conn),
	};
	struct ssh_message m;
	struct why why = {0};
	size_t used;

	if (use.path == NULL || !upstream_watched(agent) ||
	    ssh_frame_parse(op.p, op.n, &m, &used, &why) != SSH_FRAME_OK)
		return;
	sign_facts(s, &m, fingerprint, facts);
	upstream_used(agent, &use);
}

static void sign_confirmed(void *arg, enum err e)
{
	struct ssh_conn *s = arg;
	struct why why = {0};

	s->confirmation = NULL;
	if (e == ERR_LOCKED)
		e = ssh_sign_relayed(s, &why);
	else if (e != ERR_OK)
		why_set(&why, e, "another agent's key, for a remote host: %s", err_text(e));
	relay_permit(&s->relay, e, &why);
}

void ssh_sign_upstream(struct relay *r)
{
	struct ssh_conn *s = ssh_conn_of(r);
	char fingerprint[SSH_FINGERPRINT_LEN + 1], text[200], facts[FACTS_MAX];
	struct agent *agent = conn_agent(s->conn);
	struct ssh_message m;
	struct ssh_signed what;
	struct why why = {0};
	size_t used;
	enum err e;

	if (ssh_frame_parse(r->op.p, r->op.n, &m, &used, &why) != SSH_FRAME_OK) {
		relay_permit(r, ERR_SYNTAX, &why);
		return;
	}
	ssh_signed_parse(m.data, &what);
	s->relayed_class = what.kind == SSH_SIGNED_USERAUTH ? OP_CLASS_AUTH : OP_CLASS_SIGN;
	e = ssh_sign_relayed(s, &why);
	if (e != ERR_OK || !s->binds.forwarded ||
	    request_forwarded(agent, NULL) == FORWARDED_ALLOW) {
		relay_permit(r, e, &why);
		return;
	}
	sign_facts(s, &m, fingerprint, facts);
	snprintf(text, sizeof(text), "Let a remote host use the key %s of another agent?",
		 fingerprint);
	s->confirmation = confirm_start(agent, text, facts, conn_pid(s->conn), sign_confirmed, s);
	if (s->confirmation != NULL) {
		confirm_for(s->confirmation, s->relayed_class);
		return;
	}
	why_set(&why, ERR_NO_PROMPT,
		"another agent's key, for a remote host: nobody to ask; `forwarded = allow` in the "
		"config asks nobody");
	relay_permit(r, ERR_NO_PROMPT, &why);
}
