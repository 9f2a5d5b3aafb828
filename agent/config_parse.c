/* SPDX-License-Identifier: MIT */
#include "agent/config_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config_policy.h"
#include "agent/config_load.h"
#include "protocol/text.h"

/* libconfuse's callbacks take no argument of ours. Set while config_parse() runs. */
static struct load *loading;

struct load *load_current(void)
{
	return loading;
}

/* Remembers the first failure; returns what makes libconfuse stop. */
int load_fail(int line, enum err e, const char *fmt, ...)
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

bool load_in_key(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "key") == 0;
}

static bool load_in_wallet(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "wallet") == 0;
}

bool load_in_policy(cfg_t *cfg)
{
	return strcmp(cfg_name(cfg), "policy") == 0;
}

/* What libconfuse itself finds: syntax, and names that it was not told. */
static void PRINTF_LIKE(2, 0) load_confuse_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[WHY_MAX / 2];

	vsnprintf(text, sizeof(text), fmt, args);
	load_fail(cfg->line, ERR_INVALID, "%s (allowed here: %s)", text,
		  load_in_key(cfg)
			  ? "curve, index, device, allow, host-key, destinations, " POLICY_SETTINGS
		  : load_in_wallet(cfg) ? "passphrase, timeout"
		  : load_in_policy(cfg)
			  ? POLICY_SETTINGS
			  : "device, log, wait-device, lock-after, lock-on, pinentry, notify, "
			    "display, tty, events, allow-loopback, allow-root, allow-owner, udp, "
			    "upstream, " POLICY_SETTINGS
			    ", wallet \"DEVICE\" { }, policy \"WHAT\" { }, key \"URI\" { }");
}

/* Each setting once, so that none silently overrides another. */
int load_once(cfg_t *cfg, const cfg_opt_t *opt)
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

/* ---- key sections ---- */

/* What the section says beyond single values. */
static int check_key(int line, const char *uri, struct config_key *k, const char *empty)
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
	if (empty != NULL)
		return load_fail(line, ERR_INVALID, "key \"%s\": %s", uri, empty);
	if (s->allow != 0 && k->id.class != CLASS_SSH)
		return load_fail(line, ERR_INVALID, "key \"%s\": allow is for ssh:// keys only",
				 uri);
	if (s->has_host_key && k->id.class != CLASS_SSH)
		return load_fail(line, ERR_INVALID, "key \"%s\": host-key is for ssh:// keys only",
				 uri);
	if (s->destinations != NULL && k->id.class != CLASS_SSH)
		return load_fail(line, ERR_INVALID,
				 "key \"%s\": destinations is for ssh:// keys only", uri);
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

/* What is wrong with a list without values, or NULL: there is none. */
static const char *load_empty_list(cfg_t *section)
{
	static const struct {
		const char *name, *wrong;
	} lists[] = {
		{"allow", "allow is empty; allowed: userauth, sshsig, certificate, any"},
		{"destinations", "destinations is empty; allowed: one or more of "
				 "\"[HOP>][USER@]HOST\""},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const cfg_opt_t *opt = cfg_getopt(section, lists[i].name);

		if ((opt->flags & CFGF_MODIFIED) != 0 && opt->nvalues == 0)
			return lists[i].wrong;
	}
	return NULL;
}

/*
 * A key section has ended. It is taken over and then removed from libconfuse's list: there a second
 * section of the same title, for another index or curve, would silently replace it.
 */
static int load_key(cfg_t *cfg, cfg_opt_t *opt)
{
	struct config *c = loading->config;
	cfg_t *section = cfg_opt_getnsec(opt, 0);
	struct config_key *k = &c->keys[c->key_count];
	int line;

	(void)cfg;
	if (scan_section(&loading->scan, loading->why) != ERR_OK)
		return load_fail(0, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
	line = (int)loading->scan.opened;
	if (c->key_count == CONFIG_KEYS_MAX)
		return load_fail(line, ERR_TOO_LARGE, "more than %d keys", CONFIG_KEYS_MAX);
	if (check_key(line, cfg_title(section), k, load_empty_list(section)) != 0)
		return -1;
	k->device = loading->key.device;
	k->destinations = loading->key.destinations;
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
		CFG_STR_LIST_CB("destinations", NULL, CFGF_NODEFAULT, parse_destinations),
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
		CFG_STR_LIST_CB("lock-on", NULL, CFGF_NODEFAULT, parse_lock_on),
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
	if ((cfg_getopt(cfg, "lock-on")->flags & CFGF_MODIFIED) && cfg_size(cfg, "lock-on") == 0)
		c->lock_on = 0;
	loading = NULL;
	cfg_free(cfg);
	free(load.key.device);
	free(load.key.destinations);
	if (load.error == ERR_OK && result != CFG_SUCCESS)
		return why_set(why, ERR_INVALID, "%s: cannot be read as a configuration", path);
	return load.error;
}
