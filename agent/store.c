/* SPDX-License-Identifier: MIT */
#include "agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "derive/encode.h"
#include "derive/kdf.h"
#include "protocol/dirs.h"
#include "protocol/log.h"
#include "protocol/text.h"

enum { STATE_FILE_MAX = 16 * 1024 * 1024 };

/* ---- the table of devices ---- */

static bool device_is(const struct known_device *d, const char *driver, const char *serial)
{
	return strcmp(d->is.serial, serial) == 0 && strcmp(d->is.driver, driver) == 0;
}

struct known_device *store_find(const struct store *s, const char *driver, const char *serial)
{
	for (size_t i = 0; i < s->count; i++)
		if (device_is(&s->devices[i], driver, serial))
			return &s->devices[i];
	return NULL;
}

/* The lowest number that no device has. */
static uint32_t store_free_index(const struct store *s)
{
	uint32_t index = 0;

	for (size_t i = 0; i < s->count && s->devices[i].is.index == index; i++)
		index++;
	return index;
}

static struct known_device *store_add(struct store *s, const struct state_device *is)
{
	size_t at = s->count;

	if (s->count == STATE_DEVICES_MAX)
		return NULL;
	if (s->count == s->room) {
		size_t room = s->room > 0 ? 2 * s->room : 8;
		struct known_device *bigger = realloc(s->devices, room * sizeof(*bigger));

		if (bigger == NULL)
			return NULL;
		s->devices = bigger;
		s->room = room;
	}
	for (; at > 0 && s->devices[at - 1].is.index > is->index; at--)
		s->devices[at] = s->devices[at - 1];
	s->devices[at] = (struct known_device){.is = *is};
	s->count++;
	return &s->devices[at];
}

static bool device_matches(const struct known_device *d, const char *selector)
{
	const char *colon = strchr(selector, ':');
	uint32_t index;

	if (colon != NULL)
		return (size_t)(colon - selector) == strlen(d->is.driver) &&
		       memcmp(selector, d->is.driver, (size_t)(colon - selector)) == 0 &&
		       (strcmp(colon + 1, d->is.label) == 0 ||
			strcmp(colon + 1, d->is.serial) == 0);
	return strcmp(selector, d->is.serial) == 0 ||
	       (text_to_u32(selector, 0, UINT32_MAX, &index) && index == d->is.index);
}

enum err store_select(const struct store *s, const char *selector, struct known_device **out,
		      struct why *why)
{
	struct known_device *found = NULL;

	for (size_t i = 0; i < s->count; i++) {
		if (!device_matches(&s->devices[i], selector))
			continue;
		if (found != NULL)
			return why_set(why, ERR_AMBIGUOUS,
				       "several devices match \"%s\": name one by DRIVER:SERIAL "
				       "(`lanyard device list`)",
				       selector);
		found = &s->devices[i];
	}
	if (found == NULL)
		return why_set(why, ERR_NO_DEVICE,
			       "no device \"%s\" has been seen: `lanyard device list` shows those "
			       "that have",
			       selector);
	*out = found;
	return ERR_OK;
}

/* ---- reading ---- */

static enum err store_path(const struct store *s, const char *name, char out[static PATH_MAX],
			   struct why *why)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", s->dir, name);

	return n > 0 && n < PATH_MAX
		       ? ERR_OK
		       : why_set(why, ERR_TOO_LARGE, "%s: its path is too long", s->dir);
}

static enum err load_device(void *arg, const struct state_device *is, struct why *why)
{
	struct store *s = arg;

	if (store_find(s, is->driver, is->serial) != NULL)
		return why_set(why, ERR_CORRUPT, "the device is there twice");
	for (size_t i = 0; i < s->count; i++)
		if (s->devices[i].is.index == is->index)
			return why_set(why, ERR_CORRUPT, "index %u is there twice",
				       (unsigned)is->index);
	return store_add(s, is) != NULL
		       ? ERR_OK
		       : why_set(why, ERR_TOO_LARGE, "more than %d devices", STATE_DEVICES_MAX);
}

/* The device of a key that is read: when the other file does not have it, as a new one. */
static struct known_device *load_key_device(struct store *s, const struct state_key *k)
{
	struct known_device *d = store_find(s, k->driver, k->serial);
	struct state_device is = {.index = store_free_index(s), .label = "-"};

	if (d == NULL) {
		memcpy(is.driver, k->driver, sizeof(is.driver));
		memcpy(is.serial, k->serial, sizeof(is.serial));
		d = store_add(s, &is);
		s->devices_unsaved = true;
	}
	return d;
}

static enum err load_key(void *arg, const struct state_key *k, struct why *why)
{
	struct store *s = arg;
	struct known_device *d = load_key_device(s, k);
	struct key *key;

	if (d == NULL)
		return why_set(why, ERR_TOO_LARGE, "more than %d devices", STATE_DEVICES_MAX);
	/* `proved` serves here for "a line has said which wallet"; store_open() clears it. */
	if (d->proved &&
	    (d->has_wallet != k->has_wallet || memcmp(d->wallet, k->wallet, WALLET_LEN) != 0))
		return why_set(why, ERR_CORRUPT,
			       "the wallet is not that of the lines before for this device");
	d->proved = true;
	d->has_wallet = k->has_wallet;
	memcpy(d->wallet, k->wallet, WALLET_LEN);
	key = keyring_append(s->keys, &k->id, k->purpose, k->driver, k->serial);
	if (key == NULL)
		return why_set(why, ERR_TOO_LARGE, "more than %d keys", KEYRING_MAX);
	if (k->known)
		keyring_learn(key, k->public_key);
	return ERR_OK;
}

static int key_compare(const void *a, const void *b)
{
	const struct key *x = *(struct key *const *)a, *y = *(struct key *const *)b;
	int c = strcmp(x->id.uri, y->id.uri);

	if (c == 0)
		c = (x->id.index > y->id.index) - (x->id.index < y->id.index);
	if (c == 0)
		c = (int)x->id.curve - (int)y->id.curve;
	if (c == 0)
		c = (int)x->purpose - (int)y->purpose;
	if (c == 0)
		c = strcmp(x->serial, y->serial);
	return c != 0 ? c : strcmp(x->driver, y->driver);
}

/* Two lines for one key could say two things. */
static enum err load_check_twice(const struct store *s, const char *path, struct why *why)
{
	size_t count = s->keys->count;
	struct key **sorted = malloc((count + 1) * sizeof(struct key *));
	enum err e = sorted != NULL ? ERR_OK : ERR_NO_MEMORY;

	if (e == ERR_OK && count > 0) {
		memcpy(sorted, s->keys->keys, count * sizeof(struct key *));
		qsort(sorted, count, sizeof(struct key *), key_compare);
	}
	for (size_t i = 1; e == ERR_OK && i < count; i++)
		if (key_compare(&sorted[i - 1], &sorted[i]) == 0)
			e = why_set(why, ERR_CORRUPT, "%s: %s (index %u, %s) is there twice", path,
				    sorted[i]->id.uri, (unsigned)sorted[i]->id.index,
				    curve_name(sorted[i]->id.curve));
	free(sorted);
	return e;
}

static enum err load_file(struct store *s, const char *name, struct why *why)
{
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t n = 0;
	enum err e = store_path(s, name, path, why);

	if (e == ERR_OK)
		e = file_read(path, STATE_FILE_MAX, FILE_OURS, &text, &n, NULL, why);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e == ERR_OK) {
		if (strcmp(name, "keys") == 0) {
			e = state_keys_parse(text, n, path, load_key, s, why);
			if (e == ERR_OK)
				e = load_check_twice(s, path, why);
		} else {
			e = state_devices_parse(text, n, path, load_device, s, why);
		}
	}
	free(text);
	if (e == ERR_VERSION)
		why_set(why, e, "%s; use that one, or move the file away and start anew",
			why->text);
	else if (e == ERR_CORRUPT || e == ERR_TOO_LARGE)
		why_set(why, e,
			"%s; mend it, or move the file away: what it holds is then recorded anew, "
			"as devices answer",
			why->text);
	return e;
}

/* ---- writing ---- */

static void store_write(struct store *s, const char *name, struct wbuf *w, bool *unsaved)
{
	char path[PATH_MAX];
	struct why why = {0};
	enum err e = store_path(s, name, path, &why);

	if (s->guest)
		return;
	*unsaved = true;
	if (e == ERR_OK && !wbuf_ok(w))
		e = why_set(&why, ERR_INTERNAL, "%s would be too long", path);
	if (e == ERR_OK)
		e = dir_make(s->dir, &why);
	if (e == ERR_OK)
		e = file_write(path, w->p, w->n, 0600, true, &why);
	if (e == ERR_OK)
		*unsaved = false;
	else
		log_warn("%s; not recorded, work goes on, the next change tries again",
			 why_text(&why, e));
}

static void store_save_devices(struct store *s)
{
	size_t max = (s->count + 2) * STATE_LINE_MAX;
	uint8_t *text = malloc(max);
	struct wbuf w = wbuf_new(text, text != NULL ? max : 0);

	state_begin(&w, "devices");
	for (size_t i = 0; i < s->count; i++)
		state_put_device(&w, &s->devices[i].is);
	state_end(&w);
	store_write(s, "devices", &w, &s->devices_unsaved);
	free(text);
}

static void put_key(struct wbuf *w, const struct store *s, const struct key *key)
{
	const struct known_device *d = store_find(s, key->driver, key->serial);
	struct state_key k = {.id = key->id, .purpose = key->purpose, .known = key->known};

	if (d == NULL)
		return;
	memcpy(k.driver, d->is.driver, sizeof(k.driver));
	memcpy(k.serial, d->is.serial, sizeof(k.serial));
	k.has_wallet = d->has_wallet;
	memcpy(k.wallet, d->wallet, WALLET_LEN);
	memcpy(k.public_key, key->public_key, PUBLIC_KEY_LEN);
	state_put_key(w, &k);
}

void store_save_keys(struct store *s)
{
	size_t max = (s->keys->count + 2) * STATE_LINE_MAX;
	uint8_t *text = malloc(max);
	struct wbuf w = wbuf_new(text, text != NULL ? max : 0);

	state_begin(&w, "keys");
	for (size_t i = 0; i < s->keys->count; i++)
		put_key(&w, s, s->keys->keys[i]);
	state_end(&w);
	store_write(s, "keys", &w, &s->keys_unsaved);
	free(text);
}

/* ---- the end and the beginning ---- */

/* One agent keeps a state: two would each write what the other does not know. */
static enum err store_claim(struct store *s, bool guest, struct why *why)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	char path[PATH_MAX];
	enum err e = store_path(s, "lock", path, why);

	if (e != ERR_OK)
		return e;
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0) {
		log_warn("%s: %s: what is used is not recorded", path, strerror(errno));
		return ERR_OK;
	}
	/* An agent that ends at this moment may be a while about it. */
	for (int i = 0; i < 40; i++) {
		if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
			return ERR_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
		if (guest)
			break;
		nanosleep(&pause, NULL);
	}
	close(s->lock);
	s->lock = -1;
	if (guest) {
		s->guest = true;
		log_info("another agent keeps %s: what is used here is not recorded", s->dir);
		return ERR_OK;
	}
	return why_set(why, ERR_EXISTS,
		       "another lanyard-agent, with other sockets, keeps its state in %s: stop it "
		       "(`lanyard-agent -k` with its --socket-dir), or give this one its own "
		       "XDG_STATE_HOME",
		       s->dir);
}

enum err store_open(struct store *s, struct keyring *keys, bool guest, struct why *why)
{
	struct why made = {0};
	enum err e;

	*s = (struct store){.keys = keys, .lock = -1};
	e = dir_path(s->dir, sizeof(s->dir), DIR_STATE, NULL, why);
	if (e != ERR_OK)
		return e;
	if (dir_make(s->dir, &made) != ERR_OK) {
		log_warn("%s: what is used is not recorded", made.text);
	} else {
		e = dir_check_private(s->dir, why);
		if (e == ERR_OK)
			e = store_claim(s, guest, why);
	}
	if (e == ERR_OK)
		e = load_file(s, "devices", why);
	if (e == ERR_OK)
		e = load_file(s, "keys", why);
	for (size_t i = 0; i < s->count; i++)
		s->devices[i].proved = false;
	return e;
}

void store_close(struct store *s)
{
	if (s->devices_unsaved)
		store_save_devices(s);
	if (s->keys_unsaved)
		store_save_keys(s);
	if (s->lock >= 0)
		close(s->lock);
	free(s->devices);
	*s = (struct store){.lock = -1};
}

/* ---- what happens to devices and keys ---- */

unsigned store_arrived(struct store *s, const char *driver, const struct device_info *info)
{
	const char *label = state_is_word(info->label, DEVICE_LABEL_MAX) ? info->label : "-";
	struct known_device *d = store_find(s, driver, info->serial);
	struct state_device is = {.index = store_free_index(s)};
	bool word = state_is_word(driver, DRIVER_NAME_MAX) &&
		    state_is_word(info->serial, DEVICE_SERIAL_MAX);

	if (d == NULL && word) {
		snprintf(is.driver, sizeof(is.driver), "%s", driver);
		snprintf(is.serial, sizeof(is.serial), "%s", info->serial);
		d = store_add(s, &is);
	}
	if (d == NULL) {
		log_error("%s:%s cannot be recorded, and so not be used: %s", driver, info->label,
			  word ? "too many are; `lanyard device forget` those that are gone"
			       : "its serial number is not one word of printable ASCII");
		return UINT_MAX;
	}
	d->proved = false;
	if (strcmp(d->is.label, label) != 0) {
		snprintf(d->is.label, sizeof(d->is.label), "%s", label);
		s->devices_unsaved = true;
	}
	if (s->devices_unsaved)
		store_save_devices(s);
	return d->is.index;
}

enum err store_forget_device(struct store *s, struct known_device *d, struct why *why)
{
	size_t keys = keyring_count(s->keys, d->is.driver, d->is.serial);
	size_t at = (size_t)(d - s->devices);

	if (keys > 0)
		return why_set(why, ERR_EXISTS,
			       "%zu keys stay with %s:%s; if they are not needed any more: "
			       "`lanyard key forget -d %s:%s --all` first",
			       keys, d->is.driver, d->is.label, d->is.driver, d->is.serial);
	log_info("device %u: %s:%s (serial %s) is forgotten", (unsigned)d->is.index, d->is.driver,
		 d->is.label, d->is.serial);
	s->count--;
	memmove(d, d + 1, (s->count - at) * sizeof(*d));
	store_save_devices(s);
	return ERR_OK;
}

void store_wallet_identity(struct identity *id)
{
	if (identity_parse(id, "lanyard://wallet", NULL) != ERR_OK)
		log_error("the wallet's identity is no identity");
	id->curve = CURVE_ED25519;
}

bool store_wallet(const struct store *s, const struct device *device, uint8_t out[static 32])
{
	const char *driver = device_driver(device)->name, *serial = device_info(device)->serial;
	const struct known_device *d = store_find(s, driver, serial);

	if (d == NULL || !d->has_wallet || keyring_count(s->keys, driver, serial) == 0)
		return false;
	memcpy(out, d->wallet, WALLET_LEN);
	return true;
}

enum err store_prove(struct store *s, struct known_device *d, unsigned session, const uint8_t *pub,
		     struct why *why)
{
	uint8_t wallet[WALLET_LEN] = {0};
	bool recorded = keyring_count(s->keys, d->is.driver, d->is.serial) > 0;
	char now[17], before[17];

	if (pub != NULL)
		kdf_wallet(wallet, pub);
	if (recorded && d->has_wallet &&
	    (pub == NULL || memcmp(wallet, d->wallet, WALLET_LEN) != 0)) {
		hex_encode(now, wallet, 8);
		hex_encode(before, d->wallet, 8);
		return why_set(
			why, ERR_MISMATCH,
			"%s:%s holds another wallet (fingerprint %s) than its keys are "
			"recorded with (%s): probably another BIP-39 passphrase, other words "
			"or another token. If that is meant: `lanyard key forget -d %s --all`",
			d->is.driver, d->is.label, now, before, d->is.serial);
	}
	if (!recorded) {
		d->has_wallet = pub != NULL;
		memcpy(d->wallet, wallet, WALLET_LEN);
	}
	d->proved = true;
	d->session = session;
	return ERR_OK;
}

void store_forget_key(struct store *s, struct key *key)
{
	struct known_device *d = store_find(s, key->driver, key->serial);

	log_info("%s (index %u, %s) of %s:%s is forgotten", key->id.uri, (unsigned)key->id.index,
		 curve_name(key->id.curve), key->driver, key->serial);
	keyring_remove(s->keys, key);
	if (d != NULL && keyring_count(s->keys, d->is.driver, d->is.serial) == 0) {
		d->has_wallet = d->proved = false;
		memset(d->wallet, 0, WALLET_LEN);
	}
}
