/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "protocol/log.h"
#include "ssh/answer.h"
#include "ssh/blob.h"
#include "ssh/conn.h"
#include "ssh/destination.h"

/* Only a key of SSH's own types has a blob; ssh_put_blob() fails for the others. */
static bool ssh_offers(const struct key *key)
{
	return key->listed && key->known && ssh_type(key->id.curve) != NULL;
}

/* Of those that are offered: this client is not to see it now. */
static bool ssh_hides(struct ssh_conn *s, const struct key *key)
{
	return s->binds.forwarded && request_forwarded(conn_agent(s->conn), key) == FORWARDED_DENY;
}

/* What a listing has: each key that is offered, and after it its certificates. */
struct offer {
	const struct key *key;
	const struct cert *cert; /* NULL: the key itself */
	struct ssh_chain *chain; /* what keys with destinations are looked at with; NULL: not */
	bool quiet;              /* it has been said which are left out */
	bool all;                /* also what this client is not to see: its use is refused */
};

static bool offer_permitted(const struct offer *o, const struct key *key)
{
	const char *destinations = request_destinations(key);

	if (o->chain == NULL || destinations == NULL)
		return true;
	struct why why = {0};
	enum err e = ssh_chain_permits(o->chain, destinations, NULL, &why);
	if (e != ERR_OK && !o->quiet)
		log_debug("ssh: %s is not listed: %s", key->id.uri, why.text);
	return e == ERR_OK;
}

/* Starts with nothing, ends with false. */
static bool next_offer(struct ssh_conn *s, struct offer *o)
{
	struct agent *agent = conn_agent(s->conn);

	if (request_locked(agent) && !o->all)
		return false;
	if (o->key != NULL && (o->cert = request_next_cert(agent, o->key, o->cert)) != NULL)
		return true;
	o->cert = NULL;
	do {
		o->key = request_next_key(agent, o->key);
	} while (o->key != NULL && !(ssh_offers(o->key) && (o->all || !ssh_hides(s, o->key)) &&
				     offer_permitted(o, o->key)));
	return o->key != NULL;
}

static size_t offer_size(const struct offer *o)
{
	return 4 + (o->cert != NULL ? o->cert->blob_n : SSH_BLOB_MAX) + 4 + SSH_COMMENT_MAX;
}

static void put_offer(struct wbuf *w, const struct offer *o)
{
	char comment[SSH_COMMENT_MAX + 1];
	size_t mark = wbuf_open_string(w);

	if (o->cert != NULL)
		wbuf_bytes(w, o->cert->blob, o->cert->blob_n);
	else if (ssh_put_blob(w, o->key) != ERR_OK)
		w->bad = true;
	wbuf_close_string(w, mark);
	ssh_comment(comment, &o->key->id);
	wbuf_cstring(w, comment);
}

/* How many offers a client can read, and the bytes they take at most. */
static uint32_t count_offers(struct ssh_conn *s, struct ssh_chain *chain, size_t *room)
{
	struct offer o = {.chain = chain};
	uint32_t count = 0, left_out = 0;

	while (next_offer(s, &o)) {
		if (left_out > 0 || count == SSH_IDENTITIES_MAX ||
		    *room + offer_size(&o) > 4 + SSH_FRAME_MAX) {
			left_out++;
			continue;
		}
		*room += offer_size(&o);
		count++;
	}
	if (left_out > 0)
		log_warn("ssh: %u keys and certificates are offered, but clients can read no more "
			 "than %u: the rest is left out; `lanyard ssh rm` those you do not need",
			 count + left_out, count);
	return count;
}

void ssh_send_list(struct ssh_conn *s)
{
	enum { HEAD = 4 + 1 + 4 };
	struct ssh_chain chain = {.binds = &s->binds};
	struct offer o = {.chain = &chain, .quiet = true};
	struct wbuf w, head;
	size_t room = HEAD;
	uint32_t count;
	uint8_t *p;

	request_refresh_certs(conn_agent(s->conn));
	count = count_offers(s, &chain, &room);
	room += relay_put_max(&s->relay);
	p = malloc(room);
	if (p == NULL) {
		ssh_chain_end(&chain);
		ssh_fail(s, SSH_AGENT_FAILURE, ERR_NO_MEMORY, NULL);
		return;
	}
	w = wbuf_new(p, room);
	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	wbuf_u32(&w, 0);
	for (uint32_t i = 0; i < count && next_offer(s, &o); i++)
		put_offer(&w, &o);
	ssh_chain_end(&chain);
	if (ssh_upstream(s))
		relay_put(&s->relay, &w, HEAD, &count);
	head = wbuf_new(p + HEAD - 4, 4);
	wbuf_u32(&head, count);
	ssh_send(s, &w);
	free(p);
}

enum err ssh_visible(struct ssh_conn *s, const struct key *key, struct why *why)
{
	struct ssh_chain chain = {.binds = &s->binds};
	enum err e = ssh_chain_permits(&chain, request_destinations(key), NULL, why);

	ssh_chain_end(&chain);
	return e;
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
	struct ssh_chain chain = {.binds = &s->binds};
	const struct key *found = NULL;
	struct offer o = {.all = true};
	enum curve curve;

	request_refresh_certs(agent); /* it may have been listed by the agent before us */
	/* Two devices from one seed have the same key; the one that is listed here is meant. */
	while (next_offer(s, &o)) {
		if (o.cert != NULL ? !slice_eq(blob, (struct slice){o.cert->blob, o.cert->blob_n})
				   : !ssh_blob_is(blob, o.key))
			continue;
		found = o.key;
		if (ssh_chain_permits(&chain, request_destinations(found), NULL, NULL) == ERR_OK)
			break;
	}
	ssh_chain_end(&chain);
	if (found != NULL)
		return found;
	if (request_locked(agent)) {
		why_set(why, ERR_LOCKED, "the agent is locked: run `lanyard unlock`");
		return NULL;
	}
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
