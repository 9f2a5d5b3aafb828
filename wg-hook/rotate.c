/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "derive/secret.h"
#include "protocol/log.h"
#include "wg-hook/rotate.h"

enum {
	/* Seconds. */
	REKEY_AFTER = 120, /* the WireGuard paper, section 6.1 */
	RETRY = 6,         /* REKEY_TIMEOUT and its jitter, rounded up */
	IDLE = 15,         /* more than between the packets of two retries, as they are looked at */
	CLOCKS_WITHIN = 30,
};

struct rotating {
	uint8_t key[WG_KEY_LEN];
	struct wg_tree tree;
	uint64_t tx;
	int64_t handshake;
	/* When it was seen; monotonic ms, 0: not. */
	int64_t agreed;  /* a new handshake */
	int64_t sent;    /* that packets are sent */
	int64_t missing; /* the same, while a handshake was due */
	bool said;
};

struct rotation {
	uint32_t rotate;
	size_t count;
	struct rotating peers[];
};

int64_t clock_rate(void)
{
#ifdef LANYARD_TEST
	const char *text = getenv("LANYARD_WG_CLOCK_RATE");

	if (text && atoi(text) > 0)
		return atoi(text);
#endif
	return 1;
}

/* A test's clock: seconds in a file, which stand still until the test writes others. */
static bool test_clock(int64_t *ms)
{
	bool is = false;
#ifdef LANYARD_TEST
	const char *path = getenv("LANYARD_WG_CLOCK");
	FILE *f = path ? fopen(path, "re") : NULL;

	is = f && fscanf(f, "%" SCNd64, ms) == 1;
	if (is)
		*ms *= 1000;
	if (f)
		fclose(f);
#else
	(void)ms;
#endif
	return is;
}

int64_t clock_ms(void)
{
	struct timespec ts;
	int64_t ms;

	if (test_clock(&ms))
		return ms;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000) * clock_rate();
}

uint32_t epoch_at(int64_t ms, uint32_t rotate)
{
	return (uint32_t)(ms / 1000 / rotate);
}

int64_t epoch_left(int64_t ms, uint32_t rotate)
{
	int64_t length = (int64_t)rotate * 1000, now;

	if (test_clock(&now))
		return 20;
	return (length - ms % length + clock_rate() - 1) / clock_rate();
}

enum err rotation_new(struct rotation **out, const struct keys *k, uint32_t epoch, struct why *why)
{
	struct rotation *r;
	size_t count = 0;
	enum err e = ERR_OK;

	*out = NULL;
	for (size_t i = 0; i < k->count; i++)
		count += k->peers[i].is_root;
	if (count == 0)
		return ERR_OK;
	r = secret_alloc(sizeof(*r) + count * sizeof(r->peers[0]));
	if (!r)
		return why_set(why, ERR_NO_MEMORY, "no memory for %zu peers that rotate", count);
	r->rotate = k->rotate;
	for (size_t i = 0; e == ERR_OK && i < k->count; i++) {
		struct rotating *p = &r->peers[r->count];

		if (!k->peers[i].is_root)
			continue;
		memcpy(p->key, k->peers[i].key, WG_KEY_LEN);
		wg_tree_start(&p->tree, k->peers[i].psk);
		e = wg_tree_step(&p->tree, epoch > 0 ? epoch - 1 : 0);
		r->count++;
	}
	if (e != ERR_OK) {
		rotation_free(r);
		return why_set(why, e, "the clock is at an epoch that does not exist");
	}
	*out = r;
	return ERR_OK;
}

void rotation_free(struct rotation *r)
{
	secret_free_mem(r);
}

enum err rotation_step(struct rotation *r, uint32_t epoch)
{
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < r->count; i++) {
		if (epoch < r->peers[i].tree.from)
			e = ERR_INVALID;
		else if (epoch - r->peers[i].tree.from > 1)
			e = wg_tree_step(&r->peers[i].tree, epoch - 1);
	}
	return e;
}

enum err rotation_keys(const struct rotation *r, uint32_t epoch, bool add, struct wg_device *d,
		       struct why *why)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct rotating *from = &r->peers[i];
		struct wg_peer *p = add ? wg_device_add(d) : wg_device_find(d, from->key);
		enum err e;

		if (!p)
			return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
		memcpy(p->public_key, from->key, WG_KEY_LEN);
		p->flags |= WG_PEER_PSK;
		e = wg_tree_psk(p->psk, &from->tree, epoch);
		if (e != ERR_OK)
			return why_set(why, e, "the preshared keys of epoch %u are forgotten",
				       epoch);
	}
	return ERR_OK;
}

/* What the peer's counters say now. */
static void look(struct rotating *mine, const struct wg_peer *p, int64_t now)
{
	int64_t limit = CLOCKS_WITHIN * 1000 / clock_rate() + RETRY * 1000;
	bool sends = p->tx > mine->tx;

	if (p->handshake != mine->handshake) {
		mine->agreed = now;
		mine->missing = 0;
		mine->said = false;
	}
	mine->handshake = p->handshake;
	mine->tx = p->tx;
	if (sends)
		mine->sent = now;
	if (mine->agreed > 0 && now - mine->agreed < REKEY_AFTER * 1000)
		return;
	if (sends && mine->missing == 0)
		mine->missing = now;
	else if (now - mine->sent > IDLE * 1000)
		mine->missing = 0;
	if (mine->missing > 0 && now - mine->missing > limit)
		mine->said = true;
}

bool rotation_judge(struct rotation *r, const struct wg_device *d, int64_t now, struct why *why)
{
	char text[WG_KEY_TEXT];
	bool any = false;

	for (size_t i = 0; i < r->count; i++) {
		struct rotating *mine = &r->peers[i];
		const struct wg_peer *p = wg_device_find(d, mine->key);
		bool said = mine->said;

		if (!p)
			continue;
		look(mine, p, now);
		if (!mine->said)
			continue;
		any = true;
		wg_key_format(text, mine->key);
		why_set(why, ERR_TIMEOUT,
			"no handshake with %s for more than %d s, though packets are sent: the "
			"clocks differ by more than %d s (compare `date -u` on both), or it cannot "
			"be reached, or its rotate, psk-point or extra-psk-file is another",
			text, CLOCKS_WITHIN + RETRY, CLOCKS_WITHIN);
		if (!said)
			log_warn("%s", why->text);
	}
	return any;
}
