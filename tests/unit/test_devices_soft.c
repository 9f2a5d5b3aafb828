/* SPDX-License-Identifier: MIT */
/* devices/soft/driver.c on real files, through the registry and a worker. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "derive/encode.h"
#include "derive/kdf.h"
#include "derive/mnemonic.h"
#include "devices/registry.h"
#include "devices/soft/file.h"
#include "devices/soft/soft.h"

static const struct soft_cost cheap = {.ops = SOFT_OPS_MIN, .mem = SOFT_MEM_MIN};
static const struct driver *const drivers[] = {&soft_driver, NULL};

static char dir[] = "/tmp/lanyard-softdev-XXXXXX";
static char path[64];
static const struct driver_env env = {.data_dir = dir};
static uv_loop_t loop;
static struct registry *registry;
static struct soft_seed seed;
static struct why why;
static bool closed;

/* A job and the answers that its questions get, in order. */
static struct {
	struct job job;
	const char *answers[4];
	unsigned asks, agains, dones;
	enum ask_kind kinds[4];
	enum err result;
} now;

static void on_done(struct job *job, enum err e)
{
	cr_assert_eq(job, &now.job);
	now.dones++;
	now.result = e;
}

static void on_ask(struct job *job, const struct ask *ask)
{
	cr_assert_not_null(strstr(ask->prompt, "soft:default"));
	cr_assert_lt(now.asks, 4);
	now.kinds[now.asks] = ask->kind;
	now.agains += ask->again;
	const char *answer = now.answers[now.asks++];
	if (answer)
		job_answer(job, ERR_OK, answer, strlen(answer));
	else
		job_answer(job, ERR_REFUSED, NULL, 0);
}

/* Prepares; the caller may change it before run(). */
static void job(enum op op, const char *uri, enum curve curve)
{
	secret_free(&now.job.secret);
	memset(&now, 0, sizeof(now));
	now.job.op = op;
	now.job.done = on_done;
	now.job.ask = on_ask;
	now.job.purpose = PURPOSE_SIGN;
	cr_assert_eq(identity_parse(&now.job.id, uri, &why), ERR_OK);
	now.job.id.curve = curve;
}

static void run(enum err want)
{
	cr_assert_eq(device_submit(registry_next(registry, NULL), &now.job), ERR_OK);
	while (!now.dones)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(now.result, want, "%s: %s", err_word(now.result), now.job.why.text);
}

static void unlock(enum err want)
{
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = "right";
	run(want);
}

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
}

/* So that Argon2id still runs when the next thing is done. */
static const struct soft_cost slow = {.ops = 4, .mem = 128 << 20};

/* cost NULL: not encrypted. */
static void start_with(const struct soft_cost *cost)
{
	static const struct registry_calls calls = {0};
	enum err e = cost ? soft_file_create(path, &seed, "right", 5, cost, &why)
			  : soft_file_create(path, &seed, NULL, 0, NULL, &why);
	cr_assert_eq(e, ERR_OK, "%s", why.text);
	cr_assert_eq(registry_new(&registry, &loop, drivers, &env, &calls, &why), ERR_OK);
	cr_assert_eq(registry_count(registry), 1);
}

static void start(bool encrypted)
{
	start_with(encrypted ? &cheap : NULL);
}

static void setup(void)
{
	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/soft", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/soft/default", dir);
	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_assert_eq(mnemonic_seed(seed.p, "all all all all all all all all all all all all", NULL,
				   &why),
		     ERR_OK);
	seed.n = MNEMONIC_SEED_LEN;
}

static void teardown(void)
{
	char command[64];
	secret_free(&now.job.secret);
	registry_close(registry, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert(closed);
	cr_assert_eq(uv_loop_close(&loop), 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(devices_soft, .init = setup, .fini = teardown, .timeout = 60);

/* The public key as derive/ makes it. */
static void derived(uint8_t pub[static PUBLIC_KEY_LEN], enum purpose purpose)
{
	struct node node;
	cr_assert_eq(slip13_node(&node, seed.p, seed.n, now.job.id.curve, purpose, now.job.id.uri,
				 now.job.id.index),
		     ERR_OK);
	cr_assert_eq(ecc_public(now.job.id.curve, node.key, pub), ERR_OK);
}

static void public_keys(void)
{
	uint8_t pub[PUBLIC_KEY_LEN];
	for (enum curve c = 0; c < CURVE_COUNT; c++) {
		for (int ecdh = 0; ecdh < 2; ecdh++) {
			job(OP_PUBLIC_KEY, "gpg://Ann <a@b>", c);
			now.job.purpose = ecdh ? PURPOSE_ECDH : PURPOSE_SIGN;
			now.job.id.index = 3;
			run(ERR_OK);
			derived(pub, now.job.purpose);
			cr_assert_eq(now.job.out_len, sizeof(pub));
			cr_assert_eq(memcmp(now.job.out, pub, sizeof(pub)), 0);
		}
	}
}

static void signatures(void)
{
	static const uint8_t digest[32] = "32 bytes, as gpg hands them over";
	static const char *const uris[] = {"ssh://git@github.com", "gpg://Ann <a@b>", "x://y"};
	for (size_t i = 0; i < 3; i++) {
		for (enum curve c = 0; c < CURVE_COUNT; c++) {
			job(OP_SIGN, uris[i], c);
			now.job.data = (struct slice){digest, sizeof(digest)};
			now.job.visual = "visual";
			now.job.has_expect = true;
			derived(now.job.expect, PURPOSE_SIGN);
			/* device.c verifies what comes. */
			run(c == CURVE_CURVE25519 ? ERR_UNSUPPORTED : ERR_OK);
		}
	}
}

static void shared_secrets(void)
{
	static const uint8_t theirs[32] = "a scalar of the other side, yes";
	static const struct {
		enum curve curve;
		size_t skip; /* curve25519 points without their prefix */
	} rows[] = {{CURVE_NIST256P1, 0}, {CURVE_SECP256K1, 0}, {CURVE_CURVE25519, 1}};
	uint8_t pub[PUBLIC_KEY_LEN], peer[PUBLIC_KEY_LEN], want[SHARED_MAX];
	size_t n;
	for (size_t i = 0; i < 3; i++) {
		job(OP_ECDH, "gpg://Ann <a@b>", rows[i].curve);
		cr_assert_eq(ecc_public(rows[i].curve, theirs, peer), ERR_OK);
		now.job.data = (struct slice){peer + rows[i].skip, sizeof(peer) - rows[i].skip};
		run(ERR_OK);
		derived(pub, PURPOSE_ECDH);
		cr_assert_eq(ecc_ecdh(rows[i].curve, theirs, pub, sizeof(pub), want, &n), ERR_OK);
		cr_assert_eq(now.job.secret.n, n);
		cr_assert_eq(memcmp(now.job.secret.p, want, n), 0);
	}
	job(OP_ECDH, "gpg://Ann <a@b>", CURVE_CURVE25519);
	now.job.data = (struct slice){(const uint8_t[32]){0}, 32};
	run(ERR_BAD_POINT);
}

/* Check value of DESIGN, from a Trezor with these words. */
static void secret_check_value(void)
{
	char hex[2 * SECRET_LEN + 1];
	job(OP_SECRET, "wg://wg0@peer1", CURVE_CURVE25519);
	run(ERR_OK);
	cr_assert_eq(now.job.secret.n, SECRET_LEN);
	hex_encode(hex, now.job.secret.p, SECRET_LEN);
	cr_assert_str_eq(hex, "3209d78b9b48fd6fc543e3c198c601354546ef583e7e63382e3ab5b8cf2870ac");
}

static void all_locked(void)
{
	static const enum op ops[] = {OP_PUBLIC_KEY, OP_SIGN, OP_ECDH, OP_SECRET};
	for (size_t i = 0; i < 4; i++) {
		job(ops[i], "gpg://Ann <a@b>", CURVE_CURVE25519);
		now.job.has_expect = true;
		now.job.data = (struct slice){(const uint8_t *)"x", 1};
		run(ERR_LOCKED);
		cr_assert_str_eq(now.job.why.text,
				 "soft:default is locked: run `lanyard unlock soft:default`");
		cr_assert_eq(now.asks, 0);
	}
	cr_assert_eq(device_state(registry_next(registry, NULL)), DEVICE_LOCKED);
}

static void lock(void)
{
	job(OP_LOCK, "x://y", CURVE_ED25519);
	run(ERR_OK);
}

Test(devices_soft, encrypted)
{
	start(true);
	all_locked();
	unlock(ERR_OK);
	cr_assert_eq(now.asks, 1);
	cr_assert_eq(device_state(registry_next(registry, NULL)), DEVICE_READY);
	unlock(ERR_OK);
	cr_assert_eq(now.asks, 0, "unlocked already");
	public_keys();
	signatures();
	shared_secrets();
	secret_check_value();
	lock();
	all_locked();
	unlock(ERR_OK);
	cr_assert_eq(now.asks, 1);
	secret_check_value();
}

Test(devices_soft, unencrypted_works_at_once_but_stays_locked)
{
	start(false);
	secret_check_value();
	public_keys();
	lock();
	all_locked();
	unlock(ERR_OK);
	cr_assert_eq(now.asks, 0);
	secret_check_value();
}

Test(devices_soft, three_tries)
{
	start(true);
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = "wrong", now.answers[1] = "", now.answers[2] = "right";
	run(ERR_OK);
	cr_assert_eq(now.asks, 3);
	cr_assert_eq(now.agains, 2);
	lock();
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = now.answers[1] = now.answers[2] = "wrong", now.answers[3] = "right";
	run(ERR_BAD_PASSPHRASE);
	cr_assert_eq(now.asks, 3);
	all_locked();
}

Test(devices_soft, nobody_to_ask)
{
	start(true);
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.job.ask = NULL;
	run(ERR_NO_PROMPT);
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	run(ERR_REFUSED);
	cr_assert_eq(now.asks, 1, "a refusal is not asked again");
	all_locked();
}

Test(devices_soft, file_is_removed)
{
	start(true);
	cr_assert_eq(unlink(path), 0);
	unlock(ERR_DEVICE_GONE);
	uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_eq(registry_count(registry), 0);
}

static void verb(const char *name)
{
	job(OP_VERB, "x://y", CURVE_ED25519);
	for (now.job.verb = soft_driver.verbs; strcmp(now.job.verb->name, name); now.job.verb++)
		cr_assert_not_null(now.job.verb[1].name);
}

Test(devices_soft, verb_info)
{
	char line[64];
	start(true);
	verb("info");
	run(ERR_OK);
	snprintf(line, sizeof(line), "serial: %s\n",
		 device_info(registry_next(registry, NULL))->serial);
	cr_assert_not_null(strstr(now.job.text, "label: default\n"));
	cr_assert_not_null(strstr(now.job.text, line));
	cr_assert_not_null(strstr(now.job.text, "encrypted: yes\n"));
	cr_assert_not_null(strstr(now.job.text, "Argon2id, 1 pass, 8 MiB\n"));
	cr_assert_eq(now.asks, 0);
}

/* Encrypted after the agent looked: the next signature fails as locked, it does not ask. */
Test(devices_soft, encrypted_meanwhile)
{
	struct soft_file f;
	start(false);
	verb("info"); /* opens it */
	run(ERR_OK);
	cr_assert_eq(soft_file_read(&f, path, &why), ERR_OK);
	cr_assert_eq(soft_file_change(path, &f, &seed, "right", 5, &why), ERR_OK);
	all_locked();
	unlock(ERR_OK);
	cr_assert_eq(now.asks, 1);
	secret_check_value();
}

Test(devices_soft, verb_change_passphrase)
{
	start(true);
	verb("change-passphrase");
	now.answers[0] = "wrong", now.answers[1] = "right", now.answers[2] = "next";
	run(ERR_OK);
	cr_assert_eq(now.asks, 3);
	cr_assert_eq(now.kinds[1], ASK_PASSPHRASE);
	cr_assert_eq(now.kinds[2], ASK_NEW_PASSPHRASE);
	all_locked();
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = "right", now.answers[1] = "next";
	run(ERR_OK);
	secret_check_value();
	verb("change-passphrase");
	now.answers[0] = "next", now.answers[1] = "";
	run(ERR_INVALID);
	secret_check_value(); /* still unlocked */
}

/* Whoever goes away while Argon2id runs leaves the device locked. */
Test(devices_soft, cancel_during_argon2id)
{
	start_with(&slow);
	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = "right";
	cr_assert_eq(device_submit(registry_next(registry, NULL), &now.job), ERR_OK);
	while (!now.asks)
		uv_run(&loop, UV_RUN_ONCE);
	device_cancel(&now.job);
	while (!now.dones)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(now.result, ERR_CANCELED);
	all_locked();
}

/* Shutdown while Argon2id runs: it is waited for, but not by the loop, and unlocks nothing. */
static bool turned_since;
static void on_idle(uv_timer_t *timer)
{
	turned_since = true;
	uv_close((uv_handle_t *)timer, NULL);
}

/* False when the machine stood still for so long that Argon2id was over before the loop turned. */
static bool shut_down_during_argon2id(void)
{
	static const struct registry_calls calls = {0};
	uv_timer_t timer;

	job(OP_UNLOCK, "x://y", CURVE_ED25519);
	now.answers[0] = "right";
	cr_assert_eq(device_submit(registry_next(registry, NULL), &now.job), ERR_OK);
	while (!now.asks)
		uv_run(&loop, UV_RUN_ONCE);
	usleep(20 * 1000);
	turned_since = false;
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_idle, 1, 0);
	registry_close(registry, on_closed, NULL);
	while (!turned_since)
		uv_run(&loop, UV_RUN_ONCE);
	bool meanwhile = now.dones == 0;
	while (!closed)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(now.dones, 1);
	cr_assert(now.result == ERR_SHUTDOWN || !meanwhile);
	/* For the next, or teardown(). */
	closed = false;
	cr_assert_eq(registry_new(&registry, &loop, drivers, &env, &calls, &why), ERR_OK);
	return meanwhile;
}

Test(devices_soft, shutdown_during_argon2id)
{
	int tries = 1;

	start_with(&slow);
	while (!shut_down_during_argon2id())
		cr_assert_lt(tries++, 5, "the loop waits for Argon2id");
}
