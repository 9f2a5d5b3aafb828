/* SPDX-License-Identifier: MIT */
/* agent/peer.h: /proc/PID/stat, with a name of any bytes. */
#include "fuzz.h"

#include "agent/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = (char *)fuzz_copy(data, size);
	struct peer_stat s;

	if (peer_parse(&s, copy, size)) {
		size_t n = strlen(s.name);
		const char *open = memchr(copy, '(', size);

		CHECK(n <= PEER_NAME_MAX && s.parent >= 0);
		CHECK(memcmp(open + 1, s.name, n) == 0 && open[1 + n] == ')');
		CHECK(memchr(open + 2 + n, ')', size - (size_t)(open + 2 + n - copy)) == NULL);
	}
	free(copy);
	return 0;
}
