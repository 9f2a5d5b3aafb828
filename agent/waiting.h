/* SPDX-License-Identifier: MIT */
/* Requests that wait for their device to be connected. Loop thread only. */
#ifndef LANYARD_WAITING_H
#define LANYARD_WAITING_H

#include <uv.h>

#include "agent/request.h"

struct waiting {
	uv_timer_t timer;
	struct request *first;
};

enum err waiting_init(struct waiting *w, uv_loop_t *loop) MUST_CHECK;
/* No request waits any more. */
void waiting_close(struct waiting *w);

/* request_resume() comes later, exactly once: ERR_OK when the device r->driver, r->serial arrives,
 * ERR_NO_DEVICE when it does not, ERR_CANCELED after waiting_cancel(). */
void waiting_add(struct waiting *w, struct request *r, unsigned seconds);
void waiting_cancel(struct waiting *w, struct request *r);
void waiting_arrived(struct waiting *w, const struct device *d);

#endif
