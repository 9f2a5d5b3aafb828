/* SPDX-License-Identifier: MIT */
/* The accept list: every rule has a row, every row is tried with every value of `allow`. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/accept.h"
#include "ssh/blob.h"
#include "test_ssh_vectors.h"

#define HOSTBOUND "publickey-hostbound-v00@openssh.com"

static enum err check(const struct key *key, const struct ssh_binds *binds, const void *p, size_t n,
		      char facts[static FACTS_MAX], struct why *why)
{
	uint8_t *copy = exact_copy(p, n);
	struct proof proof;
	enum err e;

	memset(&proof, 'x', sizeof(proof));
	why->text[0] = '\0';
	e = ssh_scheme.check_sign(key, binds, (struct slice){copy, n}, &proof, why);
	memcpy(facts, proof.facts, FACTS_MAX);
	if (e == ERR_OK)
		cr_expect(proof.class ==
			  (strncmp(facts, "login ", 6) == 0 ? OP_CLASS_AUTH : OP_CLASS_SIGN));
	free(copy);
	return e;
}

/*
 * `bit` is what has to be in `allow`, 0 when only "any" will do. Facts (or the reason) have to hold
 * `text`.
 */
static void expect_allowed(const char *label, struct key *key, const struct ssh_binds *binds,
			   const void *p, size_t n, unsigned bit, const char *text)
{
	char facts[FACTS_MAX];
	struct why why;

	for (key->allow = 0; key->allow < 16; key->allow++) {
		bool any = (key->allow & ALLOW_ANY) != 0, proved = bit != 0 && bit != ALLOW_ANY;
		enum err e = check(key, binds, p, n, facts, &why);

		cr_expect(e == (any || (key->allow & bit) != 0 ? ERR_OK : ERR_NOT_ALLOWED),
			  "%s: allow %u: error %d %s", label, key->allow, (int)e, why.text);
		if (e == ERR_OK) {
			cr_expect(strlen(facts) > 0 && why.text[0] == '\0');
			cr_expect(strstr(facts, proved ? text : "unchecked data") != NULL,
				  "%s: allow %u: facts: %s", label, key->allow, facts);
		} else {
			cr_expect(strstr(why.text, proved ? "config" : text) != NULL,
				  "%s: allow %u: reason: %s", label, key->allow, why.text);
		}
	}
}

/* ---- logins ---- */

enum bound { UNBOUND, BOUND, BOUND_VIA_HOPS, HOP_ONLY, BOUND_ELSEWHERE, OTHER_HOST };

struct login {
	const char *label;
	const char *key, *uri; /* the key that is asked: vector name; NULL: ed25519, ssh://git@h */
	enum bound bound;
	/* The request, NULL or 0 for what is right. */
	const char *session, *user, *service, *method, *algorithm, *embedded;
	uint8_t message;
	int have_signature; /* 1 too many, so that 0 is "right" */
	uint8_t host;
	bool trailing;
	/* What comes of it. */
	bool good;
	const char *text;
};

static const struct login logins[] = {
	{.label = "plain", .good = true, .text = "host not proved, user git"},
	{.label = "hostbound",
	 .method = HOSTBOUND,
	 .good = true,
	 .text = "host not proved, user git"},
	{.label = "P-256", .key = "nist256p1", .good = true, .text = "login with ssh://git@h,"},
	{.label = "bound", .bound = BOUND, .good = true, .text = "ssh://git@h, host SHA256:"},
	{.label = "bound, hostbound",
	 .bound = BOUND,
	 .method = HOSTBOUND,
	 .good = true,
	 .text = ", host SHA256:"},
	{.label = "over hops",
	 .bound = BOUND_VIA_HOPS,
	 .method = HOSTBOUND,
	 .good = true,
	 .text = ", forwarded, user git"},
	{.label = "over hops, plain",
	 .bound = BOUND_VIA_HOPS,
	 .good = true,
	 .text = ", forwarded,"},
	{.label = "any user", .uri = "ssh://h", .user = "root", .good = true, .text = "user root"},
	{.label = "user with a port",
	 .uri = "ssh://git@h:22",
	 .good = true,
	 .text = "ssh://git@h:22,"},
	{.label = "no user, as the key has none",
	 .uri = "ssh://h",
	 .user = "",
	 .good = true,
	 .text = "user "},
	{.label = "unprintable user",
	 .uri = "ssh://h",
	 .user = "a\n\x1b[1m",
	 .good = true,
	 .text = "user a\\x0a\\x1b[1m"},

	{.label = "other user", .user = "root", .text = "as user \"root\""},
	{.label = "user with more behind", .user = "git ", .text = "as user"},
	{.label = "user in capitals", .user = "Git", .text = "as user"},
	{.label = "no user", .user = "", .text = "as user"},
	{.label = "other key", .embedded = "nist256p1", .text = "names another key"},
	{.label = "other key of the type", .embedded = "host", .text = "names another key"},
	{.label = "other algorithm", .algorithm = "ecdsa-sha2-nistp256", .text = "with algorithm"},
	{.label = "certificate's algorithm",
	 .algorithm = "ssh-ed25519-cert-v01@openssh.com",
	 .text = "with algorithm"},
	{.label = "no algorithm", .algorithm = "", .text = "with algorithm"},
	{.label = "other service", .service = "ssh-userauth", .text = "for service"},
	{.label = "no service", .service = "", .text = "for service"},
	{.label = "no signature to come", .have_signature = 1, .text = "carries no signature"},
	{.label = "a flag that is no bool", .have_signature = 3, .text = "carries no signature"},
	{.label = "other session than bound",
	 .bound = BOUND,
	 .session = "session-B",
	 .text = "another SSH session"},
	{.label = "the same, hostbound",
	 .bound = BOUND,
	 .session = "session-B",
	 .method = HOSTBOUND,
	 .text = "another SSH session"},
	{.label = "session id longer than bound",
	 .bound = BOUND,
	 .session = "session-A ",
	 .text = "another SSH session"},
	{.label = "bound to another session",
	 .bound = BOUND_ELSEWHERE,
	 .text = "another SSH session"},
	{.label = "other host key than bound",
	 .bound = BOUND,
	 .method = HOSTBOUND,
	 .host = 9,
	 .text = "another host key"},
	{.label = "bound to another host key",
	 .bound = OTHER_HOST,
	 .method = HOSTBOUND,
	 .text = "another host key"},
	{.label = "session of a hop", .bound = HOP_ONLY, .text = "forwarded connection"},
	{.label = "session of a hop, hostbound",
	 .bound = HOP_ONLY,
	 .method = HOSTBOUND,
	 .text = "forwarded connection"},
	{.label = "session of the hop before",
	 .bound = BOUND_VIA_HOPS,
	 .session = "hop-1",
	 .text = "another SSH session"},

	{.label = "other message", .message = 51, .text = "no login"},
	{.label = "method password", .method = "password", .text = "no login"},
	{.label = "method hostbased", .method = "hostbased", .text = "no login"},
	{.label = "newer hostbound",
	 .method = "publickey-hostbound-v01@openssh.com",
	 .text = "no login"},
	{.label = "no method", .method = "", .text = "no login"},
	{.label = "no session id", .session = "", .text = "no login"},
	{.label = "trailing byte", .trailing = true, .text = "no login"},
	{.label = "trailing byte, hostbound",
	 .method = HOSTBOUND,
	 .trailing = true,
	 .text = "no login"},
};

static void put_login(struct wbuf *w, const struct login *l, const struct key *key)
{
	const char *method = l->method != NULL ? l->method : "publickey";
	struct ssh_vector v;
	size_t mark;

	wbuf_cstring(w, l->session != NULL ? l->session : "session-A");
	wbuf_u8(w, l->message != 0 ? l->message : 50);
	wbuf_cstring(w, l->user != NULL ? l->user : "git");
	wbuf_cstring(w, l->service != NULL ? l->service : "ssh-connection");
	wbuf_cstring(w, method);
	wbuf_u8(w, (uint8_t)(l->have_signature != 0 ? l->have_signature - 1 : 1));
	wbuf_cstring(w, l->algorithm != NULL ? l->algorithm : ssh_type(key->id.curve));
	mark = wbuf_open_string(w);
	if (l->embedded == NULL) {
		cr_assert(ssh_put_key(w, key->id.curve, key->public_key) == ERR_OK);
	} else if (strcmp(l->embedded, "host") == 0) {
		make_host_key(w, 5);
	} else {
		ssh_vector(&v, "key", l->embedded);
		wbuf_bytes(w, v.data, v.n);
	}
	wbuf_close_string(w, mark);
	if (strstr(method, "hostbound") != NULL) {
		mark = wbuf_open_string(w);
		make_host_key(w, l->host != 0 ? l->host : 1);
		wbuf_close_string(w, mark);
	}
	if (l->trailing)
		wbuf_u8(w, 0);
	cr_assert(wbuf_ok(w));
}

static void bind_to(struct ssh_binds *binds, uint8_t host, const char *session, bool forwarding)
{
	uint8_t buf[1024];
	struct wbuf w = wbuf_new(buf, sizeof(buf));

	make_bind(&w, host, slice_text(session), forwarding);
	cr_assert(ssh_bind_add(binds, (struct slice){buf, w.n}, NULL) == ERR_OK);
}

static const struct ssh_binds *make_binds(struct ssh_binds *binds, enum bound bound)
{
	*binds = (struct ssh_binds){0};
	switch (bound) {
	case UNBOUND:
		return NULL;
	case BOUND_VIA_HOPS:
		bind_to(binds, 2, "hop-1", true);
		bind_to(binds, 3, "hop-2", true);
		bind_to(binds, 1, "session-A", false);
		break;
	case BOUND:
		bind_to(binds, 1, "session-A", false);
		break;
	case HOP_ONLY:
		bind_to(binds, 1, "session-A", true);
		break;
	case BOUND_ELSEWHERE:
		bind_to(binds, 1, "session-B", false);
		break;
	case OTHER_HOST:
		bind_to(binds, 2, "session-A", false);
		break;
	}
	return binds;
}

Test(ssh_accept, logins)
{
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		const struct login *l = &logins[i];
		struct ssh_binds binds;
		uint8_t data[1024];
		struct wbuf w = wbuf_new(data, sizeof(data));
		struct key key;

		ssh_vector_key(&key, l->key != NULL ? l->key : "ed25519",
			       l->uri != NULL ? l->uri : "ssh://git@h");
		put_login(&w, l, &key);
		expect_allowed(l->label, &key, make_binds(&binds, l->bound), data, w.n,
			       l->good ? ALLOW_USERAUTH : 0, l->text);
	}
}

/* An empty list of binds is no list. */
Test(ssh_accept, a_connection_that_is_not_bound_yet)
{
	const struct login *l = &logins[0];
	struct ssh_binds binds = {0};
	uint8_t data[1024];
	struct wbuf w = wbuf_new(data, sizeof(data));
	struct key key;

	ssh_vector_key(&key, "ed25519", "ssh://git@h");
	put_login(&w, l, &key);
	expect_allowed(l->label, &key, &binds, data, w.n, ALLOW_USERAUTH, "host not proved");
}

/* ---- SSHSIG ---- */

struct sshsig {
	const char *label, *magic, *namespace, *reserved, *hash;
	size_t digest;
	bool trailing, good;
	const char *text;
};

static const struct sshsig sshsigs[] = {
	{.label = "sha512",
	 .digest = 64,
	 .good = true,
	 .text = "SSHSIG with ssh://git@h, namespace file"},
	{.label = "sha256", .hash = "sha256", .digest = 32, .good = true, .text = "namespace file"},
	{.label = "unprintable",
	 .namespace = "a\r\nb",
	 .digest = 64,
	 .good = true,
	 .text = "namespace a\\x0d\\x0ab"},
	{.label = "no namespace", .namespace = "", .digest = 64, .text = "without a namespace"},
	{.label = "reserved", .reserved = "x", .digest = 64, .text = "reserved"},
	{.label = "sha384", .hash = "sha384", .digest = 48, .text = "of hash \"sha384\""},
	{.label = "sha1", .hash = "sha1", .digest = 20, .text = "of hash"},
	{.label = "no hash", .hash = "", .digest = 64, .text = "of hash"},
	{.label = "capitals", .hash = "SHA512", .digest = 64, .text = "of hash"},
	{.label = "sha512 of 32 bytes", .digest = 32, .text = "digest of 32 bytes"},
	{.label = "sha256 of 64 bytes",
	 .hash = "sha256",
	 .digest = 64,
	 .text = "digest of 64 bytes"},
	{.label = "sha512 of 63 bytes", .digest = 63, .text = "digest of 63 bytes"},
	{.label = "sha512 of 65 bytes", .digest = 65, .text = "digest of 65 bytes"},
	{.label = "no digest", .digest = 0, .text = "digest of 0 bytes"},
	{.label = "other magic", .magic = "SSHSIH", .digest = 64, .text = "no SSHSIG"},
	{.label = "trailing byte", .digest = 64, .trailing = true, .text = "no SSHSIG"},
};

Test(ssh_accept, sshsig)
{
	static const uint8_t digest[65];

	for (size_t i = 0; i < sizeof(sshsigs) / sizeof(sshsigs[0]); i++) {
		const struct sshsig *s = &sshsigs[i];
		uint8_t data[1024];
		struct wbuf w = wbuf_new(data, sizeof(data));
		struct key key;

		ssh_vector_key(&key, "ed25519", "ssh://git@h");
		wbuf_text(&w, s->magic != NULL ? s->magic : "SSHSIG");
		wbuf_cstring(&w, s->namespace != NULL ? s->namespace : "file");
		wbuf_cstring(&w, s->reserved != NULL ? s->reserved : "");
		wbuf_cstring(&w, s->hash != NULL ? s->hash : "sha512");
		wbuf_string(&w, digest, s->digest);
		if (s->trailing)
			wbuf_u8(&w, 0);
		expect_allowed(s->label, &key, NULL, data, w.n, s->good ? ALLOW_SSHSIG : 0,
			       s->text);
	}
}

/* ---- the rest ---- */

Test(ssh_accept, what_openssh_asks_for)
{
	static const struct {
		const char *sign, *key, *bind, *uri;
		unsigned bit;
		const char *text;
	} rows[] = {
		{"login-ed25519-ed25519", "ed25519", "ed25519", "ssh://root@127.0.0.1",
		 ALLOW_USERAUTH, "SHA256:6OGYM10KZ2eDtz3IUhHLxuFHENvArOOwvc18X1F2KlQ ("},
		{"login-ed25519-nist256p1", "nist256p1", "ed25519", "ssh://127.0.0.1",
		 ALLOW_USERAUTH, "SHA256:6OGYM10KZ2eDtz3IUhHLxuFHENvArOOwvc18X1F2KlQ ("},
		{"login-rsa512-cert-ed25519", "ed25519", "rsa512-cert", "ssh://root@h",
		 ALLOW_USERAUTH, "SHA256:9nWl6Iiwv74mhPaM2V5rzsChmhHcvNOW/xSZ0z6RKW8"},
		{"login-unbound-ed25519", "ed25519", "unbound", "ssh://root@h", ALLOW_USERAUTH,
		 "host SHA256:"},
		{"login-unbound-nist256p1", "nist256p1", NULL, "ssh://h", ALLOW_USERAUTH,
		 "host not proved"},
		{"login-ed25519-ed25519", "nist256p1", "ed25519", "ssh://root@h", 0, "algorithm"},
		{"login-ed25519-ed25519", "ed25519", "ecdsa256", "ssh://root@h", 0,
		 "another SSH session"},
		{"login-ed25519-ed25519", "ed25519", "ed25519", "ssh://git@h", 0,
		 "as user \"root\""},
		{"sshsig", "ed25519", NULL, "ssh://h", ALLOW_SSHSIG, "namespace file"},
		{"sshsig", "ed25519", "ed25519", "ssh://h", ALLOW_SSHSIG, "namespace file"},
		{"cert", "ed25519", NULL, "ssh://ca", ALLOW_CERTIFICATE,
		 "user certificate with ssh://ca, serial 7, key id some id"},
		{"hostcert", "nist256p1", NULL, "ssh://ca", ALLOW_CERTIFICATE,
		 "host certificate with ssh://ca, serial 0, key id a host"},
		{"cert", "nist256p1", NULL, "ssh://ca", 0, "another key as its CA"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_binds binds = {0};
		struct ssh_vector v;
		struct ssh_message m;
		struct key key;

		if (rows[i].bind != NULL) {
			ssh_vector_message(&v, "bind", rows[i].bind, &m);
			cr_assert(ssh_bind_add(&binds, m.contents, NULL) == ERR_OK);
		}
		ssh_vector_key(&key, rows[i].key, rows[i].uri);
		ssh_vector_message(&v, "sign", rows[i].sign, &m);
		expect_allowed(rows[i].sign, &key, &binds, m.data.p, m.data.n, rows[i].bit,
			       rows[i].text);
		ssh_binds_end(&binds);
	}
}

Test(ssh_accept, other_data_needs_allow_any)
{
	static const struct {
		const char *label;
		struct slice data;
	} rows[] = {
		{"nothing", {(const uint8_t *)"", 0}},
		{"a digest", {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}},
		{"SSHSIG alone", {(const uint8_t *)"SSHSIG", 6}},
		{"lengths too long", {(const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff", 8}},
		{"zeros", {(const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct key key;

		ssh_vector_key(&key, "ed25519", "ssh://h");
		expect_allowed(rows[i].label, &key, NULL, rows[i].data.p, rows[i].data.n, 0,
			       "no login");
	}
}

/* Not even with "any": there is no form for its signature. */
Test(ssh_accept, keys_that_ssh_does_not_have)
{
	char facts[FACTS_MAX];
	struct why why;
	struct key key;

	ssh_vector_key(&key, "nist256p1", "ssh://h");
	key.id.curve = CURVE_SECP256K1;
	key.allow = ALLOW_ANY;
	cr_expect(check(&key, NULL, "x", 1, facts, &why) == ERR_UNSUPPORTED);
	cr_expect(strstr(why.text, "secp256k1") != NULL);
}

/* What a client writes comes last and cannot push out what is proved, nor look like it. */
Test(ssh_accept, facts_hold_the_longest_names)
{
	char uri[IDENTITY_URI_MAX + 1] = "ssh://", user[600], facts[FACTS_MAX];
	uint8_t data[2048];
	struct wbuf w = wbuf_new(data, sizeof(data));
	struct login l = {.user = user};
	struct ssh_binds binds;
	struct why why;
	struct key key;

	memset(uri + 6, 'h', IDENTITY_URI_MAX - 6);
	memset(user, '\xe2', sizeof(user));
	user[sizeof(user) - 1] = '\0';
	ssh_vector_key(&key, "ed25519", uri);
	key.id.index = UINT32_MAX;
	put_login(&w, &l, &key);
	cr_expect(check(&key, make_binds(&binds, BOUND_VIA_HOPS), data, w.n, facts, &why) ==
		  ERR_OK);
	cr_expect(memchr(facts, '\0', sizeof(facts)) != NULL);
	cr_expect(strstr(facts, "h... (index 4294967295), host SHA256:") != NULL, "%s", facts);
	cr_expect(strstr(facts, ", forwarded, user \\xe2\\xe2") != NULL, "%s", facts);
	cr_expect_str_eq(facts + strlen(facts) - 3, "...");
}
