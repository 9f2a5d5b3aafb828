/* SPDX-License-Identifier: MIT */
/* The commands about what the agent remembers: keys and devices. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/autoload.h"
#include "agent/line.h"
#include "agent/pick.h"
#include "derive/encode.h"
#include "protocol/text.h"

void line_status_key(struct line_conn *lc, const struct key *key)
{
	char index[12], public[STATE_PUBLIC_MAX + 1] = "-", life[12] = "-";

	snprintf(index, sizeof(index), "%u", key->id.index);
	if (key->listed && key->until != 0)
		snprintf(life, sizeof(life), "%u", agent_key_life(lc->request.agent, key));
	if (key->known)
		state_public_text(public, key->id.curve, key->public_key);
	line_status(lc, "KEY", key->id.uri, index, curve_name(key->id.curve), key->serial,
		    key->known ? "known" : "unknown", key->listed ? "listed" : "unlisted", public,
		    key->driver, key->purpose == PURPOSE_SIGN ? "sign" : "ecdh", life,
		    key->listed && key->confirm ? "confirm" : "-", NULL);
	line_status_destinations(lc, key);
}

static void status_time(char out[static 24], uint64_t seconds)
{
	if (seconds == 0 || seconds == UINT64_MAX)
		snprintf(out, 24, "-");
	else
		snprintf(out, 24, "%" PRIu64, seconds);
}

static void line_status_cert(struct line_conn *lc, const struct cert *cert)
{
	char serial[24], after[24], before[24];

	snprintf(serial, sizeof(serial), "%" PRIu64, cert->serial);
	status_time(after, cert->valid_after);
	status_time(before, cert->valid_before);
	line_status(lc, "CERT", cert->file, serial, after, before, cert->key_id, NULL);
}

/* Root asks a user's agent, for WireGuard alone (allow-root = wg): where else the user logs in is
 * not for it to see. */
static bool sees_only_wg(const struct line_conn *lc)
{
	return geteuid() != 0 && conn_uid(lc->conn) == 0 &&
	       lc->request.agent->config->allow_root != ROOT_ALL;
}

void line_run_keys(struct line_conn *lc)
{
	struct agent *a = lc->request.agent;
	bool only_wg = sees_only_wg(lc);
	const struct cert *cert;
	const struct key *key = NULL;

	if (line_refuse_locked(lc))
		return;
	request_refresh_certs(a);
	while ((key = request_next_key(a, key)) != NULL) {
		if (only_wg && key->id.class != CLASS_WG_INTERFACE &&
		    key->id.class != CLASS_WG_PEER)
			continue;
		line_status_key(lc, key);
		for (cert = NULL; (cert = request_next_cert(a, key, cert)) != NULL;)
			line_status_cert(lc, cert);
	}
	line_reply_ok(lc);
}

void line_list_known(struct line_conn *lc)
{
	static const char *const states[] = {
		[DEVICE_LOCKED] = "locked",
		[DEVICE_READY] = "ready",
		[DEVICE_GONE] = "absent",
	};
	const struct agent *a = lc->request.agent;
	char index[12], keys[24], wallet[2 * WALLET_LEN + 1];

	for (size_t i = 0; i < a->store.count; i++) {
		const struct known_device *k = &a->store.devices[i];
		const struct device *d = pick_connected(a, k->is.driver, k->is.serial);
		size_t count = keyring_count(&a->keys, k->is.driver, k->is.serial);

		snprintf(index, sizeof(index), "%u", (unsigned)k->is.index);
		snprintf(keys, sizeof(keys), "%zu", count);
		if (k->has_wallet && count > 0)
			hex_encode(wallet, k->wallet, WALLET_LEN);
		else
			snprintf(wallet, sizeof(wallet), "-");
		line_status(lc, "KNOWN", index, k->is.serial, k->is.driver, k->is.label,
			    states[d != NULL ? device_state(d) : DEVICE_GONE], wallet, keys, NULL);
	}
}

/* ---- FORGET ---- */

/* Which keys are meant; what is NULL or absent means all. */
struct selection {
	const char *uri;
	bool has_index, has_curve, has_device;
	uint32_t index;
	enum curve curve;
	char driver[DRIVER_NAME_MAX + 1], serial[DEVICE_SERIAL_MAX + 1];
};

/* A connected device goes before one that was once called the same. */
static enum err select_device(struct line_conn *lc, const char *selector, struct selection *s,
			      struct why *why)
{
	struct agent *a = lc->request.agent;
	const char *driver, *serial;
	struct known_device *known;
	struct device *d;
	enum err e = registry_find(a->registry, selector, &d, why);

	if (e == ERR_OK) {
		driver = device_driver(d)->name;
		serial = device_info(d)->serial;
	} else if (e == ERR_NO_DEVICE &&
		   (e = store_select(&a->store, selector, &known, why)) == ERR_OK) {
		driver = known->is.driver;
		serial = known->is.serial;
	} else {
		return e;
	}
	s->has_device = true;
	snprintf(s->driver, sizeof(s->driver), "%s", driver);
	snprintf(s->serial, sizeof(s->serial), "%s", serial);
	return ERR_OK;
}

static enum err select_parse(struct line_conn *lc, struct selection *s, struct why *why)
{
	const char *index = line_option(&lc->command, "index");
	const char *curve = line_option(&lc->command, "curve");
	const char *device = line_option(&lc->command, "device");
	bool all = line_option(&lc->command, "all") != NULL;
	struct identity id;
	enum err e;

	*s = (struct selection){.uri = line_operand(&lc->command, 0)};
	if ((s->uri != NULL) == all || (all && device == NULL))
		return why_set(why, ERR_SYNTAX, "either a URI, or --all with --device");
	/* A URI that is none would only be "not recorded". */
	e = s->uri != NULL ? identity_parse(&id, s->uri, why) : ERR_OK;
	if (e == ERR_OK && curve != NULL) {
		s->has_curve = true;
		e = curve_parse(curve, &s->curve, why);
	}
	if (e == ERR_OK && index != NULL) {
		s->has_index = true;
		if (!text_to_u32(index, 0, UINT32_MAX, &s->index))
			e = why_set(why, ERR_INVALID, "index %s: a number from 0 to 4294967295",
				    index);
	}
	if (e == ERR_OK && device != NULL)
		e = select_device(lc, device, s, why);
	return e;
}

static bool selected(const struct selection *s, const struct key *key)
{
	return (s->uri == NULL || strcmp(s->uri, key->id.uri) == 0) &&
	       (!s->has_index || s->index == key->id.index) &&
	       (!s->has_curve || s->curve == key->id.curve) &&
	       (!s->has_device ||
		(strcmp(s->serial, key->serial) == 0 && strcmp(s->driver, key->driver) == 0));
}

void line_run_forget(struct line_conn *lc)
{
	bool dry = line_option(&lc->command, "dry-run") != NULL, found = false;
	struct agent *a = lc->request.agent;
	struct selection s;
	struct why why = {0};
	enum err e;

	if (line_refuse_locked(lc))
		return;
	e = select_parse(lc, &s, &why);
	for (size_t i = a->keys.count; e == ERR_OK && i-- > 0;) {
		struct key *key = a->keys.keys[i];

		if (!selected(&s, key))
			continue;
		found = true;
		line_status_key(lc, key);
		if (dry)
			continue;
		autoload_again(a->autoload, &key->id);
		wgkeys_forget(a, &key->id);
		store_forget_key(&a->store, key);
	}
	if (e == ERR_OK && !found)
		e = why_set(&why, ERR_NOT_FOUND,
			    "no such key is recorded: `lanyard key list` shows those that are");
	if (e != ERR_OK) {
		line_reply_choice(lc, line_option(&lc->command, "device"), e, &why);
		return;
	}
	if (!dry)
		store_save_keys(&a->store);
	line_reply_ok(lc);
	if (!dry)
		autoload_kick(a->autoload);
}

void line_run_forget_device(struct line_conn *lc)
{
	struct agent *a = lc->request.agent;
	struct known_device *d = NULL;
	struct why why = {0};
	enum err e = store_select(&a->store, line_operand(&lc->command, 0), &d, &why);

	if (e == ERR_OK && pick_connected(a, d->is.driver, d->is.serial) != NULL)
		e = why_set(&why, ERR_EXISTS,
			    "%s:%s is connected: it would be recorded again at once; disconnect it "
			    "first",
			    d->is.driver, d->is.label);
	if (e == ERR_OK)
		e = store_forget_device(&a->store, d, &why);
	if (e == ERR_OK)
		line_reply_ok(lc);
	else
		line_reply_error(lc, e, &why);
}
