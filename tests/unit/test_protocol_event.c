/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/event.h"

static const struct timespec when = {1795308409, 123456789}; /* 2026-11-22 00:46:49 UTC */

static const char *const used[] = {"key-used", "ssh://git@github.com",
				   "7",        "ed25519",
				   "sign",     "ok",
				   "0123",     "soft",
				   "agent",    "a \"login\"\n",
				   "ssh",      "1234",
				   "1000",     "ssh (1234) <- git"};
static const size_t used_count = sizeof(used) / sizeof(used[0]);

Test(protocol_event, json)
{
	static const char *const locked[] = {"locked"};
	static const char *const left[] = {"device-left", "0", "12", "soft", "-", "", NULL};
	static const char *const newer[] = {"later", "x"};
	char out[EVENT_JSON_MAX];

	cr_assert_eq(event_json(out, sizeof(out), &when, used, used_count), strlen(out));
	cr_expect_str_eq(out,
			 "{\"time\": \"2026-11-22T00:46:49.123Z\", \"event\": \"key-used\", "
			 "\"uri\": \"ssh://git@github.com\", \"index\": 7, \"curve\": \"ed25519\", "
			 "\"operation\": \"sign\", \"result\": \"ok\", \"serial\": \"0123\", "
			 "\"driver\": \"soft\", \"custody\": \"agent\", "
			 "\"facts\": \"a \\\"login\\\"\\n\", \"client\": \"ssh\", \"pid\": 1234, "
			 "\"uid\": 1000, \"process\": \"ssh (1234) <- git\"}");
	cr_assert_neq(event_json(out, sizeof(out), &when, locked, 1), 0);
	cr_expect_str_eq(out, "{\"time\": \"2026-11-22T00:46:49.123Z\", \"event\": \"locked\"}");
	cr_assert_neq(event_json(out, sizeof(out), &when, left, 7), 0);
	/* A serial number is no number. */
	cr_expect_neq(strstr(out, "\"index\": 0, \"serial\": \"12\", \"driver\": \"soft\", "
				  "\"label\": null, \"state\": null, \"custody\": null}"),
		      NULL, "%s", out);
	cr_assert_neq(event_json(out, sizeof(out), &when, newer, 2), 0);
	cr_expect_neq(strstr(out, "\"event\": \"later\", \"word1\": \"x\"}"), NULL, "%s", out);
}

Test(protocol_event, json_that_does_not_fit_is_none)
{
	char out[EVENT_JSON_MAX];
	size_t n = event_json(out, sizeof(out), &when, used, used_count);

	cr_expect_eq(event_json(out, n, &when, used, used_count), 0);
	cr_expect_str_eq(out, "");
	cr_expect_eq(event_json(out, n + 1, &when, used, used_count), n);
}

Test(protocol_event, text)
{
	static const char *const device[] = {"device-left", "0",    "12",   "soft",
					     "home\033",    "gone", "agent"};
	const char *refused[sizeof(used) / sizeof(used[0])];
	char out[1000];

	setenv("TZ", "UTC", 1);
	event_text(out, sizeof(out), &when, used, used_count);
	cr_expect_str_eq(out, "00:46:49 key-used ok: sign ssh://git@github.com index 7 (a "
			      "\"login\"\\x0a) on soft:0123, custody agent; ssh client says it is "
			      "ssh (1234) <- git");
	memcpy(refused, used, sizeof(used));
	refused[2] = "0";
	refused[5] = "locked";
	refused[6] = refused[7] = refused[8] = refused[9] = "-";
	event_text(out, sizeof(out), &when, refused, used_count);
	cr_expect_str_eq(out,
			 "00:46:49 key-used locked: sign ssh://git@github.com; ssh client says "
			 "it is ssh (1234) <- git");
	event_text(out, sizeof(out), &when, device, 7);
	cr_expect_str_eq(out, "00:46:49 device-left 0 12 soft home\\x1b gone agent");
	/* Of an older agent, with fewer words. */
	event_text(out, sizeof(out), &when, used, 10);
	cr_expect_neq(strstr(out, "key-used ssh://git@github.com 7"), NULL, "%s", out);
	event_text(out, 12, &when, used, used_count);
	cr_expect(strlen(out) < 12);
}
