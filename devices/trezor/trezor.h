/* SPDX-License-Identifier: MIT */
/*
 * Trezor and KeepKey (doc/trezor.md). trezor_driver finds both, and announces a KeepKey as one of
 * keepkey_driver.
 */
#ifndef LANYARD_TREZOR_H
#define LANYARD_TREZOR_H

#include "devices/trezor/wallet.h"

extern const struct driver trezor_driver, keepkey_driver;

#endif
