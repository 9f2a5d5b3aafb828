/* SPDX-License-Identifier: MIT */
#include "devices/trezor/ask.h"

#include <stdio.h>
#include <string.h>

#include "protocol/text.h"

enum { PIN_SMALL_MAX = 9, PIN_MAX = 50, PASSPHRASE_MAX = 50, DELAY_TRIES_MAX = 15 };

/* Trezor: 2^n - 1 s before the next PIN is looked at. KeepKey: the same from the third on, before
 * it asks. */
unsigned pin_delay(const struct wallet *w)
{
	unsigned n = w->wrong_pins < DELAY_TRIES_MAX ? w->wrong_pins : DELAY_TRIES_MAX;

	return w->features.keepkey && n < 3 ? 0 : (1u << n) - 1;
}

void tell_pin_delay(const struct wallet *w, struct job *job)
{
	unsigned delay = pin_delay(w);
	char note[200];

	if (!delay)
		return;
	snprintf(note, sizeof(note), "%s %s %u s, because of %u wrong before: do not unplug it",
		 w->name, w->features.keepkey ? "asks for its PIN in" : "looks at the PIN in",
		 delay, w->wrong_pins);
	job_note(job, note);
}

/* Anything else than places ends the device's question, or counts as a wrong PIN. */
static enum err check_pin(const struct wallet *w, const struct secret *pin, struct why *why)
{
	size_t max = w->features.keepkey ? PIN_SMALL_MAX : PIN_MAX;
	bool good = pin->n >= 1 && pin->n <= max;

	for (size_t i = 0; good && i < pin->n; i++)
		good = pin->p[i] >= '1' && pin->p[i] <= '9';
	return good ? ERR_OK
		    : why_set(why, ERR_INVALID,
			      "the PIN of %s: type the places of its digits, 1 to %zu times a "
			      "digit from 1 to 9; nothing was sent",
			      w->name, max);
}

static enum err ask_error(struct wallet *w, struct job *job, const char *what, enum err e)
{
	if (e == ERR_NO_PROMPT)
		return why_set(&job->why, ERR_LOCKED, "%s needs its %s: run `lanyard unlock %s`",
			       w->name, what, w->name);
	return why_set(&job->why, e, "%s of %s: %s", what, w->name, err_text(e));
}

enum err ask_pin(struct wallet *w, struct job *job)
{
	struct ask ask = {.kind = ASK_PIN, .again = w->wrong_pins > 0};
	struct secret answer;

	snprintf(ask.prompt, sizeof(ask.prompt),
		 "PIN of %s: type where its digits are on the device, "
		 "7-8-9 is the upper row, 4-5-6 the middle, 1-2-3 the lower",
		 w->name);
	enum err e = job_ask(job, &ask, &answer);
	if (e)
		return ask_error(w, job, "PIN", e);
	e = check_pin(w, &answer, &job->why);
	if (!e)
		e = message_pin(&w->message, (struct slice){answer.p, answer.n});
	secret_free(&answer);
	if (!e && !w->features.keepkey)
		tell_pin_delay(w, job);
	return e;
}

static enum err ask_on_host(struct wallet *w, struct job *job)
{
	struct ask ask = {.kind = ASK_PASSPHRASE};
	struct secret answer;

	snprintf(ask.prompt, sizeof(ask.prompt), "BIP-39 passphrase of %s", w->name);
	enum err e = job_ask(job, &ask, &answer);
	if (e)
		return ask_error(w, job, "passphrase", e);
	if (!answer.n)
		e = why_set(&job->why, ERR_INVALID,
			    "an empty passphrase is another wallet: if that is the one you want, "
			    "say so in lanyard.conf, wallet \"%s\" { passphrase = none }, and "
			    "connect it again after `lanyard reload`",
			    w->name);
	else if (answer.n > PASSPHRASE_MAX || !text_is_ascii_printable(answer.p, answer.n))
		e = why_set(&job->why, ERR_INVALID,
			    "the passphrase of %s: 1 to %d printable ASCII characters", w->name,
			    PASSPHRASE_MAX);
	else
		e = message_passphrase(&w->message, (struct slice){answer.p, answer.n}, false);
	secret_free(&answer);
	return e;
}

enum err ask_passphrase(struct wallet *w, struct job *job, bool *on_device)
{
	char note[200];

	*on_device = false;
	switch (w->setting.passphrase) {
	case PASSPHRASE_NONE:
		return message_passphrase(&w->message, (struct slice){(const uint8_t *)"", 0},
					  false);
	case PASSPHRASE_DEVICE:
		if (!w->features.keyboard)
			return why_set(&job->why, ERR_INVALID,
				       "%s (%s) has no way to type a passphrase on it: set "
				       "passphrase = host for it in lanyard.conf",
				       w->name, w->features.model);
		*on_device = true;
		snprintf(note, sizeof(note), "Type the passphrase on %s", w->name);
		job_note(job, note);
		return message_passphrase(&w->message, (struct slice){0}, true);
	case PASSPHRASE_HOST:
		break;
	}
	return ask_on_host(w, job);
}
