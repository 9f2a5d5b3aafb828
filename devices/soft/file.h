/* SPDX-License-Identifier: MIT */
/*
 * The file of a software device (doc/soft.md gives it byte for byte): a fixed size, a header, and
 * the seed, encrypted under a passphrase or, when its owner asked for that, in clear.
 *
 * A struct soft_file of an unencrypted device holds the seed: keep both structs here in memory from
 * secret_alloc(), or wipe them. Any thread.
 */
#ifndef LANYARD_SOFT_FILE_H
#define LANYARD_SOFT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "derive/slip10.h"
#include "protocol/err.h"

enum {
	SOFT_VERSION = 1,
	SOFT_NAME_MAX = 64,
	SOFT_HEADER_LEN = 96,
	SOFT_BODY_LEN = 1 + SEED_MAX + 16, /* length, padded seed, tag */
	SOFT_FILE_LEN = SOFT_HEADER_LEN + SOFT_BODY_LEN,
	SOFT_FILE_MAX = 4096, /* more is not read; a newer version may be longer than this one */
	SOFT_SERIAL_HEX = 16,
	SOFT_SALT_LEN = 16,
	SOFT_PASSPHRASE_MAX = 1024,
};

enum soft_kdf { SOFT_KDF_NONE, SOFT_KDF_ARGON2ID13 };

/* Allowed in a file; libsodium's MODERATE (3, 256 MiB) is what new files get. */
enum { SOFT_OPS_MIN = 1, SOFT_OPS_MAX = 16 };
enum { SOFT_MEM_MIN = 8 << 20, SOFT_MEM_MAX = 1 << 30 };

struct soft_cost {
	uint64_t ops, mem; /* passes, bytes; both 0 for SOFT_KDF_NONE */
};
struct soft_cost soft_cost_default(void);

/* What Argon2id is to be made of. */
struct soft_stretch {
	const uint8_t *salt; /* SOFT_SALT_LEN bytes */
	uint64_t ops, mem;
	const void *pass;
	size_t n;
};
/* In this thread, which nothing stops; ERR_NO_MEMORY. */
enum err soft_stretch_here(const struct soft_stretch *what, uint8_t key[static 32],
			   struct why *why) MUST_CHECK;
/* Elsewhere. */
struct soft_stretcher {
	enum err (*run)(void *arg, const struct soft_stretch *what, uint8_t key[static 32],
			struct why *why);
	void *arg;
};

struct soft_file {
	uint32_t version;
	enum soft_kdf kdf;
	struct soft_cost cost;
	uint64_t created;                       /* seconds since 1970 */
	char serial[SOFT_SERIAL_HEX + 1];       /* 8 random bytes as hex */
	uint8_t raw[SOFT_FILE_LEN];             /* the file */
	const struct soft_stretcher *stretcher; /* NULL after parsing: soft_stretch_here() */
};

struct soft_seed {
	uint8_t p[SEED_MAX];
	size_t n;
};

/* [A-Za-z0-9._-]{1,64}, not starting with '.' or '-'. */
enum err soft_name_check(const char *name, struct why *why) MUST_CHECK;

/* Checks everything that can be checked without the passphrase; allocates nothing. ERR_CORRUPT,
 * ERR_VERSION. */
enum err soft_file_parse(struct soft_file *f, const void *p, size_t n, struct why *why) MUST_CHECK;
/* Reads and parses. ERR_NOT_FOUND; ERR_PERMISSION unless it is a regular file of ours (no symbolic
 * link) that nobody else may touch. */
enum err soft_file_read(struct soft_file *f, const char *path, struct why *why) MUST_CHECK;
/* The seed. Argon2id takes its time and memory. ERR_BAD_PASSPHRASE also for a damaged file: the
 * cipher cannot tell. The passphrase is ignored when there is none. */
enum err soft_file_open(const struct soft_file *f, const void *pass, size_t n,
			struct soft_seed *seed, struct why *why) MUST_CHECK;

/* A new file: new serial, created now. `cost` NULL: not encrypted, whatever `pass` is; else an
 * empty passphrase is ERR_INVALID. ERR_EXISTS rather than overwrite. */
enum err soft_file_create(const char *path, const struct soft_seed *seed, const void *pass,
			  size_t n, const struct soft_cost *cost, struct why *why) MUST_CHECK;
/* The seed of `f` under another passphrase, at the default cost, also when it was not encrypted;
 * serial and time stay. An empty one is ERR_INVALID. The old file is intact after any error. */
enum err soft_file_change(const char *path, const struct soft_file *f, const struct soft_seed *seed,
			  const void *pass, size_t n, struct why *why) MUST_CHECK;

/* For people: "Argon2id, 3 passes, 256 MiB" or "none"; "2026-01-31 12:00:00 UTC". */
enum { SOFT_TEXT_MAX = 64 };
void soft_file_kdf_text(const struct soft_file *f, char out[static SOFT_TEXT_MAX]);
void soft_file_created_text(const struct soft_file *f, char out[static SOFT_TEXT_MAX]);

#endif
