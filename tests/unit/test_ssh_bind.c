/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/blob.h"
#include "test_ssh_vectors.h"

static const char *const names[] = {
	"ed25519",      "ecdsa256",      "ecdsa384",      "ecdsa521",      "rsa256",      "rsa512",
	"ed25519-cert", "ecdsa256-cert", "ecdsa384-cert", "ecdsa521-cert", "rsa512-cert", "unbound",
};
enum { NAMES = sizeof(names) / sizeof(names[0]), PLAIN = 6 };

static enum err add(struct ssh_binds *binds, const void *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	struct why why = {0};
	size_t count = binds->count;
	enum err e = ssh_bind_add(binds, (struct slice){copy, n}, &why);

	if (e != ERR_OK) {
		cr_expect(why.text[0] != '\0', "no reason for error %d", (int)e);
		cr_expect(binds->count == count);
	}
	free(copy);
	return e;
}

static enum err add_made(struct ssh_binds *binds, uint8_t host, const char *session,
			 bool forwarding)
{
	uint8_t buf[1024];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	make_bind(&w, host, slice_text(session), forwarding);
	return add(binds, buf, w.n);
}

Test(ssh_bind, what_openssh_sends_is_good)
{
	char text[SSH_FINGERPRINT_LEN + 1];
	struct ssh_vector v;
	struct ssh_message m;

	for (size_t i = 0; i < NAMES; i++) {
		struct ssh_binds binds = {0};
		const struct ssh_bind *last;

		ssh_vector_message(&v, "bind", names[i], &m);
		cr_assert(add(&binds, m.contents.p, m.contents.n) == ERR_OK, "%s", names[i]);
		last = ssh_bind_last(&binds);
		cr_assert(last == &binds.list[0] && binds.count == 1);
		cr_expect(!last->forwarding && !binds.forwarded);
		ssh_fingerprint(text, last->fingerprint);
		cr_expect_str_eq(text, v.fingerprint);
		/* A certificate is another blob than its key, with the key's fingerprint. */
		cr_expect((memcmp(last->host_key, last->fingerprint, 32) != 0) ==
				  (strstr(names[i], "-cert") != NULL),
			  "%s", names[i]);
		cr_expect((last->cert != NULL) == (strstr(names[i], "-cert") != NULL));
		cr_expect(binds.tried);
		ssh_binds_end(&binds);
	}
}

Test(ssh_bind, cut_anywhere_or_followed_by_a_byte)
{
	struct ssh_vector v;
	struct ssh_message m;

	for (size_t i = 0; i < NAMES; i++) {
		struct ssh_binds binds = {0};
		uint8_t longer[2048];

		ssh_vector_message(&v, "bind", names[i], &m);
		for (size_t n = 0; n < m.contents.n; n++)
			cr_expect(add(&binds, m.contents.p, n) == ERR_SYNTAX, "%s cut to %zu",
				  names[i], n);
		memcpy(longer, m.contents.p, m.contents.n);
		longer[m.contents.n] = 0;
		cr_expect(add(&binds, longer, m.contents.n + 1) == ERR_SYNTAX);
	}
}

/* The strings inside the strings: shortened, lengthened, by one byte, lengths put right. */
Test(ssh_bind, inner_strings_cut_or_too_long)
{
	struct ssh_vector v;
	struct ssh_message m;

	for (size_t i = 0; i < NAMES; i++)
		for (unsigned part = 0; part < 3; part++)
			for (int by = -1; by <= 1; by += 2) {
				struct ssh_binds binds = {0};
				uint8_t buf[2048];
				struct wbuf w = wbuf_new(buf, sizeof(buf));
				struct rbuf r;

				ssh_vector_message(&v, "bind", names[i], &m);
				r = rbuf_from(m.contents);
				for (unsigned k = 0; k < 3; k++) {
					struct slice s = rbuf_string(&r);

					/* One more is the next field's first byte. */
					wbuf_string(&w, s.p, s.n + (k == part ? (size_t)by : 0));
				}
				wbuf_u8(&w, 0);
				cr_expect(add(&binds, buf, w.n) != ERR_OK, "%s: part %u by %d",
					  names[i], part, by);
			}
}

/* All of it but the forwarding flag is under the signature, or makes the signature's key. */
Test(ssh_bind, every_changed_byte_is_noticed)
{
	struct ssh_vector v;
	struct ssh_message m;

	for (size_t i = 0; i < PLAIN; i++) {
		ssh_vector_message(&v, "bind", names[i], &m);
		for (size_t at = 0; at + 1 < m.contents.n; at++) {
			struct ssh_binds binds = {0};
			uint8_t *p = v.data + (m.contents.p - v.data) + at;

			*p ^= 0x01;
			cr_expect(ssh_bind_add(&binds, m.contents, NULL) != ERR_OK, "%s: byte %zu",
				  names[i], at);
			cr_expect(binds.count == 0);
			*p ^= 0x01;
		}
	}
}

static void expect_signature_algorithm(const char *vector, const char *algorithm, enum err want)
{
	struct ssh_binds binds = {0};
	uint8_t buf[2048];
	struct wbuf w = wbuf_new(buf, sizeof(buf));
	struct ssh_vector v;
	struct ssh_message m;
	struct rbuf r, signature;
	struct slice s;
	size_t mark;

	ssh_vector_message(&v, "bind", vector, &m);
	r = rbuf_from(m.contents);
	s = rbuf_string(&r);
	wbuf_string(&w, s.p, s.n);
	s = rbuf_string(&r);
	wbuf_string(&w, s.p, s.n);
	signature = rbuf_from(rbuf_string(&r));
	rbuf_string(&signature);
	s = rbuf_string(&signature);
	mark = wbuf_open_string(&w);
	wbuf_cstring(&w, algorithm);
	wbuf_string(&w, s.p, s.n);
	wbuf_close_string(&w, mark);
	wbuf_u8(&w, 0);
	cr_expect(add(&binds, buf, w.n) == want, "%s with %s", vector, algorithm);
}

Test(ssh_bind, the_signature_algorithm_is_the_keys)
{
	expect_signature_algorithm("rsa256", "rsa-sha2-256", ERR_OK);
	expect_signature_algorithm("rsa256", "rsa-sha2-512", ERR_DEVICE_ERROR);
	expect_signature_algorithm("rsa512", "rsa-sha2-256", ERR_DEVICE_ERROR);
	expect_signature_algorithm("rsa512", "ssh-rsa", ERR_UNSUPPORTED); /* SHA-1 */
	expect_signature_algorithm("rsa512", "rsa-sha2-512-cert-v01@openssh.com", ERR_UNSUPPORTED);
	expect_signature_algorithm("ed25519", "ssh-ed25519", ERR_OK);
	expect_signature_algorithm("ed25519", "ecdsa-sha2-nistp256", ERR_SYNTAX);
	expect_signature_algorithm("ecdsa256", "ecdsa-sha2-nistp384", ERR_SYNTAX);
	expect_signature_algorithm("ecdsa384", "ecdsa-sha2-nistp256", ERR_SYNTAX);
	expect_signature_algorithm("ecdsa521", "", ERR_SYNTAX);
}

Test(ssh_bind, other_host_keys_are_refused)
{
	static const char *const types[] = {
		"ssh-dss",
		"sk-ssh-ed25519@openssh.com",
		"sk-ecdsa-sha2-nistp256@openssh.com",
		"sk-ssh-ed25519-cert-v01@openssh.com",
		"ssh-ed448",
		"",
	};
	uint8_t buf[256];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct ssh_binds binds = {0};
		struct wbuf w = wbuf_new(buf, sizeof(buf));
		size_t mark = wbuf_open_string(&w);

		wbuf_cstring(&w, types[i]);
		wbuf_cstring(&w, "0123456789abcdef0123456789abcdef");
		wbuf_close_string(&w, mark);
		wbuf_cstring(&w, "session");
		wbuf_cstring(&w, "signature");
		wbuf_u8(&w, 0);
		cr_expect(add(&binds, buf, w.n) == ERR_UNSUPPORTED, "%s", types[i]);
	}
}

Test(ssh_bind, a_bind_for_a_login_is_the_last)
{
	struct ssh_binds binds = {0};

	cr_expect(ssh_bind_last(&binds) == NULL);
	cr_expect(add_made(&binds, 1, "one", true) == ERR_OK);
	cr_expect(add_made(&binds, 2, "two", true) == ERR_OK);
	cr_expect(add_made(&binds, 3, "three", false) == ERR_OK);
	cr_expect(add_made(&binds, 4, "four", false) == ERR_NOT_ALLOWED);
	cr_expect(add_made(&binds, 4, "four", true) == ERR_NOT_ALLOWED);
	cr_expect(add_made(&binds, 3, "three", false) == ERR_NOT_ALLOWED);
	cr_expect(binds.count == 3 && binds.forwarded);
	cr_expect(!ssh_bind_last(&binds)->forwarding);
}

Test(ssh_bind, a_session_has_one_host_key)
{
	struct ssh_binds binds = {0};

	cr_expect(add_made(&binds, 1, "one", true) == ERR_OK);
	cr_expect(add_made(&binds, 1, "one", true) == ERR_OK);
	cr_expect(binds.count == 1);
	cr_expect(add_made(&binds, 2, "one", true) == ERR_NOT_ALLOWED);
	/* A host may have many sessions; an old hop does not become the login. */
	cr_expect(add_made(&binds, 1, "two", true) == ERR_OK);
	cr_expect(add_made(&binds, 1, "one", false) == ERR_OK);
	cr_expect(binds.count == 2 && ssh_bind_last(&binds)->forwarding);
}

Test(ssh_bind, sixteen_at_most)
{
	struct ssh_binds binds = {0};

	for (int i = 0; i < SSH_BINDS_MAX; i++) {
		char session[] = {(char)('a' + i), '\0'};

		cr_expect(add_made(&binds, 1, session, true) == ERR_OK);
	}
	cr_expect(add_made(&binds, 1, "z", true) == ERR_TOO_LARGE);
	cr_expect(add_made(&binds, 1, "z", false) == ERR_TOO_LARGE);
	cr_expect(add_made(&binds, 1, "a", true) == ERR_OK);
	cr_expect(binds.count == SSH_BINDS_MAX);
}

Test(ssh_bind, session_ids_of_1_to_128_bytes)
{
	static const struct {
		size_t n;
		enum err e;
	} rows[] = {{0, ERR_INVALID}, {1, ERR_OK}, {128, ERR_OK}, {129, ERR_INVALID}};
	char session[130];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_binds binds = {0};

		memset(session, 's', sizeof(session));
		session[rows[i].n] = '\0';
		cr_expect(add_made(&binds, 1, session, false) == rows[i].e, "%zu bytes", rows[i].n);
	}
}

/* Who says that a connection is forwarded is believed, whatever else is wrong. */
Test(ssh_bind, a_refused_hop_still_makes_the_connection_forwarded)
{
	struct ssh_binds binds = {0};
	uint8_t buf[1024];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	make_bind(&w, 1, slice_text("one"), true);
	buf[w.n - 2] ^= 1; /* the signature */
	cr_expect(add(&binds, buf, w.n) == ERR_DEVICE_ERROR);
	cr_expect(binds.count == 0 && binds.forwarded);
}
