/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "agent/policy.h"

static struct identity id_of(const char *uri)
{
	struct identity id;

	cr_assert_eq(identity_parse(&id, uri, NULL), ERR_OK, "%s", uri);
	return id;
}

static struct policy_windows windows;

static enum verdict decide(struct policy p, enum op_class class, bool forwarded)
{
	struct identity id = id_of("ssh://a@b");
	struct policy_use use = {class, &id, "s1", forwarded};

	return policy_decide(&p, &use, &windows, 1000);
}

Test(policy, without_a_window)
{
	static const struct {
		enum confirm confirm;
		enum forwarded forwarded;
		bool remote;
		enum verdict of[OP_CLASS_COUNT]; /* auth, sign, decrypt, release */
	} rows[] = {
		{CONFIRM_UNSET,
		 0,
		 false,
		 {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ASK}},
		{CONFIRM_NEVER,
		 0,
		 false,
		 {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW}},
		{CONFIRM_FIRST, 0, false, {VERDICT_ASK, VERDICT_ASK, VERDICT_ASK, VERDICT_ASK}},
		{CONFIRM_ALWAYS, 0, false, {VERDICT_ASK, VERDICT_ASK, VERDICT_ASK, VERDICT_ASK}},
		{CONFIRM_NEVER,
		 FORWARDED_UNSET,
		 true,
		 {VERDICT_ASK, VERDICT_ASK, VERDICT_ASK, VERDICT_ASK}},
		{CONFIRM_NEVER,
		 FORWARDED_CONFIRM,
		 true,
		 {VERDICT_ASK, VERDICT_ASK, VERDICT_ASK, VERDICT_ASK}},
		{CONFIRM_NEVER,
		 FORWARDED_DENY,
		 true,
		 {VERDICT_DENY, VERDICT_DENY, VERDICT_DENY, VERDICT_DENY}},
		{CONFIRM_UNSET,
		 FORWARDED_ALLOW,
		 true,
		 {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ASK}},
		{CONFIRM_ALWAYS,
		 FORWARDED_ALLOW,
		 true,
		 {VERDICT_ASK, VERDICT_ASK, VERDICT_ASK, VERDICT_ASK}},
		/* forwarded says nothing about a client that is not. */
		{CONFIRM_NEVER,
		 FORWARDED_DENY,
		 false,
		 {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int c = 0; c < OP_CLASS_COUNT; c++) {
			struct policy p = {.confirm = rows[i].confirm,
					   .forwarded = rows[i].forwarded};

			cr_expect_eq(decide(p, c, rows[i].remote), rows[i].of[c], "row %zu, %s", i,
				     op_class_name(c));
		}
}

/* A confirmation of `given`, then a question of `asked` at `later` ms: is it covered? */
static bool covered(struct policy p, struct policy_use given, struct policy_use asked,
		    uint64_t later)
{
	static struct policy_windows w;

	w.count = 0;
	policy_confirmed(&p, &given, &w, 1000);
	return policy_decide(&p, &asked, &w, later) == VERDICT_ALLOW;
}

Test(policy, windows)
{
	struct identity a = id_of("ssh://a@b"), b = id_of("ssh://a@c"), a1 = a, ap = a;
	struct policy first = {.confirm = CONFIRM_FIRST, .remember = 10};
	struct policy all = {.confirm = CONFIRM_FIRST, .remember = 10, .scope = SCOPE_ALL};
	struct policy always = {.confirm = CONFIRM_ALWAYS, .remember = 10};
	struct policy_use auth = {OP_CLASS_AUTH, &a, "s1", false};

	a1.index = 1;
	ap.curve = CURVE_NIST256P1;
	cr_expect(covered(first, auth, auth, 1000));
	cr_expect(covered(first, auth, auth, 10999));
	cr_expect(!covered(first, auth, auth, 11000), "it ends");
	cr_expect(!covered(first, auth, (struct policy_use){OP_CLASS_SIGN, &a, "s1", false}, 1001));
	cr_expect(!covered(first, auth, (struct policy_use){OP_CLASS_AUTH, &b, "s1", false}, 1001));
	cr_expect(
		!covered(first, auth, (struct policy_use){OP_CLASS_AUTH, &a1, "s1", false}, 1001));
	cr_expect(
		!covered(first, auth, (struct policy_use){OP_CLASS_AUTH, &ap, "s1", false}, 1001));
	cr_expect(!covered(first, auth, (struct policy_use){OP_CLASS_AUTH, &a, "s2", false}, 1001));
	cr_expect(!covered(first, auth, (struct policy_use){OP_CLASS_AUTH, &a, "s1", true}, 1001));
	cr_expect(!covered(always, auth, auth, 1001));
	cr_expect(covered(all, auth, (struct policy_use){OP_CLASS_AUTH, &b, "s1", false}, 1001));
	cr_expect(!covered(all, auth, (struct policy_use){OP_CLASS_SIGN, &b, "s1", false}, 1001));
	cr_expect(!covered(all, auth, (struct policy_use){OP_CLASS_AUTH, &b, "s2", false}, 1001));
}

/* A yes for all keys is one for those whose own rule says so too, and no longer than that says. */
Test(policy, a_narrower_key_and_a_window_for_all)
{
	struct identity a = id_of("ssh://a@b"), b = id_of("ssh://a@c");
	struct policy all = {.confirm = CONFIRM_FIRST, .remember = 3600, .scope = SCOPE_ALL};
	struct policy alone = all, brief = all, once = all, free = all;
	struct policy_use other = {OP_CLASS_AUTH, &a, "s1", false},
			  use = {OP_CLASS_AUTH, &b, "s1", false};

	alone.scope = SCOPE_KEY;
	brief.remember = 10;
	once.max_uses = 1;
	free.confirm = CONFIRM_NEVER;
	windows.count = 0;
	policy_confirmed(&all, &other, &windows, 1000);
	policy_used(&all, &other, &windows, 1000);
	cr_expect_eq(policy_decide(&all, &use, &windows, 1001), VERDICT_ALLOW);
	cr_expect_eq(policy_decide(&alone, &use, &windows, 1001), VERDICT_ASK, "scope = key");
	cr_expect_eq(policy_decide(&brief, &use, &windows, 10999), VERDICT_ALLOW);
	cr_expect_eq(policy_decide(&brief, &use, &windows, 11000), VERDICT_ASK, "remember");
	cr_expect_eq(policy_decide(&once, &use, &windows, 1001), VERDICT_ASK, "max-uses");
	/* What is allowed without a window takes none of its uses. */
	all.max_uses = 2;
	free.max_uses = 2;
	windows.count = 0;
	policy_confirmed(&all, &other, &windows, 1000);
	policy_used(&all, &other, &windows, 1000);
	policy_used(&free, &use, &windows, 1000);
	cr_expect_eq(policy_decide(&all, &use, &windows, 1001), VERDICT_ALLOW);
}

/* forwarded = allow is the same as a local client: its uses count, and a yes to one is remembered.
 */
Test(policy, forwarded_allow_and_windows)
{
	struct identity a = id_of("ssh://a@b");
	struct policy p = {.confirm = CONFIRM_FIRST, .max_uses = 2, .forwarded = FORWARDED_ALLOW};
	struct policy asks = {.confirm = CONFIRM_FIRST, .max_uses = 2};
	struct policy_use remote = {OP_CLASS_AUTH, &a, "s1", true},
			  local = {OP_CLASS_AUTH, &a, "s1", false};

	windows.count = 0;
	policy_confirmed(&p, &remote, &windows, 1000);
	policy_used(&p, &remote, &windows, 1000);
	cr_expect_eq(policy_decide(&p, &remote, &windows, 1001), VERDICT_ALLOW);
	policy_used(&p, &remote, &windows, 1001);
	cr_expect_eq(policy_decide(&p, &remote, &windows, 1001), VERDICT_ASK);
	/* By default it neither opens a window nor uses one up. */
	windows.count = 0;
	policy_confirmed(&asks, &remote, &windows, 1000);
	cr_expect_eq(windows.count, 0);
	policy_confirmed(&asks, &local, &windows, 1000);
	for (int i = 0; i < 3; i++)
		policy_used(&asks, &remote, &windows, 1000);
	cr_expect_eq(policy_decide(&asks, &local, &windows, 1001), VERDICT_ALLOW);
}

Test(policy, a_release_is_never_covered)
{
	struct identity a = id_of("secret://a");
	struct policy all = {.confirm = CONFIRM_FIRST, .remember = 10, .scope = SCOPE_ALL};
	struct policy_use release = {OP_CLASS_RELEASE, &a, "s1", false};

	cr_expect(!covered(all, release, release, 1001));
}

Test(policy, max_uses)
{
	struct identity a = id_of("ssh://a@b");
	struct policy p = {.confirm = CONFIRM_FIRST, .remember = 10, .max_uses = 2};
	struct policy_use use = {OP_CLASS_AUTH, &a, "s1", false};

	windows.count = 0;
	policy_confirmed(&p, &use, &windows, 1000);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(policy_decide(&p, &use, &windows, 1001), VERDICT_ALLOW, "use %d", i);
		policy_used(&p, &use, &windows, 1001);
	}
	cr_expect_eq(policy_decide(&p, &use, &windows, 1001), VERDICT_ASK);
}

Test(policy, windows_end)
{
	struct identity a = id_of("ssh://a@b");
	struct policy p = {.confirm = CONFIRM_FIRST, .remember = 10};
	struct policy_use one = {OP_CLASS_AUTH, &a, "s1", false},
			  two = {OP_CLASS_AUTH, &a, "s2", false};

	windows.count = 0;
	policy_confirmed(&p, &one, &windows, 1000);
	policy_confirmed(&p, &two, &windows, 1000);
	policy_end(&windows, "s1");
	cr_expect_eq(policy_decide(&p, &one, &windows, 1001), VERDICT_ASK);
	cr_expect_eq(policy_decide(&p, &two, &windows, 1001), VERDICT_ALLOW);
	policy_end(&windows, NULL);
	cr_expect_eq(policy_decide(&p, &two, &windows, 1001), VERDICT_ASK);
}

/* More confirmations than there is room for: the oldest is asked for again, nothing is overrun. */
Test(policy, windows_are_bounded)
{
	struct identity a = id_of("ssh://a@b");
	struct policy p = {.confirm = CONFIRM_FIRST, .remember = 10};
	struct policy_use use = {OP_CLASS_AUTH, &a, "s1", false};

	windows.count = 0;
	for (a.index = 0; a.index < POLICY_WINDOWS_MAX + 10; a.index++)
		policy_confirmed(&p, &use, &windows, 1000);
	cr_expect_eq(windows.count, POLICY_WINDOWS_MAX);
	a.index = 0;
	cr_expect_eq(policy_decide(&p, &use, &windows, 1001), VERDICT_ASK);
	a.index = 10;
	cr_expect_eq(policy_decide(&p, &use, &windows, 1001), VERDICT_ALLOW);
	/* All have ended by then, so a new one makes room. */
	policy_confirmed(&p, &use, &windows, 20000);
	cr_expect_eq(windows.count, 1);
}

Test(policy, inherits_what_is_unset)
{
	struct policy key = {.confirm = CONFIRM_ALWAYS};
	struct policy wider = {CONFIRM_NEVER, 60, SCOPE_ALL, 5, FORWARDED_DENY};

	policy_inherit(&key, &wider);
	cr_expect_eq(key.confirm, CONFIRM_ALWAYS);
	cr_expect_eq(key.remember, 60);
	cr_expect_eq(key.scope, SCOPE_ALL);
	cr_expect_eq(key.max_uses, 5);
	cr_expect_eq(key.forwarded, FORWARDED_DENY);
}

Test(policy, loosening)
{
	static const struct {
		struct policy from, to;
		bool looser;
	} rows[] = {
		{{0}, {0}, false},
		{{.confirm = CONFIRM_ALWAYS}, {.confirm = CONFIRM_FIRST}, true},
		{{.confirm = CONFIRM_ALWAYS}, {.confirm = CONFIRM_NEVER}, true},
		{{.confirm = CONFIRM_FIRST}, {.confirm = CONFIRM_NEVER}, true},
		{{.confirm = CONFIRM_NEVER}, {.confirm = CONFIRM_ALWAYS}, false},
		{{.confirm = CONFIRM_FIRST}, {.confirm = CONFIRM_ALWAYS}, false},
		{{.confirm = CONFIRM_ALWAYS}, {0}, true},
		{{.confirm = CONFIRM_NEVER}, {0}, false}, /* key material is asked for again */
		{{.confirm = CONFIRM_FIRST}, {0}, true},
		/* Signatures are asked for, and key material each time as before. */
		{{0}, {.confirm = CONFIRM_FIRST}, false},
		{{0}, {CONFIRM_FIRST, 86400, SCOPE_ALL, 0, 0}, false},
		{{.confirm = CONFIRM_NEVER}, {.confirm = CONFIRM_FIRST}, false},
		{{0}, {.confirm = CONFIRM_NEVER}, true},
		{{0}, {.confirm = CONFIRM_ALWAYS}, false},
		{{CONFIRM_FIRST, 60, 0, 0, 0}, {CONFIRM_FIRST, 61, 0, 0, 0}, true},
		{{CONFIRM_FIRST, 60, 0, 0, 0}, {CONFIRM_FIRST, 59, 0, 0, 0}, false},
		{{CONFIRM_FIRST, 60, 0, 5, 0}, {CONFIRM_FIRST, 60, 0, 0, 0}, true},
		{{CONFIRM_FIRST, 60, 0, 5, 0}, {CONFIRM_FIRST, 60, 0, 4, 0}, false},
		{{CONFIRM_FIRST, 60, SCOPE_KEY, 0, 0}, {CONFIRM_FIRST, 60, SCOPE_ALL, 0, 0}, true},
		{{CONFIRM_FIRST, 60, SCOPE_ALL, 0, 0}, {CONFIRM_FIRST, 60, SCOPE_KEY, 0, 0}, false},
		{{.forwarded = FORWARDED_DENY}, {.forwarded = FORWARDED_CONFIRM}, true},
		{{.forwarded = FORWARDED_DENY}, {0}, true},
		{{0}, {.forwarded = FORWARDED_ALLOW}, true},
		{{0}, {.forwarded = FORWARDED_CONFIRM}, false},
		{{.forwarded = FORWARDED_ALLOW}, {.forwarded = FORWARDED_DENY}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(policy_loosens(&rows[i].from, &rows[i].to), rows[i].looser, "row %zu",
			     i);
}

/* ---- with a clock ---- */

static struct clock_time time_is;

static struct clock_time read_time(void *arg)
{
	(void)arg;
	return time_is;
}

static const struct clock test_clock = {.read = read_time};

/* The verdict at the time that the clock says, as agent/consent asks for it. */
static enum verdict decide_now(const struct policy *p)
{
	struct identity id = id_of("age://x");
	struct policy_use use = {OP_CLASS_SIGN, &id, "s1", false};

	return policy_decide(p, &use, &windows, policy_look(&windows, test_clock.read(NULL)));
}

static void confirm_now(const struct policy *p)
{
	struct identity id = id_of("age://x");
	struct policy_use use = {OP_CLASS_SIGN, &id, "s1", false};

	policy_confirmed(p, &use, &windows, policy_look(&windows, test_clock.read(NULL)));
	cr_assert_eq(decide_now(p), VERDICT_ALLOW);
}

Test(policy, a_window_ends_in_time)
{
	const struct policy p = {.confirm = CONFIRM_FIRST, .remember = 3600};

	time_is = (struct clock_time){.now = 5000};
	cr_assert_eq(decide_now(&p), VERDICT_ASK);
	confirm_now(&p);
	time_is.now += 3600 * 1000 - 1;
	cr_assert_eq(decide_now(&p), VERDICT_ALLOW);
	time_is.now++;
	cr_assert_eq(decide_now(&p), VERDICT_ASK);
}

Test(policy, a_suspend_ends_a_window)
{
	const struct policy p = {.confirm = CONFIRM_FIRST, .remember = 3600};

	/* One before the agent began to look is none. */
	time_is = (struct clock_time){.now = 90000, .slept = 60000};
	cr_assert_eq(decide_now(&p), VERDICT_ASK);
	confirm_now(&p);
	/* The two clocks are not read at one instant. */
	time_is.now += 5000;
	time_is.slept += 100;
	cr_assert_eq(decide_now(&p), VERDICT_ALLOW);
	time_is.now += 2000;
	time_is.slept += 2000;
	cr_assert_eq(decide_now(&p), VERDICT_ASK);
	confirm_now(&p);
}
