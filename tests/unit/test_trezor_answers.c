/* SPDX-License-Identifier: MIT */
/* A wallet that is not ready, or that answers what it should not: nothing of it is used. And what
 * is sent where a wallet would refuse more, or would do something else. */
#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_answers, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

/* Features: vendor, device_id "AAAA", label "peer"; initialized, unlocked. */
#define REST    "320441414141520470656572"
#define USABLE  "6001800101"
#define KEEPKEY "0a0b6b6565706b65792e636f6d" REST USABLE
#define MODEL   "aa010131"
#define TREZOR  "0a097472657a6f722e696f" REST
#define FIRST   "9a02201111111111111111111111111111111111111111111111111111111111111111"
#define KEY     "000869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226"
#define OTHER   "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define SSH     "ssh://satoshi@bitcoin.org"

static void plug(const char *features)
{
	script_host("3f23230037");
	script_message(MSG_FEATURES, features);
	bench_plug(true);
}

/* A flow of a Trezor begins. */
static void begin(bool resume)
{
	script_host(resume ? "3f23230000000000220a20" /* and its session */
			     "1111111111111111111111111111111111111111111111111111111111111111"
			   : "3f2323");
	script_message(MSG_FEATURES, TREZOR USABLE MODEL FIRST);
}

static struct task sign(void)
{
	struct task t = task_new(OP_SIGN, SSH, CURVE_ED25519);

	task_sign(&t, KEY);
	return t;
}

static void expect_error(struct task *t, enum err want, const char *says)
{
	cr_assert_eq(task_run(t), want, "%s", t->job.why.text);
	cr_assert(strstr(t->job.why.text, says), "'%s' does not say '%s'", t->job.why.text, says);
	cr_assert_eq(t->job.out_len, 0);
	cr_assert_null(t->job.secret.p);
	script_end();
}

/* ---- not ready ---- */

Test(trezor_answers, bootloader)
{
	struct task t = sign();

	plug(TREZOR USABLE MODEL "2801");
	cr_assert_str_eq(device_info(bench.device)->about, "Trezor One 0.0.0, in its bootloader");
	script_host("3f2323");
	script_message(MSG_FEATURES, TREZOR USABLE MODEL "2801");
	expect_error(&t, ERR_UNSUPPORTED, "trezor:peer is in its bootloader");
}

/* And not that it will never have a wallet: the agent would not ask again. */
Test(trezor_answers, not_set_up)
{
	struct task t = sign();

	plug(TREZOR MODEL);
	cr_assert_str_eq(device_info(bench.device)->about, "Trezor One 0.0.0, not set up");
	script_host("3f2323");
	script_message(MSG_FEATURES, TREZOR MODEL);
	expect_error(&t, ERR_NOT_FOUND, "trezor:peer has no keys yet");
}

/* Its session went while we talked: the next flow does not name it. */
Test(trezor_answers, session_refused)
{
	struct task a = sign(), b = sign();

	plug(TREZOR USABLE MODEL);
	begin(false);
	script_any(2);
	script_message(MSG_FAILURE, "080e");
	expect_error(&a, ERR_DEVICE_ERROR, "lost its session: try again");
	begin(false);
	script_any(2);
	script_message(MSG_FAILURE, "0804");
	expect_error(&b, ERR_REFUSED, "refused on");
}

Test(trezor_answers, locked)
{
	struct task lock = task_new(OP_LOCK, SSH, CURVE_ED25519), t = sign();

	plug(TREZOR USABLE MODEL);
	begin(false);
	script_host("3f23230053");
	script_message(MSG_SUCCESS, "");
	script_host("3f23230018");
	script_message(MSG_SUCCESS, "");
	cr_assert_eq(task_run(&lock), ERR_OK, "%s", lock.job.why.text);
	expect_error(&t, ERR_LOCKED, "run `lanyard unlock trezor:peer`"); /* nothing is sent */
}

/* Where a Trezor ends its session, a KeepKey changes its policies. */
Test(trezor_answers, keepkey_locked)
{
	struct task lock = task_new(OP_LOCK, SSH, CURVE_ED25519);

	plug(KEEPKEY);
	script_host("3f2323");
	script_message(MSG_FEATURES, KEEPKEY);
	script_host("3f23230018");
	script_message(MSG_SUCCESS, "");
	cr_assert_eq(task_run(&lock), ERR_OK, "%s", lock.job.why.text);
	script_end();
}

/* ---- answers ---- */

/* SignedIdentity in each form that is none. */
Test(trezor_answers, signatures)
{
	static const char *const bad[] = {
		"",
		"1221" KEY,                /* no signature */
		"1a4100" KEY KEY "00",     /* no public key; a byte more than fits */
		"1220" KEY,                /* cut */
		"1221" KEY "1a40" KEY KEY, /* cut */
		"1221" KEY "1a4000" KEY
		"00000000000000000000000000000000000000000000000000000000000000",
		"1221" KEY "1a4200" KEY KEY, /* 66 bytes */
		"1220"
		"0869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226"
		"1a4100",
		"0a00",
	};

	plug(TREZOR USABLE MODEL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct task t = sign();
		begin(i > 0);
		script_any(2);
		script_message(MSG_SIGNED_IDENTITY, bad[i]);
		expect_error(&t, ERR_DEVICE_ERROR, "");
	}
}

/* Of another key: both are named, and it is not used. */
Test(trezor_answers, other_keys)
{
	struct task a = sign(), b = task_new(OP_ECDH, SSH, CURVE_CURVE25519);
	struct task c = task_new(OP_SECRET, SSH, CURVE_CURVE25519);
	static uint8_t peer[32] = {9};

	task_sign(&b, KEY);
	task_sign(&c, KEY);
	b.job.data = (struct slice){peer, sizeof(peer)};
	plug(TREZOR USABLE MODEL);
	begin(false);
	script_any(2);
	script_message(MSG_SIGNED_IDENTITY, "1221" OTHER "1a41" KEY "0000000000000000000000000000"
					    "000000000000000000000000000000000000");
	expect_error(&a, ERR_MISMATCH, KEY);
	for (int i = 0; i < 2; i++) {
		begin(false); /* the session was given up */
		script_any(2);
		script_message(MSG_ECDH_SESSION_KEY,
			       "0a2104"
			       "0101010101010101010101010101010101010101010101010101010101010101"
			       "1221" OTHER);
		expect_error(i ? &c : &b, ERR_MISMATCH, KEY);
	}
}

/* A public key of ed25519 may come with another first byte. */
Test(trezor_answers, first_byte)
{
	struct task t = task_new(OP_PUBLIC_KEY, SSH, CURVE_ED25519);

	plug(TREZOR USABLE MODEL);
	begin(false);
	script_any(1);
	script_message(MSG_PUBLIC_KEY,
		       "0a23322101"
		       "0869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226");
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	cr_assert_eq(t.job.out[0], 0);
}

/* Old firmware does not say which key it used: that is no key that was checked. */
Test(trezor_answers, shared_key_without_public_key)
{
	struct task t = task_new(OP_SECRET, SSH, CURVE_CURVE25519);

	plug(TREZOR USABLE MODEL);
	begin(false);
	script_any(2);
	script_message(MSG_ECDH_SESSION_KEY,
		       "0a2104"
		       "0101010101010101010101010101010101010101010101010101010101010101");
	expect_error(&t, ERR_UNSUPPORTED, "does not say which key it used");
}

static void keepkey_secret(const char *key, const char *answer, enum err want, const char *says)
{
	struct task t = task_new(OP_SECRET, "secret://a", CURVE_CURVE25519);

	task_sign(&t, KEY);
	script_any(1);
	script_message(MSG_FEATURES, KEEPKEY);
	script_any(1);
	script_message(MSG_PUBLIC_KEY, key);
	if (answer) {
		script_any(2);
		script_message(MSG_CIPHERED_KEY_VALUE, answer);
	}
	expect_error(&t, want, says);
}

/* Another wallet is found out before the button; an answer of another length is none. */
Test(trezor_answers, keepkey_secrets)
{
	plug(KEEPKEY);
	keepkey_secret("0a233221" OTHER, NULL, ERR_MISMATCH, KEY);
	keepkey_secret("0a233221" KEY, "0a21" KEY, ERR_DEVICE_ERROR, "");
	keepkey_secret("0a233221" KEY, "", ERR_DEVICE_ERROR, "");
}

/* ---- what is sent ---- */

/* Of a digest for ECDSA its first 32 bytes, whatever its length. */
Test(trezor_answers, gpg_digest)
{
	static uint8_t digest[64];

	for (size_t i = 0; i < sizeof(digest); i++)
		digest[i] = (uint8_t)(i + 1);
	plug(TREZOR USABLE MODEL);
	for (size_t n = 32; n <= sizeof(digest); n += 16) {
		struct task t = task_new(OP_SIGN, "gpg://a@b", CURVE_NIST256P1);
		task_sign(&t, "03f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c813b0d597f446");
		t.job.data = (struct slice){digest, n};
		t.job.visual = NULL;
		begin(n > 32);
		script_host("3f232300350000003b"
			    "0a0c0a03677067"
			    "1a03614062"
			    "3000"
			    "1220"
			    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
			    "2209"
			    "6e69737432");
		script_host("3f"
			    "35367031");
		script_message(MSG_FAILURE, "0804");
		expect_error(&t, ERR_REFUSED, "refused");
	}
}
