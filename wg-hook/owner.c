/* SPDX-License-Identifier: MIT */
#include "wg-hook/owner.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/text.h"

enum { ENTRY_MAX = 4096 };

static enum err set_path(struct owner *w, struct why *why, const char *dir, const char *name)
{
	int n = snprintf(w->path, sizeof(w->path), "%s%s%s", dir, *name != '\0' ? "/" : "", name);

	return n > 0 && (size_t)n < sizeof(w->path)
		       ? ERR_OK
		       : why_set(why, ERR_TOO_LARGE,
				 "the path of agent.sock in %s is %d bytes long; at most %d are "
				 "allowed: choose a shorter --socket-dir",
				 dir, n, SOCKET_PATH_MAX);
}

/* Where the agent of another user is when nobody says: what client_socket_dir() finds for that
 * one, but without an environment. */
static enum err find_agent_of(struct owner *w, const struct passwd *user, struct why *why)
{
	char dir[ENTRY_MAX];
	struct stat st;

	w->uid = user->pw_uid;
	w->is_default = true;
	snprintf(dir, sizeof(dir), "/run/user/%u", (unsigned)user->pw_uid);
	if (user->pw_uid == 0)
		return set_path(w, why, "/run/lanyard", "agent.sock");
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == user->pw_uid)
		return set_path(w, why, dir, "lanyard/agent.sock");
	return set_path(w, why, user->pw_dir, ".local/state/lanyard/run/agent.sock");
}

static enum err find_user(struct passwd *user, char room[static ENTRY_MAX], const char *name,
			  struct why *why)
{
	struct passwd *found = NULL;

	if (getpwnam_r(name, user, room, ENTRY_MAX, &found) != 0 || found == NULL)
		return why_set(why, ERR_NOT_FOUND, "agent-user: there is no user %s", name);
	return ERR_OK;
}

static enum err from_settings(struct owner *w, const struct settings *s, struct why *why)
{
	struct passwd user = {0};
	char room[ENTRY_MAX];
	enum err e = ERR_OK;

	w->because = "the settings say so";
	if (s->agent_user[0] != '\0')
		e = find_user(&user, room, s->agent_user, why);
	if (e == ERR_OK && s->socket[0] != '\0') {
		w->uid = user.pw_uid; /* root's without agent-user */
		return set_path(w, why, s->socket, "");
	}
	return e == ERR_OK ? find_agent_of(w, &user, why) : e;
}

/* Who called sudo, if somebody did, at this terminal. */
static bool sudo_user(struct passwd *user, char room[static ENTRY_MAX])
{
	const char *text = getenv("SUDO_UID");
	struct passwd *found = NULL;
	uint32_t uid;

	return isatty(STDERR_FILENO) && text != NULL &&
	       text_to_u32(text, 1, UINT32_MAX - 1, &uid) &&
	       getpwuid_r(uid, user, room, ENTRY_MAX, &found) == 0 && found != NULL;
}

static enum err find_as_root(struct owner *w, const struct settings *s, const struct options *o,
			     struct why *why)
{
	char room[ENTRY_MAX];
	struct passwd user;
	bool sudo;
	enum err e;

	if (s != NULL && (s->agent_user[0] != '\0' || s->socket[0] != '\0'))
		return from_settings(w, s, why);
	sudo = sudo_user(&user, room);
	if (sudo)
		w->uid = user.pw_uid;
	if (o->socket_dir != NULL) {
		w->because = "--socket-dir says so";
		return set_path(w, why, o->socket_dir, "agent.sock");
	}
	if (!sudo) {
		w->because = "nothing says otherwise";
		return set_path(w, why, "/run/lanyard", "agent.sock");
	}
	w->because = "that user has called sudo";
	e = find_agent_of(w, &user, why);
	if (e == ERR_OK)
		wg_say("asking the agent of %s, at %s: %s", user.pw_name, w->path, w->because);
	return e;
}

enum err owner_find(struct owner *w, const struct settings *s, const struct options *o,
		    struct why *why)
{
	*w = (struct owner){.uid = geteuid(), .because = ""};
	if (o->socket_dir != NULL && o->socket_dir[0] != '/')
		return why_set(why, ERR_INVALID, "--socket-dir: an absolute path");
	if (geteuid() == 0)
		return find_as_root(w, s, o, why);
	w->because = "it is yours";
	return client_socket_path(w->path, o->socket_dir, "agent.sock", why);
}

void owner_again(struct owner *w)
{
	struct passwd user, *found = NULL;
	char room[ENTRY_MAX];
	struct owner now = *w;
	struct why why;

	if (w->is_default && getpwuid_r(w->uid, &user, room, sizeof(room), &found) == 0 &&
	    found != NULL && find_agent_of(&now, found, &why) == ERR_OK)
		*w = now;
}

enum err owner_connect(const struct owner *w, struct client **out, struct why *why)
{
	struct why inner = {0};
	enum err e = client_open_of(out, w->path, w->uid, &inner);

	if (e == ERR_OK)
		return ERR_OK;
	if (e == ERR_PERMISSION && geteuid() == 0)
		return why_set(why, e,
			       "%s (asked there because %s): for that user's agent use sudo in "
			       "that user's terminal, or agent-user in the settings",
			       why_text(&inner, e), w->because);
	return why_set(why, e, "%s (asked there because %s)", why_text(&inner, e), w->because);
}
