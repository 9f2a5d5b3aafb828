/* SPDX-License-Identifier: MIT */
/*
 * Places where a device may be, and which say what is there only when asked: a bus address, the
 * port of an emulator. They are asked off the loop, by an OP_PROBE on the worker of a device that
 * nobody sees yet; when it answers, that device is the one. A silent place (device_info) is asked
 * every 3 s while nothing answers there, another one while somebody else has it, while we have no
 * right to it, and while it does not answer, or not so that it makes sense: nothing tells when that
 * ends. Loop thread only;
 * registry.c's.
 */
#ifndef LANYARD_PROBER_H
#define LANYARD_PROBER_H

#include "devices/device_internal.h"

struct prober;

struct prober_calls {
	/* Something answered at a place of `scanner`. True: the device is the callee's and the
	 * place is forgotten. False: it is one that is there already. */
	bool (*found)(void *arg, struct device *d, const struct driver *scanner,
		      const struct probe *probe);
	/* A device that did not become one: close it, ended() of device_calls follows. */
	void (*drop)(void *arg, struct device *d, enum err reason);
	const struct device_calls *device_calls; /* of all devices that it makes */
	void *arg;
};

enum err prober_new(struct prober **out, struct uv_loop_s *loop, const struct prober_calls *calls,
		    struct why *why) MUST_CHECK;

/* A scan of a driver: begin, each place, end, after which the others of that driver are no more. */
void prober_begin(struct prober *p, const struct driver *scanner);
void prober_place(struct prober *p, const struct driver *scanner, const struct device_info *info);
void prober_end(struct prober *p, const struct driver *scanner);

/* Why the i-th device that is plugged in but could not be asked could not, or NULL. Until the loop
 * goes on. */
const char *prober_trouble(const struct prober *p, size_t i);

/* Nobody is asked any more; closed() comes later, then it is free. */
void prober_close(struct prober *p, void (*closed)(void *arg));

#endif
