/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "ssh/answer.h"
#include "ssh/message.h"
#include "test_ssh_vectors.h"

/* An identities answer in the making. */
struct list {
	uint8_t p[1024];
	struct wbuf w;
};

static void list_begin(struct list *l, uint32_t count)
{
	l->w = wbuf_new(l->p, sizeof(l->p));
	wbuf_u8(&l->w, SSH_AGENT_IDENTITIES_ANSWER);
	wbuf_u32(&l->w, count);
}

static void list_key(struct list *l, const char *type, const char *comment, size_t comment_len)
{
	size_t mark = wbuf_open_string(&l->w);

	wbuf_cstring(&l->w, type);
	wbuf_cstring(&l->w, "body");
	wbuf_close_string(&l->w, mark);
	wbuf_string(&l->w, comment, comment_len);
	cr_assert(wbuf_ok(&l->w));
}

/* Of exactly these bytes, so that a sanitizer sees one more read. */
static bool parses(const uint8_t *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	struct slice entries;
	bool ok = ssh_identities_parse((struct slice){copy, n}, &entries);

	free(copy);
	return ok;
}

static bool fits(uint8_t request, const void *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	bool ok = ssh_answer_fits(request, (struct slice){copy, n});

	free(copy);
	return ok;
}

Test(ssh_answer, a_list)
{
	struct list l;
	struct slice entries, key, comment;
	struct rbuf r;

	list_begin(&l, 2);
	list_key(&l, "ssh-ed25519", "one", 3);
	list_key(&l, "sk-ssh-ed25519@openssh.com", "", 0);
	cr_assert(ssh_identities_parse((struct slice){l.w.p, l.w.n}, &entries));
	r = rbuf_from(entries);
	cr_assert(ssh_identities_next(&r, &key, &comment));
	cr_expect(slice_is(comment, "one"));
	cr_expect(ssh_identities_have(entries, key));
	cr_assert(ssh_identities_next(&r, &key, &comment));
	cr_expect(comment.n == 0);
	cr_expect(ssh_identities_have(entries, key));
	cr_expect(!ssh_identities_next(&r, &key, &comment));
	key.n--;
	cr_expect(!ssh_identities_have(entries, key), "a part of a key");
	cr_expect(!ssh_identities_have((struct slice){0}, key));
}

Test(ssh_answer, cut_anywhere_or_with_more_it_is_no_list)
{
	struct list l;

	list_begin(&l, 2);
	list_key(&l, "ssh-ed25519", "one", 3);
	list_key(&l, "ssh-rsa", "two", 3);
	cr_expect(parses(l.p, l.w.n));
	for (size_t n = 0; n < l.w.n; n++)
		cr_expect(!parses(l.p, n), "cut to %zu", n);
	l.p[l.w.n] = 0;
	cr_expect(!parses(l.p, l.w.n + 1));
	/* The count is that of the entries. */
	for (uint8_t count = 0; count < 5; count++) {
		l.p[4] = count;
		cr_expect(parses(l.p, l.w.n) == (count == 2), "count %u", count);
	}
	l.p[4] = 2;
	l.p[0] = SSH_AGENT_SUCCESS;
	cr_expect(!parses(l.p, l.w.n));
}

Test(ssh_answer, an_empty_list)
{
	struct list l;

	list_begin(&l, 0);
	cr_expect(parses(l.p, l.w.n));
	list_begin(&l, SSH_IDENTITIES_MAX + 1);
	cr_expect(!parses(l.p, l.w.n));
}

Test(ssh_answer, an_entry_that_clients_cannot_read)
{
	static const char long_type[] =
		"an-algorithm-name-of-sixty-five-letters-which-is-one-more-than-64";
	struct list l;

	list_begin(&l, 1);
	list_key(&l, "ssh-ed25519", "a\0b", 3);
	cr_expect(!parses(l.p, l.w.n), "a NUL in the comment");
	list_begin(&l, 1);
	list_key(&l, "", "c", 1);
	cr_expect(!parses(l.p, l.w.n), "no type");
	list_begin(&l, 1);
	list_key(&l, "ssh-\033", "c", 1);
	cr_expect(!parses(l.p, l.w.n), "a type that is no name");
	list_begin(&l, 1);
	list_key(&l, long_type + 1, "c", 1);
	cr_expect(parses(l.p, l.w.n), "64 letters");
	list_begin(&l, 1);
	list_key(&l, long_type, "c", 1);
	cr_expect(!parses(l.p, l.w.n), "65 letters");
	list_begin(&l, 1);
	wbuf_u32(&l.w, 0);
	wbuf_cstring(&l.w, "c");
	cr_expect(!parses(l.p, l.w.n), "an empty key");
	list_begin(&l, 1);
	wbuf_u32(&l.w, 4 + 7);
	wbuf_cstring(&l.w, "ssh-rsa");
	wbuf_cstring(&l.w, "c");
	cr_expect(!parses(l.p, l.w.n), "a type alone");
}

Test(ssh_answer, what_may_follow_a_request)
{
	static const uint8_t signature[] = {SSH_AGENT_SIGN_RESPONSE, 0, 0, 0, 2, 's', 'g', 0};
	static const uint8_t requests[] = {
		SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST, SSH_AGENTC_ADD_IDENTITY,
		SSH_AGENTC_REMOVE_IDENTITY,    SSH_AGENTC_EXTENSION,
	};
	struct list l;

	list_begin(&l, 1);
	list_key(&l, "ssh-rsa", "c", 1);
	for (size_t i = 0; i < sizeof(requests); i++) {
		uint8_t type = requests[i];
		bool list = type == SSH_AGENTC_REQUEST_IDENTITIES;
		bool sign = type == SSH_AGENTC_SIGN_REQUEST;
		bool extension = type == SSH_AGENTC_EXTENSION;

		cr_expect(!fits(type, "", 0), "nothing");
		cr_expect(fits(type, "\5", 1), "failure");
		cr_expect(!fits(type, "\5x", 2), "failure and a byte");
		cr_expect(fits(type, "\6", 1) == (!list && !sign), "success after %u", type);
		cr_expect(!fits(type, "\6x", 2), "success and a byte");
		cr_expect(fits(type, l.p, l.w.n) == list, "a list after %u", type);
		cr_expect(!fits(type, l.p, l.w.n - 1), "a list that is cut");
		for (size_t n = 1; n <= sizeof(signature); n++)
			cr_expect(fits(type, signature, n) == (sign && n == 7),
				  "%zu bytes of a signature after %u", n, type);
		cr_expect(!fits(type, "\16\0\0\0\0", 5), "an empty signature");
		cr_expect(fits(type, "\34", 1) == extension, "extension failure");
		cr_expect(!fits(type, "\34x", 2), "extension failure and a byte");
		cr_expect(fits(type, "\35any", 4) == extension, "extension response");
		cr_expect(!fits(type, "\36", 1), "an unknown answer");
	}
}
