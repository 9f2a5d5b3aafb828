/* SPDX-License-Identifier: MIT */
/* `lanyard ssh setup|teardown|config`: ~/.ssh/config. */
#include "ssh/cmd_ssh.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/edit.h"
#include "protocol/dirs.h"

enum { CONFIG_MODE = 0600 };

/* What else puts itself into SSH_AUTH_SOCK, by its socket's path, and how to stop it. */
static const struct rival {
	const char *path; /* a part of it */
	const char *what, *stop;
} rivals[] = {
	{"/gcr/ssh", "gcr (GNOME)",
	 "systemctl --user mask --now gcr-ssh-agent.socket gcr-ssh-agent.service"},
	{"/keyring/ssh", "gnome-keyring",
	 "printf '[Desktop Entry]\\nType=Application\\nName=SSH Key Agent\\nHidden=true\\n' "
	 "> ~/.config/autostart/gnome-keyring-ssh.desktop, then log in again"},
	{"/gnupg/", "gpg-agent",
	 "remove enable-ssh-support from ~/.gnupg/gpg-agent.conf, then "
	 "gpgconf --kill gpg-agent"},
	{"/S.gpg-agent.ssh", "gpg-agent",
	 "remove enable-ssh-support from ~/.gnupg/gpg-agent.conf, then gpgconf --kill gpg-agent"},
	{"/openssh_agent", "ssh-agent of the systemd user session",
	 "systemctl --user mask --now ssh-agent.service"},
	{"/1password/", "1Password", "turn off its SSH agent in Settings > Developer"},
	{"/bitwarden", "Bitwarden", "turn off its SSH agent in Settings"},
	{"/.ssh/agent/", "ssh-agent, or an agent forwarded by ssh -A",
	 "remove what starts it from your shell's start files, or log in without -A"},
	{"/ssh-", "ssh-agent, or an agent forwarded by ssh -A",
	 "remove what starts it from your shell's start files, or log in without -A"},
	{NULL, NULL, NULL},
};

/* setup makes ssh use lanyard whatever SSH_AUTH_SOCK says; ssh-add and others go by it still. */
static void warn_rival(const char *ours)
{
	const char *sock = getenv("SSH_AUTH_SOCK");
	const struct rival *r = rivals;

	if (sock == NULL || *sock == '\0' || strcmp(sock, ours) == 0)
		return;
	while (r->path != NULL && strstr(sock, r->path) == NULL)
		r++;
	(void)cli_fail(
		"note: SSH_AUTH_SOCK is %s, set by %s; ssh itself will use lanyard, but ssh-add "
		"and other programs will not",
		sock, r->path != NULL ? r->what : "a program not known here");
	if (r->path != NULL)
		(void)cli_fail("note: to stop it: %s", r->stop);
}

/* ssh takes the first that fits a host, and setup's comes last. */
static void warn_identity_agent(const char *config, const char *ours)
{
	uint8_t *text = NULL;
	struct rbuf rest;
	size_t n = 0;

	if (cli_read_file(config, EDIT_FILE_MAX, &text, &n, NULL) != ERR_OK)
		return;
	rest = rbuf_new(text, n);
	for (unsigned number = 1; rest.n > 0; number++) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		struct slice s = rbuf_bytes(&rest, end != NULL ? (size_t)(end - rest.p) : rest.n);
		char line[2 * SOCKET_PATH_MAX] = "", *word = line;

		rbuf_bytes(&rest, end != NULL ? 1 : 0);
		memcpy(line, s.p, s.n < sizeof(line) ? s.n : sizeof(line) - 1);
		word += strspn(word, " \t");
		if (strncasecmp(word, "IdentityAgent", 13) == 0 && strstr(word, ours) == NULL)
			(void)cli_fail("note: line %u of %s has an IdentityAgent of its own: the "
				       "hosts it is for go on using that; to have them use "
				       "lanyard, remove it",
				       number, config);
	}
	free(text);
}

static enum err ssh_path(char out[static PATH_MAX], const char *name, struct why *why)
{
	const char *home = getenv("HOME");
	enum err e = ERR_OK;

	if (home == NULL || *home != '/')
		return why_set(why, ERR_NOT_FOUND, "HOME is not set to an absolute path");
	if ((size_t)snprintf(out, PATH_MAX, "%s/.ssh/%s", home, name) >= PATH_MAX)
		return why_set(why, ERR_TOO_LARGE, "HOME is too long");
	/* Its directory, which may not be there yet. */
	*strrchr(out, '/') = '\0';
	e = dir_make(out, why);
	out[strlen(out)] = '/';
	return e;
}

/* As ssh_config(5) reads it: in quotes, % doubled. */
static enum err quote_path(char *out, size_t cap, const char *path, struct why *why)
{
	struct wbuf w = wbuf_new(out, cap - 1);

	wbuf_u8(&w, '"');
	for (const char *p = path; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\' || iscntrl((unsigned char)*p))
			return why_set(why, ERR_INVALID, "%s: ssh_config(5) cannot hold this path",
				       path);
		if (*p == '%')
			wbuf_u8(&w, '%');
		wbuf_u8(&w, (uint8_t)*p);
	}
	wbuf_u8(&w, '"');
	out[w.n] = '\0';
	return wbuf_ok(&w) ? ERR_OK : why_set(why, ERR_TOO_LARGE, "%s: too long", path);
}

/* What is written to ~/.ssh/config is to hold tomorrow. */
static enum err socket_path(char out[static SOCKET_PATH_MAX + 1], const struct cli *cli,
			    struct why *why)
{
	enum err e = client_socket_path(out, cli->socket_dir, "ssh.sock", why);

	if (e == ERR_OK && strstr(out, "/" CLIENT_COMMAND_DIR) != NULL)
		return why_set(why, ERR_INVALID,
			       "%s is the socket of the agent of one command and goes with it: run "
			       "this outside of `lanyard-agent -- COMMAND`",
			       out);
	return e;
}

int cmd_ssh_setup(struct cli *cli)
{
	char config[PATH_MAX], socket[SOCKET_PATH_MAX + 1], quoted[2 * SOCKET_PATH_MAX + 3];
	char block[EDIT_BLOCK_MAX];
	struct why why = {0};
	enum err e = socket_path(socket, cli, &why);
	int status;

	if (e == ERR_OK)
		e = quote_path(quoted, sizeof(quoted), socket, &why);
	if (e == ERR_OK)
		e = ssh_path(config, "config", &why);
	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	/* At the end: what a user says for one host is found first, and wins. */
	snprintf(block, sizeof(block), "Host *\n\tIdentityAgent %s\n", quoted);
	status = edit_file(cli, config, CONFIG_MODE, "agent", block);
	if (status == 0) {
		warn_identity_agent(config, socket);
		warn_rival(socket);
	}
	return status;
}

int cmd_ssh_teardown(struct cli *cli)
{
	char config[PATH_MAX];
	struct why why = {0};
	enum err e = ssh_path(config, "config", &why);

	return e != ERR_OK ? cli_error(cli, e, &why)
			   : edit_file(cli, config, CONFIG_MODE, "agent", NULL);
}

/* ---- config ---- */

/* The file for a public key, named after what it is for; other characters become _. */
static enum err pub_path(char out[static PATH_MAX], const struct cli *cli,
			 const struct identity *id, struct why *why)
{
	char name[IDENTITY_URI_MAX + 64];
	const char *what = id->uri + strlen("ssh://");

	snprintf(name, sizeof(name), "lanyard/%s%s%s%s%s.pub", what, cli->index != NULL ? "-" : "",
		 cli->index != NULL ? cli->index : "", cli->curve != NULL ? "-" : "",
		 cli->curve != NULL ? cli->curve : "");
	for (char *p = name + strlen("lanyard/"); *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("@._-", *p) == NULL)
			*p = '_';
	return ssh_path(out, name, why);
}

static enum err host_block(char *block, size_t cap, const struct identity *id, const char *socket,
			   const char *pub, struct why *why)
{
	struct slice user = IDENTITY_PART(id, user), host = IDENTITY_PART(id, host);
	struct slice port = IDENTITY_PART(id, port);
	char agent[2 * SOCKET_PATH_MAX + 3], file[2 * PATH_MAX];
	struct wbuf w = wbuf_new(block, cap - 1);
	enum err e = quote_path(agent, sizeof(agent), socket, why);

	if (e == ERR_OK)
		e = quote_path(file, sizeof(file), pub, why);
	if (e != ERR_OK)
		return e;
	if (memchr(host.p, '*', host.n) != NULL || memchr(host.p, '?', host.n) != NULL ||
	    memchr(host.p, ',', host.n) != NULL || host.p[0] == '!' || host.p[0] == '#')
		return why_set(
			why, ERR_INVALID,
			"%s: ssh_config(5) takes this host for a pattern; give a host's name",
			id->uri);
	/* A URI brackets an IPv6 address; ssh is given it bare. */
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct slice){host.p + 1, host.n - 2};
	wbuf_printf(&w, "Host %.*s\n", (int)host.n, (const char *)host.p);
	if (user.n > 0)
		wbuf_printf(&w, "\tUser %.*s\n", (int)user.n, (const char *)user.p);
	if (port.n > 0)
		wbuf_printf(&w, "\tPort %.*s\n", (int)port.n, (const char *)port.p);
	/* The server counts each key that is offered against MaxAuthTries: offer this one alone. */
	wbuf_printf(&w, "\tIdentityAgent %s\n\tIdentityFile %s\n\tIdentitiesOnly yes\n", agent,
		    file);
	block[w.n] = '\0';
	return wbuf_ok(&w) ? ERR_OK : why_set(why, ERR_TOO_LARGE, "the block is too long");
}

int cmd_ssh_config(struct cli *cli)
{
	char socket[SOCKET_PATH_MAX + 1], config[PATH_MAX], pub[PATH_MAX], block[EDIT_BLOCK_MAX];
	char line[SSH_LINE_MAX + 2];
	struct identity id;
	struct why why = {0};
	enum err e = cmd_ssh_identity(cli->argv[0], &id, &why);
	size_t n;
	int status;

	if (e == ERR_OK)
		e = cli_value(cli, "write") != NULL
			    ? socket_path(socket, cli, &why)
			    : client_socket_path(socket, cli->socket_dir, "ssh.sock", &why);
	if (e == ERR_OK)
		e = ssh_path(config, "config", &why);
	if (e == ERR_OK)
		e = pub_path(pub, cli, &id, &why);
	if (e == ERR_OK)
		e = host_block(block, sizeof(block), &id, socket, pub, &why);
	if (e != ERR_OK)
		return cli_error(cli, e, &why);
	status = cmd_ssh_offer(cli, &id, line);
	if (status != 0)
		return status;
	if (cli_value(cli, "write") == NULL) {
		printf("# %s:\n# %s\n%s", pub, line, block);
		return 0;
	}
	status = edit_file(cli, config, CONFIG_MODE, id.uri, block);
	if (status != 0)
		return status;
	n = strlen(line);
	line[n++] = '\n';
	e = file_write(pub, line, n, 0644, true, &why);
	return e == ERR_OK ? 0 : cli_error(cli, e, &why);
}
