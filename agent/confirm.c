/* SPDX-License-Identifier: MIT */
#include "agent/confirm.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/prompt.h"

struct confirmation {
	struct prompt *prompt;
	void (*done)(void *arg, enum err e);
	void *arg;
};

static void confirm_answered(void *arg, enum err e, const void *bytes, size_t n)
{
	struct confirmation *c = arg;

	(void)bytes;
	(void)n;
	/* A window that is closed is a no, not the client's leaving. */
	c->done(c->arg, e == ERR_CANCELED ? ERR_REFUSED : e);
	free(c);
}

struct confirmation *confirm_start(struct agent *a, const char *text, const char *detail,
				   pid_t asker, void (*done)(void *arg, enum err e), void *arg)
{
	struct confirmation *c = calloc(1, sizeof(*c));
	struct ask ask = {.kind = ASK_CONFIRM};

	if (c == NULL)
		return NULL;
	c->done = done;
	c->arg = arg;
	snprintf(ask.prompt, sizeof(ask.prompt), "%s", text);
	c->prompt = prompt_start(a->prompter, &ask, detail, asker, confirm_answered, c);
	if (c->prompt == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void confirm_cancel(struct confirmation *c)
{
	if (c == NULL)
		return;
	prompt_cancel(c->prompt);
	free(c);
}
