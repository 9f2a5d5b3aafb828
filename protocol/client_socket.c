/* SPDX-License-Identifier: MIT */
/* Where the agent's sockets are, and a connection to one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/client.h"
#include "protocol/dirs.h"

enum err client_socket_dir(char *out, size_t cap, const char *dir, struct why *why)
{
	const char *sock = getenv("LANYARD_SOCK"), *runtime = getenv("XDG_RUNTIME_DIR");
	char user[64];
	struct stat st;
	int n;

	snprintf(user, sizeof(user), "/run/user/%u", (unsigned)geteuid());
	if (dir) {
		if (*dir != '/')
			return why_set(why, ERR_INVALID,
				       "the socket directory %s must be an absolute path", dir);
		n = snprintf(out, cap, "%s", dir);
	} else if (sock && *sock) {
		if (*sock != '/')
			return why_set(why, ERR_INVALID,
				       "LANYARD_SOCK is %s; it must be the absolute path of "
				       "agent.sock",
				       sock);
		size_t len = (size_t)(strrchr(sock, '/') - sock);
		n = snprintf(out, cap, "%.*s", len ? (int)len : 1, sock);
	} else if (runtime && *runtime == '/') {
		n = snprintf(out, cap, "%s/lanyard", runtime);
	} else if (stat(user, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
		n = snprintf(out, cap, "%s/lanyard", user);
	} else {
		return dir_path(out, cap, DIR_STATE, "run", why);
	}
	if (n < 0 || (size_t)n >= cap)
		return why_set(why, ERR_TOO_LARGE,
			       "the path of the socket directory is %d bytes long; at most %zu are "
			       "allowed",
			       n, cap - 1);
	return ERR_OK;
}

static enum err check_path_length(int n, const char *path, struct why *why)
{
	if (n >= 0 && n <= SOCKET_PATH_MAX)
		return ERR_OK;
	return why_set(why, ERR_TOO_LARGE,
		       "the socket's path is %d bytes long, at most %d are allowed: choose a "
		       "shorter --socket-dir than that of %s",
		       n, SOCKET_PATH_MAX, path);
}

enum err client_socket_path(char out[static SOCKET_PATH_MAX + 1], const char *dir, const char *name,
			    struct why *why)
{
	const char *sock = getenv("LANYARD_SOCK");
	char path[4096];
	int n;

	enum err e = client_socket_dir(path, sizeof(path), dir, why);
	if (e != ERR_OK)
		return e;
	if (!dir && sock && *sock && strcmp(name, "agent.sock") == 0)
		n = snprintf(out, SOCKET_PATH_MAX + 1, "%s", sock);
	else
		n = snprintf(out, SOCKET_PATH_MAX + 1, "%s/%s", path, name);
	return check_path_length(n, path, why);
}

enum err client_connect(const char *path, int *fd, struct why *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum err e = check_path_length((int)strlen(path), path, why);

	*fd = -1;
	if (e != ERR_OK)
		return e;
	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return why_set(why, ERR_IO, "cannot make a socket: %m");
	while (connect(*fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
			e = why_set(why, ERR_NO_AGENT,
				    "no agent listens at %s: start one with lanyard-agent", path);
		else
			e = why_set(why,
				    errno == EACCES || errno == EPERM ? ERR_PERMISSION : ERR_IO,
				    "cannot connect to %s: %m", path);
		close(*fd);
		*fd = -1;
		return e;
	}
	return ERR_OK;
}
