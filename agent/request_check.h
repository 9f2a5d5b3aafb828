/* SPDX-License-Identifier: MIT */
/* What a request may do, before any device is asked; request.c's. Loop thread only. */
#ifndef LANYARD_REQUEST_CHECK_H
#define LANYARD_REQUEST_CHECK_H

#include "agent/request.h"

/* Which of the identity's nodes its operation is of. */
enum purpose request_purpose(const struct request *r);
/* WireGuard's public key is that of a private key made from SECRET, so that is what to ask for. */
bool request_is_wg_key(const struct request *r);
/* The key on r->driver, r->serial, or NULL. */
struct key *request_key(const struct request *r);

/* Stop, locks, the identity's class, the curve. */
enum err request_check(struct request *r) MUST_CHECK;
/* Whether r->target has the operation. */
enum err request_check_driver(struct request *r) MUST_CHECK;
/* What a scheme's parser says of the data, into r->proof; schemes without one may sign anything. */
enum err request_check_data(struct request *r, const struct key *key) MUST_CHECK;

#endif
