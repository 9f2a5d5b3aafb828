/* SPDX-License-Identifier: MIT */
#include "protocol/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/text.h"

enum err address_parse(struct sockaddr_in *out, const char *text, struct why *why)
{
	char host[INET_ADDRSTRLEN] = "";
	const char *colon = strchr(text, ':');
	uint32_t port = 0;

	*out = (struct sockaddr_in){.sin_family = AF_INET};
	if (colon && (size_t)(colon - text) < sizeof(host))
		memcpy(host, text, (size_t)(colon - text));
	if (inet_pton(AF_INET, host, &out->sin_addr) != 1 ||
	    ntohl(out->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET ||
	    !text_to_u32(colon + 1, 1, 65535, &port))
		return why_set(why, ERR_INVALID,
			       "\"%s\" is no address of an emulator; allowed: 127.0.0.1:PORT, or "
			       "another address of 127.0.0.0/8",
			       text);
	out->sin_port = htons((uint16_t)port);
	return ERR_OK;
}
