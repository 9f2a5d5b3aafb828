/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/doctor.h"

/* Programs that serve SSH_AUTH_SOCK, or hold cards. The kernel cuts names at 15 bytes. */
static const struct other {
	const char *name;
	const char *part; /* of its socket's path */
	const char *type;
	const char *does;
	bool holder; /* of devices; else an ssh-agent */
} others[] = {
	{"gcr-ssh-agent", "/gcr/",
	 "systemctl --user mask --now gcr-ssh-agent.socket gcr-ssh-agent.service",
	 "GNOME's gcr-ssh-agent", false},
	{"gnome-keyring-d", "/keyring/",
	 "cp /etc/xdg/autostart/gnome-keyring-ssh.desktop ~/.config/autostart/; echo Hidden=true "
	 ">> "
	 "~/.config/autostart/gnome-keyring-ssh.desktop",
	 "gnome-keyring", false},
	{"gpg-agent", "S.gpg-agent.ssh",
	 "sed -i /^enable-ssh-support/d ~/.gnupg/gpg-agent.conf; gpgconf --kill gpg-agent",
	 "gpg-agent", false},
	{"ssh-agent", "/tmp/ssh-", "ssh-agent -k, or make it an upstream in lanyard.conf",
	 "an ssh-agent, or the agent of the machine that this login comes from", false},
	{"scdaemon", NULL, "gpgconf --kill scdaemon", "GnuPG's scdaemon", true},
	{"pcscd", NULL, "sudo systemctl stop pcscd.socket pcscd.service", "pcscd", true},
};

enum { OTHERS = sizeof(others) / sizeof(others[0]) };

static bool is_pid(const char *name)
{
	return name[0] != '\0' && strspn(name, "0123456789") == strlen(name);
}

/* Which of them run. */
static void find_running(const struct doctor *d, bool running[static OTHERS])
{
	char path[PATH_MAX], name[64];
	struct dirent *entry;
	DIR *dir;

	if ((size_t)snprintf(path, sizeof(path), "%s/proc", d->root) >= sizeof(path))
		return;
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!is_pid(entry->d_name) ||
		    !doctor_read(d, name, sizeof(name), "/proc/%s/comm", entry->d_name))
			continue;
		for (size_t i = 0; i < OTHERS; i++)
			if (strncmp(others[i].name, name, 15) == 0)
				running[i] = true;
	}
	if (dir != NULL)
		closedir(dir);
}

void doctor_others(const struct doctor *d, bool replaced)
{
	bool running[OTHERS] = {false}, any = false;

	find_running(d, running);
	for (size_t i = 0; i < OTHERS; i++) {
		if (!running[i] || (!others[i].holder && !replaced))
			continue;
		any = true;
		if (others[i].holder)
			doctor_say(d, "holders", DOCTOR_NOTE, others[i].type,
				   "%s runs: a card that it uses is busy for others",
				   others[i].does);
		else
			doctor_say(d, "agents", DOCTOR_NOTE, others[i].type,
				   "%s runs and may set SSH_AUTH_SOCK", others[i].does);
	}
	if (!any)
		doctor_say(d, "agents", DOCTOR_OK, NULL, "no other agent is in the way");
}

static bool is_program(const struct doctor *d, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	return (size_t)snprintf(full, sizeof(full), "%s%s", d->root, path) < sizeof(full) &&
	       stat(full, &st) == 0 && S_ISREG(st.st_mode) && access(full, X_OK) == 0;
}

void doctor_pinentry(const struct doctor *d, const char *path, const char *configured)
{
	char one[PATH_MAX];
	size_t n;

	if (configured != NULL) {
		if (is_program(d, configured))
			doctor_say(d, "pinentry", DOCTOR_OK, NULL, "%s asks", configured);
		else
			doctor_say(d, "pinentry", DOCTOR_TODO, "sudo apt install pinentry-curses",
				   "the configuration's pinentry, %s, is no program", configured);
		return;
	}
	for (; path != NULL && *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (path[0] == '/' &&
		    (size_t)snprintf(one, sizeof(one), "%.*s/pinentry", (int)n, path) <
			    sizeof(one) &&
		    is_program(d, one)) {
			doctor_say(d, "pinentry", DOCTOR_OK, NULL, "%s asks", one);
			return;
		}
	}
	doctor_say(d, "pinentry", DOCTOR_TODO, "sudo apt install pinentry-curses",
		   "there is no pinentry in PATH: nobody can be asked for a PIN, a passphrase or a "
		   "confirmation");
}

bool doctor_ssh_config(const struct doctor *d, const char *home, const char *socket)
{
	enum { LOOKED_AT = 64 * 1024 }; /* a file that a person wrote is shorter */
	char *text = home != NULL ? malloc(LOOKED_AT) : NULL, *line, *rest = text;
	bool found = false;

	if (text == NULL || !doctor_read(d, text, LOOKED_AT, "%s/.ssh/config", home))
		rest = NULL;
	while (!found && (line = strsep(&rest, "\n")) != NULL) {
		line += strspn(line, " \t");
		found = strncasecmp(line, "IdentityAgent", 13) == 0 && strstr(line, socket) != NULL;
	}
	free(text);
	return found;
}

bool doctor_auth_sock(const struct doctor *d, const char *value, const char *wanted,
		      bool configured)
{
	char type[PATH_MAX];
	const char *whose = "another agent";
	enum doctor_state state = configured ? DOCTOR_NOTE : DOCTOR_TODO;
	const char *but = configured ? "; ssh finds the agent by ~/.ssh/config, ssh-add and "
				       "ssh-keygen do not"
				     : "";

	snprintf(type, sizeof(type), "%sexport SSH_AUTH_SOCK=%s",
		 configured ? "" : "lanyard ssh setup, or: ", wanted);
	if (value == NULL || value[0] == '\0') {
		doctor_say(d, "ssh-auth-sock", state, type, "SSH_AUTH_SOCK is not set%s",
			   configured ? but : ": ssh does not find the agent");
		return false;
	}
	if (strcmp(value, wanted) == 0) {
		doctor_say(d, "ssh-auth-sock", DOCTOR_OK, NULL, "SSH_AUTH_SOCK is the agent's");
		return true;
	}
	for (size_t i = 0; i < OTHERS; i++)
		if (others[i].part != NULL && strstr(value, others[i].part) != NULL)
			whose = others[i].does;
	doctor_say(d, "ssh-auth-sock", state, type, "SSH_AUTH_SOCK is %s, which is %s%s", value,
		   whose, but);
	return false;
}
