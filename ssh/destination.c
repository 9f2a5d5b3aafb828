/* SPDX-License-Identifier: MIT */
#include "ssh/destination.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/destination.h"
#include "derive/hostkey.h"
#include "ssh/blob.h"
#include "ssh/cert.h"
#include "ssh/known_hosts.h"

/* A line of known_hosts that has the key of a bind's host, or its certificate's CA. */
struct ssh_chain_line {
	size_t bind;
	enum ssh_known_kind kind;
	struct slice names;
};

/* ---- what known_hosts has on the hosts of a chain ---- */

static void chain_add(struct ssh_chain *c, const struct ssh_known_line *line, size_t bind)
{
	if (c->count == c->room) {
		size_t room = c->room > 0 ? 2 * c->room : 8;
		struct ssh_chain_line *more = reallocarray(c->lines, room, sizeof(*more));

		if (more == NULL) {
			c->failed = true; /* it could be a @revoked one */
			return;
		}
		c->lines = more;
		c->room = room;
	}
	c->lines[c->count++] = (struct ssh_chain_line){bind, line->kind, line->names};
}

static bool cert_of(const struct ssh_bind *bind, struct ssh_cert *out)
{
	struct rbuf r = rbuf_new(bind->cert, bind->cert_n);

	return bind->cert != NULL && ssh_cert_read(&r, out);
}

/* A plain host key stands for itself, one with a certificate for its CA alone: as in ssh-agent. */
static void chain_add_text(struct ssh_chain *c, size_t bind, struct slice text)
{
	const struct ssh_bind *b = &c->binds->list[bind];
	bool plain = memcmp(b->host_key, b->fingerprint, sizeof(b->host_key)) == 0;
	struct ssh_known_line line;
	struct ssh_cert cert;
	uint8_t ca[32];
	bool has_ca = !plain && cert_of(b, &cert);

	if (has_ca)
		hash_sha256(ca, cert.ca.p, cert.ca.n);
	while (ssh_known_next(&text, &line)) {
		bool key = memcmp(line.fingerprint, b->fingerprint, 32) == 0;
		bool by_ca = has_ca && memcmp(line.fingerprint, ca, 32) == 0;

		if (line.kind == SSH_KNOWN_REVOKED ? key || by_ca
		    : line.kind == SSH_KNOWN_CA    ? by_ca
						   : key && plain)
			chain_add(c, &line, bind);
	}
}

static void chain_read(struct ssh_chain *c)
{
	size_t n[SSH_KNOWN_FILES];

	if (c->read)
		return;
	c->read = true;
	ssh_known_files(c->files, n);
	for (size_t i = 0; i < SSH_KNOWN_FILES; i++)
		for (size_t bind = 0; c->files[i] != NULL && bind < c->binds->count; bind++)
			chain_add_text(c, bind, (struct slice){c->files[i], n[i]});
}

void ssh_chain_end(struct ssh_chain *c)
{
	for (size_t i = 0; i < SSH_KNOWN_FILES; i++)
		free(c->files[i]);
	free(c->lines);
	*c = (struct ssh_chain){.binds = c->binds};
}

/* ---- a host and a name ---- */

/* A certificate names hosts without a port. */
static struct slice bare_host(const char *name)
{
	const char *end = name[0] == '[' ? strrchr(name, ']') : NULL;

	if (end == NULL)
		return (struct slice){(const uint8_t *)name, strlen(name)};
	return (struct slice){(const uint8_t *)name + 1, (size_t)(end - name) - 1};
}

static bool cert_names(const struct ssh_bind *bind, const char *name)
{
	uint64_t now = (uint64_t)time(NULL);
	struct slice host = bare_host(name);
	struct ssh_cert cert;
	struct rbuf r;

	if (!cert_of(bind, &cert) || cert.kind != SSH_CERT_HOST || cert.critical.n > 0 ||
	    now < cert.valid_after || now >= cert.valid_before)
		return false;
	for (r = rbuf_from(cert.principals); r.n > 0;)
		if (ssh_known_matches(rbuf_string(&r), host) && !r.bad)
			return true;
	return false;
}

static bool host_is(const struct ssh_chain *c, size_t bind, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < c->count; i++) {
		const struct ssh_chain_line *line = &c->lines[i];

		if (line->bind != bind || !ssh_known_names(line->names, name))
			continue;
		if (line->kind == SSH_KNOWN_REVOKED)
			return false;
		found = found || line->kind == SSH_KNOWN_KEY ||
			cert_names(&c->binds->list[bind], name);
	}
	return found;
}

/* ---- the chain and a key's destinations ---- */

/* For a bind: this machine; whatever host comes next. */
static const size_t origin = SIZE_MAX, anywhere = SIZE_MAX;

static bool hop_permitted(const struct ssh_chain *c, const char *list, size_t from, size_t to,
			  const struct slice *user)
{
	struct destination d;

	while (destinations_next(&list, &d)) {
		struct slice pattern = {(const uint8_t *)d.user, strlen(d.user)};

		if (from == origin ? d.from[0] != '\0'
				   : d.from[0] == '\0' || !host_is(c, from, d.from))
			continue;
		if (to != anywhere && !host_is(c, to, d.host))
			continue;
		if (user == NULL || pattern.n == 0 || ssh_known_matches(pattern, *user))
			return true;
	}
	return false;
}

static enum err refuse_hop(const struct ssh_chain *c, size_t bind, const struct slice *user,
			   struct why *why)
{
	char host[SSH_FINGERPRINT_LEN + 1];

	ssh_fingerprint(host, c->binds->list[bind].fingerprint);
	return why_set(why, ERR_NOT_ALLOWED,
		       "the key's destinations do not have host %s%s: add it with "
		       "`lanyard ssh add --destination`, or in the config",
		       host,
		       bind > 0       ? " behind the host before it"
		       : user != NULL ? " for this user"
				      : "");
}

enum err ssh_chain_permits(struct ssh_chain *c, const char *destinations, const struct slice *user,
			   struct why *why)
{
	size_t count = c->binds->count, last = count - 1, from = origin;

	if (destinations == NULL)
		return ERR_OK;
	if (count == 0 && (user != NULL || c->binds->tried))
		return why_set(why, ERR_NOT_ALLOWED,
			       "a key with destinations, over a connection that is bound to no "
			       "session: log in with OpenSSH 8.9 or later");
	chain_read(c);
	if (c->failed)
		return why_set(why, ERR_NO_MEMORY, "no memory for the lines of known_hosts");
	for (size_t i = 0; i < count; i++) {
		const struct ssh_bind *b = &c->binds->list[i];

		if (b->forwarding ? i == last && user != NULL : i != last)
			return why_set(why, ERR_NOT_ALLOWED,
				       "a key with destinations, over a connection that is bound "
				       "for a %s",
				       b->forwarding ? "hop and no login" : "login already");
		if (!hop_permitted(c, destinations, from, i, i == last ? user : NULL))
			return refuse_hop(c, i, i == last ? user : NULL, why);
		from = i;
	}
	/* What may log in at a hop need not be seen behind it. */
	if (count > 0 && c->binds->list[last].forwarding &&
	    !hop_permitted(c, destinations, last, anywhere, NULL))
		return why_set(why, ERR_NOT_ALLOWED,
			       "the key's destinations have nothing behind this hop");
	return ERR_OK;
}

/* ---- are they known at all ---- */

static bool name_is_known(uint8_t *const files[static SSH_KNOWN_FILES],
			  const size_t n[static SSH_KNOWN_FILES], const char *name)
{
	struct ssh_known_line line;

	for (size_t i = 0; i < SSH_KNOWN_FILES; i++) {
		struct slice text = {files[i], n[i]};

		while (files[i] != NULL && ssh_known_next(&text, &line))
			if (line.kind != SSH_KNOWN_REVOKED && ssh_known_names(line.names, name))
				return true;
	}
	return false;
}

enum err ssh_destinations_known(const char *destinations, struct why *why)
{
	uint8_t *files[SSH_KNOWN_FILES];
	size_t n[SSH_KNOWN_FILES];
	struct destination d;
	const char *unknown = NULL;

	ssh_known_files(files, n);
	while (unknown == NULL && destinations_next(&destinations, &d)) {
		if (d.from[0] != '\0' && !name_is_known(files, n, d.from))
			unknown = d.from;
		else if (!name_is_known(files, n, d.host))
			unknown = d.host;
	}
	for (size_t i = 0; i < SSH_KNOWN_FILES; i++)
		free(files[i]);
	if (unknown == NULL)
		return ERR_OK;
	return why_set(why, ERR_NOT_FOUND,
		       "destination %s: known_hosts has no key of it, so it could not be told from "
		       "others; log in there once, or add what `ssh-keyscan` prints to "
		       "~/.ssh/known_hosts, when it is the right key",
		       unknown);
}
