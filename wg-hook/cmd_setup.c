/* SPDX-License-Identifier: MIT */
/* `lanyard-wg setup|teardown`: /etc/lanyard/wg/IFACE.conf and the hook lines of the wg-quick
 * config. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/dirs.h"
#include "wg-hook/lines.h"
#include "wg-hook/owner.h"
#include "wg-hook/query.h"
#include "wg-hook/settings.h"
#include "wg-hook/tunnel.h"

enum { SETTINGS_MODE = 0644, DIR_MODE = 0755 };

/* A file that is to change: both texts in memory. */
struct change {
	char path[PATH_MAX];
	uint8_t *old; /* NULL: there is no file yet */
	size_t old_n;
	char *new;
	size_t new_n;
	struct stat st; /* the old one's */
};

static void change_free(struct change *c)
{
	free(c->old);
	free(c->new);
	*c = (struct change){0};
}

static bool change_is_any(const struct change *c)
{
	return c->new != NULL &&
	       (c->old == NULL || c->new_n != c->old_n || memcmp(c->old, c->new, c->old_n) != 0);
}

static void change_show(const struct change *c)
{
	if (change_is_any(c))
		lines_diff(stdout, c->path, (struct slice){c->old, c->old_n},
			   (struct slice){(const uint8_t *)c->new, c->new_n});
}

/* Writes it, the old file kept as PATH.lanyard-backup; mode and owner stay. */
static enum err change_write(const struct change *c, mode_t mode, struct why *why)
{
	char backup[PATH_MAX];
	enum err e = ERR_OK;

	if (!change_is_any(c))
		return ERR_OK;
	if ((size_t)snprintf(backup, sizeof(backup), "%s.lanyard-backup", c->path) >=
	    sizeof(backup))
		return why_set(why, ERR_TOO_LARGE, "%s: the path is too long for its backup",
			       c->path);
	if (c->old != NULL) {
		mode = c->st.st_mode & 07777;
		e = file_write(backup, c->old, c->old_n, mode, true, why);
	}
	if (e == ERR_OK)
		e = file_write(c->path, c->new, c->new_n, mode, true, why);
	if (e == ERR_OK && c->old != NULL &&
	    (chown(c->path, c->st.st_uid, c->st.st_gid) < 0 || chmod(c->path, mode) < 0))
		e = why_set(why, ERR_IO, "cannot keep the owner of %s: %s", c->path,
			    strerror(errno));
	return e;
}

/* Shows both, asks, writes both. */
static enum err apply(const struct options *o, const struct change *settings,
		      const struct change *conf, struct why *why)
{
	struct why inner = {0};
	enum err e;

	if (!change_is_any(settings) && !change_is_any(conf)) {
		wg_say("%s: nothing to change", o->iface);
		return ERR_OK;
	}
	change_show(settings);
	change_show(conf);
	fflush(stdout);
	e = wg_confirm(o, "Write this?", why);
	if (e != ERR_OK)
		return e;
	e = change_write(settings, SETTINGS_MODE, &inner);
	if (e == ERR_OK)
		e = change_write(conf, 0600, &inner);
	return e == ERR_OK ? ERR_OK
			   : why_set(why, e,
				     "%s. Where /etc cannot be written, put the lines shown above "
				     "there by the means of your system: lanyard-wg(8)",
				     why_text(&inner, e));
}

/* ---- setup ---- */

/* The proposal: this host's name, of which only what an identity may hold. */
static enum err propose_identity(struct settings *s, const struct options *o, struct why *why)
{
	char uri[IDENTITY_URI_MAX + 1], host[HOST_NAME_MAX + 1] = "";

	if (o->identity != NULL) {
		snprintf(uri, sizeof(uri), "%s", o->identity);
	} else {
		if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
			return why_set(why, ERR_NOT_FOUND,
				       "this host has no name: give --identity wg://%s@NAME",
				       o->iface);
		host[strcspn(host, ".")] = '\0';
		snprintf(uri, sizeof(uri), "wg://%s@%s", o->iface, host);
	}
	enum err e = identity_parse(&s->id, uri, why);
	if (e == ERR_OK && s->id.class != CLASS_WG_INTERFACE)
		e = why_set(why, ERR_INVALID, "%s is not of the form wg://IFACE@HOST", uri);
	return e;
}

/* Settings before there are any: the command line's, and this host's. */
static enum err new_settings(struct settings *s, const struct options *o, struct why *why)
{
	*s = (struct settings){.psk_mode = PSK_AGENT};
	if (o->psk_mode != NULL &&
	    settings_psk_parse(&s->psk_mode, o->psk_mode, strlen(o->psk_mode)) != ERR_OK)
		return why_set(why, ERR_INVALID, "--psk-mode: device, agent, single or none");
	return propose_identity(s, o, why);
}

/* The settings that are there are kept: what the command line says must be what they say. */
static enum err same_settings(const struct settings *s, const struct options *o, struct why *why)
{
	enum psk_mode mode;

	if (o->identity != NULL && strcmp(o->identity, s->id.uri) != 0)
		return why_set(
			why, ERR_EXISTS,
			"the settings say identity = %s; `sudo lanyard-wg teardown %s` first, "
			"if it shall be another key",
			s->id.uri, o->iface);
	if (o->index != NULL && (uint32_t)strtoul(o->index, NULL, 10) != s->id.index)
		return why_set(why, ERR_EXISTS,
			       "the settings say index = %u; `sudo lanyard-wg teardown %s` first, "
			       "if it shall be another key",
			       s->id.index, o->iface);
	if (o->psk_mode != NULL &&
	    (settings_psk_parse(&mode, o->psk_mode, strlen(o->psk_mode)) != ERR_OK ||
	     mode != s->psk_mode))
		return why_set(why, ERR_EXISTS,
			       "the settings say psk-mode = %s; change it in " SETTINGS_DIR
			       "/%s.conf, and exchange the points again",
			       settings_psk_name(s->psk_mode), o->iface);
	return ERR_OK;
}

/* The public key and the serial, from the agent; `agent_user` when sudo told whose agent. */
static enum err ask_agent(struct settings *s, const struct options *o, struct why *why)
{
	uint8_t public_key[WG_KEY_LEN];
	char device[SETTINGS_DEVICE_MAX];
	struct client *c = NULL;
	struct owner w;
	const struct passwd *user;
	enum err e = owner_find(&w, s, o, why);

	if (e == ERR_OK)
		e = owner_connect(&w, &c, why);
	if (e == ERR_OK)
		e = query_public(public_key, c, s, NULL, why);
	if (e == ERR_OK)
		e = query_serial(device, c, s, why);
	client_close(c);
	if (e == ERR_OK && s->has_public && memcmp(public_key, s->public_key, WG_KEY_LEN) != 0)
		e = why_set(
			why, ERR_MISMATCH,
			"the device gives %s another public key than the settings have: another "
			"device, passphrase or index",
			s->id.uri);
	if (e != ERR_OK)
		return e;
	memcpy(s->public_key, public_key, WG_KEY_LEN);
	s->has_public = true;
	snprintf(s->device, sizeof(s->device), "%s", device);
	if (s->agent_user[0] == '\0' && s->socket[0] == '\0') {
		user = w.uid != 0 ? getpwuid(w.uid) : NULL;
		if (user != NULL && strlen(user->pw_name) <= SETTINGS_USER_MAX)
			snprintf(s->agent_user, sizeof(s->agent_user), "%s", user->pw_name);
		if (o->socket_dir != NULL)
			snprintf(s->socket, sizeof(s->socket), "%s", w.path);
	}
	return ERR_OK;
}

/* A section for each peer of the config that has none. */
static enum err add_sections(struct change *c, const struct settings *s, const struct conf *conf,
			     struct why *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < conf->count && e == ERR_OK; i++) {
		char *text = c->new;

		if (settings_peer(s, conf->peers[i].key) != NULL)
			continue;
		e = settings_set_point(text, c->new_n, conf->peers[i].key, NULL, &c->new,
				       &c->new_n);
		if (e == ERR_OK)
			free(text);
	}
	return e == ERR_OK ? ERR_OK : why_set(why, e, "%s", err_text(e));
}

/* Fills the change of the settings file: a new text, or the old one and what it lacks. */
static enum err settings_change(struct change *c, struct settings *s, const struct options *o,
				const struct conf *conf, struct why *why)
{
	enum err e;

	settings_path(c->path, o->iface);
	e = file_read(c->path, SETTINGS_FILE_MAX, FILE_OURS, &c->old, &c->old_n, &c->st, why);
	if (e == ERR_NOT_FOUND)
		e = new_settings(s, o, why);
	else if (e == ERR_OK)
		e = settings_parse(s, c->path, (const char *)c->old, c->old_n, why);
	if (e == ERR_OK && c->old != NULL)
		e = same_settings(s, o, why);
	if (e == ERR_OK && o->device != NULL && c->old == NULL)
		snprintf(s->device, sizeof(s->device), "%s", o->device);
	if (e == ERR_OK && o->index != NULL && c->old == NULL)
		s->id.index = (uint32_t)strtoul(o->index, NULL, 10);
	if (e == ERR_OK)
		e = ask_agent(s, o, why);
	if (e != ERR_OK)
		return e;
	if (c->old == NULL) {
		e = settings_format(s, &c->new, &c->new_n);
	} else {
		c->new = malloc(c->old_n + 1);
		e = c->new != NULL ? ERR_OK : ERR_NO_MEMORY;
		c->new_n = c->old_n;
		if (e == ERR_OK)
			memcpy(c->new, c->old, c->old_n);
	}
	return e == ERR_OK ? add_sections(c, s, conf, why) : why_set(why, e, "%s", err_text(e));
}

/* The program in the hook lines: this one, where it is installed. */
static enum err own_path(char out[static PATH_MAX], struct why *why)
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	struct stat st;

	if (n <= 0 || n == PATH_MAX - 1)
		return why_set(why, ERR_IO, "cannot tell where lanyard-wg is: %s", strerror(errno));
	out[n] = '\0';
	if (stat(out, &st) == 0 && (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH)))
		wg_say("warning: %s is not only root's to write, and wg-quick will run it as root: "
		       "`make install` first",
		       out);
	return ERR_OK;
}

static enum err conf_change(struct change *c, const struct options *o, const char *program,
			    struct why *why)
{
	struct why inner = {0};
	enum err e = conf_path(c->path, o, why);

	if (e == ERR_OK)
		e = file_read(c->path, CONF_FILE_MAX, FILE_ANY, &c->old, &c->old_n, &c->st, why);
	if (e == ERR_NOT_FOUND)
		return why_set(why, e,
			       "%s is not there: make a wg-quick config without keys first, or "
			       "name it by --config",
			       c->path);
	if (e != ERR_OK)
		return e;
	e = conf_edit((const char *)c->old, c->old_n, program, &c->new, &c->new_n, &inner);
	return e == ERR_OK ? ERR_OK : why_set(why, e, "%s: %s", c->path, why_text(&inner, e));
}

/* Not dir_make(): others may read what is in there. */
static enum err make_dirs(struct why *why)
{
	static const char *const dirs[] = {"/etc/lanyard", SETTINGS_DIR};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (mkdir(dirs[i], DIR_MODE) == 0)
			(void)chmod(dirs[i], DIR_MODE); /* whatever the umask */
		else if (errno != EEXIST && errno != EROFS)
			return why_set(why, ERR_IO, "cannot make %s: %s", dirs[i], strerror(errno));
	return dir_check_private(SETTINGS_DIR, why);
}

/* `path` of the config matters where it was named. */
static void say_next(const struct options *o, const struct settings *s, const struct conf *conf,
		     const char *path)
{
	const char *option = o->config != NULL ? " --config " : "";
	const char *named = o->config != NULL ? path : "";
	char key[WG_KEY_TEXT];

	wg_key_format(key, s->public_key);
	printf("%s has the public key %s\n", o->iface, key);
	if (conf->count > 0 && (s->psk_mode == PSK_AGENT || s->psk_mode == PSK_DEVICE))
		printf("next: `lanyard-wg pub %s%s%s` prints the points for the peers; theirs go "
		       "in by `sudo lanyard-wg point %s PEER POINT%s%s`\n",
		       o->iface, option, named, o->iface, option, named);
	printf("then: `sudo lanyard-wg check %s%s%s`, `sudo wg-quick up %s`\n", o->iface, option,
	       named, o->config != NULL ? path : o->iface);
}

int cmd_setup(const struct options *o)
{
	struct change settings = {0}, hooks = {0};
	struct settings s = {0};
	struct conf conf = {0};
	char program[PATH_MAX];
	struct why why = {0};
	enum err e = wg_need_root(o, "write settings and hooks", &why);

	if (e == ERR_OK)
		e = own_path(program, &why);
	if (e == ERR_OK)
		e = conf_change(&hooks, o, program, &why);
	if (e == ERR_OK)
		e = conf_parse(&conf, hooks.path, (const char *)hooks.old, hooks.old_n, &why);
	if (e == ERR_OK)
		e = settings_change(&settings, &s, o, &conf, &why);
	if (e == ERR_OK && settings.old == NULL)
		e = make_dirs(&why);
	if (e == ERR_OK)
		e = apply(o, &settings, &hooks, &why);
	if (e == ERR_OK)
		say_next(o, &s, &conf, hooks.path);
	change_free(&settings);
	change_free(&hooks);
	settings_free(&s);
	conf_free(&conf);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}

/* ---- teardown ---- */

static enum err check_down(const struct options *o, struct why *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s", o->iface);
	return access(path, F_OK) != 0
		       ? ERR_OK
		       : why_set(why, ERR_EXISTS,
				 "%s is up: `sudo wg-quick down %s` first, while its hook is there",
				 o->iface, o->iface);
}

/* Not removed: the points in them were carried here by hand. */
static enum err put_aside(const char *path, struct why *why)
{
	char backup[PATH_MAX + sizeof(".lanyard-backup")];

	snprintf(backup, sizeof(backup), "%s.lanyard-backup", path);
	if (rename(path, backup) < 0 && errno != ENOENT)
		return why_set(why, ERR_IO, "cannot rename %s: %s", path, strerror(errno));
	return ERR_OK;
}

/* Lines that were written by hand stay: with no settings, they make wg-quick fail. */
static void say_left(const struct change *hooks)
{
	struct conf conf = {0};
	struct why why = {0};

	if (hooks->new == NULL ||
	    conf_parse(&conf, hooks->path, hooks->new, hooks->new_n, &why) != ERR_OK)
		return;
	if (conf.hook_line != 0)
		wg_say("%s, line %u still runs lanyard-wg: take it out by hand", hooks->path,
		       conf.hook_line);
	conf_free(&conf);
}

int cmd_teardown(const struct options *o)
{
	struct change hooks = {0}, none = {0};
	char settings[PATH_MAX];
	struct why why = {0};
	enum err e = wg_need_root(o, "remove settings and hooks", &why);

	settings_path(settings, o->iface);
	if (e == ERR_OK)
		e = check_down(o, &why);
	if (e == ERR_OK)
		e = conf_change(&hooks, o, NULL, &why);
	/* Settings may be left of a config that is gone. */
	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	if (e == ERR_OK)
		e = apply(o, &none, &hooks, &why);
	if (e == ERR_OK && access(settings, F_OK) == 0) {
		e = put_aside(settings, &why);
		if (e == ERR_OK)
			printf("the settings are kept as %s.lanyard-backup\n", settings);
	}
	if (e == ERR_OK)
		say_left(&hooks);
	change_free(&hooks);
	return e == ERR_OK ? 0 : wg_error(e, &why);
}
