/* SPDX-License-Identifier: MIT */
#include "agent/confirm.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/prompt.h"

struct confirmation {
	struct agent *agent;
	struct confirmation *next; /* of those that end with a lock */
	enum op_class class;
	struct prompt *prompt;
	void (*done)(void *arg, enum err e);
	void *arg;
};

/* Nothing when it is none of those. */
static void confirm_unlink(struct confirmation *c)
{
	struct confirmation **at = &c->agent->confirmations;

	while (*at != NULL && *at != c)
		at = &(*at)->next;
	if (*at != NULL)
		*at = c->next;
}

static void confirm_answered(void *arg, enum err e, const void *bytes, size_t n)
{
	struct confirmation *c = arg;

	(void)bytes;
	(void)n;
	confirm_unlink(c);
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
	c->agent = a;
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

void confirm_for(struct confirmation *c, enum op_class class)
{
	c->class = class;
	c->next = c->agent->confirmations;
	c->agent->confirmations = c;
}

void confirm_lock(struct agent *a)
{
	struct confirmation *c = a->confirmations;

	while (c != NULL) {
		if ((a->locked & 1u << c->class) == 0) {
			c = c->next;
			continue;
		}
		confirm_unlink(c);
		prompt_cancel(c->prompt);
		c->done(c->arg, ERR_LOCKED);
		free(c);
		c = a->confirmations; /* what ended may have changed the list */
	}
}

void confirm_cancel(struct confirmation *c)
{
	if (c == NULL)
		return;
	confirm_unlink(c);
	prompt_cancel(c->prompt);
	free(c);
}
