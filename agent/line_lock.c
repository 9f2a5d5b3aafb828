/* SPDX-License-Identifier: MIT */
/* LOCK and UNLOCK. */
#include "agent/line.h"
#include "agent/lock.h"

static void lock_end(struct line_conn *lc, enum err e, const struct why *why)
{
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_choice(lc, line_operand(&lc->command, 0), e, why);
	secret_free(&lc->data);
	lc->state = LINE_IDLE;
	conn_resume(lc->conn);
}

static void lock_done(void *arg)
{
	lock_end(arg, ERR_OK, NULL);
}

/* Without a device there is nothing to wait for. */
static void lock_started(struct line_conn *lc, enum err e, const struct why *why)
{
	if (e == ERR_OK)
		lc->state = LINE_RUNNING;
	else
		lock_end(lc, e == ERR_NO_DEVICE && why->text[0] == '\0' ? ERR_OK : e, why);
}

/* ---- with a passphrase of its own ---- */

static void lock_with(struct line_conn *lc)
{
	struct why why = {0};
	enum err e;

	lc->state = LINE_RUNNING;
	e = passlock_lock(lc->request.agent, lc->data.p, lc->data_used, lock_done, lc, &why);
	secret_free(&lc->data);
	lock_started(lc, e, &why);
}

static void try_done(struct passtry *t, enum err e)
{
	struct line_conn *lc = (struct line_conn *)((char *)t - offsetof(struct line_conn, try));
	struct why why = {0};

	if (e == ERR_BAD_PASSPHRASE)
		why_set(&why, e, "wrong passphrase for the lock");
	/* It was opened meanwhile. */
	lock_end(lc, e == ERR_NOT_FOUND ? ERR_OK : e, &why);
}

static void unlock_with(struct line_conn *lc)
{
	lc->state = LINE_RUNNING;
	lc->try.done = try_done;
	passlock_try(lc->request.agent, &lc->try, lc->data.p, lc->data_used);
}

/* ---- commands ---- */

void line_run_unlock(struct line_conn *lc)
{
	const char *what = line_operand(&lc->command, 0);

	if (passlock_set(lc->request.agent)) {
		line_inquire(lc, "PASSPHRASE Passphrase of the lock", ANSWER_MAX, unlock_with);
		return;
	}
	lc->request.op = OP_UNLOCK;
	lc->request.classes = LOCKED_ALL;
	lc->request.device = what != NULL && lock_parse(&lc->request.classes, what) ? NULL : what;
	line_start(lc, line_reply_ok);
}

void line_run_lock(struct line_conn *lc)
{
	const char *selector = line_operand(&lc->command, 0);
	bool passphrase = line_option(&lc->command, "passphrase") != NULL;
	struct agent *a = lc->request.agent;
	unsigned classes = LOCKED_ALL;
	struct device *device = NULL;
	struct why why = {0};
	enum err e = ERR_OK;

	if (selector != NULL && lock_parse(&classes, selector))
		selector = NULL;
	if (passphrase && (selector != NULL || classes != LOCKED_ALL)) {
		why_set(&why, ERR_SYNTAX, "a passphrase locks all, not %s",
			line_operand(&lc->command, 0));
		line_reply_error(lc, ERR_SYNTAX, &why);
	} else if (passphrase) {
		line_inquire(lc, "NEW_PASSPHRASE Passphrase of the lock", ANSWER_MAX, lock_with);
	} else if (classes != LOCKED_ALL && selector == NULL) {
		lock_classes(a, classes);
		line_reply_ok(lc);
	} else {
		if (selector != NULL)
			e = registry_find(a->registry, selector, &device, &why);
		if (e == ERR_OK)
			e = lock_wipe(a, device, lock_done, lc);
		lock_started(lc, e, &why);
	}
}
