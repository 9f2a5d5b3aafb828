/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "derive/hostkey.h"
#include "derive/secret.h"
#include "test_derive_vectors.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(hostkey, .init = start);

enum { PART_MAX = 600 };

struct part {
	uint8_t p[PART_MAX];
	size_t n;
};

/* a, b and c as the file's header says. */
struct row {
	const char *kind, *a;
	enum hash hash;
	struct part e, b, c, data, sig;
};

static struct slice view(const struct part *p)
{
	return (struct slice){p->p, p->n};
}

static struct part part(const char *hex)
{
	struct part p = {.n = 0};

	p.n = unhex(p.p, sizeof p.p, hex);
	return p;
}

static struct row read_row(const struct tsv *t)
{
	struct row r = {.kind = t->column[0], .a = t->column[1]};

	r.b = part(t->column[2]);
	r.data = part(t->column[4]);
	r.sig = part(t->column[5]);
	if (strcmp(r.kind, "rsa") == 0) {
		r.e = part(r.a);
		r.hash = strcmp(t->column[3], "sha256") == 0   ? HASH_SHA256
			 : strcmp(t->column[3], "sha384") == 0 ? HASH_SHA384
							       : HASH_SHA512;
	} else if (strcmp(r.kind, "ecdsa") == 0) {
		r.c = part(t->column[3]);
	}
	return r;
}

static enum err check(const struct row *r)
{
	if (strcmp(r->kind, "rsa") == 0) {
		return verify_rsa(view(&r->e), view(&r->b), r->hash, view(&r->data), view(&r->sig));
	}
	if (strcmp(r->kind, "ecdsa") == 0) {
		return verify_ecdsa((unsigned)atoi(r->a), view(&r->b), view(&r->data), view(&r->c),
				    view(&r->sig));
	}
	return verify_ed25519(view(&r->b), view(&r->data), view(&r->sig));
}

/* "00 ||" in front, as SSH writes a number whose first bit is set. */
static void prepend_zero(struct part *p)
{
	memmove(p->p + 1, p->p, p->n);
	p->p[0] = 0;
	p->n++;
}

Test(hostkey, vectors)
{
	struct tsv t;
	unsigned rows = 0;

	tsv_open(&t, "tests/vectors/hostkey.tsv");
	for (; tsv_next(&t, 6); rows++) {
		struct row r = read_row(&t), bad;

		cr_expect(check(&r) == ERR_OK, "line %u", t.line);
		bad = r;
		bad.data.p[0] ^= 1;
		cr_expect(check(&bad) == ERR_DEVICE_ERROR, "line %u: other data", t.line);
		for (size_t i = 0; i < r.sig.n; i++) {
			bad = r;
			bad.sig.p[i] ^= 1;
			cr_expect(check(&bad) == ERR_DEVICE_ERROR, "line %u: byte %zu", t.line, i);
		}
		bad = r;
		bad.sig.n--;
		cr_expect(check(&bad) == ERR_DEVICE_ERROR, "line %u: cut", t.line);
		bad = r;
		bad.sig.n++;
		cr_expect(check(&bad) == ERR_DEVICE_ERROR, "line %u: longer", t.line);
		bad = r;
		bad.sig.n = 0;
		cr_expect(check(&bad) == ERR_DEVICE_ERROR, "line %u: empty", t.line);
		if (strcmp(r.kind, "ed25519") != 0) {
			bad = r;
			prepend_zero(&bad.sig);
			prepend_zero(&bad.c);
			prepend_zero(&bad.e);
			if (strcmp(r.kind, "rsa") == 0) {
				prepend_zero(&bad.b);
			}
			cr_expect(check(&bad) == ERR_OK, "line %u: as mpint", t.line);
		}
		bad = r;
		bad.b.n--;
		cr_expect(check(&bad) != ERR_OK, "line %u: key cut", t.line);
		bad.b.n = 0;
		cr_expect(check(&bad) ==
				  (strcmp(r.kind, "rsa") == 0 ? ERR_UNSUPPORTED : ERR_BAD_POINT),
			  "line %u: no key", t.line);
	}
	tsv_close(&t, rows, 10);
}

Test(hostkey, rsa_sizes_and_exponents)
{
	static uint8_t n[2049], sig[2049];
	static const struct {
		size_t bytes;
		uint8_t top;
		enum err want;
	} sizes[] = {{127, 0xFF, ERR_UNSUPPORTED},
		     {128, 0x7F, ERR_UNSUPPORTED},
		     {128, 0x80, ERR_DEVICE_ERROR},
		     {2048, 0xFF, ERR_DEVICE_ERROR},
		     {2049, 0x01, ERR_UNSUPPORTED}};
	static const struct {
		uint8_t e[9];
		size_t bytes;
		enum err want;
	} exponents[] = {{{0}, 0, ERR_UNSUPPORTED},
			 {{1}, 1, ERR_UNSUPPORTED},
			 {{4}, 1, ERR_UNSUPPORTED},
			 {{3}, 1, ERR_DEVICE_ERROR},
			 {{1, 0, 0, 0, 0, 0, 0, 1}, 8, ERR_DEVICE_ERROR},
			 {{1, 0, 0, 0, 0, 0, 0, 0, 1}, 9, ERR_UNSUPPORTED}};
	const struct slice three = {(const uint8_t[]){3}, 1};
	const struct slice data = {(const uint8_t *)"x", 1};

	memset(n, 0xFF, sizeof n);
	sig[0] = 1;
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		n[0] = sizes[i].top;
		cr_expect(verify_rsa(three, (struct slice){n, sizes[i].bytes}, HASH_SHA256, data,
				     (struct slice){sig, 100}) == sizes[i].want,
			  "%zu bytes", sizes[i].bytes);
	}
	n[0] = 0xFF;
	for (unsigned i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
		struct slice e = {exponents[i].e, exponents[i].bytes};

		cr_expect(verify_rsa(e, (struct slice){n, 256}, HASH_SHA256, data,
				     (struct slice){sig, 100}) == exponents[i].want,
			  "exponent %u", i);
	}
	n[255] = 0xFE;
	cr_expect(verify_rsa(three, (struct slice){n, 256}, HASH_SHA256, data,
			     (struct slice){sig, 100}) == ERR_UNSUPPORTED,
		  "even modulus");
}

Test(hostkey, ecdsa_points)
{
	static const uint8_t point[65] = {4, 1, 2, 3}; /* not on the curve */
	const struct slice one = {(const uint8_t[]){1}, 1};
	const struct slice data = {(const uint8_t *)"x", 1};

	cr_expect(verify_ecdsa(256, (struct slice){point, 65}, data, one, one) == ERR_BAD_POINT);
	cr_expect(verify_ecdsa(384, (struct slice){point, 65}, data, one, one) == ERR_BAD_POINT);
	cr_expect(verify_ecdsa(224, (struct slice){point, 65}, data, one, one) == ERR_UNSUPPORTED);
	cr_expect(verify_ecdsa(0, (struct slice){point, 65}, data, one, one) == ERR_UNSUPPORTED);
}

/* FIPS 180-2, appendix B.1. */
Test(hostkey, sha256)
{
	uint8_t out[32];

	hash_sha256(out, "abc", 3);
	expect_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		   "SHA-256", 0);
}
