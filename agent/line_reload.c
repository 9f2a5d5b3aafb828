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

/* What there is to be said of the file, and nothing more. */
static void line_check_config(struct line_conn *lc)
{
	struct config *next = NULL;
	struct why why = {0};
	enum err e = config_reload(&next, lc->request.agent->config, &why);

	config_free(next);
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_error(lc, e, &why);
}

void line_run_reload(struct line_conn *lc)
{
	if (line_option(&lc->command, "dry-run") != NULL) {
		line_check_config(lc);
		return;
	}
	lc->state = LINE_RUNNING;
	lc->reload.done = line_reloaded;
	reload_start(lc->request.agent->reloader, conn_pid(lc->conn), &lc->reload);
}
