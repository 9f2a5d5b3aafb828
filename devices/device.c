/* SPDX-License-Identifier: MIT */
#include "devices/device_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "protocol/text.h"

enum { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };
enum question { QUESTION_NONE, QUESTION_POSTED, QUESTION_SHOWN, QUESTION_ANSWERED };

struct queue {
	struct job *head, *tail;
};

struct device {
	const struct driver *driver;
	const struct device_calls *calls;
	unsigned index;
	uv_async_t async;

	/* Loop. */
	enum device_state state;
	bool started;
	pthread_t thread;

	struct ecc_kept kept; /* worker */

	pthread_mutex_t lock;
	pthread_cond_t wake; /* the worker is its only waiter */

	/* Under the lock. */
	struct device_info info; /* the loop alone writes it, and reads it without the lock */
	struct queue queued, finished;
	struct job *running;
	void *self;    /* the worker alone writes it, and reads it without the lock */
	enum err stop; /* why there are no more jobs */
	bool moved, lost, unlocked, ended;
	bool renamed; /* info.label and info.about become these */
	char label[DEVICE_LABEL_MAX + 1], about[DEVICE_ABOUT_MAX + 1];
	unsigned session;
	enum question question; /* of the running job */
	struct ask asked;
	struct secret answer;
	enum err answer_error;
	bool noted;
	char note[200];
};

const struct device_info *device_info(const struct device *d)
{
	return &d->info;
}

const struct driver *device_driver(const struct device *d)
{
	return d->driver;
}

unsigned device_index(const struct device *d)
{
	return d->index;
}

enum device_state device_state(const struct device *d)
{
	return d->state;
}

static void queue_push(struct queue *q, struct job *job)
{
	job->next = NULL;
	if (q->tail)
		q->tail->next = job;
	else
		q->head = job;
	q->tail = job;
}

static struct job *queue_pop(struct queue *q)
{
	struct job *job = q->head;
	if (!job)
		return NULL;
	q->head = job->next;
	if (!q->head)
		q->tail = NULL;
	job->next = NULL;
	return job;
}

static void queue_remove(struct queue *q, struct job *job)
{
	struct queue rest = {0};
	for (struct job *j; (j = queue_pop(q));)
		if (j != job)
			queue_push(&rest, j);
	*q = rest;
}

unsigned device_session(const struct device *d)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&d->lock;
	pthread_mutex_lock(lock);
	unsigned session = d->session;
	pthread_mutex_unlock(lock);
	return session;
}

unsigned device_queued(const struct device *d)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&d->lock;
	unsigned n = 0;
	pthread_mutex_lock(lock);
	for (const struct job *j = d->queued.head; j; j = j->next)
		n++;
	if (d->running)
		n++;
	pthread_mutex_unlock(lock);
	return n;
}

/* Under the lock. What became of the device, where no driver has said it. */
static void job_explain(const struct device *d, struct job *job, enum err e)
{
	const char *driver = d->driver->name, *label = d->info.label;

	if (job->why.text[0] || !label[0])
		return;
	if (e == ERR_LOCKED)
		why_set(&job->why, e, "%s:%s was locked meanwhile: run `lanyard unlock %s:%s`",
			driver, label, driver, label);
	else if (e == ERR_DEVICE_GONE)
		why_set(&job->why, e, "%s:%s was removed: connect it and try again", driver, label);
}

/* Under the lock, with a job that neither waits nor runs any more. The loop has to be woken, best
 * without the lock: it comes for it at once. */
static void job_finish(struct device *d, struct job *job, enum err e)
{
	if (e) {
		secret_wipe(job->out, sizeof(job->out));
		secret_wipe(job->text, sizeof(job->text));
		secret_free(&job->secret);
		job->out_len = 0;
		job_explain(d, job, e);
	}
	job->state = JOB_FINISHED;
	job->result = e;
	queue_push(&d->finished, job);
}

/* Under the lock. The worker finishes the job, with `reason`, whatever its driver returns. */
static void running_abort(struct device *d, enum err reason)
{
	struct job *job = d->running;
	if (!job || job->canceled)
		return;
	job->canceled = true;
	job->result = reason;
	pthread_cond_signal(&d->wake);
	if (d->self && d->driver->abort)
		d->driver->abort(d->self);
}

/* Under the lock. */
static void queue_fail(struct device *d, enum err reason, bool spare_locks)
{
	struct queue spared = {0};
	for (struct job *job; (job = queue_pop(&d->queued));) {
		if (spare_locks && job->op == OP_LOCK)
			queue_push(&spared, job);
		else
			job_finish(d, job, reason);
	}
	d->queued = spared;
	uv_async_send(&d->async);
}

/* Worker. */
static enum err worker_open(struct device *d, struct job *job)
{
	pthread_mutex_lock(&d->lock);
	struct device_info info = d->info;
	d->moved = false;
	pthread_mutex_unlock(&d->lock);

	void *self = NULL;
	enum err e = d->driver->open(&self, &info, &job->why);

	pthread_mutex_lock(&d->lock);
	if (!e)
		d->self = self;
	pthread_mutex_unlock(&d->lock);
	return e;
}

static void worker_close(struct device *d)
{
	void *self = d->self;
	if (!self)
		return;
	pthread_mutex_lock(&d->lock);
	d->self = NULL; /* no abort() from here on */
	d->unlocked = false;
	d->session++;
	pthread_mutex_unlock(&d->lock);
	d->driver->close(self);
}

static enum err worker_run(struct device *d, struct job *job)
{
	enum err e = d->self ? ERR_OK : worker_open(d, job);
	/* A cancel during open() found nothing to abort. */
	if (!e && job_canceled(job))
		e = ERR_CANCELED;
	if (!e)
		e = job->op == OP_VERB ? job->verb->run(d->self, job)
				       : d->driver->run(d->self, job);
	if (!e)
		e = device_check(job, &d->kept);
	return e;
}

/* Worker. Another program may have given it another name, or its keys, since it was found. */
static void worker_describe(struct device *d)
{
	pthread_mutex_lock(&d->lock);
	struct device_info now = d->info;
	pthread_mutex_unlock(&d->lock);
	if (!d->self || !d->driver->describe || !now.serial[0])
		return;
	d->driver->describe(d->self, &now);
	pthread_mutex_lock(&d->lock);
	d->renamed = strcmp(now.label, d->info.label) != 0 || strcmp(now.about, d->info.about) != 0;
	memcpy(d->label, now.label, sizeof(d->label));
	memcpy(d->about, now.about, sizeof(d->about));
	pthread_mutex_unlock(&d->lock);
}

static void *worker_main(void *arg)
{
	struct device *d = arg;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (!d->stop && (d->lost || (!d->queued.head && !d->moved)))
			pthread_cond_wait(&d->wake, &d->lock);
		if (d->stop)
			break;
		if (d->moved) {
			d->moved = false;
			pthread_mutex_unlock(&d->lock);
			worker_close(d);
			pthread_mutex_lock(&d->lock);
			d->unlocked = d->info.ready;
			uv_async_send(&d->async);
			continue;
		}
		struct job *job = queue_pop(&d->queued);
		job->state = JOB_RUNNING;
		job->session = d->session;
		d->running = job;
		pthread_mutex_unlock(&d->lock);

		enum err e = worker_run(d, job);
		bool lost = e == ERR_DEVICE_GONE;
		worker_describe(d);
		if (lost)
			worker_close(d);
		bool unlocked = d->self && (!d->driver->unlocked || d->driver->unlocked(d->self));

		pthread_mutex_lock(&d->lock);
		d->lost = lost;
		d->session += d->unlocked && !unlocked;
		d->unlocked = unlocked;
		d->running = NULL;
		d->noted = false;
		if (job->canceled) { /* what the driver says is beside the point */
			e = job->result;
			job->why = (struct why){0};
		}
		job_finish(d, job, e);
		pthread_mutex_unlock(&d->lock);
		uv_async_send(&d->async);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);

	worker_close(d);
	ecc_kept_free(&d->kept);
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	uv_async_send(&d->async);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

enum err job_ask(struct job *job, const struct ask *ask, struct secret *answer)
{
	struct device *d = job->device;
	enum err e;

	*answer = (struct secret){0};
	pthread_mutex_lock(&d->lock);
	if (job->canceled) {
		e = ERR_CANCELED;
	} else if (!job->ask) {
		e = ERR_NO_PROMPT;
	} else {
		d->asked = *ask;
		d->question = QUESTION_POSTED;
		uv_async_send(&d->async);
		while (d->question != QUESTION_ANSWERED && !job->canceled)
			pthread_cond_wait(&d->wake, &d->lock);
		if (job->canceled) {
			e = ERR_CANCELED;
			secret_free(&d->answer);
		} else {
			e = d->answer_error;
			*answer = d->answer;
			d->answer = (struct secret){0};
		}
		d->question = QUESTION_NONE;
	}
	pthread_mutex_unlock(&d->lock);
	return e;
}

void job_note(struct job *job, const char *text)
{
	struct device *d = job->device;
	if (!job->note)
		return;
	pthread_mutex_lock(&d->lock);
	text_clean_message(d->note, sizeof(d->note), text, strlen(text));
	d->noted = true;
	uv_async_send(&d->async);
	pthread_mutex_unlock(&d->lock);
}

bool job_canceled(struct job *job)
{
	struct device *d = job->device;
	pthread_mutex_lock(&d->lock);
	bool canceled = job->canceled;
	pthread_mutex_unlock(&d->lock);
	return canceled;
}

/* Loop, all from here on. */
void job_answer(struct job *job, enum err e, const void *p, size_t n)
{
	struct device *d = job->device;
	struct secret copy = {0};

	if (!d)
		return;
	if (!e && n > ANSWER_MAX)
		e = ERR_TOO_LARGE;
	if (!e)
		e = secret_copy(&copy, p, n);
	pthread_mutex_lock(&d->lock);
	if (d->running == job && d->question == QUESTION_SHOWN && !job->canceled) {
		d->answer = copy;
		d->answer_error = e;
		d->question = QUESTION_ANSWERED;
		copy = (struct secret){0};
		pthread_cond_signal(&d->wake);
	}
	pthread_mutex_unlock(&d->lock);
	secret_free(&copy);
}

/* The note and the question of the running job. It cannot be done, and so not freed, before this
 * returns: done() comes from the loop. */
static void device_talk(struct device *d)
{
	char note[sizeof(d->note)];
	bool asks = false, noted;

	pthread_mutex_lock(&d->lock);
	struct job *job = d->running && !d->running->canceled ? d->running : NULL;
	noted = job && d->noted;
	if (noted) {
		memcpy(note, d->note, sizeof(note));
		d->noted = false;
	}
	if (job && d->question == QUESTION_POSTED) {
		job->asked = d->asked;
		d->question = QUESTION_SHOWN;
		asks = true;
	}
	pthread_mutex_unlock(&d->lock);
	if (noted)
		job->note(job, note);
	if (asks)
		job->ask(job, &job->asked);
}

static void device_free(uv_handle_t *handle)
{
	struct device *d = handle->data;
	d->calls->ended(d->calls->arg, d);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static void on_async(uv_async_t *async)
{
	struct device *d = async->data;

	device_talk(d);
	pthread_mutex_lock(&d->lock);
	struct queue finished = d->finished;
	d->finished = (struct queue){0};
	enum device_state state = d->unlocked ? DEVICE_READY : DEVICE_LOCKED;
	if (d->stop)
		state = DEVICE_GONE;
	bool renamed = d->renamed && !d->stop;
	if (renamed) {
		memcpy(d->info.label, d->label, sizeof(d->label));
		memcpy(d->info.about, d->about, sizeof(d->about));
	}
	d->renamed = false;
	bool lost = d->lost && !d->stop;
	if (lost)
		state = d->state; /* it is gone in a moment: that is said, and not that it is locked
				   */
	pthread_mutex_unlock(&d->lock);

	bool changed = state != d->state && state != DEVICE_GONE;
	d->state = state;
	if (renamed)
		d->calls->renamed(d->calls->arg, d);
	if (changed)
		d->calls->changed(d->calls->arg, d);
	for (struct job *job; (job = queue_pop(&finished));) {
		job->state = JOB_IDLE;
		job->device = NULL;
		job->done(job, job->result);
	}
	if (lost)
		d->calls->lost(d->calls->arg, d);

	pthread_mutex_lock(&d->lock);
	bool over = d->ended && !d->finished.head;
	pthread_mutex_unlock(&d->lock);
	if (over && !uv_is_closing((uv_handle_t *)&d->async)) {
		if (d->started)
			pthread_join(d->thread, NULL);
		uv_close((uv_handle_t *)&d->async, device_free);
	}
}

enum err device_new(struct device **out, struct uv_loop_s *loop, const struct driver *driver,
		    const struct device_info *info, unsigned index,
		    const struct device_calls *calls, struct why *why)
{
	struct device *d = calloc(1, sizeof(*d));
	if (!d)
		return why_set(why, ERR_NO_MEMORY, "out of memory for a device");
	int status = uv_async_init(loop, &d->async, on_async);
	if (status) {
		free(d);
		return why_set(why, ERR_IO, "cannot watch a device: %s", uv_strerror(status));
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->wake, NULL);
	d->driver = driver;
	d->info = *info;
	d->unlocked = info->ready;
	d->state = info->ready ? DEVICE_READY : DEVICE_LOCKED;
	d->index = index;
	d->calls = calls;
	d->async.data = d;
	*out = d;
	return ERR_OK;
}

void device_set_info(struct device *d, const struct device_info *info)
{
	pthread_mutex_lock(&d->lock);
	if (strcmp(d->info.where, info->where)) {
		d->moved = d->started;
		pthread_cond_signal(&d->wake);
	}
	if (!d->self && d->unlocked != info->ready) {
		d->unlocked = info->ready;
		uv_async_send(&d->async);
	}
	d->info = *info;
	pthread_mutex_unlock(&d->lock);
}

void device_identify(struct device *d, const struct probe *probe, unsigned index)
{
	pthread_mutex_lock(&d->lock);
	d->driver = probe->driver;
	d->info = probe->info;
	d->index = index;
	pthread_mutex_unlock(&d->lock);
}

void device_close(struct device *d, enum err reason)
{
	pthread_mutex_lock(&d->lock);
	if (!d->stop) {
		d->stop = reason;
		d->state = DEVICE_GONE;
		running_abort(d, reason);
		queue_fail(d, reason, false);
		d->ended = !d->started;
		pthread_cond_signal(&d->wake);
		uv_async_send(&d->async);
	}
	pthread_mutex_unlock(&d->lock);
}

static enum err device_start(struct device *d)
{
	sigset_t all, old;
	/* Signals are the loop's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int status = pthread_create(&d->thread, NULL, worker_main, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (status)
		return ERR_NO_MEMORY;
	d->started = true;
	return ERR_OK;
}

enum err device_submit(struct device *d, struct job *job)
{
	enum err e = ERR_OK;

	job->why = (struct why){0};
	if (job->op >= OP_COUNT || !(d->driver->ops & 1u << job->op))
		return why_set(&job->why, ERR_UNSUPPORTED, "%s:%s cannot do that", d->driver->name,
			       d->info.label);
	if ((job->op == OP_SIGN && !job->has_expect) || (job->op == OP_VERB && !job->verb))
		return why_set(&job->why, ERR_INTERNAL, "a job without its key or verb");
	if (d->state == DEVICE_GONE) {
		job_explain(d, job, d->stop);
		return d->stop;
	}
	if (!d->started && (e = device_start(d)))
		return why_set(&job->why, e, "cannot start a thread for %s:%s", d->driver->name,
			       d->info.label);

	memset(job->out, 0, sizeof(job->out));
	job->out_len = 0;
	job->secret = (struct secret){0};
	job->text[0] = '\0';
	job->device = d;
	job->canceled = false;
	job->state = JOB_QUEUED;
	pthread_mutex_lock(&d->lock);
	if (job->op == OP_LOCK) {
		if (d->running && d->running->op != OP_LOCK)
			running_abort(d, ERR_LOCKED);
		queue_fail(d, ERR_LOCKED, true); /* nothing is left before it but locks */
	}
	queue_push(&d->queued, job);
	pthread_mutex_unlock(&d->lock);
	pthread_cond_signal(&d->wake); /* it comes for the lock at once */
	return ERR_OK;
}

void device_cancel(struct job *job)
{
	struct device *d = job->device;

	/* Whoever asked for a lock and went away still gets it. */
	if (!d || job->op == OP_LOCK)
		return;
	pthread_mutex_lock(&d->lock);
	if (job->state == JOB_QUEUED) {
		queue_remove(&d->queued, job);
		job_finish(d, job, ERR_CANCELED);
		uv_async_send(&d->async);
	} else if (job->state == JOB_RUNNING) {
		running_abort(d, ERR_CANCELED);
	}
	pthread_mutex_unlock(&d->lock);
}
