/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wg-hook/lines.h"
#include "wg-hook/settings.h"
#include "wg-hook/tunnel.h"

/* Of DERIVATION.md's vectors: wg.a.public, wg.b.public, two points. */
#define KEY_A "nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I="
#define KEY_B "txGznCjUbYaBay1Gw/O+cVSxXq0eEIig+FnqzybI5Qg="
#define POINT "KeQnccGC/W7PSXeXwVgHe+98bFqq75qVSx1XE2fMI2I="
#define OTHER "0WFCNiiD/gELiEOnAxqbHFyWJcrqT4flEbS8eOaqzjA="
#define LOW   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HEAD  "[interface]\nidentity = wg://wg0@alice\n"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static const uint8_t *key_of(const char *text)
{
	static uint8_t keys[4][WG_KEY_LEN];
	static unsigned next;
	uint8_t *key = keys[next++ % 4];

	cr_assert_eq(wg_key_parse(key, text, strlen(text)), ERR_OK);
	return key;
}

static enum err parse(struct settings *s, const char *text, struct why *why)
{
	why->text[0] = '\0';
	return settings_parse(s, "FILE", text, strlen(text), why);
}

Test(wg_settings, defaults)
{
	struct settings s;
	struct why why;

	cr_assert_eq(parse(&s, HEAD, &why), ERR_OK, "%s", why.text);
	cr_expect_str_eq(s.id.uri, "wg://wg0@alice");
	cr_expect_eq(s.id.index, 0);
	cr_expect_eq(s.psk_mode, PSK_AGENT);
	cr_expect_eq(s.rotate, 0);
	cr_expect(s.on_remove == ON_CLOSE && s.on_lock == ON_CLOSE && s.on_sleep == ON_CLOSE);
	cr_expect_eq(s.on_missing, MISSING_UNSET);
	cr_expect(!s.has_public && s.count == 0 && s.device[0] == '\0');
	settings_free(&s);
}

Test(wg_settings, everything)
{
	static const char text[] =
		"# a comment\n\n \t[interface]\r\n"
		"index=7\n  identity =\twg://wg0@alice  \n# another\ndevice = 0123 4567\n"
		"public-key = " KEY_A "\npsk-mode = device\nrotate = 86400\non-remove = down\n"
		"on-lock = keep\non-sleep = down\non-missing = wait\nagent-user = alice\n"
		"socket = /run/x/agent.sock\n"
		"[peer " KEY_B "]\npsk-point = " POINT "\npsk-mode = agent\n"
		"extra-psk-file = /etc/lanyard/wg/b.psk"; /* no newline at the end */
	struct settings s;
	struct why why;

	cr_assert_eq(parse(&s, text, &why), ERR_OK, "%s", why.text);
	cr_expect_eq(s.id.index, 7);
	cr_expect_str_eq(s.device, "0123 4567");
	cr_expect(s.has_public && memcmp(s.public_key, key_of(KEY_A), WG_KEY_LEN) == 0);
	cr_expect_eq(s.psk_mode, PSK_DEVICE);
	cr_expect_eq(s.rotate, 86400);
	cr_expect(s.on_remove == ON_DOWN && s.on_lock == ON_KEEP && s.on_sleep == ON_DOWN);
	cr_expect_eq(s.on_missing, MISSING_WAIT);
	cr_expect_str_eq(s.agent_user, "alice");
	cr_expect_str_eq(s.socket, "/run/x/agent.sock");
	const struct settings_peer *p = settings_peer(&s, key_of(KEY_B));
	cr_assert(p != NULL && settings_peer(&s, key_of(KEY_A)) == NULL);
	cr_expect(p->has_point && memcmp(p->point, key_of(POINT), WG_KEY_LEN) == 0);
	cr_expect_eq(p->psk_mode, PSK_AGENT);
	cr_expect_str_eq(p->extra, "/etc/lanyard/wg/b.psk");
	settings_free(&s);
}

/* Each is refused, with the file, the line and these words. */
Test(wg_settings, refused)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "FILE: [interface] has no identity"},
		{"[peer " KEY_B "]\n", "has no identity"},
		{"identity = wg://wg0@alice\n", "line 1: [interface] must come before"},
		{HEAD "[interface]\n", "line 3: [interface] a second time"},
		{HEAD "[Interface]\n", "line 3: a section is"},
		{HEAD "[peer " KEY_B "\n", "line 3: a section is"},
		{HEAD "[peer]\n", "line 3: a section is"},
		{HEAD "[peer x]\n", "line 3: the peer's public key: 44 characters"},
		{HEAD "[peer " LOW "]\n", "line 3: the peer's public key: not an acceptable"},
		{HEAD "[peer " KEY_B "]\n[peer " KEY_B "]\n",
		 "line 4: this peer has a section in line 3"},
		{HEAD "public-key = " KEY_B "\n[peer " KEY_B "]\n",
		 "line 4: this is the interface's own"},
		{HEAD "public-key = " KEY_A "\n[peer " KEY_B "]\npsk-point = " KEY_A "\n",
		 "line 4: psk-point: this is the interface's own"},
		{HEAD "identity = wg://wg0@bob\n", "line 3: identity a second time"},
		{HEAD "Rotate = 60\n", "line 3: there is no key \"Rotate\""},
		{HEAD "colour = \x1b[31m\n", "there is no key \"colour\""},
		{HEAD "rotate\n", "line 3: neither"},
		{HEAD "rotate = 59\n", "line 3: rotate: a number of 0, or 60 to 86400"},
		{HEAD "rotate = 86401\n", "rotate"},
		{HEAD "rotate = 060\n", "rotate"},
		{HEAD "rotate = 60 # s\n", "rotate"},
		{HEAD "index = 4294967296\n", "index: a number of 0 to 4294967295"},
		{HEAD "index = -1\n", "index"},
		{HEAD "device =\n", "line 3: device"},
		{HEAD "device = a\tb\n", "line 3: device"},
		{HEAD "public-key = " LOW "\n", "line 3: public-key"},
		{HEAD "psk-mode = unset\n", "psk-mode: device, agent, single or none"},
		{HEAD "psk-mode =\n", "psk-mode"},
		{HEAD "on-remove = open\n", "on-remove: close, down or keep"},
		{HEAD "on-lock = open\n", "on-lock"},
		{HEAD "on-sleep = open\n", "on-sleep"},
		{HEAD "on-missing = ask\n", "on-missing: fail or wait"},
		{HEAD "agent-user = a23456789012345678901234567890123\n", "agent-user"},
		{HEAD "socket = agent.sock\n", "socket: the absolute path"},
		{HEAD "psk-point = " POINT "\n", "line 3: psk-point belongs in a section [peer"},
		{HEAD "[peer " KEY_B "]\nrotate = 60\n",
		 "line 4: rotate belongs in a section [interface]"},
		{HEAD "[peer " KEY_B "]\npsk-point = " KEY_B "\n",
		 "line 4: psk-point: this is the peer's"},
		{HEAD "[peer " KEY_B "]\npsk-point = " LOW "\n",
		 "line 4: psk-point: not an acceptable"},
		{HEAD "[peer " KEY_B "]\nextra-psk-file = x\n",
		 "line 4: extra-psk-file: an absolute"},
		{HEAD "[peer " KEY_B "]\nextra-psk-file = /x\npsk-mode = single\n",
		 "line 3: extra-psk-file goes with psk-mode device or agent, not single"},
		{"[interface]\nidentity = ssh://a@b\n", "line 2: identity: ssh://a@b is not"},
		{"[interface]\nidentity = wg://wg0@a/"
		 "nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I\n",
		 "line 2: identity"},
		{"[interface]\nidentity = wg0\n", "line 2: identity"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct settings s;
		struct why why;

		cr_expect_eq(parse(&s, rows[i].text, &why), ERR_CORRUPT, "%s", rows[i].text);
		cr_expect(strncmp(why.text, "FILE", 4) == 0 && strstr(why.text, rows[i].says),
			  "%s: said \"%s\"", rows[i].text, why.text);
		cr_expect(s.peers == NULL && s.count == 0, "something is left");
	}
}

/* A NUL ends no value early. */
Test(wg_settings, nul_byte)
{
	static const char text[] = HEAD "agent-user = root\0x\n";
	struct settings s;
	struct why why;

	cr_expect_eq(settings_parse(&s, "FILE", text, sizeof(text) - 1, &why), ERR_CORRUPT);
}

Test(wg_settings, format_is_read_back)
{
	struct settings s, again;
	struct settings_peer peers[2] = {{.line = 1}, {.line = 2}};
	struct why why;
	char *text;
	size_t n;

	cr_assert_eq(parse(&s,
			   HEAD "device = 01\npublic-key = " KEY_A "\nagent-user = alice\n"
				"socket = /s/agent.sock\npsk-mode = single\nindex = 3\n",
			   &why),
		     ERR_OK);
	free(s.peers);
	memcpy(peers[0].key, key_of(KEY_B), WG_KEY_LEN);
	memcpy(peers[1].key, key_of(POINT), WG_KEY_LEN);
	s.peers = peers;
	s.count = 2;
	cr_assert_eq(settings_format(&s, &text, &n), ERR_OK);
	cr_assert_eq(settings_parse(&again, "FILE", text, n, &why), ERR_OK, "%s", why.text);
	cr_expect_str_eq(again.id.uri, s.id.uri);
	cr_expect_eq(again.id.index, 3);
	cr_expect_str_eq(again.device, "01");
	cr_expect_str_eq(again.agent_user, "alice");
	cr_expect_str_eq(again.socket, "/s/agent.sock");
	cr_expect_eq(again.psk_mode, PSK_SINGLE);
	cr_expect(again.has_public && again.count == 2);
	settings_free(&again);
	free(text);
}

static char *set_point(const char *text, const char *key, const char *point)
{
	uint8_t point_bytes[WG_KEY_LEN];
	char *out, *copy;
	size_t n;

	if (point != NULL)
		memcpy(point_bytes, key_of(point), WG_KEY_LEN);
	cr_assert_eq(settings_set_point(text, strlen(text), key_of(key),
					point != NULL ? point_bytes : NULL, &out, &n),
		     ERR_OK);
	copy = strndup(out, n);
	free(out);
	return copy;
}

Test(wg_settings, set_point)
{
	static const struct {
		const char *text, *key, *point, *want;
	} rows[] = {
		/* replaced, wherever it stands in the section */
		{HEAD "[peer " KEY_B "]\n# x\npsk-point=" OTHER "\npsk-mode = agent\n", KEY_B,
		 POINT, HEAD "[peer " KEY_B "]\n# x\npsk-point = " POINT "\npsk-mode = agent\n"},
		/* added first in the section */
		{HEAD "[peer " KEY_B "]\npsk-mode = agent\n", KEY_B, POINT,
		 HEAD "[peer " KEY_B "]\npsk-point = " POINT "\npsk-mode = agent\n"},
		/* another peer's stays */
		{HEAD "[peer " KEY_A "]\npsk-point = " OTHER "\n[peer  " KEY_B " ]\n", KEY_B, POINT,
		 HEAD "[peer " KEY_A "]\npsk-point = " OTHER "\n[peer  " KEY_B
		      " ]\npsk-point = " POINT "\n"},
		/* a section of its own, after a last line without newline */
		{HEAD "rotate = 60", KEY_B, POINT,
		 HEAD "rotate = 60\n\n[peer " KEY_B "]\npsk-point = " POINT "\n"},
		{HEAD "[peer " KEY_B "]", KEY_B, POINT,
		 HEAD "[peer " KEY_B "]\npsk-point = " POINT "\n"},
		/* only the section */
		{HEAD, KEY_B, NULL, HEAD "\n[peer " KEY_B "]\n"},
		{HEAD "[peer " KEY_B "]\nx", KEY_B, NULL, HEAD "[peer " KEY_B "]\nx"},
		/* a comment is none */
		{HEAD "[peer " KEY_B "]\n# psk-point = " OTHER "\n", KEY_B, POINT,
		 HEAD "[peer " KEY_B "]\npsk-point = " POINT "\n# psk-point = " OTHER "\n"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *got = set_point(rows[i].text, rows[i].key, rows[i].point);

		cr_expect_str_eq(got, rows[i].want, "row %zu", i);
		free(got);
	}
}

/* ---- what the settings say of the config's peers ---- */

static enum err join(struct tunnel_peer *out, const char *text, size_t n, bool many,
		     struct why *why)
{
	uint8_t keys[32][WG_KEY_LEN];
	struct settings s;
	enum err e;

	cr_assert_eq(parse(&s, text, why), ERR_OK, "%s", why->text);
	for (size_t i = 0; i < n; i++)
		memcpy(keys[i], key_of(KEY_B), WG_KEY_LEN);
	why->text[0] = '\0';
	e = tunnel_join(out, &s, "wg0", (const uint8_t(*)[WG_KEY_LEN])keys, n, many, why);
	settings_free(&s);
	return e;
}

Test(wg_tunnel, join)
{
	struct tunnel_peer peers[32];
	struct why why;

	cr_expect_eq(join(peers, HEAD, 1, false, &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "sudo lanyard-wg point wg0 " KEY_B), "%s", why.text);
	cr_expect_eq(join(peers, HEAD "[peer " KEY_B "]\n", 1, false, &why), ERR_NOT_FOUND);
	cr_expect_eq(join(peers, HEAD "psk-mode = none\n", 1, false, &why), ERR_OK);
	cr_expect(peers[0].psk_mode == PSK_NONE && peers[0].point == NULL);
	cr_expect_eq(join(peers, HEAD "[peer " KEY_B "]\npsk-mode = single\n", 1, false, &why),
		     ERR_OK);
	cr_expect(peers[0].psk_mode == PSK_SINGLE && peers[0].point == NULL);
	/* A point that the mode has no use for is not used. */
	cr_expect_eq(join(peers, HEAD "[peer " KEY_B "]\npsk-point=" POINT "\npsk-mode = single\n",
			  1, false, &why),
		     ERR_OK);
	cr_expect_null(peers[0].point);
	cr_expect_eq(join(peers, HEAD "[peer " KEY_B "]\npsk-point=" POINT "\n", 1, false, &why),
		     ERR_OK);
	cr_expect(peers[0].psk_mode == PSK_AGENT && peers[0].point != NULL);
	cr_expect_eq(join(peers, HEAD "public-key = " KEY_B "\npsk-mode = none\n", 1, false, &why),
		     ERR_BAD_POINT);
}

Test(wg_tunnel, many_device_operations_need_yes)
{
	static const char device[] = HEAD "psk-mode = device\n[peer " KEY_B "]\npsk-point=" POINT
					  "\n";
	struct tunnel_peer peers[32];
	struct why why;

	cr_expect_eq(join(peers, device, 8, false, &why), ERR_OK);
	cr_expect_eq(join(peers, device, 9, false, &why), ERR_INVALID);
	cr_expect(strstr(why.text, "9 peers") && strstr(why.text, "-y"), "%s", why.text);
	cr_expect_eq(join(peers, device, 9, true, &why), ERR_OK);
}

Test(wg_tunnel, peer_identity)
{
	struct settings s;
	struct identity id;
	struct why why;

	cr_assert_eq(parse(&s, HEAD "index = 5\n", &why), ERR_OK);
	cr_assert_eq(tunnel_peer_identity(&id, &s, key_of(KEY_B), &why), ERR_OK, "%s", why.text);
	cr_expect_str_eq(id.uri, "wg://wg0@alice/txGznCjUbYaBay1Gw_O-cVSxXq0eEIig-FnqzybI5Qg");
	cr_expect(id.class == CLASS_WG_PEER && id.index == 5);
	settings_free(&s);
}

/* ---- files ---- */

Test(wg_lines, what_changes_is_one_hunk)
{
	static const char old[] = "a\nb\nc\n", new[] = "a\nx\x1b\nb\nc\n";
	char *text;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	lines_diff(to, "F", (struct slice){(const uint8_t *)old, strlen(old)},
		   (struct slice){(const uint8_t *)old, strlen(old)});
	lines_diff(to, "F", (struct slice){(const uint8_t *)old, strlen(old)},
		   (struct slice){(const uint8_t *)new, strlen(new)});
	lines_diff(to, "F", (struct slice){(const uint8_t *)"", 0},
		   (struct slice){(const uint8_t *)old, strlen(old)});
	fclose(to);
	cr_expect_str_eq(text, "F, line 2:\n+x\\x1b\nF, line 1:\n+a\n+b\n+c\n");
	free(text);
}
