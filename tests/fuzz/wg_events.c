/* SPDX-License-Identifier: MIT */
/* wg-hook/events.h: what an agent, or who passes for one, tells a watcher; and wg-hook/state.h, the
 * file that says what the watcher made of it. */
#include "fuzz.h"

#include "wg-hook/events.h"
#include "wg-hook/state.h"

static void check_word(const char *word)
{
	CHECK(memchr(word, '\0', EVENT_WORD_MAX) != NULL);
	fuzz_check_shown(word);
}

static void check_events(const struct events *w)
{
	CHECK(w->devices <= EVENT_DEVICES_MAX);
	for (size_t i = 0; i < w->devices; i++) {
		CHECK(w->device[i].serial[0] != '\0');
		CHECK(events_find(w, w->device[i].serial) <= (int)i);
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(w->device[i].serial, w->device[j].serial) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	struct events w = {0};
	struct state s;

	while (r.n > 0) {
		const uint8_t *end = memchr(r.p, '\n', r.n);
		struct slice line = rbuf_bytes(&r, end ? (size_t)(end - r.p) : r.n);
		uint8_t *copy = fuzz_copy(line.p, line.n);
		struct why why = {0};
		struct event e;
		enum err err = event_parse(&e, copy, line.n, &why);

		rbuf_u8(&r);
		fuzz_check_why(err, &why);
		free(copy);
		if (err != ERR_OK)
			continue;
		check_word(e.serial);
		check_word(e.name);
		check_word(e.custody);
		CHECK(strlen(e.uri) <= IDENTITY_URI_MAX);
		events_apply(&w, &e);
		check_events(&w);
	}
	state_parse(&s, (struct slice){data, size});
	CHECK(s.phase < PHASE_COUNT);
	fuzz_check_shown(s.why.text);
	check_word(s.serial);
	return 0;
}
