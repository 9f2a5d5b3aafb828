/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_trezor_bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "derive/encode.h"

enum { STEPS_MAX = 256, SESSION_HEX = 2 * SESSION_LEN };

struct bench bench;
struct registry *bench_registry;
static uv_loop_t loop;
static struct driver_env env;

/* ---- packets as recorded ---- */

enum step_kind { STEP_HOST, STEP_ANY, STEP_DEVICE, STEP_NOTE };
struct step {
	enum step_kind kind;
	uint8_t packet[PACKET_LEN];
};
static struct {
	struct step steps[STEPS_MAX];
	unsigned count, at;
	char wrong[300]; /* the first thing that was */
	unsigned notes;  /* that had to be seen so far */
	bool acked;      /* a ButtonAck was the last packet */
	bool claimed;
	uint64_t patience;
} script;
static atomic_uint notes_seen;

static void script_add(enum step_kind kind, const char *hex)
{
	struct step *s = &script.steps[script.count++];
	size_t n = 0;

	cr_assert_leq(script.count, STEPS_MAX);
	*s = (struct step){.kind = kind};
	if (hex)
		cr_assert_eq(hex_decode(s->packet, PACKET_LEN, &n, hex, strlen(hex)), ERR_OK, "%s",
			     hex);
}

void script_host(const char *hex)
{
	script_add(STEP_HOST, hex);
}

void script_device(const char *hex)
{
	script_add(STEP_DEVICE, hex);
}

void script_note(void)
{
	script_add(STEP_NOTE, NULL);
}

void script_message(unsigned type, const char *hex)
{
	char packet[4 * PACKET_LEN];
	size_t n = strlen(hex), part = 2 * (PACKET_LEN - 9);

	snprintf(packet, sizeof(packet), "3f2323%04x%08zx%.*s", type, n / 2, (int)part, hex);
	script_device(packet);
	for (size_t at = part; at < n; at += 2 * (PACKET_LEN - 1)) {
		snprintf(packet, sizeof(packet), "3f%.*s", 2 * (PACKET_LEN - 1), hex + at);
		script_device(packet);
	}
}

void script_any(unsigned packets)
{
	while (packets--)
		script_add(STEP_ANY, NULL);
}

/* Calls line() for each packet of a section: '>' or '<', and its bytes. */
static void section_read(const char *file, const char *heading,
			 void (*line)(char direction, const char *hex, void *arg), void *arg)
{
	char path[200], text[400];
	bool inside = false, found = false;

	snprintf(path, sizeof(path), "tests/vectors/%s", file);
	FILE *f = fopen(path, "r");
	cr_assert(f, "%s", path);
	while (fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		if (text[0] == '#' || !text[0]) {
			inside = !found && !strncmp(text, "# ", 2) && !strcmp(text + 2, heading);
			found = found || inside;
		} else if (inside && (text[0] == '>' || text[0] == '<') && text[1] == ' ') {
			line(text[0], text + 2, arg);
		}
	}
	fclose(f);
	cr_assert(found, "%s has no section '%s'", path, heading);
}

static void add_both(char direction, const char *hex, void *arg)
{
	(void)arg;
	script_add(direction == '>' ? STEP_HOST : STEP_DEVICE, hex);
}

static void add_reply(char direction, const char *hex, void *arg)
{
	(void)arg;
	if (direction == '<')
		script_add(STEP_DEVICE, hex);
}

void script_section(const char *file, const char *heading)
{
	section_read(file, heading, add_both, NULL);
}

void script_replies(const char *file, const char *heading)
{
	section_read(file, heading, add_reply, NULL);
}

/* The bytes of a message, without its packets. */
struct joined {
	char hex[2048];
};

static void join(char direction, const char *hex, void *arg)
{
	struct joined *j = arg;
	size_t used = strlen(j->hex);

	if (direction == '<')
		snprintf(j->hex + used, sizeof(j->hex) - used, "%s", hex + (used ? 2 : 18));
}

void script_begin(const char *file, const char *heading)
{
	static const char field[] = "9a0220"; /* session_id, 32 bytes */
	struct joined j = {{0}};
	char packet[2 * PACKET_LEN + 1];

	section_read(file, heading, join, &j);
	const char *session = strstr(j.hex, field);
	cr_assert(session, "no session in '%s'", heading);
	snprintf(packet, sizeof(packet), "3f23230000000000220a20%.*s", SESSION_HEX,
		 session + strlen(field));
	script_host(packet);
	script_replies(file, heading);
}

void script_get_features(const char *file, const char *heading)
{
	script_host("3f23230037");
	script_replies(file, heading);
}

void script_end(void)
{
	cr_assert_str_eq(script.wrong, "");
	cr_assert_not(script.claimed, "the interface is kept after a flow");
	cr_assert_eq(script.at, script.count, "only %u of %u packets were exchanged", script.at,
		     script.count);
}

bool script_left(void)
{
	return script.at < script.count;
}

unsigned script_count(void)
{
	return script.count;
}

uint64_t script_patience(void)
{
	uint64_t longest = script.patience;

	script.patience = 0;
	return longest;
}

static void script_fail(const char *what)
{
	if (!script.wrong[0])
		snprintf(script.wrong, sizeof(script.wrong), "packet %u: %s", script.at, what);
}

static enum err script_claim(struct transport *t, struct why *why)
{
	(void)t;
	if (bench.claim)
		return why_set(why, bench.claim, "test: %s", err_text(bench.claim));
	if (script.claimed)
		script_fail("claimed twice");
	script.claimed = true;
	return ERR_OK;
}

static void script_release(struct transport *t)
{
	(void)t;
	script.claimed = false;
}

/* What is waited for, by whom: the interface is ours, and no secret is kept that was sent. */
static void script_check(uint64_t deadline)
{
	uint64_t now = transport_now();

	if (!script.claimed)
		script_fail("not claimed");
	if (bench.secret &&
	    memmem(bench.wallet, sizeof(*bench.wallet), bench.secret, strlen(bench.secret)))
		script_fail("a secret is kept");
	if (deadline > now && deadline - now > script.patience)
		script.patience = deadline - now;
}

/* A person takes longer than the loop, which has to see what a person is told. */
static void script_wait_note(void)
{
	script.notes++;
	for (int i = 0; i < 5000 && atomic_load(&notes_seen) < script.notes; i++)
		usleep(1000);
	script.notes = atomic_load(&notes_seen);
}

static enum err script_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			    uint64_t deadline)
{
	const struct step *s = &script.steps[script.at];
	char now[2 * PACKET_LEN + 1], want[2 * PACKET_LEN + 1];

	(void)t, (void)deadline;
	if (!script.claimed)
		script_fail("not claimed");
	script.acked = !memcmp(packet, "?##\0\x1b", 5);
	bool room = script.at < script.count;
	if (room && (s->kind == STEP_ANY ||
		     (s->kind == STEP_HOST && !memcmp(packet, s->packet, PACKET_LEN)))) {
		script.at++;
		return ERR_OK;
	}
	hex_encode(now, packet, PACKET_LEN);
	hex_encode(want, s->packet, PACKET_LEN);
	if (!script.wrong[0])
		snprintf(script.wrong, sizeof(script.wrong), "packet %u: sent %.*s, not %s%.*s",
			 script.at, 110, now, room && s->kind == STEP_DEVICE ? "after " : "", 110,
			 room ? want : "any");
	return ERR_OK;
}

static enum err script_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			       uint64_t deadline)
{
	script_check(deadline);
	/* Nobody presses a button before it is said which. */
	if (script.acked)
		script_wait_note();
	script.acked = false;
	if (script.at < script.count && script.steps[script.at].kind == STEP_NOTE) {
		script_wait_note();
		script.at++;
	}
	if (script.at == script.count || script.steps[script.at].kind != STEP_DEVICE)
		return transport_wait(t, -1, 0, deadline);
	memcpy(packet, script.steps[script.at++].packet, PACKET_LEN);
	return ERR_OK;
}

static void script_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops script_ops = {
	.claim = script_claim,
	.release = script_release,
	.send = script_send,
	.receive = script_receive,
	.free = script_free,
};

/* ---- the driver, with this transport ---- */

static enum err bench_scan(const struct driver_env *e,
			   void (*found)(void *arg, const struct device_info *info), void *arg)
{
	const struct device_info info = {.where = "test", .env = e};
	const struct device_info other = {.where = "other", .env = e};

	if (bench.present)
		found(arg, &info);
	if (bench.present_too)
		found(arg, &other);
	return ERR_OK;
}

static enum err bench_open(void **self, const struct device_info *info, struct why *why)
{
	(void)why;
	bench.transport = calloc(1, sizeof(*bench.transport));
	cr_assert(bench.transport);
	enum err e = transport_init(bench.transport, bench.ops);
	if (!e)
		e = wallet_new(&bench.wallet, bench.transport, info->where, info->env,
			       &bench.budgets);
	*self = bench.wallet;
	return e;
}

static struct driver bench_driver;
static const struct driver *const drivers[] = {&bench_driver, NULL};

static void on_arrived(void *arg, struct device *d)
{
	(void)arg;
	bench.device = d;
	bench.arrived++;
}

static void on_left(void *arg, struct device *d)
{
	(void)arg;
	cr_assert_eq(bench.device, d);
	bench.device = NULL;
	bench.left++;
}

static void on_closed(void *arg)
{
	(void)arg;
	bench.closed = true;
}

void bench_setup(void)
{
	const struct registry_calls calls = {.arrived = on_arrived, .left = on_left};
	struct why why = {0};

	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_eq(uv_loop_init(&loop), 0);
	bench_driver = trezor_driver;
	bench_driver.scan = bench_scan;
	bench_driver.open = bench_open;
	bench.ops = &script_ops;
	/* Short where a packet is there or never comes; long where a test's thread has to act. */
	bench.budgets = (struct budgets){
		.answer = 300, .person = 20000, .probe = 300, .idle = 100, .stray = 30};
	env = (struct driver_env){.data_dir = "/nonexistent"};
	cr_assert_eq(registry_new(&bench_registry, &loop, drivers, &env, &calls, &why), ERR_OK);
}

void bench_turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(100);
}

void bench_teardown(void)
{
	registry_close(bench_registry, on_closed, NULL);
	UNTIL(bench.closed);
	while (uv_run(&loop, UV_RUN_NOWAIT))
		;
	cr_assert_eq(uv_loop_close(&loop), 0);
}

void bench_plug(bool listed)
{
	bench.present = true;
	env.wallets = bench.wallets;
	registry_scan(bench_registry);
	if (listed)
		UNTIL(bench.device);
}

void bench_unplug(void)
{
	bench.present = false;
	registry_scan(bench_registry);
}

/* ---- jobs ---- */

static void on_done(struct job *job, enum err e)
{
	struct task *t = (struct task *)job;

	t->done = true;
	t->result = e;
}

static void on_ask(struct job *job, const struct ask *ask)
{
	struct task *t = (struct task *)job;
	const char *answer = t->answers[t->asks++];

	t->kind = ask->kind;
	snprintf(t->prompt, sizeof(t->prompt), "%s", ask->prompt);
	if (t->cancel_at_ask)
		device_cancel(job);
	else if (t->no_answer)
		job_answer(job, t->no_answer, NULL, 0);
	else if (answer)
		job_answer(job, ERR_OK, answer, strlen(answer));
}

static void on_note(struct job *job, const char *text)
{
	struct task *t = (struct task *)job;

	t->notes++;
	atomic_fetch_add(&notes_seen, 1);
	snprintf(t->note, sizeof(t->note), "%s", text);
	if (t->cancel_at_note)
		device_cancel(job);
}

struct task task_new(enum op op, const char *uri, enum curve curve)
{
	struct task t = {.job = {.op = op,
				 .purpose = PURPOSE_SIGN,
				 .done = on_done,
				 .ask = on_ask,
				 .note = on_note}};
	struct why why = {0};

	cr_assert_eq(identity_parse(&t.job.id, uri, &why), ERR_OK, "%s", why.text);
	t.job.id.curve = curve;
	return t;
}

void task_sign(struct task *t, const char *public_key)
{
	static uint8_t challenge[32];
	size_t n;

	cr_assert_eq(hex_decode(challenge, 32, &n,
				"cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2",
				64),
		     ERR_OK);
	cr_assert_eq(hex_decode(t->job.expect, PUBLIC_KEY_LEN, &n, public_key, 66), ERR_OK);
	t->job.has_expect = true;
	t->job.data = (struct slice){challenge, sizeof(challenge)};
	t->job.visual = "2015-03-23 17:39:22";
}

void task_start(struct task *t)
{
	cr_assert_eq(device_submit(bench.device, &t->job), ERR_OK, "%s", t->job.why.text);
}

enum err task_wait(struct task *t)
{
	UNTIL(t->done);
	for (int i = 0; i < 5; i++)
		bench_turn();
	return t->result;
}

enum err task_run(struct task *t)
{
	task_start(t);
	return task_wait(t);
}
