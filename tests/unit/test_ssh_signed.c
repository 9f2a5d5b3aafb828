/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/signed.h"
#include "test_ssh_vectors.h"

static const struct {
	const char *name;
	enum ssh_signed_kind kind;
} signs[] = {
	{"login-ed25519-ed25519", SSH_SIGNED_USERAUTH},
	{"login-ed25519-nist256p1", SSH_SIGNED_USERAUTH},
	{"login-rsa512-cert-ed25519", SSH_SIGNED_USERAUTH},
	{"login-unbound-ed25519", SSH_SIGNED_USERAUTH},
	{"sshsig", SSH_SIGNED_SSHSIG},
	{"cert", SSH_SIGNED_CERTIFICATE},
	{"hostcert", SSH_SIGNED_CERTIFICATE},
};
enum { SIGNS = sizeof(signs) / sizeof(signs[0]) };

static enum ssh_signed_kind kind_of(const void *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	struct ssh_signed s;

	ssh_signed_parse((struct slice){copy, n}, &s);
	free(copy);
	return s.kind;
}

Test(ssh_signed, what_openssh_asks_for)
{
	struct ssh_vector v;
	struct ssh_message m;
	struct ssh_signed s;

	for (size_t i = 0; i < SIGNS; i++) {
		ssh_vector_message(&v, "sign", signs[i].name, &m);
		cr_expect(kind_of(m.data.p, m.data.n) == signs[i].kind, "%s", signs[i].name);
	}
	ssh_vector_message(&v, "sign", "login-ed25519-ed25519", &m);
	ssh_signed_parse(m.data, &s);
	cr_expect(s.userauth.hostbound && s.userauth.host_key.n == 51);
	cr_expect(s.userauth.session_id.n == 64);
	cr_expect(slice_is(s.userauth.user, "root"));
	ssh_vector_message(&v, "sign", "login-unbound-ed25519", &m);
	ssh_signed_parse(m.data, &s);
	cr_expect(!s.userauth.hostbound && s.userauth.host_key.n == 0);
	cr_expect(slice_eq(s.userauth.key, m.key));
	ssh_vector_message(&v, "sign", "sshsig", &m);
	ssh_signed_parse(m.data, &s);
	cr_expect(slice_is(s.sshsig.namespace, "file") && slice_is(s.sshsig.hash, "sha512"));
	cr_expect(s.sshsig.digest.n == 64 && s.sshsig.reserved.n == 0);
	ssh_vector_message(&v, "sign", "cert", &m);
	ssh_signed_parse(m.data, &s);
	cr_expect(s.cert.kind == SSH_CERT_USER && s.cert.serial == 7);
	cr_expect(slice_is(s.cert.key_id, "some id") && slice_eq(s.cert.ca, m.key));
	cr_expect(slice_is(s.cert.key_type, "ecdsa-sha2-nistp256"));
	ssh_vector_message(&v, "sign", "hostcert", &m);
	ssh_signed_parse(m.data, &s);
	cr_expect(s.cert.kind == SSH_CERT_HOST && slice_is(s.cert.key_type, "ssh-ed25519"));
}

/* Nothing shorter, and nothing longer by one byte, is of any kind. */
Test(ssh_signed, cut_anywhere_or_followed_by_a_byte)
{
	struct ssh_vector v;
	struct ssh_message m;
	uint8_t longer[2048];

	for (size_t i = 0; i < SIGNS; i++) {
		ssh_vector_message(&v, "sign", signs[i].name, &m);
		for (size_t n = 0; n < m.data.n; n++)
			cr_expect(kind_of(m.data.p, n) == SSH_SIGNED_UNKNOWN, "%s cut to %zu",
				  signs[i].name, n);
		memcpy(longer, m.data.p, m.data.n);
		for (unsigned byte = 0; byte < 256; byte++) {
			longer[m.data.n] = (uint8_t)byte;
			cr_expect(kind_of(longer, m.data.n + 1) == SSH_SIGNED_UNKNOWN);
		}
	}
}

/* A changed bit may make another value, or no kind at all; never another kind. */
Test(ssh_signed, no_bit_turns_one_kind_into_another)
{
	struct ssh_vector v;
	struct ssh_message m;
	uint8_t data[2048];

	for (size_t i = 0; i < SIGNS; i++) {
		ssh_vector_message(&v, "sign", signs[i].name, &m);
		memcpy(data, m.data.p, m.data.n);
		for (size_t bit = 0; bit < 8 * m.data.n; bit++) {
			enum ssh_signed_kind kind;

			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			kind = kind_of(data, m.data.n);
			cr_expect(kind == signs[i].kind || kind == SSH_SIGNED_UNKNOWN,
				  "%s: bit %zu", signs[i].name, bit);
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* A session id that spells a certificate's type, or SSHSIG, changes nothing. */
Test(ssh_signed, a_login_whose_session_id_looks_like_something_else)
{
	static const char *const ids[] = {"ssh-ed25519-cert-v01@openssh.com", "SSHSIG", "SSHSIG\4"};
	uint8_t data[512];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct wbuf w = wbuf_new(data, sizeof(data));

		wbuf_cstring(&w, ids[i]);
		wbuf_u8(&w, 50);
		wbuf_cstring(&w, "user");
		wbuf_cstring(&w, "ssh-connection");
		wbuf_cstring(&w, "publickey");
		wbuf_u8(&w, 1);
		wbuf_cstring(&w, "ssh-ed25519");
		wbuf_cstring(&w, "key");
		cr_expect(kind_of(data, w.n) == SSH_SIGNED_USERAUTH, "%s", ids[i]);
		/* And without its length it is nothing. */
		cr_expect(kind_of(data + 4, w.n - 4) == SSH_SIGNED_UNKNOWN, "%s", ids[i]);
	}
}

Test(ssh_signed, certificates_are_for_users_or_hosts)
{
	struct ssh_vector v;
	struct ssh_message m;
	struct ssh_signed s;
	uint8_t *kind;

	ssh_vector_message(&v, "sign", "cert", &m);
	ssh_signed_parse(m.data, &s);
	kind = v.data + (s.cert.key.p + s.cert.key.n - v.data) + 8 + 3;
	for (unsigned k = 0; k < 256; k++) {
		*kind = (uint8_t)k;
		ssh_signed_parse(m.data, &s);
		cr_expect(s.kind == (k == SSH_CERT_USER || k == SSH_CERT_HOST
					     ? SSH_SIGNED_CERTIFICATE
					     : SSH_SIGNED_UNKNOWN),
			  "kind %u", k);
	}
}

Test(ssh_signed, names_hold_no_nul)
{
	static const char *const fields[] = {"file", "", "sha256"};
	uint8_t data[512];

	for (unsigned bad = 0; bad < 4; bad++) {
		struct wbuf w = wbuf_new(data, sizeof(data));

		wbuf_text(&w, "SSHSIG");
		for (unsigned i = 0; i < 3; i++)
			wbuf_string(&w, fields[i], strlen(fields[i]) + (i == bad ? 1 : 0));
		wbuf_string(&w, "\0\0\0", 3); /* bytes, where NUL is fine */
		/* The reserved field is bytes too. */
		cr_expect(kind_of(data, w.n) ==
				  (bad == 0 || bad == 2 ? SSH_SIGNED_UNKNOWN : SSH_SIGNED_SSHSIG),
			  "field %u", bad);
	}
}

Test(ssh_signed, random_bytes_are_unknown)
{
	uint8_t data[64];
	uint32_t x = 1;

	for (unsigned round = 0; round < 100000; round++) {
		size_t n = round % (sizeof(data) + 1);

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
		cr_expect(kind_of(data, n) == SSH_SIGNED_UNKNOWN);
	}
}
