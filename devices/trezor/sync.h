/* SPDX-License-Identifier: MIT */
/* What a wallet is, and that it listens to us: the first exchange of a flow. Worker. */
#ifndef LANYARD_TREZOR_SYNC_H
#define LANYARD_TREZOR_SYNC_H

#include "devices/trezor/wallet.h"

static inline uint64_t deadline_in(unsigned ms)
{
	return transport_now() + ms;
}

static inline uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * *f is what it says now. It is idle then, and nothing of what it was asked before is unanswered.
 * `probe`: nobody's flow is disturbed. ERR_UNSUPPORTED: it speaks another protocol.
 */
enum err sync_features(struct wallet *w, struct features *f, bool probe) MUST_CHECK;

#endif
