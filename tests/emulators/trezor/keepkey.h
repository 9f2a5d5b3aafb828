/* SPDX-License-Identifier: MIT */
/* KeepKey: what its calls share. */
#ifndef EMULATOR_KEEPKEY_H
#define EMULATOR_KEEPKEY_H

#include "tests/emulators/trezor/device.h"

/* As the device; its own emulator takes 64 KiB. */
enum { KEEPKEY_MESSAGE_MAX = 12 * 1024 };

/* Features instead, if an Initialize ended the last wait; then the flag is gone. */
void keepkey_fail(struct device *dev, enum failure code, const char *text);
void keepkey_succeed(struct device *dev, const char *text);
/* False: refused, cancelled, or unplugged. */
bool keepkey_confirm(struct device *dev, uint32_t code);
/* False after the Failure has been sent. */
bool keepkey_protect_pin(struct device *dev);
/* False with no Failure yet. */
bool keepkey_protect_passphrase(struct device *dev);
const uint8_t *keepkey_seed(struct device *dev);
/* Forgets the passphrase. */
void keepkey_clear(struct device *dev);
void keepkey_initialize(struct device *dev);
void keepkey_features(struct device *dev);
void keepkey_packet_tiny(struct device *dev, const uint8_t *packet, size_t len);

#endif
