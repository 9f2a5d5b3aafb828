/* SPDX-License-Identifier: MIT */
/* What a wallet would refuse, most of it only after its button was pressed. Pure; worker. */
#ifndef LANYARD_TREZOR_CHECK_H
#define LANYARD_TREZOR_CHECK_H

#include "devices/trezor/wallet.h"

/* ERR_OK, or what the device cannot do, in job->why. */
enum err check_sign(const struct wallet *w, struct job *job) MUST_CHECK;
/* `out` gets the point as firmware wants it: 04 || X || Y, or 40 and 32 bytes; *n its length. */
enum err check_ecdh(const struct wallet *w, struct job *job, uint8_t out[static SHARED_MAX],
		    size_t *n) MUST_CHECK;
enum err check_secret(const struct wallet *w, struct job *job) MUST_CHECK;

#endif
