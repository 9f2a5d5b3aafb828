/* SPDX-License-Identifier: MIT */
#include "agent/policy.h"

#include <stdio.h>
#include <string.h>

const char *op_class_name(enum op_class c)
{
	static const char *const names[OP_CLASS_COUNT] = {
		[OP_CLASS_AUTH] = "auth",
		[OP_CLASS_SIGN] = "sign",
		[OP_CLASS_DECRYPT] = "decrypt",
		[OP_CLASS_RELEASE] = "release",
	};

	return c < OP_CLASS_COUNT ? names[c] : "?";
}

bool op_is_use(enum op op)
{
	return op == OP_SIGN || op == OP_ECDH || op == OP_SECRET;
}

enum op_class op_class_of(enum op op, const struct identity *id)
{
	static const char third[] = "/authenticate"; /* the card's third key */
	size_t n = strlen(id->uri), m = sizeof(third) - 1;

	if (op == OP_SIGN)
		return id->class == CLASS_GPG && n > m && strcmp(id->uri + n - m, third) == 0
			       ? OP_CLASS_AUTH
			       : OP_CLASS_SIGN;
	return op == OP_ECDH && id->class == CLASS_GPG ? OP_CLASS_DECRYPT : OP_CLASS_RELEASE;
}

void policy_inherit(struct policy *to, const struct policy *wider)
{
	if (to->confirm == CONFIRM_UNSET)
		to->confirm = wider->confirm;
	if (to->remember == 0)
		to->remember = wider->remember;
	if (to->scope == SCOPE_UNSET)
		to->scope = wider->scope;
	if (to->max_uses == 0)
		to->max_uses = wider->max_uses;
	if (to->forwarded == FORWARDED_UNSET)
		to->forwarded = wider->forwarded;
}

/* What holds when no rule says anything. */
static enum confirm policy_confirm(const struct policy *p, enum op_class class)
{
	if (p->confirm != CONFIRM_UNSET)
		return p->confirm;
	return class == OP_CLASS_RELEASE ? CONFIRM_ALWAYS : CONFIRM_NEVER;
}

uint32_t policy_remember(const struct policy *p)
{
	return p->remember != 0 ? p->remember : POLICY_REMEMBER_DEFAULT;
}

static bool window_is_of(const struct policy_window *w, const struct policy_use *use)
{
	return w->curve == use->id->curve && w->index == use->id->index &&
	       strcmp(w->uri, use->id->uri) == 0;
}

/* Another key's yes is for all keys; it is for this one as far as this one's own rule goes. */
static bool window_covers(const struct policy_window *w, const struct policy *p,
			  const struct policy_use *use, uint64_t now)
{
	if (w->class != use->class || w->ends <= now || w->uses_left == 0 ||
	    strcmp(w->serial, use->serial) != 0)
		return false;
	if (window_is_of(w, use))
		return true;
	return w->all && p->scope == SCOPE_ALL &&
	       now - w->begins < policy_remember(p) * UINT64_C(1000) &&
	       (p->max_uses == 0 || w->uses < p->max_uses);
}

static size_t window_find(const struct policy_windows *w, const struct policy *p,
			  const struct policy_use *use, uint64_t now)
{
	size_t i = 0;

	while (i < w->count && !window_covers(&w->list[i], p, use, now))
		i++;
	return i;
}

static void window_remove(struct policy_windows *w, size_t at)
{
	w->count--;
	memmove(&w->list[at], &w->list[at + 1], (w->count - at) * sizeof(w->list[0]));
}

enum verdict policy_decide(const struct policy *p, const struct policy_use *use,
			   const struct policy_windows *w, uint64_t now)
{
	enum confirm confirm = policy_confirm(p, use->class);

	/* A remote host's requests stand on their own: what was confirmed here is not for them. */
	if (use->forwarded && p->forwarded == FORWARDED_DENY)
		return VERDICT_DENY;
	if (use->forwarded && p->forwarded != FORWARDED_ALLOW)
		return VERDICT_ASK;
	if (confirm == CONFIRM_NEVER)
		return VERDICT_ALLOW;
	if (confirm == CONFIRM_ALWAYS || use->class == OP_CLASS_RELEASE)
		return VERDICT_ASK;
	return window_find(w, p, use, now) < w->count ? VERDICT_ALLOW : VERDICT_ASK;
}

/* A remote host's requests stand on their own, unless it is to be the same as a local client. */
bool policy_opens_window(const struct policy *p, const struct policy_use *use)
{
	return policy_confirm(p, use->class) == CONFIRM_FIRST && use->class != OP_CLASS_RELEASE &&
	       (!use->forwarded || p->forwarded == FORWARDED_ALLOW);
}

void policy_confirmed(const struct policy *p, const struct policy_use *use,
		      struct policy_windows *w, uint64_t now)
{
	struct policy_window *window;

	if (!policy_opens_window(p, use))
		return;
	for (size_t i = 0; i < w->count;)
		if (w->list[i].ends <= now || w->list[i].uses_left == 0)
			window_remove(w, i);
		else
			i++;
	if (w->count == POLICY_WINDOWS_MAX)
		window_remove(w, 0);
	window = &w->list[w->count++];
	*window = (struct policy_window){
		.class = use->class,
		.all = p->scope == SCOPE_ALL,
		.curve = use->id->curve,
		.index = use->id->index,
		.begins = now,
		.ends = now + policy_remember(p) * UINT64_C(1000),
		.uses_left = p->max_uses != 0 ? p->max_uses : UINT32_MAX,
	};
	snprintf(window->uri, sizeof(window->uri), "%s", use->id->uri);
	snprintf(window->serial, sizeof(window->serial), "%s", use->serial);
}

void policy_used(const struct policy *p, const struct policy_use *use, struct policy_windows *w,
		 uint64_t now)
{
	size_t i = window_find(w, p, use, now);

	/* What needs no window takes nothing from one. */
	if (i == w->count || !policy_opens_window(p, use))
		return;
	w->list[i].uses++;
	if (w->list[i].uses_left != UINT32_MAX)
		w->list[i].uses_left--;
}

uint64_t policy_look(struct policy_windows *w, struct clock_time t)
{
	enum { SUSPEND_MIN_MS = 1000 };

	if (t.slept > w->slept + SUSPEND_MIN_MS)
		policy_end(w, NULL);
	w->slept = t.slept;
	return t.now;
}

void policy_end(struct policy_windows *w, const char *serial)
{
	for (size_t i = 0; i < w->count;)
		if (serial == NULL || strcmp(w->list[i].serial, serial) == 0)
			window_remove(w, i);
		else
			i++;
}

/* How freely a use of this class is made. A release is asked for each time, unless never. */
static int confirm_rank(const struct policy *p, enum op_class class)
{
	static const int rank[] = {
		[CONFIRM_ALWAYS] = 0,
		[CONFIRM_FIRST] = 1,
		[CONFIRM_NEVER] = 2,
	};
	enum confirm confirm = policy_confirm(p, class);

	return class == OP_CLASS_RELEASE && confirm == CONFIRM_FIRST ? 0 : rank[confirm];
}

static int forwarded_rank(enum forwarded f)
{
	static const int rank[] = {
		[FORWARDED_DENY] = 0,
		[FORWARDED_UNSET] = 1,
		[FORWARDED_CONFIRM] = 1,
		[FORWARDED_ALLOW] = 2,
	};

	return rank[f];
}

bool policy_loosens(const struct policy *from, const struct policy *to)
{
	uint32_t before = policy_remember(from), after = policy_remember(to);
	uint32_t uses_before = from->max_uses != 0 ? from->max_uses : UINT32_MAX;
	uint32_t uses_after = to->max_uses != 0 ? to->max_uses : UINT32_MAX;

	if (forwarded_rank(to->forwarded) > forwarded_rank(from->forwarded))
		return true;
	for (enum op_class c = 0; c < OP_CLASS_COUNT; c++)
		if (confirm_rank(to, c) > confirm_rank(from, c))
			return true;
	if (to->confirm != CONFIRM_FIRST || from->confirm != CONFIRM_FIRST)
		return false;
	return after > before || uses_after > uses_before ||
	       (to->scope == SCOPE_ALL && from->scope != SCOPE_ALL);
}
