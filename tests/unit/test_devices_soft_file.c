/* SPDX-License-Identifier: MIT */
/* devices/soft/file.c: the format, its limits, damage, permissions, a full disk. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "derive/secret.h"
#include "devices/soft/file.h"
#include "protocol/buf.h"

/* The least that the format allows, so that the tests are quick. */
static const struct soft_cost cheap = {.ops = SOFT_OPS_MIN, .mem = SOFT_MEM_MIN};
static const char pass[] = "correct horse";

static char dir[] = "/tmp/lanyard-soft-XXXXXX";
static char path[64];
static struct soft_seed seed;
static struct why why;

static void setup(void)
{
	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/default", dir);
	seed.n = SEED_MAX;
	for (size_t i = 0; i < seed.n; i++)
		seed.p[i] = (uint8_t)(i + 1);
}

static size_t files(const char *pattern)
{
	char command[128], text[32] = "";
	snprintf(command, sizeof(command), "ls -A %s | grep -c '%s'", dir, pattern);
	FILE *f = popen(command, "r");
	cr_assert_not_null(fgets(text, sizeof(text), f));
	pclose(f);
	return strtoul(text, NULL, 10);
}

static void teardown(void)
{
	char command[64];
	cr_assert_eq(files("^\\."), 0, "a temporary file stayed");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(devices_soft_file, .init = setup, .fini = teardown, .timeout = 60);

static void create(bool encrypted)
{
	enum err e = encrypted ? soft_file_create(path, &seed, pass, strlen(pass), &cheap, &why)
			       : soft_file_create(path, &seed, NULL, 0, NULL, &why);
	cr_assert_eq(e, ERR_OK, "%s", why.text);
}

static size_t slurp(uint8_t bytes[static SOFT_FILE_MAX])
{
	FILE *f = fopen(path, "rb");
	cr_assert_not_null(f);
	size_t n = fread(bytes, 1, SOFT_FILE_MAX, f);
	fclose(f);
	return n;
}

static void spit(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static enum err parse(const uint8_t *p, size_t n)
{
	static struct soft_file f;
	/* A copy of its own, so that ASan sees a byte read too many. */
	uint8_t *exact = malloc(n ? n : 1);
	memcpy(exact, p, n);
	why.text[0] = '\0';
	enum err e = soft_file_parse(&f, exact, n, &why);
	free(exact);
	return e;
}

static enum err reopen(const char *with)
{
	struct soft_file f;
	struct soft_seed got = {0};
	enum err e = soft_file_read(&f, path, &why);
	if (!e)
		e = soft_file_open(&f, with, strlen(with), &got, &why);
	if (!e)
		cr_assert(got.n == seed.n && !memcmp(got.p, seed.p, sizeof(seed.p)));
	return e;
}

Test(devices_soft_file, round_trip)
{
	struct soft_file f;
	struct stat st;
	uint8_t bytes[SOFT_FILE_MAX];

	for (seed.n = SEED_MIN; seed.n <= SEED_MAX; seed.n += 16) {
		memset(seed.p + seed.n, 0, SEED_MAX - seed.n);
		create(true);
		cr_assert_eq(slurp(bytes), SOFT_FILE_LEN, "size tells the seed's length");
		cr_assert_eq(reopen(pass), ERR_OK, "%s", why.text);
		cr_assert_eq(reopen("wrong horse"), ERR_BAD_PASSPHRASE);
		cr_assert_eq(reopen(""), ERR_BAD_PASSPHRASE);
		cr_assert_eq(unlink(path), 0);
		memset(seed.p, 0xa5, SEED_MAX);
	}
	seed.n = SEED_MAX;
	const time_t before = time(NULL);
	create(true);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(soft_file_read(&f, path, &why), ERR_OK);
	cr_assert_eq(f.kdf, SOFT_KDF_ARGON2ID13);
	cr_assert_eq(f.cost.mem, SOFT_MEM_MIN);
	cr_assert_eq(strlen(f.serial), SOFT_SERIAL_HEX);
	cr_assert_geq((time_t)f.created, before);
	cr_assert_leq((time_t)f.created, time(NULL));
}

Test(devices_soft_file, unencrypted_round_trip)
{
	struct soft_file f;
	char text[SOFT_TEXT_MAX];
	create(false);
	cr_assert_eq(reopen("whatever"), ERR_OK);
	cr_assert_eq(soft_file_read(&f, path, &why), ERR_OK);
	soft_file_kdf_text(&f, text);
	cr_assert_str_eq(text, "none");
}

/* Made from doc/soft.md by another program (libsodium called from a script): a file of today must
 * open for ever. A line each: magic; version to memory; salt; serial; time; nonce; body. */
static const char fixed_encrypted[] =
	"6c616e7961726420736f6674206b6579"
	"000000010000000100000000000000010000000000800000"
	"000102030405060708090a0b0c0d0e0f"
	"1011121314151617"
	"000000006553f100"
	"18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
	"e7349bd57b104e830d2724e236c595723b959edd97941f38812bd83197391ca5"
	"ecc18699db63087efcc2426f20222358151bb59ca792bc6fb2f12ffac811f16ee6"
	"04b26c9eca21f55b5392627c8a111190";
static const char fixed_plain[] =
	"6c616e7961726420736f6674206b6579"
	"000000010000000000000000000000000000000000000000"
	"00000000000000000000000000000000"
	"1011121314151617"
	"000000006553f100"
	"000000000000000000000000000000000000000000000000"
	"100102030405060708090a0b0c0d0e0f10000000000000000000000000000000"
	"000000000000000000000000000000000000000000000000000000000000000000"
	"6fd1b8ccf50c8a2f8c7f2c2c74b63f44";

static void opens_fixed(const char *hex, size_t seed_len)
{
	uint8_t bytes[SOFT_FILE_LEN];
	struct soft_file f;
	struct soft_seed got;
	size_t n;
	cr_assert_eq(hex_decode(bytes, sizeof(bytes), &n, hex, strlen(hex)), ERR_OK);
	cr_assert_eq(soft_file_parse(&f, bytes, n, &why), ERR_OK, "%s", why.text);
	cr_assert_str_eq(f.serial, "1011121314151617");
	cr_assert_eq(f.created, 1700000000);
	cr_assert_eq(soft_file_open(&f, pass, strlen(pass), &got, &why), ERR_OK, "%s", why.text);
	cr_assert_eq(got.n, seed_len);
	cr_assert_eq(memcmp(got.p, seed.p, seed_len), 0);
}

Test(devices_soft_file, fixed_files_open)
{
	char text[SOFT_TEXT_MAX];
	opens_fixed(fixed_encrypted, 64);
	opens_fixed(fixed_plain, 16);
	struct soft_file f = {.kdf = SOFT_KDF_ARGON2ID13, .cost = cheap, .created = 1700000000};
	soft_file_created_text(&f, text);
	cr_assert_str_eq(text, "2023-11-14 22:13:20 UTC");
	soft_file_kdf_text(&f, text);
	cr_assert_str_eq(text, "Argon2id, 1 pass, 8 MiB");
	f.created = UINT64_MAX;
	soft_file_created_text(&f, text);
	cr_assert_str_eq(text, "unknown");
}

Test(devices_soft_file, seeds_out_of_range_and_empty_passphrases_are_refused)
{
	seed.n = SEED_MIN - 1;
	cr_assert_eq(soft_file_create(path, &seed, NULL, 0, NULL, &why), ERR_INTERNAL);
	seed.n = SEED_MAX + 1;
	cr_assert_eq(soft_file_create(path, &seed, NULL, 0, NULL, &why), ERR_INTERNAL);
	seed.n = SEED_MAX;
	cr_assert_eq(soft_file_create(path, &seed, NULL, 0, &cheap, &why), ERR_INVALID);
	cr_assert_eq(soft_file_create(path, &seed, "", 0, &cheap, &why), ERR_INVALID);
	cr_assert_eq(files("default"), 0);
}

/* The checks after decryption, which damage alone does not reach. */
Test(devices_soft_file, malformed_seeds_are_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {{0, SEED_MIN - 1}, {0, SEED_MAX + 1}, {0, 0}, {0, 255}, {SEED_MAX, 1}, {33, 1}};
	uint8_t bytes[SOFT_FILE_MAX], sum[32];
	seed.n = 32;
	memset(seed.p + seed.n, 0, SEED_MAX - seed.n);
	create(false);
	slurp(bytes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t was = bytes[SOFT_HEADER_LEN + rows[i].at];
		bytes[SOFT_HEADER_LEN + rows[i].at] = rows[i].value;
		hash_sha256(sum, bytes, SOFT_FILE_LEN - 16);
		memcpy(bytes + SOFT_FILE_LEN - 16, sum, 16);
		spit(bytes, SOFT_FILE_LEN);
		cr_assert_eq(reopen(""), ERR_CORRUPT, "row %zu", i);
		cr_assert_not_null(strstr(why.text, "malformed"));
		bytes[SOFT_HEADER_LEN + rows[i].at] = was;
	}
}

Test(devices_soft_file, an_existing_file_is_never_overwritten)
{
	uint8_t before[SOFT_FILE_MAX], after[SOFT_FILE_MAX];
	create(true);
	slurp(before);
	cr_assert_eq(soft_file_create(path, &seed, pass, 3, &cheap, &why), ERR_EXISTS);
	cr_assert_eq(slurp(after), SOFT_FILE_LEN);
	cr_assert_eq(memcmp(before, after, SOFT_FILE_LEN), 0);
}

Test(devices_soft_file, cut_at_every_length_and_trailing_bytes)
{
	uint8_t bytes[SOFT_FILE_MAX] = {0};
	create(true);
	size_t len = slurp(bytes);
	cr_assert_eq(parse(bytes, len), ERR_OK);
	for (size_t n = 0; n < len; n++)
		cr_assert_eq(parse(bytes, n), ERR_CORRUPT, "cut at %zu", n);
	cr_assert_eq(parse(bytes, len + 1), ERR_CORRUPT);
	cr_assert_eq(parse(bytes, SOFT_FILE_MAX), ERR_CORRUPT);
	spit(bytes, SOFT_FILE_MAX);
	cr_assert_eq(reopen(pass), ERR_CORRUPT);
	cr_assert_eq(truncate(path, SOFT_FILE_MAX + 1), 0);
	cr_assert_eq(reopen(pass), ERR_CORRUPT);
}

/* Flips one bit of each byte in turn: never a seed, and never another error than these. */
static void flip_all(void)
{
	uint8_t bytes[SOFT_FILE_MAX];
	size_t len = slurp(bytes);
	for (size_t i = 0; i < len; i++) {
		/* Of the passes: a bit that keeps it quick. */
		uint8_t bit = i >= 24 && i < 32 ? 2 : (uint8_t)(1 << i % 8);
		bytes[i] ^= bit;
		spit(bytes, len);
		enum err e = reopen(pass);
		cr_assert(e == ERR_CORRUPT || e == ERR_BAD_PASSPHRASE ||
				  (e == ERR_VERSION && i >= 16 && i < 20),
			  "byte %zu: %s", i, err_word(e));
		bytes[i] ^= bit;
	}
	spit(bytes, len);
	cr_assert_eq(reopen(pass), ERR_OK);
}

Test(devices_soft_file, each_byte_flipped)
{
	create(true);
	flip_all();
}

Test(devices_soft_file, each_byte_flipped_unencrypted)
{
	create(false);
	flip_all();
}

Test(devices_soft_file, version_kdf_and_cost_limits)
{
	static const struct {
		uint32_t version, kdf;
		uint64_t ops, mem;
		enum err want;
	} rows[] = {
		{1, 1, 1, 8 << 20, ERR_OK},
		{1, 1, 16, 1 << 30, ERR_OK},
		{1, 1, 0, 8 << 20, ERR_CORRUPT},
		{1, 1, 17, 8 << 20, ERR_CORRUPT},
		{1, 1, UINT64_MAX, 8 << 20, ERR_CORRUPT},
		{1, 1, 3, (8 << 20) - 1, ERR_CORRUPT},
		{1, 1, 3, (1 << 30) + 1, ERR_CORRUPT},
		{1, 1, 3, UINT64_MAX, ERR_CORRUPT},
		{1, 0, 3, 8 << 20, ERR_CORRUPT},
		{1, 0, 0, 0, ERR_CORRUPT}, /* with a salt */
		{1, 2, 3, 8 << 20, ERR_CORRUPT},
		{0, 1, 3, 8 << 20, ERR_CORRUPT},
		{2, 1, 3, 8 << 20, ERR_VERSION},
		{UINT32_MAX, 9, 0, 0, ERR_VERSION},
	};
	uint8_t bytes[SOFT_FILE_MAX];
	create(true);
	slurp(bytes);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wbuf w = wbuf_new(bytes + 16, 24);
		wbuf_u32(&w, rows[i].version);
		wbuf_u32(&w, rows[i].kdf);
		wbuf_u64(&w, rows[i].ops);
		wbuf_u64(&w, rows[i].mem);
		cr_assert_eq(parse(bytes, SOFT_FILE_LEN), rows[i].want, "row %zu", i);
		cr_assert_eq(!rows[i].want, !why.text[0], "row %zu", i);
	}
	/* A newer version is told from a damaged file whatever its length. */
	cr_assert_eq(parse(bytes, 20), ERR_VERSION);
	cr_assert_eq(parse(bytes, SOFT_FILE_LEN + 100), ERR_VERSION);
}

Test(devices_soft_file, files_of_others_are_refused)
{
	char target[80], command[128];
	create(true);
	for (mode_t bit = 01; bit <= 040; bit <<= 1) {
		cr_assert_eq(chmod(path, 0600 | bit), 0);
		cr_assert_eq(reopen(pass), ERR_PERMISSION);
		snprintf(command, sizeof(command), "chmod 600 '%s'", path);
		cr_assert_not_null(strstr(why.text, command), "%s", why.text);
	}
	cr_assert_eq(chmod(path, 0400), 0);
	cr_assert_eq(reopen(pass), ERR_OK);
	if (geteuid() == 0) {
		cr_assert_eq(chown(path, 12345, 12345), 0);
		cr_assert_eq(reopen(pass), ERR_PERMISSION);
		cr_assert_eq(chown(path, 0, 0), 0);
	}
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(reopen(pass), ERR_NOT_FOUND);
	cr_assert_eq(symlink(target, path), 0);
	cr_assert_eq(reopen(pass), ERR_PERMISSION);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(reopen(pass), ERR_PERMISSION);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(reopen(pass), ERR_PERMISSION);
}

static enum err change(const char *new)
{
	struct soft_file f;
	cr_assert_eq(soft_file_read(&f, path, &why), ERR_OK);
	return soft_file_change(path, &f, &seed, new, strlen(new), &why);
}

Test(devices_soft_file, change_keeps_seed_serial_and_time)
{
	struct soft_file before, after;
	for (int encrypted = 0; encrypted < 2; encrypted++) {
		create(encrypted);
		cr_assert_eq(soft_file_read(&before, path, &why), ERR_OK);
		cr_assert_eq(change("next"), ERR_OK, "%s", why.text);
		cr_assert_eq(reopen("next"), ERR_OK);
		cr_assert_eq(reopen(pass), ERR_BAD_PASSPHRASE);
		cr_assert_eq(soft_file_read(&after, path, &why), ERR_OK);
		cr_assert_str_eq(after.serial, before.serial);
		cr_assert_eq(after.created, before.created);
		cr_assert_eq(after.cost.mem, soft_cost_default().mem);
		cr_assert_neq(memcmp(after.raw + 40, before.raw + 40, 16), 0, "the salt is new");
		cr_assert_eq(unlink(path), 0);
	}
}

Test(devices_soft_file, old_file_survives_errors)
{
	const struct rlimit tiny = {100, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
	uint8_t before[SOFT_FILE_MAX], after[SOFT_FILE_MAX];
	create(true);
	slurp(before);
	cr_assert_eq(change(""), ERR_INVALID);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tiny), 0); /* as good as a full disk */
	enum err e = change("next");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	cr_assert_eq(e, ERR_IO, "%s", err_word(e));
	cr_assert_eq(slurp(after), SOFT_FILE_LEN);
	cr_assert_eq(memcmp(before, after, SOFT_FILE_LEN), 0);
	cr_assert_eq(reopen(pass), ERR_OK);
}

Test(devices_soft_file, names)
{
	static const char *const good[] = {"default", "a", "A.b_c-9", "0"};
	static const char *const bad[] = {"", ".x", "-x", "a/b", "a b", "\xc3\xa4", "..", "a\n"};
	char name[SOFT_NAME_MAX + 2] = {0};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert_eq(soft_name_check(good[i], &why), ERR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(soft_name_check(bad[i], &why), ERR_INVALID, "%zu", i);
	memset(name, 'x', SOFT_NAME_MAX);
	cr_assert_eq(soft_name_check(name, &why), ERR_OK);
	name[SOFT_NAME_MAX] = 'x';
	cr_assert_eq(soft_name_check(name, &why), ERR_INVALID);
}
