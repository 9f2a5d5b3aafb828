/* SPDX-License-Identifier: MIT */
#include "ssh/signed.h"

#include <string.h>

enum { SSH_MSG_USERAUTH_REQUEST = 50 };

static struct slice read_name(struct rbuf *r)
{
	struct slice s = rbuf_string(r);

	if (memchr(s.p, '\0', s.n) != NULL)
		r->bad = true;
	return s;
}

static bool parse_userauth(struct slice data, struct ssh_signed *out)
{
	struct rbuf r = rbuf_from(data);
	struct slice method;
	uint8_t message;

	out->userauth.session_id = rbuf_string(&r);
	message = rbuf_u8(&r);
	out->userauth.user = read_name(&r);
	out->userauth.service = read_name(&r);
	method = read_name(&r);
	out->userauth.have_signature = rbuf_u8(&r);
	out->userauth.algorithm = read_name(&r);
	out->userauth.key = rbuf_string(&r);
	out->userauth.hostbound = slice_is(method, "publickey-hostbound-v00@openssh.com");
	out->userauth.host_key = (struct slice){0};
	if (out->userauth.hostbound)
		out->userauth.host_key = rbuf_string(&r);
	return rbuf_end(&r) && message == SSH_MSG_USERAUTH_REQUEST &&
	       out->userauth.session_id.n > 0 &&
	       (out->userauth.hostbound || slice_is(method, "publickey"));
}

static bool parse_sshsig(struct slice data, struct ssh_signed *out)
{
	struct rbuf r = rbuf_from(data);
	struct slice magic = rbuf_bytes(&r, 6);

	out->sshsig.namespace = read_name(&r);
	out->sshsig.reserved = rbuf_string(&r);
	out->sshsig.hash = read_name(&r);
	out->sshsig.digest = rbuf_string(&r);
	return rbuf_end(&r) && slice_is(magic, "SSHSIG");
}

static bool parse_certificate(struct slice data, struct ssh_signed *out)
{
	struct rbuf r = rbuf_from(data);

	return ssh_cert_read(&r, &out->cert) && rbuf_end(&r);
}

void ssh_signed_parse(struct slice data, struct ssh_signed *out)
{
	if (parse_userauth(data, out))
		out->kind = SSH_SIGNED_USERAUTH;
	else if (parse_sshsig(data, out))
		out->kind = SSH_SIGNED_SSHSIG;
	else if (parse_certificate(data, out))
		out->kind = SSH_SIGNED_CERTIFICATE;
	else
		out->kind = SSH_SIGNED_UNKNOWN;
}
