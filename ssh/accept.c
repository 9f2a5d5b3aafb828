/* SPDX-License-Identifier: MIT */
#include "ssh/accept.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "ssh/blob.h"
#include "ssh/destination.h"
#include "ssh/facts.h"
#include "ssh/signed.h"

/* Sizes of the parts of a line of facts; together they fit FACTS_MAX. What others chose comes last,
 * so that it can neither push out nor pass for what is proved. */
enum { FACTS_URI_MAX = 130, FACTS_TEXT_MAX = 60 };

struct question {
	const struct key *key;
	const struct ssh_binds *binds; /* never NULL */
	struct ssh_signed what;
	bool cert; /* a login with a certificate of the key */
	size_t size;
	char name[FACTS_URI_MAX + 24]; /* of the key: URI and index */
};

static const struct ssh_binds no_binds;

static char *clean(char out[static FACTS_TEXT_MAX], struct slice s)
{
	return text_clean(out, FACTS_TEXT_MAX, s.p, s.n);
}

/* The login is for the session, and the host key, that the connection was bound to last. */
static enum err check_session(const struct question *q, struct why *why)
{
	const struct ssh_bind *last = ssh_bind_last(q->binds);

	if (last == NULL)
		return ERR_OK;
	if (last->forwarding)
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: a login over a forwarded connection that is not bound to the "
			"login's session; the ssh that logs in has to be OpenSSH 8.9 or later",
			q->name);
	if (!ssh_hash_is(last->session_id, q->what.userauth.session_id))
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: a login to another SSH session than this connection is bound to; "
			"log in again",
			q->name);
	if (q->what.userauth.hostbound && !ssh_hash_is(last->host_key, q->what.userauth.host_key))
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: a login to a host with another host key than this connection is "
			"bound to; log in again",
			q->name);
	return ERR_OK;
}

/* host-key = known: to say which host it was, that has to be proved, and known. */
static enum err check_host(const struct question *q, struct why *why)
{
	const struct ssh_bind *last = ssh_bind_last(q->binds);
	char fingerprint[SSH_FINGERPRINT_LEN + 1];
	struct ssh_known known;

	if (!q->key->host_known)
		return ERR_OK;
	if (last == NULL)
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: a login at a host that is not proved, and its `host-key` is known: "
			"log "
			"in with OpenSSH 8.9 or later, or set `host-key = any` in the config",
			q->name);
	ssh_known_hosts_read(&known, last->fingerprint, IDENTITY_PART(&q->key->id, host),
			     IDENTITY_PART(&q->key->id, port));
	if (known.known && !known.revoked)
		return ERR_OK;
	ssh_fingerprint(fingerprint, last->fingerprint);
	if (known.revoked)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: a login at a host whose key %s is @revoked in known_hosts",
			       q->name, fingerprint);
	return why_set(why, ERR_NOT_ALLOWED,
		       "%s: a login at a host whose key %s is not in ~/.ssh/known_hosts: if it is "
		       "the right one, add what `ssh-keyscan HOST` prints to that file, or set "
		       "`host-key = any` in the config",
		       q->name, fingerprint);
}

static enum err check_userauth(const struct question *q, struct why *why)
{
	const struct key *key = q->key;
	struct slice user = IDENTITY_PART(&key->id, user);
	char text[FACTS_TEXT_MAX];
	enum err e;

	if (!slice_is(q->what.userauth.service, "ssh-connection"))
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: a login for service \"%s\"; only ssh-connection is signed",
			       q->name, clean(text, q->what.userauth.service));
	if (q->what.userauth.have_signature != 1)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: a login that says it carries no signature", q->name);
	if (!slice_is(q->what.userauth.algorithm,
		      q->cert ? ssh_cert_type(key->id.curve) : ssh_type(key->id.curve)))
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: a login with algorithm \"%s\"; this key's is %s", q->name,
			       clean(text, q->what.userauth.algorithm), ssh_type(key->id.curve));
	if (!q->cert && !ssh_blob_is(q->what.userauth.key, key))
		return why_set(why, ERR_NOT_ALLOWED, "%s: a login that names another key", q->name);
	if (user.n > 0 && !slice_eq(user, q->what.userauth.user))
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: a login as user \"%s\", which this key is not for; add a key for "
			"that user with `lanyard ssh add`",
			q->name, clean(text, q->what.userauth.user));
	e = check_session(q, why);
	return e == ERR_OK ? check_host(q, why) : e;
}

static enum err check_sshsig(const struct question *q, struct why *why)
{
	struct slice hash = q->what.sshsig.hash;
	size_t want = slice_is(hash, "sha256") ? 32 : slice_is(hash, "sha512") ? 64 : 0;
	char text[FACTS_TEXT_MAX];

	if (q->what.sshsig.namespace.n == 0)
		return why_set(
			why, ERR_NOT_ALLOWED,
			"%s: an SSHSIG without a namespace; give one, as ssh-keygen -Y sign -n",
			q->name);
	if (q->what.sshsig.reserved.n > 0)
		return why_set(why, ERR_NOT_ALLOWED, "%s: an SSHSIG with a reserved field",
			       q->name);
	if (want == 0)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: an SSHSIG of hash \"%s\"; sha256 and sha512 are signed",
			       q->name, clean(text, hash));
	if (q->what.sshsig.digest.n != want)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: an SSHSIG with a digest of %zu bytes; its hash makes %zu",
			       q->name, q->what.sshsig.digest.n, want);
	return ERR_OK;
}

static enum err check_certificate(const struct question *q, struct why *why)
{
	if (!ssh_key_is(q->what.cert.ca, q->key->id.curve, q->key->public_key))
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s: a certificate that names another key as its CA", q->name);
	return ERR_OK;
}

static void state_userauth(const struct question *q, char *facts, size_t cap)
{
	char host[SSH_FACTS_HOST_MAX];
	char user[FACTS_TEXT_MAX];

	ssh_facts_host(host, q->binds, &q->key->id);
	snprintf(facts, cap, "login with %s%s, %s%s, user %s", q->name,
		 q->cert ? " and a certificate" : "", host,
		 q->binds->forwarded ? ", forwarded" : "", clean(user, q->what.userauth.user));
}

static void state_sshsig(const struct question *q, char *facts, size_t cap)
{
	char namespace[FACTS_TEXT_MAX];

	snprintf(facts, cap, "SSHSIG with %s%s, namespace %s", q->name,
		 q->binds->forwarded ? ", forwarded" : "",
		 clean(namespace, q->what.sshsig.namespace));
}

static void state_certificate(const struct question *q, char *facts, size_t cap)
{
	char id[FACTS_TEXT_MAX];

	snprintf(facts, cap, "%s certificate with %s%s, serial %" PRIu64 ", key id %s",
		 q->what.cert.kind == SSH_CERT_HOST ? "host" : "user", q->name,
		 q->binds->forwarded ? ", forwarded" : "", q->what.cert.serial,
		 clean(id, q->what.cert.key_id));
}

static void state_any(const struct question *q, char *facts, size_t cap)
{
	snprintf(facts, cap, "unchecked data with %s%s, %zu bytes", q->name,
		 q->binds->forwarded ? ", forwarded" : "", q->size);
}

/* One row a kind of signed data: what is checked, what is then proved, what allows it. */
static const struct rule {
	const char *what;
	enum allow allow;
	enum op_class class;
	const char *word; /* of config key `allow` */
	enum err (*check)(const struct question *q, struct why *why);
	void (*state)(const struct question *q, char *facts, size_t cap);
} rules[] = {
	[SSH_SIGNED_UNKNOWN] = {.what = "data that is no login and no SSHSIG",
				.allow = ALLOW_ANY,
				.class = OP_CLASS_SIGN,
				.word = "any",
				.state = state_any},
	[SSH_SIGNED_USERAUTH] = {.what = "a login",
				 .allow = ALLOW_USERAUTH,
				 .class = OP_CLASS_AUTH,
				 .word = "userauth",
				 .check = check_userauth,
				 .state = state_userauth},
	[SSH_SIGNED_SSHSIG] = {.what = "an SSHSIG",
			       .allow = ALLOW_SSHSIG,
			       .class = OP_CLASS_SIGN,
			       .word = "sshsig",
			       .check = check_sshsig,
			       .state = state_sshsig},
	[SSH_SIGNED_CERTIFICATE] = {.what = "a certificate",
				    .allow = ALLOW_CERTIFICATE,
				    .class = OP_CLASS_SIGN,
				    .word = "certificate",
				    .check = check_certificate,
				    .state = state_certificate},
};

/* A key with destinations signs logins alone, at those that it has: whatever `allow` says. Behind a
 * hop the login has to name its host, as ssh-agent wants it. */
static enum err check_destinations(const struct question *q, struct why *why)
{
	const char *list = request_destinations(q->key);
	struct ssh_chain chain = {.binds = q->binds};
	struct why inner = {0};
	enum err e;

	if (list == NULL)
		return ERR_OK;
	if (q->what.kind != SSH_SIGNED_USERAUTH)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s has destinations, and so signs logins only", q->name);
	if (q->binds->count > 1 && !q->what.userauth.hostbound)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s has destinations, and this forwarded login does not say for "
			       "which host it is; the ssh and sshd there have to be OpenSSH 8.9 or "
			       "later",
			       q->name);
	e = ssh_chain_permits(&chain, list, &q->what.userauth.user, &inner);
	ssh_chain_end(&chain);
	return e == ERR_OK ? ERR_OK : why_set(why, e, "%s: %s", q->name, why_text(&inner, e));
}

static void question_name(struct question *q)
{
	const struct identity *id = &q->key->id;
	char uri[FACTS_URI_MAX];

	text_clean(uri, sizeof(uri), id->uri, strlen(id->uri));
	if (id->index == 0)
		snprintf(q->name, sizeof(q->name), "%s", uri);
	else
		snprintf(q->name, sizeof(q->name), "%s (index %" PRIu32 ")", uri, id->index);
}

static enum err ssh_check_sign(const struct key *key, const void *context, struct slice data,
			       struct proof *proof, struct why *why)
{
	struct question q = {
		.key = key,
		.binds = context != NULL ? context : &no_binds,
		.size = data.n,
	};
	const struct rule *rule;
	enum err e = ERR_OK;

	question_name(&q);
	if (ssh_type(key->id.curve) == NULL)
		return why_set(why, ERR_UNSUPPORTED,
			       "%s: SSH has no %s keys; use ed25519 or nist256p1", q.name,
			       curve_name(key->id.curve));
	ssh_signed_parse(data, &q.what);
	q.cert = q.what.kind == SSH_SIGNED_USERAUTH && ssh_cert_is_of(q.what.userauth.key, key);
	rule = &rules[q.what.kind];
	if (rule->check != NULL)
		e = rule->check(&q, why);
	if (e == ERR_OK)
		e = check_destinations(&q, why);
	if (e != ERR_OK && request_destinations(key) != NULL)
		return e;
	if (e == ERR_OK && (key->allow & (rule->allow | ALLOW_ANY)) != 0) {
		proof->class = rule->class;
		rule->state(&q, proof->facts, sizeof(proof->facts));
		return ERR_OK;
	}
	if (e == ERR_OK)
		return why_set(why, ERR_NOT_ALLOWED,
			       "%s may not sign %s; if it should, add \"%s\" to its `allow` in the "
			       "config",
			       q.name, rule->what, rule->word);
	if ((key->allow & ALLOW_ANY) == 0)
		return e;
	if (why != NULL)
		why->text[0] = '\0';
	proof->class = OP_CLASS_SIGN;
	state_any(&q, proof->facts, sizeof(proof->facts));
	return ERR_OK;
}

static enum err ssh_public_text(const struct key *key, char *out, size_t cap)
{
	return ssh_key_line(out, cap, &key->id, key->public_key);
}

const struct scheme ssh_scheme = {
	.class = CLASS_SSH,
	.check_sign = ssh_check_sign,
	.public_text = ssh_public_text,
	.check_destinations = ssh_destinations_known,
	.read_cert = ssh_cert_parse_file,
};
