/* SPDX-License-Identifier: MIT */
/* A Trezor that fails at each packet of a signature and of a shared key, in each way: the job ends
 * with the right error in its time, and the next one works. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "derive/encode.h"
#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_faults, .init = bench_setup, .fini = bench_teardown, .timeout = 120);

#define SSH "ssh://satoshi@bitcoin.org"

enum fault { NONE, GONE, STALL, GARBAGE, SEQUENCE, OVERSIZE, NOT_TAKEN, KINDS };

/* The device: answers as recorded, whatever the host's message says. */
static struct {
	enum fault fault;
	unsigned at;       /* the packet, either way, counted from 0, that it happens at */
	unsigned count;    /* of packets of the flow */
	bool gone, silent; /* what happened and lasts */
	uint16_t type;     /* of the message that is coming in */
	size_t left;       /* bytes of it to come */
	bool reading;
	uint16_t asked; /* the call whose button is waited for */
	char out[16][2 * PACKET_LEN + 1];
	unsigned first, next; /* of out[] */
	unsigned resets;
	bool acked;       /* a person has to act now */
	uint64_t longest; /* how far ahead a deadline was, beyond what was allowed there */
} model;

static void answer(const char *hex)
{
	cr_assert_lt(model.next, 16);
	strcpy(model.out[model.next++], hex);
}

static void answer_features(void)
{
	answer("3f23230011000000d90a097472657a6f722e696f1001180e20013218413231303739303839393537303"
	       "738373234354341363932380040004a05656e2d555352");
	answer("3f047065657260016a14725c0c01879329900f08fc453d8fd0fcb4d8609072209378f2d641be25b1d9"
	       "c62d9c4d249c7a440ad34eff6246d9cf25d623a755267b");
	answer("3f7801800101980100aa010131ca0108454d554c41544f52d80100e00100f00101f00102f00105f0010"
	       "7f0010af0010cf0010e9002009a0220c48abb81531763");
	answer("3f199634dd48fd62443538c80ddb376e60672a769dab81af9c3aa80200b002c0cf24c802");
}

static void answer_result(void)
{
	if (model.asked == MSG_SIGN_IDENTITY) {
		answer("3f2323003600000066122103f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c"
		       "8"
		       "13b0d597f4461a41001eac7c431bfe1be7347822d61d7ee5383a");
		answer("3f343873af19debf510ba29a42eb17595066026ffdd5e906e94e1727012caa057d831dcec61"
		       "6"
		       "cabdc9569a4c80b4c8bc");
	} else {
		answer("3f2323003e000000660a4104956f7c9b5eb9233813351dc2bdf0373a93a53210463f1f62587"
		       "4"
		       "2d2960cdfbca20c55bdb15fa39f32653f5ed8147ab6d701802fa");
		answer("3f9cc8ec38552614aea6bbd4e6122102a88138f4ce43cbc3dde93f4d83d566687c695be4b6f"
		       "4"
		       "1d9646f4bf0279b81163");
	}
	model.asked = 0;
}

static void message(uint16_t type)
{
	bool asked = model.asked != 0;

	switch (type) {
	case MSG_INITIALIZE:
		model.asked = 0;
		answer_features();
		break;
	case MSG_GET_FEATURES:
		if (!asked) /* a Trezor that waits for its button drops it */
			answer_features();
		break;
	case MSG_SIGN_IDENTITY:
	case MSG_GET_ECDH_SESSION_KEY:
		if (asked)
			break;
		model.asked = type;
		answer("3f2323001a000000020807");
		break;
	case MSG_BUTTON_ACK:
		if (asked)
			answer_result();
		break;
	case MSG_CANCEL:
		model.asked = 0;
		answer("3f2323000300000002"
		       "0804");
		break;
	default:
		answer("3f2323000300000002"
		       "0801");
	}
}

static void packet_in(const uint8_t *p)
{
	size_t part = PACKET_LEN - 1;

	if (p[0] != '?') {
		model.resets++;
		model.reading = false;
		return;
	}
	if (!model.reading) {
		if (p[1] != '#' || p[2] != '#')
			return;
		model.type = (uint16_t)(p[3] << 8 | p[4]);
		model.left = (size_t)p[7] << 8 | p[8];
		part = PACKET_LEN - 9;
	} else if (p[1] == '#' && p[2] == '#') {
		model.reading = false; /* taken for the rest of the message, which is no good */
		answer("3f2323000300000002"
		       "0803");
		return;
	}
	model.reading = model.left > part;
	model.left -= model.reading ? part : model.left;
	if (!model.reading)
		message(model.type);
}

/* True when the fault happens to this packet. */
static bool faulty(void)
{
	if (model.fault == NONE || model.count++ != model.at)
		return false;
	model.gone = model.fault == GONE;
	model.silent = model.fault == STALL;
	return true;
}

/* No packet is waited for longer than the budget of what it belongs to. The wait itself is the
 * transport's: a machine that stalls makes it no longer. */
static void check_deadline(uint64_t deadline)
{
	const struct budgets *b = &bench.wallet->budgets;
	uint64_t now = transport_now(), allowed = model.acked ? b->person : b->answer;

	if (deadline > now + allowed && deadline - now - allowed > model.longest)
		model.longest = deadline - now - allowed;
}

static enum err model_claim(struct transport *t, struct why *why)
{
	(void)t, (void)why;
	return model.gone ? ERR_DEVICE_GONE : ERR_OK;
}

static void model_release(struct transport *t)
{
	(void)t;
	model.first = model.next = 0; /* as a socket that is closed */
}

static enum err model_send(struct transport *t, const uint8_t packet[static PACKET_LEN],
			   uint64_t deadline)
{
	uint8_t noise[PACKET_LEN];

	(void)t;
	model.acked = packet[1] == '#' && packet[4] == MSG_BUTTON_ACK;
	check_deadline(deadline);
	bool now = !model.gone && !model.silent && faulty();
	if (model.gone)
		return ERR_DEVICE_GONE;
	if (model.silent)
		return ERR_OK;
	if (now && model.fault == NOT_TAKEN)
		return ERR_TIMEOUT;
	memset(noise, 0xA5, sizeof(noise));
	packet_in(now ? noise : packet);
	return ERR_OK;
}

static enum err model_receive(struct transport *t, uint8_t packet[static PACKET_LEN],
			      uint64_t deadline)
{
	size_t n;

	check_deadline(deadline);
	bool now = model.first < model.next && !model.gone && !model.silent && faulty();
	if (model.gone)
		return ERR_DEVICE_GONE;
	if (model.silent || model.first == model.next)
		return transport_wait(t, -1, 0, deadline);
	memset(packet, 0, PACKET_LEN);
	const char *hex = model.out[model.first++];
	cr_assert_eq(hex_decode(packet, PACKET_LEN, &n, hex, strlen(hex)), ERR_OK);
	if (now && model.fault == GARBAGE)
		memset(packet, 0x5A, PACKET_LEN);
	if (now && model.fault == SEQUENCE) /* a first packet comes late, or a next one too early */
		packet[1] = packet[2] = packet[1] == '#' ? 'x' : '#';
	if (now && model.fault == SEQUENCE && packet[1] == '#')
		packet[0] = '#';
	if (now && model.fault == OVERSIZE)
		memset(packet + 5, 0xFF, 4);
	return ERR_OK;
}

static void model_free(struct transport *t)
{
	free(t);
}

static const struct transport_ops model_ops = {
	.claim = model_claim,
	.release = model_release,
	.send = model_send,
	.receive = model_receive,
	.free = model_free,
};

static struct task task(enum op op)
{
	static uint8_t peer[65];
	size_t n;
	struct task t = task_new(op, SSH, CURVE_NIST256P1);

	task_sign(&t,
		  op == OP_SIGN
			  ? "03f7f1edbb379abf3a12bccbfee14316d2823257bd25e7f3f927c813b0d597f446"
			  : "02a88138f4ce43cbc3dde93f4d83d566687c695be4b6f41d9646f4bf0279b81163");
	if (op == OP_SIGN)
		return t;
	cr_assert_eq(hex_decode(peer, sizeof(peer), &n,
				"0474f2051423651bb1b840ec8cb20ed4784221be328f276bdd42c9b7509d377860"
				"e4965b0a6e365261a055fac2a524c39ce8b28f4c7b105bd26c60dd7ca496513d",
				130),
		     ERR_OK);
	t.job.data = (struct slice){peer, sizeof(peer)};
	return t;
}

static void plug(void)
{
	bench.ops = &model_ops;
	bench_plug(true);
}

/* Short where nothing else than the end of the time can come. */
static void shorten(bool on)
{
	static const struct budgets soon = {
		.answer = 24, .person = 30, .probe = 24, .idle = 16, .stray = 8};

	bench.wallet->budgets = on ? soon : bench.budgets;
}

/* Which errors this fault may end in. Before Features have come, the driver tries again. */
static bool is_right(enum fault fault, unsigned at, unsigned begin, bool from_host, enum err e)
{
	switch (fault) {
	case GONE:
		return e == ERR_DEVICE_GONE;
	case STALL:
		return e == ERR_TIMEOUT;
	case NONE:
		return e == ERR_OK;
	default:
		if (at < begin)
			return e == ERR_OK;
		return from_host ? e == ERR_TIMEOUT : e == ERR_DEVICE_ERROR;
	}
}

/* The flow: Initialize, Features x 4, call x 2, ButtonRequest, ButtonAck, result x 2. */
enum { BEGIN = 5, FLOW = 11 };
static const bool from_host[FLOW] = {[0] = true, [5] = true, [6] = true, [8] = true};
static const bool is_first[FLOW] = {[1] = true, [7] = true, [9] = true};

static void one(enum op op, enum fault fault, unsigned at)
{
	struct task t = task(op), u = task(op);

	model.fault = fault;
	model.at = at;
	model.count = 0;
	bool soon = fault == STALL || (fault == GARBAGE && from_host[at] && at > BEGIN);
	if (soon)
		shorten(true);
	enum err e = task_run(&t);
	if (soon)
		shorten(false);
	cr_assert(is_right(fault, at, BEGIN, from_host[at], e), "fault %d at packet %u: %s", fault,
		  at, err_word(e));
	cr_assert(e == ERR_OK || t.job.why.text[0], "fault %d at packet %u: no reason", fault, at);
	cr_assert_eq(model.longest, 0, "fault %d at packet %u: %u ms beyond the budget", fault, at,
		     (unsigned)model.longest);
	cr_assert_gt(model.count, at, "fault %d at packet %u did not happen", fault, at);
	secret_free(&t.job.secret);
	model.fault = NONE;
	model.silent = false;
	if (model.gone) {
		cr_assert_eq(bench.device, NULL, "a device that is gone stays listed");
		model.gone = false;
		model.reading = false, model.asked = 0, model.first = model.next = 0;
		bench_plug(true);
	}
	cr_assert_eq(task_run(&u), ERR_OK, "after fault %d at packet %u: %s", fault, at,
		     u.job.why.text);
	secret_free(&u.job.secret);
}

static void all(enum fault fault)
{
	for (unsigned at = 0; at < FLOW; at++) {
		if ((fault == SEQUENCE && from_host[at]) || (fault == NOT_TAKEN && !from_host[at]))
			continue;
		if (fault == OVERSIZE && !is_first[at])
			continue;
		one(OP_SIGN, fault, at);
		one(OP_ECDH, fault, at);
	}
}

Test(trezor_faults, none)
{
	plug();
	model.fault = KINDS, model.at = 1000, model.count = 0; /* counts, and never happens */
	struct task t = task(OP_SIGN), u = task(OP_ECDH);
	cr_assert_eq(task_run(&t), ERR_OK);
	cr_assert_eq(model.count, FLOW);
	cr_assert_eq(task_run(&u), ERR_OK);
	cr_assert_eq(model.count, 2 * FLOW);
	secret_free(&u.job.secret);
	cr_assert_eq(model.resets, 0);
}

Test(trezor_faults, unplugged)
{
	plug();
	all(GONE);
}

Test(trezor_faults, stalled)
{
	plug();
	all(STALL);
}

Test(trezor_faults, garbage)
{
	plug();
	all(GARBAGE);
}

Test(trezor_faults, out_of_sequence)
{
	plug();
	all(SEQUENCE);
}

Test(trezor_faults, oversized_length)
{
	plug();
	all(OVERSIZE);
}

/* The device takes one packet too late, and then the next ones: what was sent of the message before
 * is not completed by what ends it. */
Test(trezor_faults, half_sent)
{
	struct task t = task(OP_SIGN);

	plug();
	all(NOT_TAKEN);
	model.fault = NOT_TAKEN, model.at = BEGIN + 1, model.count = model.resets = 0;
	cr_assert_eq(task_run(&t), ERR_TIMEOUT);
	cr_assert_eq(model.resets, 1);
	cr_assert_not(model.reading || model.asked, "it still waits for something");
}

/* Canceled at whatever moment: the device is idle, and the next job works. */
Test(trezor_faults, canceled_any_time)
{
	plug();
	for (unsigned us = 0; us < 3000; us += 60) {
		struct task t = task(OP_SIGN), u = task(OP_SIGN);
		model.fault = STALL, model.at = us / 60 % FLOW, model.count = 0;
		/* Nothing but the cancel ends it. */
		bench.wallet->budgets.answer = 60000;
		bench.wallet->budgets.idle = 16;
		task_start(&t);
		usleep(us);
		device_cancel(&t.job);
		cr_assert_eq(task_wait(&t), ERR_CANCELED);
		bench.wallet->budgets.answer = bench.budgets.answer;
		model.fault = NONE, model.silent = false;
		cr_assert_eq(task_run(&u), ERR_OK, "%s", u.job.why.text);
	}
}

/* Another program left the device in the middle of something. */
Test(trezor_faults, left_waiting_by_another_program)
{
	plug();
	struct task t = task(OP_SIGN), u = task(OP_SIGN);
	model.asked = MSG_SIGN_IDENTITY;
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
	/* Half a message: what we send first is taken for its rest. */
	model.reading = true, model.type = MSG_SIGN_IDENTITY, model.left = 40;
	cr_assert_eq(task_run(&u), ERR_OK, "%s", u.job.why.text);
}

/* An answer to somebody's late Cancel is no answer to our call. */
Test(trezor_faults, stray_failure)
{
	plug();
	struct task t = task(OP_SIGN);
	answer("3f2323000300000002"
	       "0804");
	cr_assert_eq(task_run(&t), ERR_OK, "%s", t.job.why.text);
}
