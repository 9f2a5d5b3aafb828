/* SPDX-License-Identifier: MIT */
#include "ssh/cert.h"

#include <string.h>

#include "ssh/blob.h"

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
	out->principals = rbuf_string(r);
	out->valid_after = rbuf_u64(r);
	out->valid_before = rbuf_u64(r);
	out->critical = rbuf_string(r);
	out->extensions = rbuf_string(r);
	rbuf_string(r); /* reserved */
	out->ca = rbuf_string(r);
	return !r->bad && (out->kind == SSH_CERT_USER || out->kind == SSH_CERT_HOST);
}

const char *ssh_cert_type(enum curve curve)
{
	const char *plain = ssh_type(curve);

	for (size_t i = 0; plain != NULL && i < sizeof(cert_types) / sizeof(cert_types[0]); i++)
		if (strcmp(cert_types[i].key_type, plain) == 0)
			return cert_types[i].name;
	return NULL;
}

bool ssh_cert_is_of(struct slice blob, const struct key *key)
{
	uint8_t plain[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(plain, sizeof(plain));
	struct rbuf r = rbuf_from(blob);
	struct ssh_cert cert;

	if (!ssh_cert_read(&r, &cert))
		return false;
	rbuf_string(&r); /* the CA's signature */
	wbuf_string(&w, cert.key_type.p, cert.key_type.n);
	wbuf_bytes(&w, cert.key.p, cert.key.n);
	return rbuf_end(&r) && cert.kind == SSH_CERT_USER && wbuf_ok(&w) &&
	       ssh_blob_is((struct slice){plain, w.n}, key);
}
