/* SPDX-License-Identifier: MIT */
/* When a notification is sent to the keeper; the questions are tests/e2e/test_prompt.sh's. */
#include "agent/prompt.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
	uv_loop_t loop;
	struct prompter *pr;
	int keeper;
};

static void lost(void *arg)
{
	(void)arg;
}

static void start(struct side *s)
{
	struct why why = {0};
	int fds[2];

	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	cr_assert_eq(uv_loop_init(&s->loop), 0);
	cr_assert_eq(prompter_new(&s->pr, &s->loop, fds[0], lost, NULL, &why), ERR_OK);
	s->keeper = fds[1];
}

static void stop(struct side *s)
{
	prompter_close(s->pr);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&s->loop), 0);
	close(s->keeper);
}

/* What the keeper has been told since; .what is 0 for nothing. */
static struct launch_request told(const struct side *s)
{
	struct launch_request r = {0};
	ssize_t n = recv(s->keeper, &r, sizeof(r), MSG_DONTWAIT);

	cr_assert(n < 0 || n == (ssize_t)sizeof(r));
	return r;
}

/* Until something is due: nothing comes from the keeper. */
static void wait_due(struct side *s)
{
	uv_run(&s->loop, UV_RUN_ONCE);
}

Test(prompt, a_notification_comes_later)
{
	struct side s;
	struct launch_request r;

	start(&s);
	uint32_t first = prompt_note(s.pr, "one", 7), second = prompt_note(s.pr, "two", 0);
	cr_assert(first != 0 && second != 0 && first != second);
	cr_assert_eq(told(&s).what, 0, "at once");
	uint64_t begin = uv_now(&s.loop);
	while ((r = told(&s)).what == 0)
		wait_due(&s);
	cr_assert_geq(uv_now(&s.loop) - begin, 300);
	cr_assert_eq(r.what, LAUNCH_NOTE);
	cr_assert_eq(r.id, first);
	cr_assert_eq(r.asker, 7);
	cr_assert_str_eq(r.text, "one");
	while ((r = told(&s)).what == 0)
		wait_due(&s);
	cr_assert_eq(r.id, second);

	prompt_note_end(s.pr, first);
	r = told(&s);
	cr_assert_eq(r.what, LAUNCH_END);
	cr_assert_eq(r.id, first);
	stop(&s);
}

Test(prompt, a_notification_that_is_soon_over_never_comes)
{
	struct side s;
	struct launch_request r;

	start(&s);
	uint32_t ended = prompt_note(s.pr, "soon over", 0);
	prompt_note(s.pr, "stays", 0);
	uint32_t last = prompt_note(s.pr, "soon over too", 0);
	prompt_note_end(s.pr, last);
	prompt_note_end(s.pr, ended);
	cr_assert_eq(told(&s).what, 0, "no end of what has not begun");
	while ((r = told(&s)).what == 0)
		wait_due(&s);
	cr_assert_str_eq(r.text, "stays");
	/* And one that is still to come when the agent ends. */
	prompt_note(s.pr, "too late", 0);
	stop(&s);
}
