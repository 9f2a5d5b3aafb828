/* SPDX-License-Identifier: MIT */
/*
 * Whether a key may be used over a connection: its destinations (agent/destination.h) against the
 * session-binds, as ssh-agent does it for restrict-destination-v00@openssh.com (OpenSSH's
 * PROTOCOL.agent, section 2). Which host a key belongs to is what known_hosts says at that moment.
 * Loop thread only: files are read.
 */
#ifndef LANYARD_SSH_DESTINATION_H
#define LANYARD_SSH_DESTINATION_H

#include "protocol/buf.h"
#include "ssh/bind.h"

struct ssh_chain_line;

/* The hosts that a connection goes through, and what known_hosts has on them: read when a key with
 * destinations is looked at first. Zeros and `binds` begin one, ssh_chain_end() frees it. */
struct ssh_chain {
	const struct ssh_binds *binds; /* not NULL; stays until the end */
	bool read, failed;
	uint8_t *files[4];
	struct ssh_chain_line *lines; /* those with a key of the connection's hosts */
	size_t count, room;
};

/*
 * May a key with these destinations (NULL: any) be listed, or with `user` sign a login as that
 * user? ERR_NOT_ALLOWED says why not. Signing needs a connection that is bound; who lists over one
 * that never was is on this machine. The login's session id, host key and form are the caller's to
 * check (ssh/accept).
 */
enum err ssh_chain_permits(struct ssh_chain *c, const char *destinations, const struct slice *user,
			   struct why *why) MUST_CHECK;
void ssh_chain_end(struct ssh_chain *c);

/* ERR_NOT_FOUND when known_hosts has no key for a host that is named, with what to do. */
enum err ssh_destinations_known(const char *destinations, struct why *why) MUST_CHECK;

#endif
