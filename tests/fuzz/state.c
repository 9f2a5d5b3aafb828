/* SPDX-License-Identifier: MIT */
/* agent/state.h: a file of either kind. */
#include "fuzz.h"

#include "agent/state.h"

static const char path[] = "/var/lib/lanyard/file";

struct file {
	struct wbuf again; /* what was found, written as the agent writes it */
	size_t found;
	size_t refuse; /* this entry; 0: none */
};

typedef enum err parser(const void *p, size_t n, struct file *f, struct why *why);

static enum err refuse(struct file *f, struct why *why)
{
	if (++f->found == f->refuse)
		return why_set(why, ERR_EXISTS, "no room");
	return ERR_OK;
}

static enum err found_key(void *arg, const struct state_key *k, struct why *why)
{
	struct file *f = arg;
	struct identity id;

	CHECK(identity_parse(&id, k->id.uri, NULL) == ERR_OK && id.class == k->id.class);
	CHECK(k->purpose == PURPOSE_SIGN || k->purpose == PURPOSE_ECDH);
	CHECK(k->id.curve < CURVE_COUNT);
	CHECK(state_is_word(k->driver, DRIVER_NAME_MAX));
	CHECK(state_is_word(k->serial, DEVICE_SERIAL_MAX));
	CHECK(!k->known || ecc_check_public(k->id.curve, k->public_key) == ERR_OK);
	state_put_key(&f->again, k);
	return refuse(f, why);
}

static enum err found_device(void *arg, const struct state_device *d, struct why *why)
{
	struct file *f = arg;

	CHECK(state_is_word(d->driver, DRIVER_NAME_MAX));
	CHECK(state_is_word(d->serial, DEVICE_SERIAL_MAX));
	CHECK(state_is_word(d->label, DEVICE_LABEL_MAX));
	state_put_device(&f->again, d);
	return refuse(f, why);
}

static enum err parse_keys(const void *p, size_t n, struct file *f, struct why *why)
{
	state_begin(&f->again, "keys");
	return state_keys_parse(p, n, path, found_key, f, why);
}

static enum err parse_devices(const void *p, size_t n, struct file *f, struct why *why)
{
	state_begin(&f->again, "devices");
	return state_devices_parse(p, n, path, found_device, f, why);
}

static enum err parse(parser *p, struct slice text, struct file *f, size_t refused)
{
	struct why why = {0};
	uint8_t *copy = fuzz_copy(text.p, text.n);
	enum err e;

	f->again.n = f->found = 0;
	f->refuse = refused;
	e = p(copy, text.n, f, &why);
	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || strncmp(why.text, path, strlen(path)) == 0);
	CHECK(wbuf_ok(&f->again));
	free(copy);
	return e;
}

/* A good file is exactly what the agent would write, and no part of it is a file. */
static void check_good(parser *p, struct slice text, struct file *f)
{
	size_t found = f->found;

	state_end(&f->again);
	CHECK(slice_eq((struct slice){f->again.p, f->again.n}, text));
	for (size_t cut = 1; cut <= text.n; cut += cut < 100 ? 1 : 97)
		CHECK(parse(p, (struct slice){text.p, text.n - cut}, f, 0) == ERR_CORRUPT);
	for (size_t i = 1; i <= found && i < 4; i++)
		CHECK(parse(p, text, f, i) == ERR_EXISTS && f->found == i);
}

static void check(parser *p, struct slice text)
{
	size_t room = 2 * text.n + STATE_LINE_MAX;
	uint8_t *bytes = malloc(room);
	struct file f = {.again = wbuf_new(bytes, room)};
	enum err e;

	CHECK(bytes != NULL);
	e = parse(p, text, &f, 0);
	CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_VERSION);
	if (e == ERR_OK)
		check_good(p, text, &f);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {data, size};

	check(parse_keys, text);
	check(parse_devices, text);
	return 0;
}
