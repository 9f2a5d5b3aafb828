/* SPDX-License-Identifier: MIT */
/*
 * Random submits, cancels, locks, answers, unplugs and shutdowns on four fake devices, for TSan:
 * every accepted job is done exactly once.
 *
 *	stress [SECONDS [SEED]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "derive/secret.h"
#include "devices/registry.h"

enum { DEVICES = 4, JOBS = 64, ROUND_MS = 200 };

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "stress: %s:%d: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A job and its place: on the heap while it is in flight, so that a late touch shows. */
struct play {
	struct job job; /* first: the callbacks cast */
	size_t slot;
	unsigned style; /* chosen before it is submitted; what the driver does */
	bool asked;
};

/* The driver's side of a device; lives through replugs. */
struct fake {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool aborted, unlocked;
	char serial[8];
};

static struct fake fakes[DEVICES];
static uint64_t state; /* of the loop's random numbers */
static uv_loop_t loop;
static struct registry *registry;
static bool present[DEVICES];
static struct play *plays[JOBS]; /* NULL: free */
static uv_timer_t timer;
static bool closing, closed;
static struct {
	unsigned long rounds, submitted, refused, done[ERR_COUNT], asked, answered, canceled, locks,
		plugs;
} counts;

/* SplitMix64: reproducible from the printed seed, as far as threads are. */
static unsigned roll(unsigned n)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % n);
}

static enum err fake_scan(const struct driver_env *env,
			  void (*found)(void *arg, const struct device_info *info), void *arg)
{
	(void)env;
	for (size_t i = 0; i < DEVICES; i++) {
		struct device_info info = {.label = "fake"};
		memcpy(info.serial, fakes[i].serial, sizeof(fakes[i].serial));
		snprintf(info.where, sizeof(info.where), "bus %u", roll(50) ? 0 : roll(3));
		if (present[i])
			found(arg, &info);
	}
	return ERR_OK;
}

static enum err fake_open(void **self, const struct device_info *info, struct why *why)
{
	(void)why;
	for (size_t i = 0; i < DEVICES; i++)
		if (!strcmp(fakes[i].serial, info->serial))
			*self = &fakes[i];
	return ERR_OK;
}

static void fake_close(void *self)
{
	struct fake *f = self;
	pthread_mutex_lock(&f->lock);
	f->unlocked = false;
	pthread_mutex_unlock(&f->lock);
}

static void fake_abort(void *self)
{
	struct fake *f = self;
	pthread_mutex_lock(&f->lock);
	f->aborted = true;
	pthread_cond_broadcast(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

static bool fake_unlocked(void *self)
{
	struct fake *f = self;
	pthread_mutex_lock(&f->lock);
	bool unlocked = f->unlocked;
	pthread_mutex_unlock(&f->lock);
	return unlocked;
}

/* Up to `ms`, or until abort(). */
static enum err fake_transfer(struct fake *f, struct job *job, unsigned ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&f->lock);
	f->aborted = false;
	pthread_mutex_unlock(&f->lock);
	bool canceled = job_canceled(job); /* abort() may have come before the line above */
	pthread_mutex_lock(&f->lock);
	int status = 0;
	while (!canceled && !f->aborted && status == 0)
		status = pthread_cond_timedwait(&f->wake, &f->lock, &until);
	canceled = canceled || f->aborted;
	pthread_mutex_unlock(&f->lock);
	return canceled ? ERR_CANCELED : ERR_OK;
}

static enum err fake_ask(struct job *job)
{
	struct ask ask = {.kind = ASK_PIN, .prompt = "PIN"};
	struct secret answer;
	enum err e = job_ask(job, &ask, &answer);
	CHECK(e || (answer.n == 4 && !memcmp(answer.p, "1234", 4)));
	secret_free(&answer);
	return e;
}

static enum err fake_run(void *self, struct job *job)
{
	struct fake *f = self;
	unsigned style = ((struct play *)job)->style;
	enum err e = ERR_OK;

	if (style & 1)
		job_note(job, "touch the device");
	if (style & 2)
		e = fake_ask(job);
	if (!e && style & 4)
		e = fake_transfer(f, job, style >> 4 & 7);
	if (!e && style & 2 && style & 8)
		e = fake_ask(job);
	if (!e && style >> 7 == 0)
		return ERR_DEVICE_GONE;
	pthread_mutex_lock(&f->lock);
	if (job->op == OP_LOCK || (job->op == OP_UNLOCK && !e))
		f->unlocked = job->op == OP_UNLOCK;
	pthread_mutex_unlock(&f->lock);
	if (!e && job->op == OP_SECRET) {
		e = secret_new(&job->secret, 32);
		if (!e)
			memset(job->secret.p, 1, 32);
	}
	return e;
}

static const struct driver driver = {
	.name = "fake",
	.ops = 1u << OP_SECRET | 1u << OP_UNLOCK | 1u << OP_LOCK,
	.scan = fake_scan,
	.open = fake_open,
	.close = fake_close,
	.run = fake_run,
	.unlocked = fake_unlocked,
	.abort = fake_abort,
};

static void on_done(struct job *job, enum err e)
{
	struct play *p = (struct play *)job;
	CHECK(p->slot < JOBS && plays[p->slot] == p);
	CHECK((!e && job->op == OP_SECRET) == (job->secret.n == 32));
	counts.done[e]++;
	plays[p->slot] = NULL;
	secret_free(&job->secret);
	memset(p, 0xdd, sizeof(*p));
	free(p);
}

static void answer(struct play *p)
{
	p->asked = false;
	counts.answered++;
	if (roll(8))
		job_answer(&p->job, ERR_OK, "1234", 4);
	else
		job_answer(&p->job, ERR_REFUSED, NULL, 0);
}

static void on_ask(struct job *job, const struct ask *ask)
{
	struct play *p = (struct play *)job;
	CHECK(plays[p->slot] == p && ask->kind == ASK_PIN);
	counts.asked++;
	p->asked = true;
	if (!roll(4))
		answer(p);
}

static void on_note(struct job *job, const char *text)
{
	struct play *p = (struct play *)job;
	CHECK(plays[p->slot] == p && !strcmp(text, "touch the device"));
}

static struct device *any_device(void)
{
	size_t n = registry_count(registry), at = n ? roll((unsigned)n) : 0;
	struct device *d = registry_next(registry, NULL);
	while (d && at--)
		d = registry_next(registry, d);
	return d;
}

static void do_submit(size_t slot)
{
	static const enum op ops[] = {OP_SECRET, OP_SECRET, OP_SECRET, OP_UNLOCK};
	struct device *d = any_device();
	struct play *p = calloc(1, sizeof(*p));
	CHECK(p);
	p->job = (struct job){.op = roll(40) ? ops[roll(4)] : OP_LOCK,
			      .done = on_done,
			      .ask = roll(10) ? on_ask : NULL,
			      .note = roll(10) ? on_note : NULL};
	p->job.id.curve = CURVE_CURVE25519;
	p->slot = slot;
	p->style = roll(128) | (roll(200) ? 128 : 0);
	if (p->job.op == OP_LOCK)
		p->style = 128;
	plays[slot] = p;
	if (!d || device_submit(d, &p->job)) {
		plays[slot] = NULL;
		free(p);
		counts.refused++;
		return;
	}
	counts.submitted++;
	counts.locks += p->job.op == OP_LOCK;
}

static void do_something(void)
{
	size_t slot = roll(JOBS);
	struct play *p = plays[slot];
	unsigned what = roll(100);

	if (what == 0) {
		size_t i = roll(DEVICES);
		present[i] = !present[i];
		counts.plugs++;
		registry_scan(registry);
	} else if (!p && what < 60) {
		do_submit(slot);
	} else if (p && what < 30) {
		counts.canceled++;
		device_cancel(&p->job);
	} else if (p && p->asked) {
		answer(p);
	}
}

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
	registry = NULL;
	for (size_t i = 0; i < JOBS; i++)
		CHECK(!plays[i]); /* closed() comes after every done() */
}

static uint64_t round_end;

static void on_timer(uv_timer_t *t)
{
	for (unsigned n = roll(40); n--;)
		do_something();
	if (uv_now(&loop) < round_end)
		return;
	uv_close((uv_handle_t *)t, NULL);
	closing = true;
	registry_close(registry, on_closed, NULL);
	for (size_t i = 0; i < JOBS; i++) /* answers and cancels that come late */
		if (plays[i] && roll(2)) {
			if (plays[i]->asked)
				answer(plays[i]);
			else
				device_cancel(&plays[i]->job);
		}
}

static void round_play(void)
{
	static const struct driver *const drivers[] = {&driver, NULL};
	static const struct driver_env env = {.data_dir = "/nonexistent"};
	static const struct registry_calls calls = {0};
	struct why why = {0};

	closed = closing = false;
	for (size_t i = 0; i < DEVICES; i++)
		present[i] = roll(8);
	CHECK(uv_loop_init(&loop) == 0);
	CHECK(registry_new(&registry, &loop, drivers, &env, &calls, &why) == ERR_OK);
	uv_timer_init(&loop, &timer);
	round_end = uv_now(&loop) + roll(2 * ROUND_MS);
	uv_timer_start(&timer, on_timer, 0, 1);
	uv_run(&loop, UV_RUN_DEFAULT);
	CHECK(closing && closed);
	CHECK(uv_loop_close(&loop) == 0);
	counts.rounds++;
}

static void report(uint64_t seed)
{
	unsigned long done = 0;
	printf("stress: seed %llu, %lu rounds, %lu jobs (%lu refused, %lu locks), %lu questions, "
	       "%lu "
	       "answers, %lu cancels, %lu plugs\n",
	       (unsigned long long)seed, counts.rounds, counts.submitted, counts.refused,
	       counts.locks, counts.asked, counts.answered, counts.canceled, counts.plugs);
	for (enum err e = 0; e < ERR_COUNT; e++) {
		done += counts.done[e];
		if (counts.done[e])
			printf("stress: %8lu %s\n", counts.done[e], err_word(e));
	}
	CHECK(done == counts.submitted);
	CHECK(done && counts.done[ERR_OK] && counts.done[ERR_SHUTDOWN]);
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 30;
	struct why why = {0};
	uint64_t seed;

	CHECK(secret_start(&why) == ERR_OK);
	secret_random(&seed, sizeof(seed));
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : seed >> 32;
	state = seed;
	printf("stress: seed %llu, %u s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	for (size_t i = 0; i < DEVICES; i++) {
		pthread_mutex_init(&fakes[i].lock, NULL);
		pthread_cond_init(&fakes[i].wake, NULL);
		snprintf(fakes[i].serial, sizeof(fakes[i].serial), "F%zu", i);
	}
	time_t end = time(NULL) + seconds;
	do
		round_play();
	while (time(NULL) < end);
	report(seed);
	return 0;
}
