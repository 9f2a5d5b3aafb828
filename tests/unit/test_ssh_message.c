/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/message.h"
#include "test_ssh_vectors.h"

static enum ssh_frame parse(const uint8_t *p, size_t n, struct ssh_message *m, size_t *used)
{
	uint8_t *copy = exact_copy(p, n);
	struct why why = {0};
	enum ssh_frame frame = ssh_frame_parse(copy, n, m, used, &why);

	if (frame == SSH_FRAME_BAD || frame == SSH_FRAME_TOO_LONG)
		cr_expect(why.text[0] != '\0', "no reason");
	free(copy);
	return frame;
}

/* A message of `type` with a body, its length as given. */
static size_t frame_of(uint8_t *out, uint32_t length, uint8_t type, const void *body, size_t n)
{
	struct wbuf w = wbuf_new(out, 1024);

	wbuf_u32(&w, length);
	wbuf_u8(&w, type);
	wbuf_bytes(&w, body, n);
	cr_assert(wbuf_ok(&w));
	return w.n;
}

Test(ssh_message, a_sign_request)
{
	struct ssh_vector v, key;
	struct ssh_message m;

	ssh_vector_message(&v, "sign", "login-ed25519-ed25519", &m);
	ssh_vector(&key, "key", "ed25519");
	cr_expect(m.type == SSH_AGENTC_SIGN_REQUEST);
	cr_expect(m.flags == 0);
	cr_expect(slice_eq(m.key, (struct slice){key.data, key.n}));
	cr_expect(m.data.n == v.n - 4 - 1 - (4 + key.n) - 4 - 4);
}

Test(ssh_message, an_extension)
{
	struct ssh_vector v;
	struct ssh_message m;

	ssh_vector_message(&v, "bind", "ed25519", &m);
	cr_expect(m.type == SSH_AGENTC_EXTENSION);
	cr_expect(slice_is(m.name, "session-bind@openssh.com"));
	cr_expect(m.contents.p + m.contents.n == v.data + v.n);
}

Test(ssh_message, cut_anywhere_more_is_wanted)
{
	struct ssh_vector v;
	struct ssh_message m;
	size_t used = 1;

	ssh_vector_message(&v, "sign", "login-ed25519-ed25519", &m);
	for (size_t n = 0; n < v.n; n++)
		cr_expect(parse(v.data, n, &m, &used) == SSH_FRAME_MORE, "cut to %zu", n);
	cr_expect(used == 1);
	/* What follows is the next message. */
	v.data[v.n] = 0xff;
	cr_expect(parse(v.data, v.n + 1, &m, &used) == SSH_FRAME_OK);
	cr_expect(used == v.n);
}

/* A message whose length says so ends too early, anywhere, or too late. */
static void expect_bad_body(const uint8_t *p, size_t n)
{
	uint8_t frame[2048];
	struct ssh_message m;
	struct wbuf w;
	size_t used;

	memcpy(frame, p, n);
	frame[n] = 0;
	for (size_t k = 5; k <= n + 1; k++) {
		w = wbuf_new(frame, 4);
		wbuf_u32(&w, (uint32_t)k - 4);
		used = 0;
		cr_expect(parse(frame, k, &m, &used) == (k == n ? SSH_FRAME_OK : SSH_FRAME_BAD),
			  "type %u, %zu bytes of %zu", frame[4], k, n);
		cr_expect(used == k);
	}
}

Test(ssh_message, bodies_are_whole_and_nothing_follows)
{
	static const uint8_t empty[] = {SSH_AGENTC_REQUEST_IDENTITIES,
					SSH_AGENTC_REMOVE_ALL_IDENTITIES,
					SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES};
	struct ssh_vector v;
	struct ssh_message m;
	uint8_t frame[1024];
	size_t n;

	ssh_vector_message(&v, "sign", "login-ed25519-ed25519", &m);
	expect_bad_body(v.data, v.n);
	n = frame_of(frame, 10, SSH_AGENTC_REMOVE_IDENTITY, "\0\0\0\5hello", 9);
	expect_bad_body(frame, n);
	for (size_t i = 0; i < sizeof(empty); i++) {
		n = frame_of(frame, 1, empty[i], "", 0);
		expect_bad_body(frame, n);
	}
}

/* An extension's contents have a form of their own, and may be empty; its name has to be there. */
Test(ssh_message, an_extension_without_its_name)
{
	uint8_t frame[1024];
	struct ssh_message m;
	size_t used;

	for (uint32_t k = 1; k < 10; k++) {
		frame_of(frame, k, SSH_AGENTC_EXTENSION, "\0\0\0\5query", 9);
		cr_expect(parse(frame, 4 + k, &m, &used) == SSH_FRAME_BAD, "%u bytes", k);
	}
	frame_of(frame, 10, SSH_AGENTC_EXTENSION, "\0\0\0\5query", 9);
	cr_expect(ssh_frame_parse(frame, 14, &m, &used, NULL) == SSH_FRAME_OK);
	cr_expect(slice_is(m.name, "query"));
	cr_expect(m.contents.n == 0);
}

Test(ssh_message, lengths)
{
	static const struct {
		uint32_t length;
		enum ssh_frame frame;
	} rows[] = {
		{0, SSH_FRAME_BAD},
		{SSH_FRAME_MAX, SSH_FRAME_MORE},
		{SSH_FRAME_MAX + 1, SSH_FRAME_TOO_LONG},
		{UINT32_C(1) << 31, SSH_FRAME_TOO_LONG},
		{UINT32_MAX, SSH_FRAME_TOO_LONG},
	};
	uint8_t frame[1024];
	struct ssh_message m;
	size_t used;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = frame_of(frame, rows[i].length, 11, "", 0);

		used = 0;
		cr_expect(parse(frame, n, &m, &used) == rows[i].frame, "%u", rows[i].length);
		cr_expect(parse(frame, 4, &m, &used) == rows[i].frame, "%u", rows[i].length);
		cr_expect(used == (rows[i].length == 0 ? 4 : 0));
	}
}

Test(ssh_message, the_longest_is_taken)
{
	size_t used, n = 4 + SSH_FRAME_MAX;
	uint8_t *frame = calloc(1, n);
	struct wbuf w = wbuf_new(frame, n);
	struct ssh_message m;

	wbuf_u32(&w, SSH_FRAME_MAX);
	wbuf_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wbuf_string(&w, "key", 3);
	wbuf_u32(&w, SSH_FRAME_MAX - 1 - 7 - 4 - 4);
	cr_expect(ssh_frame_parse(frame, n, &m, &used, NULL) == SSH_FRAME_OK);
	cr_expect(used == n && m.data.n == SSH_FRAME_MAX - 16);
	free(frame);
}

Test(ssh_message, lock_and_unlock)
{
	static const char body[] = "\0\0\0\4pass";
	uint8_t frame[1024];
	struct ssh_message m;
	size_t used;

	for (unsigned type = SSH_AGENTC_LOCK; type <= SSH_AGENTC_UNLOCK; type++) {
		size_t n = frame_of(frame, sizeof(body), (uint8_t)type, body, sizeof(body) - 1);

		cr_expect(ssh_frame_parse(frame, n, &m, &used, NULL) == SSH_FRAME_OK);
		cr_expect(slice_is(m.passphrase, "pass"));
		n = frame_of(frame, sizeof(body) - 1, (uint8_t)type, body, sizeof(body) - 2);
		cr_expect(parse(frame, n, &m, &used) == SSH_FRAME_BAD, "cut short");
	}
}

/* Types that are only refused may say what they like; they may hold private keys. */
Test(ssh_message, bodies_that_are_not_looked_at)
{
	uint8_t frame[1024];
	struct ssh_message m;
	size_t used;

	for (unsigned type = 0; type < 256; type++) {
		size_t n = frame_of(frame, 4, (uint8_t)type, "\xff\xff\xff", 3);
		bool known = type == 9 || type == 11 || type == 13 || type == 18 || type == 19 ||
			     type == 22 || type == 23 || type == 27;

		cr_expect(parse(frame, n, &m, &used) == (known ? SSH_FRAME_BAD : SSH_FRAME_OK),
			  "type %u", type);
		cr_expect(used == n && m.type == type);
		cr_expect(known || (m.key.n == 0 && m.data.n == 0 && m.contents.n == 0));
	}
}
