/* SPDX-License-Identifier: MIT */
/* The driver against packets that real firmware exchanged: what it sends must be what was sent. */
#include <string.h>

#include "derive/encode.h"
#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_replay, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

#define TREZOR  "trezor_wire.txt"
#define KEEPKEY "keepkey_wire.txt"
#define SSH     "ssh://satoshi@bitcoin.org"

static const char key_ssh[] = "03f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c813b0d597f446";
/* With the passphrase TREZOR. */
static const char key_trezor[] =
	"02d15b5dfea948322c3e7accb0a0cab4b4f48a1a2b2264d7af1e5d7ee2dcdd33c1";
static const char features_a[] = "Initialize -> Features";
static const char features_b[] = "Initialize -> Features (pin_protection=1, unlocked=0)";
static const char features_c[] = "Initialize (no session_id: new session)";
static const char sign_a[] = "SignIdentity ssh://satoshi@bitcoin.org index 0 nist256p1";

static void expect_out(const struct task *t, size_t n, const char *hex)
{
	char now[2 * sizeof(t->job.out) + 1];

	cr_assert_eq(t->job.out_len, n);
	hex_encode(now, t->job.out, n);
	cr_assert_str_eq(now, hex);
}

static struct task sign(const char *key)
{
	struct task t = task_new(OP_SIGN, SSH, CURVE_NIST256P1);

	task_sign(&t, key);
	return t;
}

static struct task ecdh(void)
{
	static uint8_t peer[65];
	size_t n;
	struct task t = task_new(OP_ECDH, SSH, CURVE_NIST256P1);

	cr_assert_eq(hex_decode(peer, sizeof(peer), &n,
				"0474f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860"
				"e4965b0a6e365261a055fac2a524c39ce8b28f4c7b105bd26c60dd7ca496513d",
				130),
		     ERR_OK);
	cr_assert_eq(
		hex_decode(t.job.expect, PUBLIC_KEY_LEN, &n,
			   "02a88138f4ce43cbc3dde93f4d83d566687c695be4b6f41d9646f4bf0279b81163",
			   66),
		ERR_OK);
	t.job.has_expect = true;
	t.job.data = (struct slice){peer, sizeof(peer)};
	return t;
}

static void plug_trezor(const char *features)
{
	script_get_features(TREZOR, features);
	bench_plug(true);
}

Test(trezor_replay, is_identified)
{
	plug_trezor(features_a);
	script_end();
	const struct device_info *info = device_info(bench.device);
	cr_assert_str_eq(info->serial, "A210790899570787245CA692");
	cr_assert_str_eq(info->label, "peer");
	cr_assert_str_eq(info->about, "Trezor One 1.14.1");
	cr_assert_str_eq(device_driver(bench.device)->name, "trezor");
	cr_assert_eq(device_state(bench.device), DEVICE_READY); /* no PIN, no passphrase */
	cr_assert_eq(bench.arrived, 1);
}

Test(trezor_replay, signs_and_agrees)
{
	struct task a = sign(key_ssh), b = ecdh();

	plug_trezor(features_a);
	script_section(TREZOR, features_a);
	script_section(TREZOR, sign_a);
	script_begin(TREZOR, features_a);
	script_section(TREZOR, "GetECDHSessionKey same identity nist256p1");
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	expect_out(&a, 64,
		   "1eac7c431bfe1be7347822d61d7ee5383a343873af19debf510ba29a42eb1759"
		   "5066026ffdd5e906e94e1727012caa057d831dcec616cabdc9569a4c80b4c8bc");
	cr_assert_eq(a.notes, 1);
	cr_assert_str_eq(a.note, "Confirm on trezor:peer: a signature for " SSH);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	cr_assert_eq(b.job.secret.n, 65);
	cr_assert_eq(b.job.secret.p[1], 0x95);
	secret_free(&b.job.secret);
	script_end();
	/* GetFeatures once, then nothing but Initialize and the call: 1 + 4 to know it, and 1 + 4 +
	 * 2 + 1 + 1 + 2 a signature or a shared key. */
	cr_assert_eq(script_count(), 5 + 11 + 11);
}

/* Asked twice in wallet_begin(), it answers twice. */
Test(trezor_replay, late_features)
{
	struct task t = sign(key_ssh);

	plug_trezor(features_a);
	script_section(TREZOR, features_a);
	script_any(2);
	script_replies(TREZOR, features_a);
	script_device("3f2323001a000000020807");
	script_host("3f2323001b");
	script_device("3f2323003600000066122103f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c8"
		      "13b0d597f4461a41001eac7c431bfe1be7347822d61d7ee5383a");
	script_device("3f343873af19debf510ba29a42eb17595066026ffdd5e906e94e1727012caa057d831dcec616"
		      "cabdc9569a4c80b4c8bc");
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	script_end();
}

Test(trezor_replay, refused_by_its_button)
{
	struct task t = sign(key_ssh);

	plug_trezor(features_a);
	script_section(TREZOR, features_a);
	script_section(TREZOR, "Failure: user presses the left (Cancel) button -> "
			       "ActionCancelled (4)");
	cr_assert_eq(task_run(&t), ERR_REFUSED);
	cr_assert_str_eq(t.job.why.text, "refused on trezor:peer");
	script_end();
}

/* The config says how long a person has. */
Test(trezor_replay, nobody_at_the_button)
{
	static const struct wallet_setting wallets[] = {{"trezor:peer", PASSPHRASE_HOST, 1}, {0}};
	struct task t = sign(key_ssh);

	bench.budgets.person = 60000;
	bench.wallets = wallets;
	plug_trezor(features_a);
	script_section(TREZOR, features_a);
	script_any(2);
	script_device("3f2323001a000000020807");
	script_host("3f2323001b");
	script_host("3f23230014");
	script_device("3f2323000300000002"
		      "0804");
	cr_assert_eq(task_run(&t), ERR_TIMEOUT);
	cr_assert_str_eq(t.job.why.text, "nobody confirmed on trezor:peer within 1 s");
	script_end();
}

Test(trezor_replay, client_cancels_at_the_button)
{
	struct task t = sign(key_ssh), u = ecdh();

	plug_trezor(features_a);
	script_section(TREZOR, features_a);
	script_section(TREZOR, "Failure: host sends Cancel after ButtonAck");
	script_begin(TREZOR, features_a);
	script_section(TREZOR, "GetECDHSessionKey same identity nist256p1");
	t.cancel_at_note = true;
	cr_assert_eq(task_run(&t), ERR_CANCELED);
	cr_assert_eq(task_run(&u), ERR_OK, "%s", u.job.why.text);
	secret_free(&u.job.secret);
	script_end();
}

Test(trezor_replay, wrong_pin_then_right)
{
	struct task a = sign(key_ssh), b = sign(key_ssh), c = ecdh();

	plug_trezor(features_b);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	script_section(TREZOR, features_b);
	script_section(TREZOR, "wrong PIN 9999 -> Failure PinInvalid (7)");
	script_begin(TREZOR, features_b);
	script_section(TREZOR, "right PIN");
	a.answers[0] = "3333", b.answers[0] = "8263";
	cr_assert_eq(task_run(&a), ERR_BAD_PIN);
	cr_assert_eq(a.asks, 1, "never again by itself");
	cr_assert_eq(a.kind, ASK_PIN);
	cr_assert(strstr(a.prompt, "PIN of trezor:peer") && strstr(a.prompt, "7-8-9"), "%s",
		  a.prompt);
	cr_assert(strstr(a.job.why.text, "1 in a row: the device takes 1 s"), "%s", a.job.why.text);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_READY);
	script_any(1);
	script_replies(TREZOR, features_a); /* another device in its place */
	bench.present = false;              /* so that it is not looked at again */
	cr_assert_eq(task_run(&c), ERR_DEVICE_GONE);
	script_end();
}

Test(trezor_replay, cancel_at_the_pin)
{
	struct task a = sign(key_ssh), b = sign(key_ssh), c = sign(key_ssh);

	plug_trezor(features_b);
	script_section(TREZOR, features_b);
	script_section(TREZOR, "Cancel at PinMatrixRequest -> PinCancelled (6)");
	script_begin(TREZOR, features_b);
	script_section(TREZOR, "Cancel at PinMatrixRequest -> PinCancelled (6)");
	script_begin(TREZOR, features_b);
	script_section(TREZOR, "Cancel at PinMatrixRequest -> PinCancelled (6)");
	a.cancel_at_ask = true;
	cr_assert_eq(task_run(&a), ERR_CANCELED);
	b.no_answer = ERR_NO_PROMPT;
	cr_assert_eq(task_run(&b), ERR_LOCKED);
	cr_assert_str_eq(b.job.why.text,
			 "trezor:peer needs its PIN: run `lanyard unlock trezor:peer`");
	c.answers[0] = "12a4"; /* would count as a try, or end the question */
	cr_assert_eq(task_run(&c), ERR_INVALID);
	script_end();
}

Test(trezor_replay, passphrase_from_the_host)
{
	struct task a = sign(key_trezor), b = sign(key_trezor);

	plug_trezor(features_c);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	script_section(TREZOR, features_c);
	script_section(TREZOR, "SignIdentity: the button comes FIRST, then PassphraseRequest/Ack "
			       "'TREZOR'");
	script_section(TREZOR, "Initialize with that session_id: session (and passphrase) resumed");
	script_section(TREZOR, "again in the same session: no PassphraseRequest");
	a.answers[0] = "TREZOR";
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_eq(a.kind, ASK_PASSPHRASE);
	cr_assert_eq(a.notes, 3);
	cr_assert_str_eq(a.note, "Confirm on trezor:peer: that the passphrase is right");
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	cr_assert_eq(b.asks, 0);
	script_end();
}

/* A mistyped passphrase is another wallet: found out, and asked again the next time. */
Test(trezor_replay, mistyped_passphrase)
{
	struct task a = sign(key_ssh), b = sign(key_ssh);

	plug_trezor(features_c);
	script_section(TREZOR, features_c);
	script_section(TREZOR, "SignIdentity: the button comes FIRST, then PassphraseRequest/Ack "
			       "'TREZOR'");
	script_section(TREZOR, "Initialize without session_id: new session");
	script_section(TREZOR, "Failure: host sends Cancel after ButtonAck");
	a.answers[0] = "TREZOR";
	cr_assert_eq(task_run(&a), ERR_MISMATCH);
	cr_assert(strstr(a.job.why.text, key_trezor) && strstr(a.job.why.text, key_ssh), "%s",
		  a.job.why.text);
	cr_assert_eq(device_state(bench.device), DEVICE_LOCKED);
	b.cancel_at_note = true;
	cr_assert_eq(task_run(&b), ERR_CANCELED);
	script_end();
}

/* Never the wallet of the empty passphrase by accident. */
Test(trezor_replay, empty_passphrase_is_not_sent)
{
	struct task t = task_new(OP_PUBLIC_KEY, SSH, CURVE_NIST256P1);

	plug_trezor(features_c);
	script_section(TREZOR, features_c);
	script_any(1);
	script_device("3f23230029");
	script_host("3f23230014");
	script_device("3f2323000300000002"
		      "0804");
	t.answers[0] = "";
	cr_assert_eq(task_run(&t), ERR_INVALID);
	cr_assert(strstr(t.job.why.text, "wallet \"trezor:peer\" { passphrase = none }"), "%s",
		  t.job.why.text);
	script_end();
}

Test(trezor_replay, empty_passphrase_of_the_config)
{
	static const struct wallet_setting wallets[] = {
		{"trezor:other", PASSPHRASE_DEVICE, 0}, {"trezor:peer", PASSPHRASE_NONE, 0}, {0}};
	struct task t = task_new(OP_PUBLIC_KEY, SSH, CURVE_SECP256K1);

	bench.wallets = wallets;
	plug_trezor(features_c);
	script_section(TREZOR, features_c);
	script_any(1);
	script_device("3f23230029");
	script_host("3f2323002a000000020a00");
	/* The answer of another call, and so another key: only who asks what matters here. */
	script_device("3f2323000300000002"
		      "0809");
	cr_assert_eq(task_run(&t), ERR_DEVICE_ERROR);
	cr_assert_eq(t.asks, 0);
	script_end();
}

/* A Trezor One has no keyboard. */
Test(trezor_replay, passphrase_on_the_device)
{
	static const struct wallet_setting on_device[] = {
		{"C557D4C0", PASSPHRASE_HOST, 0}, {"trezor:peer", PASSPHRASE_DEVICE, 0}, {0}};
	struct task t = task_new(OP_PUBLIC_KEY, SSH, CURVE_SECP256K1);

	bench.wallets = on_device;
	plug_trezor(features_c);
	script_section(TREZOR, features_c);
	script_any(1);
	script_device("3f23230029");
	script_host("3f23230014");
	script_device("3f2323000300000002"
		      "0804");
	cr_assert_eq(task_run(&t), ERR_INVALID);
	cr_assert(strstr(t.job.why.text, "no way to type"), "%s", t.job.why.text);
	script_end();
}

/* ---- KeepKey ---- */

static void plug_keepkey(void)
{
	script_section(KEEPKEY, "GetFeatures -> Features");
	bench_plug(true);
	cr_assert_str_eq(device_driver(bench.device)->name, "keepkey");
	cr_assert_str_eq(device_info(bench.device)->about, "KeepKey 7.10.0");
	/* Another program's passphrase may be in it: Initialize forgets that, once. */
	script_section(KEEPKEY, "Initialize -> Features");
}

Test(trezor_replay, keepkey_signs)
{
	struct task a = sign(key_ssh), b = sign(key_ssh);

	b.job.id.curve = CURVE_ED25519;
	task_sign(&b, "000869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226");
	plug_keepkey();
	script_section(KEEPKEY, "SignIdentity ssh://satoshi@bitcoin.org index 0 nist256p1");
	script_section(KEEPKEY, "GetFeatures -> Features");
	script_section(KEEPKEY, "SignIdentity ssh://satoshi@bitcoin.org index 0 ed25519");
	cr_assert_eq(task_run(&a), ERR_OK, "%s", a.job.why.text);
	cr_assert_str_eq(a.note, "Confirm on keepkey:peer: a signature for " SSH);
	cr_assert_eq(task_run(&b), ERR_OK, "%s", b.job.why.text);
	script_end();
}

Test(trezor_replay, keepkey_asks_for_pin_and_passphrase)
{
	struct task t = sign(key_trezor);

	plug_keepkey();
	script_section(KEEPKEY, "SignIdentity locked: button, PIN, passphrase, passphrase button");
	t.answers[0] = "7983", t.answers[1] = "TREZOR";
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	cr_assert_eq(t.asks, 2);
	cr_assert_eq(t.notes, 2);
	cr_assert_str_eq(t.note, "Confirm on keepkey:peer: that the passphrase is right");
	script_end();
}

/* There Cancel is no refusal: the signature comes at once, and is wiped. Nor does the passphrase
 * stay, which nobody has confirmed: Initialize forgets it. */
Test(trezor_replay, keepkey_canceled_at_the_passphrase_button)
{
	struct task t = sign(key_trezor), u = sign(key_ssh);

	plug_keepkey();
	script_any(2);
	script_device("3f23230029");
	script_host("3f2323002a000000080a065452455a4f52");
	script_device("3f2323001a000000020801");
	script_host("3f2323001b");
	script_host("3f23230014");
	script_replies(KEEPKEY, "SignIdentity ssh://satoshi@bitcoin.org index 1 nist256p1");
	t.answers[0] = "TREZOR";
	t.cancel_at_note = true;
	/* Of that section, only its last message: the button's comes first and is dropped. */
	cr_assert_eq(task_run(&t), ERR_CANCELED);
	script_section(KEEPKEY, "Initialize -> Features");
	script_section(KEEPKEY, "SignIdentity ssh://satoshi@bitcoin.org index 0 nist256p1");
	cr_assert_eq(task_run(&u), ERR_OK, "%s", u.job.why.text);
	script_end();
}

Test(trezor_replay, keepkey_cannot_agree_on_keys)
{
	struct task t = ecdh();

	plug_keepkey();
	cr_assert_eq(device_submit(bench.device, &t.job), ERR_UNSUPPORTED);
}

/* doc/DERIVATION.md, secret.keepkey.*: what is enciphered, and what becomes of it. */
Test(trezor_replay, keepkey_secret)
{
	struct task t = task_new(OP_SECRET, "secret://backup/disk", CURVE_CURVE25519);
	char now[65];

	t.job.id.index = 1;
	plug_keepkey();
	script_host("3f232300170000006e08918080800808dfd884930a08fea389f30f08b7f7d8830d088be08ec70b"
		    "12266c616e7961726420736563726574207631207365637265");
	script_host("3f743a2f2f6261636b75702f6469736b1a20c5b2ca288dfb9107b5808b59bbac9e1d5263bf231c"
		    "99018aead7822f84ef70ee200128013001");
	script_device("3f2323001a000000020801");
	script_host("3f2323001b");
	script_device("3f2323003000000022"
		      "0a20"
		      "83098ccec1540b0be82d1e87ca29257a90e72f6289cf2c6654e994699d96a203");
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	cr_assert_eq(t.job.secret.n, 32);
	hex_encode(now, t.job.secret.p, 32);
	cr_assert_str_eq(now, "a958e3ddf179f57699913362f15a8401e7e37947065a038ee69dfa4123185156");
	cr_assert_str_eq(t.note, "Confirm on keepkey:peer: the secret of secret://backup/disk");
	secret_free(&t.job.secret);
	script_end();
}
