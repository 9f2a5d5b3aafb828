/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config_load.h"
#include "agent/config_policy.h"
#include "agent/destination.h"
#include "agent/logind_wire.h"
#include "agent/place.h"
#include "agent/upstream.h"
#include "protocol/address.h"
#include "protocol/client.h"
#include "protocol/text.h"

int parse_log(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
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
			load_current()->config->log = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID, "log is \"%s\"; allowed: error, warn, info, debug",
			 value);
}

int parse_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char **to = load_in_key(cfg) ? &load_current()->key.device
				     : &load_current()->config->device;
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

int parse_udp(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = load_current()->config;
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
int parse_upstream(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = load_current()->config;
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

int parse_passphrase(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char *const names[] = {
		[PASSPHRASE_HOST] = "host",
		[PASSPHRASE_DEVICE] = "device",
		[PASSPHRASE_NONE] = "none",
	};

	*(const char **)result = value;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			load_current()->wallet.passphrase = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID,
			 "passphrase is \"%s\"; allowed: host, device, none", value);
}

int parse_timeout(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	uint32_t seconds;

	*(const char **)result = value;
	if (!text_to_seconds(value, WALLET_TIMEOUT_MIN, WALLET_TIMEOUT_MAX, &seconds))
		return load_fail(cfg->line, ERR_INVALID,
				 "timeout is \"%s\"; allowed: %ds to %ds, such as 120s or 5m",
				 value, WALLET_TIMEOUT_MIN, WALLET_TIMEOUT_MAX);
	load_current()->wallet.timeout = seconds;
	return load_once(cfg, opt);
}

int parse_wait_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	uint32_t seconds;

	*(const char **)result = value;
	if (!text_to_u32(value, 0, WAIT_DEVICE_MAX, &seconds))
		return load_fail(cfg->line, ERR_INVALID,
				 "wait-device is \"%s\"; allowed: 0 to %d (seconds)", value,
				 WAIT_DEVICE_MAX);
	load_current()->config->wait_device = seconds;
	return load_once(cfg, opt);
}

int parse_lock_after(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	load_current()->config->lock_after = 0;
	if (strcmp(value, "off") != 0 &&
	    !text_to_seconds(value, 1, LOCK_AFTER_MAX, &load_current()->config->lock_after))
		return load_fail(
			cfg->line, ERR_INVALID,
			"lock-after is \"%s\"; allowed: off, or a time from 1s to 7d, such "
			"as 15m",
			value);
	return load_once(cfg, opt);
}

int parse_lock_on(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned *on = &load_current()->config->lock_on;
	bool sleep = strcmp(value, LOGIND_WORD_SLEEP) == 0;

	*(const char **)result = value;
	if (!sleep && strcmp(value, LOGIND_WORD_SESSION) != 0)
		return load_fail(cfg->line, ERR_INVALID,
				 "lock-on has \"%s\"; allowed: sleep, session-lock", value);
	*on = (cfg_opt_size(opt) == 1 ? 0 : *on) | (sleep ? LOCK_ON_SLEEP : LOCK_ON_SESSION);
	return cfg_opt_size(opt) == 1 ? load_once(cfg, opt) : 0;
}

/* Who asks and notifies a person, and where. */
int parse_prompt(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct config *c = load_current()->config;
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

int parse_events(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
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
	load_current()->config->events = strdup(value);
	return load_current()->config->events != NULL
		       ? 0
		       : load_fail(cfg->line, ERR_NO_MEMORY, "out of memory");
}

int parse_allow_loopback(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	load_current()->config->allow_loopback = strcmp(value, "true") == 0;
	if (!load_current()->config->allow_loopback && strcmp(value, "false") != 0)
		return load_fail(cfg->line, ERR_INVALID,
				 "allow-loopback is \"%s\"; allowed: true, false", value);
	return load_once(cfg, opt);
}

int parse_policy(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct policy *to = load_in_key(cfg)      ? &load_current()->key.policy
			    : load_in_policy(cfg) ? &load_current()->policy
						  : &load_current()->config->policy;
	const char *allowed = config_policy_set(to, opt->name, value);

	*(const char **)result = value;
	if (allowed != NULL)
		return load_fail(cfg->line, ERR_INVALID, "%s is \"%s\"; allowed: %s", opt->name,
				 value, allowed);
	return load_once(cfg, opt);
}

int parse_allow_root(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static const char *const names[] = {
		[ROOT_NONE] = "none",
		[ROOT_WG] = "wg",
		[ROOT_ALL] = "all",
	};

	*(const char **)result = value;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]) == 0) {
			load_current()->config->allow_root = i;
			return load_once(cfg, opt);
		}
	}
	return load_fail(cfg->line, ERR_INVALID, "allow-root is \"%s\"; allowed: wg, all, none",
			 value);
}

int parse_allow_owner(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	load_current()->config->allow_owner = strcmp(value, "wg") == 0;
	if (!load_current()->config->allow_owner && strcmp(value, "none") != 0)
		return load_fail(cfg->line, ERR_INVALID, "allow-owner is \"%s\"; allowed: none, wg",
				 value);
	return load_once(cfg, opt);
}

int parse_curve(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	if (curve_parse(value, &load_current()->key.curve, NULL) != ERR_OK)
		return load_fail(
			cfg->line, ERR_INVALID,
			"curve is \"%s\"; allowed: ed25519, nist256p1, secp256k1, curve25519",
			value);
	load_current()->key.has_curve = true;
	return load_once(cfg, opt);
}

int parse_index(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	if (!text_to_u32(value, 0, UINT32_MAX, &load_current()->key.index))
		return load_fail(cfg->line, ERR_INVALID,
				 "index is \"%s\"; allowed: 0 to 4294967295", value);
	return load_once(cfg, opt);
}

int parse_allow(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
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
			load_current()->key.allow |= names[i].allow;
			return cfg_opt_size(opt) == 1 ? load_once(cfg, opt) : 0;
		}
	}
	return load_fail(cfg->line, ERR_INVALID,
			 "allow has \"%s\"; allowed: userauth, sshsig, certificate, any", value);
}

int parse_host_key(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	load_current()->key.has_host_key = true;
	load_current()->key.host_known = strcmp(value, "known") == 0;
	if (!load_current()->key.host_known && strcmp(value, "any") != 0)
		return load_fail(cfg->line, ERR_INVALID, "host-key is \"%s\"; allowed: any, known",
				 value);
	return load_once(cfg, opt);
}

int parse_destinations(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct why why = {0};
	enum err e = destinations_add(&load_current()->key.destinations, value, &why);

	*(const char **)result = value;
	if (e != ERR_OK)
		return load_fail(cfg->line, e, "%s", why_text(&why, e));
	return cfg_opt_size(opt) == 1 ? load_once(cfg, opt) : 0;
}
