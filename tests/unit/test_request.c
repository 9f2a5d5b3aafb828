/* SPDX-License-Identifier: MIT */
/* agent/request over a scripted device: what it asks a device for, and what it believes. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "agent/agent.h"
#include "agent/lock.h"
#include "agent/unlock.h"
#include "agent/wgkeys.h"
#include "derive/kdf.h"
#include "derive/slip10.h"

/* The device. The worker reads it while a request runs; the test changes it between requests. */
static struct {
	bool present, has_ed25519, unlocked;
	const char *where;
	uv_mutex_t gate; /* secret://gate waits for it */
	uint8_t seed[32];
	unsigned wallets, jobs; /* that it was asked for lanyard://wallet, for anything */
} fake;

static enum err fake_scan(const struct driver_env *env,
			  void (*found)(void *arg, const struct device_info *info), void *arg)
{
	struct device_info info = {.serial = "F1", .label = "one", .ready = true};

	(void)env;
	snprintf(info.where, sizeof(info.where), "%s", fake.where);
	if (fake.present)
		found(arg, &info);
	return ERR_OK;
}

static enum err fake_open(void **self, const struct device_info *info, struct why *why)
{
	(void)info;
	(void)why;
	*self = &fake;
	return ERR_OK;
}

static void fake_close(void *self)
{
	(void)self;
}

static bool fake_unlocked(void *self)
{
	(void)self;
	return fake.unlocked;
}

static enum err fake_operate(struct job *job)
{
	struct node node;
	uint8_t point[32], shared[SHARED_MAX];
	size_t n = 0;
	enum purpose purpose = job->op == OP_PUBLIC_KEY ? job->purpose
			       : job->op == OP_SIGN     ? PURPOSE_SIGN
							: PURPOSE_ECDH;
	enum err e = slip13_node(&node, fake.seed, sizeof(fake.seed), job->id.curve, purpose,
				 job->id.uri, job->id.index);

	if (e != ERR_OK)
		return e;
	switch (job->op) {
	case OP_PUBLIC_KEY:
		job->out_len = PUBLIC_KEY_LEN;
		return ecc_public(job->id.curve, node.key, job->out);
	case OP_SIGN:
		job->out_len = SIGNATURE_LEN;
		return ecc_sign(job->id.curve, signing_of(&job->id), node.key, job->data.p,
				job->data.n, job->visual, job->out);
	case OP_ECDH:
		e = ecc_ecdh(job->id.curve, node.key, job->data.p, job->data.n, shared, &n);
		return e != ERR_OK ? e : secret_copy(&job->secret, shared, n);
	default:
		kdf_secret_point(point, job->id.uri, job->id.index);
		e = ecc_ecdh(CURVE_CURVE25519, node.key, point, sizeof(point), shared, &n);
		return e != ERR_OK ? e : secret_copy(&job->secret, shared, n);
	}
}

static enum err fake_run(void *self, struct job *job)
{
	(void)self;
	if (job->op == OP_LOCK || job->op == OP_UNLOCK) {
		fake.unlocked = job->op == OP_UNLOCK;
		return ERR_OK;
	}
	fake.jobs++;
	if (strcmp(job->id.uri, "lanyard://wallet") == 0)
		fake.wallets++;
	if (strcmp(job->id.uri, "secret://gate") == 0) {
		uv_mutex_lock(&fake.gate);
		uv_mutex_unlock(&fake.gate);
	}
	if (!fake.unlocked)
		return why_set(&job->why, ERR_LOCKED, "fake:one is locked");
	if (!fake.has_ed25519 && job->id.curve == CURVE_ED25519)
		return ERR_UNSUPPORTED;
	return fake_operate(job);
}

static const struct driver fake_driver = {
	.name = "fake",
	.ops = (1u << OP_COUNT) - 1,
	.scan = fake_scan,
	.open = fake_open,
	.close = fake_close,
	.run = fake_run,
	.unlocked = fake_unlocked,
};
static const struct driver *const drivers[] = {&fake_driver, NULL};
static const struct scheme *const schemes[] = {NULL};
static const struct driver_env env = {.data_dir = "/nonexistent"};

/* ---- the agent around it ---- */

static uv_loop_t loop;
static struct agent agent;
static struct config config;
static struct request request;
static unsigned dones, waits;
static enum err result;
static char home[] = "/tmp/lanyard-request-XXXXXX";

static void on_done(struct request *r, enum err e)
{
	(void)r;
	result = e;
	dones++;
}

static void on_waiting(struct request *r, const char *device, unsigned seconds)
{
	cr_assert_str_eq(r->serial, "F1");
	cr_assert_str_eq(device, "fake:one");
	cr_assert_eq(seconds, config.wait_device);
	waits++;
}

static const struct request_calls calls = {.done = on_done, .waiting = on_waiting};

static unsigned on_index(void *arg, const struct driver *driver, const struct device_info *info)
{
	(void)arg;
	return store_arrived(&agent.store, driver->name, info);
}

static void on_arrived(void *arg, struct device *d)
{
	(void)arg;
	waiting_arrived(&agent.waiting, d);
}

static void on_closed(void *arg)
{
	*(bool *)arg = true;
}

static void turn_until(const bool *flag, unsigned done)
{
	for (int i = 0; flag != NULL ? !*flag : dones < done; i++) {
		cr_assert_lt(i, 10000, "in vain");
		uv_run(&loop, UV_RUN_ONCE);
	}
}

static void setup(void)
{
	const struct registry_calls on = {.index = on_index, .arrived = on_arrived};
	struct why why = {0};

	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_not_null(mkdtemp(home));
	setenv("XDG_STATE_HOME", home, 1);
	cr_assert_eq(uv_loop_init(&loop), 0);
	fake.present = fake.has_ed25519 = fake.unlocked = true;
	memset(fake.seed, 1, sizeof(fake.seed));
	fake.where = "here";
	cr_assert_eq(uv_mutex_init(&fake.gate), 0);
	config.wait_device = 30;
	config.policy.confirm = CONFIRM_NEVER;
	agent.loop = &loop;
	agent.clock = &clock_system;
	agent.config = &config;
	agent.schemes = schemes;
	cr_assert_eq(store_open(&agent.store, &agent.keys, false, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(waiting_init(&agent.waiting, &loop), ERR_OK);
	cr_assert_eq(registry_new(&agent.registry, &loop, drivers, &env, &on, &why), ERR_OK);
	request = (struct request){.agent = &agent, .calls = &calls, .patient = true};
}

static void teardown(void)
{
	char command[PATH_MAX];
	bool closed = false;

	request_clear(&request);
	registry_close(agent.registry, on_closed, &closed);
	turn_until(&closed, 0);
	waiting_close(&agent.waiting);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	uv_mutex_destroy(&fake.gate);
	store_close(&agent.store);
	keyring_free(&agent.keys);
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	cr_assert_eq(system(command), 0);
}

TestSuite(request, .init = setup, .fini = teardown);

static void begin(enum op op, const char *uri, enum curve curve)
{
	static const uint8_t base[32] = {9};

	cr_assert_eq(identity_parse(&request.id, uri, NULL), ERR_OK);
	request.id.curve = curve;
	request.op = op;
	request.purpose = PURPOSE_SIGN;
	request.data = op == OP_ECDH ? (struct slice){base, 32} : (struct slice){base, 1};
	request_start(&request);
}

static enum err ask(enum op op, const char *uri, enum curve curve)
{
	unsigned before = dones;

	begin(op, uri, curve);
	turn_until(NULL, before + 1);
	cr_assert_eq(dones, before + 1);
	return result;
}

static struct device *the_device(void)
{
	return registry_next(agent.registry, NULL);
}

static void lock(void)
{
	static bool locked;

	locked = false;
	cr_assert_eq(lock_wipe(&agent, the_device(), on_closed, &locked), ERR_OK);
	turn_until(&locked, 0);
}

static void plug(bool in)
{
	fake.present = in;
	registry_scan(agent.registry);
}

Test(request, the_wallet_is_asked_once_a_session)
{
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(fake.wallets, 1);
	cr_assert_eq(fake.jobs, 2);
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(fake.jobs, 2, "answered from the record");
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(ask(OP_SECRET, "secret://x", CURVE_CURVE25519), ERR_OK);
	cr_assert_eq(fake.wallets, 1);
	/* A lock ends the session, also one that is over before the loop looks. */
	lock();
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(fake.wallets, 1, "locked: answered from the record");
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_LOCKED);
	cr_assert_str_eq(request.why.text, "fake:one is locked");
	fake.unlocked = true;
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(fake.wallets, 3, "one that found it locked, one after");
	/* So does the device's leaving. */
	plug(false);
	plug(true);
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_OK);
	cr_assert_eq(fake.wallets, 4);
}

/* A file is replaced by another of the same serial, while a request waits in the device's queue
 * that was let in for the old one. */
Test(request, a_device_that_moves_is_asked_again)
{
	struct request first = request;

	cr_assert_eq(ask(OP_SECRET, "secret://x", CURVE_CURVE25519), ERR_OK);
	uv_mutex_lock(&fake.gate);
	cr_assert_eq(identity_parse(&first.id, "secret://gate", NULL), ERR_OK);
	first.op = OP_SECRET;
	request_start(&first);
	begin(OP_SECRET, "secret://x", CURVE_CURVE25519);
	memset(fake.seed, 2, sizeof(fake.seed));
	fake.where = "there";
	registry_scan(agent.registry);
	uv_mutex_unlock(&fake.gate);
	turn_until(NULL, 3);
	cr_assert_eq(result, ERR_MISMATCH, "%s", err_word(result));
	request_clear(&first);
}

Test(request, another_wallet_is_refused_in_all_that_it_could_do)
{
	static const struct {
		enum op op;
		const char *uri, *says;
		enum curve curve;
	} uses[] = {
		{OP_PUBLIC_KEY, "age://x", "is the known one", CURVE_ED25519},
		{OP_SIGN, "age://x", "is the known one", CURVE_ED25519},
		{OP_SECRET, "secret://x", "another wallet", CURVE_CURVE25519},
		{OP_ECDH, "age://x", "another wallet", CURVE_CURVE25519},
		{OP_PUBLIC_KEY, "wg://wg0@h", "another wallet", CURVE_CURVE25519},
		{OP_SIGN, "age://new", "another wallet", CURVE_NIST256P1},
	};
	size_t keys;

	for (size_t i = 0; i + 1 < sizeof(uses) / sizeof(uses[0]); i++)
		cr_assert_eq(ask(uses[i].op, uses[i].uri, uses[i].curve), ERR_OK);
	keys = agent.keys.count;
	lock();
	fake.unlocked = true;
	memset(fake.seed, 2, sizeof(fake.seed));
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
			/* Locked as far as the loop knows, until the first of them. */
			enum err e = ask(uses[i].op, uses[i].uri, uses[i].curve);

			if (e == ERR_OK && again == 0 && uses[i].op == OP_PUBLIC_KEY && i == 0)
				continue;
			cr_assert_eq(e, ERR_MISMATCH, "%s: %s", uses[i].uri, err_word(e));
			cr_assert_not_null(strstr(request.why.text, uses[i].says), "%s",
					   request.why.text);
			cr_assert_not_null(strstr(request.why.text, "lanyard key forget -d F1"));
		}
	cr_assert_eq(agent.keys.count, keys, "a refused use is recorded");
}

Test(request, a_device_without_a_wallet_is_asked_for_each_key)
{
	fake.has_ed25519 = false;
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_NIST256P1), ERR_OK);
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_NIST256P1), ERR_OK);
	cr_assert_eq(ask(OP_PUBLIC_KEY, "secret://x", CURVE_CURVE25519), ERR_OK);
	cr_assert_eq(ask(OP_SECRET, "secret://x", CURVE_CURVE25519), ERR_OK);
	cr_assert_eq(ask(OP_PUBLIC_KEY, "wg://wg0@h", CURVE_CURVE25519), ERR_OK);
	cr_assert_eq(fake.wallets, 1);
	memset(fake.seed, 2, sizeof(fake.seed));
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_NIST256P1), ERR_MISMATCH);
	cr_assert_not_null(strstr(request.why.text, "is the known one"));
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_NIST256P1), ERR_DEVICE_ERROR);
	cr_assert_eq(ask(OP_SECRET, "secret://x", CURVE_CURVE25519), ERR_MISMATCH);
	cr_assert_eq(ask(OP_PUBLIC_KEY, "wg://wg0@h", CURVE_CURVE25519), ERR_MISMATCH);
	cr_assert_not_null(strstr(request.why.text, "the WireGuard key is"));
}

Test(request, it_waits_for_its_device)
{
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	plug(false);
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK, "from the record");
	cr_assert_eq(waits, 0);
	begin(OP_SIGN, "age://x", CURVE_ED25519);
	cr_assert_eq(waits, 1);
	cr_assert_eq(dones, 2);
	plug(true);
	turn_until(NULL, 3);
	cr_assert_eq(result, ERR_OK);
	/* Not at all, when nobody is there to be told. */
	plug(false);
	request.patient = false;
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_NO_DEVICE);
	request.patient = true;
	config.wait_device = 0;
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_NO_DEVICE);
	config.wait_device = 1;
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_NO_DEVICE);
	cr_assert_not_null(strstr(request.why.text, "did not come within 1 s"));
	cr_assert_eq(waits, 2);
}

Test(request, one_that_waits_can_be_cancelled)
{
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	plug(false);
	begin(OP_SIGN, "age://x", CURVE_ED25519);
	request_cancel(&request);
	cr_assert_eq(dones, 1, "done() came from inside");
	request_cancel(&request);
	/* It has left: the arrival comes too late. */
	plug(true);
	turn_until(NULL, 2);
	cr_assert_eq(result, ERR_CANCELED);
}

Test(request, a_lock_meanwhile_ends_the_wait_when_the_device_comes)
{
	cr_assert_eq(ask(OP_PUBLIC_KEY, "age://x", CURVE_ED25519), ERR_OK);
	plug(false);
	begin(OP_SIGN, "age://x", CURVE_ED25519);
	agent.locked = LOCKED_ALL;
	plug(true);
	turn_until(NULL, 2);
	cr_assert_eq(result, ERR_LOCKED);
	agent.locked = 0;
}

Test(request, a_full_keyring_is_said)
{
	struct identity id;

	cr_assert_eq(identity_parse(&id, "age://y", NULL), ERR_OK);
	while (agent.keys.count < KEYRING_MAX) {
		id.index++;
		cr_assert_not_null(keyring_append(&agent.keys, &id, PURPOSE_SIGN, "fake", "F2"));
	}
	cr_assert_eq(ask(OP_SIGN, "age://x", CURVE_ED25519), ERR_NO_MEMORY);
	cr_assert_not_null(strstr(request.why.text, "keyring is full"), "%s", request.why.text);
}

/* ---- WireGuard's keys ---- */

static enum err ask_wg(enum op op, const char *uri)
{
	enum err e;

	request.wg_keys = true;
	e = ask(op, uri, CURVE_CURVE25519);
	request.wg_keys = false;
	return e;
}

Test(request, wireguard_keys_are_asked_of_the_device_each_time)
{
	static const char peer[] = "wg://wg0@h/nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I";
	uint8_t private[32], public[32];
	const struct key *key;

	cr_assert_eq(ask(OP_SECRET, "wg://wg0@h", CURVE_CURVE25519), ERR_NOT_ALLOWED);
	cr_assert_eq(ask(OP_ECDH, peer, CURVE_CURVE25519), ERR_NOT_ALLOWED);
	cr_assert_eq(ask_wg(OP_SECRET, "secret://x"), ERR_NOT_ALLOWED);
	cr_assert_eq(ask_wg(OP_ECDH, "age://x"), ERR_NOT_ALLOWED);
	cr_assert_eq(fake.jobs, 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(ask_wg(i == 2 ? OP_PUBLIC_KEY : OP_SECRET, "wg://wg0@h"), ERR_OK);
		cr_assert_eq(fake.jobs, 2 + i, "the wallet once, SECRET each time");
		cr_assert_eq(request.secret.n, 32);
		kdf_wg_private(private, request.secret.p, "wg://wg0@h");
		kdf_wg_public(public, private);
		cr_assert_eq(memcmp(request.out, public, 32), 0);
	}
	cr_assert_eq(ask(OP_PUBLIC_KEY, "wg://wg0@h", CURVE_CURVE25519), ERR_OK);
	cr_assert_eq(fake.jobs, 4, "answered from the record");
	cr_assert_null(request.secret.p);
	cr_assert_eq(memcmp(request.out, public, 32), 0);
	/* Our point goes into a preshared key, so it is learned first. */
	cr_assert_eq(ask_wg(OP_ECDH, peer), ERR_OK);
	cr_assert_eq(fake.jobs, 6);
	key = keyring_find(&agent.keys, &request.id, PURPOSE_ECDH, request.driver, request.serial);
	cr_assert(key != NULL && key->known);
	/* The base point was multiplied. */
	cr_assert_eq(memcmp(key->public_key + 1, request.secret.p, 32), 0);
	memset(fake.seed, 2, sizeof(fake.seed));
	cr_assert_eq(ask_wg(OP_SECRET, "wg://wg0@h"), ERR_MISMATCH);
	cr_assert_null(request.secret.p);
	cr_assert_not_null(strstr(request.why.text, "is the known one"), "%s", request.why.text);
}

Test(request, the_secret_of_an_interface_is_kept_until_a_lock)
{
	struct wgkeys one = {0}, two = {0};

	cr_assert_eq(ask_wg(OP_SECRET, "wg://wg0@h"), ERR_OK);
	cr_assert_eq(wgkeys_keep(&one, &request), ERR_OK);
	cr_assert_null(request.secret.p);
	cr_assert(wgkeys_has(&one, &request.id));
	cr_assert_eq(ask_wg(OP_SECRET, "wg://wg1@h"), ERR_OK);
	cr_assert_not(wgkeys_has(&one, &request.id));
	cr_assert_eq(wgkeys_keep(&two, &request), ERR_OK);
	wgkeys_forget(&agent, &one.id);
	cr_assert_null(one.arena);
	cr_assert_not_null(two.arena);
	lock();
	cr_assert_null(two.arena);
	cr_assert_null(agent.wgkeys);
}

/* LOCK came while the device worked: its answer is not kept. */
Test(request, the_secret_of_an_interface_is_not_kept_after_a_lock)
{
	struct wgkeys kept = {0};
	bool locked = false;

	cr_assert_eq(ask_wg(OP_SECRET, "wg://wg0@h"), ERR_OK);
	cr_assert_eq(lock_wipe(&agent, the_device(), on_closed, &locked), ERR_OK);
	cr_assert_eq(wgkeys_keep(&kept, &request), ERR_LOCKED);
	cr_assert_null(kept.arena);
	turn_until(&locked, 0);
	unlock_release(&agent, the_device());
	fake.unlocked = true;
	cr_assert_eq(ask_wg(OP_SECRET, "wg://wg0@h"), ERR_OK);
	agent.locked = LOCKED_ALL;
	cr_assert_eq(wgkeys_keep(&kept, &request), ERR_LOCKED);
	agent.locked = 0;
	plug(false);
	cr_assert_eq(wgkeys_keep(&kept, &request), ERR_DEVICE_GONE);
	cr_assert_null(agent.wgkeys);
}
