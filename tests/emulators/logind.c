/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for logind on the bus of DBUS_SYSTEM_BUS_ADDRESS: logind [HOOK]. Commands come on
 * standard input, one a line:
 *
 *   lock ours|other          Lock of a session of this user, or of another one's
 *   hint ours|other          its LockedHint has become true
 *   active ours              its Active has
 *   sleep, wake              PrepareForSleep
 *   ping                     asks who holds an inhibitor whether it has read all that came before
 *
 * What happens is a line on standard output: "ready"; "inhibit WHAT WHO MODE CALLER"; "released",
 * once the inhibitor's descriptor is closed and HOOK, a shell command, has run; "pong".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define NAME  "org.freedesktop.login1"
#define ROOT  "/org/freedesktop/login1"
#define OURS  ROOT "/session/_31"
#define OTHER ROOT "/session/_32"

struct logind {
	sd_event *event;
	sd_bus *bus;
	const char *hook;
	char holder[256];
};

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "logind: %s: %s\n", what, strerror(-r));
	exit(1);
}

static int released(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct logind *l = arg;

	(void)events;
	if (l->hook != NULL && system(l->hook) != 0)
		puts("hook failed");
	puts("released");
	sd_event_source_unref(source);
	close(fd);
	return 0;
}

static int inhibit(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const char *what, *who, *why, *mode;
	int ends[2], r;

	(void)error;
	check(sd_bus_message_read(m, "ssss", &what, &who, &why, &mode), "Inhibit");
	check(pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno, "pipe");
	check(sd_event_add_io(l->event, &(sd_event_source *){NULL}, ends[0], 0, released, l),
	      "inhibitor");
	snprintf(l->holder, sizeof(l->holder), "%s", sd_bus_message_get_sender(m));
	printf("inhibit %s %s %s %s\n", what, who, mode, l->holder);
	r = sd_bus_reply_method_return(m, "h", ends[1]);
	close(ends[1]);
	return r;
}

static int session_user(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *arg, sd_bus_error *error)
{
	uint32_t uid = getuid() + (strcmp(path, OTHER) == 0);

	(void)bus;
	(void)interface;
	(void)property;
	(void)arg;
	(void)error;
	return sd_bus_message_append(reply, "(uo)", uid, ROOT "/user/_30");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable session[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("User", "(uo)", session_user, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

static int pong(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)arg;
	(void)error;
	puts(sd_bus_message_is_method_error(m, NULL) ? "no pong" : "pong");
	return 0;
}

static int changed(const struct logind *l, const char *path, const char *property)
{
	return sd_bus_emit_signal(l->bus, path, "org.freedesktop.DBus.Properties",
				  "PropertiesChanged", "sa{sv}as", NAME ".Session", 2, "IdleHint",
				  "b", 0, property, "b", 1, 0);
}

static int command(struct logind *l, const char *line)
{
	char verb[16] = "", whose[16] = "";
	const char *path;

	sscanf(line, "%15s %15s", verb, whose);
	path = strcmp(whose, "other") == 0 ? OTHER : OURS;
	if (strcmp(verb, "lock") == 0)
		return sd_bus_emit_signal(l->bus, path, NAME ".Session", "Lock", "");
	if (strcmp(verb, "hint") == 0)
		return changed(l, path, "LockedHint");
	if (strcmp(verb, "active") == 0)
		return changed(l, path, "Active");
	if (strcmp(verb, "sleep") == 0 || strcmp(verb, "wake") == 0)
		return sd_bus_emit_signal(l->bus, ROOT, NAME ".Manager", "PrepareForSleep", "b",
					  strcmp(verb, "sleep") == 0);
	if (strcmp(verb, "ping") == 0)
		return sd_bus_call_method_async(l->bus, NULL, l->holder, "/",
						"org.freedesktop.DBus.Peer", "Ping", pong, NULL,
						"");
	return -EINVAL;
}

static int commands(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	char text[256], *line, *rest = text;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	(void)source;
	(void)events;
	if (n <= 0)
		return sd_event_exit(((struct logind *)arg)->event, 0);
	text[n] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL)
		check(command(arg, line), line);
	return 0;
}

int main(int argc, char **argv)
{
	struct logind l = {.hook = argc > 1 ? argv[1] : NULL};

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(sd_event_new(&l.event), "event loop");
	check(sd_bus_open_system(&l.bus), "bus");
	check(sd_bus_add_object_vtable(l.bus, NULL, ROOT, NAME ".Manager", manager, &l), "manager");
	check(sd_bus_add_object_vtable(l.bus, NULL, OURS, NAME ".Session", session, &l), "ours");
	check(sd_bus_add_object_vtable(l.bus, NULL, OTHER, NAME ".Session", session, &l), "other");
	check(sd_event_add_io(l.event, NULL, STDIN_FILENO, EPOLLIN, commands, &l), "commands");
	check(sd_bus_attach_event(l.bus, l.event, SD_EVENT_PRIORITY_NORMAL), "bus");
	check(sd_bus_request_name(l.bus, NAME, 0), NAME);
	puts("ready");
	check(sd_event_loop(l.event), "loop");
	sd_bus_flush_close_unref(l.bus);
	sd_event_unref(l.event);
	return 0;
}
