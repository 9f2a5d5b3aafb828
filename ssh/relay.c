/* SPDX-License-Identifier: MIT */
#include "ssh/relay.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/client.h"
#include "protocol/log.h"
#include "ssh/answer.h"
#include "ssh/message.h"

enum { WAIT_MS = 300 }; /* for a listing, and for being told about the client */

enum link_step { LINK_IDLE, LINK_HELLO, LINK_BIND, LINK_OP };

struct relay_link {
	struct relay *relay;
	char path[SOCKET_PATH_MAX + 1];
	struct upstream *up; /* NULL: not connected */
	enum link_step step; /* what is waited for */
	bool told;           /* the chain, on this connection */
	size_t bound;        /* bytes of the binds, on this connection */
	bool refused;        /* a bind, once: never asked again */
	uint8_t *keys;       /* entries of its last listing */
	size_t keys_n;
};

/* A test's ssh-agent is to answer also where the machine stands still for a second. */
static unsigned wait_ms(void)
{
#ifdef LANYARD_TEST
	if (getenv("LANYARD_TEST_UPSTREAM_MS") != NULL)
		return (unsigned)strtoul(getenv("LANYARD_TEST_UPSTREAM_MS"), NULL, 10);
#endif
	return WAIT_MS;
}

static const uint8_t list_frame[] = {0, 0, 0, 1, SSH_AGENTC_REQUEST_IDENTITIES};

static void link_step(struct relay_link *l);
static void relay_step(struct relay *r);

/* ---- the client's part ---- */

void relay_open(struct relay *r, struct conn *c, relay_done *done, relay_ask *ask)
{
	r->conn = c;
	r->done = done;
	r->ask = ask;
}

void relay_bind(struct relay *r, struct slice frame)
{
	uint8_t *binds;

	/* Also without an upstream: a reload may bring one. */
	if (r->off)
		return;
	binds = r->binds_n + frame.n <= RELAY_BINDS_MAX ? realloc(r->binds, r->binds_n + frame.n)
							: NULL;
	if (binds == NULL) {
		log_warn("ssh: client %d: its session-binds are too long to be kept: no upstream",
			 (int)conn_pid(r->conn));
		r->off = true;
		return;
	}
	r->binds = binds;
	memcpy(r->binds + r->binds_n, frame.p, frame.n);
	r->binds_n += frame.n;
}

enum err relay_chain(struct relay *r, struct slice contents, struct why *why)
{
	uint8_t own[UPSTREAM_ID_LEN];

	if (contents.n == 0 || contents.n % UPSTREAM_ID_LEN != 0)
		return why_set(why, ERR_SYNTAX, "a chain of agents of %zu bytes", contents.n);
	if (r->links != NULL || r->chain_n > 0)
		return why_set(why, ERR_NOT_ALLOWED, "a chain of agents is told first, and once");
	upstream_id(conn_agent(r->conn), own);
	for (size_t i = 0; i < contents.n; i += sizeof(own))
		if (memcmp(contents.p + i, own, sizeof(own)) == 0)
			r->off = true;
	if (r->off)
		log_debug("ssh: client %d is an agent that is our upstream: it gets our own keys",
			  (int)conn_pid(r->conn));
	if (contents.n > sizeof(r->chain))
		r->off = true;
	if (r->off)
		return ERR_OK;
	memcpy(r->chain, contents.p, contents.n);
	r->chain_n = contents.n;
	return ERR_OK;
}

/* The configuration as it is at the first need: paths and connections stay together. */
static bool relay_prepare(struct relay *r)
{
	const struct agent *a = conn_agent(r->conn);
	struct wbuf w = wbuf_new(r->hello, sizeof(r->hello));
	uint8_t own[UPSTREAM_ID_LEN];
	const char *path;
	size_t count = 0;

	while (upstream_path(a, count) != NULL)
		count++;
	if (count > 0)
		r->links = calloc(count, sizeof(*r->links));
	if (r->links == NULL)
		return false;
	for (; r->count < count && (path = upstream_path(a, r->count)) != NULL; r->count++) {
		r->links[r->count].relay = r;
		memcpy(r->links[r->count].path, path, strlen(path));
	}
	upstream_id(a, own);
	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENTC_EXTENSION);
	wbuf_cstring(&w, SSH_RELAY_CHAIN);
	wbuf_bytes(&w, r->chain, r->chain_n);
	wbuf_bytes(&w, own, sizeof(own));
	wbuf_close_string(&w, 0);
	r->hello_n = w.n;
	return wbuf_ok(&w);
}

bool relay_any(struct relay *r)
{
	return !r->off && (r->links != NULL || relay_prepare(r));
}

void relay_close(struct relay *r)
{
	for (size_t i = 0; i < r->count; i++) {
		upstream_close(r->links[i].up);
		free(r->links[i].keys);
	}
	free(r->links);
	free(r->binds);
	secret_free(&r->op);
	r->links = NULL;
	r->holder = NULL;
	r->binds = NULL;
	r->count = r->binds_n = 0;
	r->off = true;
	r->busy = false;
}

/* ---- one agent ---- */

static void link_drop(struct relay_link *l)
{
	upstream_close(l->up);
	l->up = NULL;
	l->told = false;
	l->bound = 0;
	free(l->keys);
	l->keys = NULL;
	l->keys_n = 0;
}

static void relay_finish(struct relay *r, enum err e, struct slice answer, const struct why *why)
{
	r->done(r, e, answer, why);
	/* Sending may have found the client gone, and closed all this. */
	secret_free(&r->op);
	r->busy = false;
	conn_resume(r->conn);
}

/* Remembers its keys; false when it has not sent a list. */
static bool link_keep(struct relay_link *l, struct slice answer)
{
	struct slice entries;

	free(l->keys);
	l->keys = NULL;
	l->keys_n = 0;
	if (!ssh_identities_parse(answer, &entries))
		return false;
	l->keys = malloc(entries.n + 1);
	if (l->keys == NULL)
		return false;
	memcpy(l->keys, entries.p, entries.n);
	l->keys_n = entries.n;
	return true;
}

/* Its part of the request has ended. The last thing that its caller does. */
static void link_end(struct relay_link *l, enum err e, struct slice answer, const struct why *why)
{
	struct relay *r = l->relay;
	struct why own = {0}, named = {0};

	l->step = LINK_IDLE;
	if (e == ERR_OK &&
	    !(r->listing ? link_keep(l, answer) : ssh_answer_fits(r->op.p[4], answer))) {
		e = why_set(&own, ERR_SYNTAX, "its answer cannot be read");
		why = &own;
	}
	if (e == ERR_OK) {
		upstream_deadline(l->up, 0);
	} else {
		/* An agent that is not running is no news. */
		if (e == ERR_NO_AGENT)
			log_debug("ssh: upstream %s: %s", l->path, why_text(why, e));
		else
			log_warn("ssh: client %d: upstream %s: %s", (int)conn_pid(r->conn), l->path,
				 why_text(why, e));
		link_drop(l);
	}
	if (e == ERR_OK && answer.p[0] == SSH_AGENT_SIGN_RESPONSE)
		log_info("ssh: client %d: upstream %s signed", (int)conn_pid(r->conn), l->path);
	if (!r->listing && r->kind != RELAY_ALL) {
		if (e != ERR_OK) {
			why_set(&named, e, "upstream %s: %s", l->path, why_text(why, e));
			why = &named;
		}
		relay_finish(r, e, answer, why);
		return;
	}
	if (e == ERR_OK && answer.p[0] == SSH_AGENT_SUCCESS)
		r->accepted++;
	else if (e != ERR_NO_AGENT)
		r->refused++;
	relay_step(r);
}

/* The first bind that this connection has not got yet; empty after the last. */
static struct slice link_next_bind(const struct relay_link *l)
{
	struct rbuf rest;

	if (l->bound == l->relay->binds_n)
		return (struct slice){0};
	rest = rbuf_new(l->relay->binds + l->bound, l->relay->binds_n - l->bound);
	return (struct slice){l->relay->binds + l->bound, 4 + (size_t)rbuf_u32(&rest)};
}

static void link_answered(void *arg, enum err e, struct slice answer, const struct why *why)
{
	static const struct why refused = {
		"it refused the client's session-bind: none of its keys"};
	struct relay_link *l = arg;

	if (e == ERR_OK && l->step == LINK_HELLO) {
		l->told = true; /* whatever it said: only a lanyard-agent knows what it means */
		link_step(l);
	} else if (e == ERR_OK && l->step == LINK_BIND) {
		l->refused = answer.n != 1 || answer.p[0] != SSH_AGENT_SUCCESS;
		if (l->refused) {
			link_end(l, ERR_NOT_ALLOWED, (struct slice){0}, &refused);
			return;
		}
		l->bound += link_next_bind(l).n;
		link_step(l);
	} else {
		link_end(l, e, answer, why);
	}
}

static void link_send(struct relay_link *l, enum link_step step, struct slice frame)
{
	enum err e;

	l->step = step;
	e = upstream_send(l->up, frame);
	if (e != ERR_OK)
		link_end(l, e, (struct slice){0}, NULL);
}

/* The next frame that this agent needs. */
static void link_step(struct relay_link *l)
{
	struct relay *r = l->relay;
	struct slice bind = link_next_bind(l);

	if (!l->told) {
		link_send(l, LINK_HELLO, (struct slice){r->hello, r->hello_n});
	} else if (bind.n > 0) {
		link_send(l, LINK_BIND, bind);
	} else if (r->listing) {
		link_send(l, LINK_OP, (struct slice){list_frame, sizeof(list_frame)});
	} else {
		upstream_deadline(l->up, 0); /* a person may be asked */
		link_send(l, LINK_OP, (struct slice){r->op.p, r->op.n});
	}
}

/* Has an agent do its part of the request; link_end() comes, maybe at once. */
static void link_start(struct relay_link *l)
{
	struct why why = {0};
	enum err e = ERR_OK;

	/* It was stopped, and may be back. */
	if (l->up != NULL && !upstream_idle(l->up))
		link_drop(l);
	if (l->refused)
		e = why_set(&why, ERR_NO_AGENT, "it refused a session-bind before");
	else if (l->up == NULL)
		e = upstream_open(&l->up, conn_agent(l->relay->conn), l->path, link_answered, l,
				  &why);
	if (e != ERR_OK) {
		link_end(l, e, (struct slice){0}, &why);
		return;
	}
	upstream_deadline(l->up, wait_ms());
	link_step(l);
}

/* ---- a request ---- */

static void relay_start_all(struct relay *r)
{
	r->left = r->count + 1;
	for (size_t i = 0; i < r->count; i++)
		link_start(&r->links[i]);
	relay_step(r);
}

static void relay_start_one(struct relay *r, struct relay_link *l)
{
	r->listing = false;
	r->left = 1;
	link_start(l);
}

static void relay_start_holder(struct relay *r, struct relay_link *l)
{
	r->listing = false;
	r->holder = l;
	r->ask(r);
}

void relay_permit(struct relay *r, enum err e, const struct why *why)
{
	if (e == ERR_OK)
		relay_start_one(r, r->holder);
	else
		relay_finish(r, e, (struct slice){0}, why);
}

/* Who has the key that is asked for, by the last listing; or NULL. */
static struct relay_link *relay_holder(struct relay *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (ssh_identities_have((struct slice){r->links[i].keys, r->links[i].keys_n},
					r->key))
			return &r->links[i];
	return NULL;
}

const char *relay_holder_path(const struct relay *r)
{
	return r->holder != NULL ? r->holder->path : NULL;
}

/* One link of all has ended, or all have been started. */
static void relay_step(struct relay *r)
{
	struct relay_link *l;

	if (--r->left > 0)
		return;
	l = r->kind == RELAY_SIGN ? relay_holder(r) : NULL;
	if (l != NULL)
		relay_start_holder(r, l);
	else
		relay_finish(r, r->kind == RELAY_SIGN ? ERR_NOT_FOUND : ERR_OK, (struct slice){0},
			     NULL);
}

void relay_start(struct relay *r, enum relay_kind kind, struct slice frame, struct slice key)
{
	struct relay_link *l;

	r->busy = true;
	r->kind = kind;
	r->holder = NULL;
	r->accepted = r->refused = 0;
	if (kind != RELAY_LIST && secret_copy(&r->op, frame.p, frame.n) != ERR_OK) {
		relay_finish(r, ERR_NO_MEMORY, (struct slice){0}, NULL);
		return;
	}
	r->key = (struct slice){0};
	if (kind == RELAY_SIGN)
		r->key = (struct slice){r->op.p + (key.p - frame.p), key.n};
	l = kind == RELAY_SIGN ? relay_holder(r) : kind == RELAY_FIRST ? &r->links[0] : NULL;
	if (l != NULL) {
		if (kind == RELAY_SIGN)
			relay_start_holder(r, l);
		else
			relay_start_one(r, l);
		return;
	}
	r->listing = kind != RELAY_ALL;
	relay_start_all(r);
}

/* ---- the merged listing ---- */

size_t relay_put_max(const struct relay *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->links[i].keys_n;
	return n;
}

void relay_put(const struct relay *r, struct wbuf *w, size_t first, uint32_t *count)
{
	struct slice key, comment;
	uint32_t left_out = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct rbuf entries = rbuf_new(r->links[i].keys, r->links[i].keys_n);

		while (ssh_identities_next(&entries, &key, &comment)) {
			if (ssh_identities_have((struct slice){w->p + first, w->n - first}, key))
				continue;
			if (*count >= SSH_IDENTITIES_MAX ||
			    w->n + 8 + key.n + comment.n > 4 + SSH_FRAME_MAX) {
				left_out++;
				continue;
			}
			wbuf_string(w, key.p, key.n);
			wbuf_string(w, comment.p, comment.n);
			(*count)++;
		}
	}
	if (left_out > 0)
		log_warn("ssh: client %d: %u upstream keys are left out: a list holds no more than "
			 "%d keys and %d bytes",
			 (int)conn_pid(r->conn), left_out, SSH_IDENTITIES_MAX, SSH_FRAME_MAX);
}
