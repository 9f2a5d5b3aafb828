/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keyring.h"
#include "derive/encode.h"
#include "derive/hostkey.h"
#include "ssh/accept.h"
#include "ssh/blob.h"
#include "test_ssh_vectors.h"

/* As ssh-keygen wrote them, but for the comment. */
static const struct {
	const char *name, *line;
} lines[] = {
	{"ed25519", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHxY2dcb7iHJ+nMLlAK5A/e4gMtaOOfmMPtWzbYBxh"
		    "XR ssh://git@github.com"},
	{"nist256p1", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBISW"
		      "0bvM/EjFUBYgdZq89WXgcD9/Ba+RAFO1KkbB+5ort8Yu6ne3Sl4BKR8aXt/AxasKOANkzUErWI+O"
		      "Y35Y7fk= ssh://git@github.com"},
};

Test(ssh_blob, lines_are_those_of_ssh_keygen)
{
	char line[SSH_LINE_MAX + 1];
	struct key key;

	for (size_t i = 0; i < 2; i++) {
		ssh_vector_key(&key, lines[i].name, "ssh://git@github.com");
		cr_assert(ssh_scheme.public_text(&key, line, sizeof(line)) == ERR_OK);
		cr_expect_str_eq(line, lines[i].line);
		cr_expect(ssh_key_line(line, strlen(lines[i].line), &key.id, key.public_key) ==
			  ERR_TOO_LARGE);
		key.id.index = UINT32_MAX;
		cr_assert(ssh_key_line(line, sizeof(line), &key.id, key.public_key) == ERR_OK);
		cr_expect_str_eq(strchr(line, ':') - 3, "ssh://git@github.com (index 4294967295)");
	}
}

Test(ssh_blob, the_longest_line_fits)
{
	char uri[IDENTITY_URI_MAX + 1] = "ssh://", line[SSH_LINE_MAX + 1];
	struct key key;

	memset(uri + 6, 'h', IDENTITY_URI_MAX - 6);
	ssh_vector_key(&key, "nist256p1", uri);
	key.id.index = UINT32_MAX;
	cr_expect(ssh_key_line(line, sizeof(line), &key.id, key.public_key) == ERR_OK);
}

Test(ssh_blob, keys_of_other_curves_have_no_form)
{
	uint8_t buf[SSH_BLOB_MAX], sig[SIGNATURE_LEN] = {0};
	char line[SSH_LINE_MAX + 1];
	struct wbuf w = wbuf_new(buf, sizeof(buf));
	struct key key;

	ssh_vector_key(&key, "nist256p1", "ssh://h");
	for (enum curve c = 0; c < CURVE_COUNT; c++) {
		if (c == CURVE_ED25519 || c == CURVE_NIST256P1)
			continue;
		key.id.curve = c;
		cr_expect(ssh_type(c) == NULL);
		cr_expect(ssh_put_key(&w, c, key.public_key) == ERR_UNSUPPORTED);
		cr_expect(ssh_put_signature(&w, c, sig) == ERR_UNSUPPORTED);
		cr_expect(ssh_scheme.public_text(&key, line, sizeof(line)) == ERR_UNSUPPORTED);
		cr_expect(w.n == 0);
	}
}

Test(ssh_blob, fingerprints_are_those_of_ssh_keygen)
{
	char text[SSH_FINGERPRINT_LEN + 1];
	struct ssh_vector v;
	uint8_t hash[32];

	for (size_t i = 0; i < 2; i++) {
		ssh_vector(&v, "key", lines[i].name);
		hash_sha256(hash, v.data, v.n);
		ssh_fingerprint(text, hash);
		cr_expect_str_eq(text, v.fingerprint);
	}
}

Test(ssh_blob, a_key_is_its_blob_and_no_other)
{
	struct ssh_vector v;
	struct key key;
	uint8_t pub[PUBLIC_KEY_LEN];
	enum curve curve;

	for (size_t i = 0; i < 2; i++) {
		ssh_vector_key(&key, lines[i].name, "ssh://h");
		ssh_vector(&v, "key", lines[i].name);
		cr_expect(ssh_key_is((struct slice){v.data, v.n}, key.id.curve, key.public_key));
		for (size_t n = 0; n < v.n; n++) {
			uint8_t *cut = exact_copy(v.data, n);

			cr_expect(ssh_parse_key((struct slice){cut, n}, &curve, pub) != ERR_OK,
				  "cut to %zu", n);
			cr_expect(
				!ssh_key_is((struct slice){cut, n}, key.id.curve, key.public_key));
			free(cut);
		}
		v.data[v.n] = 0;
		cr_expect(ssh_parse_key((struct slice){v.data, v.n + 1}, &curve, pub) ==
			  ERR_SYNTAX);
		cr_expect(
			!ssh_key_is((struct slice){v.data, v.n + 1}, key.id.curve, key.public_key));
		/* Every bit of it counts. */
		for (size_t bit = 0; bit < 8 * v.n; bit++) {
			v.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_expect(!ssh_key_is((struct slice){v.data, v.n}, key.id.curve,
					      key.public_key));
			if (ssh_parse_key((struct slice){v.data, v.n}, &curve, pub) == ERR_OK)
				cr_expect(memcmp(pub, key.public_key, sizeof(pub)) != 0);
			v.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* The agent keeps the point of a key that it has learnt; a key without one has the same blob. */
Test(ssh_blob, a_key_in_use_is_its_blob_with_its_point_at_hand_or_not)
{
	uint8_t pub[PUBLIC_KEY_LEN], buf[SSH_BLOB_MAX];
	struct ssh_vector v;
	struct key key;
	struct wbuf w;

	for (size_t i = 0; i < 4; i++) {
		ssh_vector_key(&key, lines[i / 2].name, "ssh://h");
		ssh_vector(&v, "key", lines[i / 2].name);
		memcpy(pub, key.public_key, sizeof(pub));
		if (i % 2 == 1)
			keyring_learn(&key, pub);
		cr_expect(key.point[0] == (i == 3 ? 0x04 : 0x00));
		w = wbuf_new(buf, sizeof(buf));
		cr_expect(ssh_put_blob(&w, &key) == ERR_OK);
		cr_expect(slice_eq((struct slice){buf, w.n}, (struct slice){v.data, v.n}));
		w = wbuf_new(buf, v.n - 1);
		cr_expect(ssh_put_blob(&w, &key) == ERR_TOO_LARGE);
		cr_expect(ssh_blob_is((struct slice){v.data, v.n}, &key));
		cr_expect(!ssh_blob_is((struct slice){v.data, v.n - 1}, &key));
		for (size_t bit = 0; bit < 8 * v.n; bit++) {
			v.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_expect(!ssh_blob_is((struct slice){v.data, v.n}, &key));
			v.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* X with another Y of the same parity compresses to our key; it is no point. */
Test(ssh_blob, a_point_off_the_curve_is_not_taken_for_the_key_with_its_x)
{
	struct ssh_vector v;
	uint8_t pub[PUBLIC_KEY_LEN];
	enum curve curve;

	ssh_vector(&v, "key", "nist256p1");
	v.data[v.n - 10] ^= 1;
	cr_expect(ssh_parse_key((struct slice){v.data, v.n}, &curve, pub) == ERR_BAD_POINT);
}

Test(ssh_blob, other_types_are_unsupported)
{
	static const char *const names[] = {"ssh-rsa",
					    "ssh-dss",
					    "ecdsa-sha2-nistp384",
					    "sk-ssh-ed25519@openssh.com",
					    "ssh-ed25519-cert-v01@openssh.com",
					    ""};
	uint8_t buf[128], pub[PUBLIC_KEY_LEN];
	enum curve curve;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct wbuf w = wbuf_new(buf, sizeof(buf));

		wbuf_cstring(&w, names[i]);
		wbuf_string(&w, pub + 1, 32);
		cr_expect(ssh_parse_key((struct slice){buf, w.n}, &curve, pub) == ERR_UNSUPPORTED);
	}
}

/* RFC 4251 mpints: 00 before a high bit, no other leading zero. */
Test(ssh_blob, signatures)
{
	static const struct {
		enum curve curve;
		uint8_t r0, r1, s0; /* first bytes of r and s */
		const char *hex;    /* of everything but the runs of 11 */
		size_t n;
	} rows[] = {
		{CURVE_ED25519, 0x80, 0x11, 0x11, "0000000b7373682d6564323535313900000040", 83},
		{CURVE_NIST256P1, 0x7f, 0x11, 0x7f,
		 "0000001365636473612d736861322d6e697374703235360000004800000020", 99},
		{CURVE_NIST256P1, 0x80, 0x11, 0x7f,
		 "0000001365636473612d736861322d6e697374703235360000004900000021", 100},
		{CURVE_NIST256P1, 0xff, 0x11, 0xff,
		 "0000001365636473612d736861322d6e697374703235360000004a00000021", 101},
		{CURVE_NIST256P1, 0x00, 0x00, 0x7f,
		 "0000001365636473612d736861322d6e69737470323536000000460000001e", 97},
	};
	uint8_t sig[SIGNATURE_LEN], buf[SSH_SIGNATURE_MAX], expected[64];
	size_t n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wbuf w = wbuf_new(buf, sizeof(buf));

		memset(sig, 0x11, sizeof(sig));
		sig[0] = rows[i].r0;
		sig[1] = rows[i].r1;
		sig[32] = rows[i].s0;
		cr_assert(ssh_put_signature(&w, rows[i].curve, sig) == ERR_OK);
		cr_expect(w.n == rows[i].n, "row %zu: %zu bytes", i, w.n);
		cr_assert(hex_decode(expected, sizeof(expected), &n, rows[i].hex,
				     strlen(rows[i].hex)) == ERR_OK);
		cr_expect(memcmp(buf, expected, n) == 0, "row %zu", i);
		cr_expect(memcmp(buf + w.n - 31, sig + 33, 31) == 0, "row %zu", i);
	}
}
