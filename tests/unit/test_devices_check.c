/* SPDX-License-Identifier: MIT */
/* A device that lies: wrong signature, wrong key, wrong length (devices/check.c). */
#include <string.h>

#include "derive/encode.h"
#include "tests/unit/test_devices_fake.h"

TestSuite(devices_check, .init = fake_setup, .fini = fake_teardown, .timeout = 30);

static const uint8_t key[32] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[32] = "another key another key another";
static const struct slice data = {(const uint8_t *)"to be signed", 12};

/* A job whose key is known to be `key`'s. */
static struct play known(enum op op, enum curve curve, const uint8_t *fill, size_t n)
{
	struct play p = play(op, ACT_OK);
	p.job.id.curve = curve;
	p.job.data = data;
	p.job.has_expect = true;
	cr_assert_eq(ecc_public(curve, key, p.job.expect), ERR_OK);
	p.fill = fill;
	p.fill_len = n;
	return p;
}

static void answers(struct play p, enum err want)
{
	submit(&p);
	finish(&p, want);
}

static void sign(enum curve curve, const uint8_t by[static 32], uint8_t sig[static SIGNATURE_LEN])
{
	struct play p = known(OP_SIGN, curve, NULL, 0);
	cr_assert_eq(ecc_sign(curve, signing_of(&p.job.id), by, data.p, data.n, NULL, sig), ERR_OK);
}

static void check_signatures(enum curve curve)
{
	uint8_t sig[SIGNATURE_LEN + 1] = {0};

	sign(curve, key, sig);
	answers(known(OP_SIGN, curve, sig, SIGNATURE_LEN), ERR_OK);
	answers(known(OP_SIGN, curve, sig, SIGNATURE_LEN - 1), ERR_DEVICE_ERROR);
	answers(known(OP_SIGN, curve, sig, SIGNATURE_LEN + 1), ERR_DEVICE_ERROR);
	answers(known(OP_SIGN, curve, sig, 0), ERR_DEVICE_ERROR);
	for (size_t i = 0; i < SIGNATURE_LEN; i++) {
		sig[i] ^= 1;
		answers(known(OP_SIGN, curve, sig, SIGNATURE_LEN), ERR_DEVICE_ERROR);
		sig[i] ^= 1;
	}
	sign(curve, other_key, sig);
	answers(known(OP_SIGN, curve, sig, SIGNATURE_LEN), ERR_DEVICE_ERROR);
}

Test(devices_check, signature_ed25519)
{
	check_signatures(CURVE_ED25519);
}

Test(devices_check, signature_nist256p1)
{
	check_signatures(CURVE_NIST256P1);
}

Test(devices_check, signature_needs_a_known_key)
{
	uint8_t sig[SIGNATURE_LEN];
	sign(CURVE_ED25519, key, sig);
	struct play p = known(OP_SIGN, CURVE_ED25519, sig, SIGNATURE_LEN);
	p.job.has_expect = false;
	cr_assert_eq(device_submit(device(), &p.job), ERR_INTERNAL);
	turn();
	cr_assert_eq(p.dones, 0);
}

Test(devices_check, another_public_key_is_a_mismatch_that_names_both)
{
	uint8_t right[PUBLIC_KEY_LEN], wrong[PUBLIC_KEY_LEN];
	char hex[2 * PUBLIC_KEY_LEN + 1];
	cr_assert_eq(ecc_public(CURVE_NIST256P1, key, right), ERR_OK);
	cr_assert_eq(ecc_public(CURVE_NIST256P1, other_key, wrong), ERR_OK);

	answers(known(OP_PUBLIC_KEY, CURVE_NIST256P1, right, sizeof(right)), ERR_OK);
	struct play p = known(OP_PUBLIC_KEY, CURVE_NIST256P1, wrong, sizeof(wrong));
	submit(&p);
	finish(&p, ERR_MISMATCH);
	hex_encode(hex, right, sizeof(right));
	cr_assert_not_null(strstr(p.job.why.text, hex));
	hex_encode(hex, wrong, sizeof(wrong));
	cr_assert_not_null(strstr(p.job.why.text, hex));
	cr_assert_not_null(strstr(p.job.why.text, "passphrase"));
}

Test(devices_check, public_key_is_a_point)
{
	uint8_t pub[PUBLIC_KEY_LEN];
	cr_assert_eq(ecc_public(CURVE_NIST256P1, key, pub), ERR_OK);
	for (size_t n = 0; n < sizeof(pub); n++)
		answers(known(OP_PUBLIC_KEY, CURVE_NIST256P1, pub, n), ERR_DEVICE_ERROR);
	pub[0] = 5;
	answers(known(OP_PUBLIC_KEY, CURVE_NIST256P1, pub, sizeof(pub)), ERR_DEVICE_ERROR);
	memset(pub, 0, sizeof(pub));
	answers(known(OP_PUBLIC_KEY, CURVE_CURVE25519, pub, sizeof(pub)), ERR_DEVICE_ERROR);
}

Test(devices_check, shared_secret_has_its_shape)
{
	uint8_t bytes[SHARED_MAX + 1] = {0};

	answers(known(OP_ECDH, CURVE_CURVE25519, bytes, 32), ERR_DEVICE_ERROR); /* all zero */
	answers(known(OP_SECRET, CURVE_ED25519, bytes, 32), ERR_DEVICE_ERROR);
	memset(bytes, 9, sizeof(bytes));
	answers(known(OP_ECDH, CURVE_CURVE25519, bytes, 32), ERR_OK);
	answers(known(OP_ECDH, CURVE_CURVE25519, bytes, 31), ERR_DEVICE_ERROR);
	answers(known(OP_ECDH, CURVE_CURVE25519, bytes, 33), ERR_DEVICE_ERROR);
	answers(known(OP_SECRET, CURVE_ED25519, bytes, 32), ERR_OK);
	answers(known(OP_SECRET, CURVE_ED25519, bytes, 33), ERR_DEVICE_ERROR);
	answers(known(OP_ECDH, CURVE_NIST256P1, bytes, 65), ERR_DEVICE_ERROR);
	bytes[0] = 4;
	answers(known(OP_ECDH, CURVE_NIST256P1, bytes, 65), ERR_OK);
	answers(known(OP_ECDH, CURVE_NIST256P1, bytes, 66), ERR_DEVICE_ERROR);
}
