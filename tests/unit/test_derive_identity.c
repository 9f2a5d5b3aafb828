/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/identity.h"

#define PEER "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static struct identity parse(const char *uri)
{
	struct identity id;
	struct why why = {""};

	cr_assert(identity_parse(&id, uri, &why) == ERR_OK, "%s: %s", uri, why.text);
	return id;
}

static void expect_part(const char *uri, const char *what, struct slice got, const char *want)
{
	cr_expect(slice_is(got, want), "%s: %s is \"%.*s\", not \"%s\"", uri, what, (int)got.n,
		  (const char *)got.p, want);
}

Test(identity, accepted)
{
	static const struct {
		const char *uri;
		enum identity_class class;
		const char *proto, *user, *host, *port, *path;
	} tests[] = {
		{"ssh://h", CLASS_SSH, "ssh", "", "h", "", ""},
		{"ssh://u@h", CLASS_SSH, "ssh", "u", "h", "", ""},
		{"ssh://u@h:22", CLASS_SSH, "ssh", "u", "h", "22", ""},
		{"ssh://u@h:22/p/q", CLASS_SSH, "ssh", "u", "h", "22", "/p/q"},
		{"ssh://h/", CLASS_SSH, "ssh", "", "h", "", "/"},
		{"ssh://10.0.0.1:2222", CLASS_SSH, "ssh", "", "10.0.0.1", "2222", ""},
		/* as trezor-agent's expression: last "@", shortest host, any word as port */
		{"ssh://git@github.com:romanz/x.git", CLASS_SSH, "ssh", "git", "github.com",
		 "romanz", "/x.git"},
		{"ssh://a@b@c", CLASS_SSH, "ssh", "a@b", "c", "", ""},
		{"ssh://h/p@q", CLASS_SSH, "ssh", "h/p", "q", "", ""},
		{"ssh://h/p@q/r", CLASS_SSH, "ssh", "h/p", "q", "", "/r"},
		{"ssh://u:p@h:1", CLASS_SSH, "ssh", "u:p", "h", "1", ""},
		{"ssh://::1", CLASS_SSH, "ssh", "", ":", "1", ""},
		{"ssh://fe80::1", CLASS_SSH, "ssh", "", "fe80:", "1", ""},
		{"ssh://[::1]:22", CLASS_SSH, "ssh", "", "[::1]", "22", ""},
		{"ssh://[::1]", CLASS_SSH, "ssh", "", "[::1]", "", ""},
		{"ssh://h:a-b", CLASS_SSH, "ssh", "", "h:a-b", "", ""},
		{"ssh://h:a_9/x:1", CLASS_SSH, "ssh", "", "h", "a_9", "/x:1"},
		{"ssh://h//x", CLASS_SSH, "ssh", "", "h", "", "//x"},
		{"ssh://h-", CLASS_SSH, "ssh", "", "h-", "", ""},
		{"https://satoshi@bitcoin.org/login", CLASS_OTHER, "https", "satoshi",
		 "bitcoin.org", "", "/login"},
		{"SSH://h", CLASS_OTHER, "SSH", "", "h", "", ""},
		{"sshx://h", CLASS_OTHER, "sshx", "", "h", "", ""},
		{"ss://h", CLASS_OTHER, "ss", "", "h", "", ""},
		{"signify://name", CLASS_OTHER, "signify", "", "name", "", ""},
		{"age://name", CLASS_OTHER, "age", "", "name", "", ""},
		{"lanyard://wallet", CLASS_OTHER, "lanyard", "", "wallet", "", ""},
		{"x+y.z-1://h", CLASS_OTHER, "x+y.z-1", "", "h", "", ""},
		{"gpg://Satoshi Nakamoto <satoshi@nakamoto.bit>", CLASS_GPG, "gpg", "",
		 "Satoshi Nakamoto <satoshi@nakamoto.bit>", "", ""},
		{"gpg://Satoshi <a@b>/authenticate", CLASS_GPG, "gpg", "",
		 "Satoshi <a@b>/authenticate", "", ""},
		{"gpg://a@b:22/c", CLASS_GPG, "gpg", "", "a@b:22/c", "", ""},
		{"gpg://see https://a.b/c", CLASS_GPG, "gpg", "", "see https://a.b/c", "", ""},
		{"gpg://@", CLASS_GPG, "gpg", "", "@", "", ""},
		{"secret://backup/disk", CLASS_SECRET, "secret", "", "backup", "", "/disk"},
		{"secret://me@backup", CLASS_SECRET, "secret", "me", "backup", "", ""},
		{"wg://wg0@peer1", CLASS_WG_INTERFACE, "wg", "wg0", "peer1", "", ""},
		{"wg://A=z_9+.-@h", CLASS_WG_INTERFACE, "wg", "A=z_9+.-", "h", "", ""},
		{"wg://123456789012345@h", CLASS_WG_INTERFACE, "wg", "123456789012345", "h", "",
		 ""},
		{"wg://wg0@h/" PEER, CLASS_WG_PEER, "wg", "wg0", "h", "", "/" PEER},
		{"wireguard://wg0", CLASS_OTHER, "wireguard", "", "wg0", "", ""},
	};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		struct identity id = parse(tests[i].uri);

		cr_expect(id.class == tests[i].class, "%s: class %d", tests[i].uri, id.class);
		cr_expect(id.index == 0);
		cr_expect(id.curve == identity_default_curve(id.class, USE_PUBLIC_KEY));
		cr_expect(strcmp(id.uri, tests[i].uri) == 0);
		expect_part(tests[i].uri, "proto", IDENTITY_PART(&id, proto), tests[i].proto);
		expect_part(tests[i].uri, "user", IDENTITY_PART(&id, user), tests[i].user);
		expect_part(tests[i].uri, "host", IDENTITY_PART(&id, host), tests[i].host);
		expect_part(tests[i].uri, "port", IDENTITY_PART(&id, port), tests[i].port);
		expect_part(tests[i].uri, "path", IDENTITY_PART(&id, path), tests[i].path);
	}
}

/* A device hashes the parts it is sent, each with its separator when it is not empty: put together
 * again they must be the URI that everything else hashes. */
Test(identity, parts_make_the_uri_again)
{
	static const char *const uris[] = {
		"ssh://u@h:22/p",
		"ssh://h",
		"ssh://h/p@q/r",
		"ssh://[::1]:22",
		"ssh://fe80::1",
		"gpg://A B <a@b>",
		"wg://wg0@h/" PEER,
		"secret://backup/disk",
		"ssh://git@github.com:x/y.git",
		"https://a@b:c@d:1/e:f@g",
		"ssh://h//x",
	};

	for (unsigned i = 0; i < sizeof uris / sizeof uris[0]; i++) {
		struct identity id = parse(uris[i]);
		char again[IDENTITY_URI_MAX + 1];
#define ARG(part) (int)id.part.n, id.uri + id.part.at

		snprintf(again, sizeof again, "%.*s://%.*s%s%.*s%s%.*s%.*s", ARG(proto), ARG(user),
			 id.user.n > 0 ? "@" : "", ARG(host), id.port.n > 0 ? ":" : "", ARG(port),
			 ARG(path));
#undef ARG
		cr_expect(strcmp(again, uris[i]) == 0, "%s: %s", uris[i], again);
	}
}

Test(identity, refused)
{
	static const struct {
		const char *uri, *says;
	} tests[] = {
		{"", "scheme"},
		{"h", "scheme"},
		{"u@h:22", "scheme"},
		{"ssh:/h", "scheme"},
		{"ssh//h", "scheme"},
		{"://h", "scheme"},
		{"-o://h", "scheme"},
		{"1ssh://h", "scheme"},
		{"a@ssh://h", "scheme"},
		{"a b://h", "gpg:// only"},
		{"ssh://", "host is empty"},
		{"ssh:///p", "host is empty"},
		{"ssh://:22", "host is empty"},
		{"ssh://u@", "host is empty"},
		{"ssh://u@:22", "host is empty"},
		{"ssh://u@/p", "host is empty"},
		{"gpg://", "gpg://User ID"},
		{"ssh://@h", "before the \"@\""},
		{"ssh://h:", "after the \":\""},
		{"ssh://h:/p", "after the \":\""},
		{"ssh://a://b", "second"},
		{"secret://ssh://h", "second"},
		{"ssh://h/gpg://x", "second"},
		{"ssh://-oProxyCommand=x", "begin with"},
		{"ssh://-u@h", "begin with"},
		{"ssh://u@-h", "begin with"},
		{"gpg://-x", "begin with"},
		{"wg://-wg0@h", "begin with"},
		{"ssh://a b", "gpg:// only"},
		{"ssh://a<b", "gpg:// only"},
		{"ssh://a>b", "gpg:// only"},
		{"secret://a b", "gpg:// only"},
		{"ssh://a%20b", "not allowed"},
		{"gpg://a%b", "not allowed"},
		{"gpg://a\"b", "not allowed"},
		{"gpg://a'b", "not allowed"},
		{"gpg://a`b", "not allowed"},
		{"gpg://a\\b", "not allowed"},
		{"ssh://a\\b", "not allowed"},
		{"ssh://a\nb", "control"},
		{"ssh://a\tb", "control"},
		{"gpg://a\rb", "control"},
		{"gpg://a\x1b[0m", "control"},
		{"ssh://a\x7f", "control"},
		{"ssh://m\xc3\xbcnchen", "not ASCII"},
		{"gpg://J\xc3\xb6rg", "not ASCII"},
		{"ssh://a\x80", "not ASCII"},
		{"wg://wg0", "IFACE@HOST"},
		{"wg://h/" PEER, "IFACE@HOST"},
		{"wg://1234567890123456@h", "1 to 15"},
		{"wg://wg/0@h", "1 to 15"},
		{"wg://wg:0@h", "1 to 15"},
		{"wg://wg0@h@h", "1 to 15"},
		{"wg://wg0@h:51820", "no port"},
		{"wg://wg0@", "host is empty"},
		{"wg://wg0@h/", "43 characters"},
		{"wg://wg0@h/x", "43 characters"},
		{"wg://wg0@h/" PEER "=", "43 characters"},
		{"wg://wg0@h/" PEER "/", "43 characters"},
		{"wg://wg0@h/" PEER "AAAA", "43 characters"},
		/* unused bits set, standard alphabet, 31 bytes */
		{"wg://wg0@h/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "43 characters"},
		{"wg://wg0@h/++ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "43 characters"},
		{"wg://wg0@h/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg", "43 characters"},
	};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		struct identity id;
		struct why why = {""};

		cr_expect(identity_parse(&id, tests[i].uri, &why) == ERR_INVALID, "%s",
			  tests[i].uri);
		cr_expect(strstr(why.text, tests[i].says) != NULL, "%s: %s", tests[i].uri,
			  why.text);
		cr_expect(identity_parse(&id, tests[i].uri, NULL) == ERR_INVALID);
	}
}

/* Each byte value: refused, for gpg only, or fine. */
Test(identity, every_byte)
{
	for (unsigned c = 1; c < 256; c++) {
		bool never = c < 0x20 || c > 0x7E || strchr("%\"'`\\", (int)c) != NULL;
		bool gpg_only = strchr(" <>", (int)c) != NULL;
		char uri[16];
		struct identity id;

		snprintf(uri, sizeof uri, "gpg://a%cb", (int)c);
		cr_expect((identity_parse(&id, uri, NULL) == ERR_OK) == !never, "gpg %02x", c);
		snprintf(uri, sizeof uri, "ssh://a%cb", (int)c);
		cr_expect((identity_parse(&id, uri, NULL) == ERR_OK) == (!never && !gpg_only),
			  "ssh %02x", c);
	}
}

Test(identity, length_limit)
{
	char uri[IDENTITY_URI_MAX + 2];
	struct identity id;
	struct why why = {""};

	memset(uri, 'x', sizeof uri);
	memcpy(uri, "ssh://", 6);
	uri[IDENTITY_URI_MAX + 1] = '\0';
	cr_expect(identity_parse(&id, uri, &why) == ERR_INVALID);
	cr_expect(strstr(why.text, "501 bytes; at most 500") != NULL, "%s", why.text);
	uri[IDENTITY_URI_MAX] = '\0';
	cr_assert(identity_parse(&id, uri, &why) == ERR_OK);
	cr_expect(id.host.n == IDENTITY_URI_MAX - 6);
}

/* Every class against every use. */
Test(identity, class_matrix)
{
	static const char *const uri[CLASS_COUNT] = {
		[CLASS_SSH] = "ssh://h",
		[CLASS_GPG] = "gpg://A <a@b>",
		[CLASS_WG_INTERFACE] = "wg://wg0@h",
		[CLASS_WG_PEER] = "wg://wg0@h/" PEER,
		[CLASS_SECRET] = "secret://h",
		[CLASS_OTHER] = "https://h",
	};
	static const bool may[CLASS_COUNT][USE_COUNT] = {
		[CLASS_SSH] = {[USE_PUBLIC_KEY] = true, [USE_SIGN] = true},
		[CLASS_GPG] = {[USE_PUBLIC_KEY] = true, [USE_SIGN] = true, [USE_ECDH] = true},
		[CLASS_WG_INTERFACE] = {[USE_PUBLIC_KEY] = true, [USE_WG_KEYS] = true},
		[CLASS_WG_PEER] = {[USE_PUBLIC_KEY] = true, [USE_WG_KEYS] = true},
		[CLASS_SECRET] = {[USE_PUBLIC_KEY] = true, [USE_SECRET] = true},
		[CLASS_OTHER] = {[USE_PUBLIC_KEY] = true, [USE_SIGN] = true, [USE_ECDH] = true},
	};

	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct identity id = parse(uri[c]);

		cr_assert(id.class == c);
		for (unsigned use = 0; use < USE_COUNT; use++) {
			struct why why = {""};
			enum err e = identity_may(&id, (enum use)use, &why);

			cr_expect(e == (may[c][use] ? ERR_OK : ERR_NOT_ALLOWED), "%s use %u",
				  uri[c], use);
			cr_expect((why.text[0] != '\0') == !may[c][use]);
			cr_expect(may[c][use] || strstr(why.text, uri[c]) != NULL, "%s", why.text);
		}
	}
}

/* What answers SECRET, ECDH or WGKEYS with a node never answers another of them with it. */
Test(identity, no_class_mixes_key_agreement)
{
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		struct identity id = {.class = (enum identity_class)c};
		unsigned n = 0;

		n += identity_may(&id, USE_ECDH, NULL) == ERR_OK;
		n += identity_may(&id, USE_SECRET, NULL) == ERR_OK;
		n += identity_may(&id, USE_WG_KEYS, NULL) == ERR_OK;
		cr_expect(n <= 1, "class %u", c);
	}
}

Test(identity, default_curves)
{
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		for (unsigned use = 0; use < USE_COUNT; use++) {
			bool signs = c == CLASS_SSH || c == CLASS_GPG || c == CLASS_OTHER;
			enum curve want = signs && use != USE_ECDH ? CURVE_ED25519
								   : CURVE_CURVE25519;

			cr_expect(identity_default_curve((enum identity_class)c, (enum use)use) ==
					  want,
				  "class %u use %u", c, use);
		}
	}
}

Test(identity, curve_names)
{
	enum curve c;
	struct why why = {""};

	for (unsigned i = 0; i < CURVE_COUNT; i++) {
		cr_assert(curve_parse(curve_name((enum curve)i), &c, NULL) == ERR_OK);
		cr_expect(c == i);
	}
	cr_expect(curve_parse("NIST256P1", &c, &why) == ERR_INVALID);
	cr_expect(strstr(why.text, "nist256p1, secp256k1, ed25519, curve25519") != NULL);
	cr_expect(curve_parse("", &c, NULL) == ERR_INVALID);
	cr_expect(curve_parse("ed25519 ", &c, NULL) == ERR_INVALID);
}

Test(identity, signing_of)
{
	static const struct {
		const char *uri;
		enum signing how;
	} tests[] = {{"ssh://h", SIGNING_SSH},         {"gpg://h", SIGNING_GPG},
		     {"signify://h", SIGNING_SIGNIFY}, {"Signify://h", SIGNING_OTHER},
		     {"SSH://h", SIGNING_OTHER},       {"https://h", SIGNING_OTHER},
		     {"signifyx://h", SIGNING_OTHER},  {"wg://wg0@h", SIGNING_OTHER}};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		struct identity id = parse(tests[i].uri);

		cr_expect(signing_of(&id) == tests[i].how, "%s", tests[i].uri);
	}
}

Test(identity, equal_and_near)
{
	static const struct {
		const char *a, *b;
		bool equal, near;
	} tests[] = {
		{"ssh://u@h", "ssh://u@h", true, false},
		{"ssh://u@h", "ssh://u@h:22", false, true},
		{"ssh://u@h", "ssh://u@h:2222", false, false},
		{"ssh://u@h:22", "ssh://u@h:022", false, false},
		{"ssh://u@h", "ssh://u@H", false, true},
		{"ssh://u@h.org", "ssh://u@H.ORG:22/", false, true},
		{"ssh://u@h", "ssh://U@h", false, false},
		{"ssh://u@h", "ssh://u@h/", false, true},
		{"ssh://u@h/p", "ssh://u@h/p/", false, true},
		{"ssh://u@h/p", "ssh://u@h/P", false, false},
		{"ssh://u@h", "ssh://h", false, false},
		{"ssh://u@h", "ssh://u@hh", false, false},
		{"ssh://u@h[", "ssh://u@h{", false, false},
		{"https://h", "https://h:22", false, false},
		{"https://h", "https://h/", false, true},
		{"https://h", "http://h", false, false},
		{"https://h", "ssh://h", false, false},
		{"wg://wg0@h", "wg://wg0@H", false, true},
		{"wg://wg0@h", "wg://wg0@h/" PEER, false, false},
		{"gpg://A <a@b>", "gpg://A <A@B>", false, true},
		{"gpg://A <a@b>", "gpg://A <a@b>/authenticate", false, false},
	};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		struct identity a = parse(tests[i].a);
		struct identity b = parse(tests[i].b);

		cr_expect(identity_equal(&a, &b) == tests[i].equal, "%s %s", a.uri, b.uri);
		cr_expect(identity_near(&a, &b) == tests[i].near, "%s %s", a.uri, b.uri);
		cr_expect(identity_near(&b, &a) == tests[i].near, "%s %s", b.uri, a.uri);
		b.index = 1;
		cr_expect(!identity_equal(&a, &b) && !identity_near(&a, &b));
		b.index = 0;
		b.curve = CURVE_NIST256P1;
		cr_expect(!identity_equal(&a, &b) && !identity_near(&a, &b));
	}
}
