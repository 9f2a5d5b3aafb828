/* SPDX-License-Identifier: MIT */
/* ssh/message.h: a connection's bytes, frame after frame. */
#include "fuzz.h"

#include "ssh/message.h"

/* The frame that says what `m` says: the encoding is canonical, so it is the one that was read. */
static void check_same_bytes(const struct ssh_message *m, struct slice frame)
{
	uint8_t *again = malloc(frame.n);
	struct wbuf w = wbuf_new(again, frame.n);
	size_t mark = wbuf_open_string(&w);

	CHECK(again != NULL);
	wbuf_u8(&w, m->type);
	if (m->type == SSH_AGENTC_SIGN_REQUEST || m->type == SSH_AGENTC_REMOVE_IDENTITY)
		wbuf_string(&w, m->key.p, m->key.n);
	if (m->type == SSH_AGENTC_SIGN_REQUEST) {
		wbuf_string(&w, m->data.p, m->data.n);
		wbuf_u32(&w, m->flags);
	}
	if (m->type == SSH_AGENTC_EXTENSION) {
		wbuf_string(&w, m->name.p, m->name.n);
		wbuf_bytes(&w, m->contents.p, m->contents.n);
	}
	if (m->type == SSH_AGENTC_LOCK || m->type == SSH_AGENTC_UNLOCK)
		wbuf_string(&w, m->passphrase.p, m->passphrase.n);
	wbuf_close_string(&w, mark);
	CHECK(wbuf_ok(&w));
	switch (m->type) {
	case SSH_AGENTC_SIGN_REQUEST:
	case SSH_AGENTC_REMOVE_IDENTITY:
	case SSH_AGENTC_EXTENSION:
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
	case SSH_AGENTC_REQUEST_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		CHECK(slice_eq((struct slice){again, w.n}, frame));
		break;
	default: /* its body is not looked at */
		CHECK(m->key.n == 0 && m->data.n == 0 && m->flags == 0 && m->name.n == 0 &&
		      m->contents.n == 0);
	}
	free(again);
}

/* A frame is read from its own bytes alone, and from no fewer. */
static void check_alone(struct slice frame, enum ssh_frame kind)
{
	struct ssh_message m;
	size_t used = 0;
	uint8_t *copy = fuzz_copy(frame.p, frame.n);

	CHECK(ssh_frame_parse(copy, frame.n, &m, &used, NULL) == kind && used == frame.n);
	free(copy);
	copy = fuzz_copy(frame.p, frame.n - 1);
	used = 0;
	CHECK(ssh_frame_parse(copy, frame.n - 1, &m, &used, NULL) == SSH_FRAME_MORE && used == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);

	while (r.n > 0) {
		struct ssh_message m;
		struct why why = {0};
		size_t used = 0;
		struct slice rest = {r.p, r.n}, frame;
		enum ssh_frame kind = ssh_frame_parse(rest.p, rest.n, &m, &used, &why);
		uint32_t length = rbuf_u32(&r);

		fuzz_check_why(kind == SSH_FRAME_BAD || kind == SSH_FRAME_TOO_LONG ? ERR_SYNTAX
										   : ERR_OK,
			       &why);
		if (kind == SSH_FRAME_TOO_LONG || kind == SSH_FRAME_MORE) {
			CHECK(used == 0);
			CHECK((kind == SSH_FRAME_TOO_LONG) == (length > SSH_FRAME_MAX));
			CHECK(kind != SSH_FRAME_MORE || rest.n < 4 || rest.n - 4 < length);
			break;
		}
		CHECK(used == 4 + (size_t)length && used <= rest.n && length <= SSH_FRAME_MAX);
		frame = (struct slice){rest.p, used};
		rbuf_bytes(&r, length);
		check_alone(frame, kind);
		if (kind == SSH_FRAME_OK) {
			CHECK(fuzz_within(m.key, frame) && fuzz_within(m.data, frame));
			CHECK(fuzz_within(m.name, frame) && fuzz_within(m.contents, frame));
			check_same_bytes(&m, frame);
		}
	}
	return 0;
}
