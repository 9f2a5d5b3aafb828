/* SPDX-License-Identifier: MIT */
/*
 * The devices that are there: one table of drivers, the devices they found, arrival and removal.
 * Loop thread only.
 */
#ifndef LANYARD_REGISTRY_H
#define LANYARD_REGISTRY_H

#include "devices/device.h"

struct registry;

struct registry_calls {
	/* The index of a serial (of a driver); the caller remembers it. NULL: the lowest number not
	 * used since the start. */
	unsigned (*index)(void *arg, const struct driver *driver, const struct device_info *info);
	void (*arrived)(void *arg, struct device *d);
	/* The device is out of the table; its jobs fail with ERR_DEVICE_GONE after this. */
	void (*left)(void *arg, struct device *d);
	void (*changed)(void *arg, struct device *d); /* device_state() is another */
	void *arg;
};

/* `drivers` ends with NULL and lives as long as the registry; so does `env`. Scans once, so that
 * arrived() comes from inside (*out is set by then), and watches the drivers' directories. */
enum err registry_new(struct registry **out, struct uv_loop_s *loop,
		      const struct driver *const *drivers, const struct driver_env *env,
		      const struct registry_calls *calls, struct why *why) MUST_CHECK;
/* Drivers look there from now on; it lives as long as the registry too, and so do earlier ones. An
 * open device has the one that it was opened with. */
void registry_set_env(struct registry *r, const struct driver_env *env);
/* Looks again now; done by itself when a driver's directory changes. */
void registry_scan(struct registry *r);

/* Why the i-th device that is plugged in but not listed is not (no right to it, another program has
 * it), or NULL. Until the loop goes on. */
const char *registry_trouble(const struct registry *r, size_t i);

/* In the order of their indices; NULL starts and ends. */
struct device *registry_next(struct registry *r, const struct device *after);
size_t registry_count(const struct registry *r);

/*
 * INDEX, SERIAL, DRIVER:LABEL or DRIVER:SERIAL. ERR_NO_DEVICE with what is there; ERR_AMBIGUOUS
 * when several match, with each as DRIVER:SERIAL after the last ": ", separated by spaces.
 */
enum err registry_find(struct registry *r, const char *selector, struct device **out,
		       struct why *why) MUST_CHECK;
bool registry_matches(const struct device *d, const char *selector);

/* Every job ends with ERR_SHUTDOWN, every worker is joined, then closed() on the loop; it does not
 * block. The registry is free after that. */
void registry_close(struct registry *r, void (*closed)(void *arg), void *arg);

#endif
