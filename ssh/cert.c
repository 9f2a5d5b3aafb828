/* SPDX-License-Identifier: MIT */
#include "ssh/cert.h"

#include <string.h>

struct cert_type {
	const char *name;
	const char *key_type;
	unsigned fields; /* strings and mpints of the key after its type */
};

static const struct cert_type cert_types[] = {
	{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1},
	{"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", 2},
	{"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", 2},
	{"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", 2},
	{"ssh-rsa-cert-v01@openssh.com", "ssh-rsa", 2},
	{"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", 2},
	{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", 3},
};

static const struct cert_type *cert_type_find(struct slice name)
{
	for (size_t i = 0; i < sizeof(cert_types) / sizeof(cert_types[0]); i++)
		if (slice_is(name, cert_types[i].name))
			return &cert_types[i];
	return NULL;
}

bool ssh_cert_read(struct rbuf *r, struct ssh_cert *out)
{
	const struct cert_type *type = cert_type_find(rbuf_string(r));

	if (type == NULL)
		return false;
	out->key_type = (struct slice){(const uint8_t *)type->key_type, strlen(type->key_type)};
	rbuf_string(r); /* nonce */
	out->key.p = r->p;
	for (unsigned i = 0; i < type->fields; i++)
		rbuf_string(r);
	out->key.n = r->bad ? 0 : (size_t)(r->p - out->key.p);
	out->serial = rbuf_u64(r);
	out->kind = rbuf_u32(r);
	out->key_id = rbuf_string(r);
	rbuf_string(r); /* principals */
	rbuf_u64(r);    /* valid after */
	rbuf_u64(r);    /* valid before */
	rbuf_string(r); /* critical options */
	rbuf_string(r); /* extensions */
	rbuf_string(r); /* reserved */
	out->ca = rbuf_string(r);
	return !r->bad && (out->kind == SSH_CERT_USER || out->kind == SSH_CERT_HOST);
}
