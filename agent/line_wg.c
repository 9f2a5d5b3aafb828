/* SPDX-License-Identifier: MIT */
/*
 * WGKEYS: the private key of a WireGuard interface, then its preshared keys; and the points that
 * peers are given. In the order in which things happen.
 */
#include <stdio.h>
#include <string.h>

#include "agent/line.h"
#include "derive/encode.h"
#include "protocol/log.h"
#include "protocol/text.h"

enum { EXTRA_LEN = 32, WG_PEERS_MAX = 100000 };

/* What was made last. */
static void wg_send_key(struct line_conn *lc)
{
	uint8_t *key = lc->wg.arena->key;

	line_send_data(lc, key, sizeof(lc->wg.arena->key));
	secret_wipe(key, sizeof(lc->wg.arena->key));
	line_reply_ok(lc);
}

/* ---- the interface ---- */

static void reply_private(struct line_conn *lc)
{
	struct request *r = &lc->request;
	enum err e = wgkeys_keep(&lc->wg, r);

	if (e != ERR_OK) {
		line_reply_error(lc, e, &r->why);
		return;
	}
	lc->wg.released = true;
	log_info("%s (index %u): WireGuard key, %u preshared keys to follow, to process %d of uid "
		 "%u",
		 r->id.uri, (unsigned)r->id.index, r->wg_peers, (int)conn_pid(lc->conn),
		 (unsigned)conn_uid(lc->conn));
	wgkeys_private(&lc->wg);
	wg_send_key(lc);
}

static void run_interface(struct line_conn *lc)
{
	static const char *const foreign[] = {"psk-mode", "point", "rotate", "extra"};
	const char *peers = line_option(&lc->command, "peers");
	struct request *r = &lc->request;
	struct why why = {0};
	enum err e = ERR_OK;
	uint32_t count = 0;

	for (size_t i = 0; e == ERR_OK && i < sizeof(foreign) / sizeof(*foreign); i++)
		if (line_option(&lc->command, foreign[i]) != NULL)
			e = why_set(&why, ERR_SYNTAX,
				    "--%s is for a peer, wg://IFACE@HOST/PEER, not for %s",
				    foreign[i], r->id.uri);
	if (e == ERR_OK && peers != NULL && !text_to_u32(peers, 0, WG_PEERS_MAX, &count))
		e = why_set(&why, ERR_INVALID, "peers %s: a number from 0 to %d", peers,
			    WG_PEERS_MAX);
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	wgkeys_drop(&lc->wg);
	r->wg_keys = true;
	r->wg_peers = count;
	line_start(lc, reply_private);
}

/* ---- a peer ---- */

/* Still there: everything may have been locked since the command came. */
static enum err psk_check_kept(const struct line_conn *lc, struct why *why)
{
	const struct identity *peer = &lc->wg_psk.peer;

	if (wgkeys_has(&lc->wg, peer) && lc->wg.released)
		return ERR_OK;
	return why_set(why, ERR_NOT_FOUND,
		       "WGKEYS %.*s (index %u) comes first, on this connection, and again after a "
		       "lock or the device's removal",
		       (int)peer->path.at, peer->uri, (unsigned)peer->index);
}

/* `shared` and `point`: of mode device. */
static enum err psk_send(struct line_conn *lc, const uint8_t *shared, const uint8_t *point,
			 struct why *why)
{
	const uint8_t *extra = lc->wg_psk.extra ? lc->data.p : NULL;
	enum err e = psk_check_kept(lc, why);

	if (e == ERR_OK)
		e = wgkeys_psk(&lc->wg, &lc->wg_psk, extra, shared, point, why);
	if (e == ERR_OK)
		wg_send_key(lc);
	return e;
}

/* One that was announced has been told with its interface. */
static bool psk_take_announced(struct line_conn *lc)
{
	bool announced = lc->wg.announced > 0;

	lc->wg.announced -= announced;
	return announced;
}

static void reply_device(struct line_conn *lc)
{
	struct request *r = &lc->request;
	const struct key *key = keyring_find(&r->agent->keys, &r->id, PURPOSE_ECDH, r->driver,
					     r->serial);
	struct why why = {0};
	enum err e;

	if (key == NULL || !key->known || r->secret.n != 32)
		e = why_set(&why, ERR_NOT_FOUND, "the key of %s was forgotten meanwhile",
			    r->id.uri);
	else
		e = psk_send(lc, r->secret.p, key->public_key + 1, &why);
	if (e != ERR_OK)
		line_reply_error(lc, e, &why);
	else
		(void)psk_take_announced(lc);
}

/* From SECRET alone: no request runs, so what one tells of itself is told here. */
static void psk_from_kept(struct line_conn *lc)
{
	struct request *r = &lc->request;
	struct why why = {0};
	enum err e = psk_send(lc, NULL, NULL, &why);

	if (e == ERR_OK && psk_take_announced(lc))
		return;
	request_clear(r);
	r->op = OP_SECRET;
	r->id = lc->wg_psk.peer;
	r->wg_keys = true;
	snprintf(r->driver, sizeof(r->driver), "%s", lc->wg.driver);
	snprintf(r->serial, sizeof(r->serial), "%s", lc->wg.serial);
	watch_request(&r->agent->watch, r, e);
	if (e != ERR_OK)
		line_reply_error(lc, e, &why);
}

static void psk_go(struct line_conn *lc)
{
	struct request *r = &lc->request;
	struct why why = {0};
	enum err e = psk_check_kept(lc, &why);

	if (e == ERR_OK && lc->wg_psk.extra && lc->data_used != EXTRA_LEN)
		e = why_set(&why, ERR_INVALID, "EXTRA has %zu bytes; it must be %d", lc->data_used,
			    EXTRA_LEN);
	if (e != ERR_OK) {
		line_reply_error(lc, e, &why);
		return;
	}
	if (lc->wg_psk.mode != PSK_DEVICE) {
		psk_from_kept(lc);
		return;
	}
	/* The interface's device, whatever else holds a key of that name. */
	snprintf(lc->wg_device, sizeof(lc->wg_device), "%s:%s", lc->wg.driver, lc->wg.serial);
	r->op = OP_ECDH;
	r->wg_keys = true;
	r->device = lc->wg_device;
	r->data = (struct slice){lc->wg_psk.theirs.point, sizeof(lc->wg_psk.theirs.point)};
	line_start(lc, reply_device);
}

/* Options that go together. */
static enum err psk_options(struct line_conn *lc, struct why *why)
{
	const char *mode = line_option(&lc->command, "psk-mode");
	const char *point = line_option(&lc->command, "point");
	const char *rotate = line_option(&lc->command, "rotate");
	struct wgkeys_psk *psk = &lc->wg_psk;
	enum err e;

	*psk = (struct wgkeys_psk){.peer = lc->request.id};
	psk->extra = line_option(&lc->command, "extra") != NULL;
	if (line_option(&lc->command, "device") != NULL ||
	    line_option(&lc->command, "peers") != NULL)
		return why_set(why, ERR_SYNTAX,
			       "--device and --peers are for the interface; a peer is its "
			       "device's");
	if (mode == NULL)
		return why_set(why, ERR_SYNTAX, "--psk-mode is missing: device, agent, single");
	e = psk_mode_parse(mode, &psk->mode, why);
	if (e != ERR_OK)
		return e;
	if (psk->mode == PSK_SINGLE && (point != NULL || rotate != NULL || psk->extra))
		return why_set(why, ERR_SYNTAX,
			       "--point, --rotate and --extra do not go with --psk-mode=single");
	if (psk->mode != PSK_SINGLE && point == NULL)
		return why_set(why, ERR_SYNTAX,
			       "--point is missing: the point that the peer printed");
	if (rotate == NULL || strcmp(rotate, "0") == 0)
		return ERR_OK;
	if (!text_to_u32(rotate, PSK_ROTATE_MIN, PSK_ROTATE_MAX, &psk->rotate))
		return why_set(why, ERR_INVALID, "rotate %s: 0, or %d to %d seconds", rotate,
			       PSK_ROTATE_MIN, PSK_ROTATE_MAX);
	return ERR_OK;
}

static void run_peer(struct line_conn *lc)
{
	struct why why = {0};
	enum err e = psk_options(lc, &why);

	if (e == ERR_OK)
		e = psk_check_kept(lc, &why);
	if (e == ERR_OK)
		e = wgkeys_read_peer(&lc->wg, &lc->wg_psk, line_option(&lc->command, "point"),
				     &why);
	if (e != ERR_OK)
		line_reply_error(lc, e, &why);
	else if (lc->wg_psk.extra)
		line_inquire(lc, "EXTRA", EXTRA_LEN, psk_go);
	else
		psk_go(lc);
}

void line_run_wgkeys(struct line_conn *lc)
{
	struct why why = {0};
	enum err e = line_identity(lc, OP_SECRET, USE_WG_KEYS, &why);

	if (e == ERR_OK)
		e = identity_may(&lc->request.id, USE_WG_KEYS, &why);
	if (e != ERR_OK)
		line_reply_error(lc, e, &why);
	else if (lc->request.id.class == CLASS_WG_INTERFACE)
		run_interface(lc);
	else
		run_peer(lc);
}

/* ---- PUBKEY --psk-mode ---- */

static void point_send(struct line_conn *lc)
{
	uint8_t point[32];
	char text[2 * sizeof(point)];

	wgkeys_point(&lc->wg, &lc->wg_psk.peer, point);
	base64_encode(text, sizeof(text), point, sizeof(point));
	line_send_data(lc, text, strlen(text));
	line_reply_ok(lc);
}

static void reply_point(struct line_conn *lc)
{
	enum err e = wgkeys_keep(&lc->wg, &lc->request);

	if (e == ERR_OK)
		point_send(lc);
	else
		line_reply_error(lc, e, &lc->request.why);
}

/* SECRET that is kept, of the device that is named, if one is. */
static bool point_kept(const struct line_conn *lc)
{
	const char *device = line_option(&lc->command, "device");

	return wgkeys_has(&lc->wg, &lc->wg_psk.peer) &&
	       (device == NULL || strcmp(device, lc->wg.serial) == 0);
}

void line_run_wg_point(struct line_conn *lc)
{
	struct request *r = &lc->request;
	struct wgkeys_psk *psk = &lc->wg_psk;
	struct why why = {0};
	enum err e = line_identity(lc, OP_PUBLIC_KEY, USE_PUBLIC_KEY, &why);

	*psk = (struct wgkeys_psk){.peer = r->id};
	if (e == ERR_OK)
		e = psk_mode_parse(line_option(&lc->command, "psk-mode"), &psk->mode, &why);
	if (e == ERR_OK && (r->id.class != CLASS_WG_PEER || psk->mode == PSK_SINGLE))
		e = why_set(&why, ERR_INVALID,
			    "--psk-mode is device or agent, of a wg://IFACE@HOST/PEER identity");
	if (e == ERR_OK && (line_option(&lc->command, "raw") != NULL ||
			    line_option(&lc->command, "curve") != NULL))
		e = why_set(&why, ERR_SYNTAX, "--raw and --curve do not go with --psk-mode");
	if (e == ERR_OK && psk->mode == PSK_AGENT && !point_kept(lc)) {
		char uri[IDENTITY_URI_MAX + 1];
		uint32_t index = r->id.index;

		snprintf(uri, sizeof(uri), "%.*s", (int)r->id.path.at, r->id.uri);
		e = identity_parse(&r->id, uri, &why);
		r->id.curve = CURVE_CURVE25519;
		r->id.index = index;
		r->wg_keys = true;
	}
	if (e != ERR_OK)
		line_reply_error(lc, e, &why);
	else if (psk->mode == PSK_DEVICE)
		line_start(lc, line_reply_public);
	else if (r->wg_keys)
		line_start(lc, reply_point);
	else
		point_send(lc);
}
