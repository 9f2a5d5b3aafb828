/* SPDX-License-Identifier: MIT */
/* derive/identity.h: one URI, or two with LF between them to compare. */
#include "fuzz.h"

#include "derive/encode.h"
#include "derive/identity.h"

/* The parts, with the separators that belong to them, are the URI. */
static void check_parts(const struct identity *id)
{
	char text[IDENTITY_URI_MAX + 1];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct slice proto = IDENTITY_PART(id, proto), user = IDENTITY_PART(id, user);
	struct slice host = IDENTITY_PART(id, host), port = IDENTITY_PART(id, port);
	struct slice path = IDENTITY_PART(id, path);

	wbuf_bytes(&w, proto.p, proto.n);
	wbuf_text(&w, "://");
	wbuf_bytes(&w, user.p, user.n);
	wbuf_text(&w, user.n > 0 ? "@" : "");
	wbuf_bytes(&w, host.p, host.n);
	wbuf_text(&w, port.n > 0 ? ":" : "");
	wbuf_bytes(&w, port.p, port.n);
	wbuf_bytes(&w, path.p, path.n);
	CHECK(wbuf_ok(&w) && w.n == strlen(id->uri) && memcmp(text, id->uri, w.n) == 0);
	CHECK(proto.n > 0 && host.n > 0 && host.p[0] != '-');
	CHECK(user.n == 0 || user.p[0] != '-');
	CHECK(path.n == 0 || path.p[0] == '/');
}

static void check_class(const struct identity *id)
{
	static const struct {
		const char *start;
		enum identity_class class;
		const char *may; /* a letter a use: SIGN, ECDH, SECRET, WGKEYS */
	} rows[] = {
		{"ssh://", CLASS_SSH, "s"},         {"gpg://", CLASS_GPG, "se"},
		{"wg://", CLASS_WG_INTERFACE, "w"}, {"wg://", CLASS_WG_PEER, "w"},
		{"secret://", CLASS_SECRET, "x"},   {"", CLASS_OTHER, "se"},
	};
	static const char letters[USE_COUNT] = {[USE_PUBLIC_KEY] = 'p',
						[USE_SIGN] = 's',
						[USE_ECDH] = 'e',
						[USE_SECRET] = 'x',
						[USE_WG_KEYS] = 'w'};
	size_t row = 0;

	while (strncmp(id->uri, rows[row].start, strlen(rows[row].start)) != 0)
		row++;
	if (rows[row].class == CLASS_WG_INTERFACE && id->path.n > 0)
		row++;
	CHECK(id->class == rows[row].class);
	for (unsigned use = 0; use < USE_COUNT; use++) {
		struct why why = {0};
		enum err e = identity_may(id, (enum use)use, &why);
		bool may = use == USE_PUBLIC_KEY || strchr(rows[row].may, letters[use]) != NULL;

		fuzz_check_why(e, &why);
		CHECK(e == (may ? ERR_OK : ERR_NOT_ALLOWED));
		/* No node ever serves both. */
		CHECK(e != ERR_OK || (use != USE_SECRET && use != USE_WG_KEYS) ||
		      (identity_may(id, USE_ECDH, NULL) != ERR_OK &&
		       identity_may(id, USE_SIGN, NULL) != ERR_OK));
	}
	CHECK(identity_may(id, USE_COUNT, NULL) == ERR_INVALID);
	CHECK(id->curve == identity_default_curve(id->class, USE_PUBLIC_KEY));
	CHECK(identity_default_curve(id->class, USE_ECDH) == CURVE_CURVE25519);
}

static void check_peer(const struct identity *id)
{
	uint8_t peer[32];
	char text[44];
	size_t n;

	CHECK(id->port.n == 0 && id->user.n >= 1 && id->user.n <= 15);
	if (id->class != CLASS_WG_PEER)
		return;
	CHECK(base64url_decode(peer, sizeof(peer), &n, id->uri + id->path.at + 1,
			       id->path.n - 1U) == ERR_OK);
	CHECK(n == sizeof(peer));
	base64url_encode(text, sizeof(text), peer, n);
	CHECK(strcmp(text, id->uri + id->path.at + 1) == 0);
}

static void check_characters(const struct identity *id)
{
	CHECK(text_is_ascii_printable(id->uri, strlen(id->uri)));
	CHECK(strpbrk(id->uri, "%\"'`\\") == NULL);
	CHECK(id->class == CLASS_GPG || strpbrk(id->uri, " <>") == NULL);
	CHECK(id->class == CLASS_GPG || strstr(strstr(id->uri, "://") + 3, "://") == NULL);
}

static bool check_uri(const char *uri, struct identity *id)
{
	struct identity again;
	struct why why = {0};
	enum err e;

	memset(id, 'x', sizeof(*id));
	e = identity_parse(id, uri, &why);
	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_INVALID);
	if (e != ERR_OK)
		return false;
	/* It is hashed as it was written. */
	CHECK(strcmp(id->uri, uri) == 0 && id->index == 0);
	check_characters(id);
	check_parts(id);
	check_class(id);
	if (id->class == CLASS_WG_INTERFACE || id->class == CLASS_WG_PEER)
		check_peer(id);
	CHECK(identity_parse(&again, id->uri, NULL) == ERR_OK);
	CHECK(memcmp(&again, id, sizeof(again)) == 0 && identity_equal(&again, id));
	CHECK(!identity_near(&again, id));
	again.index++;
	CHECK(!identity_equal(&again, id) && !identity_near(&again, id));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char *second = strchr(text, '\n');
	struct identity a, b;
	enum curve curve;

	if (second != NULL)
		*second++ = '\0';
	if (check_uri(text, &a) && second != NULL && check_uri(second, &b)) {
		CHECK(identity_near(&a, &b) == identity_near(&b, &a));
		CHECK(identity_equal(&a, &b) == (strcmp(text, second) == 0));
		CHECK(!identity_near(&a, &b) || (!identity_equal(&a, &b) && a.class == b.class));
	}
	if (curve_parse(text, &curve, NULL) == ERR_OK)
		CHECK(strcmp(curve_name(curve), text) == 0);
	free(text);
	return 0;
}
