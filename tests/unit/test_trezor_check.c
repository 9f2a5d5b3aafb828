/* SPDX-License-Identifier: MIT */
/* devices/trezor/check.c: what is refused before a wallet asks anybody, at its exact limits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "devices/trezor/check.h"

static struct wallet one = {.name = "trezor:a", .features = {.small = true}};
static struct wallet keepkey = {.name = "keepkey:a", .features = {.small = true, .keepkey = true}};
static struct wallet core = {.name = "trezor:b"};
static uint8_t data[4096];

static void start(void)
{
	struct why why;

	cr_assert_eq(secret_start(&why), ERR_OK);
}

TestSuite(trezor_check, .init = start);

static struct job job(const char *uri, enum curve curve, size_t n)
{
	struct job j = {.data = {data, n}};
	struct why why = {0};

	cr_assert_eq(identity_parse(&j.id, uri, &why), ERR_OK, "%s", why.text);
	j.id.curve = curve;
	return j;
}

static enum err sign(const struct wallet *w, const char *uri, enum curve curve, size_t n,
		     const char *says)
{
	struct job j = job(uri, curve, n);
	enum err e = check_sign(w, &j);

	if (says)
		cr_assert(strstr(j.why.text, says), "'%s' does not say '%s'", j.why.text, says);
	return e;
}

Test(trezor_check, length_of_the_challenge)
{
	static const char ssh[] = "ssh://a@b", other[] = "x://a@b";

	cr_expect_eq(sign(&one, ssh, CURVE_ED25519, 512, NULL), ERR_OK);
	cr_expect_eq(sign(&one, ssh, CURVE_ED25519, 513, "RSA host key of 3072 bits or more"),
		     ERR_TOO_LARGE);
	/* A nist256p1 key is longer, and twice in a login: 2048 bits are too many beside it. */
	cr_expect_eq(sign(&one, ssh, CURVE_NIST256P1, 513, "(2048 beside a nist256p1 key)"),
		     ERR_TOO_LARGE);
	cr_expect_eq(sign(&one, ssh, CURVE_ED25519, 513, "`PubkeyAuthentication unbound`"),
		     ERR_TOO_LARGE);
	cr_expect_eq(sign(&keepkey, ssh, CURVE_NIST256P1, 256, NULL), ERR_OK);
	cr_expect_eq(sign(&keepkey, ssh, CURVE_NIST256P1, 257, "`PubkeyAuthentication unbound`"),
		     ERR_TOO_LARGE);
	cr_expect_eq(sign(&one, other, CURVE_ED25519, 513, "at most 512 bytes, and this is 513"),
		     ERR_TOO_LARGE);
	cr_expect_eq(sign(&core, ssh, CURVE_ED25519, 3072, NULL), ERR_OK);
	cr_expect_eq(sign(&core, ssh, CURVE_ED25519, 3073, NULL), ERR_TOO_LARGE);
}

Test(trezor_check, gpg_digests)
{
	static const char gpg[] = "gpg://A <a@b>";

	cr_expect_eq(sign(&one, gpg, CURVE_NIST256P1, 31, "at least 32 bytes, not 31"),
		     ERR_INVALID);
	cr_expect_eq(sign(&one, gpg, CURVE_NIST256P1, 32, NULL), ERR_OK);
	cr_expect_eq(sign(&one, gpg, CURVE_SECP256K1, 64, NULL), ERR_OK);
	cr_expect_eq(sign(&one, gpg, CURVE_ED25519, 20, NULL), ERR_OK);
}

Test(trezor_check, curves)
{
	cr_expect_eq(sign(&one, "x://a", CURVE_CURVE25519, 1, "allowed: ed25519, nist256p1"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, "x://a", CURVE_COUNT, 1, NULL), ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, "signify://a", CURVE_ED25519, 1, NULL), ERR_OK);
	cr_expect_eq(sign(&one, "signify://a", CURVE_NIST256P1, 1, "ed25519"), ERR_UNSUPPORTED);
	cr_expect_eq(sign(&keepkey, "signify://a", CURVE_ED25519, 1, "Trezor"), ERR_UNSUPPORTED);
}

/* A URI with parts of these lengths. */
static const char *uri_of(int proto, int user, int host, int port, int path)
{
	static char uri[IDENTITY_URI_MAX + 1];
	char xs[300];

	memset(xs, 'x', sizeof(xs));
	snprintf(uri, sizeof(uri), "%.*s://%.*s@%.*s:%0*d/%.*s", proto, xs, user, xs, host, xs,
		 port, 1, path - 1, xs);
	return uri;
}

Test(trezor_check, lengths_of_the_parts)
{
	cr_expect_eq(sign(&one, uri_of(8, 63, 63, 5, 255), CURVE_ED25519, 1, NULL), ERR_OK);
	cr_expect_eq(sign(&one, uri_of(9, 63, 63, 5, 255), CURVE_ED25519, 1,
			  "8 characters of "
			  "protocol"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, uri_of(8, 64, 63, 5, 255), CURVE_ED25519, 1,
			  "63 characters of "
			  "user"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, uri_of(8, 63, 64, 5, 255), CURVE_ED25519, 1,
			  "63 characters of "
			  "host"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, uri_of(8, 63, 63, 6, 255), CURVE_ED25519, 1,
			  "5 characters of "
			  "port"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&one, uri_of(8, 63, 63, 5, 256), CURVE_ED25519, 1,
			  "255 characters of "
			  "path"),
		     ERR_UNSUPPORTED);
	cr_expect_eq(sign(&core, uri_of(9, 64, 64, 6, 256), CURVE_ED25519, 1, NULL), ERR_OK);
	struct job j = job("x://a", CURVE_ED25519, 1);
	char visual[257];
	memset(visual, 'v', 256);
	visual[256] = '\0';
	j.visual = visual + 1;
	cr_expect_eq(check_sign(&one, &j), ERR_OK);
	j.visual = visual;
	cr_expect_eq(check_sign(&one, &j), ERR_TOO_LARGE);
}

Test(trezor_check, secrets)
{
	char uri[300] = "secret://";

	memset(uri + 9, 'x', 229);
	struct job j = job(uri, CURVE_CURVE25519, 0);
	cr_expect_eq(check_secret(&keepkey, &j), ERR_UNSUPPORTED); /* 238 */
	cr_expect_eq(check_secret(&one, &j), ERR_UNSUPPORTED);     /* its host is too long */
	uri[237] = '\0';
	j = job(uri, CURVE_CURVE25519, 0);
	cr_expect_eq(check_secret(&keepkey, &j), ERR_OK);
	j = job("secret://a", CURVE_CURVE25519, 0);
	cr_expect_eq(check_secret(&one, &j), ERR_OK);
}

/* The point as it would be sent, or the error. */
static enum err ecdh(enum curve curve, const char *hex, const char *want)
{
	struct job j = job("x://a", curve, 0);
	uint8_t out[SHARED_MAX];
	char sent[2 * SHARED_MAX + 1];
	size_t n = 0;

	cr_assert_eq(hex_decode(data, sizeof(data), &j.data.n, hex, strlen(hex)), ERR_OK);
	enum err e = check_ecdh(&one, &j, out, &n);
	if (e)
		return e;
	hex_encode(sent, out, n);
	cr_expect_str_eq(sent, want);
	return e;
}

#define X "74f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860"
#define Y "e4965b0a6e365261a055fac2a524c39ce8b28f4c7b105bd26c60dd7ca496513d"
#define U "9ca1f741de8ce5f36a71c0e6ae269a98d6b1a584056c6cca458f58379eeb5a0c"

Test(trezor_check, points)
{
	cr_expect_eq(ecdh(CURVE_NIST256P1, "04" X Y, "04" X Y), ERR_OK);
	cr_expect_eq(ecdh(CURVE_NIST256P1, "03" X, "04" X Y), ERR_OK);
	cr_expect_eq(ecdh(CURVE_NIST256P1, "04" X X, NULL), ERR_BAD_POINT); /* off the curve */
	cr_expect_eq(ecdh(CURVE_NIST256P1, "06" X Y, NULL), ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_NIST256P1, X, NULL), ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_NIST256P1, "04" X Y "00", NULL), ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_NIST256P1, "", NULL), ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_CURVE25519, U, "40" U), ERR_OK);
	cr_expect_eq(ecdh(CURVE_CURVE25519, "40" U, "40" U), ERR_OK);
	cr_expect_eq(ecdh(CURVE_CURVE25519, "00" U, "40" U), ERR_OK);
	cr_expect_eq(ecdh(CURVE_CURVE25519, "41" U, NULL), ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_CURVE25519, U "00", NULL), ERR_BAD_POINT);
	/* Of low order: firmware would answer with zeros. */
	cr_expect_eq(ecdh(CURVE_CURVE25519,
			  "0100000000000000000000000000000000000000000000000000000000000000", NULL),
		     ERR_BAD_POINT);
	cr_expect_eq(ecdh(CURVE_ED25519, U, NULL), ERR_UNSUPPORTED);
}
