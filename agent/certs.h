/* SPDX-License-Identifier: MIT */
/*
 * The certificates for derived keys: every file *-cert.pub of $XDG_CONFIG_HOME/lanyard/certs. A
 * file is read again when it has changed; one that cannot be used is passed over, and the log says
 * so once. Loop thread only.
 */
#ifndef LANYARD_CERTS_H
#define LANYARD_CERTS_H

#include "agent/request.h"

enum { CERTS_MAX = 1000 };

struct certs {
	struct certs_file *first; /* by name */
	bool unreadable;          /* the folder, and the log has said so */
};

/* Looks at the folder; `read` is the scheme's. */
void certs_refresh(struct certs *c,
		   enum err (*read)(struct slice text, struct cert *out, struct why *why));
/* The next one of the key; NULL starts and ends. */
const struct cert *certs_next(const struct certs *c, const struct key *key,
			      const struct cert *after);
void certs_free(struct certs *c);

#endif
