/* SPDX-License-Identifier: MIT */
/* agent/config: what lanyard.conf may say, and where an error says it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"

static char dir[] = "/tmp/lanyard-config-XXXXXX";
static char path[64];

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/lanyard.conf", dir);
}

static void remove_dir(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = make_dir, .fini = remove_dir);

static void write_file(const char *name, const void *p, size_t n, mode_t mode)
{
	FILE *f = fopen(name, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(p, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(name, mode), 0);
}

static void write_text(const char *text)
{
	write_file(path, text, strlen(text), 0600);
}

static char *read_text(const char *name)
{
	static char text[64 * 1024];
	FILE *f = fopen(name, "r");

	cr_assert_not_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static struct config *load(const char *text)
{
	struct config *c = NULL;
	struct why why = {0};
	enum err e;

	write_text(text);
	e = config_load(&c, path, &why);
	cr_assert_eq(e, ERR_OK, "%s: %s\n%s", err_word(e), why.text, text);
	return c;
}

Test(config, everything_that_a_file_can_say)
{
	struct config *c = load("# a comment with \"quotes, {braces} and // slashes\n"
				"device = \"soft:home\"\r\n"
				"log = debug\n"
				"wait-device = 300\n"
				"\n"
				"key \"ssh://git@github.com\" { }\n"
				"key \"ssh://a@b:22/#not-a-comment\" {\n"
				"\tcurve = \"nist256p1\" # older\n"
				"\tindex = 4294967295\n"
				"\tdevice = 5d0c2f71a94be863\n"
				"\tallow = { userauth, \"certificate\", }\n"
				"}\n"
				"key \"gpg://Jo Doe <jo@example.org>\" { curve = nist256p1 }\n"
				"key \"wg://wg0@laptop\" { }");

	cr_assert_str_eq(c->path, path);
	cr_assert_str_eq(c->device, "soft:home");
	cr_assert_eq(c->log, LOG_LEVEL_DEBUG);
	cr_assert_eq(c->wait_device, 300);
	cr_assert_eq(c->key_count, 4);
	cr_assert_str_eq(c->keys[0].id.uri, "ssh://git@github.com");
	cr_assert_eq(c->keys[0].id.class, CLASS_SSH);
	cr_assert_eq(c->keys[0].id.curve, CURVE_ED25519);
	cr_assert_eq(c->keys[0].id.index, 0);
	cr_assert_null(c->keys[0].device);
	cr_assert_eq(c->keys[0].allow, ALLOW_DEFAULT);
	cr_assert_not(c->keys[0].host_known);
	cr_assert_str_eq(c->keys[1].id.uri, "ssh://a@b:22/#not-a-comment");
	cr_assert_eq(c->keys[1].id.curve, CURVE_NIST256P1);
	cr_assert_eq(c->keys[1].id.index, UINT32_MAX);
	cr_assert_str_eq(c->keys[1].device, "5d0c2f71a94be863");
	cr_assert_eq(c->keys[1].allow, ALLOW_USERAUTH | ALLOW_CERTIFICATE);
	cr_assert_str_eq(c->keys[2].id.uri, "gpg://Jo Doe <jo@example.org>");
	cr_assert_eq(c->keys[2].id.curve, CURVE_NIST256P1);
	cr_assert_eq(c->keys[3].id.curve, CURVE_CURVE25519);
	config_free(c);
}

Test(config, empty_files_and_defaults)
{
	static const char *const texts[] = {"", "\n", "# nothing", " \t\r\n#\n#\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct config *c = load(texts[i]);

		cr_assert_null(c->device);
		cr_assert_eq(c->log, LOG_LEVEL_INFO);
		cr_assert_eq(c->wait_device, 30);
		cr_assert_eq(c->key_count, 0);
		config_free(c);
	}
}

Test(config, wallets_and_emulators)
{
	struct config *c = load("udp = {\"127.0.0.1:21324\", \"127.0.0.2:1\"}\n"
				"wallet \"trezor:peer\" { passphrase = none }\n"
				"key \"ssh://a\" { }\n"
				"wallet \"A1B2\" { passphrase = \"device\" }\n"
				"wallet \"keepkey:peer\" { timeout = 10 }\n"
				"wallet \"C3\" { timeout = 3600 passphrase = none }\n");

	cr_assert_str_eq(c->udp[0], "127.0.0.1:21324");
	cr_assert_str_eq(c->udp[1], "127.0.0.2:1");
	cr_assert_null(c->udp[2]);
	cr_assert_str_eq(c->wallets[0].device, "trezor:peer");
	cr_assert_eq(c->wallets[0].passphrase, PASSPHRASE_NONE);
	cr_assert_str_eq(c->wallets[1].device, "A1B2");
	cr_assert_eq(c->wallets[1].passphrase, PASSPHRASE_DEVICE);
	cr_assert_eq(c->wallets[1].timeout, 0);
	cr_assert_eq(c->wallets[2].passphrase, PASSPHRASE_HOST);
	cr_assert_eq(c->wallets[2].timeout, 10);
	cr_assert_eq(c->wallets[3].passphrase, PASSPHRASE_NONE);
	cr_assert_eq(c->wallets[3].timeout, 3600);
	cr_assert_null(c->wallets[4].device);
	cr_assert_eq(c->key_count, 1);
	config_free(c);
	c = load("udp = {}\n");
	cr_assert(c->udp == NULL || c->udp[0] == NULL);
	cr_assert_null(c->wallets);
	config_free(c);
}

Test(config, upstreams)
{
	char text[200];
	struct config *c = load("upstream = \"/run/a b\"\nupstream = {\"/c\", \"/d\"}\n");

	cr_assert_str_eq(c->upstreams[0], "/run/a b");
	cr_assert_str_eq(c->upstreams[1], "/c");
	cr_assert_str_eq(c->upstreams[2], "/d");
	cr_assert_null(c->upstreams[3]);
	config_free(c);
	/* As long as a socket's path can be. */
	snprintf(text, sizeof(text), "upstream = \"/%0106d\"\n", 0);
	c = load(text);
	cr_assert(strlen(c->upstreams[0]) == 107);
	config_free(c);
}

Test(config, who_asks_a_person_and_where)
{
	struct config *c = load("pinentry = \"/usr/bin/pinentry-gtk-2\"\nnotify = \"\"\n"
				"display = \":0\"\ntty = \"/dev/pts/3\"\nallow-loopback = true\n");

	cr_assert_str_eq(c->pinentry, "/usr/bin/pinentry-gtk-2");
	cr_assert_str_eq(c->notify, "");
	cr_assert_str_eq(c->display, ":0");
	cr_assert_str_eq(c->tty, "/dev/pts/3");
	cr_assert(c->allow_loopback);
	config_free(c);
	c = load("");
	cr_assert_null(c->pinentry);
	cr_assert_null(c->notify);
	cr_assert_null(c->display);
	cr_assert_null(c->tty);
	cr_assert_not(c->allow_loopback);
	config_free(c);
}

Test(config, what_locks_by_itself)
{
	static const struct {
		const char *text;
		uint32_t after;
		unsigned on;
	} rows[] = {
		{"", 0, LOCK_ON_SLEEP | LOCK_ON_SESSION},
		{"lock-after = off\n", 0, LOCK_ON_SLEEP | LOCK_ON_SESSION},
		{"lock-after = 1s\n", 1, LOCK_ON_SLEEP | LOCK_ON_SESSION},
		{"lock-after = 15m\nlock-on = {}\n", 900, 0},
		{"lock-after = 7d\nlock-on = {sleep}\n", 604800, LOCK_ON_SLEEP},
		{"lock-on = {\"session-lock\"}\n", 0, LOCK_ON_SESSION},
		{"lock-on = {session-lock, sleep}\n", 0, LOCK_ON_SLEEP | LOCK_ON_SESSION},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = load(rows[i].text);

		cr_assert_eq(c->lock_after, rows[i].after, "%s", rows[i].text);
		cr_assert_eq(c->lock_on, rows[i].on, "%s", rows[i].text);
		config_free(c);
	}
}

Test(config, what_root_and_the_owner_may)
{
	static const struct {
		const char *text;
		enum allow_root root;
		bool owner;
	} rows[] = {
		{"", ROOT_WG, false},
		{"allow-root = none\nallow-owner = wg\n", ROOT_NONE, true},
		{"allow-owner = none\nallow-root = \"wg\"\n", ROOT_WG, false},
		{"allow-root = all\n", ROOT_ALL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *c = load(rows[i].text);

		cr_expect_eq(c->allow_root, rows[i].root, "%s", rows[i].text);
		cr_expect_eq(c->allow_owner, rows[i].owner, "%s", rows[i].text);
		config_free(c);
	}
}

/* libconfuse would let the second section replace the first. */
Test(config, one_uri_with_several_indices_and_curves)
{
	struct config *c = load("key \"ssh://a\" { }\n"
				"key \"ssh://a\" { index = 1 }\n"
				"key \"ssh://a\" { curve = nist256p1 }\n");

	cr_assert_eq(c->key_count, 3);
	cr_assert_eq(c->keys[0].id.index, 0);
	cr_assert_eq(c->keys[1].id.index, 1);
	cr_assert_eq(c->keys[2].id.curve, CURVE_NIST256P1);
	config_free(c);
}

static const struct bad {
	const char *text;
	int line;
	const char *what; /* part of the message */
} bad[] = {
	/* names */
	{"\n\ndevcie = \"x\"\n", 3, "'devcie' (allowed here: device, log, "},
	{"curve = ed25519\n", 1, "'curve' (allowed here: device, log, "},
	{"key \"ssh://a\" {\n}\n\nkeys \"ssh://b\" {\n}\n", 4, "'keys'"},
	{"key \"ssh://a\" {\n\tlog = info\n}\n", 2,
	 "'log' (allowed here: curve, index, device, allow, host-key, destinations, confirm, "
	 "remember, "},
	{"key \"ssh://a\" {\n key \"ssh://b\" {\n}\n}\n", 2, "'key' (allowed here: curve"},
	/* values */
	{"log = verbose\n", 1, "log is \"verbose\"; allowed: error, warn, info, debug"},
	{"log = \"\"\n", 1, "log is \"\""},
	{"wait-device = 301\n", 1, "wait-device is \"301\"; allowed: 0 to 300"},
	{"wait-device = 10s\n", 1, "wait-device is \"10s\"; allowed: 0 to 300"},
	{"wait-device = 1\nwait-device = 1\n", 2, "wait-device is given twice"},
	{"lock-after = 0\n", 1, "lock-after is \"0\"; allowed: off, or a time from 1s to 7d"},
	{"lock-after = 0s\n", 1, "lock-after is \"0s\"; allowed: off, or a time from 1s to 7d"},
	{"lock-after = 8d\n", 1, "lock-after is \"8d\"; allowed: off, or a time from 1s to 7d"},
	{"lock-after = never\n", 1, "lock-after is \"never\"; allowed: off, or a time"},
	{"lock-after = 1m\nlock-after = off\n", 2, "lock-after is given twice"},
	{"lock-on = {sleep, lid}\n", 1, "lock-on has \"lid\"; allowed: sleep, session-lock"},
	{"lock-on = {sleep}\nlock-on = {sleep}\n", 2, "lock-on is given twice"},
	{"pinentry = pinentry\n", 1,
	 "pinentry is \"pinentry\"; allowed: a program's absolute path"},
	{"pinentry = \"/\"\n", 1, "pinentry is \"/\""},
	{"tty = \"pts/3\"\n", 1, "tty is \"pts/3\"; allowed: a terminal's path"},
	{"display = \"\"\n", 1, "display is \"\"; allowed: an X display"},
	{"display = \":0\"\ndisplay = \":1\"\n", 2, "display is given twice"},
	{"allow-loopback = yes\n", 1, "allow-loopback is \"yes\"; allowed: true, false"},
	{"allow-root = true\n", 1, "allow-root is \"true\"; allowed: wg, all, none"},
	{"allow-root = wg\nallow-root = all\n", 2, "allow-root is given twice"},
	{"allow-owner = all\n", 1, "allow-owner is \"all\"; allowed: none, wg"},
	{"allow-owner = wg\nallow-owner = wg\n", 2, "allow-owner is given twice"},
	{"device = \"a b\"\n", 1,
	 "device is \"a b\"; allowed: an index, a serial number or DRIVER"},
	{"device = \"\"\n", 1, "device is \"\""},
	{"device = \"j\xc3\xb6rg\"\n", 1, "device is"},
	{"key \"ssh://a\" {\n\n\tcurve = p256\n}\n", 3,
	 "curve is \"p256\"; allowed: ed25519, nist256p1, secp256k1, curve25519"},
	{"key \"ssh://a\" {\n\tindex = -1\n}\n", 2, "index is \"-1\"; allowed: 0 to 4294967295"},
	{"key \"ssh://a\" {\n\tindex = 4294967296\n}\n", 2, "index is \"4294967296\""},
	{"key \"ssh://a\" {\n\tindex = 010\n}\n", 2, "index is \"010\""},
	{"key \"ssh://a\" {\n\tindex = 0x10\n}\n", 2, "index is \"0x10\""},
	{"key \"ssh://a\" {\n\tallow = { userauth,\n\t\tlogin }\n}\n", 3,
	 "allow has \"login\"; allowed: userauth, sshsig, certificate, any"},
	/* keys */
	{"key \"ssh:/a\" {\n\n}\n", 1, "key \"ssh:/a\""},
	{"\n\nkey \"\" {\n\n}\n", 3, "key \"\""},
	{"key \"ssh://a\" { }\nkey \"ssh://-a\" {\n}\n", 2, "key \"ssh://-a\""},
	{"key \"ssh://a\" {\n\tcurve = secp256k1\n}\n", 1,
	 "curve is secp256k1; allowed for ssh://: ed25519, nist256p1"},
	{"key \"ssh://a\" {\n\tallow = { }\n}\n", 1, "allow is empty; allowed: userauth"},
	{"key \"ssh://a\" {\n\tallow = { any }\n\tallow = { }\n}\n", 1, "allow is empty"},
	{"key \"gpg://a\" {\n\tallow = { any }\n}\n", 1, "allow is for ssh:// keys only"},
	{"key \"ssh://a\" {\n\tallow = { any }\n\thost-key = known\n}\n", 1, "one of them"},
	{"key \"gpg://a\" {\n\tdestinations = { a }\n}\n", 1,
	 "destinations is for ssh:// keys only"},
	{"key \"ssh://a\" {\n\tdestinations = { }\n}\n", 1, "destinations is empty; allowed: "},
	{"key \"ssh://a\" {\n\tdestinations = {\"b\", \"u@\"}\n}\n", 2,
	 "destination \"u@\" names no host: [HOP>][USER@]HOST"},
	{"key \"ssh://a\" {\n\tdestinations = {\"u@hop>b\"}\n}\n", 2, "has a user for its hop"},
	{"key \"ssh://a\" {\n\tdestinations = { a }\n\tdestinations = { b }\n}\n", 3,
	 "given twice"},
	{"key \"gpg://a\" {\n\thost-key = any\n}\n", 1, "host-key is for ssh:// keys only"},
	{"key \"ssh://a\" {\n\thost-key = new\n}\n", 2, "host-key is \"new\"; allowed: any, known"},
	{"key \"ssh://a\" {\n\thost-key = any\n\thost-key = any\n}\n", 3, "given twice"},
	{"key \"ssh://a\" { }\nkey \"ssh://b\" { }\n\nkey \"ssh://a\" {\n}\n", 4,
	 "key \"ssh://a\" with curve ed25519 and index 0 is there twice"},
	/* twice */
	{"log = info\nlog = info\n", 2, "log is given twice"},
	{"device = a\n\ndevice = b\n", 3, "device is given twice"},
	{"key \"ssh://a\" {\n\tindex = 1\n\tindex = 2\n}\n", 3, "index is given twice"},
	{"key \"ssh://a\" {\n\tdevice = x\n\tdevice = y\n}\n", 3, "device is given twice"},
	{"key \"ssh://a\" {\n\tallow = { any }\n\tallow = { sshsig }\n}\n", 3,
	 "allow is given twice"},
	/* form */
	{"log info\n", 1, "missing equal sign after option 'log'"},
	{"log =\n", 2, "premature end of file"},
	{"key {\n}\n", 1, "missing title for section 'key'"},
	{"key \"ssh://a\"\nlog = info\n", 2, "missing opening brace for section 'key'"},
	{"log = info }\n", 1, "closes nothing"},
	{"key \"ssh://a\" {\n\tindex = 1\n", 1, "not closed"},
	{"\nkey \"ssh://a\" {\n\tallow = { any\n}\n", 2, "not closed"},
	{"\n\ndevice = \"x\nlog = info\n", 3, "quote is not closed"},
	{"device = \"x", 1, "quote is not closed"},
	{"key ssh://a {\n}\n", 1, "outside quotes"},
	{"log = 'info'\n", 1, "put the value in \"\""},
	{"log = info;\n", 1, "outside quotes"},
	{"// comment\n", 1, "outside quotes"},
	{"\x01\n", 1, "outside quotes"},
	{"device = \"${HOME}\"\n", 1, "nothing is expanded"},
	{"device = \"a\\\"b\"\n", 1, "a backslash"},
	{"device = \"a\tb\"\n", 1, "control character"},
	{"include(\"/etc/passwd\")\n", 1, "outside quotes"},
	{"\nudp = {\"127.0.0.1:1\", \"example.org:1\"}\n", 2, "allowed: 127.0.0.1:PORT"},
	{"udp = {\"10.0.0.1:21324\"}\n", 1, "allowed: 127.0.0.1:PORT"},
	{"udp = {\"127.0.0.1:1\"}\nudp = {\"127.0.0.1:2\"}\n", 2, "udp is given twice"},
	{"upstream = agent\n", 1, "allowed: the absolute path"},
	{"upstream = \"/\"\n", 1, "allowed: the absolute path"},
	{"upstream = \"/a\"\nupstream = {\"/b\", \"/a\"}\n", 2, "upstream \"/a\" is there twice"},
	{"upstream = {\"/1\",\"/2\",\"/3\",\"/4\",\"/5\",\"/6\",\"/7\",\"/8\",\"/9\"}\n", 1,
	 "allowed: 8"},
	{"wallet \"trezor:a\" {\n passphrase = both\n}\n", 2, "allowed: host, device, none"},
	{"confirm = sometimes\n", 1, "confirm is \"sometimes\"; allowed: never, first, always"},
	{"key \"ssh://a\" {\n remember = 0\n}\n", 2, "remember is \"0\"; allowed: 1s to 24h"},
	{"remember = 25h\n", 1, "remember is \"25h\""},
	{"scope = device\n", 1, "scope is \"device\"; allowed: key, all"},
	{"max-uses = 0\n", 1, "max-uses is \"0\"; allowed: 1 to 1000000"},
	{"forwarded = no\n", 1, "forwarded is \"no\"; allowed: deny, confirm, allow"},
	{"scope = key\nscope = all\n", 2, "scope is given twice"},
	{"policy \"ssh://\" {\n confirm = first\n confirm = first\n}\n", 3, "given twice"},
	{"policy \"ssh://a\" {\n}\n", 1, "policy \"ssh://a\"; allowed: a protocol such as"},
	{"policy \"ssh\" {\n}\n", 1, "policy \"ssh\"; allowed: a protocol such as \"ssh://\""},
	{"policy \"0\" {\n}\n", 1, "policy \"0\"; allowed"},
	{"policy \"\" {\n}\n", 1, "policy \"\"; allowed"},
	{"policy \"A\" {\n}\npolicy \"A\" {\n}\n", 3, "there twice"},
	{"policy \"A\" {\n log = info\n}\n", 2, "(allowed here: confirm, remember, scope"},
	{"wallet \"trezor:a\" {\n}\n", 1, "allowed: passphrase, timeout"},
	{"wallet \"trezor:a\" {\n pin = 1\n}\n", 2, "'pin' (allowed here: passphrase, timeout)"},
	{"wallet \"trezor:a\" {\n timeout = 9\n}\n", 2, "allowed: 10s to 3600s"},
	{"wallet \"trezor:a\" {\n timeout = 3601\n}\n", 2, "allowed: 10s to 3600s"},
	{"wallet \"a\" {\n timeout = 20\n timeout = 20\n}\n", 3, "given twice"},
	{"wallet \"trezor a\" {\n passphrase = host\n}\n", 1, "DRIVER:LABEL"},
	{"wallet \"a\" {\n passphrase = host\n passphrase = none\n}\n", 3, "given twice"},
	{"wallet \"a\" {\npassphrase = host\n}\nwallet \"a\" {\npassphrase = none\n}\n", 4,
	 "there twice"},
};

Test(config, an_error_names_file_line_setting_and_what_is_allowed)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct config *c = (struct config *)&dir;
		struct why why = {0};
		char where[128];
		enum err e;

		write_text(bad[i].text);
		e = config_load(&c, path, &why);
		cr_assert(e == ERR_INVALID || e == ERR_EXISTS, "%s: %s", bad[i].text, err_word(e));
		cr_assert_null(c);
		snprintf(where, sizeof(where), "%s:%d: ", path, bad[i].line);
		cr_assert(strncmp(why.text, where, strlen(where)) == 0, "%s\nat line %d: %s",
			  bad[i].text, bad[i].line, why.text);
		cr_assert_not_null(strstr(why.text, bad[i].what), "%s\n\"%s\": %s", bad[i].text,
				   bad[i].what, why.text);
		/* The parser keeps nothing of a failure. */
		config_free(load("key \"ssh://after\" { }\n"));
	}
}

Test(config, a_nul_byte_and_a_long_file_are_refused)
{
	static char big[300 * 1024];
	struct config *c;
	struct why why;

	write_file(path, "log = info\n\0device = x\n", 23, 0600);
	cr_assert_eq(config_load(&c, path, &why), ERR_INVALID);
	cr_assert_not_null(strstr(why.text, "NUL"));
	memset(big, '\n', sizeof(big));
	write_file(path, big, sizeof(big), 0600);
	cr_assert_eq(config_load(&c, path, &why), ERR_TOO_LARGE);
	cr_assert_not_null(strstr(why.text, path));
}

Test(config, at_most_1000_keys)
{
	static char text[64 * 1024];
	struct config *c;
	struct why why;
	size_t n = 0;

	for (int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "key \"ssh://h%d\" { }\n", i);
	c = load(text);
	cr_assert_eq(c->key_count, 1000);
	config_free(c);
	snprintf(text + n, sizeof(text) - n, "key \"ssh://h1000\" { }\n");
	write_text(text);
	cr_assert_eq(config_load(&c, path, &why), ERR_TOO_LARGE);
	cr_assert_not_null(strstr(why.text, ":1001: more than 1000 keys"));
}

Test(config, a_file_that_others_can_write_is_refused)
{
	static const struct {
		mode_t mode;
		enum err e;
	} modes[] = {{0600, ERR_OK},
		     {0644, ERR_OK},
		     {0620, ERR_PERMISSION},
		     {0602, ERR_PERMISSION},
		     {0666, ERR_PERMISSION}};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct config *c;
		struct why why = {0};

		write_file(path, "", 0, modes[i].mode);
		cr_assert_eq(config_load(&c, path, &why), modes[i].e, "%o",
			     (unsigned)modes[i].mode);
		cr_assert(modes[i].e == ERR_OK || strstr(why.text, "chmod go-w") != NULL);
		config_free(c);
	}
}

Test(config, only_a_plain_file)
{
	struct config *c;
	struct why why;

	cr_assert_eq(config_load(&c, dir, &why), ERR_INVALID);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(config_load(&c, path, &why), ERR_INVALID, "and it does not wait for a writer");
	cr_assert_null(c);
}

Test(config, a_named_file_must_exist_and_the_standard_one_need_not)
{
	struct config *c;
	struct why why;

	cr_assert_eq(config_load(&c, path, &why), ERR_NOT_FOUND);
	cr_assert_not_null(strstr(why.text, path));
	setenv("XDG_CONFIG_HOME", dir, 1);
	cr_assert_eq(config_load(&c, NULL, &why), ERR_OK);
	cr_assert_eq(c->key_count, 0);
	snprintf(path, sizeof(path), "%s/lanyard/lanyard.conf", dir);
	cr_assert_str_eq(c->path, path);
	config_free(c);
}

/* ---- config_append_key ---- */

static enum err append(const char *uri, uint32_t index, const char *serial, struct why *why)
{
	struct identity id;

	cr_assert_eq(identity_parse(&id, uri, why), ERR_OK);
	id.index = index;
	return config_append_key(path, &id, serial, NULL, why);
}

Test(config, append_makes_a_private_file_and_its_directory)
{
	struct config *c;
	struct stat st;
	struct why why;

	snprintf(path, sizeof(path), "%s/a/b/lanyard.conf", dir);
	cr_assert_eq(append("ssh://git@github.com", 0, "5d0c2f71", &why), ERR_OK, "%s", why.text);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(config_load(&c, path, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(c->key_count, 1);
	cr_assert_str_eq(c->keys[0].id.uri, "ssh://git@github.com");
	cr_assert_str_eq(c->keys[0].device, "5d0c2f71");
	config_free(c);
}

Test(config, append_keeps_what_is_there)
{
	static const char expect[] = "# mine\nlog = debug\n\nkey \"ssh://a\" {\n";
	static const char *const before[] = {"# mine\nlog = debug\n", "# mine\nlog = debug"};

	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		struct config *c;
		struct stat st;
		struct why why;
		char *text;

		write_file(path, before[i], strlen(before[i]), 0640);
		cr_assert_eq(append("ssh://a", 0, NULL, &why), ERR_OK, "%s", why.text);
		cr_assert_eq(append("ssh://a", 1, "", &why), ERR_OK, "%s", why.text);
		text = read_text(path);
		cr_assert_eq(strncmp(text, expect, strlen(expect)), 0, "%s", text);
		cr_assert_eq(stat(path, &st), 0);
		cr_assert_eq(st.st_mode & 07777, 0640);
		cr_assert_eq(config_load(&c, path, &why), ERR_OK, "%s", why.text);
		cr_assert_eq(c->log, LOG_LEVEL_DEBUG);
		cr_assert_eq(c->key_count, 2);
		cr_assert_eq(c->keys[1].id.index, 1);
		cr_assert_null(c->keys[1].device);
		config_free(c);
	}
}

Test(config, destinations)
{
	struct key key = {.listed = true};
	struct config *c;
	struct identity id;
	struct why why = {0};

	cr_assert_eq(identity_parse(&id, "ssh://git@a", NULL), ERR_OK);
	write_text("key \"ssh://a\" {\n\tdestinations = {\"b\", \"HOP>u@C:2\"}\n}\n");
	cr_assert_eq(config_append_key(path, &id, NULL, "a,b>u*@c", &why), ERR_OK, "%s", why.text);
	cr_assert_eq(config_append_key(path, &id, NULL, "a,b>u*@c", &why), ERR_EXISTS);
	cr_assert_eq(config_append_key(path, &id, NULL, NULL, &why), ERR_EXISTS);
	cr_assert_eq(config_append_key(path, &id, NULL, "a", &why), ERR_NOT_ALLOWED);
	cr_assert_not_null(strstr(why.text, "write `destinations = {\"a\"}` into its section"));
	cr_assert_eq(config_load(&c, path, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(c->key_count, 2);
	cr_assert_str_eq(c->keys[0].destinations, "b,hop>u@[c]:2");
	cr_assert_str_eq(c->keys[1].destinations, "a,b>u*@c");
	key.id = id;
	config_key_settings(c, &key);
	cr_assert_eq(key.destinations, c->keys[1].destinations);
	key.id.index = 5;
	config_key_settings(c, &key);
	cr_assert_null(key.destinations);
	config_free(c);
	/* A section without any has no room for them. */
	write_text("key \"ssh://git@a\" { }\n");
	cr_assert_eq(config_append_key(path, &id, NULL, "a", &why), ERR_NOT_ALLOWED);
}

Test(config, append_refuses_and_leaves_the_file_alone)
{
	static const char good[] = "key \"ssh://a\" { }\n", broken[] = "log = x\n";
	struct why why;

	write_text(good);
	cr_assert_eq(append("ssh://a", 0, NULL, &why), ERR_EXISTS);
	cr_assert_not_null(strstr(why.text, "ssh://a"));
	cr_assert_str_eq(read_text(path), good);
	/* Cannot be quoted in the file. */
	cr_assert_eq(append("ssh://a/${HOME}", 0, NULL, &why), ERR_INVALID);
	cr_assert_str_eq(read_text(path), good);
	cr_assert_eq(append("ssh://b", 0, "x\" } key \"ssh://evil", &why), ERR_INVALID);
	cr_assert_str_eq(read_text(path), good);
	write_text(broken);
	cr_assert_eq(append("ssh://b", 0, NULL, &why), ERR_INVALID);
	cr_assert_str_eq(read_text(path), broken);
	cr_assert_eq(chmod(path, 0666), 0);
	cr_assert_eq(append("ssh://b", 0, NULL, &why), ERR_PERMISSION);
}

Test(config, append_writes_through_a_symbolic_link)
{
	char target[80];
	struct stat st;
	struct why why;

	snprintf(target, sizeof(target), "%s/dotfiles.conf", dir);
	write_file(target, "log = warn\n", 11, 0600);
	cr_assert_eq(symlink("dotfiles.conf", path), 0);
	cr_assert_eq(append("ssh://a", 0, NULL, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(lstat(path, &st), 0);
	cr_assert(S_ISLNK(st.st_mode));
	cr_assert_not_null(strstr(read_text(target), "key \"ssh://a\""));
	cr_assert_eq(unlink(target), 0);
	cr_assert_eq(append("ssh://a", 0, NULL, &why), ERR_IO);
	cr_assert_not_null(strstr(why.text, "link to nothing"));
}

static struct policy policy_of(const struct config *c, const char *uri, const char *serial,
			       const char *label)
{
	struct identity id;
	struct policy p;

	cr_assert_eq(identity_parse(&id, uri, NULL), ERR_OK);
	config_policy(c, &id, "soft", serial, label, &p);
	return p;
}

Test(config, a_key_s_policy_goes_before_its_device_s_its_protocol_s_and_that_of_all)
{
	struct config *c = load("confirm = first\nremember = 90s\nforwarded = deny\nmax-uses = 9\n"
				"policy \"ssh://\" { remember = 2h\n scope = all }\n"
				"policy \"soft:home\" { remember = 5m\n forwarded = allow }\n"
				"policy \"0A1B\" { confirm = never }\n"
				"key \"ssh://a@b\" { remember = 7\n confirm = always }\n");
	struct policy p = policy_of(c, "ssh://a@b", "0A1B", "home");

	cr_expect_eq(p.confirm, CONFIRM_ALWAYS);
	cr_expect_eq(p.remember, 7);
	cr_expect_eq(p.scope, SCOPE_ALL);
	cr_expect_eq(p.forwarded, FORWARDED_ALLOW);
	cr_expect_eq(p.max_uses, 9);
	p = policy_of(c, "ssh://b", "FF", "home");
	cr_expect(p.confirm == CONFIRM_FIRST && p.remember == 300 && p.scope == SCOPE_ALL);
	p = policy_of(c, "ssh://b", "0A1B", NULL);
	cr_expect(p.confirm == CONFIRM_NEVER && p.remember == 7200 &&
		  p.forwarded == FORWARDED_DENY);
	p = policy_of(c, "sshx://b", "F00", "work");
	cr_expect(p.confirm == CONFIRM_FIRST && p.remember == 90 && p.scope == SCOPE_UNSET);
	config_free(c);
}
