/* SPDX-License-Identifier: MIT */
/* What is asked for a wallet, what of the answers is sent, and what follows a wrong one. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_ask, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

/* Features: vendor, device_id "AAAA", a PIN, a passphrase, label "peer", initialized; locked. */
#define REST    "3204414141413801400152047065657260018001"
#define KEEPKEY "0a0b6b6565706b65792e636f6d" REST "00"
#define TREZOR  "0a097472657a6f722e696f" REST "00aa010131"
#define KEY     "000869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226"

static char long_answer[60];

static const char *characters(size_t n, char c)
{
	memset(long_answer, c, n);
	long_answer[n] = '\0';
	return long_answer;
}

static void plug(const char *features)
{
	script_host("3f23230037");
	script_message(MSG_FEATURES, features);
	bench_plug(true);
	script_host("3f2323");
	script_message(MSG_FEATURES, features);
}

static void again(const char *features)
{
	script_host("3f23230037"); /* without sessions */
	script_message(MSG_FEATURES, features);
}

/* GetPublicKey, the question, and its end by Cancel or by a key. */
static void asks(enum message_type what, bool sent)
{
	script_any(1);
	script_message(what, "");
	script_any(1);
	if (sent)
		script_message(MSG_PUBLIC_KEY, "0a233221" KEY);
	else
		script_message(MSG_FAILURE, "0804");
}

static enum err answered(const char *answer, const char *says)
{
	struct task t = task_new(OP_PUBLIC_KEY, "ssh://a@b", CURVE_ED25519);

	t.answers[0] = answer;
	bench.secret = strlen(answer) >= 4 ? answer : NULL;
	enum err e = task_run(&t);
	bench.secret = NULL;
	cr_assert_eq(t.asks, 1);
	if (says)
		cr_assert(strstr(t.job.why.text, says), "'%s' does not say '%s'", t.job.why.text,
			  says);
	script_end();
	return e;
}

/* `most` characters are sent, one more is not. */
static void length(const char *features, enum message_type what, size_t most, char c,
		   const char *says)
{
	plug(features);
	asks(what, true);
	cr_assert_eq(answered(characters(most, c), NULL), ERR_OK);
	again(features);
	asks(what, false);
	cr_assert_eq(answered(characters(most + 1, c), says), ERR_INVALID);
}

Test(trezor_ask, pin_length)
{
	length(TREZOR, MSG_PIN_REQUEST, 50, '9', "1 to 50 times");
}

Test(trezor_ask, pin_length_keepkey)
{
	length(KEEPKEY, MSG_PIN_REQUEST, 9, '9', "1 to 9 times");
}

Test(trezor_ask, passphrase_length)
{
	length(TREZOR, MSG_PASSPHRASE_REQUEST, 50, ' ', "1 to 50 printable ASCII");
}

Test(trezor_ask, what_is_not_sent)
{
	static const char *const pins[] = {"", "0", "12a4", "1 2", "-1"};
	static const char *const passphrases[] = {"", "caf\xc3\xa9", "a\tb", "\x7f"};

	plug(TREZOR);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		if (i)
			again(TREZOR);
		asks(MSG_PIN_REQUEST, false);
		cr_assert_eq(answered(pins[i], "nothing was sent"), ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof(passphrases) / sizeof(passphrases[0]); i++) {
		again(TREZOR);
		asks(MSG_PASSPHRASE_REQUEST, false);
		cr_assert_eq(answered(passphrases[i], NULL), ERR_INVALID);
	}
}

/* The device is waited for as long as it makes everybody wait: with wrong PINs of another program,
 * that nobody told us of, too. */
static void patience(const char *features, unsigned wrong_pins, uint64_t least)
{
	plug(features);
	asks(MSG_PIN_REQUEST, true);
	cr_assert_eq(answered("1234", NULL), ERR_OK);
	again(features);
	asks(MSG_PIN_REQUEST, true);
	bench.wallet->wrong_pins = wrong_pins;
	(void)script_patience();
	cr_assert_eq(answered("1234", NULL), ERR_OK);
	uint64_t most = script_patience();
	cr_assert_gt(most, least, "%u ms", (unsigned)most);
}

Test(trezor_ask, patience)
{
	patience(TREZOR, 0, 10000);
	bench_unplug();
	UNTIL(!bench.device);
	patience(KEEPKEY, 0, 10000);
	bench_unplug();
	UNTIL(!bench.device);
	patience(TREZOR, 10, 1000000); /* 2^10 - 1 s */
}

/* Canceled while it made us wait: the next job waits for the rest. */
Test(trezor_ask, patience_after_a_cancel)
{
	struct task t = task_new(OP_PUBLIC_KEY, "ssh://a@b", CURVE_ED25519), u = t;

	plug(TREZOR);
	bench.wallet->wrong_pins = 10;
	bench.wallet->budgets.idle = 16;
	script_any(1);
	script_message(MSG_PIN_REQUEST, "");
	script_any(2); /* the PIN, and Cancel, which it does not hear */
	t.answers[0] = u.answers[0] = "1234";
	t.cancel_at_note = true;
	cr_assert_eq(task_run(&t), ERR_CANCELED);
	script_any(3);
	script_message(MSG_FEATURES, TREZOR);
	asks(MSG_PIN_REQUEST, true);
	bench.wallet->wrong_pins = 0;
	(void)script_patience();
	cr_assert_eq(task_run(&u), ERR_OK, "%s", u.job.why.text);
	cr_assert_gt(script_patience(), 300000);
	script_end();
}

/* A KeepKey is silent before it asks. */
Test(trezor_ask, patience_before_the_question)
{
	struct task t = task_new(OP_PUBLIC_KEY, "ssh://a@b", CURVE_ED25519);

	plug(KEEPKEY);
	script_any(1);
	script_message(MSG_FAILURE, "0804");
	(void)script_patience();
	cr_assert_eq(task_run(&t), ERR_REFUSED);
	cr_assert_gt(script_patience(), 10000);
	again(KEEPKEY);
	script_any(1);
	script_message(MSG_FAILURE, "0804");
	bench.wallet->wrong_pins = 10;
	cr_assert_eq(task_run(&t), ERR_REFUSED);
	cr_assert_gt(script_patience(), 1000000);
}

/* Each wrong PIN is one job's; what the next one takes is said before and after. */
static void wrong(const char *says, const char *note)
{
	struct task t = task_new(OP_PUBLIC_KEY, "ssh://a@b", CURVE_ED25519);

	script_any(1);
	script_message(MSG_PIN_REQUEST, "");
	script_any(1);
	if (note)
		script_note();
	script_message(MSG_FAILURE, "0807");
	t.answers[0] = "1234";
	cr_assert_eq(task_run(&t), ERR_BAD_PIN);
	cr_assert_eq(t.asks, 1, "never again by itself");
	const char *from = strstr(t.job.why.text, says);
	cr_assert(from, "'%s' does not say '%s'", t.job.why.text, says);
	cr_assert(strstr(says, " s") || !from[strlen(says)], "'%s'", t.job.why.text);
	cr_assert_eq(t.notes, note ? 1 : 0);
	cr_assert(!note || strstr(t.note, note), "'%s' does not say '%s'", t.note, note);
	script_end();
}

Test(trezor_ask, delay)
{
	plug(TREZOR);
	wrong("1 in a row: the device takes 1 s", NULL);
	again(TREZOR);
	wrong("2 in a row: the device takes 3 s", "looks at the PIN in 1 s");
	again(TREZOR);
	wrong("3 in a row: the device takes 7 s", "looks at the PIN in 3 s");
}

/* It waits before it asks, from the third on. */
Test(trezor_ask, delay_keepkey)
{
	plug(KEEPKEY);
	wrong("wrong PIN for keepkey:peer", NULL);
	again(KEEPKEY);
	wrong("wrong PIN for keepkey:peer", NULL);
	again(KEEPKEY);
	wrong("3 in a row: the device takes 7 s", NULL);
	again(KEEPKEY);
	wrong("4 in a row: the device takes 15 s", "asks for its PIN in 7 s, because of 3 wrong");
}

/* A device that could not read an answer goes on waiting for one: it is told to stop. */
Test(trezor_ask, answer_not_understood)
{
	plug(TREZOR);
	script_any(1);
	script_message(MSG_PASSPHRASE_REQUEST, "");
	script_any(1);
	script_message(MSG_FAILURE, "0803");
	script_host("3f23230014");
	script_message(MSG_FAILURE, "0804");
	cr_assert_eq(answered("x", "code 3"), ERR_DEVICE_ERROR);
}

/* Any other Failure is the end: nothing is sent after it. */
Test(trezor_ask, refused_for_good)
{
	plug(TREZOR);
	script_any(1);
	script_message(MSG_PASSPHRASE_REQUEST, "");
	script_any(1);
	script_message(MSG_FAILURE, "0809120378797a");
	cr_assert_eq(answered("x", "code 9: xyz"), ERR_DEVICE_ERROR);
}

/* One that asks for ever. */
Test(trezor_ask, without_end)
{
	struct task t = task_new(OP_PUBLIC_KEY, "ssh://a@b", CURVE_ED25519);

	plug(TREZOR);
	script_any(1);
	for (int i = 0; i < 32; i++) {
		script_message(MSG_BUTTON_REQUEST, "0801");
		script_any(1);
	}
	script_message(MSG_FAILURE, "0804");
	cr_assert_eq(task_run(&t), ERR_DEVICE_ERROR);
	cr_assert(strstr(t.job.why.text, "asks without end"), "%s", t.job.why.text);
	script_end();
}
