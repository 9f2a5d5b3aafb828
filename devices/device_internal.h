/* SPDX-License-Identifier: MIT */
/* What registry.c alone does with devices: their birth, change and end (loop); and check.c. */
#ifndef LANYARD_DEVICE_INTERNAL_H
#define LANYARD_DEVICE_INTERNAL_H

#include "devices/device.h"

struct device_calls {
	void (*changed)(void *arg, struct device *d); /* device_state() is another */
	void (*renamed)(void *arg, struct device *d); /* label or about is another */
	/* The driver said ERR_DEVICE_GONE; nothing runs until device_close(). */
	void (*lost)(void *arg, struct device *d);
	/* After device_close(): every job is done, the worker joined; freed after this. */
	void (*ended)(void *arg, struct device *d);
	void *arg;
};

/* `calls` is kept by reference. No thread yet: it comes with the first job. */
enum err device_new(struct device **out, struct uv_loop_s *loop, const struct driver *driver,
		    const struct device_info *info, unsigned index,
		    const struct device_calls *calls, struct why *why) MUST_CHECK;
/* Another label or place of the same serial; with another place the driver's handle is closed
 * (which locks) and opened again by the next job. */
void device_set_info(struct device *d, const struct device_info *info);
/* Who it is, as OP_PROBE has told; nothing runs or waits. */
void device_identify(struct device *d, const struct probe *probe, unsigned index);
/* Every job ends with `reason` (DEVICE_GONE, SHUTDOWN), later ones are refused with it; ended()
 * follows. Does not block. */
void device_close(struct device *d, enum err reason);

/* check.c; worker. What a driver answered, before anybody uses it: a device may lie or be broken.
 * ERR_DEVICE_ERROR, or ERR_MISMATCH for another public key than job->expect. */
enum err device_check(struct job *job, struct ecc_kept *kept) MUST_CHECK;

#endif
