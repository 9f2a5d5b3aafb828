/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/control.h"

#include "tests/emulators/trezor/commands.h"
#include "tests/emulators/trezor/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 512 };

struct client {
	int fd;
	char line[LINE_MAX_LEN];
	size_t len;
	enum waiting waiting;
	char state[24];
	int64_t until; /* of WAIT_STATE */
};

struct control {
	int fd;
	char *path;
	struct client clients[CONTROL_CLIENTS];
};

static bool address(const char *path, struct sockaddr_un *to)
{
	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(to->sun_path)) {
		fprintf(stderr, "trezor: the control path is longer than %zu bytes\n",
			sizeof(to->sun_path) - 1);
		return false;
	}
	strcpy(to->sun_path, path);
	return true;
}

struct control *control_open(const char *path)
{
	struct control *control = calloc(1, sizeof(*control));
	struct sockaddr_un to;

	if (!control)
		abort();
	control->fd = -1;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		control->clients[i].fd = -1;
	if (!path)
		return control;
	if (!address(path, &to))
		goto fail;
	unlink(path);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    listen(control->fd, CONTROL_CLIENTS) < 0) {
		perror("trezor: cannot listen on the control socket");
		goto fail;
	}
	control->path = strdup(path);
	return control;
fail:
	control_close(control);
	return NULL;
}

static void drop(struct client *client)
{
	close(client->fd);
	*client = (struct client){.fd = -1};
}

void control_close(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			drop(&control->clients[i]);
	if (control->fd >= 0)
		close(control->fd);
	if (control->path)
		unlink(control->path);
	free(control->path);
	free(control);
}

void control_fds(const struct control *control, struct pollfd fds[static CONTROL_FDS])
{
	fds[0] = (struct pollfd){control->fd, POLLIN, 0};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[1 + i] = (struct pollfd){control->clients[i].fd, POLLIN, 0};
}

void client_say(struct client *client, const char *format, ...)
{
	char text[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text) - 1)
		abort();
	text[n++] = '\n';
	/* One that does not read its answers loses them. */
	(void)!send(client->fd, text, (size_t)n, MSG_NOSIGNAL);
}

static void answer(struct client *client, const char *text)
{
	client->waiting = WAIT_NOTHING;
	client_say(client, "%s", text);
}

void client_wait(struct client *client, enum waiting waiting, const char *state, int ms)
{
	client->waiting = waiting;
	client->until = now_ms() + ms;
	snprintf(client->state, sizeof(client->state), "%s", state);
}

/* "button" is reached by "button 7" too. */
static bool state_is(const struct device *dev, const char *wanted)
{
	size_t len = strlen(wanted);

	return !strncmp(dev->state, wanted, len) &&
	       (dev->state[len] == '\0' || dev->state[len] == ' ');
}

void control_state(struct control *control, const struct device *dev)
{
	for (size_t i = 0; control && i < CONTROL_CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->waiting == WAIT_STATE && state_is(dev, client->state))
			answer(client, "ok");
	}
}

void control_plugged(struct control *control, bool ok)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i].waiting == WAIT_PLUGGED)
			answer(&control->clients[i], ok ? "ok" : "error cannot come back");
}

int control_deadline(const struct control *control, int ms)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		const struct client *client = &control->clients[i];
		int64_t left = client->until - now_ms();

		if (client->waiting == WAIT_QUIET)
			left = 0;
		else if (client->waiting != WAIT_STATE)
			continue;
		if (left < 0)
			left = 0;
		if (ms < 0 || left < ms)
			ms = (int)left;
	}
	return ms;
}

/* Reads what is there and runs at most one command: what it did must be seen by the code that
 * waits in device_pump before the next. */
static void serve(struct client *client, struct device *dev)
{
	char *end;
	ssize_t n = recv(client->fd, client->line + client->len,
			 sizeof(client->line) - 1 - client->len, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(client);
		return;
	}
	client->len += n > 0 ? (size_t)n : 0;
	client->line[client->len] = '\0';
	end = strchr(client->line, '\n');
	if (!end && client->len == sizeof(client->line) - 1) {
		drop(client);
		return;
	}
	if (!end || client->waiting != WAIT_NOTHING)
		return;
	*end = '\0';
	command_run(client, dev, client->line);
	if (client->fd < 0)
		return;
	client->len -= (size_t)(end + 1 - client->line);
	memmove(client->line, end + 1, client->len);
	if (client->waiting == WAIT_STATE && state_is(dev, client->state))
		answer(client, "ok");
}

void control_events(struct control *control, struct device *dev,
		    const struct pollfd fds[static CONTROL_FDS])
{
	int fd = fds[0].revents ? accept(control->fd, NULL, NULL) : -1;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->waiting == WAIT_QUIET && !device_readable(dev))
			answer(client, "ok");
		if (client->waiting == WAIT_STATE && now_ms() >= client->until)
			answer(client, "error that state was not reached in time");
		if (fds[1 + i].revents && client->fd == fds[1 + i].fd)
			serve(client, dev);
		if (client->fd < 0 && fd >= 0) {
			*client = (struct client){.fd = fd};
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
}

int control_tell(const char *path, const char *command)
{
	struct sockaddr_un to;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 2;
	char *line = NULL;
	size_t size = 0;
	FILE *stream = NULL;

	if (fd < 0 || !address(path, &to) || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("trezor: cannot reach the emulator");
		goto out;
	}
	stream = fdopen(fd, "r+");
	if (!stream)
		goto out;
	fd = -1;
	fprintf(stream, "%s\n", command);
	fflush(stream);
	while (status == 2 && getline(&line, &size, stream) > 0) {
		if (!strcmp(line, "ok\n"))
			status = 0;
		else if (!strncmp(line, "error ", 6))
			status = 1;
		if (status != 0)
			fputs(line, status == 1 ? stderr : stdout);
	}
out:
	free(line);
	if (stream)
		fclose(stream);
	if (fd >= 0)
		close(fd);
	return status;
}
