/* SPDX-License-Identifier: MIT */
#include "devices/trezor/wallet.h"

#include <stdio.h>
#include <string.h>

#include "devices/trezor/ask.h"
#include "devices/trezor/sync.h"
#include "protocol/log.h"

enum { ROUNDS_MAX = 32, NOTE_MAX = IDENTITY_URI_MAX + 200 }; /* job_note() cuts it */

const struct budgets wallet_budgets = {
	.answer = 5000, .person = 1000 * WALLET_TIMEOUT, .probe = 1000, .idle = 2000, .stray = 300};

enum err wallet_new(struct wallet **out, struct transport *transport, const char *where,
		    const struct driver_env *env, const struct budgets *budgets)
{
	struct wallet *w = secret_alloc(sizeof(*w));
	if (!w)
		return ERR_NO_MEMORY;
	w->transport = transport;
	w->budgets = *budgets;
	w->env = env;
	snprintf(w->where, sizeof(w->where), "%s", where);
	snprintf(w->name, sizeof(w->name), "trezor:?");
	*out = w;
	return ERR_OK;
}

void wallet_free(struct wallet *w)
{
	transport_free(w->transport);
	secret_free_mem(w);
}

void wallet_abort(struct wallet *w)
{
	transport_abort(w->transport);
}

void wallet_forget(struct wallet *w)
{
	secret_wipe(w->session, sizeof(w->session));
	secret_wipe(w->features.session, sizeof(w->features.session));
	w->has_session = w->ready = w->met = w->marked = false;
}

/* Why an exchange failed, said once. */
static enum err talk_error(struct wallet *w, struct why *why, enum err e)
{
	const char *name = w->known ? w->name : w->where;

	if (e && !why->text[0] && e == ERR_TIMEOUT)
		why_set(why, e, "%s does not answer; if that stays so, unplug it", name);
	else if (e && !why->text[0] && e == ERR_DEVICE_GONE)
		why_set(why, e, "%s is not there%s", name,
			w->known ? ": connect it and try again" : "");
	else if (e && !why->text[0] && e != ERR_CANCELED)
		why_set(why, e, "%s: %s", name, err_text(e));
	return e;
}

/* ---- the start of a flow ---- */

/* `wallet "trezor:LABEL"` of the config, by label or serial. */
static void take_setting(struct wallet *w)
{
	const struct wallet_setting *s = w->env ? w->env->wallets : NULL;
	size_t driver = (size_t)(strchr(w->name, ':') - w->name) + 1;

	w->setting = (struct wallet_setting){0};
	for (; s && s->device; s++) {
		const char *rest = s->device;
		if (!strncmp(rest, w->name, driver))
			rest += driver;
		if (strcmp(s->device, w->name) && strcmp(rest, w->features.serial))
			continue;
		w->setting = *s;
		return;
	}
}

/* A locked one may not say whether it has a passphrase. */
static bool is_plain(const struct features *f)
{
	return f->unlocked && !f->has_passphrase;
}

static bool is_resumed(const struct wallet *w, const struct features *f)
{
	return w->has_session && f->has_session && !memcmp(w->session, f->session, SESSION_LEN);
}

static void take_features(struct wallet *w, const struct features *f)
{
	bool same = is_resumed(w, f);

	w->unsure = !same && !(is_plain(f) && is_plain(&w->features));
	w->features = *f;
	w->known = true;
	snprintf(w->name, sizeof(w->name), "%s:%s", f->keepkey ? "keepkey" : "trezor", f->label);
	take_setting(w);
	if (f->unlocked) /* whoever typed it: the device has begun to count anew */
		w->wrong_pins = 0;
	if (!f->unlocked || (!f->keepkey && f->has_passphrase && !same))
		w->ready = false;
}

static enum err check_features(struct wallet *w, const struct features *f, struct why *why)
{
	if (w->known && strcmp(w->features.serial, f->serial))
		return why_set(why, ERR_DEVICE_GONE,
			       "%s is not there any more, another device is: connect it and try "
			       "again",
			       w->name);
	take_features(w, f);
	if (f->bootloader)
		return why_set(why, ERR_UNSUPPORTED,
			       "%s is in its bootloader: unplug it, and plug it in again", w->name);
	if (!f->initialized)
		return why_set(why, ERR_NOT_FOUND,
			       "%s has no keys yet: set it up with its maker's program", w->name);
	return ERR_OK;
}

enum err wallet_probe(struct wallet *w, struct job *job)
{
	const struct transport_ops *ops = w->transport->ops;
	struct features f;

	transport_rearm(w->transport);
	if (job_canceled(job))
		return ERR_CANCELED;
	enum err e = ops->claim(w->transport, &job->why);
	if (!e && ops->alive)
		e = ops->alive(w->transport, deadline_in(w->budgets.probe));
	if (!e) {
		e = sync_features(w, &f, true);
		w->thp = e == ERR_UNSUPPORTED;
	}
	ops->release(w->transport);
	if (w->thp)
		return ERR_OK;
	if (!e && !f.serial[0])
		e = why_set(&job->why, ERR_UNSUPPORTED,
			    f.bootloader
				    ? "%s is in its bootloader: unplug it, and plug it in again"
				    : "%s has no serial number",
			    w->where);
	if (!e) {
		take_features(w, &f);
		w->ready = is_plain(&f) && f.initialized;
	}
	secret_wipe(&f, sizeof(f));
	return talk_error(w, &job->why, e);
}

enum err wallet_begin(struct wallet *w, struct job *job)
{
	struct features f;

	transport_rearm(w->transport);
	if (job_canceled(job))
		return ERR_CANCELED;
	if (w->thp)
		return why_set(&job->why, ERR_UNSUPPORTED,
			       "the device at %s needs THP, not supported yet", w->where);
	enum err e = w->transport->ops->claim(w->transport, &job->why);
	if (!e)
		e = sync_features(w, &f, false);
	/* An Initialize that ends a wait does not resume the session that it names. */
	if (!e && w->has_session && !is_resumed(w, &f) && !is_plain(&f))
		e = sync_features(w, &f, false);
	e = talk_error(w, &job->why, e);
	if (!e) {
		w->met = true;
		e = check_features(w, &f, &job->why);
	}
	if (e) {
		w->transport->ops->release(w->transport);
	} else {
		w->has_session = f.has_session;
		memcpy(w->session, f.session, SESSION_LEN);
		w->calling = w->typed = false;
	}
	secret_wipe(&f, sizeof(f)); /* the session's id */
	return e;
}

/* ---- the end of a flow ---- */

static bool is_result(uint16_t type)
{
	return type == MSG_SIGNED_IDENTITY || type == MSG_ECDH_SESSION_KEY ||
	       type == MSG_PUBLIC_KEY || type == MSG_CIPHERED_KEY_VALUE || type == MSG_SUCCESS;
}

/* A call is ended by Cancel, which must not be taken for its rest, and is answered with Failure.
 * Its result may cross that; then a Failure may still come (Trezor), or not (KeepKey, at the button
 * of a passphrase). */
static enum err call_cancel(struct wallet *w)
{
	uint64_t deadline = deadline_in(w->budgets.idle);
	bool over = false;
	uint32_t code;
	char text[8];

	transport_rearm(w->transport);
	enum err e = w->half ? wire_reset(w->transport, deadline) : ERR_OK;
	message_empty(&w->message, MSG_CANCEL);
	if (!e)
		e = wire_send(w->transport, &w->message, deadline);
	while (!e) {
		e = wire_receive(w->transport, &w->message, deadline);
		if (e == ERR_DEVICE_ERROR)
			e = ERR_OK; /* not for us, or garbage: until the deadline */
		else if (!e && w->message.type == MSG_FAILURE) {
			e = message_read_failure(&w->message, &w->arena, &code, text, sizeof(text));
			w->wrong_pins += !e && code == FAILURE_PIN_WRONG;
			return ERR_OK;
		} else if (!e && is_result(w->message.type)) {
			over = true;
			deadline = sooner(deadline, deadline_in(w->budgets.stray));
		}
	}
	return over && e == ERR_TIMEOUT ? ERR_OK : e;
}

void wallet_end(struct wallet *w)
{
	if (w->calling && call_cancel(w)) {
		w->dirty = true;
		log_debug("%s did not come to rest: its next use starts anew", w->name);
	}
	/* A KeepKey keeps one that nobody has confirmed: Cancel is no refusal there. */
	if (w->calling && w->typed && !w->has_session)
		w->met = false;
	w->calling = false;
	w->transport->ops->release(w->transport);
	secret_wipe(&w->message, sizeof(w->message));
}

/* ---- a call ---- */

static unsigned person_budget(const struct wallet *w)
{
	return w->setting.timeout ? 1000 * w->setting.timeout : w->budgets.person;
}

/* A KeepKey is silent for the delay of its PIN before it asks for it. */
static bool is_deaf(const struct wallet *w)
{
	return w->features.keepkey && !w->features.unlocked;
}

static enum err on_button(struct wallet *w, const char *what, char note[static NOTE_MAX],
			  unsigned *budget)
{
	uint32_t code;
	enum err e = message_read_button(&w->message, &w->arena, &code);
	if (e)
		return e;
	if (w->passphrase_buttons) {
		w->passphrase_buttons--;
		what = "that the passphrase is right";
	}
	if (!w->features.small && code == BUTTON_PIN)
		snprintf(note, NOTE_MAX, "Type the PIN on %s", w->name);
	else if (!w->features.small && code == BUTTON_PASSPHRASE)
		snprintf(note, NOTE_MAX, "Type the passphrase on %s", w->name);
	else
		snprintf(note, NOTE_MAX, "Confirm on %s: %s", w->name, what);
	message_empty(&w->message, MSG_BUTTON_ACK);
	*budget = person_budget(w);
	return ERR_OK;
}

/* There may be wrong PINs that we do not know of, of another program or an earlier start: the wait
 * is theirs too. */
static unsigned pin_budget(struct wallet *w)
{
	unsigned delay = pin_delay(w) * 1100, budget = delay + w->budgets.answer;

	w->deaf_until = transport_now() + delay;
	return budget > w->budgets.person ? budget : w->budgets.person;
}

static enum err on_pin(struct wallet *w, struct job *job, unsigned *budget)
{
	enum err e = ask_pin(w, job);

	*budget = pin_budget(w);
	return e;
}

static enum err on_passphrase(struct wallet *w, struct job *job, unsigned *budget)
{
	bool on_device;
	enum err e = ask_passphrase(w, job, &on_device);

	w->unsure = true;
	w->typed = w->typed || !e;
	/* A KeepKey wants it confirmed once, a Trezor One twice unless it is empty. */
	if (w->features.small && !on_device)
		w->passphrase_buttons = w->features.keepkey ? 1 : 2;
	*budget = on_device ? person_budget(w) : w->budgets.answer;
	return e;
}

static enum err wrong_pin(struct wallet *w, struct job *job)
{
	w->wrong_pins++;
	w->ready = false;
	unsigned delay = pin_delay(w);
	if (!delay)
		return why_set(&job->why, ERR_BAD_PIN, "wrong PIN for %s", w->name);
	return why_set(&job->why, ERR_BAD_PIN,
		       "wrong PIN for %s, %u in a row: the device takes %u s over the next one, "
		       "twice that after another wrong one, and may erase itself after too many",
		       w->name, w->wrong_pins, delay);
}

static enum err on_failure(struct wallet *w, struct job *job, enum message_type answered)
{
	uint32_t code;
	char text[120];
	enum err e = message_read_failure(&w->message, &w->arena, &code, text, sizeof(text));
	if (e)
		return e;
	/* A device that cannot read an answer goes on waiting for one. */
	w->calling = (answered == MSG_PIN_ACK || answered == MSG_PASSPHRASE_ACK) &&
		     (code == FAILURE_UNEXPECTED || code == FAILURE_DATA);
	switch (code) {
	case FAILURE_CANCELED:
	case FAILURE_PIN_CANCELED:
		return why_set(&job->why, ERR_REFUSED, "refused on %s", w->name);
	case FAILURE_PIN_WRONG:
		return wrong_pin(w, job);
	case FAILURE_INVALID_SESSION:
		wallet_forget(w);
		return why_set(&job->why, ERR_DEVICE_ERROR, "%s lost its session: try again",
			       w->name);
	case FAILURE_UNEXPECTED:
		/* No Ack is unexpected to a device that asked for it. */
		if (w->calling || answered == MSG_BUTTON_ACK)
			return why_set(&job->why, ERR_DEVICE_ERROR,
				       "%s knows nothing of its question any more: it was "
				       "restarted, or another program came between; try again",
				       w->name);
		/* fall through */
	default:
		return why_set(&job->why, ERR_DEVICE_ERROR, "%s refuses, code %u: %s", w->name,
			       (unsigned)code, text);
	}
}

/* Sets w->message to our answer to what is in it, and `note` to what a person is told after it. */
static enum err call_answer(struct wallet *w, struct job *job, enum message_type answered,
			    const char *what, char note[static NOTE_MAX], unsigned *budget)
{
	switch (w->message.type) {
	case MSG_BUTTON_REQUEST:
		return on_button(w, what, note, budget);
	case MSG_PIN_REQUEST:
		w->ready = false; /* whatever it said before */
		return on_pin(w, job, budget);
	case MSG_PASSPHRASE_REQUEST:
		w->ready = false;
		return on_passphrase(w, job, budget);
	case MSG_FAILURE:
		return on_failure(w, job, answered);
	default:
		return why_set(&job->why, ERR_DEVICE_ERROR,
			       "%s answers with message %u, which belongs elsewhere", w->name,
			       (unsigned)w->message.type);
	}
}

/* The next message that is not Features: those are late answers to wallet_begin(). */
static enum err call_receive(struct wallet *w, uint64_t deadline)
{
	enum err e;

	do
		e = wire_receive(w->transport, &w->message, deadline);
	while (!e && w->message.type == MSG_FEATURES);
	return e;
}

enum err wallet_call(struct wallet *w, struct job *job, enum message_type want, const char *what)
{
	unsigned budget = is_deaf(w) ? pin_budget(w) : w->budgets.answer;
	enum message_type sent = w->message.type;
	char note[NOTE_MAX] = "";
	enum err e = ERR_OK;

	if (is_deaf(w) && sent != MSG_SIGN_IDENTITY) /* whose button comes first */
		tell_pin_delay(w, job);

	w->passphrase_buttons = 0;
	w->calling = true;
	for (int i = 0; !e && i < ROUNDS_MAX; i++) {
		uint64_t deadline = deadline_in(budget);
		sent = w->message.type;
		e = wire_send(w->transport, &w->message, deadline);
		w->half = e != ERR_OK;
		secret_wipe(&w->message, sizeof(w->message));
		/* The device first: it works on while the loop tells. */
		if (!e && note[0])
			job_note(job, note);
		note[0] = '\0';
		if (!e)
			e = call_receive(w, deadline);
		/* The PIN was right as soon as anything else comes after it. */
		if (!e && sent == MSG_PIN_ACK && w->message.type != MSG_FAILURE)
			w->wrong_pins = 0;
		if (!e && w->message.type == want) {
			w->calling = false;
			return ERR_OK;
		}
		if (!e)
			w->deaf_until = 0;
		if (!e)
			e = call_answer(w, job, sent, what, note, &budget);
	}
	if (!e)
		e = why_set(&job->why, ERR_DEVICE_ERROR, "%s asks without end", w->name);
	if (e == ERR_TIMEOUT && sent == MSG_BUTTON_ACK)
		why_set(&job->why, e, "nobody confirmed on %s within %u s", w->name, budget / 1000);
	return talk_error(w, &job->why, e);
}
