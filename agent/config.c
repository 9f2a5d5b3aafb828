/* SPDX-License-Identifier: MIT */
#include "agent/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_parse.h"
#include "derive/encode.h"
#include "derive/hostkey.h"
#include "protocol/dirs.h"
#include "protocol/text.h"

enum { CONFIG_FILE_MAX = 256 * 1024 };

/* The text of a file, NUL-terminated; free() it. ERR_NOT_FOUND when there is none. */
static enum err read_text(const char *path, char **text, struct stat *st, struct why *why)
{
	uint8_t *p;
	size_t n;
	enum err e = file_read(path, CONFIG_FILE_MAX, FILE_OURS, &p, &n, st, why);

	*text = (char *)p;
	/* Settings that are somewhere else now are not the same as none. */
	if (e == ERR_NOT_FOUND && lstat(path, st) == 0)
		return why_set(why, ERR_IO, "%s is a symbolic link to nothing", path);
	if (e == ERR_NOT_FOUND && errno != ENOENT)
		return ERR_IO;
	if (e == ERR_OK && strlen(*text) != n) {
		free(p);
		*text = NULL;
		return why_set(why, ERR_INVALID, "%s has a NUL byte: it is not a text file", path);
	}
	return e;
}

static enum err config_new(struct config **out, const char *path)
{
	struct config *c = calloc(1, sizeof(*c));

	*out = c;
	if (c == NULL)
		return ERR_NO_MEMORY;
	c->log = LOG_LEVEL_INFO;
	c->wait_device = WAIT_DEVICE_DEFAULT;
	c->allow_root = ROOT_WG;
	c->lock_on = LOCK_ON_SLEEP | LOCK_ON_SESSION;
	c->path = strdup(path);
	/* One more: check_key() fills in the next before it is counted. */
	c->keys = calloc(CONFIG_KEYS_MAX + 1, sizeof(*c->keys));
	return c->path != NULL && c->keys != NULL ? ERR_OK : ERR_NO_MEMORY;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->key_count; i++)
		free((char *)c->keys[i].device), free(c->keys[i].destinations);
	free(c->keys);
	for (char **udp = c->udp; udp != NULL && *udp != NULL; udp++)
		free(*udp);
	free(c->udp);
	for (char **path = c->upstreams; path != NULL && *path != NULL; path++)
		free(*path);
	free(c->upstreams);
	for (struct wallet_setting *w = c->wallets; w != NULL && w->device != NULL; w++)
		free((char *)w->device);
	free(c->wallets);
	for (struct config_policy *p = c->policies; p != NULL && p->of != NULL; p++)
		free((char *)p->of);
	free(c->policies);
	free(c->device);
	free(c->events);
	free(c->pinentry);
	free(c->notify);
	free(c->display);
	free(c->tty);
	free(c->path);
	free(c);
}

static void config_digest(struct config *c, const char *text)
{
	uint8_t hash[32];

	hash_sha256(hash, text, strlen(text));
	hex_encode(c->digest, hash, sizeof(hash));
}

enum err config_load(struct config **out, const char *path, struct why *why)
{
	char standard[PATH_MAX];
	struct config *c = NULL;
	struct stat st;
	char *text = NULL;
	enum err e = ERR_OK;
	bool named = path != NULL;

	*out = NULL;
	if (!named) {
		e = dir_path(standard, sizeof(standard), DIR_CONFIG, "lanyard.conf", why);
		path = standard;
	}
	if (e == ERR_OK)
		e = config_new(&c, path);
	if (e == ERR_OK) {
		c->named = named;
		e = read_text(path, &text, &st, why);
		if (e == ERR_OK) {
			config_digest(c, text);
			e = config_parse(c, path, text, why);
		} else if (e == ERR_NOT_FOUND && !named)
			e = ERR_OK;
	}
	free(text);
	if (e != ERR_OK) {
		config_free(c);
		return e;
	}
	*out = c;
	return ERR_OK;
}

enum err config_reload(struct config **out, const struct config *old, struct why *why)
{
	return config_load(out, old->named ? old->path : NULL, why);
}

const struct config_key *config_find_key(const struct config *c, const struct identity *id)
{
	for (size_t i = 0; i < c->key_count; i++)
		if (identity_equal(&c->keys[i].id, id))
			return &c->keys[i];
	return NULL;
}

unsigned config_allow(const struct config *c, const struct identity *id)
{
	const struct config_key *k = config_find_key(c, id);

	return k != NULL ? k->allow : ALLOW_DEFAULT;
}

void config_key_settings(const struct config *c, struct key *key)
{
	const struct config_key *k = config_find_key(c, &key->id);

	key->allow = config_allow(c, &key->id);
	key->host_known = k != NULL && k->host_known;
	key->destinations = k != NULL ? k->destinations : NULL;
}

/* The file behind a symbolic link, so that a rename replaces the file and not the link. */
static enum err real_path(const char *path, char out[static PATH_MAX], struct why *why)
{
	struct stat st;
	char dir[PATH_MAX];
	char *slash;

	if (realpath(path, out) != NULL)
		return ERR_OK;
	if (errno != ENOENT)
		return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (lstat(path, &st) == 0)
		return why_set(why, ERR_IO, "%s is a symbolic link to nothing", path);
	if ((size_t)snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX)
		return why_set(why, ERR_TOO_LARGE, "the path of the configuration is too long");
	memcpy(dir, out, sizeof(dir));
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return ERR_OK;
	*slash = '\0';
	return dir_make(dir, why);
}

/* `old` with the section after it; free() it. */
static char *text_with_key(const char *old, const struct identity *id, const char *serial,
			   const char *destinations)
{
	bool has_list = destinations != NULL;
	size_t n = strlen(old);
	bool has_serial = serial != NULL && serial[0] != '\0';
	char *text;

	if (asprintf(&text, "%s%s%skey \"%s\" {\n\tcurve = %s\n\tindex = %u\n%s%s%s%s%s%s}\n", old,
		     n > 0 && old[n - 1] != '\n' ? "\n" : "", n > 0 ? "\n" : "", id->uri,
		     curve_name(id->curve), (unsigned)id->index, has_serial ? "\tdevice = \"" : "",
		     has_serial ? serial : "", has_serial ? "\"\n" : "",
		     has_list ? "\tdestinations = {\"" : "", has_list ? destinations : "",
		     has_list ? "\"}\n" : "") < 0)
		return NULL;
	return text;
}

/* ERR_EXISTS: it has the key, and says of it what is to be said. */
static enum err has_key(const struct config *c, const struct identity *id, const char *destinations,
			struct why *why)
{
	const struct config_key *k = config_find_key(c, id);

	if (k == NULL)
		return ERR_OK;
	if (destinations == NULL ||
	    (k->destinations != NULL && strcmp(k->destinations, destinations) == 0))
		return why_set(why, ERR_EXISTS, "%s has %s already, with this curve and index",
			       c->path, id->uri);
	return why_set(why, ERR_NOT_ALLOWED,
		       "%s has %s already, with other destinations: write `destinations = "
		       "{\"%s\"}` into its section",
		       c->path, id->uri, destinations);
}

enum err config_append_key(const char *path, const struct identity *id, const char *serial,
			   const char *destinations, struct why *why)
{
	char target[PATH_MAX];
	struct config *before = NULL, *after = NULL;
	struct stat st = {.st_mode = 0600};
	char *old = NULL, *text = NULL;
	bool replace = true;
	enum err e = real_path(path, target, why);

	if (e == ERR_OK)
		e = read_text(target, &old, &st, why);
	if (e == ERR_NOT_FOUND) {
		replace = false;
		old = strdup("");
		e = old != NULL ? ERR_OK : ERR_NO_MEMORY;
	}
	if (e == ERR_OK)
		e = config_new(&before, path);
	if (e == ERR_OK)
		e = config_parse(before, path, old, why);
	if (e == ERR_OK)
		e = has_key(before, id, destinations, why);
	if (e == ERR_OK)
		e = config_new(&after, path);
	if (e == ERR_OK && (text = text_with_key(old, id, serial, destinations)) == NULL)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK)
		e = config_parse(after, path, text, why);
	if (e == ERR_OK && (after->key_count != before->key_count + 1 ||
			    has_key(after, id, destinations, NULL) != ERR_EXISTS))
		e = why_set(why, ERR_INVALID, "%s cannot be written to a configuration", id->uri);
	if (e == ERR_OK && strlen(text) > CONFIG_FILE_MAX)
		e = why_set(why, ERR_TOO_LARGE, "%s would be longer than %d bytes", path,
			    CONFIG_FILE_MAX);
	if (e == ERR_OK)
		e = file_write(target, text, strlen(text), st.st_mode & 0777, replace, why);
	config_free(before);
	config_free(after);
	free(old);
	free(text);
	return e;
}
