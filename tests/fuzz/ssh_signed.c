/* SPDX-License-Identifier: MIT */
/* ssh/signed.h and ssh/cert.h: what the bytes to be signed are. */
#include "fuzz.h"

#include "ssh/signed.h"

static void put(struct wbuf *w, struct slice s)
{
	wbuf_string(w, s.p, s.n);
}

static bool has_nul(struct slice s)
{
	return s.n > 0 && memchr(s.p, '\0', s.n) != NULL;
}

/* The bytes that say what `s` says: the encodings are canonical. */
static void rebuild(struct wbuf *w, const struct ssh_signed *s)
{
	if (s->kind == SSH_SIGNED_USERAUTH) {
		put(w, s->userauth.session_id);
		wbuf_u8(w, 50);
		put(w, s->userauth.user);
		put(w, s->userauth.service);
		wbuf_cstring(w, s->userauth.hostbound ? "publickey-hostbound-v00@openssh.com"
						      : "publickey");
		wbuf_u8(w, s->userauth.have_signature);
		put(w, s->userauth.algorithm);
		put(w, s->userauth.key);
		if (s->userauth.hostbound)
			put(w, s->userauth.host_key);
	} else {
		wbuf_text(w, "SSHSIG");
		put(w, s->sshsig.namespace);
		put(w, s->sshsig.reserved);
		put(w, s->sshsig.hash);
		put(w, s->sshsig.digest);
	}
}

static void check_certificate(const struct ssh_cert *cert, struct slice whole)
{
	struct rbuf r = rbuf_from(whole);
	struct slice type = rbuf_string(&r);

	CHECK(fuzz_within(cert->key, whole) && fuzz_within(cert->key_id, whole) &&
	      fuzz_within(cert->ca, whole));
	CHECK(cert->kind == SSH_CERT_USER || cert->kind == SSH_CERT_HOST);
	/* "ssh-ed25519-cert-v01@openssh.com" certifies a "ssh-ed25519" key, and so on. */
	CHECK(cert->key_type.n > 0 && cert->key_type.n < type.n);
	CHECK(cert->key.n >= 4);
	rbuf_string(&r); /* nonce */
	CHECK(cert->key.p == r.p);
	rbuf_bytes(&r, cert->key.n);
	CHECK(rbuf_u64(&r) == cert->serial && rbuf_u32(&r) == cert->kind && !r.bad);
	CHECK(rbuf_string(&r).n == cert->key_id.n);
}

static enum ssh_signed_kind kind_of(const void *p, size_t n)
{
	uint8_t *copy = fuzz_copy(p, n);
	struct ssh_signed s;

	ssh_signed_parse((struct slice){copy, n}, &s);
	free(copy);
	return s.kind;
}

/* No field takes what follows, and none can be short. */
static void check_edges(struct slice whole)
{
	uint8_t *longer = malloc(whole.n + 1);

	CHECK(longer != NULL);
	memcpy(longer, whole.p, whole.n);
	longer[whole.n] = 0;
	CHECK(kind_of(longer, whole.n + 1) == SSH_SIGNED_UNKNOWN);
	CHECK(kind_of(longer, whole.n - 1) == SSH_SIGNED_UNKNOWN);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice whole = {data, size};
	struct rbuf r = rbuf_from(whole);
	struct ssh_cert cert;
	struct ssh_signed s;

	/* A certificate with its signature after it, as a host shows one. */
	if (ssh_cert_read(&r, &cert)) {
		CHECK(!r.bad && r.n < size);
		check_certificate(&cert, whole);
	}
	ssh_signed_parse(whole, &s);
	if (s.kind == SSH_SIGNED_UNKNOWN)
		return 0;
	check_edges(whole);
	if (s.kind == SSH_SIGNED_CERTIFICATE) {
		check_certificate(&s.cert, whole);
		CHECK(s.cert.ca.p + s.cert.ca.n == data + size);
	} else {
		uint8_t *again = malloc(size);
		struct wbuf w = wbuf_new(again, size);

		CHECK(again != NULL);
		rebuild(&w, &s);
		CHECK(wbuf_ok(&w) && slice_eq((struct slice){again, w.n}, whole));
		free(again);
	}
	if (s.kind == SSH_SIGNED_USERAUTH)
		CHECK(s.userauth.session_id.n > 0 && !has_nul(s.userauth.user) &&
		      !has_nul(s.userauth.service) && !has_nul(s.userauth.algorithm));
	if (s.kind == SSH_SIGNED_SSHSIG)
		CHECK(!has_nul(s.sshsig.namespace) && !has_nul(s.sshsig.hash));
	return 0;
}
