/* SPDX-License-Identifier: MIT */
/* Says when devices may have come or gone: for drivers whose devices are files, a change in the
 * driver's directory; for those of USB devices, what udev (without it, the kernel) announces over
 * netlink. Loop thread only. */
#ifndef LANYARD_HOTPLUG_H
#define LANYARD_HOTPLUG_H

#include "devices/device.h"

struct hotplug;

/* changed() follows a change after 50 ms, once for all changes meanwhile. A directory that is
 * missing is made; what cannot be watched is said in the log and left out. `drivers` and `env`
 * are kept by reference. */
enum err hotplug_new(struct hotplug **out, struct uv_loop_s *loop,
		     const struct driver *const *drivers, const struct driver_env *env,
		     void (*changed)(void *arg), void *arg, struct why *why) MUST_CHECK;
/* closed() comes later, on the loop; then it is free. No changed() after this call. */
void hotplug_close(struct hotplug *h, void (*closed)(void *arg));

/* A netlink message that announces something of USB or hidraw, in the kernel's form or udev's. A
 * wrong yes costs a look. Pure. */
bool hotplug_concerns(const void *message, size_t n);

#endif
