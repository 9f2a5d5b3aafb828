/* SPDX-License-Identifier: MIT */
/* agent/reload: what a new configuration gives away. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config_parse.h"
#include "agent/reload.h"
#include "agent/store.h"

static void parse(struct config *c, const char *text)
{
	struct why why = {0};

	*c = (struct config){.keys = calloc(CONFIG_KEYS_MAX + 1, sizeof(*c->keys))};
	cr_assert_not_null(c->keys);
	cr_assert_eq(config_parse(c, "conf", text, &why), ERR_OK, "%s", why.text);
}

/* What `to` gives away that `from` does not; "" for nothing. */
static const char *loosens(const char *from, const char *to)
{
	static char what[200];
	struct known_device known = {
		.is = {.driver = "soft", .serial = "5d0c2f71a94be863", .label = "home"}};
	const struct store store = {.devices = &known, .count = 1};
	struct config *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
	bool any;

	cr_assert(a != NULL && b != NULL);
	parse(a, from);
	parse(b, to);
	any = reload_loosens(a, b, &store, what, sizeof(what));
	cr_expect_eq(any, what[0] != '\0');
	cr_expect_eq(any, reload_loosens(a, b, &store, NULL, 0));
	config_free(a);
	config_free(b);
	return what;
}

Test(agent_reload, settings)
{
	cr_expect_str_eq(loosens("", ""), "");
	cr_expect_str_eq(loosens("", "allow-loopback = true"), "allow-loopback");
	cr_expect_str_eq(loosens("allow-loopback = true", ""), "");
	cr_expect_str_eq(loosens("allow-root = none", "allow-root = wg"), "allow-root");
	cr_expect_str_eq(loosens("allow-root = all", "allow-root = wg"), "");
	cr_expect_str_eq(loosens("", "allow-owner = wg"), "allow-owner");
	cr_expect_str_eq(loosens("allow-owner = wg", ""), "");
	cr_expect_str_eq(loosens("", "events = journald"), "");
	cr_expect_str_eq(loosens("events = journald", ""), "another log of events");
	cr_expect_str_eq(loosens("", "pinentry = \"/bin/yes\""), "another pinentry");
	cr_expect_str_eq(loosens("pinentry = \"/a\"", "pinentry = \"/b\""), "another pinentry");
	cr_expect_str_eq(loosens("display = \":1\"\ntty = \"/dev/tty1\"", ""),
			 "another display, another tty");
	cr_expect_str_eq(loosens("", "log = debug\nwait-device = 3\nnotify = \"\""), "");
}

/* Rules that name one device by its serial and by its label meet there, the first one first. */
Test(agent_reload, a_device_by_two_names)
{
	static const char *const always = "policy \"soft:home\" { confirm = always }";
	static const char *const first = "policy \"5d0c2f71a94be863\" { confirm = first }";
	static const char *const deny = "policy \"soft:home\" { forwarded = deny }";
	static const char *const ask = "policy \"soft:5d0c2f71a94be863\" { forwarded = confirm }";
	char both[200], reverse[200];

	snprintf(both, sizeof(both), "%s\n%s", first, always);
	snprintf(reverse, sizeof(reverse), "%s\n%s", always, first);
	cr_expect_str_eq(loosens(always, both), "keys are confirmed less");
	cr_expect_str_eq(loosens(always, reverse), "");
	snprintf(both, sizeof(both), "%s\n%s", ask, deny);
	cr_expect_str_eq(loosens(deny, both), "keys are confirmed less");
}

Test(agent_reload, what_a_key_may_sign)
{
	static const char *const fewer = "key \"ssh://a\" { allow = { userauth } }";
	static const char *const more = "key \"ssh://a\" { allow = { userauth, any } }";

	cr_expect_str_eq(loosens(more, fewer), "");
	cr_expect_str_eq(loosens(fewer, more), "ssh://a may sign more");
	cr_expect_str_eq(loosens("", more), "ssh://a may sign more");
	/* Without a section it may more. */
	cr_expect_str_eq(loosens(fewer, ""), "ssh://a may sign more");
	cr_expect_str_eq(loosens("", fewer), "");
	cr_expect_str_eq(loosens(fewer, "key \"ssh://a\" { index = 1 }"), "ssh://a may sign more");
}

Test(agent_reload, policy_of_all_a_protocol_and_a_key)
{
	cr_expect_str_eq(loosens("", "confirm = always"), "");
	cr_expect_str_eq(loosens("confirm = always", "confirm = first"), "keys are confirmed less");
	cr_expect_str_eq(loosens("confirm = always", ""), "keys are confirmed less");
	cr_expect_str_eq(loosens("policy \"ssh://\" { confirm = always }",
				 "policy \"ssh://\" { confirm = first }"),
			 "keys of ssh:// are confirmed less");
	cr_expect_str_eq(loosens("confirm = always",
				 "confirm = always\npolicy \"gpg://\" { confirm = never }"),
			 "keys of gpg:// are confirmed less");
	cr_expect_str_eq(
		loosens("confirm = first", "confirm = first\nkey \"age://x\" { remember = 8h }"),
		"age://x is confirmed less");
	cr_expect_str_eq(
		loosens("confirm = first\nkey \"age://x\" { confirm = always }", "confirm = first"),
		"age://x is confirmed less");
	cr_expect_str_eq(loosens("confirm = first", "confirm = first\nmax-uses = 3"), "");
}

Test(agent_reload, policy_of_a_device)
{
	static const char *const titles[] = {"0123abcd", "soft:home"};

	for (size_t i = 0; i < 2; i++) {
		char strict[200], free_[200];

		snprintf(strict, sizeof(strict), "policy \"%s\" { confirm = always }", titles[i]);
		snprintf(free_, sizeof(free_), "policy \"%s\" { confirm = never }", titles[i]);
		cr_expect_str_eq(loosens(strict, strict), "");
		cr_expect_str_eq(loosens(strict, free_), "keys are confirmed less");
		cr_expect_str_eq(loosens(strict, ""), "keys are confirmed less");
		/* For a key with a section, too. */
		cr_expect_neq(strstr(loosens(strict, "key \"age://x\" { }"), "age://x is"), NULL);
	}
}

Test(agent_reload, destinations)
{
	static const char one[] = "key \"ssh://x\" { destinations = { a } }",
			  two[] = "key \"ssh://x\" { destinations = { a, b } }",
			  none[] = "key \"ssh://x\" { }";

	cr_expect_str_eq(loosens(one, one), "");
	cr_expect_str_eq(loosens(two, one), "");
	cr_expect_str_eq(loosens(none, one), "");
	cr_expect_str_eq(loosens("", one), "");
	cr_expect_str_eq(loosens(one, two), "destinations of ssh://x");
	cr_expect_str_eq(loosens(one, none), "destinations of ssh://x");
	cr_expect_str_eq(loosens(one, ""), "destinations of ssh://x");
}

Test(agent_reload, a_long_list_is_cut)
{
	char from[4000] = "", to[4000] = "";
	size_t n = 0, m = 0;

	for (int i = 0; i < 40; i++) {
		n += (size_t)snprintf(from + n, sizeof(from) - n,
				      "key \"ssh://host%d\" { allow = { userauth } }\n", i);
		m += (size_t)snprintf(to + m, sizeof(to) - m,
				      "key \"ssh://host%d\" { allow = { any } }\n", i);
	}
	cr_expect_eq(strlen(loosens(from, to)), 199);
}
