/* SPDX-License-Identifier: MIT */
#include "devices/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/text.h"

#define RULES "70-lanyard.rules"
#define GROUP "lanyard"

enum { NAME_LEN = 64, HOLDERS_LEN = 160, NSS_LEN = 4096 };

/* ---- who may ---- */

enum err node_explain(const struct node_denied *d, struct why *why)
{
	const char *next;

	if (!d->rule)
		next = "the udev rule is missing: install " RULES
		       " (`make install` does), then type `sudo systemd-sysusers; sudo udevadm "
		       "control --reload; sudo udevadm trigger`";
	else if (!d->has_group)
		next = "the rule's group is missing: type `sudo systemd-sysusers; sudo udevadm "
		       "control --reload; sudo udevadm trigger`";
	else if (!d->grouped)
		next = RULES " has not been applied to it: type `sudo udevadm control --reload; "
			     "sudo udevadm trigger`, or plug it in again";
	else if (!d->member)
		next = "who is logged in at this machine may use it, and members of its group: "
		       "type `sudo usermod -aG " GROUP " ";
	else
		next = "you are in its group since after this session began: log in again";
	bool add = d->rule && d->has_group && d->grouped && !d->member;
	return why_set(why, ERR_PERMISSION,
		       "no access to %s (owner %s:%s, mode %04o) for %s: %s%s%s", d->path, d->owner,
		       d->group, (unsigned)d->st.st_mode & 07777, d->user, next, add ? d->user : "",
		       add ? "` and log in again" : "");
}

static bool rule_installed(void)
{
	static const char *const dirs[] = {"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"};
	char path[80];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/udev/rules.d/" RULES, dirs[i]);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

static void user_name(char out[static NAME_LEN], uid_t uid)
{
	char room[NSS_LEN];
	struct passwd pw, *found = NULL;

	if (!getpwuid_r(uid, &pw, room, sizeof(room), &found) && found)
		snprintf(out, NAME_LEN, "%s", pw.pw_name);
	else
		snprintf(out, NAME_LEN, "%u", (unsigned)uid);
}

static void group_name(char out[static NAME_LEN], gid_t gid)
{
	char room[NSS_LEN];
	struct group gr, *found = NULL;

	if (!getgrgid_r(gid, &gr, room, sizeof(room), &found) && found)
		snprintf(out, NAME_LEN, "%s", gr.gr_name);
	else
		snprintf(out, NAME_LEN, "%u", (unsigned)gid);
}

/* By the user database, not by what this process has: it may have begun before. */
static bool in_group(const struct group *gr, const char *user)
{
	for (char **member = gr->gr_mem; *member; member++)
		if (!strcmp(*member, user))
			return true;
	return false;
}

static enum err denied(const char *path, struct why *why)
{
	char owner[NAME_LEN], group[NAME_LEN], user[NAME_LEN], room[NSS_LEN];
	struct node_denied d = {.path = path, .owner = owner, .group = group, .user = user};
	struct group gr, *found = NULL;

	if (stat(path, &d.st))
		return ERR_DEVICE_GONE;
	user_name(owner, d.st.st_uid);
	group_name(group, d.st.st_gid);
	user_name(user, geteuid());
	d.rule = rule_installed();
	if (!getgrnam_r(GROUP, &gr, room, sizeof(room), &found) && found) {
		d.has_group = true;
		d.grouped = d.st.st_gid == gr.gr_gid;
		d.member = in_group(&gr, user);
	}
	return node_explain(&d, why);
}

enum err node_open(int *fd, const char *path, struct why *why)
{
	*fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd >= 0)
		return ERR_OK;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return ERR_DEVICE_GONE;
	case EACCES:
	case EPERM:
		return denied(path, why);
	default:
		return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	}
}

/* ---- who has it ---- */

static bool process_has(const char *pid, const char *path)
{
	char dir[NAME_LEN], to[NODE_PATH_MAX + 1];
	bool has = false;

	snprintf(dir, sizeof(dir), "/proc/%.20s/fd", pid);
	DIR *fds = opendir(dir);
	if (!fds)
		return false;
	for (const struct dirent *entry; !has && (entry = readdir(fds));) {
		ssize_t n = readlinkat(dirfd(fds), entry->d_name, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		has = !strcmp(to, path);
	}
	closedir(fds);
	return has;
}

static void process_name(char *out, size_t cap, const char *pid)
{
	char path[NAME_LEN], name[NAME_LEN];

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(name, 1, sizeof(name), f) : 0;
	if (f)
		fclose(f);
	while (n && name[n - 1] == '\n')
		n--;
	text_clean(out, cap, name, n);
}

/* "trezord-go (process 312), …", at most `cap`; empty: nobody that we see. */
static void holders(char *out, size_t cap, const char *path)
{
	char name[40];
	size_t used = 0;
	DIR *proc = opendir("/proc");

	out[0] = '\0';
	if (!proc)
		return;
	for (const struct dirent *entry; used < cap && (entry = readdir(proc));) {
		const char *pid = entry->d_name;
		if (pid[strspn(pid, "0123456789")] || atol(pid) == getpid() ||
		    !process_has(pid, path))
			continue;
		process_name(name, sizeof(name), pid);
		used += (size_t)snprintf(out + used, cap - used, "%s%s (process %.20s)",
					 used ? ", " : "", name, pid);
	}
	closedir(proc);
}

bool node_used(const char *path)
{
	char who[HOLDERS_LEN];

	holders(who, sizeof(who), path);
	return who[0] != '\0';
}

enum err node_busy(const char *path, struct why *why)
{
	char who[HOLDERS_LEN];

	holders(who, sizeof(who), path);
	return why_set(why, ERR_DEVICE_BUSY,
		       "%s is in use by %s: try again when that has let go of it", path,
		       who[0] ? who : "another program");
}
