/* SPDX-License-Identifier: MIT */
#include "agent/agent.h"

const struct scheme *agent_scheme(const struct agent *a, enum identity_class class)
{
	for (const struct scheme *const *s = a->schemes; *s != NULL; s++)
		if ((*s)->class == class)
			return *s;
	return NULL;
}
