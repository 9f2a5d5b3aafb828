/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/destination.h"
#include "agent/reload.h"
#include "agent/store.h"

/* What is found, one after the other. */
struct found {
	char *text;
	size_t cap, n;
	bool any;
	const struct store *store;
};

static void PRINTF_LIKE(2, 3) found_add(struct found *f, const char *fmt, ...)
{
	va_list args;
	int n;

	if (f->any && f->n + 2 < f->cap)
		f->n += (size_t)snprintf(f->text + f->n, f->cap - f->n, ", ");
	f->any = true;
	if (f->n + 1 >= f->cap)
		return;
	va_start(args, fmt);
	n = vsnprintf(f->text + f->n, f->cap - f->n, fmt, args);
	va_end(args);
	f->n = n < 0 || f->n + (size_t)n >= f->cap ? f->cap : f->n + (size_t)n;
}

static bool differs(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

/* ---- where a person is asked, and what nobody is asked for ---- */

static void compare_settings(const struct config *from, const struct config *to, struct found *f)
{
	if (to->allow_loopback && !from->allow_loopback)
		found_add(f, "allow-loopback");
	if (from->lock_after != 0 && (to->lock_after == 0 || to->lock_after > from->lock_after))
		found_add(f, "a later lock-after");
	if ((from->lock_on & ~to->lock_on) != 0)
		found_add(f, "lock-on");
	if (to->allow_root > from->allow_root)
		found_add(f, "allow-root");
	if (to->allow_owner && !from->allow_owner)
		found_add(f, "allow-owner");
	if (from->events != NULL && differs(from->events, to->events))
		found_add(f, "another log of events");
	if (differs(from->pinentry, to->pinentry))
		found_add(f, "another pinentry");
	if (differs(from->display, to->display))
		found_add(f, "another display");
	if (differs(from->tty, to->tty))
		found_add(f, "another tty");
}

/* ---- keys ---- */

static bool is_host_known(const struct config *c, const struct identity *id)
{
	const struct config_key *k = config_find_key(c, id);

	return k != NULL && k->host_known;
}

static const char *destinations_of(const struct config *c, const struct identity *id)
{
	const struct config_key *k = config_find_key(c, id);

	return k != NULL ? k->destinations : NULL;
}

static bool key_is_first(const struct config *c, size_t i, const struct config *before)
{
	for (size_t k = 0; before != NULL && k < before->key_count; k++)
		if (identity_equal(&before->keys[k].id, &c->keys[i].id))
			return false;
	return true;
}

/* ---- policy: for an identity, on each device that has rules of its own, and on any other ---- */

static bool policy_of(const struct config *c, const struct identity *id, const char *title,
		      struct policy *out)
{
	char driver[DRIVER_NAME_MAX + 1] = "";
	const char *colon = title != NULL ? strchr(title, ':') : NULL;

	if (title == NULL) {
		config_policy(c, id, "", "", NULL, out);
	} else if (colon == NULL) {
		config_policy(c, id, "", title, NULL, out);
	} else {
		if ((size_t)(colon - title) >= sizeof(driver))
			return false; /* names no device */
		memcpy(driver, title, (size_t)(colon - title));
		config_policy(c, id, driver, colon + 1, colon + 1, out);
	}
	return true;
}

static bool loosens_on(const struct config *from, const struct config *to,
		       const struct identity *id, const char *title)
{
	struct policy before, after;

	return policy_of(from, id, title, &before) && policy_of(to, id, title, &after) &&
	       policy_loosens(&before, &after);
}

static bool is_protocol(const char *title)
{
	return strstr(title, "://") != NULL;
}

/* On a device whose serial and label are known: rules by the one and by the other meet there. */
static bool loosens_on_known(const struct config *from, const struct config *to,
			     const struct identity *id, const struct state_device *d)
{
	struct policy before, after;

	config_policy(from, id, d->driver, d->serial, d->label, &before);
	config_policy(to, id, d->driver, d->serial, d->label, &after);
	return policy_loosens(&before, &after);
}

/* The devices that are known, and those that either config names. */
static bool loosens_anywhere(const struct config *from, const struct config *to,
			     const struct identity *id, const struct store *store)
{
	const struct config_policy *const lists[] = {from->policies, to->policies};

	if (loosens_on(from, to, id, NULL))
		return true;
	for (size_t i = 0; i < store->count; i++)
		if (loosens_on_known(from, to, id, &store->devices[i].is))
			return true;
	for (size_t i = 0; i < 2; i++)
		for (const struct config_policy *p = lists[i]; p != NULL && p->of != NULL; p++)
			if (!is_protocol(p->of) && loosens_on(from, to, id, p->of))
				return true;
	return false;
}

static void compare_keys(const struct config *of, const struct config *before,
			 const struct config *from, const struct config *to, struct found *f)
{
	for (size_t i = 0; i < of->key_count; i++) {
		const struct identity *id = &of->keys[i].id;

		if (!key_is_first(of, i, before))
			continue;
		if (is_host_known(from, id) && !is_host_known(to, id))
			found_add(f, "host-key of %s", id->uri);
		if (!destinations_within(destinations_of(to, id), destinations_of(from, id)))
			found_add(f, "destinations of %s", id->uri);
		if ((config_allow(to, id) & ~config_allow(from, id)) != 0)
			found_add(f, "%s may sign more", id->uri);
		if (loosens_anywhere(from, to, id, f->store))
			found_add(f, "%s is confirmed less", id->uri);
	}
}

/* What has no key section: each protocol that either config names, and the rest. */
static void compare_rest(const struct config *from, const struct config *to, struct found *f)
{
	const struct config_policy *const lists[] = {from->policies, to->policies};
	struct identity id = {0};

	if (loosens_anywhere(from, to, &id, f->store))
		found_add(f, "keys are confirmed less");
	for (size_t i = 0; i < 2; i++) {
		for (const struct config_policy *p = lists[i]; p != NULL && p->of != NULL; p++) {
			if (!is_protocol(p->of))
				continue;
			snprintf(id.uri, sizeof(id.uri), "%s", p->of);
			if (loosens_anywhere(from, to, &id, f->store)) {
				found_add(f, "keys of %s are confirmed less", p->of);
				return;
			}
		}
	}
}

bool reload_loosens(const struct config *from, const struct config *to, const struct store *store,
		    char *what, size_t cap)
{
	char none[1];
	struct found f = {what != NULL ? what : none, what != NULL ? cap : 1, 0, false, store};

	f.text[0] = '\0';
	compare_settings(from, to, &f);
	compare_rest(from, to, &f);
	compare_keys(from, NULL, from, to, &f);
	compare_keys(to, from, from, to, &f);
	return f.any;
}
