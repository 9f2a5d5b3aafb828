/* SPDX-License-Identifier: MIT */
/* up, down, close and show: what there is of a tunnel's life outside its watcher. */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/log.h"
#include "wg-hook/owner.h"
#include "wg-hook/session.h"
#include "wg-hook/start.h"
#include "wg-hook/state.h"
#include "wg-hook/tunnel.h"

enum {
	COMMAND_MS = 10000, /* that another command may take */
	STEP_MS = 10,
	BEGIN_MS = 20000, /* that a watcher has to begin */
	END_MS = 5000,    /* that it has to end before it is killed */
};

/* Steps are not counted instead: under load each takes longer, and systemd waits for nobody. */
static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t up_ms(void)
{
#ifdef LANYARD_TEST
	const char *seconds = getenv("LANYARD_WG_UP_SECONDS");

	if (seconds)
		return (int64_t)atoi(seconds) * 1000;
#endif
	return (int64_t)WG_UP_SECONDS * 1000;
}

/* Ends the watcher; with it, or by its other half, the interface is closed when this returns. */
static enum err stop_watcher(int lock, const char *iface, struct why *why)
{
	pid_t watcher = state_holder(lock, ROLE_WATCHER);
	int64_t start = now_ms(), ms;

	if (watcher > 0)
		start_unit_stop(iface);
	while ((ms = now_ms() - start) < 2 * END_MS) {
		watcher = state_holder(lock, ROLE_WATCHER);
		if (watcher == 0 && state_holder(lock, ROLE_GUARD) == 0)
			return ERR_OK;
		if (watcher > 0)
			(void)kill(watcher, ms < END_MS ? SIGTERM : SIGKILL);
		poll(NULL, 0, STEP_MS);
	}
	return why_set(why, ERR_TIMEOUT, "the watcher of %s does not end", iface);
}

/* True when the watcher has said how it went, or has ended without a word. */
static bool has_reported(int lock, const char *iface, int64_t ms, bool *begun, struct state *s)
{
	struct why why;
	bool runs = state_holder(lock, ROLE_WATCHER) > 0;

	*begun = *begun || runs;
	if (state_read(iface, s, &why) == ERR_OK && s->phase != PHASE_STARTING &&
	    s->phase != PHASE_NONE)
		return true;
	return (*begun && !runs) || (!*begun && ms >= BEGIN_MS);
}

/* What ends a program, unless whoever started it has it ignored. */
static sigset_t end_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction now;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	return set;
}

/* `since`: when `up` began; `ends`: blocked, and a reason to give up. */
static enum err wait_for_watcher(int lock, const char *iface, int64_t since, const sigset_t *ends,
				 struct why *why)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	struct state s = {0};
	bool begun = false, said = false;
	int64_t start = now_ms();

	while (!has_reported(lock, iface, now_ms() - start, &begun, &s)) {
		if (now_ms() - since >= up_ms())
			return why_set(why, ERR_TIMEOUT, "nobody answered in %d seconds",
				       (int)(up_ms() / 1000));
		if (s.phase == PHASE_STARTING && s.err != ERR_OK && !said) {
			wg_say("%s: waiting for it", s.why.text);
			said = true;
		}
		if (sigtimedwait(ends, NULL, &step) > 0)
			return why_set(why, ERR_CANCELED, "interrupted");
	}
	/* It may have ended between the two questions. */
	if (s.phase == PHASE_STARTING && state_read(iface, &s, why) != ERR_OK)
		s.phase = PHASE_NONE;
	if (s.phase == PHASE_WAITING) {
		wg_say("%s has no keys yet: %s; they are put in once it is", iface, s.why.text);
		return ERR_OK;
	}
	if (s.phase == PHASE_OPEN)
		return ERR_OK;
	if (s.phase == PHASE_FAILED || s.phase == PHASE_CLOSED)
		return why_set(why, s.err != ERR_OK && s.err < ERR_COUNT ? s.err : ERR_IO, "%s",
			       s.why.text);
	return why_set(why, ERR_IO, "the watcher of %s ended without a word: see the system's log",
		       iface);
}

/* True when nothing is to be done. */
static bool is_up(int lock, const char *iface, const struct tunnel *t)
{
	const uint8_t *key = t->settings.has_public ? t->settings.public_key : NULL;
	struct state s;
	struct why why;

	return state_holder(lock, ROLE_WATCHER) > 0 && state_read(iface, &s, &why) == ERR_OK &&
	       s.phase == PHASE_OPEN && strcmp(s.digest, t->digest) == 0 &&
	       session_check(iface, key, &why) == ERR_OK;
}

static enum err up_locked(int lock, const struct options *o, const struct tunnel *t, int64_t since,
			  struct why *why)
{
	const struct state starting = {.phase = PHASE_STARTING};
	const sigset_t ends = end_signals();
	struct owner owner;
	struct why ignored;
	int leash = -1;
	enum err e;

	if (if_nametoindex(o->iface) == 0)
		return why_set(why, ERR_NOT_FOUND, "there is no interface %s: wg-quick up %s",
			       o->iface, o->iface);
	if (is_up(lock, o->iface, t)) {
		wg_say("%s has its keys already", o->iface);
		return ERR_OK;
	}
	e = owner_find(&owner, &t->settings, o, why);
	if (e == ERR_OK)
		e = stop_watcher(lock, o->iface, why);
	if (e == ERR_OK)
		e = state_write(o->iface, &starting, why);
	if (e != ERR_OK)
		return e;
	tunnel_say_confirmations(&t->settings, t->peers, t->conf.count);
	/* From here on there is something to take back. */
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	e = start_watcher(o, t, &owner, &leash, why);
	if (e == ERR_OK)
		e = wait_for_watcher(lock, o->iface, since, &ends, why);
	if (e == ERR_TIMEOUT && t->settings.on_missing == MISSING_WAIT) {
		wg_say("%s has no keys yet: %s; they are put in once somebody does", o->iface,
		       why->text);
		e = ERR_OK;
	}
	if (e != ERR_OK) {
		(void)!stop_watcher(lock, o->iface, &ignored);
		/* Not closed: of an interface without its peers wg-quick leaves policy rules. */
		if (session_wipe(o->iface, &ignored) != ERR_OK && if_nametoindex(o->iface) != 0)
			(void)why_set(why, e, "%s; and %s", why->text, ignored.text);
	}
	if (leash >= 0) {
		(void)!write(leash, "", 1);
		close(leash);
	}
	return e;
}

/* The unit that wg-quick runs in may have a default of its own (dist/wg-quick.conf): a boot with
 * nobody there is no failure. */
static void set_on_missing(struct settings *s)
{
	const char *word = getenv("LANYARD_WG_ON_MISSING");

	if (s->on_missing == MISSING_UNSET)
		s->on_missing = word && strcmp(word, "wait") == 0 ? MISSING_WAIT : MISSING_FAIL;
}

int cmd_up(const struct options *o)
{
	const int64_t since = now_ms();
	struct tunnel t = {0};
	struct why why = {0};
	int lock = -1;
	enum err e = wg_need_root(o, "give an interface its keys", &why);

	log_open("lanyard-wg", LOG_LEVEL_WARN, false);
	/* The watcher's guard may be gone already when it is told that all went well. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (e == ERR_OK)
		e = tunnel_load(&t, o, &why);
	set_on_missing(&t.settings);
	if (e == ERR_OK)
		e = state_open(&lock, o->iface, &why);
	if (e == ERR_OK)
		e = state_lock(lock, ROLE_COMMAND, COMMAND_MS, &why);
	if (e == ERR_OK)
		e = up_locked(lock, o, &t, since, &why);
	tunnel_free(&t);
	if (lock >= 0)
		close(lock);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}

/* What else has this name stays as it is: closing what is no WireGuard's ends with its link. */
static enum err need_ours(const char *iface, struct why *why)
{
	struct wg_device now = {0};
	char settings[PATH_MAX];
	struct state s;
	struct why ignored;
	enum err e;

	settings_path(settings, iface);
	if (start_is_unit() || access(settings, F_OK) == 0 ||
	    state_read(iface, &s, &ignored) == ERR_OK)
		return ERR_OK;
	e = wg_get(&now, iface, &ignored);
	wg_device_free(&now);
	if (e != ERR_NOT_FOUND)
		return ERR_OK;
	return why_set(why, ERR_INVALID,
		       "%s has no settings (%s) and is no WireGuard interface: nothing is done; "
		       "`wg show interfaces` lists those that are",
		       iface, settings);
}

int cmd_down(const struct options *o)
{
	struct why why = {0};
	int lock = -1;
	enum err e = wg_need_root(o, "take an interface's keys out", &why);

	log_open("lanyard-wg", LOG_LEVEL_WARN, false);
	if (e == ERR_OK)
		e = need_ours(o->iface, &why);
	if (e == ERR_OK)
		e = state_open(&lock, o->iface, &why);
	if (e == ERR_OK)
		e = state_lock(lock, ROLE_COMMAND, COMMAND_MS, &why);
	if (e == ERR_OK)
		e = stop_watcher(lock, o->iface, &why);
	if (e == ERR_OK)
		e = session_wipe(o->iface, &why);
	/* Nothing is as keyless as no interface. */
	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	if (e == ERR_OK)
		state_remove(o->iface);
	if (lock >= 0)
		close(lock);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}

/* Also what the unit runs when its watcher has ended, while `down` may be waiting for that: so
 * without the command's lock. */
int cmd_close(const struct options *o)
{
	struct why why = {0}, ignored;
	struct state s;
	int lock = -1;
	enum err e = wg_need_root(o, "close an interface", &why);

	log_open("lanyard-wg", LOG_LEVEL_WARN, false);
	if (e == ERR_OK)
		e = need_ours(o->iface, &why);
	if (e == ERR_OK)
		e = state_open(&lock, o->iface, &why);
	if (e == ERR_OK && !start_is_unit())
		e = stop_watcher(lock, o->iface, &why);
	if (e == ERR_OK)
		e = session_close(o->iface, &why);
	if (e == ERR_OK && state_read(o->iface, &s, &ignored) == ERR_OK &&
	    s.phase != PHASE_FAILED && s.phase != PHASE_CLOSED) {
		s.phase = PHASE_CLOSED;
		s.since = time(NULL);
		why_set(&s.why, ERR_OK, "`lanyard-wg close` was run; `lanyard-wg up %s` opens it",
			o->iface);
		e = state_write(o->iface, &s, &why);
	}
	if (lock >= 0)
		close(lock);
	return e == ERR_OK || e == ERR_NOT_FOUND ? 0 : wg_error(e, &why);
}

static void print_time(const char *what, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (seconds == 0 || !localtime_r(&when, &tm))
		return;
	strftime(text, sizeof(text), "%F %T %z", &tm);
	printf("  %s: %s\n", what, text);
}

/* Whoever kills both halves of a watcher leaves what was there; others change it, wg(8) too. */
static void print_phase(const struct state *s, const char *iface, pid_t watcher, bool keyed)
{
	bool alone = watcher == 0 && s->phase != PHASE_FAILED && s->phase != PHASE_CLOSED;

	if (alone)
		printf("  state: %s, the watcher was ended\n",
		       keyed ? "open and UNWATCHED" : "closed");
	else if (s->phase == PHASE_OPEN && !keyed)
		printf("  state: closed, something else took the keys out; `lanyard-wg up %s` puts "
		       "them in\n",
		       iface);
	else
		printf("  state: %s%s%s\n", phase_name(s->phase), s->why.text[0] ? ", " : "",
		       s->why.text);
}

static void print_state(const char *iface, const struct state *s, pid_t watcher)
{
	struct wg_device d;
	struct why why;
	enum err e = wg_get(&d, iface, &why);
	bool keyed = e == ERR_OK && !wg_key_is_zero(d.public_key);

	printf("interface: %s\n", iface);
	print_phase(s, iface, watcher, keyed);
	print_time("since", s->since);
	if (watcher > 0)
		printf("  watcher: process %d\n", (int)watcher);
	else
		printf("  watcher: none; `lanyard-wg up %s` starts one\n", iface);
	if (s->socket[0])
		printf("  agent: %s\n", s->socket);
	if (s->serial[0])
		printf("  device: %s, serial %s, custody %s\n",
		       s->device[0] ? s->device : "not connected", s->serial, s->custody);
	if (s->rotate > 0)
		printf("  preshared keys: change every %u s\n", s->rotate);
	print_time("next change", s->next);
	if (s->notice.text[0])
		printf("  notice: %s\n", s->notice.text);
	if (e != ERR_OK) {
		printf("  keys: %s\n", why.text);
		return;
	}
	printf("  keys: %s\n", keyed ? "in the interface (custody kernel: root can read them)"
				     : "none in the interface");
	printf("  peers: %zu\n", d.count);
	wg_device_free(&d);
}

int cmd_show(const struct options *o)
{
	struct why why = {0};
	struct state s = {0};
	int lock = -1;
	enum err e = wg_need_root(o, "see what is installed", &why);

	if (e == ERR_OK)
		e = state_open(&lock, o->iface, &why);
	if (e == ERR_OK)
		e = state_read(o->iface, &s, &why);
	if (e == ERR_NOT_FOUND)
		why_set(&why, e, "%s is not up, or was not brought up by lanyard-wg", o->iface);
	if (e == ERR_OK)
		print_state(o->iface, &s, state_holder(lock, ROLE_WATCHER));
	if (lock >= 0)
		close(lock);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}
