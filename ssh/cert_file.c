/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "agent/request.h"
#include "derive/encode.h"
#include "protocol/text.h"
#include "ssh/blob.h"
#include "ssh/cert.h"
#include "ssh/host.h"

enum { PRINCIPALS_MAX = 256 }; /* OpenSSH's clients refuse more */

/* Type and base64 of the only line; what follows them is a comment. */
static enum err split_line(struct slice text, struct slice *type, struct slice *base64,
			   struct why *why)
{
	const uint8_t *space, *end;

	while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL)
		text.n--;
	if (memchr(text.p, '\n', text.n) != NULL || memchr(text.p, '\0', text.n) != NULL)
		return why_set(why, ERR_SYNTAX, "more than one line; a file has one certificate");
	space = memchr(text.p, ' ', text.n);
	if (space == NULL)
		return why_set(why, ERR_SYNTAX, "no line of type and base64, as ssh-keygen writes");
	*type = (struct slice){text.p, (size_t)(space - text.p)};
	*base64 = (struct slice){space + 1, text.n - type->n - 1};
	end = memchr(base64->p, ' ', base64->n);
	if (end != NULL)
		base64->n = (size_t)(end - base64->p);
	return ERR_OK;
}

/* Strings up to the end, in groups of so many; the first of each is a name without NUL. */
static bool are_strings(struct slice s, unsigned group, unsigned max)
{
	struct rbuf r = rbuf_from(s);
	struct slice name;

	for (unsigned count = 0; r.n > 0; count++) {
		name = rbuf_string(&r);
		for (unsigned i = 1; i < group; i++)
			rbuf_string(&r);
		if (count == max || memchr(name.p, '\0', name.n) != NULL)
			return false;
	}
	return rbuf_end(&r);
}

enum err ssh_cert_verify(struct slice blob, const struct ssh_cert *cert, struct slice signature,
			 struct why *why)
{
	struct slice signed_part = {blob.p, blob.n - 4 - signature.n};
	struct rbuf r = rbuf_from(cert->ca);
	uint8_t fingerprint[32];
	struct ssh_cert inner;
	struct why ca = {0};
	enum err e;

	if (ssh_cert_read(&r, &inner))
		return why_set(why, ERR_SYNTAX, "its CA is a certificate, and no key");
	e = ssh_host_verify(cert->ca, signed_part, signature, fingerprint, &ca);
	if (e == ERR_UNSUPPORTED)
		return why_set(why, e,
			       "its CA's signature cannot be checked: CA keys are ed25519, "
			       "ecdsa-sha2-nistp256/384/521 and RSA with SHA-2");
	return e == ERR_OK ? ERR_OK : why_set(why, e, "its CA's signature is not good");
}

static enum err check_fields(const struct ssh_cert *cert, struct why *why)
{
	if (cert->kind != SSH_CERT_USER)
		return why_set(why, ERR_INVALID, "a certificate for a host, not for a user");
	if (!are_strings(cert->principals, 1, PRINCIPALS_MAX))
		return why_set(why, ERR_SYNTAX, "its principals cannot be read; at most %d are",
			       PRINCIPALS_MAX);
	if (memchr(cert->key_id.p, '\0', cert->key_id.n) != NULL ||
	    !are_strings(cert->critical, 2, UINT32_MAX) ||
	    !are_strings(cert->extensions, 2, UINT32_MAX))
		return why_set(why, ERR_SYNTAX, "its key id or options cannot be read");
	return ERR_OK;
}

/* The key that it certifies, if that can be one of ours. */
static enum err read_key(const struct ssh_cert *cert, struct cert *out, struct why *why)
{
	uint8_t plain[SSH_BLOB_MAX];
	struct wbuf w = wbuf_new(plain, sizeof(plain));
	enum err e = ERR_UNSUPPORTED;

	wbuf_string(&w, cert->key_type.p, cert->key_type.n);
	wbuf_bytes(&w, cert->key.p, cert->key.n);
	if (wbuf_ok(&w))
		e = ssh_parse_key((struct slice){plain, w.n}, &out->curve, out->public_key);
	if (e != ERR_OK)
		return why_set(why, e,
			       "a certificate of a key that is neither ssh-ed25519 nor "
			       "ecdsa-sha2-nistp256");
	return ERR_OK;
}

static enum err read_cert(struct slice type, struct slice blob, struct cert *out, struct why *why)
{
	struct rbuf r = rbuf_from(blob), head = rbuf_from(blob);
	struct ssh_cert cert;
	struct slice signature;
	enum err e;

	if (!slice_eq(rbuf_string(&head), type) || !ssh_cert_read(&r, &cert))
		return why_set(why, ERR_SYNTAX, "no certificate of the type that it names");
	signature = rbuf_string(&r);
	if (!rbuf_end(&r))
		return why_set(why, ERR_SYNTAX, "cut short, or followed by something");
	e = read_key(&cert, out, why);
	if (e == ERR_OK)
		e = check_fields(&cert, why);
	if (e == ERR_OK)
		e = ssh_cert_verify(blob, &cert, signature, why);
	if (e != ERR_OK)
		return e;
	out->serial = cert.serial;
	out->valid_after = cert.valid_after;
	out->valid_before = cert.valid_before;
	text_clean(out->key_id, sizeof(out->key_id), cert.key_id.p, cert.key_id.n);
	return ERR_OK;
}

enum err ssh_cert_parse_file(struct slice text, struct cert *out, struct why *why)
{
	struct slice type = {0}, base64 = {0};
	enum err e;

	if (text.n > CERT_FILE_MAX)
		return why_set(why, ERR_TOO_LARGE, "longer than %d bytes", CERT_FILE_MAX);
	e = split_line(text, &type, &base64, why);
	if (e != ERR_OK)
		return e;
	out->blob = malloc(base64.n + 1);
	if (out->blob == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	e = base64_decode(out->blob, base64.n + 1, &out->blob_n, (const char *)base64.p, base64.n);
	if (e != ERR_OK)
		why_set(why, e, "its base64 cannot be read");
	else
		e = read_cert(type, (struct slice){out->blob, out->blob_n}, out, why);
	if (e != ERR_OK) {
		free(out->blob);
		out->blob = NULL;
		out->blob_n = 0;
	}
	return e;
}
