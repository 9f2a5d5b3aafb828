/* SPDX-License-Identifier: MIT */
#include "agent/prompt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/log.h"
#include "protocol/text.h"

struct prompt {
	struct prompter *prompter;
	struct prompt *next;
	void (*done)(void *arg, enum err e, const void *bytes, size_t n);
	void *arg;
	struct launch_request request;
};

/* What is over that soon needs nobody's hand, and no process to show it. */
enum { NOTE_DELAY_MS = 300 };

struct note {
	struct note *next;
	uint64_t due; /* uv_now() */
	struct launch_request request;
};

struct prompter {
	uv_poll_t poll;
	uv_timer_t timer; /* of the first of `notes` */
	int fd;
	bool gone; /* the keeper */
	uint32_t last_id;
	uint32_t shown_id;     /* the question that the launcher has, 0 for none */
	struct prompt *shown;  /* who asks it; NULL when it is not wanted any more */
	struct prompt *queued; /* in their order */
	struct note *notes;    /* that are not shown yet, in their order */
	char tty[PLACE_NAME_MAX], term[PLACE_NAME_MAX];
	struct launch_answer *answer; /* in locked memory */
	void (*lost)(void *arg);
	void *arg;
};

static uint32_t prompter_id(struct prompter *pr)
{
	if (++pr->last_id == 0)
		pr->last_id = 1;
	return pr->last_id;
}

static enum err prompter_send(struct prompter *pr, const struct launch_request *r)
{
	if (pr->gone)
		return ERR_NO_PROMPT;
	if (send(pr->fd, r, sizeof(*r), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*r))
		return ERR_OK;
	log_error("the keeper does not take messages: %s", strerror(errno));
	return ERR_NO_PROMPT;
}

static void prompter_end(struct prompter *pr, uint32_t id)
{
	const struct launch_request r = {.what = LAUNCH_END, .id = id};

	/* A keeper that is gone has taken everything with it. */
	if (!pr->gone && prompter_send(pr, &r) != ERR_OK)
		log_error("a prompt may still be on the screen");
}

static void prompt_done(struct prompt *p, enum err e, const void *bytes, size_t n)
{
	p->done(p->arg, e, bytes, n);
	free(p);
}

/* Shows the next question when there is none on the screen. */
static void prompter_next(struct prompter *pr)
{
	struct prompt *p = pr->queued;

	if (pr->shown_id != 0 || p == NULL || pr->gone)
		return;
	/* The latest `lanyard tty` counts. */
	memcpy(p->request.tty, pr->tty, sizeof(pr->tty));
	memcpy(p->request.term, pr->term, sizeof(pr->term));
	p->request.id = prompter_id(pr);
	if (prompter_send(pr, &p->request) != ERR_OK)
		return; /* a stopped keeper: it is tried again with the next question */
	pr->queued = p->next;
	pr->shown_id = p->request.id;
	pr->shown = p;
}

static void prompter_answered(struct prompter *pr, const struct launch_answer *a)
{
	struct prompt *p = pr->shown;
	enum err e = a->error < ERR_COUNT ? (enum err)a->error : ERR_INTERNAL;

	/* Of a launcher that answered and then failed, say. */
	if (a->id != pr->shown_id)
		return;
	pr->shown_id = 0;
	pr->shown = NULL;
	if (e == ERR_OK && a->length > sizeof(a->bytes))
		e = ERR_INTERNAL;
	if (p != NULL)
		prompt_done(p, e, a->bytes, e == ERR_OK ? a->length : 0);
	prompter_next(pr);
}

/* ---- notifications ---- */

static void notes_due(uv_timer_t *timer)
{
	struct prompter *pr = timer->data;
	uint64_t now = uv_now(timer->loop);
	struct note *n;

	while ((n = pr->notes) != NULL && n->due <= now) {
		pr->notes = n->next;
		if (prompter_send(pr, &n->request) != ERR_OK)
			log_error("a notification is not shown");
		free(n);
	}
	if (n != NULL)
		uv_timer_start(timer, notes_due, n->due - now, 0);
}

/* True: there was one of that id, and it was not shown. */
static bool notes_remove(struct prompter *pr, uint32_t id)
{
	struct note **at = &pr->notes, *n;

	while (*at != NULL && (*at)->request.id != id)
		at = &(*at)->next;
	if ((n = *at) == NULL)
		return false;
	*at = n->next;
	free(n);
	if (pr->notes == NULL)
		uv_timer_stop(&pr->timer);
	return true;
}

uint32_t prompt_note(struct prompter *pr, const char *text, pid_t asker)
{
	struct note **last = &pr->notes, *n;
	struct launch_request *r;

	/* Nobody's answer hangs on it. */
	if (pr->gone || (n = calloc(1, sizeof(*n))) == NULL)
		return 0;
	r = &n->request;
	r->what = LAUNCH_NOTE;
	r->id = prompter_id(pr);
	r->asker = asker;
	text_clean_message(r->text, sizeof(r->text), text, strlen(text));
	memcpy(r->tty, pr->tty, sizeof(pr->tty));
	memcpy(r->term, pr->term, sizeof(pr->term));
	n->due = uv_now(pr->timer.loop) + NOTE_DELAY_MS;
	if (pr->notes == NULL)
		uv_timer_start(&pr->timer, notes_due, NOTE_DELAY_MS, 0);
	while (*last != NULL)
		last = &(*last)->next;
	*last = n;
	return r->id;
}

void prompt_note_end(struct prompter *pr, uint32_t id)
{
	if (id != 0 && !notes_remove(pr, id))
		prompter_end(pr, id);
}

/* ---- life ---- */

static void prompter_lost(struct prompter *pr)
{
	struct prompt *p;

	pr->gone = true;
	uv_poll_stop(&pr->poll);
	while (pr->notes != NULL)
		notes_remove(pr, pr->notes->request.id);
	if ((p = pr->shown) != NULL) {
		p->next = pr->queued;
		pr->queued = p;
	}
	pr->shown = NULL;
	pr->shown_id = 0;
	while ((p = pr->queued) != NULL) {
		pr->queued = p->next;
		prompt_done(p, ERR_NO_PROMPT, NULL, 0);
	}
	pr->lost(pr->arg);
}

static void prompter_readable(uv_poll_t *poll, int status, int events)
{
	struct prompter *pr = poll->data;
	ssize_t n = recv(pr->fd, pr->answer, sizeof(*pr->answer), MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (n == (ssize_t)sizeof(*pr->answer))
		prompter_answered(pr, pr->answer);
	else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		prompter_lost(pr);
	if (n > 0)
		secret_wipe(pr->answer, sizeof(*pr->answer));
}

static void prompter_free(uv_handle_t *handle)
{
	struct prompter *pr = handle->data;

	while (pr->notes != NULL)
		notes_remove(pr, pr->notes->request.id);
	close(pr->fd);
	secret_free_mem(pr->answer);
	free(pr);
}

static void prompter_timer_closed(uv_handle_t *handle)
{
	struct prompter *pr = handle->data;

	uv_close((uv_handle_t *)&pr->poll, prompter_free);
}

enum err prompter_new(struct prompter **out, uv_loop_t *loop, int fd, void (*lost)(void *arg),
		      void *arg, struct why *why)
{
	struct prompter *pr = calloc(1, sizeof(*pr));

	if (pr == NULL || (pr->answer = secret_alloc(sizeof(*pr->answer))) == NULL) {
		free(pr);
		return why_set(why, ERR_NO_MEMORY, "no locked memory for answers");
	}
	pr->fd = fd;
	pr->lost = lost;
	pr->arg = arg;
	pr->poll.data = pr;
	if (uv_poll_init(loop, &pr->poll, fd) != 0) {
		secret_free_mem(pr->answer);
		free(pr);
		return why_set(why, ERR_INTERNAL, "the keeper's socket cannot be polled");
	}
	uv_poll_start(&pr->poll, UV_READABLE, prompter_readable);
	uv_timer_init(loop, &pr->timer);
	pr->timer.data = pr;
	*out = pr;
	return ERR_OK;
}

enum err prompter_ready(struct prompter *pr, struct why *why)
{
	const struct launch_request r = {.what = LAUNCH_READY};

	return prompter_send(pr, &r) == ERR_OK
		       ? ERR_OK
		       : why_set(why, ERR_INTERNAL, "the process that started the agent is gone");
}

/* Our end of a socket whose other end goes to a process that the keeper makes; -1. */
static int prompter_process(const struct prompter *pr, enum launch_what what, uint32_t kind)
{
	struct launch_request r = {.what = what, .kind = kind};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS}};
	struct iovec data = {&r, sizeof(r)};
	const struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	memcpy(CMSG_DATA(&control.head), &fds[1], sizeof(fds[1]));
	if (sendmsg(pr->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof(r)) {
		close(fds[0]);
		fds[0] = -1;
	}
	close(fds[1]);
	return fds[0];
}

int prompter_stretch(void *prompter)
{
	return prompter_process(prompter, LAUNCH_STRETCH, 0);
}

int prompter_logind(struct prompter *pr, unsigned lock_on)
{
	return prompter_process(pr, LAUNCH_LOGIND, lock_on);
}

enum err prompter_reload(struct prompter *pr, const char *digest)
{
	struct launch_request r = {.what = LAUNCH_RELOAD};

	snprintf(r.text, sizeof(r.text), "%s", digest);
	return prompter_send(pr, &r);
}

enum err prompter_set_tty(struct prompter *pr, const char *tty, const char *term, struct why *why)
{
	enum err e = place_check_tty(tty, why);

	if (e == ERR_OK && term != NULL && !place_term_ok(term))
		e = why_set(why, ERR_INVALID, "%s: a terminal type has letters, digits and + - . _",
			    term);
	if (e != ERR_OK)
		return e;
	snprintf(pr->tty, sizeof(pr->tty), "%s", tty);
	snprintf(pr->term, sizeof(pr->term), "%s", term != NULL ? term : "");
	return ERR_OK;
}

void prompter_close(struct prompter *pr)
{
	if (pr->shown_id != 0)
		prompter_end(pr, pr->shown_id);
	uv_close((uv_handle_t *)&pr->timer, prompter_timer_closed);
}

struct prompt *prompt_start(struct prompter *pr, const struct ask *ask, const char *detail,
			    pid_t asker,
			    void (*done)(void *arg, enum err e, const void *bytes, size_t n),
			    void *arg)
{
	struct prompt **last = &pr->queued, *p;
	struct launch_request *r;

	if (pr->gone || ask->kind == ASK_NEW_PASSPHRASE || (p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	*p = (struct prompt){.prompter = pr, .done = done, .arg = arg};
	r = &p->request;
	r->what = LAUNCH_ASK;
	r->kind = ask->kind;
	r->again = ask->again;
	r->asker = asker;
	text_clean_message(r->text, sizeof(r->text), ask->prompt, strlen(ask->prompt));
	if (detail != NULL)
		text_clean_message(r->detail, sizeof(r->detail), detail, strlen(detail));
	while (*last != NULL)
		last = &(*last)->next;
	*last = p;
	prompter_next(pr);
	return p;
}

void prompt_cancel(struct prompt *p)
{
	struct prompter *pr;
	struct prompt **at;

	if (p == NULL)
		return;
	pr = p->prompter;
	at = &pr->queued;
	if (pr->shown == p) {
		/* Its place is free when the launcher says that it has cleared it. */
		pr->shown = NULL;
		prompter_end(pr, pr->shown_id);
	}
	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at != NULL)
		*at = p->next;
	free(p);
}
