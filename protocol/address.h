/* SPDX-License-Identifier: MIT */
/* The addresses that emulated devices may have. */
#ifndef LANYARD_ADDRESS_H
#define LANYARD_ADDRESS_H

#include <netinet/in.h>

#include "protocol/err.h"

/* "127.0.0.1:21324": numbers only, an address of this machine (127.0.0.0/8), a port. */
enum err address_parse(struct sockaddr_in *out, const char *text, struct why *why) MUST_CHECK;

#endif
