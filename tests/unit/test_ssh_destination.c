/* SPDX-License-Identifier: MIT */
/* ssh/destination: chains of session-binds against a key's destinations. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "derive/encode.h"
#include "ssh/accept.h"
#include "ssh/blob.h"
#include "ssh/cert.h"
#include "ssh/destination.h"
#include "test_ssh_vectors.h"

static char home[] = "/tmp/lanyard-destination-XXXXXX", path[128];

static void put_line(FILE *f, const char *names, const char *more, struct slice blob)
{
	char base64[2048];

	base64_encode(base64, sizeof(base64), blob.p, blob.n);
	fprintf(f, "%s%s%s %s\n", names, names[0] != '\0' ? " " : "", more, base64);
}

/* A known_hosts with these lines: "NAMES=H …", H the letter of a host whose key they have; it is
 * host number 1 that is 'a'. */
static void known(const char *lines)
{
	FILE *f = fopen(path, "w");
	char copy[400], *rest = copy, *line;

	cr_assert(f != NULL && strlen(lines) < sizeof(copy));
	strcpy(copy, lines);
	while ((line = strsep(&rest, ";")) != NULL) {
		uint8_t buf[128];
		struct wbuf w = wbuf_new(buf, sizeof(buf));
		char *host = strchr(line, '=');

		if (host == NULL)
			continue;
		*host++ = '\0';
		make_host_key(&w, (uint8_t)(*host - 'a' + 1));
		put_line(f, line, "ssh-ed25519", (struct slice){buf, w.n});
	}
	cr_assert_eq(fclose(f), 0);
}

static void set_up(void)
{
	char dir[64];

	cr_assert_not_null(mkdtemp(home));
	snprintf(dir, sizeof(dir), "%s/.ssh", home);
	cr_assert_eq(mkdir(dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/known_hosts", dir);
	cr_assert_eq(setenv("HOME", home, 1), 0);
	known("a=a;b=b;c=c;other=d");
}

static void tear_down(void)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "%s/.ssh", home);
	unlink(path);
	rmdir(dir);
	rmdir(home);
}

TestSuite(ssh_destination, .init = set_up, .fini = tear_down);

/* "ABc": forwarded by hosts a and b, a login at c. "!" is a bind that fails. Session ids are the
 * letters' places. */
static void make_chain(struct ssh_binds *binds, const char *chain)
{
	*binds = (struct ssh_binds){0};
	for (size_t i = 0; chain[i] != '\0'; i++) {
		bool hop = chain[i] >= 'A' && chain[i] <= 'Z';
		char session[] = {(char)('0' + i), '\0'};
		uint8_t buf[512];
		struct wbuf w = wbuf_new(buf, sizeof(buf));
		enum err e;

		make_bind(&w, (uint8_t)((chain[i] | 0x20) - 'a' + 1), slice_text(session), hop);
		if (chain[i] == '!')
			buf[w.n - 10] ^= 1;
		e = ssh_bind_add(binds, (struct slice){buf, w.n}, NULL);
		cr_assert_eq(e == ERR_OK, chain[i] != '!');
	}
}

static enum err permits(const struct ssh_binds *binds, const char *list, const char *user,
			struct why *why)
{
	struct ssh_chain chain = {.binds = binds};
	struct slice name = slice_text(user != NULL ? user : "");
	enum err e = ssh_chain_permits(&chain, list, user != NULL ? &name : NULL, why);

	/* Nothing changes when it is asked again. */
	cr_expect_eq(ssh_chain_permits(&chain, list, user != NULL ? &name : NULL, NULL), e);
	ssh_chain_end(&chain);
	return e;
}

struct row {
	const char *chain, *list, *user; /* user NULL: a listing */
	bool good;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ssh_binds binds;
		struct why why = {0};
		enum err e;

		make_chain(&binds, rows[i].chain);
		e = permits(&binds, rows[i].list, rows[i].user, &why);
		cr_expect_eq(e, rows[i].good ? ERR_OK : ERR_NOT_ALLOWED, "%s, %s, %s: %s",
			     rows[i].chain, rows[i].list != NULL ? rows[i].list : "any",
			     rows[i].user != NULL ? rows[i].user : "list", why.text);
		cr_expect_eq(why.text[0] == '\0', rows[i].good);
	}
}

Test(ssh_destination, chains)
{
	static const struct row rows[] = {
		/* Without destinations all goes. */
		{"", NULL, NULL, true},
		{"a", NULL, "u", true},
		{"A", NULL, "u", true},
		/* Here: listed, and no signature; unless a bind was tried. */
		{"", "a", NULL, true},
		{"", "a", "u", false},
		{"!", "a", NULL, false},
		{"!", "a", "u", false},
		{"!a", "a", NULL, true},
		/* A login. */
		{"a", "a", NULL, true},
		{"a", "a", "u", true},
		{"b", "a", NULL, false},
		{"b", "a", "u", false},
		{"b", "a,b", "u", true},
		{"d", "a,b,c", NULL, false},
		{"e", "a", NULL, false},
		{"a", "unknown", NULL, false},
		{"a", "other", NULL, false},
		/* Its user counts for the signature, not for the list. */
		{"a", "u@a", NULL, true},
		{"a", "u@a", "u", true},
		{"a", "u@a", "v", false},
		{"a", "u@a", "U", false},
		{"a", "u@a", "uu", false},
		{"a", "u@a", "", false},
		{"a", "u*@a", "uu", true},
		{"a", "?@a", "v", true},
		{"a", "?@a", "vv", false},
		{"a", "u@b,v@a", "u", false},
		{"a", "u@a,v@a", "v", true},
		/* A destination behind a hop is none from here. */
		{"a", "b>a", "u", false},
		/* At a hop: seen only where something follows; never signs. */
		{"A", "a", NULL, false},
		{"A", "a>b", NULL, false},
		{"A", "a,a>b", NULL, true},
		{"A", "a,a>b", "u", false},
		{"A", "a,b>c", NULL, false},
		{"A", "a,a>unknown", NULL, true},
		{"A", "u@a,a>v@b", NULL, true},
		/* Through it. */
		{"Ab", "a,a>b", NULL, true},
		{"Ab", "a,a>b", "u", true},
		{"Ab", "a>b", "u", false},
		{"Ab", "b,a>b", "u", false},
		{"Ab", "a,b", "u", false},
		{"Ab", "a,b>a", "u", false},
		{"Ac", "a,a>b", "u", false},
		{"Ab", "v@a,a>u@b", "u", true},
		{"Ab", "v@a,a>u@b", "v", false},
		{"Ab", "a,other>b", "u", false},
		{"Aa", "a", "u", false},
		{"Aa", "a,a>a", "u", true},
		/* Two hops. */
		{"AB", "a,a>b", NULL, false},
		{"AB", "a,a>b,b>c", NULL, true},
		{"ABc", "a,a>b,b>c", "u", true},
		{"ABc", "a,a>b,a>c", "u", false},
		{"ABc", "a,a>c,b>c", "u", false},
		{"ABc", "a,a>b,b>u@c", "v", false},
		{"ABc", "a,a>b,b>c", NULL, true},
		{"ABC", "a,a>b,b>c", NULL, false},
		{"ABa", "a,a>b,b>a", "u", true},
	};

	check_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(ssh_destination, what_known_hosts_says)
{
	static const struct {
		const char *known;
		struct row row;
	} rows[] = {
		{"a=b;b=a", {"b", "a", "u", true}},
		{"a=a;a=b", {"b", "a", "u", true}},
		{"x,A,y=a", {"a", "a", "u", true}},
		{"[a]:2222=a", {"a", "a", "u", false}},
		{"[a]:2222=a", {"a", "a:2222", "u", true}},
		{"*.org=a", {"a", "a.org", "u", true}},
		{"*.org,!a.org=a", {"a", "a.org", "u", false}},
		{"!a.org,*.org=a", {"a", "a.org", "u", false}},
		{"*.org=a", {"a", "a.com", "u", false}},
		{"?=a", {"a", "b", "u", true}},
		{"*=a", {"a", "[b]:2", "u", true}},
		{"a=a;@revoked *=a", {"a", "a", "u", false}},
		{"@revoked *=a;a=a", {"a", "a", "u", false}},
		{"a=a;@revoked b=a", {"a", "a", "u", true}},
		{"a=a;@revoked a=b", {"a", "a", "u", true}},
		{"@cert-authority a=a", {"a", "a", "u", false}},
		{"@unheard-of a=a", {"a", "a", "u", false}},
		{"@revoked a=a", {"a", "a", NULL, false}},
		{"a=a;b=b;@revoked a=a", {"Ab", "a,a>b", "u", false}},
		{"a=a;b=b;@revoked *=b", {"Ab", "a,a>b", "u", false}},
		{"", {"a", "a", "u", false}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		known(rows[i].known);
		check_rows(&rows[i].row, 1);
	}
	unlink(path);
	check_rows(&(struct row){"a", "a", "u", false}, 1);
}

/* A host with a certificate: its CA counts, for its principals (here localhost and 127.0.0.1), and
 * not its key. */
Test(ssh_destination, certified_hosts)
{
	static const struct {
		const char *marker_names, *list;
		bool of_ca, good;
	} rows[] = {
		{"@cert-authority localhost", "localhost", true, true},
		{"@cert-authority local*", "localhost", true, true},
		{"@cert-authority [localhost]:2", "localhost:2", true, true},
		{"@cert-authority *", "a", true, false},
		{"@cert-authority other", "localhost", true, false},
		{"@cert-authority localhost", "localhost", false, false},
		{"localhost", "localhost", false, false},
		{"localhost", "localhost", true, false},
	};
	struct ssh_binds binds = {0};
	struct ssh_vector v;
	struct ssh_message m;
	struct rbuf r;
	struct ssh_cert cert;
	struct slice blob;

	ssh_vector_message(&v, "bind", "ed25519-cert", &m);
	r = rbuf_from(m.contents);
	blob = rbuf_string(&r);
	r = rbuf_from(blob);
	cr_assert(ssh_cert_read(&r, &cert));
	cr_assert_eq(ssh_bind_add(&binds, m.contents, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t plain[128];
		struct wbuf w = wbuf_new(plain, sizeof(plain));
		FILE *f = fopen(path, "w");

		wbuf_string(&w, cert.key_type.p, cert.key_type.n);
		wbuf_bytes(&w, cert.key.p, cert.key.n);
		put_line(f, rows[i].marker_names, "ssh-ed25519",
			 rows[i].of_ca ? cert.ca : (struct slice){plain, w.n});
		cr_assert_eq(fclose(f), 0);
		cr_expect_eq(permits(&binds, rows[i].list, "u", NULL),
			     rows[i].good ? ERR_OK : ERR_NOT_ALLOWED, "row %zu", i);
		f = fopen(path, "a");
		put_line(f, "@revoked *", "ssh-ed25519",
			 i % 2 == 0 ? cert.ca : (struct slice){plain, w.n});
		cr_assert_eq(fclose(f), 0);
		cr_expect_eq(permits(&binds, rows[i].list, "u", NULL), ERR_NOT_ALLOWED, "row %zu",
			     i);
	}
	ssh_binds_end(&binds);
	cr_expect_null(binds.list[0].cert);
}

/* Whose CA did not sign it. */
Test(ssh_destination, a_false_certificate_is_not_kept)
{
	struct ssh_binds binds = {0};
	struct ssh_vector v;
	struct ssh_message m;
	struct rbuf r;
	struct slice blob;

	ssh_vector_message(&v, "bind", "ed25519-cert", &m);
	r = rbuf_from(m.contents);
	blob = rbuf_string(&r);
	v.data[blob.p - v.data + (ptrdiff_t)blob.n - 1] ^= 1;
	cr_assert_eq(ssh_bind_add(&binds, m.contents, NULL), ERR_OK);
	cr_expect_null(binds.list[0].cert);
}

Test(ssh_destination, names_without_a_key)
{
	struct why why = {0};

	cr_expect_eq(ssh_destinations_known("a,a>u@b", &why), ERR_OK);
	cr_expect_eq(ssh_destinations_known("a,nowhere", &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "destination nowhere: ") != NULL, "%s", why.text);
	cr_expect_eq(ssh_destinations_known("hop>a", &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "destination hop: ") != NULL, "%s", why.text);
	known("@revoked a=a;@cert-authority b=b");
	cr_expect_eq(ssh_destinations_known("a", NULL), ERR_NOT_FOUND);
	cr_expect_eq(ssh_destinations_known("b", NULL), ERR_OK);
}

/* ---- what such a key signs ---- */

static size_t put_login(uint8_t *p, size_t cap, const struct key *key, const char *session,
			uint8_t host)
{
	struct wbuf w = wbuf_new(p, cap);
	size_t mark;

	wbuf_cstring(&w, session);
	wbuf_u8(&w, 50);
	wbuf_cstring(&w, "git");
	wbuf_cstring(&w, "ssh-connection");
	wbuf_cstring(&w, host != 0 ? "publickey-hostbound-v00@openssh.com" : "publickey");
	wbuf_u8(&w, 1);
	wbuf_cstring(&w, "ssh-ed25519");
	mark = wbuf_open_string(&w);
	cr_assert(ssh_put_key(&w, key->id.curve, key->public_key) == ERR_OK);
	wbuf_close_string(&w, mark);
	if (host != 0) {
		mark = wbuf_open_string(&w);
		make_host_key(&w, host);
		wbuf_close_string(&w, mark);
	}
	cr_assert(wbuf_ok(&w));
	return w.n;
}

static enum err sign(struct key *key, const struct ssh_binds *binds, const uint8_t *p, size_t n,
		     struct why *why)
{
	struct proof proof;
	enum err first = ERR_OK;

	/* `allow` gives it nothing. */
	for (key->allow = ALLOW_USERAUTH; key->allow < 16; key->allow += 2) {
		enum err e = ssh_scheme.check_sign(key, binds, (struct slice){p, n}, &proof, why);

		if (key->allow == ALLOW_USERAUTH)
			first = e;
		cr_expect_eq(e, first, "allow %u", key->allow);
	}
	return first;
}

Test(ssh_destination, signatures)
{
	static const struct {
		const char *chain, *list, *session;
		uint8_t host; /* 0: the login names none */
		bool good;
	} rows[] = {
		{"a", "git@a", "0", 0, true},
		{"a", "git@a", "0", 1, true},
		{"a", "root@a", "0", 1, false},
		{"a", "b", "0", 1, false},
		{"a", "a", "1", 1, false},
		{"a", "a", "0", 2, false},
		{"", "a", "0", 1, false},
		{"", "a", "0", 0, false},
		{"A", "a,a>b", "0", 1, false},
		{"Ab", "a,a>b", "1", 2, true},
		{"Ab", "a,a>b", "1", 0, false},
		{"Ab", "a,a>root@b", "1", 2, false},
		{"Ab", "a,a>b", "0", 2, false},
		{"ABc", "a,a>b,b>git@c", "2", 3, true},
		{"ABc", "a,a>b,b>c", "2", 0, false},
	};
	struct key key;
	uint8_t data[1024];

	ssh_vector_key(&key, "ed25519", "ssh://git@h");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ssh_binds binds;
		struct why why = {0};
		size_t n = put_login(data, sizeof(data), &key, rows[i].session, rows[i].host);

		make_chain(&binds, rows[i].chain);
		key.destinations = rows[i].list;
		cr_expect_eq(sign(&key, &binds, data, n, &why),
			     rows[i].good ? ERR_OK : ERR_NOT_ALLOWED, "row %zu: %s", i, why.text);
		cr_expect_eq(why.text[0] == '\0', rows[i].good);
		/* The config has the first word. */
		key.added_destinations = (char[]){"c"};
		cr_expect_eq(sign(&key, &binds, data, n, NULL),
			     rows[i].good ? ERR_OK : ERR_NOT_ALLOWED);
		key.destinations = NULL;
		cr_expect_eq(sign(&key, &binds, data, n, NULL), ERR_NOT_ALLOWED);
		key.added_destinations = NULL;
	}
}

Test(ssh_destination, nothing_but_logins_is_signed)
{
	uint8_t data[256];
	struct wbuf w = wbuf_new(data, sizeof(data));
	struct ssh_binds binds;
	struct why why = {0};
	struct key key;

	ssh_vector_key(&key, "ed25519", "ssh://git@h");
	key.destinations = "a";
	wbuf_text(&w, "SSHSIG");
	wbuf_cstring(&w, "file");
	wbuf_cstring(&w, "");
	wbuf_cstring(&w, "sha256");
	wbuf_string(&w, (uint8_t[32]){0}, 32);
	for (size_t i = 0; i < 2; i++) {
		make_chain(&binds, i == 0 ? "" : "a");
		cr_expect_eq(sign(&key, &binds, data, w.n, &why), ERR_NOT_ALLOWED);
		cr_expect(strstr(why.text, "signs logins only") != NULL, "%s", why.text);
		cr_expect_eq(sign(&key, &binds, data, w.n - 1, &why), ERR_NOT_ALLOWED);
	}
	cr_expect_eq(ssh_scheme.check_sign(&key, NULL, (struct slice){data, w.n},
					   &(struct proof){0}, NULL),
		     ERR_NOT_ALLOWED);
}
