/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/dirs.h"

enum { SOMEBODY = 65534 };

/* The working directory of a test: made before it, removed after it. */
static char place[] = "/tmp/lanyard-dirs-XXXXXX";

static void enter(void)
{
	cr_assert(mkdtemp(place));
	cr_assert_eq(chdir(place), 0);
	umask(022);
}

static void leave(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", place);
	cr_assert_eq(system(command), 0);
}

TestSuite(protocol_dirs, .init = enter, .fini = leave);

static mode_t mode_of(const char *path)
{
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0, "%s", path);
	return st.st_mode & 07777;
}

static const char *content_of(const char *path)
{
	static char text[64];
	FILE *f = fopen(path, "r");

	cr_assert(f, "%s", path);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* The entries of the working directory: what is too many is a temporary file left behind. */
static size_t entries(void)
{
	size_t n = 0;
	DIR *d = opendir(".");

	cr_assert(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static enum err put(const char *path, const char *text, bool replace, struct why *why)
{
	return file_write(path, text, strlen(text), 0600, replace, why);
}

/* Runs a check as somebody without root's powers, or with a limit, in a process of its own. */
static int in_child(int (*check)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && setuid(SOMEBODY) != 0)
			_exit(99);
		_exit(check());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(protocol_dirs, paths)
{
	char out[64];
	struct why why;

	setenv("HOME", "/home/u", 1);
	unsetenv("XDG_CONFIG_HOME");
	setenv("XDG_DATA_HOME", "relative", 1);
	setenv("XDG_STATE_HOME", "", 1);
	cr_expect_eq(dir_path(out, sizeof(out), DIR_CONFIG, "lanyard.conf", &why), ERR_OK);
	cr_expect_str_eq(out, "/home/u/.config/lanyard/lanyard.conf");
	cr_expect_eq(dir_path(out, sizeof(out), DIR_DATA, NULL, &why), ERR_OK);
	cr_expect_str_eq(out, "/home/u/.local/share/lanyard");
	cr_expect_eq(dir_path(out, sizeof(out), DIR_STATE, "keys", &why), ERR_OK);
	cr_expect_str_eq(out, "/home/u/.local/state/lanyard/keys");
	setenv("XDG_STATE_HOME", "/s", 1);
	cr_expect_eq(dir_path(out, sizeof(out), DIR_STATE, "keys", &why), ERR_OK);
	cr_expect_str_eq(out, "/s/lanyard/keys");

	cr_expect_eq(dir_path(out, 15, DIR_STATE, "keys", &why), ERR_TOO_LARGE);
	cr_expect_str_eq(why.text,
			 "a path is 15 bytes long; at most 14 are allowed: it begins with /s");
	cr_expect_eq(dir_path(out, 16, DIR_STATE, "keys", &why), ERR_OK);
}

Test(protocol_dirs, home_of_the_password_database)
{
	char out[PATH_MAX], want[PATH_MAX];
	struct why why;
	const struct passwd *pw = getpwuid(geteuid());

	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	if (!pw) { /* as in a container with a number for a user */
		cr_expect_eq(dir_path(out, sizeof(out), DIR_CONFIG, NULL, &why), ERR_NOT_FOUND);
		return;
	}
	snprintf(want, sizeof(want), "%s/.config/lanyard", pw->pw_dir);
	cr_expect_eq(dir_path(out, sizeof(out), DIR_CONFIG, NULL, &why), ERR_OK);
	cr_expect_str_eq(out, want);
	setenv("HOME", "not/absolute", 1);
	cr_expect_eq(dir_path(out, sizeof(out), DIR_CONFIG, NULL, &why), ERR_OK);
	cr_expect_str_eq(out, want);
}

Test(protocol_dirs, make)
{
	char path[PATH_MAX];
	struct why why;

	umask(0);
	cr_assert_eq(mkdir("there", 0755), 0);
	snprintf(path, sizeof(path), "%s/there//a/b/", place);
	cr_expect_eq(dir_make(path, &why), ERR_OK);
	cr_expect_eq(mode_of("there"), 0755, "what is there already keeps its mode");
	cr_expect_eq(mode_of("there/a"), 0700);
	cr_expect_eq(mode_of("there/a/b"), 0700);
	cr_expect_eq(dir_make(path, &why), ERR_OK);
	cr_expect_eq(dir_make("relative/x", &why), ERR_OK);
	cr_expect_eq(mode_of("relative/x"), 0700);

	cr_assert_eq(put("file", "x", false, &why), ERR_OK);
	cr_expect_eq(dir_make("file", &why), ERR_EXISTS);
	cr_expect_eq(dir_make("file/below", &why), ERR_IO);
	cr_expect_eq(dir_make("", &why), ERR_NOT_FOUND);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	cr_expect_eq(dir_make(path, &why), ERR_TOO_LARGE);
	cr_expect_eq(dir_make("/proc/lanyard", &why), ERR_NOT_FOUND);
}

Test(protocol_dirs, private_directories)
{
	static const struct {
		mode_t mode;
		enum err e;
	} rows[] = {
		{0700, ERR_OK},         {0755, ERR_OK},          {0500, ERR_OK},
		{0770, ERR_PERMISSION}, {0720, ERR_PERMISSION},  {0702, ERR_PERMISSION},
		{0777, ERR_PERMISSION}, {01777, ERR_PERMISSION},
	};
	struct why why;

	cr_assert_eq(mkdir("d", 0700), 0);
	cr_assert_eq(symlink("d", "link"), 0);
	cr_assert_eq(symlink("nowhere", "dangling"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cr_assert_eq(chmod("d", rows[i].mode), 0);
		cr_expect_eq(dir_check_private("d", &why), rows[i].e, "%o", rows[i].mode);
		cr_expect_eq(dir_check_private("link", &why), rows[i].e, "%o", rows[i].mode);
	}
	cr_expect(strstr(why.text, "(mode 1777)"), "%s", why.text);
	cr_expect_eq(dir_check_private("none", &why), ERR_NOT_FOUND);
	cr_expect_eq(dir_check_private("dangling", &why), ERR_NOT_FOUND);
	cr_assert_eq(put("file", "", false, &why), ERR_OK);
	cr_expect_eq(dir_check_private("file", &why), ERR_PERMISSION);
	cr_expect_eq(dir_check_private("/usr", &why), ERR_OK, "root's: %s", why.text);
}

/* Directory and link of another user than root; the check runs as a third. */
Test(protocol_dirs, read_what_is_plain_small_and_trusted)
{
	static const struct {
		mode_t mode;
		enum file_trust trust;
		enum err e;
		const char *says;
	} rows[] = {
		{0666, FILE_ANY, ERR_OK, ""},
		{0644, FILE_OURS, ERR_OK, ""},
		{0664, FILE_OURS, ERR_PERMISSION, "written by others (mode 0664): chmod go-w"},
		{0646, FILE_OURS, ERR_PERMISSION, "written by others (mode 0646): chmod go-w"},
		{0600, FILE_SECRET, ERR_OK, ""},
		{0400, FILE_SECRET, ERR_OK, ""},
		{0640, FILE_SECRET, ERR_PERMISSION,
		 "read or written by others (mode 0640): chmod go-rwx"},
		{0604, FILE_SECRET, ERR_PERMISSION,
		 "read or written by others (mode 0604): chmod go-rwx"},
		{0610, FILE_SECRET, ERR_PERMISSION, "chmod go-rwx"},
	};
	struct why why = {0};
	struct stat st;
	uint8_t *p;
	size_t n;

	cr_assert_eq(put("f", "12345", false, &why), ERR_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		why = (struct why){0};
		cr_assert_eq(chmod("f", rows[i].mode), 0);
		enum err e = file_read("f", 5, rows[i].trust, &p, &n, &st, &why);
		cr_expect_eq(e, rows[i].e, "%zu: %s", i, why.text);
		cr_expect(strstr(why.text, rows[i].says) != NULL, "%zu: %s", i, why.text);
		cr_expect(e == ERR_OK ? n == 5 && memcmp(p, "12345", 6) == 0 : p == NULL, "%zu", i);
		cr_expect_eq(st.st_mode & 07777, rows[i].mode);
		free(p);
	}
	cr_expect_eq(file_read("f", 4, FILE_ANY, &p, &n, NULL, &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "f is longer than 4 bytes") != NULL, "%s", why.text);
	cr_assert_eq(truncate("f", 0), 0);
	cr_expect_eq(file_read("f", 0, FILE_ANY, &p, &n, NULL, &why), ERR_OK);
	cr_expect(n == 0 && p != NULL && *p == '\0');
	free(p);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	for (const char *const *path = (const char *const[]){"/dev/null", ".", "fifo", NULL}; *path;
	     path++)
		cr_expect_eq(file_read(*path, 5, FILE_ANY, &p, &n, NULL, &why), ERR_INVALID, "%s",
			     *path);
	cr_expect_eq(file_read("nowhere/x", 5, FILE_ANY, &p, &n, NULL, &why), ERR_NOT_FOUND);
	cr_expect_eq(file_read("f/x", 5, FILE_ANY, &p, &n, NULL, &why), ERR_NOT_FOUND);
}

static int reads_of_root(void)
{
	struct why why = {0};
	uint8_t *p;
	size_t n;
	enum err e = file_read("/etc/passwd", 1 << 20, FILE_OURS, &p, &n, NULL, &why);

	free(p);
	return e;
}

static int reads_of_a_third_user(void)
{
	struct why why = {0};
	uint8_t *p;
	size_t n;
	enum err e = file_read("f", 5, FILE_ANY, &p, &n, NULL, &why);

	free(p);
	if (e != ERR_OK || file_read("f", 5, FILE_OURS, &p, &n, NULL, &why) == ERR_OK)
		return -1;
	return strstr(why.text, "must be yours or root's") != NULL ? ERR_PERMISSION : -1;
}

/* Without root's powers nobody can give a file away, so that there may be none of a third user. */
Test(protocol_dirs, read_of_another_user)
{
	struct why why = {0};

	cr_expect_eq(in_child(reads_of_root), ERR_OK);
	if (geteuid() == 0) {
		cr_assert_eq(put("f", "12345", false, &why), ERR_OK);
		cr_assert_eq(chmod("f", 0644), 0);
		cr_assert_eq(chmod(".", 0755), 0);
		cr_assert_eq(chown("f", SOMEBODY - 1, SOMEBODY - 1), 0);
		cr_expect_eq(in_child(reads_of_a_third_user), ERR_PERMISSION);
	}
}

Test(protocol_dirs, write_and_replace)
{
	struct why why;
	char path[PATH_MAX];

	umask(0777);
	cr_expect_eq(file_write("f", "one", 3, 0640, false, &why), ERR_OK, "%s", why.text);
	umask(022);
	cr_expect_eq(mode_of("f"), 0640, "whatever the umask");
	cr_expect_str_eq(content_of("f"), "one");
	cr_expect_eq(put("f", "two", false, &why), ERR_EXISTS);
	cr_expect_str_eq(content_of("f"), "one");
	cr_expect_eq(put("f", "two", true, &why), ERR_OK);
	cr_expect_str_eq(content_of("f"), "two");
	cr_expect_eq(mode_of("f"), 0600);
	snprintf(path, sizeof(path), "%s/f", place);
	cr_expect_eq(put(path, "three", true, &why), ERR_OK);
	cr_expect_str_eq(content_of("f"), "three");
	cr_expect_eq(put("g", "", true, &why), ERR_OK);
	cr_expect_str_eq(content_of("g"), "");
	cr_expect_eq(entries(), 2);
}

Test(protocol_dirs, a_symbolic_link_stays)
{
	struct why why;

	cr_assert_eq(mkdir("dotfiles", 0700), 0);
	cr_assert_eq(put("dotfiles/conf", "one", false, &why), ERR_OK);
	cr_assert_eq(symlink("dotfiles/conf", "conf"), 0);
	cr_expect_eq(put("conf", "two", true, &why), ERR_OK, "%s", why.text);
	cr_expect_str_eq(content_of("dotfiles/conf"), "two");
	cr_expect_eq(mode_of("conf"), 0777, "still a link");
	cr_expect_eq(put("conf", "three", false, &why), ERR_EXISTS);
	cr_expect_str_eq(content_of("dotfiles/conf"), "two");

	cr_assert_eq(symlink("nowhere", "dangling"), 0);
	cr_expect_eq(put("dangling", "x", true, &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "symbolic link dangling"), "%s", why.text);
	cr_expect_eq(put("dangling", "x", false, &why), ERR_EXISTS);
	cr_expect_eq(access("nowhere", F_OK), -1);
	cr_expect_eq(entries(), 3);
}

Test(protocol_dirs, places_that_cannot_be_written)
{
	struct why why;
	char name[NAME_MAX + 2], path[PATH_MAX + 1];

	cr_expect_eq(put("none/f", "x", true, &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "none"), "%s", why.text);
	cr_assert_eq(mkdir("d", 0700), 0);
	cr_expect_eq(put("d", "x", true, &why), ERR_IO);
	cr_expect_eq(put("d", "x", false, &why), ERR_EXISTS);
	cr_expect_eq(put("d/", "x", true, &why), ERR_IO);
	memset(name, 'x', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	cr_expect_eq(put(name, "x", true, &why), ERR_TOO_LARGE);
	memset(path, 'x', sizeof(path));
	path[PATH_MAX] = '\0';
	cr_expect_eq(put(path, "x", true, &why), ERR_TOO_LARGE);
	cr_expect_eq(entries(), 1);
}

static int check_read_only(void)
{
	struct why why;

	if (put("closed/f", "new", true, &why) != ERR_PERMISSION)
		return 1;
	if (!strstr(why.text, "closed/f") || !strstr(why.text, "owner and mode"))
		return 2;
	return dir_make("closed/d", &why) == ERR_PERMISSION ? 0 : 3;
}

Test(protocol_dirs, a_read_only_directory)
{
	struct why why;

	cr_assert_eq(chmod(".", 0755), 0);
	cr_assert_eq(mkdir("closed", 0700), 0);
	cr_assert_eq(put("closed/f", "old", false, &why), ERR_OK);
	cr_assert_eq(chmod("closed", 0555), 0);
	cr_expect_eq(in_child(check_read_only), 0);
	cr_expect_str_eq(content_of("closed/f"), "old");
	cr_assert_eq(chmod("closed", 0700), 0);
	cr_assert_eq(chdir("closed"), 0);
	cr_expect_eq(entries(), 1);
}

/* A write that fails half way, as on a full disk. */
static int check_full(void)
{
	static char big[8192];
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
	struct why why;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	if (file_write("f", big, sizeof(big), 0600, true, &why) != ERR_IO)
		return 2;
	if (file_write("g", big, sizeof(big), 0600, false, &why) != ERR_IO)
		return 3;
	return strstr(why.text, "cannot write g: ") ? 0 : 4;
}

Test(protocol_dirs, the_old_file_survives_a_full_disk)
{
	struct why why;

	cr_assert_eq(chmod(".", 0777), 0);
	cr_assert_eq(put("f", "old", false, &why), ERR_OK);
	cr_expect_eq(in_child(check_full), 0);
	cr_expect_str_eq(content_of("f"), "old");
	cr_expect_eq(entries(), 1, "no temporary file is left");
}
