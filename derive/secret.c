/* SPDX-License-Identifier: MIT */
#include "derive/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <sodium.h>

/* libcrypto keeps private scalars here instead of on the plain heap; some hundred bytes each. */
enum { OPENSSL_HEAP = 64 * 1024, OPENSSL_HEAP_UNIT = 16 };

/* sodium_malloc() puts the end of the block at the end of a page: a size that is a multiple of
 * this gives a pointer that any struct may live at. */
enum { STRUCT_ALIGN = 16 };

enum err secret_start(struct why *why)
{
	if (sodium_init() < 0) {
		return why_set(why, ERR_INTERNAL,
			       "libsodium did not start: no source of random numbers");
	}
	/* 2 means "usable but not locked"; secret_probe() is who reports that. */
	if (!CRYPTO_secure_malloc_initialized() &&
	    CRYPTO_secure_malloc_init(OPENSSL_HEAP, OPENSSL_HEAP_UNIT) == 0) {
		return why_set(why, ERR_NO_MEMORY, "no memory for libcrypto's protected heap");
	}
	return ERR_OK;
}

void secret_harden_process(void)
{
	const struct rlimit none = {0, 0};

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}

enum err secret_probe(size_t n, struct why *why)
{
	unsigned long want = (unsigned long)((n + 1023) / 1024);
	unsigned long limit_now, limit_then;
	struct rlimit limit = {0, 0};
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int cause;

	if (p == MAP_FAILED) {
		return why_set(why, ERR_NO_MEMORY, "cannot get %zu bytes of memory: %s", n,
			       strerror(errno));
	}
	/* Not mlock(), which the sanitizers replace by one that does nothing. */
	if (mlock2(p, n, 0) == 0) {
		(void)munmap(p, n); /* unlocks as well */
		return ERR_OK;
	}
	cause = errno;
	(void)munmap(p, n);
	(void)getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY) {
		return why_set(why, ERR_NO_MEMORY, "cannot lock %lu KiB of memory: %s", want,
			       strerror(cause));
	}
	/* Whatever is locked already fits into today's limit, so the sum is enough. */
	limit_now = (unsigned long)(limit.rlim_cur / 1024);
	limit_then = limit_now + want;
	return why_set(
		why, ERR_NO_MEMORY,
		"cannot lock %lu KiB of memory, so secrets could be swapped to disk (%s): "
		"the limit on locked memory is %lu KiB; type `ulimit -l %lu` before starting "
		"the agent, or set LimitMEMLOCK=%luK in its systemd unit",
		want, strerror(cause), limit_now, limit_then, limit_then);
}

void *secret_alloc(size_t n)
{
	void *p;

	if (n > SIZE_MAX - STRUCT_ALIGN) {
		return NULL;
	}
	n = (n + STRUCT_ALIGN - 1) / STRUCT_ALIGN * STRUCT_ALIGN;
	p = sodium_malloc(n);
	if (p != NULL) {
		memset(p, 0, n);
	}
	return p;
}

void secret_free_mem(void *p)
{
	sodium_free(p);
}

enum err secret_new(struct secret *s, size_t n)
{
	/* Bytes need no alignment, and ending at the guard page catches an overrun of one. */
	*s = (struct secret){.p = sodium_malloc(n), .n = n};
	if (s->p == NULL) {
		s->n = 0;
		return ERR_NO_MEMORY;
	}
	memset(s->p, 0, n);
	return ERR_OK;
}

enum err secret_copy(struct secret *s, const void *p, size_t n)
{
	enum err e = secret_new(s, n);

	if (e == ERR_OK && n > 0) {
		memcpy(s->p, p, n);
	}
	return e;
}

void secret_free(struct secret *s)
{
	sodium_free(s->p);
	*s = (struct secret){.p = NULL};
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void secret_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}
