/* SPDX-License-Identifier: MIT */
/* What a wallet asks a person through us: the PIN, by the places of its digits, and the BIP-39
 * passphrase. Worker. */
#ifndef LANYARD_TREZOR_ASK_H
#define LANYARD_TREZOR_ASK_H

#include "devices/trezor/wallet.h"

/* Each fills w->message with the answer. An error: the device still waits. */
enum err ask_pin(struct wallet *w, struct job *job) MUST_CHECK;
enum err ask_passphrase(struct wallet *w, struct job *job, bool *on_device) MUST_CHECK;

/* Where it makes us wait for a PIN, the person is told. */
void tell_pin_delay(const struct wallet *w, struct job *job);

/* How long the device makes us wait after so many wrong PINs, in seconds. */
unsigned pin_delay(const struct wallet *w);

#endif
