/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_devices_fake.h"

#include <string.h>
#include <unistd.h>
#include <uv.h>

/* The device, as the test works it; under its lock. */
struct fake fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static uv_loop_t loop;
struct registry *registry;
unsigned arrived, left, changed;
bool closed;

static enum err fake_scan(const struct driver_env *env,
			  void (*found)(void *arg, const struct device_info *info), void *arg)
{
	const struct device_info info = {.serial = "F1", .label = "one", .where = "bus 1"};
	(void)env;
	if (fake.present)
		found(arg, &info);
	return ERR_OK;
}

static enum err fake_open(void **self, const struct device_info *info, struct why *why)
{
	(void)info;
	pthread_mutex_lock(&fake.lock);
	bool fail = fake.fail_open;
	fake.opens += !fail;
	pthread_mutex_unlock(&fake.lock);
	*self = &fake;
	return fail ? why_set(why, ERR_DEVICE_BUSY, "busy") : ERR_OK;
}

static void fake_close(void *self)
{
	(void)self;
	pthread_mutex_lock(&fake.lock);
	fake.closes++;
	fake.unlocked = false;
	pthread_mutex_unlock(&fake.lock);
}

/* Until released, or aborted unless `deaf`. */
static enum err fake_block(bool deaf)
{
	pthread_mutex_lock(&fake.lock);
	fake.inside = true;
	while (!fake.release && (deaf || !fake.aborted))
		pthread_cond_wait(&fake.wake, &fake.lock);
	enum err e = !deaf && fake.aborted ? ERR_CANCELED : ERR_OK;
	fake.inside = fake.aborted = false;
	pthread_mutex_unlock(&fake.lock);
	return e;
}

static void fake_abort(void *self)
{
	(void)self;
	pthread_mutex_lock(&fake.lock);
	fake.aborted = true;
	pthread_cond_signal(&fake.wake);
	pthread_mutex_unlock(&fake.lock);
}

static enum err fake_ask(struct play *p)
{
	struct ask ask = {.kind = ASK_PIN, .prompt = "PIN of fake:one"};
	struct secret answer;
	p->ask_result = job_ask(&p->job, &ask, &answer);
	if (!p->ask_result)
		memcpy(p->answer, answer.p, answer.n);
	secret_free(&answer);
	return p->ask_result;
}

static enum err fake_run(void *self, struct job *job)
{
	struct play *p = (struct play *)job;
	enum err e = ERR_OK;

	(void)self;
	p->runs++;
	p->order = ++fake.order;
	if (p->act == ACT_BLOCK || p->act == ACT_DEAF)
		e = fake_block(p->act == ACT_DEAF);
	else if (p->act == ACT_ASK)
		e = fake_ask(p);
	else if (p->act == ACT_NOTE)
		job_note(job, "touch\nme"), e = fake_block(false);
	else if (p->act == ACT_GONE)
		return why_set(&job->why, ERR_DEVICE_GONE, "unplugged");
	pthread_mutex_lock(&fake.lock);
	if (job->op == OP_LOCK || (job->op == OP_UNLOCK && !e))
		fake.unlocked = job->op == OP_UNLOCK;
	pthread_mutex_unlock(&fake.lock);
	if (!e && (job->op == OP_SECRET || job->op == OP_ECDH)) {
		e = secret_new(&job->secret, p->fill ? p->fill_len : 32);
		if (!e)
			memset(job->secret.p, 7, job->secret.n);
		if (!e && p->fill)
			memcpy(job->secret.p, p->fill, p->fill_len);
	} else if (!e && p->fill) {
		memcpy(job->out, p->fill, p->fill_len);
		job->out_len = p->fill_len;
	}
	return e;
}

static bool fake_unlocked(void *self)
{
	(void)self;
	pthread_mutex_lock(&fake.lock);
	bool unlocked = fake.unlocked;
	pthread_mutex_unlock(&fake.lock);
	return unlocked;
}

static enum err fake_verb(void *self, struct job *job)
{
	strcpy(job->text, "hello\n");
	return self == &fake ? ERR_OK : ERR_INTERNAL;
}

const struct verb fake_verbs[] = {{.name = "hello", .run = fake_verb}, {.name = NULL}};

static const struct driver fake_driver = {
	.name = "fake",
	.ops = (1u << OP_COUNT) - 1,
	.scan = fake_scan,
	.open = fake_open,
	.close = fake_close,
	.run = fake_run,
	.unlocked = fake_unlocked,
	.abort = fake_abort,
	.verbs = fake_verbs,
};
static const struct driver *const drivers[] = {&fake_driver, NULL};

static void on_arrived(void *arg, struct device *d)
{
	(void)arg;
	cr_assert_eq(device_state(d), DEVICE_LOCKED);
	arrived++;
}

static void on_left(void *arg, struct device *d)
{
	(void)arg;
	for (struct device *other = NULL; (other = registry_next(registry, other));)
		cr_assert_neq(other, d);
	left++;
}

static void on_changed(void *arg, struct device *d)
{
	(void)arg, (void)d;
	changed++;
}

void on_closed(void *arg)
{
	cr_assert_eq(arg, &closed);
	closed = true;
}

void fake_setup(void)
{
	static const struct driver_env env = {.data_dir = "/nonexistent"};
	const struct registry_calls calls = {
		.arrived = on_arrived, .left = on_left, .changed = on_changed};
	struct why why = {0};
	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_eq(uv_loop_init(&loop), 0);
	fake.present = true;
	cr_assert_eq(registry_new(&registry, &loop, drivers, &env, &calls, &why), ERR_OK);
	cr_assert_eq(arrived, 1);
}

struct device *device(void)
{
	return registry_next(registry, NULL);
}

void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(200);
}

bool inside(void)
{
	pthread_mutex_lock(&fake.lock);
	bool is = fake.inside;
	pthread_mutex_unlock(&fake.lock);
	return is;
}

void release(void)
{
	pthread_mutex_lock(&fake.lock);
	fake.release = true;
	pthread_cond_signal(&fake.wake);
	pthread_mutex_unlock(&fake.lock);
}

void fake_teardown(void)
{
	release();
	if (!closed) {
		registry_close(registry, on_closed, &closed);
		cr_assert(!closed, "closed() must not come from inside registry_close()");
	}
	UNTIL(closed);
	while (uv_run(&loop, UV_RUN_NOWAIT))
		;
	cr_assert_eq(uv_loop_close(&loop), 0);
	cr_assert_eq(fake.opens, fake.closes);
}

void on_done(struct job *job, enum err e)
{
	struct play *p = (struct play *)job;
	p->dones++;
	p->result = e;
	if (!e)
		return;
	cr_assert_eq(job->secret.p, NULL, "a result beside an error");
	cr_assert_eq(job->out_len, 0);
	for (size_t i = 0; i < sizeof(job->out); i++)
		cr_assert_eq(job->out[i], 0, "a failed job's result is wiped");
}

void on_ask(struct job *job, const struct ask *ask)
{
	cr_assert_eq(ask->kind, ASK_PIN);
	cr_assert_str_eq(ask->prompt, "PIN of fake:one");
	((struct play *)job)->asks++;
}

static void on_note(struct job *job, const char *text)
{
	cr_assert_str_eq(text, "touch\\x0ame");
	((struct play *)job)->notes++;
}

struct play play(enum op op, enum act act)
{
	struct play p = {.job = {.op = op, .done = on_done, .ask = on_ask, .note = on_note},
			 .act = act};
	strcpy(p.job.id.uri, "x://y");
	p.job.id.curve = CURVE_ED25519;
	p.job.id.class = CLASS_OTHER;
	return p;
}

void submit(struct play *p)
{
	cr_assert_eq(device_submit(device(), &p->job), ERR_OK);
	cr_assert_eq(p->dones, 0, "done() from inside device_submit()");
}

void finish(struct play *p, enum err want)
{
	UNTIL(p->dones);
	turn();
	cr_assert_eq(p->dones, 1);
	cr_assert_eq(p->result, want, "%s, not %s", err_word(p->result), err_word(want));
	secret_free(&p->job.secret);
}
