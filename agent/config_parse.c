/* SPDX-License-Identifier: MIT */
#include "agent/config_parse.h"

#include <confuse.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/config_policy.h"
#include "agent/config_scan.h"
#include "agent/place.h"
#include "agent/upstream.h"
#include "protocol/address.h"
#include "protocol/client.h"
#include "protocol/dirs.h"
#include "protocol/text.h"

/* ---- values ---- */

struct load {
	struct config *config;
	struct scan scan; /* just after the '{' of the section being read */
	enum err error;
	struct why *why;
	unsigned seen_top, seen_wallet, seen_policy;
	struct wallet_setting wallet; /* of the section being read */
	struct policy policy;         /* of the policy section being read */
	/* Of the section being read. */
	struct section {
		unsigned seen; /* its settings so far, a bit each */
		bool has_curve;
		enum curve curve;
		uint32_t index;
		unsigned allow;
		bool has_host_key, host_known;
		struct policy policy;
		char *device;
	} key;
};

/* libconfuse's callbacks take no argument of ours. Set while config_parse() runs. */
static struct load *loading;

/* Remembers the first failure; returns what makes libconfuse stop. */
static int PRINTF_LIKE(3, 4) load_fail(int line, enum err e, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (loading->error == ERR_OK)
		loading->error = why_set(loading->why, e, "%s:%d: %s", loading->scan.path, line,
					 text);
	return -1;
}

static bool load_in_key(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "key") == 0;
}

static bool load_in_wallet(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "wallet") == 0;
}

static bool load_in_policy(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "policy") == 0;
}

/* What libconfuse itself finds: syntax, and names that it was not told. */
static void PRINTF_LIKE(2, 0) load_confuse_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[WHY_MAX / 2];

	vsnprintf(text, sizeof(text), fmt, args);
	load_fail(cfg->line, ERR_INVALID, "%s (allowed here: %s)", text,
		  load_in_key(cfg)      ? "curve, index, device, allow, host-key, " POLICY_SETTINGS
		  : load_in_wallet(cfg) ? "passphrase, timeout"
		  : load_in_policy(cfg)
			  ? POLICY_SETTINGS
			  : "device, log, wait-device, lock-after, pinentry, notify, display, "
			    "tty, events, allow-loopback, allow-root, allow-owner, udp, "
			    "upstream, " POLICY_SETTINGS
			    ", wallet \"DEVICE\" { }, policy \"WHAT\" { }, key \"URI\" { }");
}

/* Each setting once, so that none silently overrides another. */
static int load_once(cfg_t *cfg, const cfg_opt_t *opt)
{
	unsigned *seen = load_in_key(cfg)      ? &loading->key.seen
			 : load_in_wallet(cfg) ? &loading->seen_wallet
			 : load_in_policy(cfg) ? &loading->seen_policy
					       : &loading->seen_top;
	unsigned bit = 1;

	for (unsigned i = 0; cfg_getnopt(cfg, i) != opt; i++)
		bit <<= 1;
	if (*seen & bit)
		return load_fail(cfg->line, ERR_INVALID, "%s is given twice; allowed: once",
				 opt->name);
	*seen |= bit;
	return 0;
}

/*
 * Parsers of the settings, each called for each value. To libconfuse all values are words: its own
 * numbers would take 010 for 8. `result` is the word that it keeps.
 */
static int parse_log(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARN] = "warn",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	*(const char **)result = value;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			loading->config->log = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID, "log is \"%s\"; allowed: error, warn, info, debug",
			 value);
}

static int parse_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char **to = load_in_key(cfg) ? &loading->key.device : &loading->config->device;
	size_t n = strlen(value);

	*(const char **)result = value;
	if (load_once(cfg, opt) != 0)
		return -1;
	if (n == 0 || n > SELECTOR_MAX || strchr(value, ' ') != NULL ||
	    !text_is_ascii_printable(value, n))
		return load_fail(
			cfg->line, ERR_INVALID,
			"device is \"%s\"; allowed: an index, a serial number or DRIVER:LABEL"
			" (`lanyard devices` lists them)",
			value);
	*to = strdup(value);
	return *to != NULL ? 0 : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

static int parse_udp(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = loading->config;
	struct sockaddr_in address;
	struct why why = {0};
	unsigned n = cfg_opt_size(opt); /* this one is counted */

	*(const char **)result = value;
	if (n == 1 && load_once(cfg, opt) != 0)
		return -1;
	if (address_parse(&address, value, &why) != ERR_OK)
		return load_fail(cfg->line, ERR_INVALID, "udp: %s", why.text);
	char **more = reallocarray(c->udp, n + 1, sizeof(*more));
	if (more == NULL)
		return load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
	c->udp = more;
	more[n] = NULL;
	more[n - 1] = strdup(value);
	return more[n - 1] != NULL ? 0 : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

/* Other agents' sockets. It may be there several times: each adds to the list. */
static int parse_upstream(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = loading->config;
	size_t n = strlen(value), count = 0;

	(void)opt;
	*(const char **)result = value;
	if (n < 2 || n > SOCKET_PATH_MAX || value[0] != '/' || !text_is_ascii_printable(value, n))
		return load_fail(cfg->line, ERR_INVALID,
				 "upstream is \"%s\"; allowed: the absolute path of an ssh-agent's "
				 "socket, at most %d bytes",
				 value, SOCKET_PATH_MAX);
	for (; c->upstreams != NULL && c->upstreams[count] != NULL; count++)
		if (strcmp(c->upstreams[count], value) == 0)
			return load_fail(cfg->line, ERR_EXISTS,
					 "upstream \"%s\" is there twice; allowed: once", value);
	if (count == UPSTREAM_COUNT_MAX)
		return load_fail(cfg->line, ERR_INVALID,
				 "upstream \"%s\" is one too many; allowed: %d", value,
				 UPSTREAM_COUNT_MAX);
	char **more = reallocarray(c->upstreams, count + 2, sizeof(*more));
	if (more == NULL)
		return load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
	c->upstreams = more;
	more[count + 1] = NULL;
	more[count] = strdup(value);
	return more[count] != NULL ? 0 : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

static int parse_passphrase(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char *const names[] = {
		[PASSPHRASE_HOST] = "host",
		[PASSPHRASE_DEVICE] = "device",
		[PASSPHRASE_NONE] = "none",
	};

	*(const char **)result = value;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			loading->wallet.passphrase = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID,
			 "passphrase is \"%s\"; allowed: host, device, none", value);
}

static int parse_timeout(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	uint32_t seconds;

	*(const char **)result = value;
	if (!text_to_seconds(value, WALLET_TIMEOUT_MIN, WALLET_TIMEOUT_MAX, &seconds))
		return load_fail(cfg->line, ERR_INVALID,
				 "timeout is \"%s\"; allowed: %ds to %ds, such as 120s or 5m",
				 value, WALLET_TIMEOUT_MIN, WALLET_TIMEOUT_MAX);
	loading->wallet.timeout = seconds;
	return load_once(cfg, opt);
}

static int parse_wait_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	uint32_t seconds;

	*(const char **)result = value;
	if (!text_to_u32(value, 0, WAIT_DEVICE_MAX, &seconds))
		return load_fail(cfg->line, ERR_INVALID,
				 "wait-device is \"%s\"; allowed: 0 to %d (seconds)", value,
				 WAIT_DEVICE_MAX);
	loading->config->wait_device = seconds;
	return load_once(cfg, opt);
}

static int parse_lock_after(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	loading->config->lock_after = 0;
	if (strcmp(value, "off") != 0 &&
	    !text_to_seconds(value, 1, LOCK_AFTER_MAX, &loading->config->lock_after))
		return load_fail(
			cfg->line, ERR_INVALID,
			"lock-after is \"%s\"; allowed: off, or a time from 1s to 7d, such "
			"as 15m",
			value);
	return load_once(cfg, opt);
}

/* Who asks and notifies a person, and where. */
static int parse_prompt(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = loading->config;
	const struct {
		const char *name;
		char **to;
		const char *begin;
		size_t min, max;
		const char *allowed;
	} settings[] = {
		{"pinentry", &c->pinentry, "/", 2, PATH_MAX - 1, "a program's absolute path"},
		{"notify", &c->notify, "", 0, PATH_MAX - 1,
		 "a program that takes notify-send's options, or nothing"},
		{"display", &c->display, "", 1, PLACE_NAME_MAX - 1,
		 "an X display such as :0, or a Wayland one such as wayland-0"},
		{"tty", &c->tty, "/dev/", 6, PLACE_NAME_MAX - 1,
		 "a terminal's path, such as /dev/tty1"},
	};
	size_t n = strlen(value), i = 0;

	*(const char **)result = value;
	while (strcmp(settings[i].name, opt->name) != 0)
		i++;
	if (load_once(cfg, opt) != 0)
		return -1;
	if (n < settings[i].min || n > settings[i].max || !text_is_ascii_printable(value, n) ||
	    strncmp(value, settings[i].begin, strlen(settings[i].begin)) != 0)
		return load_fail(cfg->line, ERR_INVALID, "%s is \"%s\"; allowed: %s", opt->name,
				 value, settings[i].allowed);
	*settings[i].to = strdup(value);
	return *settings[i].to != NULL ? 0 : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

static int parse_events(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t n = strlen(value);

	*(const char **)result = value;
	if (load_once(cfg, opt) != 0)
		return -1;
	if (strcmp(value, "journald") != 0 &&
	    (n < 2 || n >= PATH_MAX || value[0] != '/' || !text_is_ascii_printable(value, n)))
		return load_fail(cfg->line, ERR_INVALID,
				 "events is \"%s\"; allowed: journald, or a file's absolute path",
				 value);
	loading->config->events = strdup(value);
	return loading->config->events != NULL
		       ? 0
		       : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

static int parse_allow_loopback(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	loading->config->allow_loopback = strcmp(value, "true") == 0;
	if (!loading->config->allow_loopback && strcmp(value, "false") != 0)
		return load_fail(cfg->line, ERR_INVALID,
				 "allow-loopback is \"%s\"; allowed: true, false", value);
	return load_once(cfg, opt);
}

static int parse_policy(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct policy *to = load_in_key(cfg)      ? &loading->key.policy
			    : load_in_policy(cfg) ? &loading->policy
						  : &loading->config->policy;
	const char *allowed = config_policy_set(to, opt->name, value);

	*(const char **)result = value;
	if (allowed != NULL)
		return load_fail(cfg->line, ERR_INVALID, "%s is \"%s\"; allowed: %s", opt->name,
				 value, allowed);
	return load_once(cfg, opt);
}

static int parse_allow_root(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char *const names[] = {
		[ROOT_NONE] = "none",
		[ROOT_WG] = "wg",
		[ROOT_ALL] = "all",
	};

	*(const char **)result = value;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			loading->config->allow_root = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID, "allow-root is \"%s\"; allowed: wg, all, none",
			 value);
}

static int parse_allow_owner(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	loading->config->allow_owner = strcmp(value, "wg") == 0;
	if (!loading->config->allow_owner && strcmp(value, "none") != 0)
		return load_fail(cfg->line, ERR_INVALID, "allow-owner is \"%s\"; allowed: none, wg",
				 value);
	return load_once(cfg, opt);
}

static int parse_curve(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	if (curve_parse(value, &loading->key.curve, NULL) != ERR_OK)
		return load_fail(
			cfg->line, ERR_INVALID,
			"curve is \"%s\"; allowed: ed25519, nist256p1, secp256k1, curve25519",
			value);
	loading->key.has_curve = true;
	return load_once(cfg, opt);
}

static int parse_index(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	if (!text_to_u32(value, 0, UINT32_MAX, &loading->key.index))
		return load_fail(cfg->line, ERR_INVALID,
				 "index is \"%s\"; allowed: 0 to 4294967295", value);
	return load_once(cfg, opt);
}

static int parse_allow(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const struct {
		const char *name;
		enum allow allow;
	} names[] = {
		{"userauth", ALLOW_USERAUTH},
		{"sshsig", ALLOW_SSHSIG},
		{"certificate", ALLOW_CERTIFICATE},
		{"any", ALLOW_ANY},
	};

	*(const char **)result = value;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i].name) == 0) {
			loading->key.allow |= names[i].allow;
			return cfg_opt_size(opt) == 1 ? load_once(cfg, opt) : 0;
		}
	}
	return load_fail(cfg->line, ERR_INVALID,
			 "allow has \"%s\"; allowed: userauth, sshsig, certificate, any", value);
}

static int parse_host_key(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	loading->key.has_host_key = true;
	loading->key.host_known = strcmp(value, "known") == 0;
	if (!loading->key.host_known && strcmp(value, "any") != 0)
		return load_fail(cfg->line, ERR_INVALID, "host-key is \"%s\"; allowed: any, known",
				 value);
	return load_once(cfg, opt);
}

/* ---- key sections ---- */

/* What the section says beyond single values. */
static int check_key(int line, const char *uri, struct config_key *k, bool allow_empty)
{
	const struct section *s = &loading->key;
	const struct config *c = loading->config;
	struct why why = {0};
	enum err e = identity_parse(&k->id, uri, &why);

	if (e != ERR_OK)
		return load_fail(line, e, "key \"%s\": %s", uri, why_text(&why, e));
	if (s->has_curve)
		k->id.curve = s->curve;
	k->id.index = s->index;
	k->allow = s->allow != 0 ? s->allow : ALLOW_DEFAULT;
	k->host_known = s->host_known;
	if (k->id.class == CLASS_SSH && k->id.curve != CURVE_ED25519 &&
	    k->id.curve != CURVE_NIST256P1)
		return load_fail(line, ERR_INVALID,
				 "key \"%s\": curve is %s; allowed for ssh://: ed25519, nist256p1",
				 uri, curve_name(k->id.curve));
	if (allow_empty)
		return load_fail(
			line, ERR_INVALID,
			"key \"%s\": allow is empty; allowed: userauth, sshsig, certificate, any",
			uri);
	if (s->allow != 0 && k->id.class != CLASS_SSH)
		return load_fail(line, ERR_INVALID, "key \"%s\": allow is for ssh:// keys only",
				 uri);
	if (s->has_host_key && k->id.class != CLASS_SSH)
		return load_fail(line, ERR_INVALID, "key \"%s\": host-key is for ssh:// keys only",
				 uri);
	if (s->host_known && (k->allow & ALLOW_ANY) != 0)
		return load_fail(
			line, ERR_INVALID,
			"key \"%s\": host-key = known holds for logins, and allow has any, "
			"which nothing holds for; allowed: one of them",
			uri);
	for (size_t i = 0; i < c->key_count; i++)
		if (identity_equal(&c->keys[i].id, &k->id))
			return load_fail(line, ERR_EXISTS,
					 "key \"%s\" with curve %s and index %u is there twice; "
					 "allowed: once",
					 uri, curve_name(k->id.curve), (unsigned)k->id.index);
	return 0;
}

/*
 * A key section has ended. It is taken over and then removed from libconfuse's list: there a second
 * section of the same title, for another index or curve, would silently replace it.
 */
static int load_key(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *c = loading->config;
	cfg_t *section = cfg_opt_getnsec(opt, 0);
	const cfg_opt_t *allow = cfg_getopt(section, "allow");
	struct config_key *k = &c->keys[c->key_count];
	int line;

	(void)cfg;
	if (scan_section(&loading->scan, loading->why) != ERR_OK)
		return load_fail(0, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
	line = (int)loading->scan.opened;
	if (c->key_count == CONFIG_KEYS_MAX)
		return load_fail(line, ERR_TOO_LARGE, "more than %d keys", CONFIG_KEYS_MAX);
	if (check_key(line, cfg_title(section), k,
		      (allow->flags & CFGF_MODIFIED) != 0 && allow->nvalues == 0) != 0)
		return -1;
	k->device = loading->key.device;
	k->policy = loading->key.policy;
	memset(&loading->key, 0, sizeof(loading->key));
	c->key_count++;
	return cfg_opt_rmnsec(opt, 0) == CFG_SUCCESS ? 0 : -1;
}

/* ---- wallet sections ---- */

static int load_wallet(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *c = loading->config;
	const char *title = cfg_title(cfg_opt_getnsec(opt, 0));
	size_t n = strlen(title), count = 0;
	int line;

	(void)cfg;
	if (scan_section(&loading->scan, loading->why) != ERR_OK)
		return load_fail(0, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
	line = (int)loading->scan.opened;
	if (n == 0 || n > SELECTOR_MAX || strchr(title, ' ') != NULL ||
	    !text_is_ascii_printable(title, n))
		return load_fail(line, ERR_INVALID,
				 "wallet \"%s\"; allowed: a serial number, or DRIVER:LABEL "
				 "(`lanyard devices` lists them)",
				 title);
	if (loading->seen_wallet == 0)
		return load_fail(line, ERR_INVALID,
				 "wallet \"%s\" says nothing; allowed: passphrase, timeout", title);
	for (; c->wallets != NULL && c->wallets[count].device != NULL; count++)
		if (strcmp(c->wallets[count].device, title) == 0)
			return load_fail(line, ERR_EXISTS,
					 "wallet \"%s\" is there twice; allowed: once", title);
	struct wallet_setting *more = reallocarray(c->wallets, count + 2, sizeof(*more));
	if (more == NULL)
		return load_fail(line, ERR_NO_MEMORY, "out of memory");
	c->wallets = more;
	more[count] = loading->wallet;
	more[count].device = strdup(title);
	more[count + 1] = (struct wallet_setting){0};
	loading->seen_wallet = 0;
	loading->wallet = (struct wallet_setting){0};
	if (more[count].device == NULL)
		return load_fail(line, ERR_NO_MEMORY, "out of memory");
	return cfg_opt_rmnsec(opt, 0) == CFG_SUCCESS ? 0 : -1;
}

/* ---- policy sections ---- */

static int load_policy(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *c = loading->config;
	const char *title = cfg_title(cfg_opt_getnsec(opt, 0));
	size_t count = 0;
	int line;

	(void)cfg;
	if (scan_section(&loading->scan, loading->why) != ERR_OK)
		return load_fail(0, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
	line = (int)loading->scan.opened;
	if (strlen(title) > SELECTOR_MAX || !config_policy_title(title))
		return load_fail(line, ERR_INVALID,
				 "policy \"%s\"; allowed: a protocol such as \"ssh://\", a serial "
				 "number, or DRIVER:LABEL (`lanyard devices` lists them)",
				 title);
	for (; c->policies != NULL && c->policies[count].of != NULL; count++)
		if (strcmp(c->policies[count].of, title) == 0)
			return load_fail(line, ERR_EXISTS,
					 "policy \"%s\" is there twice; allowed: once", title);
	struct config_policy *more = reallocarray(c->policies, count + 2, sizeof(*more));
	if (more == NULL)
		return load_fail(line, ERR_NO_MEMORY, "out of memory");
	c->policies = more;
	more[count] = (struct config_policy){strdup(title), loading->policy};
	more[count + 1] = (struct config_policy){0};
	loading->policy = (struct policy){0};
	loading->seen_policy = 0;
	if (more[count].of == NULL)
		return load_fail(line, ERR_NO_MEMORY, "out of memory");
	return cfg_opt_rmnsec(opt, 0) == CFG_SUCCESS ? 0 : -1;
}

/* What an owner may be asked, wherever it may stand. */
#define POLICY_OPTIONS                                                                             \
	CFG_STR_CB("confirm", NULL, CFGF_NODEFAULT, parse_policy),                                 \
		CFG_STR_CB("remember", NULL, CFGF_NODEFAULT, parse_policy),                        \
		CFG_STR_CB("scope", NULL, CFGF_NODEFAULT, parse_policy),                           \
		CFG_STR_CB("max-uses", NULL, CFGF_NODEFAULT, parse_policy),                        \
		CFG_STR_CB("forwarded", NULL, CFGF_NODEFAULT, parse_policy)

enum err config_parse(struct config *c, const char *path, const char *text, struct why *why)
{
	cfg_opt_t key_options[] = {
		CFG_STR_CB("curve", NULL, CFGF_NODEFAULT, parse_curve),
		CFG_STR_CB("index", NULL, CFGF_NODEFAULT, parse_index),
		CFG_STR_CB("device", NULL, CFGF_NODEFAULT, parse_device),
		CFG_STR_LIST_CB("allow", NULL, CFGF_NODEFAULT, parse_allow),
		CFG_STR_CB("host-key", NULL, CFGF_NODEFAULT, parse_host_key),
		POLICY_OPTIONS,
		CFG_END(),
	};
	cfg_opt_t wallet_options[] = {
		CFG_STR_CB("passphrase", NULL, CFGF_NODEFAULT, parse_passphrase),
		CFG_STR_CB("timeout", NULL, CFGF_NODEFAULT, parse_timeout),
		CFG_END(),
	};
	cfg_opt_t policy_options[] = {
		POLICY_OPTIONS,
		CFG_END(),
	};
	cfg_opt_t options[] = {
		CFG_STR_CB("device", NULL, CFGF_NODEFAULT, parse_device),
		CFG_STR_CB("log", NULL, CFGF_NODEFAULT, parse_log),
		CFG_STR_CB("wait-device", NULL, CFGF_NODEFAULT, parse_wait_device),
		CFG_STR_CB("lock-after", NULL, CFGF_NODEFAULT, parse_lock_after),
		CFG_STR_CB("pinentry", NULL, CFGF_NODEFAULT, parse_prompt),
		CFG_STR_CB("notify", NULL, CFGF_NODEFAULT, parse_prompt),
		CFG_STR_CB("display", NULL, CFGF_NODEFAULT, parse_prompt),
		CFG_STR_CB("tty", NULL, CFGF_NODEFAULT, parse_prompt),
		CFG_STR_CB("events", NULL, CFGF_NODEFAULT, parse_events),
		CFG_STR_CB("allow-loopback", NULL, CFGF_NODEFAULT, parse_allow_loopback),
		CFG_STR_CB("allow-root", NULL, CFGF_NODEFAULT, parse_allow_root),
		CFG_STR_CB("allow-owner", NULL, CFGF_NODEFAULT, parse_allow_owner),
		CFG_STR_LIST_CB("udp", NULL, CFGF_NODEFAULT, parse_udp),
		CFG_STR_LIST_CB("upstream", NULL, CFGF_NODEFAULT, parse_upstream),
		POLICY_OPTIONS,
		CFG_SEC("policy", policy_options, CFGF_MULTI | CFGF_TITLE),
		CFG_SEC("wallet", wallet_options, CFGF_MULTI | CFGF_TITLE),
		CFG_SEC("key", key_options, CFGF_MULTI | CFGF_TITLE),
		CFG_END(),
	};
	struct load load = {.config = c, .scan = {.path = path, .p = text, .line = 1}, .why = why};
	enum err e = scan_all(path, text, why);
	cfg_t *cfg;
	int result;

	if (e != ERR_OK)
		return e;
	cfg = cfg_init(options, CFGF_NONE);
	if (cfg == NULL)
		return ERR_NO_MEMORY;
	cfg_set_error_function(cfg, load_confuse_error);
	cfg_set_validate_func(cfg, "key", load_key);
	cfg_set_validate_func(cfg, "wallet", load_wallet);
	cfg_set_validate_func(cfg, "policy", load_policy);
	loading = &load;
	result = cfg_parse_buf(cfg, text);
	loading = NULL;
	cfg_free(cfg);
	free(load.key.device);
	if (load.error == ERR_OK && result != CFG_SUCCESS)
		return why_set(why, ERR_INVALID, "%s: cannot be read as a configuration", path);
	return load.error;
}
