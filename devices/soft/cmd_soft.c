/* SPDX-License-Identifier: MIT */
#include "agent/cli/cli.h"
#include "devices/soft/cmd_soft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "derive/mnemonic.h"
#include "devices/soft/file.h"
#include "protocol/dirs.h"
#include "protocol/text.h"

enum { PATH_MAX_LEN = 512, BIP39_PASSPHRASE_MAX = 256, TYPED_MAX = 1024 };

/* The device that a command is about. */
struct target {
	const char *name;
	char dir[PATH_MAX_LEN];
	char path[PATH_MAX_LEN + SOFT_NAME_MAX + 2];
};

/* What a command works with; in locked memory. */
struct work {
	uint8_t entropy[32];
	char typed[TYPED_MAX + 1];
	char mnemonic[MNEMONIC_MAX];
	char bip39_passphrase[BIP39_PASSPHRASE_MAX + 1];
	char page[2048];
	struct soft_seed seed;
	struct soft_file file;
};

static enum err soft_dir(char dir[static PATH_MAX_LEN], struct why *why)
{
	enum err e = dir_path(dir, PATH_MAX_LEN, DIR_DATA, "soft", why);
	if (!e)
		e = dir_make(dir, why);
	if (!e)
		e = dir_check_private(dir, why);
	return e;
}

static enum err target_find(const struct cli *cli, struct target *t, struct why *why)
{
	t->name = cli_value(cli, "name");
	if (cli->argc) {
		if (t->name)
			return why_set(why, ERR_INVALID,
				       "the name is given twice: \"%s\" and "
				       "--name=%s",
				       cli->argv[0], t->name);
		t->name = cli->argv[0];
	}
	if (!t->name)
		t->name = "default";
	enum err e = soft_name_check(t->name, why);
	if (!e)
		e = soft_dir(t->dir, why);
	if (!e)
		snprintf(t->path, sizeof(t->path), "%s/%s", t->dir, t->name);
	return e;
}

/* Before anything is asked; file_write() says it again if somebody was quicker. */
static enum err target_must_be_new(const struct target *t, struct why *why)
{
	struct stat st;
	if (!lstat(t->path, &st))
		return why_set(why, ERR_EXISTS,
			       "soft:%s exists and stays as it is: choose another --name, or run "
			       "`lanyard soft remove %s` first",
			       t->name, t->name);
	return ERR_OK;
}

static enum err no_such(const struct target *t, struct why *why)
{
	return why_set(why, ERR_NOT_FOUND,
		       "there is no soft:%s (%s): `lanyard soft list` names what there is", t->name,
		       t->path);
}

/* Bytes of a file or the terminal as a string. */
static enum err text_take(char *out, size_t cap, struct secret *from, const char *what,
			  struct why *why)
{
	enum err e = ERR_OK;
	if (from->n >= cap || (from->n && memchr(from->p, 0, from->n)))
		e = why_set(why, ERR_INVALID, "%s: 0 to %zu characters, no NUL", what, cap - 1);
	else if (from->n)
		memcpy(out, from->p, from->n);
	secret_free(from);
	return e;
}

static enum err passphrase_get(const struct cli *cli, const char *option, const char *prompt,
			       bool new, struct secret *out, struct why *why)
{
	const char *file = cli_value(cli, option);
	enum err e = file ? cli_read_secret_file(file, SOFT_PASSPHRASE_MAX, out, why)
			  : cli_ask_secret(prompt, new, out, why);
	if (!e && new && !out->n)
		e = why_set(why, ERR_INVALID,
			    "an empty passphrase protects nothing: choose one (init and import "
			    "have --no-encrypt)");
	return e;
}

/* The seed of w->mnemonic into a new file. */
static enum err seed_save(const struct cli *cli, const struct target *t, struct work *w,
			  struct why *why)
{
	const char *file = cli_value(cli, "bip39-passphrase-file");
	struct soft_cost cost = soft_cost_default();
	struct secret secret = {0};
	enum err e = ERR_OK;

	if (file) {
		e = cli_read_secret_file(file, BIP39_PASSPHRASE_MAX, &secret, why);
		if (!e)
			e = text_take(w->bip39_passphrase, sizeof(w->bip39_passphrase), &secret,
				      "the BIP-39 passphrase", why);
	}
	if (!e)
		e = mnemonic_seed(w->seed.p, w->mnemonic, w->bip39_passphrase, why);
	if (e)
		return e;
	w->seed.n = MNEMONIC_SEED_LEN;
	if (cli_value(cli, "no-encrypt")) {
		fprintf(stderr,
			"WARNING: soft:%s WILL NOT BE ENCRYPTED. Whoever reads %s, or a backup of "
			"it, has every key of it.\n",
			t->name, t->path);
		return soft_file_create(t->path, &w->seed, NULL, 0, NULL, why);
	}
	e = passphrase_get(cli, "passphrase-file", "Passphrase to encrypt it with", true, &secret,
			   why);
	if (!e)
		e = soft_file_create(t->path, &w->seed, secret.p, secret.n, &cost, why);
	secret_free(&secret);
	return e;
}

static enum err words_page(const struct target *t, struct work *w, bool passphrase,
			   struct wbuf *page)
{
	const char *word = w->mnemonic;
	*page = wbuf_new(w->page, sizeof(w->page));
	wbuf_printf(page,
		    "\nThe words of soft:%s, shown this once. Write them down and keep them safe:\n"
		    "with them%s the device and all its keys can be made again, by anybody.\n\n",
		    t->name, passphrase ? " and the BIP-39 passphrase" : "");
	for (unsigned i = 1; *word; i++) {
		size_t n = strcspn(word, " ");
		wbuf_printf(page, "%4u %-8.*s%s", i, (int)n, word, i % 4 ? "" : "\n");
		word += n + (word[n] == ' ');
	}
	wbuf_text(page, "\n");
	return wbuf_ok(page) ? ERR_OK : ERR_INTERNAL;
}

/* No stdio: its buffer would keep the words. */
static enum err write_all(int fd, const uint8_t *p, size_t n, struct why *why)
{
	while (n) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return why_set(why, ERR_IO, "cannot write to the terminal: %s",
				       strerror(errno));
		p += put;
		n -= (size_t)put;
	}
	return ERR_OK;
}

static enum err words_new(const struct cli *cli, struct work *w, struct why *why)
{
	const char *words = cli_value(cli, "words");
	uint32_t count = 24;

	if (words && (!text_to_u32(words, 12, 24, &count) || count % 6))
		return why_set(why, ERR_INVALID, "--words=%s: 12, 18 or 24", words);
	secret_random(w->entropy, sizeof(w->entropy));
	return mnemonic_from_entropy(w->mnemonic, w->entropy, count / 3 * 4);
}

static enum err words_get(const struct cli *cli, struct work *w, struct why *why)
{
	const char *file = cli_value(cli, "mnemonic-file");
	struct secret secret = {0};
	enum err e = file ? cli_read_secret_file(file, TYPED_MAX, &secret, why)
			  : cli_ask_secret("BIP-39 words", false, &secret, why);
	if (!e)
		e = text_take(w->typed, sizeof(w->typed), &secret, "the words", why);
	if (!e)
		e = mnemonic_check(w->mnemonic, w->typed, why);
	return e;
}

static enum err init(const struct cli *cli, const struct target *t, struct work *w, struct why *why)
{
	struct wbuf page;
	int tty = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return why_set(
			why, ERR_NO_PROMPT,
			"no terminal to show the new words on: run this in one, or give your "
			"own words to `lanyard soft import --mnemonic-file FILE`");
	enum err e = words_new(cli, w, why);
	if (!e)
		e = words_page(t, w, cli_value(cli, "bip39-passphrase-file"), &page);
	if (!e)
		e = seed_save(cli, t, w, why);
	if (!e) {
		e = write_all(tty, page.p, page.n, why);
		if (e)
			unlink(t->path); /* keys without a backup */
	}
	close(tty);
	return e;
}

static enum err import(const struct cli *cli, const struct target *t, struct work *w,
		       struct why *why)
{
	enum err e = words_get(cli, w, why);
	return e ? e : seed_save(cli, t, w, why);
}

static int make(struct cli *cli, enum err (*how)(const struct cli *, const struct target *,
						 struct work *, struct why *))
{
	struct target t;
	struct why why = {0};

	if (cli_value(cli, "no-encrypt") && cli_value(cli, "passphrase-file"))
		return cli_usage(cli, "--no-encrypt and --passphrase-file exclude each other");
	struct work *w = secret_alloc(sizeof(*w));
	enum err e = w ? target_find(cli, &t, &why) : ERR_NO_MEMORY;
	if (!e)
		e = target_must_be_new(&t, &why);
	if (!e)
		e = how(cli, &t, w, &why);
	if (!e)
		e = soft_file_read(&w->file, t.path, &why);
	if (!e)
		printf("soft:%s is made, serial %s\n", t.name, w->file.serial);
	secret_free_mem(w);
	return e ? cli_error(cli, e, &why) : 0;
}

static int run_init(struct cli *cli)
{
	return make(cli, init);
}

static int run_import(struct cli *cli)
{
	return make(cli, import);
}

static void list_json(const char *name, const struct soft_file *f, enum err e,
		      const struct why *why, bool first)
{
	char text[6 * WHY_MAX];
	text_json(text, sizeof(text), name, strlen(name));
	printf("%s\n  {\"name\": %s, ", first ? "[" : ",", text);
	if (!e) {
		printf("\"serial\": \"%s\", \"encrypted\": %s, \"created\": %" PRIu64 "}",
		       f->serial, f->kdf == SOFT_KDF_NONE ? "false" : "true", f->created);
		return;
	}
	text_json(text, sizeof(text), why_text(why, e), strlen(why_text(why, e)));
	printf("\"error\": \"%s\", \"reason\": %s}", err_word(e), text);
}

static void list_text(const char *name, const struct soft_file *f, enum err e,
		      const struct why *why)
{
	char text[SOFT_TEXT_MAX], clean[4 * NAME_MAX + 1];
	text_clean(clean, sizeof(clean), name, strlen(name));
	if (e) {
		printf("%-16s unusable: %s\n", clean, why_text(why, e));
		return;
	}
	soft_file_created_text(f, text);
	printf("%-16s %s  %-13s  %s\n", clean, f->serial,
	       f->kdf == SOFT_KDF_NONE ? "NOT ENCRYPTED" : "encrypted", text);
}

static enum err list_one(const struct cli *cli, const char *dir, const char *name, bool first)
{
	char path[PATH_MAX_LEN + NAME_MAX + 2];
	struct soft_file f;
	struct why why = {0};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	enum err e = soft_name_check(name, &why);
	if (!e)
		e = soft_file_read(&f, path, &why);
	if (cli->json)
		list_json(name, &f, e, &why, first);
	else
		list_text(name, &f, e, &why);
	secret_wipe(&f, sizeof(f));
	return e;
}

static int run_list(struct cli *cli)
{
	char dir[PATH_MAX_LEN];
	struct dirent **names;
	struct why why = {0};
	bool first = true;
	int status = 0;

	enum err e = soft_dir(dir, &why);
	if (e)
		return cli_error(cli, e, &why);
	int count = scandir(dir, &names, NULL, alphasort);
	if (count < 0)
		return cli_fail("%s: %s", dir, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;
		if (*name != '.') {
			if (list_one(cli, dir, name, first))
				status = 1;
			first = false;
		}
		free(names[i]);
	}
	free(names);
	if (cli->json)
		printf("%s]\n", first ? "[" : "\n");
	else if (first)
		fprintf(stderr, "no software device yet: `lanyard soft init` makes one\n");
	return status;
}

static enum err change(const struct cli *cli, const struct target *t, struct work *w,
		       struct why *why)
{
	struct secret secret = {0};
	enum err e = soft_file_read(&w->file, t->path, why);
	if (e == ERR_NOT_FOUND)
		return no_such(t, why);
	if (!e && w->file.kdf != SOFT_KDF_NONE)
		e = passphrase_get(cli, "passphrase-file", "Passphrase", false, &secret, why);
	if (!e)
		e = soft_file_open(&w->file, secret.p, secret.n, &w->seed, why);
	secret_free(&secret);
	if (!e)
		e = passphrase_get(cli, "new-passphrase-file", "New passphrase", true, &secret,
				   why);
	if (!e)
		e = soft_file_change(t->path, &w->file, &w->seed, secret.p, secret.n, why);
	secret_free(&secret);
	return e;
}

static int run_change(struct cli *cli)
{
	struct target t;
	struct why why = {0};
	struct work *w = secret_alloc(sizeof(*w));
	enum err e = w ? target_find(cli, &t, &why) : ERR_NO_MEMORY;
	if (!e)
		e = change(cli, &t, w, &why);
	secret_free_mem(w);
	if (e)
		return cli_error(cli, e, &why);
	printf("soft:%s has a new passphrase\n", t.name);
	return 0;
}

static int run_remove(struct cli *cli)
{
	char question[200];
	struct target t;
	struct stat st;
	struct why why = {0};

	enum err e = target_find(cli, &t, &why);
	if (!e && lstat(t.path, &st))
		e = no_such(&t, &why);
	if (!e) {
		fprintf(stderr, "Only its words bring the keys of soft:%s back.\n", t.name);
		snprintf(question, sizeof(question), "Remove soft:%s?", t.name);
		e = cli_confirm(cli, question, &why);
	}
	if (!e && unlink(t.path))
		e = why_set(&why, ERR_IO, "%s: %s", t.path, strerror(errno));
	if (e)
		return cli_error(cli, e, &why);
	printf("soft:%s is removed\n", t.name);
	return 0;
}

#define OPTION_NAME                                                                                \
	{                                                                                          \
		"name", "NAME", "the device's name (default: \"default\")"                         \
	}
#define OPTION_PASSPHRASE                                                                          \
	{                                                                                          \
		"passphrase-file", "FILE", "its first line is the passphrase (-: stdin)"           \
	}
#define OPTION_BIP39                                                                               \
	{                                                                                          \
		"bip39-passphrase-file", "FILE", "the words' own passphrase, if any"               \
	}
#define OPTION_PLAIN                                                                               \
	{                                                                                          \
		"no-encrypt", NULL, "write the seed in clear: readable is stolen"                  \
	}

static const struct cli_option options_init[] = {
	OPTION_NAME,  {"words", "12|18|24", "how many new words (default: 24)"},
	OPTION_BIP39, OPTION_PASSPHRASE,
	OPTION_PLAIN, {0},
};

static const struct cli_option options_import[] = {
	OPTION_NAME,  {"mnemonic-file", "FILE", "its first line is the words (-: stdin)"},
	OPTION_BIP39, OPTION_PASSPHRASE,
	OPTION_PLAIN, {0},
};

static const struct cli_option options_change[] = {
	OPTION_NAME,
	OPTION_PASSPHRASE,
	{"new-passphrase-file", "FILE", "its first line is the new passphrase"},
	{0},
};

static const struct cli_option options_remove[] = {OPTION_NAME, {0}};

const struct command cmd_soft[] = {
	{.noun = "soft",
	 .verb = "init",
	 .args = "[NAME]",
	 .max = 1,
	 .help = "make a software device with new words",
	 .options = options_init,
	 .run = run_init},
	{.noun = "soft",
	 .verb = "import",
	 .args = "[NAME]",
	 .max = 1,
	 .help = "make a software device of words you have",
	 .options = options_import,
	 .run = run_import},
	{.noun = "soft",
	 .verb = "list",
	 .args = "",
	 .max = 0,
	 .help = "list software devices",
	 .run = run_list,
	 .json = true},
	{.noun = "soft",
	 .verb = "change-passphrase",
	 .args = "[NAME]",
	 .max = 1,
	 .help = "encrypt a software device under another passphrase",
	 .options = options_change,
	 .run = run_change},
	{.noun = "soft",
	 .verb = "remove",
	 .args = "[NAME]",
	 .max = 1,
	 .help = "delete a software device's file",
	 .options = options_remove,
	 .run = run_remove},
	{.noun = NULL},
};
