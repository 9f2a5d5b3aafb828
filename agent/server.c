/* SPDX-License-Identifier: MIT */
#include "agent/server.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/conn.h"
#include "protocol/log.h"

struct listener {
	uv_poll_t poll;
	uv_timer_t pause; /* runs while accept() is short of descriptors */
	struct server *server;
	const struct frontend *frontend;
	int fd;
	char path[SOCKET_PATH_MAX + 1];
};

struct server {
	struct conns conns;
	bool closing;
	void (*closed)(void *arg);
	void *arg;
	unsigned handles; /* open uv handles of listeners */
	size_t listener_count;
	struct listener listeners[];
};

static void server_free_if_done(struct server *s)
{
	if (!s->closing || s->conns.count > 0 || s->handles > 0)
		return;
	secret_free(&s->conns.buffer);
	s->closed(s->arg);
	free(s);
}

static void server_conn_freed(struct conns *all)
{
	server_free_if_done((struct server *)((char *)all - offsetof(struct server, conns)));
}

/* Our own user, and root as far as the config lets it. */
static bool listener_admits(const struct listener *l, int fd, struct ucred *peer)
{
	socklen_t size = sizeof(*peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) != 0 ||
	    (peer->uid != geteuid() && peer->uid != 0)) {
		log_warn("%s: uid %u is neither ours nor root: refused", l->frontend->name,
			 (unsigned)peer->uid);
		return false;
	}
	if (peer->uid == geteuid() ||
	    l->server->conns.agent->config->allow_root >= l->frontend->root)
		return true;
	log_warn("%s: root (process %d) is refused: `allow-root = all` would let it in",
		 l->frontend->name, (int)peer->pid);
	return false;
}

static void listener_accepted(struct listener *l, int fd)
{
	struct ucred peer = {0};

	if (!listener_admits(l, fd, &peer)) {
		close(fd);
	} else if (l->server->conns.count >= SERVER_CLIENTS_MAX) {
		log_warn("%s: %d clients are connected already: refused", l->frontend->name,
			 SERVER_CLIENTS_MAX);
		close(fd);
	} else if (conn_new(&l->server->conns, l->frontend, fd, &peer) != ERR_OK) {
		log_error("%s: out of memory: client refused", l->frontend->name);
		close(fd);
	}
}

static void listener_ready(uv_poll_t *poll, int status, int events);

static void listener_unpause(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, listener_ready);
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int fd;

	(void)status;
	(void)events;
	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		listener_accepted(l, fd);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warn("%s: accept: %s", l->frontend->name, strerror(errno));
		uv_poll_stop(&l->poll);
		uv_timer_start(&l->pause, listener_unpause, 100, 0);
	}
}

static enum err listener_bind(struct listener *l, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int failed;

	memcpy(address.sun_path, l->path, strlen(l->path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return why_set(why, ERR_IO, "socket: %s", strerror(errno));
	if (unlink(l->path) != 0 && errno != ENOENT)
		return why_set(why, ERR_IO, "%s: cannot replace it: %s", l->path, strerror(errno));
	mask = umask(0177);
	failed = bind(l->fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (failed != 0 || listen(l->fd, 128) != 0)
		return why_set(why, ERR_IO, "%s: %s", l->path, strerror(errno));
	return ERR_OK;
}

static void listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	l->server->handles--;
	server_free_if_done(l->server);
}

static void listener_close(struct listener *l)
{
	unlink(l->path);
	uv_close((uv_handle_t *)&l->poll, listener_closed);
	uv_close((uv_handle_t *)&l->pause, listener_closed);
	close(l->fd);
}

static enum err listener_open(struct listener *l, struct server *s, const char *dir,
			      const struct frontend *frontend, struct why *why)
{
	enum err e;

	l->server = s;
	l->frontend = frontend;
	e = client_socket_path(l->path, dir, frontend->socket, why);
	if (e == ERR_OK)
		e = listener_bind(l, why);
	if (e != ERR_OK) {
		if (l->fd >= 0)
			close(l->fd);
		return e;
	}
	if (uv_poll_init(s->conns.agent->loop, &l->poll, l->fd) != 0) {
		unlink(l->path);
		close(l->fd);
		return why_set(why, ERR_INTERNAL, "%s: cannot be polled", l->path);
	}
	uv_timer_init(s->conns.agent->loop, &l->pause);
	l->poll.data = l->pause.data = l;
	s->handles += 2;
	uv_poll_start(&l->poll, UV_READABLE, listener_ready);
	return ERR_OK;
}

static void server_forget(void *arg)
{
	(void)arg;
}

enum err server_new(struct server **out, struct agent *agent, const char *dir,
		    const struct frontend *const *frontends, struct why *why)
{
	struct server *s;
	size_t count = 0;
	enum err e;

	while (frontends[count] != NULL)
		count++;
	s = calloc(1, sizeof(*s) + count * sizeof(s->listeners[0]));
	if (s == NULL)
		return why_set(why, ERR_NO_MEMORY, "out of memory");
	e = conns_init(&s->conns, agent, server_conn_freed);
	if (e != ERR_OK) {
		free(s);
		return why_set(why, e, "no memory for the receive buffer");
	}
	for (size_t i = 0; i < count; i++) {
		s->listeners[i].fd = -1;
		e = listener_open(&s->listeners[i], s, dir, frontends[i], why);
		if (e != ERR_OK) {
			server_close(s, server_forget, NULL);
			return e;
		}
		s->listener_count++;
	}
	*out = s;
	return ERR_OK;
}

void server_close(struct server *s, void (*closed)(void *arg), void *arg)
{
	s->closing = true;
	s->closed = closed;
	s->arg = arg;
	for (size_t i = 0; i < s->listener_count; i++)
		listener_close(&s->listeners[i]);
	conns_drop(&s->conns);
	server_free_if_done(s);
}
