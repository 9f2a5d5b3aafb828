/* SPDX-License-Identifier: MIT */
/* The text of the state files, and the store that keeps them. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store.h"
#include "derive/encode.h"
#include "derive/kdf.h"
#include "protocol/dirs.h"

/* ---- the text ---- */

#define WALLET "dbfd09ecea69897d8ad3e8c6c08be787df9e489f99217c41d3458767a9867b67"
#define PUB    "c56ea1cc8f05d8dc41a8fc24b7984052f34874be61fd3153f384141d4b375239"
#define POINT  "0373f21a3da3d0e96fc2189f81dd826658c3d76b2d55bd1da349bc6c3573b13ae4"
#define X25519 "9c2e4d8debf0f5273d4c0274190cf028c85a02cb63b9dc150e58ebe48d655b62"

static const char keys[] = "lanyard keys 1\n"
			   "sign 0 ed25519 soft 1011 " WALLET " " PUB " ssh://git@github.com\n"
			   "sign 47 nist256p1 soft 1011 " WALLET " " POINT " ssh://a@b\n"
			   "ecdh 4294967295 curve25519 soft 1011 " WALLET " " X25519
			   " wg://wg0@peer1\n"
			   "ecdh 0 curve25519 card 77 - - secret://backup\n"
			   "sign 0 ed25519 card 77 - - gpg://A B <a@b>\n"
			   "end\n";

static const char devices[] = "lanyard devices 1\n"
			      "0 soft 1011121314151617 home\n"
			      "7 trezor 1011121314151617 My_Trezor\n"
			      "end\n";

struct found {
	struct state_key keys[8];
	struct state_device devices[8];
	size_t count;
	enum err refuse;
};

static enum err on_key(void *arg, const struct state_key *key, struct why *why)
{
	struct found *f = arg;

	f->keys[f->count++] = *key;
	return f->refuse == ERR_OK ? ERR_OK : why_set(why, f->refuse, "not wanted");
}

static enum err on_device(void *arg, const struct state_device *device, struct why *why)
{
	struct found *f = arg;

	f->devices[f->count++] = *device;
	return f->refuse == ERR_OK ? ERR_OK : why_set(why, f->refuse, "not wanted");
}

/* The text in memory of exactly its size, so that the sanitiser sees a byte too many read. */
static enum err parse(bool is_keys, const char *text, size_t n, struct found *f, struct why *why)
{
	char *exact = malloc(n > 0 ? n : 1);
	enum err e;

	cr_assert_not_null(exact);
	memcpy(exact, text, n);
	*why = (struct why){0};
	e = is_keys ? state_keys_parse(exact, n, "FILE", on_key, f, why)
		    : state_devices_parse(exact, n, "FILE", on_device, f, why);
	free(exact);
	return e;
}

Test(state, keys_are_read_and_written_alike)
{
	char text[sizeof(keys) + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct found f = {0};
	struct why why;

	cr_assert_eq(parse(true, keys, strlen(keys), &f, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(f.count, 5);
	cr_assert_eq(f.keys[0].purpose, PURPOSE_SIGN);
	cr_assert_eq(f.keys[0].id.class, CLASS_SSH);
	cr_assert(f.keys[0].known && f.keys[0].has_wallet);
	cr_assert_eq(f.keys[0].public_key[0], 0);
	cr_assert_eq(f.keys[1].public_key[0], 3);
	cr_assert_eq(f.keys[2].id.index, UINT32_MAX);
	cr_assert_str_eq(f.keys[3].driver, "card");
	cr_assert(!f.keys[3].known && !f.keys[3].has_wallet);
	cr_assert_str_eq(f.keys[4].id.uri, "gpg://A B <a@b>");
	state_begin(&w, "keys");
	for (size_t i = 0; i < f.count; i++)
		state_put_key(&w, &f.keys[i]);
	state_end(&w);
	cr_assert(wbuf_ok(&w));
	cr_assert_eq(w.n, strlen(keys));
	cr_assert_arr_eq(text, keys, w.n);
}

Test(state, devices_are_read_and_written_alike)
{
	char text[sizeof(devices) + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct found f = {0};
	struct why why;

	cr_assert_eq(parse(false, devices, strlen(devices), &f, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(f.count, 2);
	cr_assert_eq(f.devices[1].index, 7);
	cr_assert_str_eq(f.devices[1].driver, "trezor");
	cr_assert_str_eq(f.devices[1].label, "My_Trezor");
	state_begin(&w, "devices");
	for (size_t i = 0; i < f.count; i++)
		state_put_device(&w, &f.devices[i]);
	state_end(&w);
	cr_assert(wbuf_ok(&w));
	cr_assert_eq(w.n, strlen(devices));
	cr_assert_arr_eq(text, devices, w.n);
}

Test(state, the_longest_line_fits)
{
	char text[STATE_LINE_MAX + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct state_key k = {.purpose = PURPOSE_SIGN, .has_wallet = true, .known = true};

	memset(k.driver, 'd', DRIVER_NAME_MAX);
	memset(k.serial, 's', DEVICE_SERIAL_MAX);
	memset(k.id.uri, 'u', IDENTITY_URI_MAX);
	k.id.index = UINT32_MAX;
	k.id.curve = CURVE_SECP256K1;
	state_put_key(&w, &k);
	cr_assert(wbuf_ok(&w));
}

Test(state, a_file_cut_anywhere_is_damaged)
{
	struct found f;
	struct why why;

	for (size_t n = 0; n < strlen(keys); n++) {
		f = (struct found){0};
		cr_assert_eq(parse(true, keys, n, &f, &why), ERR_CORRUPT, "%zu bytes", n);
		cr_assert_eq(strncmp(why.text, "FILE:", 5), 0, "%s", why.text);
	}
	for (size_t n = 0; n < strlen(devices); n++) {
		f = (struct found){0};
		cr_assert_eq(parse(false, devices, n, &f, &why), ERR_CORRUPT, "%zu bytes", n);
	}
}

static const struct bad {
	const char *text, *says;
} bad_keys[] =
	{
		{"lanyard devices 1\nend\n", "FILE:1: it does not begin with \"lanyard keys 1\""},
		{"lanyard keys 1 \nend\n", "FILE:1: the version is not a number"},
		{"lanyard keys \nend\n", "FILE:1: it does not begin with"},
		{"lanyard keys 01\nend\n", "FILE:1: the version is not a number"},
		{"lanyard keys 1\r\nend\n", "FILE:1: there is a character that is not printable"},
		{"lanyard keys 1\nend\nend\n",
		 "FILE:2: the line begins with neither sign, ecdh nor end"},
		{"lanyard keys 1\nend\n\n", "FILE:2: the line begins with neither"},
		{"lanyard keys 1\nend \n", "FILE:2: the line begins with neither"},
		{"lanyard keys 1\n\nend\n", "FILE:2: the line begins with neither"},
		{"lanyard keys 1\n# comment\nend\n", "FILE:2: the line begins with neither"},
		{"lanyard keys 1\nsign -1 ed25519 soft s - - ssh://a\nend\n", "the index is not"},
		{"lanyard keys 1\nsign 00 ed25519 soft s - - ssh://a\nend\n", "the index is not"},
		{"lanyard keys 1\nsign 4294967296 ed25519 soft s - - ssh://a\nend\n",
		 "the index is not"},
		{"lanyard keys 1\nsign 0  ed25519 soft s - - ssh://a\nend\n", "the curve is not"},
		{"lanyard keys 1\nsign 0 ed448 soft s - - ssh://a\nend\n", "the curve is not"},
		{"lanyard keys 1\nsign 0 curve25519 soft s - - ssh://a\nend\n",
		 "curve25519 is no curve for sign"},
		{"lanyard keys 1\necdh 0 ed25519 soft s - - ssh://a\nend\n",
		 "ed25519 is no curve for ecdh"},
		{"lanyard keys 1\nsign 0 ed25519 seventeen-letters s - - ssh://a\nend\n",
		 "the driver or the serial number"},
		{"lanyard keys 1\nsign 0 ed25519 soft "
		 "12345678901234567890123456789012345678901 - - ssh://a\nend\n",
		 "the driver or the serial number"},
		{"lanyard keys 1\nsign 0 ed25519 soft s 00 - ssh://a\nend\n",
		 "the wallet is not - or 64"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - 00 ssh://a\nend\n",
		 "the public key is not - or"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - " POINT " ssh://a\nend\n",
		 "the public key is not"},
		{"lanyard keys 1\nsign 0 nist256p1 soft s - " PUB " ssh://a\nend\n",
		 "the public key is not"},
		/* No point of the curve; of low order. */
		{"lanyard keys 1\nsign 0 nist256p1 soft s - "
		 "020000000000000000000000000000000000000000000000000000000000000001 "
		 "ssh://a\nend\n",
		 "the public key is not"},
		{"lanyard keys 1\necdh 0 curve25519 soft s - "
		 "0000000000000000000000000000000000000000000000000000000000000000 ssh://a\nend\n",
		 "the public key is not"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - "
		 "C56EA1CC8F05D8DC41A8FC24B7984052F34874BE61FD3153F384141D4B375239 ssh://a\nend\n",
		 "the public key is not"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - -\nend\n", "the identity is missing"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - - \nend\n", "the public key is missing"},
		{"lanyard keys 1\nsign 0 ed25519 soft s - - nothing\nend\n", "the identity: "},
		{"lanyard keys 1\nsign 0 ed25519 soft s - - ssh://a b\nend\n", "the identity: "},
		{NULL, NULL},
},
  bad_devices[] = {
	  {"lanyard keys 1\nend\n", "FILE:1: it does not begin with \"lanyard devices 1\""},
	  {"lanyard devices 1\nx soft s l\nend\n", "neither an index nor end"},
	  {"lanyard devices 1\n4294967296 soft s l\nend\n", "neither an index nor end"},
	  {"lanyard devices 1\n0\nend\n", "the driver is missing"},
	  {"lanyard devices 1\n0 soft\nend\n", "the serial number is missing"},
	  {"lanyard devices 1\n0 soft s\nend\n", "one word, the label"},
	  {"lanyard devices 1\n0 soft s l m\nend\n", "one word, the label"},
	  {"lanyard devices 1\n0 soft s l \nend\n", "one word, the label"},
	  {"lanyard devices 1\n0 soft  l\nend\n", "the serial number is missing"},
	  {"lanyard devices 1\n0 soft s \x01\nend\n", "not printable ASCII"},
	  {NULL, NULL},
};

Test(state, what_is_not_as_written_is_damaged)
{
	const struct bad *tables[] = {bad_devices, bad_keys};
	struct found f;
	struct why why;

	for (int t = 0; t < 2; t++)
		for (const struct bad *b = tables[t]; b->text != NULL; b++) {
			f = (struct found){0};
			cr_expect_eq(parse(t == 1, b->text, strlen(b->text), &f, &why), ERR_CORRUPT,
				     "%s", b->text);
			cr_expect(strstr(why.text, b->says) != NULL, "'%s', not '%s'", why.text,
				  b->says);
		}
}

Test(state, a_newer_file_is_not_read)
{
	static const char newer[] = "lanyard keys 2\nwhatever\n";
	struct found f = {0};
	struct why why;

	cr_assert_eq(parse(true, newer, strlen(newer), &f, &why), ERR_VERSION);
	cr_assert_str_eq(why.text,
			 "FILE:1: a newer lanyard wrote it (version 2; this one reads 1)");
}

Test(state, a_refused_entry_ends_the_reading)
{
	struct found f = {.refuse = ERR_TOO_LARGE};
	struct why why;

	cr_assert_eq(parse(true, keys, strlen(keys), &f, &why), ERR_TOO_LARGE);
	cr_assert_str_eq(why.text, "FILE:2: not wanted");
	cr_assert_eq(f.count, 1);
}

Test(state, words)
{
	cr_assert(state_is_word("a", 1));
	cr_assert(!state_is_word("", 1));
	cr_assert(!state_is_word("ab", 1));
	cr_assert(!state_is_word("a b", 3));
	cr_assert(!state_is_word("a\n", 3));
	cr_assert(!state_is_word("\xC3\xA4", 3));
}

/* ---- the store ---- */

static char home[] = "/tmp/lanyard-state-XXXXXX";
static struct keyring ring;
static struct store store;

static void store_setup(void)
{
	cr_assert_not_null(mkdtemp(home));
	setenv("XDG_STATE_HOME", home, 1);
}

static void store_teardown(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = store_setup, .fini = store_teardown);

static void store_begin(void)
{
	struct why why = {0};

	cr_assert_eq(store_open(&store, &ring, false, &why), ERR_OK, "%s", why.text);
}

static void store_finish(void)
{
	store_close(&store);
	keyring_free(&ring);
}

static unsigned arrive(const char *driver, const char *serial, const char *label)
{
	struct device_info info = {0};

	snprintf(info.serial, sizeof(info.serial), "%s", serial);
	snprintf(info.label, sizeof(info.label), "%s", label);
	return store_arrived(&store, driver, &info);
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/lanyard/%s", home, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, 0600), 0);
}

static struct identity identity(const char *uri)
{
	struct identity id;

	cr_assert_eq(identity_parse(&id, uri, NULL), ERR_OK);
	return id;
}

Test(store, indices_are_given_once)
{
	struct known_device *d;
	struct why why = {0};

	store_begin();
	cr_assert_eq(arrive("soft", "A", "a"), 0);
	cr_assert_eq(arrive("trezor", "A", "b"), 1, "an equal serial of another driver");
	cr_assert_eq(arrive("soft", "C", "c"), 2);
	cr_assert_eq(arrive("soft", "A", "renamed"), 0);
	store_finish();
	store_begin();
	cr_assert_eq(arrive("soft", "D", "d"), 3);
	cr_assert_eq(arrive("trezor", "A", "b"), 1);
	cr_assert_str_eq(store_find(&store, "soft", "A")->is.label, "renamed");
	d = store_find(&store, "trezor", "A");
	cr_assert_eq(store_forget_device(&store, d, &why), ERR_OK);
	store_finish();
	store_begin();
	cr_assert_null(store_find(&store, "trezor", "A"));
	cr_assert_eq(arrive("soft", "E", "e"), 1);
	store_finish();
}

Test(store, a_serial_that_is_no_word_is_not_recorded)
{
	store_begin();
	cr_assert_eq(arrive("soft", "A B", "a"), UINT_MAX);
	cr_assert_eq(arrive("soft", "", "a"), UINT_MAX);
	cr_assert_eq(arrive("soft", "A", "two words"), 0);
	cr_assert_str_eq(store_find(&store, "soft", "A")->is.label, "-");
	store_finish();
	store_begin();
	cr_assert_eq(store.count, 1);
	store_finish();
}

Test(store, a_table_that_is_full)
{
	char serial[12];

	store_begin();
	store.devices_unsaved = false;
	for (unsigned i = 0; i < STATE_DEVICES_MAX; i++) {
		snprintf(serial, sizeof(serial), "S%u", i);
		cr_assert_eq(arrive("soft", serial, "-"), i);
	}
	cr_assert_eq(arrive("soft", "more", "-"), UINT_MAX);
	cr_assert_eq(arrive("soft", "S999", "-"), 999);
	store_finish();
}

Test(store, selectors)
{
	struct known_device *d;

	store_begin();
	arrive("soft", "1011", "home");
	arrive("trezor", "1011", "cold");
	arrive("trezor", "1", "home");
	cr_assert_eq(store_select(&store, "0", &d, NULL), ERR_OK);
	cr_assert_str_eq(d->is.driver, "soft");
	cr_assert_eq(store_select(&store, "soft:home", &d, NULL), ERR_OK);
	cr_assert_eq(d->is.index, 0);
	cr_assert_eq(store_select(&store, "trezor:1011", &d, NULL), ERR_OK);
	cr_assert_eq(d->is.index, 1);
	cr_assert_eq(store_select(&store, "1011", &d, NULL), ERR_AMBIGUOUS);
	cr_assert_eq(store_select(&store, "1", &d, NULL), ERR_AMBIGUOUS, "an index and a serial");
	cr_assert_eq(store_select(&store, "sof:home", &d, NULL), ERR_NO_DEVICE);
	cr_assert_eq(store_select(&store, "home", &d, NULL), ERR_NO_DEVICE);
	store_finish();
}

Test(store, keys_last_and_their_wallet_with_them)
{
	uint8_t one[PUBLIC_KEY_LEN] = {0, 1}, other[PUBLIC_KEY_LEN] = {0, 2}, pub[PUBLIC_KEY_LEN];
	struct identity id = identity("ssh://git@github.com");
	struct known_device *d;
	struct why why = {0};
	struct key *key;
	size_t n;

	pub[0] = 0;
	cr_assert_eq(hex_decode(pub + 1, 32, &n, PUB, strlen(PUB)), ERR_OK);
	store_begin();
	arrive("soft", "A", "a");
	d = store_find(&store, "soft", "A");
	/* Without a key any wallet will do. */
	cr_assert_eq(store_prove(&store, d, 1, one, &why), ERR_OK);
	cr_assert_eq(store_prove(&store, d, 2, other, &why), ERR_OK);
	cr_assert_eq(store_prove(&store, d, 3, NULL, &why), ERR_OK);
	cr_assert_eq(store_prove(&store, d, 4, one, &why), ERR_OK);
	cr_assert(d->proved && d->session == 4);
	key = keyring_add(&ring, &id, PURPOSE_SIGN, "soft", "A");
	keyring_learn(key, pub);
	store_save_keys(&store);
	store_finish();

	store_begin();
	d = store_find(&store, "soft", "A");
	key = keyring_find(&ring, &id, PURPOSE_SIGN, "soft", "A");
	cr_assert_not_null(key);
	cr_assert(key->known && !key->listed);
	cr_assert_arr_eq(key->public_key, pub, sizeof(pub));
	cr_assert_not(d->proved);
	cr_assert_eq(store_prove(&store, d, 1, other, &why), ERR_MISMATCH);
	cr_assert_not_null(strstr(why.text, "another wallet"));
	cr_assert_eq(store_prove(&store, d, 1, NULL, &why), ERR_MISMATCH);
	cr_assert_not(d->proved);
	cr_assert_eq(store_prove(&store, d, 1, one, &why), ERR_OK);
	cr_assert_eq(store_forget_device(&store, d, &why), ERR_EXISTS);
	store_forget_key(&store, key);
	cr_assert(!d->proved && !d->has_wallet);
	cr_assert_eq(store_prove(&store, d, 1, other, &why), ERR_OK);
	store_finish();
}

Test(store, a_key_whose_device_the_other_file_does_not_have)
{
	store_begin();
	store_finish();
	put("keys", keys);
	store_begin();
	cr_assert_eq(ring.count, 5);
	cr_assert_eq(store.count, 2);
	cr_assert_str_eq(store.devices[1].is.driver, "card");
	cr_assert_eq(arrive("card", "77", "yubi"), 1);
	cr_assert_eq(arrive("soft", "new", "new"), 2);
	store_finish();
}

Test(store, one_agent_a_state)
{
	struct keyring ring2 = {0};
	struct store second;
	struct why why = {0};

	store_begin();
	cr_assert_eq(store_open(&second, &ring2, false, &why), ERR_EXISTS);
	cr_assert_not_null(strstr(why.text, "another lanyard-agent"));
	arrive("soft", "A", "a");
	/* The agent of a command reads, and records nothing. */
	cr_assert_eq(store_open(&second, &ring2, true, &why), ERR_OK);
	cr_assert_eq(second.count, 1);
	second.devices_unsaved = true;
	store_close(&second);
	store_finish();
	store_begin();
	cr_assert_eq(store.count, 1);
	store_finish();
}

Test(store, contradictions_are_refused)
{
	static const struct {
		const char *keys, *devices, *says;
	} bad[] = {
		{"lanyard keys 1\n"
		 "sign 0 ed25519 soft A - - ssh://a\n"
		 "sign 0 ed25519 soft A " WALLET " - ssh://b\nend\n",
		 NULL, "keys:3: the wallet is not that of the lines before"},
		{"lanyard keys 1\n"
		 "sign 0 ed25519 soft A - - ssh://a\n"
		 "sign 1 ed25519 soft A - - ssh://a\n"
		 "sign 0 ed25519 soft A - " PUB " ssh://a\nend\n",
		 NULL, "keys: ssh://a (index 0, ed25519) is there twice"},
		{NULL, "lanyard devices 1\n0 soft A a\n0 soft B b\nend\n",
		 "devices:3: index 0 is there twice"},
		{NULL, "lanyard devices 1\n0 soft A a\n1 soft A b\nend\n",
		 "devices:3: the device is there twice"},
	};
	struct why why;

	store_begin();
	store_finish();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("keys", bad[i].keys != NULL ? bad[i].keys : "lanyard keys 1\nend\n");
		put("devices",
		    bad[i].devices != NULL ? bad[i].devices : "lanyard devices 1\nend\n");
		why = (struct why){0};
		cr_assert_eq(store_open(&store, &ring, false, &why), ERR_CORRUPT);
		cr_assert_not_null(strstr(why.text, bad[i].says), "%s", why.text);
		cr_assert_not_null(strstr(why.text, "move the file away"), "%s", why.text);
		store_finish();
	}
}

Test(store, the_wallet_fingerprint)
{
	/* DERIVATION.md: wallet.public of twelve times "all". */
	uint8_t pub[PUBLIC_KEY_LEN], wallet[32];
	struct identity id;
	char hex[65];
	size_t n;

	cr_assert_eq(
		hex_decode(pub, sizeof(pub), &n,
			   "0079c9a6766554034c4648411667c53a9648dc61f319aa25b0a3398dd2e360cdaa",
			   66),
		ERR_OK);
	kdf_wallet(wallet, pub);
	hex_encode(hex, wallet, 32);
	cr_assert_str_eq(hex, WALLET);
	store_wallet_identity(&id);
	cr_assert_str_eq(id.uri, "lanyard://wallet");
	cr_assert_eq(id.curve, CURVE_ED25519);
	cr_assert_eq(id.index, 0);
}
