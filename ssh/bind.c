/* SPDX-License-Identifier: MIT */
#include "ssh/bind.h"

#include <stdlib.h>
#include <string.h>

#include "derive/hostkey.h"
#include "ssh/cert.h"
#include "ssh/host.h"

const struct ssh_bind *ssh_bind_last(const struct ssh_binds *binds)
{
	return binds->count > 0 ? &binds->list[binds->count - 1] : NULL;
}

bool ssh_hash_is(const uint8_t hash[static 32], struct slice bytes)
{
	uint8_t ours[32];

	hash_sha256(ours, bytes.p, bytes.n);
	return memcmp(ours, hash, sizeof(ours)) == 0;
}

void ssh_binds_end(struct ssh_binds *binds)
{
	for (size_t i = 0; i < binds->count; i++) {
		free(binds->list[i].cert);
		binds->list[i].cert = NULL;
	}
}

/* The certificate that the host has shown, for the names in it. Without its CA's word they are
 * worth nothing, and it is as if it had none. */
static enum err bind_keep_cert(struct ssh_bind *bind, struct slice host_key)
{
	struct rbuf r = rbuf_from(host_key);
	struct ssh_cert cert;
	struct slice signature;

	if (!ssh_cert_read(&r, &cert) || host_key.n > SSH_BIND_CERT_MAX)
		return ERR_OK;
	signature = rbuf_string(&r);
	if (!rbuf_end(&r) || ssh_cert_verify(host_key, &cert, signature, NULL) != ERR_OK)
		return ERR_OK;
	bind->cert = malloc(host_key.n);
	if (bind->cert == NULL)
		return ERR_NO_MEMORY;
	memcpy(bind->cert, host_key.p, host_key.n);
	bind->cert_n = host_key.n;
	return ERR_OK;
}

static enum err bind_record(struct ssh_binds *binds, const struct ssh_bind *new,
			    struct slice host_key, struct why *why)
{
	struct ssh_bind *added;
	enum err e;

	for (size_t i = 0; i < binds->count; i++) {
		const struct ssh_bind *old = &binds->list[i];

		if (memcmp(old->session_id, new->session_id, sizeof(old->session_id)) != 0)
			continue;
		if (memcmp(old->host_key, new->host_key, sizeof(old->host_key)) == 0)
			return ERR_OK;
		return why_set(why, ERR_NOT_ALLOWED,
			       "the session is bound to another host key already");
	}
	if (binds->count == SSH_BINDS_MAX)
		return why_set(why, ERR_TOO_LARGE, "more than %d sessions on one connection",
			       SSH_BINDS_MAX);
	added = &binds->list[binds->count];
	*added = *new;
	e = bind_keep_cert(added, host_key);
	binds->count += e == ERR_OK;
	return e == ERR_OK ? ERR_OK : why_set(why, e, "no memory for the host's certificate");
}

enum err ssh_bind_add(struct ssh_binds *binds, struct slice contents, struct why *why)
{
	struct rbuf r = rbuf_from(contents);
	struct slice host_key = rbuf_string(&r);
	struct slice session_id = rbuf_string(&r);
	struct slice signature = rbuf_string(&r);
	struct ssh_bind bind = {.forwarding = rbuf_u8(&r) != 0};
	const struct ssh_bind *last = ssh_bind_last(binds);
	enum err e;

	binds->tried = true;
	if (!rbuf_end(&r))
		return why_set(why, ERR_SYNTAX,
			       "a session-bind is cut short or has bytes left over");
	binds->forwarded |= bind.forwarding;
	if (session_id.n == 0 || session_id.n > SSH_SESSION_ID_MAX)
		return why_set(why, ERR_INVALID, "a session id of %zu bytes; 1 to %d are allowed",
			       session_id.n, SSH_SESSION_ID_MAX);
	if (last != NULL && !last->forwarding)
		return why_set(why, ERR_NOT_ALLOWED,
			       "the connection is bound for a login already; open another one");
	e = ssh_host_verify(host_key, session_id, signature, bind.fingerprint, why);
	if (e != ERR_OK)
		return e;
	hash_sha256(bind.session_id, session_id.p, session_id.n);
	hash_sha256(bind.host_key, host_key.p, host_key.n);
	return bind_record(binds, &bind, host_key, why);
}
