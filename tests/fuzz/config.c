/* SPDX-License-Identifier: MIT */
/*
 * agent/config.h and agent/config_scan.h: a file's text, read, and with a key appended. Nothing is
 * fsynced (fuzz.mk: --wrap).
 */
#include "fuzz.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/config_scan.h"
#include "agent/destination.h"

enum { FILE_MAX = 256 * 1024 };

static char dir[] = "/tmp/lanyard-fuzz-XXXXXX";
static char path[64], good[64];

int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	return fd >= 0 ? 0 : -1;
}

static void write_file(const char *name, const void *p, size_t n)
{
	FILE *f;

	unlink(name);
	f = fopen(name, "wb");
	CHECK(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
	CHECK(chmod(name, 0600) == 0);
}

static void clean_up(void)
{
	unlink(path);
	unlink(good);
	rmdir(dir);
}

static void expect(const char *name, enum err want)
{
	struct config *c = NULL;
	struct why why = {0};
	enum err e = config_load(&c, name, &why);

	fuzz_check_why(e, &why);
	CHECK(e == want && (c != NULL) == (e == ERR_OK));
	config_free(c);
}

/* What is no question of the text. */
static void check_files(void)
{
	size_t n = 0, room = FILE_MAX + 100;
	char *text = malloc(room);
	struct identity id;

	CHECK(text != NULL && identity_parse(&id, "ssh://git@github.com", NULL) == ERR_OK);
	CHECK(setenv("XDG_CONFIG_HOME", dir, 1) == 0);
	expect(NULL, ERR_OK);
	expect(path, ERR_NOT_FOUND);
	expect(dir, ERR_INVALID);
	CHECK(config_append_key(path, &id, NULL, NULL, NULL) == ERR_OK);
	expect(path, ERR_OK);
	CHECK(chmod(path, 0620) == 0);
	expect(path, ERR_PERMISSION);
	CHECK(unlink(path) == 0 && symlink("nothing", path) == 0);
	CHECK(config_append_key(path, &id, NULL, NULL, NULL) == ERR_IO);
	CHECK(config_append_key("/dev/null/x", &id, NULL, NULL, NULL) == ERR_IO);
	/* As long as it may be: no room for a key. */
	memset(text, '\n', room);
	write_file(path, text, FILE_MAX);
	expect(path, ERR_OK);
	CHECK(config_append_key(path, &id, NULL, NULL, NULL) == ERR_TOO_LARGE);
	write_file(path, text, FILE_MAX + 1);
	expect(path, ERR_TOO_LARGE);
	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, room - n, "key \"a://b\" { index = %u }\n", i);
	write_file(path, text, n);
	expect(path, ERR_OK);
	CHECK(config_append_key(path, &id, NULL, NULL, NULL) == ERR_TOO_LARGE);
	free(text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "device = \"soft:home\"\n"
				   "key \"ssh://git@github.com\" { allow = { sshsig } }\n";

	(void)argc;
	(void)argv;
	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/lanyard.conf", dir);
	snprintf(good, sizeof(good), "%s/good.conf", dir);
	write_file(good, text, strlen(text));
	check_files();
	return atexit(clean_up);
}

/* libconfuse's scanner is one global thing: whatever came before, a good file reads as itself. */
static void check_good_file(void)
{
	struct config *c = NULL;

	CHECK(config_load(&c, good, NULL) == ERR_OK);
	CHECK(strcmp(c->device, "soft:home") == 0 && c->key_count == 1);
	CHECK(strcmp(c->keys[0].id.uri, "ssh://git@github.com") == 0);
	CHECK(c->keys[0].allow == ALLOW_SSHSIG && c->keys[0].device == NULL);
	config_free(c);
}

/* What was read stands in the file like that. */
static void check_literal(const char *value, const char *text)
{
	CHECK(value == NULL || strstr(text, value) != NULL);
}

static void check_selector(const char *device, const char *text)
{
	check_literal(device, text);
	CHECK(device == NULL || (*device != '\0' && strchr(device, ' ') == NULL &&
				 text_is_ascii_printable(device, strlen(device))));
}

static void check_word(const char *word, const char *begin, const char *text)
{
	check_literal(word, text);
	CHECK(word == NULL || (text_is_ascii_printable(word, strlen(word)) &&
			       strncmp(word, begin, strlen(begin)) == 0));
}

/* A list, in the words that such lists have. */
static void check_destinations(const char *list)
{
	char *again = NULL;

	CHECK(list == NULL ||
	      (destinations_add(&again, list, NULL) == ERR_OK && strcmp(again, list) == 0));
	free(again);
}

static void check_config(const struct config *c, const char *text)
{
	struct identity id;

	CHECK(c->log <= LOG_LEVEL_DEBUG && strcmp(c->path, path) == 0);
	check_selector(c->device, text);
	/* These go to programs as words. */
	check_word(c->pinentry, "/", text);
	check_word(c->notify, "", text);
	check_word(c->display, "", text);
	check_word(c->tty, "/dev/", text);
	for (size_t i = 0; c->wallets != NULL && c->wallets[i].device != NULL; i++) {
		check_selector(c->wallets[i].device, text);
		for (size_t n = 0; n < i; n++)
			CHECK(strcmp(c->wallets[n].device, c->wallets[i].device) != 0);
	}
	for (size_t i = 0; i < c->key_count; i++) {
		const struct config_key *k = &c->keys[i];

		CHECK(identity_parse(&id, k->id.uri, NULL) == ERR_OK);
		CHECK(id.class == k->id.class && k->id.curve < CURVE_COUNT);
		CHECK(k->id.class != CLASS_SSH || k->id.curve == CURVE_ED25519 ||
		      k->id.curve == CURVE_NIST256P1);
		CHECK(k->allow > 0 && k->allow < 16);
		CHECK(k->id.class == CLASS_SSH || k->allow == ALLOW_DEFAULT);
		check_selector(k->device, text);
		check_literal(k->id.uri, text);
		CHECK(k->destinations == NULL || k->id.class == CLASS_SSH);
		check_destinations(k->destinations);
		for (size_t n = 0; n < i; n++)
			CHECK(!identity_equal(&c->keys[n].id, &k->id));
	}
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Both end with NULL, or are none. */
static void check_same_list(char *const *a, char *const *b)
{
	CHECK((a == NULL) == (b == NULL));
	for (; a != NULL && *a != NULL; a++, b++)
		CHECK(same_text(*a, *b));
	CHECK(a == NULL || *b == NULL);
}

static void check_same_wallets(const struct wallet_setting *a, const struct wallet_setting *b)
{
	CHECK((a == NULL) == (b == NULL));
	for (; a != NULL && a->device != NULL; a++, b++)
		CHECK(same_text(a->device, b->device) && a->passphrase == b->passphrase);
	CHECK(a == NULL || b->device == NULL);
}

/* `b` says what `a` says, and has `more` keys after that. */
static void check_same(const struct config *a, const struct config *b, size_t more)
{
	CHECK(same_text(a->device, b->device) && a->log == b->log);
	CHECK(same_text(a->pinentry, b->pinentry) && same_text(a->notify, b->notify));
	CHECK(same_text(a->display, b->display) && same_text(a->tty, b->tty));
	CHECK(a->allow_loopback == b->allow_loopback && a->wait_device == b->wait_device);
	CHECK(a->allow_root == b->allow_root && a->allow_owner == b->allow_owner);
	check_same_list(a->udp, b->udp);
	check_same_list(a->upstreams, b->upstreams);
	check_same_wallets(a->wallets, b->wallets);
	CHECK(a->key_count + more == b->key_count);
	for (size_t i = 0; i < a->key_count; i++) {
		CHECK(identity_equal(&a->keys[i].id, &b->keys[i].id));
		CHECK(same_text(a->keys[i].device, b->keys[i].device));
		CHECK(same_text(a->keys[i].destinations, b->keys[i].destinations));
		CHECK(a->keys[i].allow == b->keys[i].allow);
	}
}

static bool file_is(const void *p, size_t n)
{
	char *text = malloc(n + 1);
	FILE *f = fopen(path, "rb");
	bool same;

	CHECK(text != NULL && f != NULL);
	same = fread(text, 1, n + 1, f) == n && (n == 0 || memcmp(text, p, n) == 0);
	fclose(f);
	free(text);
	return same;
}

static void check_append(const struct config *before, const void *p, size_t n)
{
	struct config *after = NULL;
	struct identity id;
	struct why why = {0};
	const char *serial = n % 2 ? "5d0c2f71a94be863" : NULL;
	const char *destinations = n % 5 ? NULL : "a,hop>u*@[b]:2";
	enum err e;

	CHECK(identity_parse(&id, "ssh://git@github.com", NULL) == ERR_OK);
	id.index = n % 3 ? 0 : UINT32_MAX;
	e = config_append_key(path, &id, serial, destinations, &why);
	fuzz_check_why(e, &why);
	if (e != ERR_OK) {
		CHECK(file_is(p, n));
		if (before != NULL)
			CHECK(e == ERR_EXISTS || (e == ERR_NOT_ALLOWED && destinations != NULL) ||
			      n > FILE_MAX - 200 || before->key_count == 1000);
		return;
	}
	CHECK(before != NULL && config_load(&after, path, NULL) == ERR_OK);
	check_same(before, after, 1);
	CHECK(same_text(after->keys[before->key_count].destinations, destinations));
	CHECK(identity_equal(&after->keys[before->key_count].id, &id));
	CHECK(same_text(after->keys[before->key_count].device, serial));
	config_free(after);
	/* And once is enough. */
	CHECK(config_append_key(path, &id, serial, destinations, NULL) == ERR_EXISTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct config *c = NULL, *again = NULL;
	struct why why = {0};
	enum err e;

	write_file(path, data, size);
	e = config_load(&c, path, &why);
	fuzz_check_why(e, &why);
	CHECK((e == ERR_OK) == (c != NULL));
	CHECK(e == ERR_OK || strncmp(why.text, path, strlen(path)) == 0);
	if (e == ERR_OK) {
		CHECK(strlen(text) == size && size <= FILE_MAX);
		CHECK(scan_all(path, text, NULL) == ERR_OK);
		check_config(c, text);
		CHECK(config_load(&again, path, NULL) == ERR_OK);
		check_same(c, again, 0);
		config_free(again);
	} else if (strlen(text) < size) {
		CHECK(e == ERR_INVALID || size > FILE_MAX);
	}
	check_good_file();
	check_append(c, data, size);
	config_free(c);
	free(text);
	return 0;
}
