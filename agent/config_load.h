/* SPDX-License-Identifier: MIT */
/*
 * A config that is being read: what config_parse.c (sections) and config_values.c (single values)
 * share. Loop thread only.
 */
#ifndef LANYARD_CONFIG_LOAD_H
#define LANYARD_CONFIG_LOAD_H

#include <confuse.h>

#include "agent/config_parse.h"
#include "agent/config_scan.h"

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
		char *destinations;
		struct policy policy;
		char *device;
	} key;
};

/* libconfuse's callbacks take no argument of ours. Set while config_parse() runs. */
struct load *load_current(void);
/* Remembers the first failure; returns what makes libconfuse stop. */
int load_fail(int line, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool load_in_key(cfg_t *cfg);
bool load_in_policy(cfg_t *cfg);
/* Each setting once, so that none silently overrides another. */
int load_once(cfg_t *cfg, const cfg_opt_t *opt);

/* Of each value of a setting. To libconfuse all values are words: its own numbers would take 010
 * for 8. `result` is the word that it keeps. */
int parse_log(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_udp(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_upstream(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_passphrase(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_timeout(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_wait_device(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_lock_after(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_lock_on(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_prompt(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_events(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_allow_loopback(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_policy(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_allow_root(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_allow_owner(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_curve(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_index(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_allow(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_host_key(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);
int parse_destinations(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result);

#endif
