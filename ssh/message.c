/* SPDX-License-Identifier: MIT */
#include "ssh/message.h"

static bool parse_body(struct rbuf *r, struct ssh_message *m)
{
	switch (m->type) {
	case SSH_AGENTC_SIGN_REQUEST:
		m->key = rbuf_string(r);
		m->data = rbuf_string(r);
		m->flags = rbuf_u32(r);
		return rbuf_end(r);
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		m->passphrase = rbuf_string(r);
		return rbuf_end(r);
	case SSH_AGENTC_REMOVE_IDENTITY:
		m->key = rbuf_string(r);
		return rbuf_end(r);
	case SSH_AGENTC_REQUEST_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		return rbuf_end(r);
	case SSH_AGENTC_EXTENSION:
		m->name = rbuf_string(r);
		m->contents = rbuf_bytes(r, r->n);
		return rbuf_end(r);
	default:
		return true;
	}
}

enum ssh_frame ssh_frame_parse(const uint8_t *p, size_t n, struct ssh_message *m, size_t *used,
			       struct why *why)
{
	struct rbuf r = rbuf_new(p, n);
	uint32_t length = rbuf_u32(&r);
	struct rbuf body;

	*m = (struct ssh_message){0};
	if (r.bad)
		return SSH_FRAME_MORE;
	if (length > SSH_FRAME_MAX) {
		why_set(why, ERR_TOO_LARGE, "a message of %u bytes; at most %d are allowed", length,
			SSH_FRAME_MAX);
		return SSH_FRAME_TOO_LONG;
	}
	if (r.n < length)
		return SSH_FRAME_MORE;
	body = rbuf_from(rbuf_bytes(&r, length));
	*used = 4 + (size_t)length;
	if (length == 0) {
		why_set(why, ERR_SYNTAX, "an empty message");
		return SSH_FRAME_BAD;
	}
	m->type = rbuf_u8(&body);
	if (!parse_body(&body, m)) {
		why_set(why, ERR_SYNTAX, "a message of type %u is cut short or has bytes left over",
			m->type);
		return SSH_FRAME_BAD;
	}
	return SSH_FRAME_OK;
}
