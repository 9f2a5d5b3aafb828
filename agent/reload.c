/* SPDX-License-Identifier: MIT */
#include "agent/reload.h"

#include <stdlib.h>
#include <string.h>

#include "agent/autoload.h"
#include "agent/confirm.h"
#include "agent/idle.h"
#include "agent/logind.h"
#include "agent/prompt.h"
#include "protocol/log.h"

/* What drivers were told: their workers may still read it, so each stays until the end. */
struct reload_env {
	struct reload_env *older;
	struct driver_env env;
	char **udp;
	struct wallet_setting *wallets;
};

/* ---- the drivers' part ---- */

static size_t count_udp(char *const *udp)
{
	size_t n = 0;

	while (udp != NULL && udp[n] != NULL)
		n++;
	return n;
}

static size_t count_wallets(const struct wallet_setting *w)
{
	size_t n = 0;

	while (w != NULL && w[n].device != NULL)
		n++;
	return n;
}

static void env_free(struct reload_env *e)
{
	for (char **udp = e->udp; udp != NULL && *udp != NULL; udp++)
		free(*udp);
	for (struct wallet_setting *w = e->wallets; w != NULL && w->device != NULL; w++)
		free((char *)w->device);
	free(e->udp);
	free(e->wallets);
	free(e);
}

static bool env_is(const struct reload_env *e, const struct config *c)
{
	size_t udp = count_udp(c->udp), wallets = count_wallets(c->wallets);

	if (count_udp(e->udp) != udp || count_wallets(e->wallets) != wallets)
		return false;
	for (size_t i = 0; i < udp; i++)
		if (strcmp(e->udp[i], c->udp[i]) != 0)
			return false;
	for (size_t i = 0; i < wallets; i++)
		if (strcmp(e->wallets[i].device, c->wallets[i].device) != 0 ||
		    e->wallets[i].passphrase != c->wallets[i].passphrase ||
		    e->wallets[i].timeout != c->wallets[i].timeout)
			return false;
	return true;
}

static struct reload_env *env_new(const struct config *c, const char *data_dir,
				  struct prompter *prompter)
{
	size_t udp = count_udp(c->udp), wallets = count_wallets(c->wallets);
	struct reload_env *e = calloc(1, sizeof(*e));
	bool ok = e != NULL;

	if (!ok)
		return NULL;
	e->udp = calloc(udp + 1, sizeof(*e->udp));
	e->wallets = calloc(wallets + 1, sizeof(*e->wallets));
	ok = e->udp != NULL && e->wallets != NULL;
	for (size_t i = 0; ok && i < udp; i++)
		ok = (e->udp[i] = strdup(c->udp[i])) != NULL;
	for (size_t i = 0; ok && i < wallets; i++) {
		e->wallets[i] = c->wallets[i];
		ok = (e->wallets[i].device = strdup(c->wallets[i].device)) != NULL;
	}
	if (!ok) {
		env_free(e);
		return NULL;
	}
	e->env = (struct driver_env){
		.data_dir = data_dir,
		.udp = (const char *const *)e->udp,
		.wallets = e->wallets,
		.stretch = prompter_stretch,
		.stretch_arg = prompter,
	};
	return e;
}

const struct driver_env *reload_init(struct reloader *r, struct agent *a, const char *data_dir,
				     bool level_fixed)
{
	*r = (struct reloader){.agent = a, .level_fixed = level_fixed};
	r->env = env_new(a->config, data_dir, a->prompter);
	return r->env != NULL ? &r->env->env : NULL;
}

void reload_free(struct reloader *r)
{
	struct reload_env *older;

	for (; r->env != NULL; r->env = older) {
		older = r->env->older;
		env_free(r->env);
	}
}

/* ---- the end of one ---- */

static void reload_end(struct reloader *r, enum err e, const struct why *why)
{
	struct reload_waiter *w;

	while ((w = r->waiters) != NULL) {
		r->waiters = w->next;
		w->waiting = false;
		w->done(w, e, why);
	}
}

static void reload_refuse(struct reloader *r, enum err e, const struct why *why)
{
	log_warn("the configuration stays as it was: %s", why_text(why, e));
	reload_end(r, e, why);
}

/* What a key may sign is noted with it; what only the old configuration offered is not any more. */
static void reload_keys(struct agent *a, const struct config *old)
{
	for (size_t i = 0; i < a->keys.count; i++) {
		struct key *key = a->keys.keys[i];

		config_key_settings(a->config, key);
		if (config_find_key(old, &key->id) != NULL &&
		    config_find_key(a->config, &key->id) == NULL)
			agent_unlist_key(key);
	}
}

/* From here on `next` is in force. An error changes nothing. */
static enum err reload_apply(struct reloader *r, struct config *next, struct why *why)
{
	struct agent *a = r->agent;
	struct config *old = a->config;
	struct reload_env *env = NULL;
	struct event_log log;
	enum err e = event_log_open(&log, next->events, why);

	if (e == ERR_OK && !env_is(r->env, next) &&
	    (env = env_new(next, r->env->env.data_dir, a->prompter)) == NULL)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK)
		e = autoload_replace(a->autoload, next);
	if (e != ERR_OK) {
		event_log_close(&log);
		if (env != NULL)
			env_free(env);
		return e;
	}
	a->config = next;
	event_log_close(&a->watch.log);
	a->watch.log = log;
	if (!r->level_fixed)
		log_set_level(next->log);
	reload_keys(a, old);
	idle_used(a); /* lock-after begins anew */
	logind_configure(a);
	config_free(old);
	if (prompter_reload(a->prompter, next->digest) != ERR_OK)
		log_warn("the keeper cannot be told of the new configuration");
	if (env != NULL) {
		env->older = r->env;
		r->env = env;
		registry_set_env(a->registry, &env->env);
	}
	autoload_begin(a->autoload);
	return ERR_OK;
}

static void reload_take(struct reloader *r, struct config *next)
{
	struct why why = {0};
	enum err e = reload_apply(r, next, &why);

	if (e != ERR_OK) {
		config_free(next);
		reload_refuse(r, e, &why);
		return;
	}
	log_info("configuration read again: %s", r->agent->config->path);
	reload_end(r, ERR_OK, &why);
}

/* ---- the question ---- */

/* With nobody to ask. */
#define WAY_OUT                                                                                    \
	"`lanyard tty` in a terminal has the agent ask there; one that is started anew asks "      \
	"nobody"

static void reload_confirmed(void *arg, enum err e)
{
	struct reloader *r = arg;
	struct config *next = r->next;
	struct why why = {0};

	r->asked = NULL;
	r->next = NULL;
	if (e == ERR_OK) {
		reload_take(r, next);
		return;
	}
	why_set(&why, e, "%s: %s (%s)%s", next->path, err_text(e), r->loosens,
		e == ERR_NO_PROMPT ? ": " WAY_OUT : "");
	config_free(next);
	reload_refuse(r, e, &why);
}

static void reload_ask(struct reloader *r, struct config *next, pid_t asker)
{
	struct why why = {0};

	r->next = next;
	r->asked = confirm_start(r->agent, "Use a new configuration that protects less?",
				 r->loosens, asker, reload_confirmed, r);
	if (r->asked != NULL)
		return;
	r->next = NULL;
	why_set(&why, ERR_NO_PROMPT,
		"%s asks less (%s), and there is nobody to confirm that: " WAY_OUT, next->path,
		r->loosens);
	config_free(next);
	reload_refuse(r, ERR_NO_PROMPT, &why);
}

/* ---- the calls ---- */

static void reload_forget_question(struct reloader *r)
{
	confirm_cancel(r->asked);
	config_free(r->next);
	r->asked = NULL;
	r->next = NULL;
}

void reload_start(struct reloader *r, pid_t asker, struct reload_waiter *w)
{
	struct config *next;
	struct why why = {0};
	enum err e;

	reload_forget_question(r);
	/* Whatever comes of it, what was confirmed before is asked again. */
	consent_forget(r->agent, NULL);
	if (w != NULL) {
		w->next = r->waiters;
		w->waiting = true;
		r->waiters = w;
	}
	e = config_reload(&next, r->agent->config, &why);
	if (e != ERR_OK)
		reload_refuse(r, e, &why);
	else if (reload_loosens(r->agent->config, next, &r->agent->store, r->loosens,
				sizeof(r->loosens)))
		reload_ask(r, next, asker);
	else
		reload_take(r, next);
}

void reload_leave(struct reloader *r, struct reload_waiter *w)
{
	if (!w->waiting)
		return;
	for (struct reload_waiter **at = &r->waiters; *at != NULL; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			break;
		}
	}
	w->waiting = false;
}

void reload_stop(struct reloader *r)
{
	struct why why = {0};

	reload_forget_question(r);
	reload_end(r, ERR_SHUTDOWN, &why);
}
