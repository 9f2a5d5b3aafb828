/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "protocol/log.h"
#include "ssh/blob.h"
#include "ssh/conn.h"

/* Only a key of SSH's own types has a blob; ssh_put_blob() fails for the others. */
static bool ssh_offers(struct ssh_conn *s, const struct key *key)
{
	return key->listed && key->known && ssh_type(key->id.curve) != NULL &&
	       !(s->binds.forwarded &&
		 request_forwarded(conn_agent(s->conn), key) == FORWARDED_DENY);
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

void ssh_send_list(struct ssh_conn *s)
{
	enum { HEAD = 4 + 1 + 4, ENTRY_MAX = 4 + SSH_BLOB_MAX + 4 + SSH_COMMENT_MAX };
	struct agent *agent = conn_agent(s->conn);
	const struct key *key = NULL;
	uint32_t count = 0, fits = (SSH_FRAME_MAX - HEAD) / ENTRY_MAX;
	struct wbuf w, head;
	size_t room;
	uint8_t *p;

	while (!request_locked(agent) && (key = request_next_key(agent, key)) != NULL)
		count += ssh_offers(s, key);
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
		if (ssh_offers(s, key)) {
			ssh_put_identity(&w, key);
			fits--;
		}
	if (ssh_upstream(s))
		relay_put(&s->relay, &w, HEAD, &count);
	head = wbuf_new(p + HEAD - 4, 4);
	wbuf_u32(&head, count);
	ssh_send(s, &w);
	free(p);
}

void ssh_list(struct ssh_conn *s, const struct ssh_message *m)
{
	if (!ssh_relay(s, RELAY_LIST, m))
		ssh_send_list(s);
}

const struct key *ssh_find(struct ssh_conn *s, struct slice blob, struct why *why)
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
		if (ssh_offers(s, key) && ssh_blob_is(blob, key))
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
