/* SPDX-License-Identifier: MIT */
#include "agent/config_policy.h"

#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "protocol/text.h"

/* The value of a word in `names`, or 0, which stands for unset in all of them. */
static unsigned word_value(const char *const *names, unsigned count, const char *value)
{
	for (unsigned i = 1; i < count; i++)
		if (strcmp(names[i], value) == 0)
			return i;
	return 0;
}

const char *config_policy_set(struct policy *to, const char *name, const char *value)
{
	static const char *const confirms[] = {
		[CONFIRM_NEVER] = "never", [CONFIRM_FIRST] = "first", [CONFIRM_ALWAYS] = "always"};
	static const char *const scopes[] = {[SCOPE_KEY] = "key", [SCOPE_ALL] = "all"};
	static const char *const forwards[] = {[FORWARDED_DENY] = "deny",
					       [FORWARDED_CONFIRM] = "confirm",
					       [FORWARDED_ALLOW] = "allow"};

	if (strcmp(name, "confirm") == 0) {
		to->confirm = word_value(confirms, 4, value);
		return to->confirm != CONFIRM_UNSET ? NULL : "never, first, always";
	}
	if (strcmp(name, "remember") == 0)
		return text_to_seconds(value, 1, POLICY_REMEMBER_MAX, &to->remember)
			       ? NULL
			       : "1s to 24h, such as 30s, 10m or 8h";
	if (strcmp(name, "scope") == 0) {
		to->scope = word_value(scopes, 3, value);
		return to->scope != SCOPE_UNSET ? NULL : "key, all";
	}
	if (strcmp(name, "max-uses") == 0)
		return text_to_u32(value, 1, POLICY_USES_MAX, &to->max_uses) ? NULL
									     : "1 to 1000000";
	to->forwarded = word_value(forwards, 4, value);
	return to->forwarded != FORWARDED_UNSET ? NULL : "deny, confirm, allow";
}

/* The protocol of a title "PROTO://", or 0. */
static size_t title_protocol(const char *title)
{
	size_t n = strlen(title);

	return n > 3 && strcmp(title + n - 3, "://") == 0 ? n - 3 : 0;
}

bool config_policy_title(const char *title)
{
	size_t n = strlen(title), protocol = title_protocol(title);
	uint32_t index;

	if (n == 0 || strchr(title, ' ') != NULL || !text_is_ascii_printable(title, n))
		return false;
	if (protocol > 0)
		return strspn(title, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == protocol;
	/* "ssh" is a protocol without its "://": a serial number of so few letters there is not. */
	if (n < 16 && strspn(title, "abcdefghijklmnopqrstuvwxyz") == n)
		return false;
	/* An index of three digits would pass for a serial number; serial numbers are longer. */
	return strstr(title, "://") == NULL && (n > 3 || !text_to_u32(title, 0, 999, &index));
}

static bool title_is_device(const char *title, const char *driver, const char *serial,
			    const char *label)
{
	size_t n = strlen(driver);

	if (strcmp(title, serial) == 0)
		return true;
	if (strncmp(title, driver, n) != 0 || title[n] != ':')
		return false;
	title += n + 1;
	return strcmp(title, serial) == 0 || (label != NULL && strcmp(title, label) == 0);
}

static bool title_is_protocol(const char *title, const struct identity *id)
{
	return title_protocol(title) > 0 && strncmp(title, id->uri, strlen(title)) == 0;
}

void config_policy(const struct config *c, const struct identity *id, const char *driver,
		   const char *serial, const char *label, struct policy *out)
{
	const struct config_policy *p;

	*out = (struct policy){0};
	for (size_t i = 0; i < c->key_count; i++)
		if (identity_equal(&c->keys[i].id, id))
			policy_inherit(out, &c->keys[i].policy);
	for (p = c->policies; p != NULL && p->of != NULL; p++)
		if (title_is_device(p->of, driver, serial, label))
			policy_inherit(out, &p->policy);
	for (p = c->policies; p != NULL && p->of != NULL; p++)
		if (title_is_protocol(p->of, id))
			policy_inherit(out, &p->policy);
	policy_inherit(out, &c->policy);
}
