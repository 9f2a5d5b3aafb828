/* SPDX-License-Identifier: MIT */
#include "agent/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/logind_program.h"
#include "agent/pinentry.h"
#include "derive/secret.h"
#include "protocol/log.h"
#include "protocol/text.h"

enum { END_MS = 1000, END_STEP_MS = 20, ASKPASS_MS = 300 * 1000 };
enum { PLACES_MAX = 6 };

/* ---- what the agent was started with ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The absolute path of a program, or "". Relative parts of PATH are left out. */
static void find_program(char out[static PATH_MAX], const char *name)
{
	const char *path = getenv("PATH");
	size_t n;

	out[0] = '\0';
	if (name == NULL || name[0] == '\0')
		return;
	if (name[0] == '/') {
		if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX || !is_program(out))
			out[0] = '\0';
		return;
	}
	if (strchr(name, '/') != NULL || path == NULL)
		return;
	for (; *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (path[0] == '/' &&
		    snprintf(out, PATH_MAX, "%.*s/%s", (int)n, path, name) < PATH_MAX &&
		    is_program(out))
			return;
	}
	out[0] = '\0';
}

void launcher_configure(struct launcher *l, const struct config *config)
{
	find_program(l->pinentry, config->pinentry != NULL ? config->pinentry : "pinentry");
	if (config->pinentry != NULL && l->pinentry[0] == '\0')
		log_warn("pinentry %s: no such program", config->pinentry);
	find_program(l->notify, config->notify != NULL ? config->notify : "notify-send");
	snprintf(l->display, sizeof(l->display), "%s",
		 config->display != NULL ? config->display : "");
	snprintf(l->tty, sizeof(l->tty), "%s", config->tty != NULL ? config->tty : "");
}

void launcher_init(struct launcher *l, const struct config *config, const sigset_t *mask)
{
	const char *term = getenv("TERM"), *tty = getenv("GPG_TTY");

	*l = (struct launcher){.mask = *mask, .start = {.kind = PLACE_TTY}};
	launcher_configure(l, config);
	find_program(l->askpass, getenv("SSH_ASKPASS"));
	logind_find(l->logind);
	if (tty == NULL || place_check_tty(tty, NULL) != ERR_OK)
		tty = ttyname(STDIN_FILENO);
	if (tty != NULL && place_check_tty(tty, NULL) == ERR_OK)
		snprintf(l->start.name, sizeof(l->start.name), "%s", tty);
	if (term != NULL && place_term_ok(term))
		snprintf(l->start.term, sizeof(l->start.term), "%s", term);
}

void launcher_restore_signals(const struct launcher *l)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ};
	const struct sigaction normal = {.sa_handler = SIG_DFL};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &normal, NULL);
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
}

/* ---- places ---- */

static void places_add(struct place *places, size_t *count, enum place_kind kind, const char *name,
		       const char *term)
{
	struct place *p = &places[*count];

	if (kind != PLACE_START_DISPLAY && name[0] == '\0')
		return;
	if (kind == PLACE_TTY && place_check_tty(name, NULL) != ERR_OK)
		return;
	for (size_t i = 0; kind == PLACE_TTY && i < *count; i++)
		if (places[i].kind == PLACE_TTY && strcmp(places[i].name, name) == 0)
			return;
	*p = (struct place){.kind = kind};
	snprintf(p->name, sizeof(p->name), "%s", name);
	/* "dumb" is what a program without a terminal is told; nothing can be drawn with it. */
	if (kind == PLACE_TTY)
		snprintf(p->term, sizeof(p->term), "%s",
			 term[0] != '\0' && strcmp(term, "dumb") != 0 ? term
								      : place_default_term(name));
	++*count;
}

/* In the order in which they are tried. A client's own terminal is never asked for a confirmation:
 * it would be the client who says where. */
static size_t places_list(const struct launcher *l, const struct launch_request *r,
			  struct place places[static PLACES_MAX])
{
	struct place own;
	size_t count = 0;

	places_add(places, &count, PLACE_DISPLAY, l->display, "");
	places_add(places, &count, PLACE_TTY, l->tty, l->start.term);
	places_add(places, &count, PLACE_TTY, r->tty, r->term);
	if (place_has_start_display())
		places_add(places, &count, PLACE_START_DISPLAY, "", "");
	if ((r->what == LAUNCH_NOTE || r->kind != ASK_CONFIRM) && place_of_process(&own, r->asker))
		places_add(places, &count, PLACE_TTY, own.name, own.term);
	places_add(places, &count, PLACE_TTY, l->start.name, l->start.term);
	return count;
}

static const struct place *places_find(const struct place *places, size_t count, bool tty)
{
	for (size_t i = 0; i < count; i++)
		if ((places[i].kind == PLACE_TTY) == tty)
			return &places[i];
	return NULL;
}

/* ---- programs ---- */

/* Forks and executes `argv` in `place`, `in` and `out` its standard input and output. It dies with
 * us, by `number`. -1 when there is no process to be had. */
static pid_t program_start(const struct launcher *l, const struct place *place, char *const argv[],
			   int in, int out, int number)
{
	pid_t self = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, number, 0, 0, 0);
	launcher_restore_signals(l);
	signal(number, SIG_DFL); /* an agent in a shell's background has SIGINT ignored */
	if (getppid() == self && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    place_enter(place) == ERR_OK)
		execv(argv[0], argv);
	_exit(127);
}

/* Waits until it has ended, at most a second; then it is killed. `number` 0: it ends by itself.
 * Returns waitpid's status. */
static int program_end(pid_t pid, int number)
{
	const struct timespec step = {.tv_nsec = END_STEP_MS * 1000000L};
	int status = 0;

	if (number != 0)
		kill(pid, number);
	for (int ms = 0; ms < END_MS; ms += END_STEP_MS) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			return status;
		nanosleep(&step, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

/* ---- questions ---- */

static const char *locale_ctype(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return value;
	}
	return NULL;
}

/* ERR_NO_PROMPT: not there. */
static enum err ask_pinentry(const struct launcher *l, const struct launch_request *r,
			     const char *who, const struct place *place, int cancel,
			     struct wbuf *answer, struct why *why)
{
	const bool tty = place->kind == PLACE_TTY;
	const struct pinentry_question question = {
		.kind = r->kind,
		.again = r->again != 0,
		.text = r->text,
		.detail = r->detail,
		.who = who,
		.tty = tty ? place->name : NULL,
		.term = tty ? place->term : NULL,
		.lc_ctype = locale_ctype(),
	};
	char program[PATH_MAX];
	char *argv[] = {program, NULL};
	int fds[2];
	pid_t pid;
	enum err e;

	memcpy(program, l->pinentry, sizeof(program));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return why_set(why, ERR_NO_PROMPT, "socketpair: %s", strerror(errno));
	pid = program_start(l, place, argv, fds[1], fds[1], SIGTERM);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return why_set(why, ERR_NO_PROMPT, "fork: %s", strerror(errno));
	}
	e = pinentry_ask(fds[0], cancel, &question, answer, why);
	close(fds[0]);
	/* SIGTERM lets a curses dialog put its terminal right. */
	program_end(pid, e == ERR_OK ? 0 : SIGTERM);
	return e;
}

/* Its output until it closes it. */
static enum err askpass_read(int fd, int cancel, struct wbuf *answer)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = cancel, .events = POLLIN}};
	ssize_t n = 1;

	while (n != 0) {
		int ready = poll(fds, 2, ASKPASS_MS);

		if (ready == 0)
			return ERR_TIMEOUT;
		if (ready > 0 && fds[1].revents != 0)
			return ERR_CANCELED;
		if (ready < 0 || fds[0].revents == 0)
			continue;
		if (answer->n == answer->cap)
			return ERR_TOO_LARGE;
		n = read(fd, answer->p + answer->n, answer->cap - answer->n);
		if (n < 0 && errno != EINTR)
			return ERR_IO;
		answer->n += n > 0 ? (size_t)n : 0;
	}
	return ERR_OK;
}

/* As ssh(1) runs it: the question is its argument, so nothing in it may look like an option. */
static enum err ask_askpass(const struct launcher *l, const struct launch_request *r,
			    const char *who, const struct place *place, int cancel,
			    struct wbuf *answer)
{
	char program[PATH_MAX], text[LAUNCH_TEXT_MAX + LAUNCH_DETAIL_MAX + PEER_CHAIN_MAX + 64];
	char *argv[] = {program, text, NULL};
	int fds[2], null, status;
	pid_t pid;
	enum err e;

	memcpy(program, l->askpass, sizeof(program));
	snprintf(text, sizeof(text), "lanyard: %s%s%s%s%s%s", r->again ? "That was wrong. " : "",
		 r->text, r->detail[0] != '\0' ? "\n" : "", r->detail,
		 who[0] != '\0' ? "\nAsked for by what says it is " : "", who);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || pipe2(fds, O_CLOEXEC) != 0)
		return ERR_NO_PROMPT;
	if (r->kind == ASK_CONFIRM)
		setenv("SSH_ASKPASS_PROMPT", "confirm", 1);
	else
		unsetenv("SSH_ASKPASS_PROMPT");
	pid = program_start(l, place, argv, null, fds[1], SIGTERM);
	close(null);
	close(fds[1]);
	e = pid > 0 ? askpass_read(fds[0], cancel, answer) : ERR_NO_PROMPT;
	close(fds[0]);
	if (pid < 0)
		return e;
	status = program_end(pid, e == ERR_OK ? 0 : SIGTERM);
	if (e == ERR_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		e = r->kind == ASK_CONFIRM ? ERR_REFUSED : ERR_CANCELED;
	while (answer->n > 0 && strchr("\r\n", answer->p[answer->n - 1]) != NULL)
		answer->n--;
	/* To "confirm" it answers by its status, or with this word. */
	if (e == ERR_OK && r->kind == ASK_CONFIRM && answer->n > 0 &&
	    (answer->n != 3 || memcmp(answer->p, "yes", 3) != 0))
		e = ERR_REFUSED;
	return e;
}

static enum err launcher_ask(const struct launcher *l, const struct launch_request *r, int cancel,
			     struct wbuf *answer)
{
	struct place places[PLACES_MAX];
	size_t count = places_list(l, r, places);
	const struct place *display = places_find(places, count, false);
	char who[PEER_CHAIN_MAX] = "";
	struct why why;
	enum err e;

	if (r->asker != 0)
		peer_chain(who, sizeof(who), r->asker);
	for (size_t i = 0; l->pinentry[0] != '\0' && i < count; i++) {
		answer->n = 0;
		why.text[0] = '\0';
		e = ask_pinentry(l, r, who, &places[i], cancel, answer, &why);
		if (e != ERR_NO_PROMPT)
			return e;
		log_warn("%s on %s: %s", l->pinentry, place_name(&places[i]), why_text(&why, e));
	}
	answer->n = 0;
	if (l->askpass[0] != '\0' && display != NULL)
		return ask_askpass(l, r, who, display, cancel, answer);
	return ERR_NO_PROMPT;
}

/* ---- notifications ---- */

/* Waits for a signal: true for SIGTERM, false for a child's end. */
static bool note_ended(int signals)
{
	struct pollfd p = {.fd = signals, .events = POLLIN};
	struct signalfd_siginfo info;
	int n;

	do
		n = poll(&p, 1, -1);
	while (n < 0 && errno == EINTR);
	return n > 0 && read(signals, &info, sizeof(info)) == sizeof(info) &&
	       info.ssi_signo == SIGTERM;
}

/* False: it could not be shown so. */
static bool note_display(const struct launcher *l, const struct launch_request *r,
			 const struct place *place, int signals)
{
	char program[PATH_MAX], text[LAUNCH_TEXT_MAX];
	char app[] = "--app-name=lanyard", wait[] = "--wait", end[] = "--";
	/* As the summary: only in the body is there markup. */
	char *argv[] = {program, app, wait, end, text, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	pid_t pid;

	memcpy(program, l->notify, sizeof(program));
	memcpy(text, r->text, sizeof(text));
	pid = null >= 0 ? program_start(l, place, argv, null, null, SIGINT) : -1;
	if (pid < 0)
		return false;
	/* With --wait it stays as long as its notification, which it closes on SIGINT. */
	if (note_ended(signals)) {
		program_end(pid, SIGINT);
		return true;
	}
	status = program_end(pid, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void note_tty(const struct launch_request *r, const struct place *place, int signals)
{
	int fd = open(place->name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	/* On its own line, which is emptied again; what cannot be written is not waited for. */
	if (dprintf(fd, "\rlanyard: %s\033[K", r->text) > 0) {
		while (!note_ended(signals))
			;
		dprintf(fd, "\r\033[K");
	}
	close(fd);
}

static void launcher_note(const struct launcher *l, const struct launch_request *r, int signals)
{
	struct place places[PLACES_MAX];
	size_t count = places_list(l, r, places);
	const struct place *display = places_find(places, count, false);
	const struct place *tty = places_find(places, count, true);

	if (display != NULL && l->notify[0] != '\0' && note_display(l, r, display, signals))
		return;
	if (tty != NULL)
		note_tty(r, tty, signals);
}

/* ---- the process ---- */

static int watch_signals(bool children)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (children)
		sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

_Noreturn void launcher_child(const struct launcher *l, const struct launch_request *r, int fd,
			      pid_t keeper)
{
	int signals = watch_signals(r->what == LAUNCH_NOTE);
	struct launch_answer *answer;
	struct wbuf w;

	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	secret_harden_process();
	/* No terminal controls what it runs: a pinentry in the background of one would stop. */
	setsid();
	if (signals < 0 || getppid() != keeper || secret_start(NULL) != ERR_OK)
		_exit(1);
	if (r->what == LAUNCH_NOTE) {
		launcher_note(l, r, signals);
		_exit(0);
	}
	answer = secret_alloc(sizeof(*answer));
	if (answer == NULL)
		_exit(1);
	w = wbuf_new(answer->bytes, sizeof(answer->bytes));
	answer->id = r->id;
	answer->error = launcher_ask(l, r, signals, &w);
	answer->length = answer->error == ERR_OK ? (uint32_t)w.n : 0;
	if (answer->error != ERR_OK)
		secret_wipe(answer->bytes, sizeof(answer->bytes));
	_exit(send(fd, answer, sizeof(*answer), MSG_NOSIGNAL) == (ssize_t)sizeof(*answer) ? 0 : 1);
}
