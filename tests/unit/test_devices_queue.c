/* SPDX-License-Identifier: MIT */
/* devices/device.c with a scripted driver: order, cancel, lock, unplug, shutdown. */
#include <string.h>
#include <unistd.h>

#include "tests/unit/test_devices_fake.h"

TestSuite(devices_queue, .init = fake_setup, .fini = fake_teardown, .timeout = 30);

Test(devices_queue, jobs_run_in_order)
{
	struct play p[20];
	for (size_t i = 0; i < 20; i++) {
		p[i] = play(OP_SECRET, i ? ACT_OK : ACT_BLOCK);
		submit(&p[i]);
	}
	UNTIL(inside());
	cr_assert_eq(device_queued(device()), 20);
	release();
	for (size_t i = 0; i < 20; i++) {
		finish(&p[i], ERR_OK);
		cr_assert_eq(p[i].order, i + 1);
	}
	cr_assert_eq(device_queued(device()), 0);
	cr_assert_eq(fake.opens, 1);
}

Test(devices_queue, queued_job_is_canceled)
{
	struct play a = play(OP_SECRET, ACT_BLOCK), b = play(OP_SECRET, ACT_OK),
		    c = play(OP_SECRET, ACT_OK);
	submit(&a), submit(&b), submit(&c);
	UNTIL(inside());
	device_cancel(&b.job);
	cr_assert_eq(b.dones, 0, "done() from inside device_cancel()");
	device_cancel(&b.job);
	finish(&b, ERR_CANCELED);
	device_cancel(&b.job);
	cr_assert_eq(a.dones, 0);
	release();
	finish(&a, ERR_OK);
	finish(&c, ERR_OK);
	cr_assert_eq(b.runs, 0);
}

Test(devices_queue, running_job_is_canceled)
{
	struct play a = play(OP_SECRET, ACT_BLOCK), b = play(OP_SECRET, ACT_OK);
	submit(&a), submit(&b);
	UNTIL(inside());
	device_cancel(&a.job);
	device_cancel(&a.job);
	finish(&a, ERR_CANCELED);
	finish(&b, ERR_OK);
}

/* A driver that cannot be stopped: the result comes late and is wiped (on_done checks). */
Test(devices_queue, late_result_is_wiped)
{
	struct play a = play(OP_SECRET, ACT_DEAF);
	submit(&a);
	UNTIL(inside());
	device_cancel(&a.job);
	for (int i = 0; i < 20; i++)
		turn();
	cr_assert_eq(a.dones, 0, "the worker still has the job");
	release();
	finish(&a, ERR_CANCELED);
}

Test(devices_queue, cancel_after_the_end_changes_nothing)
{
	struct play a = play(OP_SECRET, ACT_OK);
	submit(&a);
	while (device_queued(device())) /* not turning the loop */
		usleep(200);
	cr_assert_eq(a.dones, 0);
	device_cancel(&a.job);
	finish(&a, ERR_OK);
}

Test(devices_queue, question_is_answered_once)
{
	struct play a = play(OP_UNLOCK, ACT_ASK);
	submit(&a);
	job_answer(&a.job, ERR_OK, "early", 5); /* before the question: dropped */
	UNTIL(a.asks);
	job_answer(&a.job, ERR_OK, "1234", 4);
	job_answer(&a.job, ERR_OK, "9999", 4);
	finish(&a, ERR_OK);
	job_answer(&a.job, ERR_OK, "late", 4);
	cr_assert_eq(a.asks, 1);
	cr_assert_str_eq(a.answer, "1234");
	cr_assert_eq(device_state(device()), DEVICE_READY);
	cr_assert_eq(changed, 1);
}

static void answer_at_once(struct job *job, const struct ask *ask)
{
	on_ask(job, ask);
	job_answer(job, ERR_OK, "0000", 4);
}

Test(devices_queue, answer_from_inside_ask)
{
	struct play a = play(OP_UNLOCK, ACT_ASK);
	a.job.ask = answer_at_once;
	submit(&a);
	finish(&a, ERR_OK);
	cr_assert_str_eq(a.answer, "0000");
}

Test(devices_queue, question_is_refused_or_has_nobody)
{
	static const uint8_t big[ANSWER_MAX + 1];
	struct play a = play(OP_UNLOCK, ACT_ASK), b = a, c = a;
	b.job.ask = NULL;
	submit(&a), submit(&b), submit(&c);
	UNTIL(a.asks);
	job_answer(&a.job, ERR_REFUSED, NULL, 0);
	finish(&a, ERR_REFUSED);
	finish(&b, ERR_NO_PROMPT);
	UNTIL(c.asks);
	job_answer(&c.job, ERR_OK, big, sizeof(big));
	finish(&c, ERR_TOO_LARGE);
	cr_assert_eq(device_state(device()), DEVICE_LOCKED);
}

Test(devices_queue, cancel_while_asking)
{
	struct play a = play(OP_UNLOCK, ACT_ASK);
	submit(&a);
	UNTIL(a.asks);
	device_cancel(&a.job);
	job_answer(&a.job, ERR_OK, "1234", 4);
	finish(&a, ERR_CANCELED);
	cr_assert_eq(a.ask_result, ERR_CANCELED);
	cr_assert_str_eq(a.answer, "");
}

Test(devices_queue, cancel_after_the_answer)
{
	struct play a = play(OP_UNLOCK, ACT_ASK);
	submit(&a);
	UNTIL(a.asks);
	job_answer(&a.job, ERR_OK, "1234", 4);
	device_cancel(&a.job);
	UNTIL(a.dones);
	/* Which one won is open, but not that it ended once. */
	finish(&a, a.result == ERR_OK ? ERR_OK : ERR_CANCELED);
}

Test(devices_queue, note_is_clean)
{
	struct play a = play(OP_SECRET, ACT_NOTE);
	submit(&a);
	UNTIL(a.notes);
	release();
	finish(&a, ERR_OK);
	cr_assert_eq(a.notes, 1);
}

Test(devices_queue, lock_jumps_the_queue)
{
	struct play a = play(OP_SECRET, ACT_BLOCK), b = play(OP_SECRET, ACT_OK),
		    lock = play(OP_LOCK, ACT_OK), lock2 = lock, c = play(OP_SECRET, ACT_OK);
	static const char locked[] = "fake:one was locked meanwhile: run `lanyard unlock fake:one`";
	submit(&a), submit(&b);
	UNTIL(inside());
	submit(&lock), submit(&lock2);
	device_cancel(&lock.job); /* a lock that was asked for comes */
	submit(&c);
	finish(&a, ERR_LOCKED);
	finish(&b, ERR_LOCKED);
	cr_assert_str_eq(a.job.why.text, locked);
	cr_assert_str_eq(b.job.why.text, locked);
	finish(&lock, ERR_OK);
	finish(&lock2, ERR_OK);
	finish(&c, ERR_OK);
	cr_assert_eq(b.runs, 0);
	cr_assert_lt(lock.order, c.order);
}

Test(devices_queue, lock_ends_a_question)
{
	struct play a = play(OP_UNLOCK, ACT_ASK), lock = play(OP_LOCK, ACT_OK);
	submit(&a);
	UNTIL(a.asks);
	submit(&lock);
	finish(&a, ERR_LOCKED);
	finish(&lock, ERR_OK);
	cr_assert_eq(device_state(device()), DEVICE_LOCKED);
}

Test(devices_queue, lock_of_an_unlocked_device)
{
	struct play unlock = play(OP_UNLOCK, ACT_OK), lock = play(OP_LOCK, ACT_OK);
	submit(&unlock);
	finish(&unlock, ERR_OK);
	cr_assert_eq(device_state(device()), DEVICE_READY);
	submit(&lock);
	finish(&lock, ERR_OK);
	cr_assert_eq(device_state(device()), DEVICE_LOCKED);
	cr_assert_eq(changed, 2);
}

static void unplug_with(enum act act)
{
	struct play a = play(OP_UNLOCK, act), b = play(OP_SECRET, ACT_OK), c = b, again = b;
	static const char gone[] = "fake:one was removed: connect it and try again";
	struct device *d = device();
	submit(&a), submit(&b), submit(&c);
	UNTIL(act == ACT_ASK ? a.asks > 0 : inside());
	fake.present = false;
	registry_scan(registry);
	cr_assert_eq(left, 1);
	cr_assert_eq(registry_count(registry), 0);
	cr_assert_eq(a.dones + b.dones + c.dones, 0);
	cr_assert_eq(device_state(d), DEVICE_GONE); /* it lives until its jobs are done */
	cr_assert_eq(device_submit(d, &again.job), ERR_DEVICE_GONE);
	finish(&a, ERR_DEVICE_GONE);
	finish(&b, ERR_DEVICE_GONE);
	finish(&c, ERR_DEVICE_GONE);
	cr_assert_str_eq(a.job.why.text, gone);
	cr_assert_str_eq(c.job.why.text, gone);
	cr_assert_str_eq(again.job.why.text, gone);
	cr_assert_eq(again.dones, 0);
	fake.present = true;
	registry_scan(registry);
	cr_assert_eq(arrived, 2);
	cr_assert_eq(device_index(device()), 1); /* no index twice */
	submit(&again);
	finish(&again, ERR_OK);
}

Test(devices_queue, unplug_while_running)
{
	unplug_with(ACT_BLOCK);
}

Test(devices_queue, unplug_while_asking)
{
	unplug_with(ACT_ASK);
}

/* The driver notices first: the same end, and what is still there comes back as a new device. */
Test(devices_queue, driver_says_gone)
{
	struct play a = play(OP_SECRET, ACT_GONE), b = play(OP_SECRET, ACT_OK), c = b;
	submit(&a), submit(&b);
	finish(&a, ERR_DEVICE_GONE);
	cr_assert_str_eq(a.job.why.text, "unplugged");
	finish(&b, ERR_DEVICE_GONE);
	cr_assert_eq(b.runs, 0);
	UNTIL(arrived == 2);
	cr_assert_eq(left, 1);
	submit(&c);
	finish(&c, ERR_OK);
}

Test(devices_queue, open_is_tried_again)
{
	struct play a = play(OP_SECRET, ACT_OK), b = a;
	fake.fail_open = true;
	submit(&a);
	finish(&a, ERR_DEVICE_BUSY);
	fake.fail_open = false;
	submit(&b);
	finish(&b, ERR_OK);
}

static void shutdown_with(enum act act)
{
	struct play a = play(OP_UNLOCK, act), b = play(OP_SECRET, ACT_OK), lock;
	submit(&a), submit(&b);
	UNTIL(act == ACT_ASK ? a.asks > 0 : inside());
	lock = play(OP_LOCK, ACT_OK);
	if (act == ACT_DEAF) {
		submit(&lock);
		cr_assert_eq(lock.dones, 0);
	}
	registry_close(registry, on_closed, &closed);
	if (act == ACT_DEAF) {
		for (int i = 0; i < 20; i++)
			turn();
		cr_assert(!closed, "a worker still runs");
		release();
	}
	UNTIL(closed);
	cr_assert_eq(a.dones, 1);
	cr_assert_eq(b.dones, 1);
	if (act == ACT_DEAF) {
		cr_assert_eq(lock.dones, 1);
		cr_assert_eq(lock.result, ERR_SHUTDOWN);
		cr_assert_eq(a.result, ERR_LOCKED);
	} else {
		cr_assert_eq(a.result, ERR_SHUTDOWN);
		cr_assert_eq(b.result, ERR_SHUTDOWN);
	}
}

Test(devices_queue, shutdown_while_running)
{
	shutdown_with(ACT_BLOCK);
}

Test(devices_queue, shutdown_while_asking)
{
	shutdown_with(ACT_ASK);
}

Test(devices_queue, shutdown_with_a_deaf_driver_and_a_lock)
{
	shutdown_with(ACT_DEAF);
}

static void again_from_done(struct job *job, enum err e)
{
	struct play *p = (struct play *)job;
	on_done(job, e);
	secret_free(&job->secret);
	if (p->dones < 3)
		cr_assert_eq(device_submit(device(), job), ERR_OK);
}

Test(devices_queue, done_may_submit)
{
	struct play a = play(OP_SECRET, ACT_OK);
	a.job.done = again_from_done;
	submit(&a);
	UNTIL(a.dones == 3);
	cr_assert_eq(a.runs, 3);
}

Test(devices_queue, verb_runs_on_the_worker)
{
	struct play a = play(OP_VERB, ACT_OK), b = a;
	a.job.verb = &fake_verbs[0];
	submit(&a);
	finish(&a, ERR_OK);
	cr_assert_str_eq(a.job.text, "hello\n");
	cr_assert_eq(device_submit(device(), &b.job), ERR_INTERNAL);
}

Test(devices_queue, names)
{
	cr_assert_str_eq(custody_name(CUSTODY_AGENT), "agent");
	for (enum ask_kind k = 0; k < ASK_KIND_COUNT; k++)
		cr_assert_not_null(ask_keyword(k));
	cr_assert_str_eq(ask_keyword(ASK_NEW_PASSPHRASE), "NEW_PASSPHRASE");
}
