/* SPDX-License-Identifier: MIT */
/*
 * ssh/accept.h: whether a key may sign some bytes.
 *
 * An input is a byte that chooses key and identity, a byte that chooses `allow` and the
 * connection's binds, and the bytes. The decision is compared with DESIGN's list, written down here
 * once more.
 */
#include "fuzz.h"

#include "derive/hostkey.h"
#include "ssh/accept.h"
#include "ssh/blob.h"
#include "ssh/signed.h"

/* The two keys of tests/vectors/ssh_agent.txt. */
static const uint8_t ed25519[PUBLIC_KEY_LEN] =
	"\x00\x7c\x58\xd9\xd7\x1b\xee\x21\xc9\xfa\x73\x0b\x94\x02\xb9\x03\xf7\xb8\x80\xcb"
	"\x5a\x38\xe7\xe6\x30\xfb\x56\xcd\xb6\x01\xc6\x15\xd1";
static const uint8_t nist256p1[PUBLIC_KEY_LEN] =
	"\x03\x84\x96\xd1\xbb\xcc\xfc\x48\xc5\x50\x16\x20\x75\x9a\xbc\xf5\x65\xe0\x70\x3f"
	"\x7f\x05\xaf\x91\x00\x53\xb5\x2a\x46\xc1\xfb\x9a\x2b";

static const char *const uris[] = {"ssh://git@host", "ssh://host", "ssh://git@host:22/path"};

struct scene {
	struct key key;
	struct ssh_binds binds;
	const struct ssh_binds *context;
};

static void hash_text(uint8_t out[static 32], const char *text)
{
	hash_sha256(out, text, strlen(text));
}

/* Binds: none known, unbound, bound for a login, a hop, a hop and then a login. */
static void set_binds(struct scene *s, unsigned choice)
{
	static const unsigned counts[] = {0, 0, 1, 1, 2};
	size_t count = counts[choice % 5];

	s->context = choice % 5 == 0 ? NULL : &s->binds;
	s->binds.count = count;
	s->binds.forwarded = choice % 5 > 2;
	for (size_t i = 0; i < count; i++) {
		bool login = choice % 5 == 2 || i == 1;

		s->binds.list[i].forwarding = !login;
		hash_text(s->binds.list[i].session_id, login ? "session" : "hop");
		hash_text(s->binds.list[i].host_key, "host key");
		hash_text(s->binds.list[i].fingerprint, "host key");
	}
}

static void set_scene(struct scene *s, uint8_t who, uint8_t how)
{
	char longest[IDENTITY_URI_MAX + 1] = "ssh://git@";
	unsigned uri = who >> 1 & 3;

	memset(s, 0, sizeof(*s));
	memset(longest + 10, 'h', sizeof(longest) - 11);
	CHECK(identity_parse(&s->key.id, uri < 3 ? uris[uri] : longest, NULL) == ERR_OK);
	s->key.known = true;
	s->key.id.index = who >> 3 & 1 ? UINT32_MAX : 0;
	s->key.id.curve = who & 1 ? CURVE_NIST256P1 : CURVE_ED25519;
	memcpy(s->key.public_key, who & 1 ? nist256p1 : ed25519, PUBLIC_KEY_LEN);
	if (who >> 4 == 15)
		s->key.id.curve = CURVE_SECP256K1;
	s->key.allow = how & 15;
	set_binds(s, how >> 4);
	s->key.host_known = how >> 4 >= 10; /* and no host is: there is no known_hosts */
}

static bool hash_is(struct slice s, const uint8_t hash[static 32])
{
	uint8_t ours[32];

	hash_sha256(ours, s.p, s.n);
	return memcmp(ours, hash, 32) == 0;
}

static bool login_is_good(const struct scene *s, const struct ssh_signed *what)
{
	const struct ssh_bind *last = s->binds.count > 0 ? &s->binds.list[s->binds.count - 1]
							 : NULL;
	struct slice user = IDENTITY_PART(&s->key.id, user);

	if (last != NULL &&
	    (last->forwarding || !hash_is(what->userauth.session_id, last->session_id) ||
	     (what->userauth.hostbound && !hash_is(what->userauth.host_key, last->host_key))))
		return false;
	return !s->key.host_known && slice_is(what->userauth.service, "ssh-connection") &&
	       what->userauth.have_signature == 1 &&
	       ((slice_is(what->userauth.algorithm, ssh_type(s->key.id.curve)) &&
		 ssh_key_is(what->userauth.key, s->key.id.curve, s->key.public_key)) ||
		(slice_is(what->userauth.algorithm, ssh_cert_type(s->key.id.curve)) &&
		 ssh_cert_is_of(what->userauth.key, &s->key))) &&
	       (user.n == 0 || slice_eq(user, what->userauth.user));
}

static bool sshsig_is_good(const struct ssh_signed *what)
{
	struct slice digest = what->sshsig.digest;

	return what->sshsig.namespace.n > 0 && what->sshsig.reserved.n == 0 &&
	       ((slice_is(what->sshsig.hash, "sha256") && digest.n == 32) ||
		(slice_is(what->sshsig.hash, "sha512") && digest.n == 64));
}

static bool may_sign(const struct scene *s, struct slice data)
{
	struct ssh_signed what;

	if (ssh_type(s->key.id.curve) == NULL)
		return false;
	if (s->key.allow & ALLOW_ANY)
		return true;
	ssh_signed_parse(data, &what);
	switch (what.kind) {
	case SSH_SIGNED_USERAUTH:
		return (s->key.allow & ALLOW_USERAUTH) && login_is_good(s, &what);
	case SSH_SIGNED_SSHSIG:
		return (s->key.allow & ALLOW_SSHSIG) && sshsig_is_good(&what);
	case SSH_SIGNED_CERTIFICATE:
		return (s->key.allow & ALLOW_CERTIFICATE) &&
		       ssh_key_is(what.cert.ca, s->key.id.curve, s->key.public_key);
	default:
		return false;
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(setenv("HOME", "/nonexistent", 1) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proof proof;
	char *facts = proof.facts, line[SSH_LINE_MAX + 1];
	struct why why = {0};
	struct scene scene;
	struct rbuf r = rbuf_new(data, size);
	uint8_t who = rbuf_u8(&r), how = rbuf_u8(&r);
	struct slice bytes = rbuf_bytes(&r, r.n);
	enum err e;

	set_scene(&scene, who, how);
	memset(&proof, 'x', sizeof(proof));
	e = ssh_scheme.check_sign(&scene.key, scene.context, bytes, &proof, &why);
	fuzz_check_why(e, &why);
	CHECK((e == ERR_OK) == may_sign(&scene, bytes));
	if (e == ERR_OK) {
		CHECK(memchr(facts, '\0', FACTS_MAX) != NULL && facts[0] != '\0');
		fuzz_check_shown(facts);
		/* What is proved is never cut off by what others chose. */
		scene.key.id.uri[100] = '\0';
		CHECK(strstr(facts, scene.key.id.uri) != NULL);
		/* And nothing passes for proved that is not. */
		scene.key.allow = ALLOW_USERAUTH | ALLOW_SSHSIG | ALLOW_CERTIFICATE;
		CHECK(may_sign(&scene, bytes) == (strncmp(facts, "unchecked data ", 15) != 0));
		scene.key.allow = how & 15;
		CHECK(why.text[0] == '\0');
	} else {
		CHECK(e == ERR_NOT_ALLOWED || e == ERR_UNSUPPORTED);
	}
	CHECK(ssh_scheme.public_text(&scene.key, line, sizeof(line)) ==
	      (scene.key.id.curve == CURVE_SECP256K1 ? ERR_UNSUPPORTED : ERR_OK));
	CHECK(ssh_scheme.check_sign(&scene.key, scene.context, bytes, &proof, NULL) == e);
	return 0;
}
