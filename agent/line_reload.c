/* SPDX-License-Identifier: MIT */
/* RELOAD. */
#include "agent/line.h"

#include <stddef.h>

static void line_reloaded(struct reload_waiter *w, enum err e, const struct why *why)
{
	struct line_conn *lc = (struct line_conn *)((char *)w - offsetof(struct line_conn, reload));

	lc->state = LINE_IDLE;
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_error(lc, e, why);
	conn_resume(lc->conn);
}

void line_run_reload(struct line_conn *lc)
{
	lc->state = LINE_RUNNING;
	lc->reload.done = line_reloaded;
	reload_start(lc->request.agent->reloader, conn_pid(lc->conn), &lc->reload);
}
