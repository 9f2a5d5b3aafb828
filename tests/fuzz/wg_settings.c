/* SPDX-License-Identifier: MIT */
/* wg-hook/settings.h: a file's text; what is read, written again, and with a point set. */
#include "fuzz.h"

#include "derive/kdf.h"
#include "wg-hook/settings.h"
#include "wg-hook/tunnel.h"

static enum err parse(struct settings *s, const void *p, size_t n)
{
	struct why why = {0};
	char *copy = fuzz_copy(p, n);
	enum err e = settings_parse(s, "FILE", copy, n, &why);

	free(copy);
	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_CORRUPT);
	CHECK(e == ERR_OK || strncmp(why.text, "FILE", 4) == 0);
	return e;
}

static void check_values(const struct settings *s)
{
	CHECK(s->id.class == CLASS_WG_INTERFACE);
	CHECK(s->psk_mode > PSK_UNSET && s->psk_mode < PSK_MODE_COUNT);
	CHECK(s->rotate == 0 ||
	      (s->rotate >= SETTINGS_ROTATE_MIN && s->rotate <= SETTINGS_ROTATE_MAX));
	CHECK(s->on_remove < ON_EVENT_COUNT && s->on_lock < ON_EVENT_COUNT &&
	      s->on_sleep < ON_EVENT_COUNT && s->on_missing < MISSING_COUNT);
	CHECK(s->socket[0] == '\0' || s->socket[0] == '/');
	fuzz_check_shown(s->device);
	for (size_t i = 0; i < s->count; i++) {
		const struct settings_peer *p = &s->peers[i];

		CHECK(kdf_wg_check(p->key, s->has_public ? s->public_key : NULL) == ERR_OK);
		CHECK(!p->has_point || kdf_wg_check(p->point, p->key) == ERR_OK);
		CHECK(p->extra == NULL || p->extra[0] == '/');
		CHECK(settings_peer(s, p->key) == p);
	}
}

static void check_format(const struct settings *s)
{
	struct settings again;
	char *text;
	size_t n;

	CHECK(settings_format(s, &text, &n) == ERR_OK);
	CHECK(parse(&again, text, n) == ERR_OK);
	CHECK(identity_equal(&again.id, &s->id) && strcmp(again.device, s->device) == 0);
	CHECK(again.psk_mode == s->psk_mode && again.rotate == s->rotate &&
	      again.count == s->count);
	settings_free(&again);
	free(text);
}

/* The point is the peer's then, and all else is as it was. */
static void check_point(const struct settings *s, const uint8_t *key, struct slice text, bool only)
{
	static const uint8_t point[WG_KEY_LEN] = {9};
	const struct settings_peer *was = settings_peer(s, key), *is;
	struct settings again;
	char *out;
	size_t n;

	CHECK(settings_set_point((const char *)text.p, text.n, key, only ? NULL : point, &out,
				 &n) == ERR_OK);
	CHECK(parse(&again, out, n) == ERR_OK);
	is = settings_peer(&again, key);
	CHECK(is != NULL && again.count == s->count + (was == NULL));
	if (!only)
		CHECK(is->has_point && memcmp(is->point, point, WG_KEY_LEN) == 0);
	if (was != NULL)
		CHECK(is->psk_mode == was->psk_mode);
	if (was != NULL && only)
		CHECK(n == text.n && memcmp(out, text.p, n) == 0);
	CHECK(again.rotate == s->rotate && again.psk_mode == s->psk_mode);
	settings_free(&again);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t stranger[WG_KEY_LEN] = {0x30, 1, 2, 3};
	struct slice text = {data, size};
	struct settings s;

	if (parse(&s, data, size) != ERR_OK) {
		CHECK(s.peers == NULL && s.count == 0);
		return 0;
	}
	check_values(&s);
	check_format(&s);
	if (!s.has_public || memcmp(s.public_key, stranger, WG_KEY_LEN) != 0) {
		check_point(&s, stranger, text, false);
		check_point(&s, stranger, text, true);
	}
	for (size_t i = 0; i < s.count && i < 3; i++) {
		check_point(&s, s.peers[i].key, text, false);
		check_point(&s, s.peers[i].key, text, true);
	}
	settings_free(&s);
	return 0;
}
