/* SPDX-License-Identifier: MIT */
#include "devices/soft/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "derive/encode.h"
#include "derive/hostkey.h"
#include "derive/secret.h"
#include "protocol/buf.h"
#include "protocol/dirs.h"

static const char magic[] = "lanyard soft key"; /* 16 bytes in the file */

enum { MAGIC_LEN = 16, SALT_LEN = 16, SERIAL_LEN = 8, NONCE_LEN = 24, KEY_LEN = 32, TAG_LEN = 16 };
enum { PLAIN_LEN = 1 + SEED_MAX };
enum { SALT_AT = 40, SERIAL_AT = 56, NONCE_AT = 72 };

_Static_assert((int)SALT_LEN == (int)SOFT_SALT_LEN, "the same");
_Static_assert(SALT_LEN == crypto_pwhash_SALTBYTES, "doc/soft.md");
_Static_assert(NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "doc/soft.md");
_Static_assert(KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "doc/soft.md");
_Static_assert(TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "doc/soft.md");
_Static_assert(NONCE_AT + NONCE_LEN == SOFT_HEADER_LEN, "doc/soft.md");
_Static_assert(PLAIN_LEN + TAG_LEN == SOFT_BODY_LEN, "doc/soft.md");

/* Wiped and freed as one. */
struct work {
	struct soft_file file;
	struct soft_seed seed;
	uint8_t key[KEY_LEN];
	uint8_t plain[PLAIN_LEN];
};

struct soft_cost soft_cost_default(void)
{
	return (struct soft_cost){
		.ops = crypto_pwhash_OPSLIMIT_MODERATE,
		.mem = crypto_pwhash_MEMLIMIT_MODERATE,
	};
}

enum err soft_name_check(const char *name, struct why *why)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t n = strlen(name);
	if (!n || n > SOFT_NAME_MAX || strspn(name, allowed) != n || *name == '.' || *name == '-')
		return why_set(
			why, ERR_INVALID,
			"\"%s\" cannot name a software device: 1 to %d of A-Z a-z 0-9 . _ -, "
			"not first . or -",
			name, SOFT_NAME_MAX);
	return ERR_OK;
}

static enum err cost_check(enum soft_kdf kdf, const struct soft_cost *cost, struct why *why)
{
	if (kdf == SOFT_KDF_NONE)
		return cost->ops || cost->mem
			       ? why_set(why, ERR_CORRUPT, "the file has a cost but no passphrase")
			       : ERR_OK;
	if (cost->ops < SOFT_OPS_MIN || cost->ops > SOFT_OPS_MAX)
		return why_set(why, ERR_CORRUPT,
			       "the file asks for %" PRIu64
			       " passes of Argon2id; allowed: %d to %d",
			       cost->ops, SOFT_OPS_MIN, SOFT_OPS_MAX);
	if (cost->mem < SOFT_MEM_MIN || cost->mem > SOFT_MEM_MAX)
		return why_set(why, ERR_CORRUPT,
			       "the file asks for %" PRIu64
			       " bytes of memory; allowed: %d to %d MiB",
			       cost->mem, SOFT_MEM_MIN >> 20, SOFT_MEM_MAX >> 20);
	return ERR_OK;
}

enum err soft_file_parse(struct soft_file *f, const void *p, size_t n, struct why *why)
{
	static const uint8_t zero[NONCE_LEN];
	struct rbuf r = rbuf_new(p, n);

	struct slice word = rbuf_bytes(&r, MAGIC_LEN);
	f->version = rbuf_u32(&r);
	f->stretcher = NULL;
	if (r.bad || memcmp(word.p, magic, MAGIC_LEN) || !f->version)
		return why_set(why, ERR_CORRUPT, "not a software device's file");
	if (f->version > SOFT_VERSION)
		return why_set(why, ERR_VERSION,
			       "version %" PRIu32
			       " of the file format; this lanyard reads up to %d: "
			       "update lanyard",
			       f->version, SOFT_VERSION);
	uint32_t kdf = rbuf_u32(&r);
	f->cost.ops = rbuf_u64(&r);
	f->cost.mem = rbuf_u64(&r);
	struct slice salt = rbuf_bytes(&r, SALT_LEN);
	struct slice serial = rbuf_bytes(&r, SERIAL_LEN);
	f->created = rbuf_u64(&r);
	struct slice nonce = rbuf_bytes(&r, NONCE_LEN);
	rbuf_bytes(&r, SOFT_BODY_LEN);
	if (!rbuf_end(&r))
		return why_set(why, ERR_CORRUPT, "the file has %zu bytes, not %d", n,
			       SOFT_FILE_LEN);
	if (kdf != SOFT_KDF_NONE && kdf != SOFT_KDF_ARGON2ID13)
		return why_set(why, ERR_CORRUPT, "the file has an unknown key derivation");
	f->kdf = (enum soft_kdf)kdf;
	enum err e = cost_check(f->kdf, &f->cost, why);
	if (e)
		return e;
	if (f->kdf == SOFT_KDF_NONE &&
	    (memcmp(salt.p, zero, SALT_LEN) || memcmp(nonce.p, zero, NONCE_LEN)))
		return why_set(why, ERR_CORRUPT, "the file has a salt but no passphrase");
	hex_encode(f->serial, serial.p, SERIAL_LEN);
	memcpy(f->raw, p, SOFT_FILE_LEN);
	return ERR_OK;
}

static enum err fd_check(int fd, const char *path, struct why *why)
{
	struct stat st;

	if (fstat(fd, &st))
		return why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_set(why, ERR_PERMISSION, "%s is not a regular file", path);
	if (st.st_uid != geteuid())
		return why_set(why, ERR_PERMISSION, "%s belongs to uid %lu, not to uid %lu", path,
			       (unsigned long)st.st_uid, (unsigned long)geteuid());
	if (st.st_mode & 077)
		return why_set(why, ERR_PERMISSION,
			       "others may use %s (mode %04o): run `chmod 600 '%s'`", path,
			       (unsigned)(st.st_mode & 07777), path);
	if (st.st_size > SOFT_FILE_MAX)
		return why_set(why, ERR_CORRUPT, "%s is too long to be a software device's file",
			       path);
	return ERR_OK;
}

enum err soft_file_read(struct soft_file *f, const char *path, struct why *why)
{
	uint8_t bytes[SOFT_FILE_MAX + 1];
	size_t n = 0;
	ssize_t got;

	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		enum err e = errno == ENOENT                     ? ERR_NOT_FOUND
			     : errno == EACCES || errno == ELOOP ? ERR_PERMISSION
								 : ERR_IO;
		return why_set(why, e, "%s: %s", path,
			       errno == ELOOP ? "is a symbolic link; lanyard wants the file itself"
					      : strerror(errno));
	}
	enum err e = fd_check(fd, path, why);
	if (e)
		goto out;
	while ((got = read(fd, bytes + n, sizeof(bytes) - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			e = why_set(why, ERR_IO, "%s: %s", path, strerror(errno));
			goto out;
		}
		n += (size_t)got;
	}
	struct why parse = {0};
	e = soft_file_parse(f, bytes, n, &parse);
	if (e)
		why_set(why, e, "%s: %s", path, why_text(&parse, e));
out:
	secret_wipe(bytes, sizeof(bytes));
	close(fd);
	return e;
}

/* Damage shows; nobody is kept from changing the file, who could as well read it. */
static void checksum(uint8_t out[static TAG_LEN], const uint8_t *raw)
{
	uint8_t sum[32];
	hash_sha256(sum, raw, SOFT_HEADER_LEN + PLAIN_LEN);
	memcpy(out, sum, TAG_LEN);
	secret_wipe(sum, sizeof(sum));
}

enum err soft_stretch_here(const struct soft_stretch *what, uint8_t key[static KEY_LEN],
			   struct why *why)
{
	if (crypto_pwhash(key, KEY_LEN, what->n ? what->pass : "", what->n, what->salt, what->ops,
			  (size_t)what->mem, crypto_pwhash_ALG_ARGON2ID13))
		return why_set(why, ERR_NO_MEMORY, "Argon2id needs %" PRIu64 " MiB of memory",
			       what->mem >> 20);
	return ERR_OK;
}

static enum err stretch(uint8_t key[static KEY_LEN], const struct soft_file *f, const void *pass,
			size_t n, struct why *why)
{
	const struct soft_stretch what = {f->raw + SALT_AT, f->cost.ops, f->cost.mem, pass, n};

	return f->stretcher ? f->stretcher->run(f->stretcher->arg, &what, key, why)
			    : soft_stretch_here(&what, key, why);
}

static enum err decrypt(struct work *w, const struct soft_file *f, const void *pass, size_t n,
			struct why *why)
{
	enum err e = stretch(w->key, f, pass, n, why);
	if (e)
		return e;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    w->plain, NULL, NULL, f->raw + SOFT_HEADER_LEN, SOFT_BODY_LEN, f->raw,
		    SOFT_HEADER_LEN, f->raw + NONCE_AT, w->key))
		return why_set(why, ERR_BAD_PASSPHRASE, "wrong passphrase, or the file is damaged");
	return ERR_OK;
}

static enum err unseal(struct work *w, const struct soft_file *f, const void *pass, size_t n,
		       struct soft_seed *seed, struct why *why)
{
	static const uint8_t zero[SEED_MAX];

	if (f->kdf == SOFT_KDF_NONE) {
		uint8_t sum[TAG_LEN];
		checksum(sum, f->raw);
		memcpy(w->plain, f->raw + SOFT_HEADER_LEN, PLAIN_LEN);
		if (!secret_equal(sum, f->raw + SOFT_HEADER_LEN + PLAIN_LEN, TAG_LEN))
			return why_set(why, ERR_CORRUPT, "the file is damaged: wrong checksum");
	} else {
		enum err e = decrypt(w, f, pass, n, why);
		if (e)
			return e;
	}
	size_t len = w->plain[0];
	if (len < SEED_MIN || len > SEED_MAX ||
	    !secret_equal(w->plain + 1 + len, zero, SEED_MAX - len))
		return why_set(why, ERR_CORRUPT, "the file's seed is malformed");
	memcpy(seed->p, w->plain + 1, SEED_MAX);
	seed->n = len;
	return ERR_OK;
}

enum err soft_file_open(const struct soft_file *f, const void *pass, size_t n,
			struct soft_seed *seed, struct why *why)
{
	struct work *w = secret_alloc(sizeof(*w));
	if (!w)
		return why_set(why, ERR_NO_MEMORY, "out of locked memory");
	enum err e = unseal(w, f, pass, n, seed, why);
	secret_free_mem(w);
	return e;
}

/* Makes w->file.raw of w->seed. */
static enum err seal(struct work *w, const uint8_t serial[static SERIAL_LEN], uint64_t created,
		     const void *pass, size_t n, const struct soft_cost *cost, struct why *why)
{
	struct soft_file *f = &w->file;
	uint8_t salt[SALT_LEN] = {0}, nonce[NONCE_LEN] = {0};

	if (cost && !n)
		return why_set(why, ERR_INVALID, "an empty passphrase protects nothing");
	if (w->seed.n < SEED_MIN || w->seed.n > SEED_MAX)
		return why_set(why, ERR_INTERNAL, "a seed of %zu bytes", w->seed.n);
	f->kdf = cost ? SOFT_KDF_ARGON2ID13 : SOFT_KDF_NONE;
	f->cost = cost ? *cost : (struct soft_cost){0};
	enum err e = cost_check(f->kdf, &f->cost, why);
	if (e)
		return e;
	if (cost) {
		secret_random(salt, sizeof(salt));
		secret_random(nonce, sizeof(nonce));
	}
	w->plain[0] = (uint8_t)w->seed.n;
	memcpy(w->plain + 1, w->seed.p, w->seed.n);

	struct wbuf out = wbuf_new(f->raw, sizeof(f->raw));
	wbuf_bytes(&out, magic, MAGIC_LEN);
	wbuf_u32(&out, SOFT_VERSION);
	wbuf_u32(&out, f->kdf);
	wbuf_u64(&out, f->cost.ops);
	wbuf_u64(&out, f->cost.mem);
	wbuf_bytes(&out, salt, sizeof(salt));
	wbuf_bytes(&out, serial, SERIAL_LEN);
	wbuf_u64(&out, created);
	wbuf_bytes(&out, nonce, sizeof(nonce));
	if (!cost) {
		wbuf_bytes(&out, w->plain, PLAIN_LEN);
		checksum(f->raw + SOFT_HEADER_LEN + PLAIN_LEN, f->raw);
		return ERR_OK;
	}
	e = stretch(w->key, f, pass, n, why);
	if (e)
		return e;
	crypto_aead_xchacha20poly1305_ietf_encrypt(f->raw + SOFT_HEADER_LEN, NULL, w->plain,
						   PLAIN_LEN, f->raw, SOFT_HEADER_LEN, NULL, nonce,
						   w->key);
	return ERR_OK;
}

static enum err save(const char *path, const struct soft_seed *seed,
		     const uint8_t serial[static SERIAL_LEN], uint64_t created, const void *pass,
		     size_t n, const struct soft_cost *cost, const struct soft_stretcher *stretcher,
		     bool replace, struct why *why)
{
	struct work *w = secret_alloc(sizeof(*w));
	if (!w)
		return why_set(why, ERR_NO_MEMORY, "out of locked memory");
	w->seed = *seed;
	w->file.stretcher = stretcher;
	enum err e = seal(w, serial, created, pass, n, cost, why);
	if (!e)
		e = file_write(path, w->file.raw, SOFT_FILE_LEN, 0600, replace, why);
	secret_free_mem(w);
	return e;
}

enum err soft_file_create(const char *path, const struct soft_seed *seed, const void *pass,
			  size_t n, const struct soft_cost *cost, struct why *why)
{
	uint8_t serial[SERIAL_LEN];
	secret_random(serial, sizeof(serial));
	return save(path, seed, serial, (uint64_t)time(NULL), pass, n, cost, NULL, false, why);
}

enum err soft_file_change(const char *path, const struct soft_file *f, const struct soft_seed *seed,
			  const void *pass, size_t n, struct why *why)
{
	struct soft_cost cost = soft_cost_default();
	return save(path, seed, f->raw + SERIAL_AT, f->created, pass, n, &cost, f->stretcher, true,
		    why);
}

void soft_file_kdf_text(const struct soft_file *f, char out[static SOFT_TEXT_MAX])
{
	if (f->kdf == SOFT_KDF_NONE)
		snprintf(out, SOFT_TEXT_MAX, "none");
	else
		snprintf(out, SOFT_TEXT_MAX, "Argon2id, %" PRIu64 " pass%s, %" PRIu64 " MiB",
			 f->cost.ops, f->cost.ops == 1 ? "" : "es", f->cost.mem >> 20);
}

void soft_file_created_text(const struct soft_file *f, char out[static SOFT_TEXT_MAX])
{
	time_t t = (time_t)f->created;
	struct tm tm;
	if (f->created > INT64_MAX || !gmtime_r(&t, &tm) ||
	    !strftime(out, SOFT_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, SOFT_TEXT_MAX, "unknown");
}
