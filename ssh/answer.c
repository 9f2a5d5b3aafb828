/* SPDX-License-Identifier: MIT */
#include "ssh/answer.h"

#include <string.h>

#include "protocol/text.h"
#include "ssh/message.h"

enum { TYPE_MAX = 64 }; /* RFC 4251 section 6 */

/* Which body a type of key has is for the client to know; that there is a type and a body is not.
 */
static bool identity_ok(struct slice key, struct slice comment)
{
	struct rbuf r = rbuf_from(key);
	struct slice type = rbuf_string(&r);

	return type.n > 0 && type.n <= TYPE_MAX && text_is_ascii_printable(type.p, type.n) &&
	       r.n > 0 && (comment.n == 0 || memchr(comment.p, '\0', comment.n) == NULL);
}

bool ssh_identities_next(struct rbuf *entries, struct slice *key, struct slice *comment)
{
	if (entries->n == 0)
		return false;
	*key = rbuf_string(entries);
	*comment = rbuf_string(entries);
	return !entries->bad;
}

bool ssh_identities_have(struct slice entries, struct slice key)
{
	struct rbuf r = rbuf_from(entries);
	struct slice other, comment;

	while (ssh_identities_next(&r, &other, &comment))
		if (slice_eq(other, key))
			return true;
	return false;
}

bool ssh_identities_parse(struct slice answer, struct slice *entries)
{
	struct rbuf r = rbuf_from(answer);
	uint8_t type = rbuf_u8(&r);
	uint32_t count = rbuf_u32(&r);
	struct slice key, comment;

	if (r.bad || type != SSH_AGENT_IDENTITIES_ANSWER || count > SSH_IDENTITIES_MAX)
		return false;
	*entries = (struct slice){r.p, r.n};
	for (; count > 0; count--)
		if (!ssh_identities_next(&r, &key, &comment) || !identity_ok(key, comment))
			return false;
	return rbuf_end(&r);
}

static bool is_signature(struct rbuf r)
{
	struct slice signature = rbuf_string(&r);

	return rbuf_end(&r) && signature.n > 0;
}

bool ssh_answer_fits(uint8_t request, struct slice answer)
{
	struct rbuf r = rbuf_from(answer);
	struct slice entries;

	switch (rbuf_u8(&r)) {
	case SSH_AGENT_FAILURE:
		return rbuf_end(&r);
	case SSH_AGENT_SUCCESS:
		return rbuf_end(&r) && request != SSH_AGENTC_SIGN_REQUEST &&
		       request != SSH_AGENTC_REQUEST_IDENTITIES;
	case SSH_AGENT_IDENTITIES_ANSWER:
		return request == SSH_AGENTC_REQUEST_IDENTITIES &&
		       ssh_identities_parse(answer, &entries);
	case SSH_AGENT_SIGN_RESPONSE:
		return request == SSH_AGENTC_SIGN_REQUEST && is_signature(r);
	case SSH_AGENT_EXTENSION_FAILURE:
		return request == SSH_AGENTC_EXTENSION && rbuf_end(&r);
	case SSH_AGENT_EXTENSION_RESPONSE:
		return request == SSH_AGENTC_EXTENSION;
	default:
		return false;
	}
}
