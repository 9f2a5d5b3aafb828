/* SPDX-License-Identifier: MIT */
/* wg-hook/rotate.h: the keys of an epoch, and what missing handshakes tell. */
#include <criterion/criterion.h>
#include <string.h>

#include "derive/encode.h"
#include "derive/secret.h"
#include "wg-hook/rotate.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* Of DERIVATION.md's vectors: wg.pair.r120, wg.pair.epoch.*. */
#define ROOT   "c1a100892c895e59a1fe55b93a87c0fe33a21543c0df3c3690bc5d987a359c01"
#define FIRST  "7cf70a8c5ee977ed3a1df04e3f659f606fd7ef5e36c9725047d89942c16454cf"
#define SECOND "aaecf21c4c6ff06a931689808aa053511a3461829cc8f3dbcca00312bf547ad1"
#define LATER  "086ff984e98c9884835fb3d395b8ee68c402cd8715627ab86f87dbe49cdd9a4d"

enum { LATER_EPOCH = 14186666 };

static void start(void)
{
	cr_assert_eq(secret_start(NULL), ERR_OK);
}

TestSuite(wg_rotate, .init = start);

/* Three peers, of which all but the second rotate; their public keys begin with 1, 2, 3. */
static struct rotation *rotation_at(uint32_t epoch)
{
	struct keys *k = secret_alloc(sizeof(*k) + 3 * sizeof(k->peers[0]));
	struct rotation *r;
	struct why why;
	size_t n = 0;

	cr_assert(k != NULL);
	k->rotate = 60;
	k->count = 3;
	for (size_t i = 0; i < k->count; i++) {
		k->peers[i].key[0] = (uint8_t)(i + 1);
		k->peers[i].has_psk = true;
		k->peers[i].is_root = i != 1;
		cr_assert_eq(hex_decode(k->peers[i].psk, WG_KEY_LEN, &n, ROOT, strlen(ROOT)),
			     ERR_OK);
	}
	cr_assert_eq(rotation_new(&r, k, epoch, &why), ERR_OK, "%s", why.text);
	secret_free_mem(k);
	return r;
}

static void expect_keys(const struct rotation *r, uint32_t epoch, const char *hex)
{
	struct wg_device d = {0};
	uint8_t want[WG_KEY_LEN];
	struct why why;
	size_t n = 0;

	cr_assert_eq(hex_decode(want, sizeof(want), &n, hex, strlen(hex)), ERR_OK);
	cr_assert_eq(rotation_keys(r, epoch, true, &d, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(d.count, 2);
	for (size_t i = 0; i < d.count; i++) {
		cr_expect_eq(d.peers[i].public_key[0], i == 0 ? 1 : 3);
		cr_expect_eq(d.peers[i].flags, WG_PEER_PSK);
		cr_expect_arr_eq(d.peers[i].psk, want, WG_KEY_LEN, "epoch %u", epoch);
	}
	wg_device_free(&d);
}

static bool forgotten(const struct rotation *r, uint32_t epoch)
{
	struct wg_device d = {0};
	struct why why;
	enum err e = rotation_keys(r, epoch, true, &d, &why);

	wg_device_free(&d);
	return e != ERR_OK;
}

Test(wg_rotate, the_keys_of_an_epoch_and_the_one_before)
{
	struct rotation *r = rotation_at(0);

	expect_keys(r, 0, FIRST);
	cr_expect_eq(rotation_step(r, 1), ERR_OK);
	expect_keys(r, 1, SECOND);
	expect_keys(r, 0, FIRST);
	cr_expect_eq(rotation_step(r, 0), ERR_OK, "one back");
	cr_expect_eq(rotation_step(r, LATER_EPOCH), ERR_OK);
	expect_keys(r, LATER_EPOCH, LATER);
	cr_expect(!forgotten(r, LATER_EPOCH - 1));
	cr_expect(forgotten(r, LATER_EPOCH - 2));
	cr_expect_eq(rotation_step(r, LATER_EPOCH - 1), ERR_OK);
	cr_expect_eq(rotation_step(r, LATER_EPOCH - 2), ERR_INVALID);
	rotation_free(r);
	r = rotation_at(LATER_EPOCH);
	expect_keys(r, LATER_EPOCH, LATER);
	cr_expect(forgotten(r, LATER_EPOCH - 2));
	rotation_free(r);
}

Test(wg_rotate, only_peers_with_a_root_rotate)
{
	struct keys *k = secret_alloc(sizeof(*k) + sizeof(k->peers[0]));
	struct rotation *r;
	struct why why;

	cr_assert(k != NULL);
	k->count = 1;
	k->peers[0].has_psk = true;
	cr_expect_eq(rotation_new(&r, k, 0, &why), ERR_OK);
	cr_expect_null(r);
	secret_free_mem(k);
}

Test(wg_rotate, epochs_of_a_clock)
{
	cr_expect_eq(epoch_at(0, 60), 0);
	cr_expect_eq(epoch_at(59999, 60), 0);
	cr_expect_eq(epoch_at(60000, 60), 1);
	cr_expect_eq(epoch_left(60000, 60), 60000);
	cr_expect_eq(epoch_left(119999, 60), 1);
	cr_expect_eq(epoch_at(1702399920000, 120), LATER_EPOCH);
}

/* What is seen of the first peer at `second`, one row after the other. */
struct sight {
	int64_t second;
	int64_t handshake;
	uint64_t tx;
	bool said;
};

static void expect_said(const char *what, const struct sight *rows, size_t n)
{
	struct rotation *r = rotation_at(0);
	struct wg_device d = {0};
	struct wg_peer *p = wg_device_add(&d);
	struct why why;

	cr_assert(p != NULL);
	p->public_key[0] = 1;
	for (size_t i = 0; i < n; i++) {
		p->handshake = rows[i].handshake;
		p->tx = rows[i].tx;
		why.text[0] = '\0';
		cr_expect_eq(rotation_judge(r, &d, 1 + rows[i].second * 1000, &why), rows[i].said,
			     "%s: second %lld", what, (long long)rows[i].second);
		cr_expect_eq(strstr(why.text, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=") !=
				     NULL,
			     rows[i].said, "%s: \"%s\"", what, why.text);
	}
	wg_device_free(&d);
	rotation_free(r);
}

Test(wg_rotate, a_missing_handshake_is_said)
{
	/* Clocks 20 s apart: 20 s and two retries. 50 s: it may be said, and is over then. */
	static const struct sight first[] = {
		{0, 0, 148, false}, {5, 0, 296, false},  {20, 0, 700, false},   {36, 0, 900, false},
		{37, 0, 950, true}, {55, 0, 1200, true}, {60, 99, 1300, false},
	};
	/* The one after 120 s. */
	static const struct sight due[] = {
		{10, 99, 500, false},  {50, 99, 600, false},    {129, 99, 700, false},
		{130, 99, 800, false}, {145, 99, 900, false},   {160, 99, 950, false},
		{167, 99, 1000, true}, {170, 250, 1100, false}, {289, 250, 1200, false},
	};

	expect_said("the first", first, ROWS(first));
	expect_said("when it is due", due, ROWS(due));
}

Test(wg_rotate, an_idle_tunnel_proves_nothing)
{
	/* A handshake is due for long, but nobody wanted it. */
	static const struct sight idle[] = {
		{0, 0, 0, false},       {1000, 0, 0, false},      {1005, 0, 148, false},
		{1006, 99, 148, false}, {5000, 99, 148, false},   {5005, 99, 500, false},
		{5025, 99, 900, false}, {5030, 5029, 999, false},
	};
	/* Nor two attempts with a pause between them. */
	static const struct sight twice[] = {
		{0, 0, 148, false},  {5, 0, 296, false},  {30, 0, 296, false},
		{60, 0, 444, false}, {90, 0, 444, false}, {96, 0, 444, false},
	};
	/* Retries are seen at most every other time. */
	static const struct sight retries[] = {
		{0, 0, 148, false},  {5, 0, 148, false},  {10, 0, 296, false}, {20, 0, 444, false},
		{25, 0, 444, false}, {30, 0, 592, false}, {37, 0, 592, true},
	};

	expect_said("idle", idle, ROWS(idle));
	expect_said("twice", twice, ROWS(twice));
	expect_said("retries", retries, ROWS(retries));
}
