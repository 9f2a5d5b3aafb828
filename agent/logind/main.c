/* SPDX-License-Identifier: MIT */
/*
 * lanyard-logind: tells lanyard-agent what logind says (org.freedesktop.login1(5)): the machine is
 * about to sleep, and waits for LOGIND_WIPED with that; a session of this user was locked. It has
 * no secret, and ends when the agent does or the bus is gone. Run by the agent alone, with its
 * socket (agent/logind_wire.h) as standard input.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "agent/logind_wire.h"

#define BUS     "org.freedesktop.DBus"
#define NAME    "org.freedesktop.login1"
#define PATH    "/org/freedesktop/login1"
#define MANAGER NAME ".Manager"
#define SESSION NAME ".Session"

enum { CALL_US = 5 * 1000 * 1000, WIPE_US = 5 * 1000 * 1000, NAME_LEN_MAX = 255 };

struct watch {
	sd_event *event;
	sd_bus *bus;
	bool on_sleep, on_session;
	char logind[NAME_LEN_MAX + 1]; /* its unique name, or "" */
	int inhibitor;                 /* while it is open the machine does not sleep; -1 */
	uint32_t sleep;                /* the last one's id */
	bool sleeping;
	sd_event_source *wipe; /* ends the wait for LOGIND_WIPED */
};

static void tell(const struct watch *w, enum logind_what what, const char *text)
{
	struct logind_message m = {.what = what, .id = w->sleep};

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (send(STDIN_FILENO, &m, sizeof(m), MSG_NOSIGNAL) != (ssize_t)sizeof(m))
		sd_event_exit(w->event, 1);
}

static void tell_error(const struct watch *w, const char *what, const sd_bus_error *error, int r)
{
	char text[LOGIND_TEXT_MAX];

	snprintf(text, sizeof(text), "%s: %.100s", what,
		 error != NULL && error->message != NULL ? error->message : strerror(-r));
	tell(w, LOGIND_ABSENT, text);
}

/* ---- sleep ---- */

static void release(struct watch *w)
{
	w->wipe = sd_event_source_unref(w->wipe);
	if (w->inhibitor >= 0)
		close(w->inhibitor);
	w->inhibitor = -1;
}

static int wiped_too_late(sd_event_source *source, uint64_t now, void *arg)
{
	struct watch *w = arg;

	(void)source;
	(void)now;
	fprintf(stderr, "lanyard-logind: the agent has not wiped its secrets within 5 s\n");
	release(w);
	return 0;
}

static int inhibit(struct watch *w)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int fd = -1, r;

	r = sd_bus_call_method(w->bus, NAME, PATH, MANAGER, "Inhibit", &error, &reply, "ssss",
			       "sleep", "lanyard", "Wiping secrets from memory", "delay");
	if (r >= 0)
		r = sd_bus_message_read(reply, "h", &fd);
	/* The message's own is closed with it. */
	if (r >= 0 && (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		r = -errno;
	if (r >= 0) {
		release(w);
		w->inhibitor = fd;
	} else {
		tell_error(w, "the machine does not wait for us before it sleeps", &error, r);
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return r;
}

/* Anybody may send a signal to us alone, whatever we have asked the bus for. */
static bool is_from_logind(const struct watch *w, sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	return sender != NULL && strcmp(sender, w->logind) == 0;
}

static int prepare_for_sleep(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct watch *w = arg;
	int begins, r = sd_bus_message_read(m, "b", &begins);

	(void)error;
	if (r < 0 || !is_from_logind(w, m))
		return 0;
	w->sleeping = begins != 0;
	if (begins) {
		if (++w->sleep == 0)
			w->sleep = 1;
		tell(w, LOGIND_SLEEP, "");
		w->wipe = sd_event_source_unref(w->wipe);
		r = sd_event_add_time_relative(w->event, &w->wipe, CLOCK_MONOTONIC, WIPE_US, 0,
					       wiped_too_late, w);
		if (r < 0)
			sd_event_exit(w->event, 1);
	} else {
		w->wipe = sd_event_source_unref(w->wipe);
		if (w->inhibitor < 0 && inhibit(w) >= 0)
			tell(w, LOGIND_WATCHING, "");
	}
	return 0;
}

/* ---- sessions ---- */

/* One that cannot be asked any more is taken for ours. */
static bool is_our_session(const struct watch *w, const char *path)
{
	sd_bus_message *reply = NULL;
	uint32_t uid = getuid();

	if (sd_bus_get_property(w->bus, NAME, path, SESSION, "User", NULL, &reply, "(uo)") >= 0 &&
	    sd_bus_message_read(reply, "(uo)", &uid, NULL) < 0)
		uid = getuid();
	sd_bus_message_unref(reply);
	return uid == getuid();
}

static int session_lock(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct watch *w = arg;

	(void)error;
	if (is_from_logind(w, m) && is_our_session(w, sd_bus_message_get_path(m)))
		tell(w, LOGIND_SESSION, "");
	return 0;
}

/* Whether LockedHint is among the changed properties, and true: so desktops say that they have
 * locked the screen by themselves. */
static bool says_locked(sd_bus_message *m)
{
	const char *name;
	int locked = 0;

	if (sd_bus_message_skip(m, "s") < 0 ||
	    sd_bus_message_enter_container(m, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
		return false;
	while (sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
		if (sd_bus_message_read(m, "s", &name) < 0)
			return false;
		if (strcmp(name, "LockedHint") == 0)
			return sd_bus_message_read(m, "v", "b", &locked) >= 0 && locked;
		if (sd_bus_message_skip(m, "v") < 0 || sd_bus_message_exit_container(m) < 0)
			return false;
	}
	return false;
}

static int session_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	if (!says_locked(m))
		return 0;
	return session_lock(m, arg, error);
}

/* ---- logind ---- */

static void logind_is(struct watch *w, const char *name)
{
	snprintf(w->logind, sizeof(w->logind), "%s", name);
	/* Another one knows nothing of what the last one was doing. */
	w->sleeping = false;
	if (name[0] == '\0')
		tell(w, LOGIND_ABSENT, "there is no logind on the system bus");
	else if (!w->on_sleep || inhibit(w) >= 0)
		tell(w, LOGIND_WATCHING, "");
}

static int owner_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name, *sender = sd_bus_message_get_sender(m);

	(void)error;
	if (sender != NULL && strcmp(sender, BUS) == 0 &&
	    sd_bus_message_read(m, "sss", NULL, NULL, &name) >= 0)
		logind_is(arg, name);
	return 0;
}

static int watch_signals(struct watch *w)
{
	static const struct {
		const char *rule;
		sd_bus_message_handler_t handler;
		bool session;
	} matches[] = {
		{"type='signal',sender='" BUS "',path='/org/freedesktop/DBus',interface='" BUS
		 "',member='NameOwnerChanged',arg0='" NAME "'",
		 owner_changed, false},
		{"type='signal',sender='" NAME "',path='" PATH "',interface='" MANAGER
		 "',member='PrepareForSleep'",
		 prepare_for_sleep, false},
		{"type='signal',sender='" NAME "',path_namespace='" PATH
		 "/session',interface='" SESSION "',member='Lock'",
		 session_lock, true},
		{"type='signal',sender='" NAME "',path_namespace='" PATH "/session',interface='" BUS
		 ".Properties',member='PropertiesChanged',arg0='" SESSION "'",
		 session_changed, true},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(matches) / sizeof(matches[0]); i++)
		if (matches[i].session ? w->on_session : i == 0 || w->on_sleep)
			r = sd_bus_add_match(w->bus, NULL, matches[i].rule, matches[i].handler, w);
	return r;
}

static int watch_begin(struct watch *w)
{
	sd_bus_message *reply = NULL;
	const char *name;
	int r = sd_bus_open_system(&w->bus);

	if (r >= 0)
		r = sd_bus_set_method_call_timeout(w->bus, CALL_US);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(w->bus, true);
	if (r >= 0)
		r = watch_signals(w);
	if (r >= 0)
		r = sd_bus_attach_event(w->bus, w->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0) {
		tell_error(w, "no system bus", NULL, r);
		return r;
	}
	if (sd_bus_call_method(w->bus, BUS, "/org/freedesktop/DBus", BUS, "GetNameOwner", NULL,
			       &reply, "s", NAME) < 0 ||
	    sd_bus_message_read(reply, "s", &name) < 0)
		name = "";
	logind_is(w, name);
	sd_bus_message_unref(reply);
	return 0;
}

/* ---- the agent ---- */

static int agent_readable(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct watch *w = arg;
	struct logind_message m;
	ssize_t n = recv(fd, &m, sizeof(m), MSG_DONTWAIT);

	(void)source;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(m))
		return sd_event_exit(w->event, 0);
	if (m.what == LOGIND_WIPED && w->sleeping && m.id == w->sleep)
		release(w);
	return 0;
}

int main(int argc, char **argv)
{
	struct watch w = {.inhibitor = -1};
	int type = 0, r;
	socklen_t length = sizeof(type);

	for (int i = 1; i < argc; i++) {
		w.on_sleep |= strcmp(argv[i], LOGIND_WORD_SLEEP) == 0;
		w.on_session |= strcmp(argv[i], LOGIND_WORD_SESSION) == 0;
	}
	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr, "lanyard-logind: it is lanyard-agent that runs this program\n");
		return 2;
	}
	r = sd_event_new(&w.event);
	if (r >= 0)
		r = sd_event_add_io(w.event, NULL, STDIN_FILENO, EPOLLIN, agent_readable, &w);
	if (r >= 0)
		r = watch_begin(&w);
	if (r >= 0)
		r = sd_event_loop(w.event);
	release(&w);
	sd_bus_flush_close_unref(w.bus);
	sd_event_unref(w.event);
	return r < 0;
}
