/* SPDX-License-Identifier: MIT */
/*
 * devices/soft/file.h, with a quick function in Argon2id's place and without waiting for the disk
 * (fuzz.mk: --wrap).
 *
 * An input is a byte of choices and a file. Since nobody guesses a tag, a choice makes the tag
 * right.
 */
#include "fuzz.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "derive/secret.h"
#include "devices/soft/file.h"

enum { SEAL = 1, AS_FILE = 2, SHARED = 4, TOO_LONG = 8, LINK = 16, NO_MEMORY = 32 };
enum { SALT_AT = 40, NONCE_AT = 72, PLAIN_LEN = 1 + SEED_MAX };

static const char passphrase[] = "correct horse";
static char dir[] = "/tmp/lanyard-fuzz-XXXXXX";
static char path[64], other[64];
static bool no_memory;

int __wrap_fsync(int fd);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long n, const char *pass,
			 unsigned long long pass_len, const unsigned char *salt,
			 unsigned long long ops, size_t mem, int alg);

int __wrap_fsync(int fd)
{
	return fd >= 0 ? 0 : -1;
}

int __wrap_crypto_pwhash(unsigned char *out, unsigned long long n, const char *pass,
			 unsigned long long pass_len, const unsigned char *salt,
			 unsigned long long ops, size_t mem, int alg)
{
	CHECK(alg == crypto_pwhash_ALG_ARGON2ID13 && n == 32);
	CHECK(ops >= SOFT_OPS_MIN && ops <= SOFT_OPS_MAX);
	CHECK(mem >= SOFT_MEM_MIN && mem <= SOFT_MEM_MAX);
	return no_memory ? -1
			 : crypto_generichash(out, n, (const unsigned char *)pass, pass_len, salt,
					      16);
}

static void clean_up(void)
{
	unlink(path);
	unlink(other);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(secret_start(NULL) == ERR_OK && mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return atexit(clean_up);
}

/* Makes the tag of a file that is right otherwise. */
static void seal(uint8_t *raw, enum soft_kdf kdf)
{
	uint8_t sum[32], key[32], plain[PLAIN_LEN];

	memcpy(plain, raw + SOFT_HEADER_LEN, PLAIN_LEN);
	if (kdf == SOFT_KDF_NONE) {
		hash_sha256(sum, raw, SOFT_HEADER_LEN + PLAIN_LEN);
		memcpy(raw + SOFT_HEADER_LEN + PLAIN_LEN, sum, 16);
		return;
	}
	crypto_generichash(key, sizeof(key), (const uint8_t *)passphrase, strlen(passphrase),
			   raw + SALT_AT, 16);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + SOFT_HEADER_LEN, NULL, plain, PLAIN_LEN,
						   raw, SOFT_HEADER_LEN, NULL, raw + NONCE_AT, key);
}

static void check_header(const struct soft_file *f, const uint8_t *p, size_t n)
{
	char text[SOFT_TEXT_MAX], hex[SOFT_SERIAL_HEX + 1];
	struct rbuf r = rbuf_new(p, n);

	CHECK(n == SOFT_FILE_LEN && memcmp(f->raw, p, n) == 0);
	CHECK(memcmp(rbuf_bytes(&r, 16).p, "lanyard soft key", 16) == 0);
	CHECK(rbuf_u32(&r) == SOFT_VERSION && f->version == SOFT_VERSION);
	CHECK(rbuf_u32(&r) == f->kdf && f->kdf <= SOFT_KDF_ARGON2ID13);
	CHECK(rbuf_u64(&r) == f->cost.ops && rbuf_u64(&r) == f->cost.mem);
	if (f->kdf == SOFT_KDF_NONE) {
		CHECK(f->cost.ops == 0 && f->cost.mem == 0);
	} else {
		CHECK(f->cost.ops >= SOFT_OPS_MIN && f->cost.ops <= SOFT_OPS_MAX);
		CHECK(f->cost.mem >= SOFT_MEM_MIN && f->cost.mem <= SOFT_MEM_MAX);
	}
	rbuf_bytes(&r, 16);
	hex_encode(hex, rbuf_bytes(&r, 8).p, 8);
	CHECK(strcmp(hex, f->serial) == 0 && rbuf_u64(&r) == f->created);
	soft_file_kdf_text(f, text);
	fuzz_check_shown(text);
	soft_file_created_text(f, text);
	fuzz_check_shown(text);
}

static void write_file(const char *name, const void *p, size_t n, mode_t mode)
{
	FILE *out;

	unlink(name);
	out = fopen(name, "wb");
	CHECK(out != NULL && fwrite(p, 1, n, out) == n && fclose(out) == 0);
	CHECK(chmod(name, mode) == 0);
}

/* A file is what its bytes are. */
static void check_read(const uint8_t *p, size_t n, unsigned how, enum err parsed)
{
	struct soft_file f;
	struct why why = {0};
	enum err e;

	write_file(path, p, n, how & SHARED ? 0640 : 0600);
	if (how & TOO_LONG)
		CHECK(truncate(path, SOFT_FILE_MAX + 1) == 0);
	unlink(other);
	CHECK(symlink(path, other) == 0);
	e = soft_file_read(&f, how & LINK ? other : path, &why);
	unlink(other);
	fuzz_check_why(e, &why);
	if (how & (LINK | SHARED))
		CHECK(e == ERR_PERMISSION);
	else if (how & TOO_LONG)
		CHECK(e == ERR_CORRUPT);
	else
		CHECK(e == parsed);
	CHECK(soft_file_read(&f, dir, &why) == ERR_PERMISSION);
	CHECK(soft_file_read(&f, other, &why) == ERR_NOT_FOUND);
}

static void check_same_seed(const struct soft_file *f, const struct soft_seed *seed)
{
	struct soft_seed again = {.n = 0};

	CHECK(soft_file_open(f, passphrase, strlen(passphrase), &again, NULL) == ERR_OK);
	CHECK(again.n == seed->n && memcmp(again.p, seed->p, SEED_MAX) == 0);
	if (f->kdf != SOFT_KDF_NONE)
		CHECK(soft_file_open(f, passphrase, 3, &again, NULL) == ERR_BAD_PASSPHRASE);
}

/* A seed that came out goes into a new file and comes out of it. */
static void check_seed(const struct soft_file *f, const struct soft_seed *seed)
{
	struct soft_cost cost = {.ops = SOFT_OPS_MIN, .mem = SOFT_MEM_MIN};
	size_t n = strlen(passphrase);
	struct soft_seed nothing = {.n = 0};
	struct soft_file again;

	unlink(path);
	CHECK(seed->n >= SEED_MIN && seed->n <= SEED_MAX);
	check_same_seed(f, seed);
	unlink(other);
	CHECK(soft_file_create(other, seed, passphrase, n, f->kdf == SOFT_KDF_NONE ? NULL : &cost,
			       NULL) == ERR_OK);
	CHECK(soft_file_create(other, seed, passphrase, n, NULL, NULL) == ERR_EXISTS);
	CHECK(soft_file_create(other, seed, "", 0, &cost, NULL) == ERR_INVALID);
	no_memory = true;
	CHECK(soft_file_create(path, seed, passphrase, n, &cost, NULL) == ERR_NO_MEMORY);
	CHECK(access(path, F_OK) != 0);
	no_memory = false;
	CHECK(soft_file_create(path, &nothing, passphrase, n, &cost, NULL) == ERR_INTERNAL);
	cost.ops = SOFT_OPS_MAX + 1;
	CHECK(soft_file_create(other, seed, passphrase, n, &cost, NULL) == ERR_CORRUPT);
	CHECK(soft_file_read(&again, other, NULL) == ERR_OK && again.kdf == f->kdf);
	check_same_seed(&again, seed);
	CHECK(soft_file_change(other, f, seed, passphrase, n, NULL) == ERR_OK);
	CHECK(soft_file_read(&again, other, NULL) == ERR_OK);
	CHECK(again.kdf == SOFT_KDF_ARGON2ID13 && again.created == f->created);
	CHECK(strcmp(again.serial, f->serial) == 0);
	check_same_seed(&again, seed);
	unlink(other);
}

static void check_name(const uint8_t *data, size_t size)
{
	char *name = fuzz_text(data, size);
	struct why why = {0};
	enum err e = soft_name_check(name, &why);

	fuzz_check_why(e, &why);
	if (e == ERR_OK) {
		CHECK(strlen(name) >= 1 && strlen(name) <= SOFT_NAME_MAX);
		CHECK(text_is_ascii_printable(name, strlen(name)) && strpbrk(name, "/ %") == NULL);
		CHECK(*name != '.' && *name != '-');
	}
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	unsigned how = rbuf_u8(&r);
	size_t n = r.n;
	uint8_t *raw = fuzz_copy(r.p, n);
	struct soft_seed seed = {.n = 0};
	struct soft_file f;
	struct why why = {0};
	enum err e = soft_file_parse(&f, raw, n, &why);

	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_CORRUPT || e == ERR_VERSION);
	check_name(data, size);
	if (how & AS_FILE)
		check_read(raw, n, how, e);
	if (e == ERR_OK && how & SEAL) {
		seal(raw, f.kdf);
		CHECK(soft_file_parse(&f, raw, n, NULL) == ERR_OK);
	}
	if (e == ERR_OK) {
		check_header(&f, raw, n);
		no_memory = how & NO_MEMORY;
		e = soft_file_open(&f, passphrase, strlen(passphrase), &seed, &why);
		no_memory = false;
		fuzz_check_why(e, &why);
		CHECK(e == ERR_OK || (e == ERR_NO_MEMORY && how & NO_MEMORY) ||
		      e == (how & SEAL || f.kdf == SOFT_KDF_NONE ? ERR_CORRUPT
								 : ERR_BAD_PASSPHRASE));
		if (e == ERR_OK)
			check_seed(&f, &seed);
	}
	free(raw);
	return 0;
}
