/* SPDX-License-Identifier: MIT */
/* ssh/answer.h: the first byte is the type of the request, the rest what another agent answers. */
#include "fuzz.h"

#include "ssh/answer.h"
#include "ssh/message.h"

/* Each entry lies within the answer, is found, and all of them are the whole list again. */
static void check_entries(struct slice answer, struct slice entries)
{
	uint8_t *again = malloc(answer.n);
	struct wbuf w = wbuf_new(again, answer.n);
	struct rbuf r = rbuf_from(entries), head = rbuf_from(answer);
	struct slice key, comment;
	uint32_t count = 0;

	CHECK(again != NULL && fuzz_within(entries, answer));
	wbuf_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	rbuf_u8(&head);
	wbuf_u32(&w, rbuf_u32(&head));
	while (ssh_identities_next(&r, &key, &comment)) {
		CHECK(fuzz_within(key, entries) && fuzz_within(comment, entries));
		CHECK(key.n > 4 && memchr(comment.p, '\0', comment.n) == NULL);
		CHECK(count > 64 || ssh_identities_have(entries, key));
		wbuf_string(&w, key.p, key.n);
		wbuf_string(&w, comment.p, comment.n);
		count++;
	}
	CHECK(rbuf_end(&r) && count <= SSH_IDENTITIES_MAX);
	CHECK(wbuf_ok(&w) && slice_eq((struct slice){again, w.n}, answer));
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice answer, entries;
	uint8_t *copy;
	bool list, fits;

	if (size == 0)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	answer = (struct slice){copy, size - 1};
	list = ssh_identities_parse(answer, &entries);
	fits = ssh_answer_fits(data[0], answer);
	if (list)
		check_entries(answer, entries);
	/* Nothing but a list goes for one, and a list for nothing else. */
	if (data[0] == SSH_AGENTC_REQUEST_IDENTITIES)
		CHECK(fits == (list || (answer.n == 1 && copy[0] == SSH_AGENT_FAILURE)));
	else
		CHECK(!fits || !list);
	free(copy);
	return 0;
}
