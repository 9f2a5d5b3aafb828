/* SPDX-License-Identifier: MIT */
/* A wallet whose passphrase was changed behind our back: no key of another wallet comes out as if
 * it were of this one, where no recorded key would tell. */
#include <stdio.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/kdf.h"
#include "devices/trezor/wallet.h"
#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_sessions, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

/* Features: vendor, device_id "AAAA", a passphrase, label "peer", initialized, unlocked. */
#define REST          "32044141414140015204706565726001800101"
#define KEEPKEY       "0a0b6b6565706b65792e636f6d" REST
#define TREZOR        "0a097472657a6f722e696f" REST "aa010131"
#define FIRST         "1111111111111111111111111111111111111111111111111111111111111111"
#define SECOND        "2222222222222222222222222222222222222222222222222222222222222222"
#define OTHER_SESSION "3333333333333333333333333333333333333333333333333333333333333333"
#define KEY           "000869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226"
#define OTHER         "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void features(const char *hex, const char *session)
{
	char all[300];

	snprintf(all, sizeof(all), "%s%s%s", hex, session ? "9a0220" : "", session ? session : "");
	script_message(MSG_FEATURES, all);
}

/* A flow begins with `packet`, and the device is as it says. */
static void begin(const char *packet, const char *hex, const char *session)
{
	script_host(packet);
	features(hex, session);
}

/* GetPublicKey is sent, and answered. */
static void public_key(const char *key)
{
	char node[100];

	script_any(1);
	snprintf(node, sizeof(node), "0a233221%s", key);
	script_message(MSG_PUBLIC_KEY, node);
}

/* GetPublicKey is sent, the passphrase asked for, and then it is answered. */
static void public_key_after_passphrase(const char *key)
{
	char node[100];

	script_any(1);
	script_message(MSG_PASSPHRASE_REQUEST, "");
	script_host("3f2323002a000000080a065452455a4f52");
	snprintf(node, sizeof(node), "0a233221%s", key);
	script_message(MSG_PUBLIC_KEY, node);
}

static struct task job(enum op op, const char *uri)
{
	struct task t = task_new(op, uri, CURVE_ED25519);

	t.answers[0] = "TREZOR";
	return t;
}

#define GET_FEATURES "3f23230037"
#define INITIALIZE   "3f2323"
#define RESUME       "3f23230000000000220a20"

/* Its wallet is known: the agent has asked for it. */
static void plug(const char *hex, const char *session)
{
	struct task t = job(OP_PUBLIC_KEY, "lanyard://wallet");

	begin(GET_FEATURES, hex, NULL);
	bench_plug(true);
	begin(INITIALIZE, hex, session);
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_READY);
}

static void expect_error(struct task *t, enum err e, const char *text)
{
	cr_assert_eq(task_run(t), e, "%s", t->job.why.text);
	cr_assert(strstr(t->job.why.text, text), "%s", t->job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	script_end();
}

static void expect_locked(struct task *t)
{
	expect_error(t, ERR_LOCKED, "another passphrase than before");
}

static void expect_mistyped(struct task *t)
{
	expect_error(t, ERR_MISMATCH, "probably mistyped");
}

/* A KeepKey has one passphrase for all programs. */
Test(trezor_sessions, keepkey_has_another_programs_passphrase)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"),
		    b = job(OP_UNLOCK, "lanyard://wallet");
	struct task c = job(OP_PUBLIC_KEY, "ssh://new@host"), d = job(OP_SECRET, "secret://new");

	plug(KEEPKEY, NULL);
	begin(GET_FEATURES, KEEPKEY, NULL);
	public_key(OTHER);
	expect_locked(&a);
	begin(INITIALIZE, KEEPKEY, NULL); /* which forgets that one */
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	begin(GET_FEATURES, KEEPKEY, NULL);
	public_key(KEY);
	public_key(KEY);
	cr_assert_eq(task_run(&c), ERR_OK, "%s", c.job.why.text);
	begin(GET_FEATURES, KEEPKEY, NULL);
	public_key(OTHER);
	expect_locked(&d);
	cr_assert_eq(a.asks + c.asks + d.asks, 0);
}

/* An unlock that asks nothing proves nothing. */
Test(trezor_sessions, keepkey_unlocked_by_another_program)
{
	struct task a = job(OP_UNLOCK, "lanyard://wallet");

	plug(KEEPKEY, NULL);
	begin(GET_FEATURES, KEEPKEY, NULL);
	public_key(OTHER);
	begin(INITIALIZE, KEEPKEY, NULL); /* which forgets that one */
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(a.asks, 1);
}

/* Ten other sessions, or a reset, and ours is gone: the passphrase is asked for in between. */
Test(trezor_sessions, session_lost)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"),
		    b = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, TREZOR, OTHER_SESSION);
	begin(resume, TREZOR, SECOND);
	public_key_after_passphrase(KEY); /* the right one */
	public_key(KEY);
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(a.asks, 1);
	snprintf(resume, sizeof(resume), RESUME "%s", SECOND);
	begin(resume, TREZOR, OTHER_SESSION);
	begin(resume, TREZOR, FIRST);
	public_key_after_passphrase(OTHER);
	expect_mistyped(&b);
}

/* Left waiting by another program: Initialize ends that, with another session than it names. */
Test(trezor_sessions, session_resumed_after_a_wait)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, TREZOR, SECOND);
	begin(resume, TREZOR, FIRST);
	public_key(KEY);
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(a.asks, 0);
	script_end();
}

/* It says that it is the session, and asks for a passphrase all the same. */
Test(trezor_sessions, session_without_its_passphrase)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"),
		    b = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, TREZOR, FIRST);
	public_key_after_passphrase(KEY);
	public_key(KEY);
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	begin(resume, TREZOR, FIRST);
	public_key_after_passphrase(KEY);
	public_key(OTHER);
	expect_mistyped(&b);
}

/* Its owner turned the passphrase off on it. */
Test(trezor_sessions, passphrase_turned_off)
{
	static const char off[] = "0a097472657a6f722e696f32044141414140005204706565726001800101"
				  "aa010131";
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, off, SECOND);
	public_key(OTHER);
	expect_locked(&a);
}

/* Locked, also when another program has it just then: the passphrase is asked for again. */
Test(trezor_sessions, locked_while_another_program_has_it)
{
	struct task a = job(OP_LOCK, "ssh://a@b"), b = job(OP_UNLOCK, "ssh://a@b");
	uint8_t session[SESSION_LEN];

	memset(session, 0x11, sizeof(session));
	plug(TREZOR, FIRST);
	bench.claim = ERR_DEVICE_BUSY;
	cr_assert_eq(task_run(&a), ERR_DEVICE_BUSY);
	cr_assert_null(memmem(bench.wallet, sizeof(*bench.wallet), session, sizeof(session)));
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	bench.claim = ERR_OK;
	begin(INITIALIZE, TREZOR, SECOND);
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	cr_assert_eq(b.asks, 1);
	script_end();
}

/* Before there were sessions there was no EndSession. */
Test(trezor_sessions, lock_of_old_firmware)
{
	struct task a = job(OP_LOCK, "ssh://a@b");

	plug(TREZOR, NULL);
	begin(GET_FEATURES, TREZOR, NULL); /* which does not forget the passphrase */
	script_host("3f23230018");
	script_message(MSG_SUCCESS, "");
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	script_end();
}

/* With its session nothing more is asked than the key. */
Test(trezor_sessions, session_resumed)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, TREZOR, FIRST);
	public_key(KEY);
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(a.asks, 0);
	script_end();
}

/* A Trezor that is typed on: each note says what it wants. */
Test(trezor_sessions, typed_on_the_device)
{
	static const char safe[] = "0a097472657a6f722e696f" REST "f00111e2020454335431";
	static const struct wallet_setting on_device[] = {{"trezor:peer", PASSPHRASE_DEVICE, 0},
							  {0}};
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"),
		    b = job(OP_PUBLIC_KEY, "ssh://new@host");
	char resume[100];

	bench.wallets = on_device;
	begin(GET_FEATURES, safe, NULL);
	bench_plug(true);
	cr_assert_str_eq(device_info(bench.device)->about, "Safe 5 0.0.0");
	begin(INITIALIZE, safe, FIRST);
	script_any(1);
	script_message(MSG_BUTTON_REQUEST, "0814");
	script_host("3f2323001b");
	script_message(MSG_FAILURE, "0804");
	cr_assert_eq(task_run(&a), ERR_REFUSED);
	cr_assert_eq(a.notes, 1);
	cr_assert_str_eq(a.note, "Type the PIN on trezor:peer");
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	begin(resume, safe, FIRST);
	script_any(1);
	script_message(MSG_PASSPHRASE_REQUEST, "");
	script_host("3f2323002a000000021801");
	script_message(MSG_BUTTON_REQUEST, "0813");
	script_host("3f2323001b");
	script_message(MSG_PUBLIC_KEY, "0a233221" KEY);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	cr_assert_eq(b.asks, 0);
	cr_assert_str_eq(b.note, "Type the passphrase on trezor:peer");
	script_end();
}

/* What anyone could know is no secret, nor is what is made of it. */
Test(trezor_sessions, secret_of_zeros)
{
	struct task a = job(OP_SECRET, "secret://a"), b = job(OP_SECRET, "secret://a");
	char resume[100], answer[200];

	plug(TREZOR, FIRST);
	snprintf(resume, sizeof(resume), RESUME "%s", FIRST);
	for (int zero = 0; zero < 2; zero++) {
		begin(resume, TREZOR, FIRST);
		script_any(2);
		snprintf(answer, sizeof(answer), "0a2104%064d1221" KEY, zero ? 0 : 1);
		script_message(MSG_ECDH_SESSION_KEY, answer);
	}
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	secret_free(&a.job.secret);
	cr_assert_eq(task_run(&b), ERR_DEVICE_ERROR);
	script_end();
}

/* An unlock of a wallet whose keys are recorded with the one that shows KEY. */
static struct task unlock_known(void)
{
	struct task t = job(OP_UNLOCK, "ssh://a@b");
	uint8_t pub[PUBLIC_KEY_LEN];
	size_t n;

	cr_assert_eq(hex_decode(pub, sizeof(pub), &n, KEY, strlen(KEY)), ERR_OK);
	kdf_wallet(t.job.wallet, pub);
	t.job.has_wallet = true;
	return t;
}

/* The first passphrase after a start, mistyped: said at once, and asked for by the next unlock. */
Test(trezor_sessions, mistyped_against_the_record)
{
	struct task a = unlock_known(), b = unlock_known(), c = unlock_known();

	begin(GET_FEATURES, TREZOR, NULL);
	bench_plug(true);
	begin(INITIALIZE, TREZOR, FIRST);
	public_key_after_passphrase(OTHER);
	cr_assert_eq(task_run(&a), ERR_MISMATCH);
	cr_assert(strstr(a.job.why.text, "probably mistyped"), "%s", a.job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	begin(INITIALIZE, TREZOR, SECOND);
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	/* One that is open with another one's is not taken for unlocked. */
	begin(RESUME SECOND, TREZOR, SECOND);
	public_key(OTHER);
	begin(INITIALIZE, TREZOR, FIRST);
	public_key_after_passphrase(KEY);
	cr_assert_eq(task_run(&c), ERR_OK, "%s", c.job.why.text);
	cr_assert_eq(a.asks + b.asks + c.asks, 3);
	script_end();
}

/* Where nobody can be asked, it is not tried twice. */
Test(trezor_sessions, unlock_without_anybody_to_ask)
{
	struct task a = job(OP_UNLOCK, "ssh://a@b");

	begin(GET_FEATURES, TREZOR, NULL);
	bench_plug(true);
	begin(INITIALIZE, TREZOR, FIRST);
	script_any(1);
	script_message(MSG_PASSPHRASE_REQUEST, "");
	script_host("3f23230014");
	script_device("3f2323000300000002"
		      "0804");
	a.no_answer = ERR_NO_PROMPT;
	cr_assert_eq(task_run(&a), ERR_LOCKED);
	cr_assert_eq(a.asks, 1);
	script_end();
}

/* What it was asked while it made us wait is answered all at once, and is no answer to what comes
 * next. */
Test(trezor_sessions, late_answers)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"), b = a;

	plug(KEEPKEY, NULL);
	begin(GET_FEATURES, KEEPKEY, NULL);
	script_any(1);
	script_host("3f23230014");
	cr_assert_eq(task_run(&a), ERR_TIMEOUT);
	script_any(1); /* zeros */
	script_host("3f23230014");
	script_host(GET_FEATURES);
	for (int i = 0; i < 2; i++) {
		script_message(MSG_FAILURE, "0804");
		script_message(MSG_FAILURE, "0801");
		features(KEEPKEY, NULL);
	}
	public_key(KEY);
	public_key(KEY);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	script_end();
}

/* One that only cannot be used is not left in the middle of anything. */
Test(trezor_sessions, not_set_up_is_not_dirty)
{
	struct task a = job(OP_PUBLIC_KEY, "ssh://new@host"), b = a;

	begin(GET_FEATURES, TREZOR, NULL);
	bench_plug(true);
	for (int i = 0; i < 2; i++)
		begin(INITIALIZE, "0a097472657a6f722e696f3204414141415204706565726000", FIRST);
	cr_assert_eq(task_run(&a), ERR_NOT_FOUND);
	cr_assert_eq(task_run(&b), ERR_NOT_FOUND);
	script_end();
}
