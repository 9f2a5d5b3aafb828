/* SPDX-License-Identifier: MIT */
#include "devices/trezor/sync.h"

enum { TRIES = 3 };

static enum err sync_send(struct wallet *w, int tries, bool probe, uint64_t deadline)
{
	struct wire_message *m = &w->message;
	enum err e = ERR_OK;

	/* Half a message may have been sent; KeepKey would take ours for its rest. */
	if (tries || w->dirty)
		e = wire_reset(w->transport, deadline);
	if (probe || (w->met && !w->features.has_session)) {
		/* Initialize would end what waits; where there are no sessions (KeepKey, old
		 * firmware), it would also forget the passphrase. A device that nobody else has,
		 * and that is silent, waits for a program that has ended. */
		if (probe ? tries == TRIES - 1 : tries || w->dirty) {
			message_empty(m, MSG_CANCEL);
			if (!e)
				e = wire_send(w->transport, m, deadline);
		}
		message_empty(m, MSG_GET_FEATURES);
	} else if (!e) {
		e = message_initialize(m, w->has_session ? w->session : NULL);
	}
	return e ? e : wire_send(w->transport, m, deadline);
}

/* Until Features; what comes before was meant for somebody else. A Failure may be one of those, or
 * mean that our message was taken for a part of another. */
static enum err sync_receive(struct wallet *w, struct features *f, uint64_t deadline)
{
	uint32_t code;
	char text[8];

	for (;;) {
		enum err e = wire_receive(w->transport, &w->message, deadline);
		if (e == ERR_DEVICE_ERROR)
			continue;
		if (e)
			return e;
		if (w->message.type == MSG_FEATURES)
			return message_read_features(&w->message, &w->arena, f);
		if (w->message.type != MSG_FAILURE ||
		    message_read_failure(&w->message, &w->arena, &code, text, sizeof(text)))
			continue;
		if (code == FAILURE_PROTOCOL)
			return ERR_UNSUPPORTED;
		w->wrong_pins += code == FAILURE_PIN_WRONG;
		deadline = sooner(deadline, deadline_in(w->budgets.stray));
	}
}

/* One that was asked several times has several answers, and they are none to what it is asked next.
 * The last Features are those of now. */
static enum err sync_drain(struct wallet *w, struct features *f)
{
	uint64_t end = deadline_in(w->budgets.idle);
	enum err e;

	do {
		e = wire_receive(w->transport, &w->message,
				 sooner(end, deadline_in(w->budgets.stray)));
		if (!e && w->message.type == MSG_FEATURES)
			e = message_read_features(&w->message, &w->arena, f);
	} while (!e || e == ERR_DEVICE_ERROR);
	return e == ERR_TIMEOUT ? ERR_OK : e;
}

enum err sync_features(struct wallet *w, struct features *f, bool probe)
{
	unsigned budget = probe ? w->budgets.probe : w->budgets.answer;
	uint64_t now = transport_now();
	enum err e = ERR_TIMEOUT;
	int tries = 0;

	if (w->deaf_until > now) /* the job whose PIN it was has been canceled */
		budget += (unsigned)(w->deaf_until - now);

	for (; tries < TRIES && (e == ERR_TIMEOUT || e == ERR_DEVICE_ERROR); tries++) {
		uint64_t deadline = deadline_in(budget / TRIES);
		e = sync_send(w, tries, probe, deadline);
		if (!e)
			e = sync_receive(w, f, deadline);
	}
	if (!e && (tries > 1 || w->dirty))
		e = sync_drain(w, f);
	w->dirty = e != ERR_OK;
	return e;
}
