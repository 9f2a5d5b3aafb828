/* SPDX-License-Identifier: MIT */
/* Where and how questions are asked: OPTION and TTY. */
#include <string.h>

#include "agent/line.h"
#include "agent/prompt.h"
#include "protocol/log.h"

/* Its own PIN and passphrase questions come to the client, if the owner allows that. */
static enum err option_pinentry_mode(struct line_conn *lc, const char *mode, struct why *why)
{
	bool loopback = strcmp(mode, "loopback") == 0;

	if (!loopback && strcmp(mode, "ask") != 0)
		return why_set(why, ERR_INVALID, "pinentry-mode=%s: ask, loopback", mode);
	if (loopback && !lc->request.agent->config->allow_loopback)
		return why_set(why, ERR_NOT_ALLOWED,
			       "loopback is off: `allow-loopback = true` in %s allows it",
			       lc->request.agent->config->path);
	lc->loopback = loopback;
	return ERR_OK;
}

/* What Assuan clients send as a matter of course. None of it moves where questions appear: that is
 * the agent owner's choice, never a client's. */
void line_run_option(struct line_conn *lc)
{
	static const char *const accepted[] = {
		"display", "ttyname", "ttytype", "lc-ctype", "lc-messages", "xauthority",
	};
	const char *text = line_operand(&lc->command, 0);
	size_t n = strcspn(text, "=");
	struct why why = {0};
	enum err e = ERR_NOT_FOUND;

	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (strlen(accepted[i]) == n && memcmp(accepted[i], text, n) == 0)
			e = ERR_OK;
	if (strncmp(text, "pinentry-mode=", 14) == 0)
		e = option_pinentry_mode(lc, text + 14, &why);
	if (e == ERR_NOT_FOUND)
		e = why_set(&why, ERR_INVALID,
			    "no option %.*s: pinentry-mode; display, ttyname, ttytype, lc-ctype, "
			    "lc-messages, xauthority are accepted (and have no effect)",
			    (int)n, text);
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_error(lc, e, &why);
}

void line_run_tty(struct line_conn *lc)
{
	const char *tty = line_operand(&lc->command, 0);
	struct why why = {0};
	enum err e = prompter_set_tty(lc->request.agent->prompter, tty,
				      line_operand(&lc->command, 1), &why);

	if (e == ERR_OK) {
		log_info("questions go to %s (client %d)", tty, (int)conn_pid(lc->conn));
		line_reply_ok(lc);
	} else {
		line_reply_error(lc, e, &why);
	}
}
