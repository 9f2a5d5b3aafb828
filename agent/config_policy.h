/* SPDX-License-Identifier: MIT */
/* The settings of policy in a config: their words, and what holds for a use. Pure. */
#ifndef LANYARD_CONFIG_POLICY_H
#define LANYARD_CONFIG_POLICY_H

#include "agent/policy.h"

#define POLICY_SETTINGS "confirm, remember, scope, max-uses, forwarded"

/* Sets one of them from its text. NULL, or what is allowed. */
const char *config_policy_set(struct policy *to, const char *name, const char *value) MUST_CHECK;
/* "PROTO://", or what can name a device for good: not its index. */
bool config_policy_title(const char *title);

#endif
