/* SPDX-License-Identifier: MIT */
#include "ssh/host.h"

#include "derive/hostkey.h"
#include "ssh/cert.h"

struct host_type {
	const char *name;
	enum { HOST_ED25519, HOST_ECDSA, HOST_RSA } kind;
	const char *curve;
	unsigned bits;
};

static const struct host_type host_types[] = {
	{.name = "ssh-ed25519", .kind = HOST_ED25519},
	{.name = "ecdsa-sha2-nistp256", .kind = HOST_ECDSA, .curve = "nistp256", .bits = 256},
	{.name = "ecdsa-sha2-nistp384", .kind = HOST_ECDSA, .curve = "nistp384", .bits = 384},
	{.name = "ecdsa-sha2-nistp521", .kind = HOST_ECDSA, .curve = "nistp521", .bits = 521},
	{.name = "ssh-rsa", .kind = HOST_RSA},
};

struct signature {
	struct slice algorithm;
	struct slice value;
};

static const struct host_type *host_type_find(struct slice name)
{
	for (size_t i = 0; i < sizeof(host_types) / sizeof(host_types[0]); i++)
		if (slice_is(name, host_types[i].name))
			return &host_types[i];
	return NULL;
}

/* An mpint, which may not be negative here; leading zeros are left to the verifier. */
static struct slice read_mpint(struct rbuf *r)
{
	struct slice s = rbuf_string(r);

	if (s.n > 0 && (s.p[0] & 0x80) != 0)
		r->bad = true;
	return s;
}

static enum err verify_with_ed25519(struct rbuf *key, const struct signature *sig,
				    struct slice data)
{
	struct slice pub = rbuf_string(key);

	if (!rbuf_end(key) || pub.n != 32 || sig->value.n != 64 ||
	    !slice_is(sig->algorithm, "ssh-ed25519"))
		return ERR_SYNTAX;
	return verify_ed25519(pub, data, sig->value);
}

static enum err verify_with_ecdsa(const struct host_type *type, struct rbuf *key,
				  const struct signature *sig, struct slice data)
{
	struct slice curve = rbuf_string(key);
	struct slice point = rbuf_string(key);
	struct rbuf value = rbuf_from(sig->value);
	struct slice r = read_mpint(&value);
	struct slice s = read_mpint(&value);

	if (!rbuf_end(key) || !rbuf_end(&value) || !slice_is(curve, type->curve) ||
	    !slice_is(sig->algorithm, type->name))
		return ERR_SYNTAX;
	return verify_ecdsa(type->bits, point, data, r, s);
}

static enum err verify_with_rsa(struct rbuf *key, const struct signature *sig, struct slice data)
{
	struct slice e = read_mpint(key);
	struct slice n = read_mpint(key);
	enum hash hash;

	if (!rbuf_end(key))
		return ERR_SYNTAX;
	if (slice_is(sig->algorithm, "rsa-sha2-256"))
		hash = HASH_SHA256;
	else if (slice_is(sig->algorithm, "rsa-sha2-512"))
		hash = HASH_SHA512;
	else
		return ERR_UNSUPPORTED; /* "ssh-rsa" is SHA-1 */
	return verify_rsa(e, n, hash, data, sig->value);
}

/* Type and fields of the plain key, out of a certificate too. */
static const struct host_type *host_key_read(struct slice blob, struct slice *fields)
{
	struct rbuf r = rbuf_from(blob);
	struct slice name = rbuf_string(&r);
	const struct host_type *type = host_type_find(name);
	struct ssh_cert cert;

	if (type != NULL) {
		*fields = rbuf_bytes(&r, r.n);
		return type;
	}
	r = rbuf_from(blob);
	if (!ssh_cert_read(&r, &cert))
		return NULL;
	rbuf_string(&r); /* the CA's signature */
	if (!rbuf_end(&r))
		return NULL;
	*fields = cert.key;
	return host_type_find(cert.key_type);
}

static enum err fingerprint_of(const struct host_type *type, struct slice fields,
			       uint8_t out[static 32])
{
	uint8_t plain[SSH_HOST_KEY_MAX];
	struct wbuf w = wbuf_new(plain, sizeof(plain));

	wbuf_cstring(&w, type->name);
	wbuf_bytes(&w, fields.p, fields.n);
	if (!wbuf_ok(&w))
		return ERR_TOO_LARGE;
	hash_sha256(out, plain, w.n);
	return ERR_OK;
}

static enum err verify_with(const struct host_type *type, struct slice fields,
			    const struct signature *sig, struct slice data)
{
	struct rbuf key = rbuf_from(fields);

	switch (type->kind) {
	case HOST_ED25519:
		return verify_with_ed25519(&key, sig, data);
	case HOST_ECDSA:
		return verify_with_ecdsa(type, &key, sig, data);
	case HOST_RSA:
		return verify_with_rsa(&key, sig, data);
	}
	return ERR_INTERNAL;
}

enum err ssh_host_verify(struct slice blob, struct slice data, struct slice signature,
			 uint8_t fingerprint[static 32], struct why *why)
{
	struct rbuf r = rbuf_from(signature);
	const struct host_type *type;
	struct signature sig;
	struct slice fields;
	enum err e;

	type = host_key_read(blob, &fields);
	if (type == NULL)
		return why_set(why, ERR_UNSUPPORTED,
			       "the host key is none that lanyard can check: ssh-ed25519, "
			       "ecdsa-sha2-nistp256/384/521, ssh-rsa, or a certificate of one");
	sig.algorithm = rbuf_string(&r);
	sig.value = rbuf_string(&r);
	e = rbuf_end(&r) ? verify_with(type, fields, &sig, data) : ERR_SYNTAX;
	if (e == ERR_OK)
		e = fingerprint_of(type, fields, fingerprint);
	if (e == ERR_SYNTAX)
		return why_set(why, e, "the %s host key or its signature is malformed", type->name);
	if (e == ERR_DEVICE_ERROR)
		return why_set(why, e, "the %s host key did not make that signature", type->name);
	if (e != ERR_OK)
		return why_set(why, e, "the %s host key cannot be checked: %s", type->name,
			       err_text(e));
	return ERR_OK;
}
