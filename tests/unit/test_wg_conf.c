/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wg-hook/conf.h"

#define KEY_A "nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I="
#define KEY_B "txGznCjUbYaBay1Gw/O+cVSxXq0eEIig+FnqzybI5Qg="
#define HEAD  "[Interface]\nAddress = 10.0.0.1/24\n"
#define PEER  "[Peer]\nPublicKey = " KEY_A "\n"
#define HOOKS(program)                                                                             \
	"# >>> lanyard-wg\n"                                                                       \
	"PostUp = " program " up %i --config \"$CONFIG_FILE\"\n"                                   \
	"PreDown = " program " down %i --config \"$CONFIG_FILE\"\n"                                \
	"# <<< lanyard-wg\n"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static enum err parse(struct conf *c, const char *text, struct why *why)
{
	why->text[0] = '\0';
	return conf_parse(c, "FILE", text, strlen(text), why);
}

Test(wg_conf, peers_in_order)
{
	static const char text[] =
		"# SaveConfig = true\n[interface] # mine\nListenPort=1\nSaveConfig = false\n"
		"PostUp = echo [Peer] PrivateKey\n"
		"[PEER]\r\nAllowedIPs = ::/0\r\n p u b l i c k e y =" KEY_B "\r\n"
		"[Peer]\nPublicKey = " KEY_A "# PrivateKey = x\nEndpoint = [::1]:1";
	struct conf c;
	struct why why;
	char key[WG_KEY_TEXT];

	cr_assert_eq(parse(&c, text, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(c.count, 2);
	wg_key_format(key, c.peers[0].key);
	cr_expect_str_eq(key, KEY_B);
	wg_key_format(key, c.peers[1].key);
	cr_expect_str_eq(key, KEY_A);
	cr_expect(c.peers[0].line == 8 && c.peers[1].line == 10);
	cr_expect(c.interface_line == 2 && c.hook_line == 0);
	conf_free(&c);
}

Test(wg_conf, hook_line)
{
	struct conf c;
	struct why why;

	cr_assert_eq(parse(&c, HEAD HOOKS("/usr/bin/lanyard-wg") PEER, &why), ERR_OK);
	cr_expect_eq(c.hook_line, 4);
	conf_free(&c);
	/* By hand, or by another tool. */
	cr_assert_eq(parse(&c, HEAD "PreUp = /x/lanyard-wg up wg0\n", &why), ERR_OK);
	cr_expect_eq(c.hook_line, 3);
	conf_free(&c);
	cr_assert_eq(parse(&c, HEAD "# PostUp = /x/lanyard-wg up wg0\n", &why), ERR_OK);
	cr_expect_eq(c.hook_line, 0);
	conf_free(&c);
}

/* As wg(8) reads lines, with spaces anywhere and in any case: what it takes for a key is one. */
Test(wg_conf, refused)
{
	static const struct {
		const char *text;
		enum err e;
		const char *says;
	} rows[] = {
		{HEAD "PrivateKey = " KEY_A "\n", ERR_NOT_ALLOWED,
		 "line 3: remove this PrivateKey"},
		{HEAD "private KEY=" KEY_A "\n", ERR_NOT_ALLOWED, "line 3: remove this PrivateKey"},
		{HEAD "\v\fPrivate\tKey = ", ERR_NOT_ALLOWED, "line 3: remove this PrivateKey"},
		{"PrivateKey = x\n[Interface]\n", ERR_NOT_ALLOWED, "line 1: remove"},
		{HEAD PEER "PresharedKey = " KEY_B "\n", ERR_NOT_ALLOWED,
		 "line 5: remove this PresharedKey"},
		{HEAD "SaveConfig = true\n", ERR_NOT_ALLOWED, "line 3: remove SaveConfig"},
		{HEAD " saveconfig=TRUE # x\n", ERR_NOT_ALLOWED, "line 3: remove SaveConfig"},
		{"", ERR_CORRUPT, "FILE: there is no [Interface]"},
		{PEER, ERR_CORRUPT, "there is no [Interface]"},
		{HEAD "[Interface]\n", ERR_CORRUPT,
		 "line 3: [Interface] a second time, after line 1"},
		{HEAD "[Peer]\n[Peer]\n", ERR_CORRUPT, "line 3: this [Peer] has no PublicKey"},
		{HEAD "[Peer]\n", ERR_CORRUPT, "line 3: this [Peer] has no PublicKey"},
		{HEAD "PublicKey = " KEY_A "\n", ERR_CORRUPT, "line 3: PublicKey outside"},
		{HEAD PEER "PublicKey = " KEY_B "\n", ERR_CORRUPT,
		 "line 5: PublicKey a second time"},
		{HEAD PEER PEER, ERR_CORRUPT, "line 6: this PublicKey is in line 4 already"},
		{HEAD "[Peer]\nPublicKey = x\n", ERR_CORRUPT, "line 4: PublicKey is 44"},
		{HEAD "[Peer]\nPublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		 ERR_CORRUPT, "line 4: PublicKey is not an acceptable"},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf c;
		struct why why;

		cr_expect_eq(parse(&c, rows[i].text, &why), rows[i].e, "%s", rows[i].text);
		cr_expect(strncmp(why.text, "FILE", 4) == 0 && strstr(why.text, rows[i].says),
			  "%s: said \"%s\"", rows[i].text, why.text);
		cr_expect(c.peers == NULL && c.count == 0);
	}
}

/* bash's read drops it: "Pri\0vateKey" would be PrivateKey for wg-quick. */
Test(wg_conf, nul_byte)
{
	static const char text[] = HEAD "Pri\0vateKey = x\n";
	struct conf c;
	struct why why;

	cr_expect_eq(conf_parse(&c, "FILE", text, sizeof(text) - 1, &why), ERR_CORRUPT);
	cr_expect(strstr(why.text, "line 3: a NUL byte"), "%s", why.text);
}

static char *edit(const char *text, const char *program, enum err want)
{
	struct why why = {0};
	char *out, *copy;
	size_t n;

	cr_assert_eq(conf_edit(text, strlen(text), program, &out, &n, &why), want, "%s", why.text);
	if (want != ERR_OK)
		return NULL;
	copy = strndup(out, n);
	free(out);
	return copy;
}

Test(wg_conf, hooks_in_and_out)
{
	static const struct {
		const char *before, *program, *after;
	} rows[] = {
		{"# x\n" HEAD PEER, "/usr/bin/lanyard-wg",
		 "# x\n[Interface]\n" HOOKS("/usr/bin/lanyard-wg") "Address = 10.0.0.1/24\n" PEER},
		{" [ interface ] # x\r\nMTU = 1\n", "/l",
		 " [ interface ] # x\r\n" HOOKS("/l") "MTU = 1\n"},
		{"[Interface]\n", "/a b/it's $(x)`",
		 "[Interface]\n" HOOKS("'/a b/it'\\''s $(x)`'")},
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char *with = edit(rows[i].before, rows[i].program, ERR_OK);
		char *again = edit(with, rows[i].program, ERR_OK);
		char *moved = edit(with, "/other", ERR_OK);
		char *back = edit(with, NULL, ERR_OK);

		cr_expect_str_eq(with, rows[i].after);
		cr_expect_str_eq(again, with, "a second time changes it");
		cr_expect(strstr(moved, HOOKS("/other")));
		cr_expect_eq(strlen(moved) - strlen("/other") * 2, strlen(back) + strlen(HOOKS("")),
			     "the old block is still there");
		cr_expect_str_eq(back, rows[i].before);
		free(with);
		free(again);
		free(moved);
		free(back);
	}
}

Test(wg_conf, edit_refused)
{
	static const struct {
		const char *text, *program;
		enum err e;
	} rows[] = {
		{HEAD, "lanyard-wg", ERR_INVALID},
		{HEAD, "/a#b", ERR_INVALID},
		{HEAD, "/a%ib", ERR_INVALID},
		{HEAD, "/a\nb", ERR_INVALID},
		{HEAD, "/a\x7f", ERR_INVALID},
		{"MTU = 1\n", "/l", ERR_CORRUPT},
		{HEAD "# >>> lanyard-wg\n", "/l", ERR_CORRUPT},
		{HEAD "# <<< lanyard-wg\n", NULL, ERR_CORRUPT},
		{HEAD HOOKS("/l") HOOKS("/l"), NULL, ERR_CORRUPT},
		{HEAD "# >>> lanyard-wg\n# >>> lanyard-wg\n# <<< lanyard-wg\n", NULL, ERR_CORRUPT},
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		(void)edit(rows[i].text, rows[i].program, rows[i].e);
	/* A block that came to stand elsewhere, where wg-quick does not read it, is put right. */
	char *moved = edit(HEAD PEER HOOKS("/l"), "/l", ERR_OK);
	cr_expect_str_eq(moved, "[Interface]\n" HOOKS("/l") "Address = 10.0.0.1/24\n" PEER);
	free(moved);
	moved = edit(HOOKS("/l") HEAD, "/l", ERR_OK);
	cr_expect_str_eq(moved, "[Interface]\n" HOOKS("/l") "Address = 10.0.0.1/24\n");
	free(moved);
	/* Without a block there is nothing to take out. */
	char *same = edit(HEAD "x", NULL, ERR_OK);
	cr_expect_str_eq(same, HEAD "x");
	free(same);
}

Test(wg_conf, path)
{
	char path[PATH_MAX], big[PATH_MAX + 1];
	struct options o = {.iface = "wg0"};
	struct why why;

	cr_expect_eq(conf_path(path, &o, &why), ERR_OK);
	cr_expect_str_eq(path, "/etc/wireguard/wg0.conf");
	o.config = "/x/y.conf";
	cr_expect_eq(conf_path(path, &o, &why), ERR_OK);
	cr_expect_str_eq(path, "/x/y.conf");
	/* The watcher reads it somewhere else. */
	o.config = "y.conf";
	cr_assert(chdir("/tmp") == 0);
	cr_expect_eq(conf_path(path, &o, &why), ERR_OK);
	cr_expect_str_eq(path, "/tmp/y.conf");
	memset(big, 'x', PATH_MAX);
	big[PATH_MAX] = '\0';
	o.config = big;
	cr_expect_eq(conf_path(path, &o, &why), ERR_INVALID);
	o.config = "";
	cr_expect_eq(conf_path(path, &o, &why), ERR_INVALID);
}
