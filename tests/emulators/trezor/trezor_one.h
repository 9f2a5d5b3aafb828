/* SPDX-License-Identifier: MIT */
/* Trezor One: what its calls share. */
#ifndef EMULATOR_TREZOR_H
#define EMULATOR_TREZOR_H

#include "tests/emulators/trezor/device.h"

enum answer { ANSWER_YES, ANSWER_NO, ANSWER_ENDED };

/* A Failure, or Features where the host's Initialize ended a wait: it is owed no Failure. */
void trezor_fail(struct device *dev, enum failure code, const char *text);
enum answer trezor_button(struct device *dev, uint32_t code);
/* Unlocks; false after the Failure has been sent, as below. */
bool trezor_protect_pin(struct device *dev);
/* Asks for the passphrase if the session has no seed yet. */
bool trezor_node(struct device *dev, struct node *node, const char *curve, const uint32_t *path,
		 size_t count);
/* id: the session to resume, or NULL. */
void trezor_initialize(struct device *dev, const uint8_t *id);
void trezor_features(struct device *dev, bool session);

#endif
