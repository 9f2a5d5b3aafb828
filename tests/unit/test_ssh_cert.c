/* SPDX-License-Identifier: MIT */
/* Certificate files, and logins with a certificate, from tests/vectors/ssh_certs.txt. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "ssh/accept.h"
#include "ssh/blob.h"
#include "ssh/cert.h"
#include "test_ssh_vectors.h"

static const char vectors[] = "tests/vectors/ssh_certs.txt";
enum { LINE = 4096 };

/* The line of the file with this name in the vectors. */
static void cert_line(char out[static LINE], const char *name)
{
	FILE *f = fopen(vectors, "r");
	size_t n = strlen(name);

	cr_assert(f != NULL, "%s: cannot open (run from the tree's root)", vectors);
	while (fgets(out, LINE, f) != NULL)
		if (strncmp(out, name, n) == 0 && out[n] == ' ') {
			memmove(out, out + n + 1, strlen(out + n + 1) + 1);
			fclose(f);
			return;
		}
	cr_assert_fail("%s: no %s", vectors, name);
}

static enum err parse(const void *text, size_t n, struct cert *cert, struct why *why)
{
	uint8_t *copy = exact_copy(text, n);
	enum err e;

	*cert = (struct cert){0};
	why->text[0] = '\0';
	e = ssh_cert_parse_file((struct slice){copy, n}, cert, why);
	cr_expect((e == ERR_OK) == (cert->blob != NULL));
	cr_expect((e == ERR_OK) == (why->text[0] == '\0'), "%s", why->text);
	free(copy);
	return e;
}

static void parse_good(const char *name, struct cert *cert)
{
	char line[LINE];
	struct why why;

	cert_line(line, name);
	cr_assert(parse(line, strlen(line), cert, &why) == ERR_OK, "%s: %s", name, why.text);
}

Test(ssh_cert, what_ssh_keygen_writes)
{
	struct cert cert;

	parse_good("ed25519", &cert);
	cr_expect(cert.curve == CURVE_ED25519 && cert.serial == 7);
	cr_expect(cert.valid_after == 1767225600 && cert.valid_before == 1798761600);
	cr_expect_str_eq(cert.key_id, "badge");
	free(cert.blob);
	parse_good("nist256p1", &cert);
	cr_expect(cert.curve == CURVE_NIST256P1 && cert.serial == 0);
	cr_expect(cert.valid_after == 0 && cert.valid_before == UINT64_MAX);
	free(cert.blob);
	parse_good("unlimited", &cert);
	free(cert.blob);
}

struct bad {
	const char *name, *text; /* the vector's line, or this one */
	enum err e;
	const char *why;
};

Test(ssh_cert, what_is_no_file_for_us)
{
	static const struct bad bads[] = {
		{.name = "host", .e = ERR_INVALID, .why = "for a host"},
		{.name = "nist521p1", .e = ERR_UNSUPPORTED, .why = "neither ssh-ed25519 nor"},
		{.text = "", .e = ERR_SYNTAX, .why = "no line"},
		{.text = "\n\n", .e = ERR_SYNTAX, .why = "no line"},
		{.text = "ssh-ed25519-cert-v01@openssh.com", .e = ERR_SYNTAX, .why = "no line"},
		{.text = "ssh-ed25519-cert-v01@openssh.com AAA*",
		 .e = ERR_INVALID,
		 .why = "base64"},
		{.text = "ssh-ed25519-cert-v01@openssh.com AAAA",
		 .e = ERR_SYNTAX,
		 .why = "no cert"},
		{.text = "a b\nc d\n", .e = ERR_SYNTAX, .why = "one line"},
		{.text = "ssh-ed25519 "
			 "AAAAC3NzaC1lZDI1NTE5AAAAIHxY2dcb7iHJ+nMLlAK5A/e4gMtaOOfmMPtWzbYBxhXR",
		 .e = ERR_SYNTAX,
		 .why = "no cert"},
	};

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		char line[LINE];
		struct cert cert;
		struct why why;
		enum err e;

		if (bads[i].name != NULL)
			cert_line(line, bads[i].name);
		else
			snprintf(line, sizeof(line), "%s", bads[i].text);
		e = parse(line, strlen(line), &cert, &why);
		cr_expect(e != ERR_OK && strstr(why.text, bads[i].why) != NULL, "%zu: %s", i,
			  why.text);
	}
}

Test(ssh_cert, too_long)
{
	uint8_t *text = malloc(CERT_FILE_MAX + 1);
	struct cert cert;
	struct why why;

	memset(text, 'A', CERT_FILE_MAX + 1);
	cr_expect(parse(text, CERT_FILE_MAX + 1, &cert, &why) == ERR_TOO_LARGE);
	free(text);
}

/* Parses a blob as a file of its own type. */
static enum err parse_blob(const uint8_t *p, size_t n)
{
	char text[2 * LINE], base64[LINE];
	struct cert cert;
	struct why why;
	enum err e;

	base64_encode(base64, sizeof(base64), p, n);
	snprintf(text, sizeof(text), "ssh-ed25519-cert-v01@openssh.com %s", base64);
	e = parse(text, strlen(text), &cert, &why);
	free(cert.blob);
	return e;
}

/* OpenSSH's clients would drop the whole listing for it. */
Test(ssh_cert, any_changed_byte_cut_or_added_byte_is_refused)
{
	struct cert cert;

	parse_good("ed25519", &cert);
	for (size_t n = 0; n < cert.blob_n; n++)
		cr_expect(parse_blob(cert.blob, n) != ERR_OK, "cut to %zu", n);
	for (size_t i = 0; i < cert.blob_n; i++) {
		cert.blob[i] ^= 0x20;
		cr_expect(parse_blob(cert.blob, cert.blob_n) != ERR_OK, "byte %zu", i);
		cert.blob[i] ^= 0x20;
	}
	cr_expect(parse_blob(cert.blob, cert.blob_n) == ERR_OK);
	cert.blob = realloc(cert.blob, cert.blob_n + 1);
	cert.blob[cert.blob_n] = 0;
	cr_expect(parse_blob(cert.blob, cert.blob_n + 1) != ERR_OK);
	free(cert.blob);
}

/* ---- logins ---- */

struct login {
	const char *key, *embedded; /* names of vectors; embedded "" is the key itself */
	const char *algorithm, *user;
	const char *why; /* NULL: good */
};

static const struct login logins[] = {
	{"ed25519", "ed25519", "ssh-ed25519-cert-v01@openssh.com", "git", NULL},
	{"nist256p1", "nist256p1", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "git", NULL},
	{"ed25519", "", "ssh-ed25519", "git", NULL},
	{"ed25519", "ed25519", "ssh-ed25519-cert-v01@openssh.com", "root", "as user"},
	{"ed25519", "ed25519", "ssh-ed25519", "git", "with algorithm"},
	{"ed25519", "ed25519", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "git", "with algorithm"},
	{"ed25519", "", "ssh-ed25519-cert-v01@openssh.com", "git", "with algorithm"},
	{"ed25519", "nist256p1", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "git",
	 "with algorithm"},
	{"ed25519", "nist256p1", "ssh-ed25519", "git", "another key"},
	{"ed25519", "host", "ssh-ed25519-cert-v01@openssh.com", "git", "with algorithm"},
	{"ed25519", "host", "ssh-ed25519", "git", "another key"},
};

/* Even of a host's certificate the blob is needed. */
static struct slice blob_of(const char *name, uint8_t buf[static LINE])
{
	char line[LINE], *base64, *end;
	size_t n;

	cert_line(line, name);
	base64 = strchr(line, ' ') + 1;
	end = strchr(base64, ' ');
	cr_assert(base64_decode(buf, LINE, &n, base64, (size_t)(end - base64)) == ERR_OK);
	return (struct slice){buf, n};
}

static void put_login(struct wbuf *w, const struct login *l, const struct key *key)
{
	uint8_t buf[LINE];
	struct slice blob;
	size_t mark;

	wbuf_cstring(w, "session");
	wbuf_u8(w, 50);
	wbuf_cstring(w, l->user);
	wbuf_cstring(w, "ssh-connection");
	wbuf_cstring(w, "publickey");
	wbuf_u8(w, 1);
	wbuf_cstring(w, l->algorithm);
	if (l->embedded[0] != '\0') {
		blob = blob_of(l->embedded, buf);
		wbuf_string(w, blob.p, blob.n);
	} else {
		mark = wbuf_open_string(w);
		cr_assert(ssh_put_blob(w, key) == ERR_OK);
		wbuf_close_string(w, mark);
	}
}

Test(ssh_cert, logins)
{
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		const struct login *l = &logins[i];
		struct key key = {.known = true, .allow = ALLOW_USERAUTH};
		uint8_t buf[LINE];
		struct wbuf w = wbuf_new(buf, sizeof(buf));
		struct proof proof = {0};
		struct why why = {0};
		struct cert cert;
		enum err e;

		parse_good(l->key, &cert);
		cr_assert(identity_parse(&key.id, "ssh://git@h", NULL) == ERR_OK);
		key.id.curve = cert.curve;
		memcpy(key.public_key, cert.public_key, PUBLIC_KEY_LEN);
		free(cert.blob);
		put_login(&w, l, &key);
		cr_assert(wbuf_ok(&w));
		e = ssh_scheme.check_sign(&key, NULL, (struct slice){buf, w.n}, &proof, &why);
		cr_expect((e == ERR_OK) == (l->why == NULL), "%zu: %s", i, why.text);
		if (l->why != NULL)
			cr_expect(strstr(why.text, l->why) != NULL, "%zu: %s", i, why.text);
		else
			cr_expect((strstr(proof.facts, " and a certificate, ") != NULL) ==
					  (l->embedded[0] != '\0'),
				  "%zu: %s", i, proof.facts);
	}
}
