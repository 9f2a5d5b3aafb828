/* SPDX-License-Identifier: MIT */
#include "ssh/facts.h"

#include <stdio.h>

#include "protocol/text.h"
#include "ssh/signed.h"

enum { FACTS_TEXT_MAX = 60 };

void ssh_facts_host(char out[static SSH_FACTS_HOST_MAX], const struct ssh_binds *binds,
		    const struct identity *id)
{
	const struct ssh_bind *last = ssh_bind_last(binds);
	char fingerprint[SSH_FINGERPRINT_LEN + 1];
	struct slice host = {0}, port = {0};
	struct ssh_known known;

	if (last == NULL) {
		snprintf(out, SSH_FACTS_HOST_MAX, "host not proved");
		return;
	}
	if (id != NULL) {
		host = IDENTITY_PART(id, host);
		port = IDENTITY_PART(id, port);
	}
	ssh_fingerprint(fingerprint, last->fingerprint);
	ssh_known_hosts_read(&known, last->fingerprint, host, port);
	snprintf(out, SSH_FACTS_HOST_MAX, "host %s (%s%s)", fingerprint,
		 known.revoked         ? "revoked: "
		 : !known.known        ? "not in known_hosts"
		 : known.names[0] == 0 ? "in known_hosts"
				       : "",
		 known.names);
}

void ssh_facts_foreign(char *out, size_t cap, const struct ssh_binds *binds, struct slice key,
		       struct slice data)
{
	const struct ssh_bind *last = ssh_bind_last(binds);
	char host[SSH_FACTS_HOST_MAX], text[FACTS_TEXT_MAX];
	const char *forwarded = binds->forwarded ? ", forwarded" : "";
	struct ssh_signed what;
	bool bound;

	ssh_signed_parse(data, &what);
	if (what.kind == SSH_SIGNED_USERAUTH && slice_eq(what.userauth.key, key)) {
		bound = last != NULL && !last->forwarding &&
			ssh_hash_is(last->session_id, what.userauth.session_id);
		if (bound)
			ssh_facts_host(host, binds, NULL);
		else
			snprintf(host, sizeof(host), "host not proved");
		snprintf(
			out, cap, "login%s, %s, user %s", forwarded, host,
			text_clean(text, sizeof(text), what.userauth.user.p, what.userauth.user.n));
	} else if (what.kind == SSH_SIGNED_SSHSIG) {
		snprintf(out, cap, "SSHSIG%s, namespace %s", forwarded,
			 text_clean(text, sizeof(text), what.sshsig.namespace.p,
				    what.sshsig.namespace.n));
	} else {
		snprintf(out, cap, "unchecked data%s, %zu bytes", forwarded, data.n);
	}
}
