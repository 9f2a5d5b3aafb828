/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "derive/encode.h"
#include "derive/secret.h"

static void start(void)
{
	cr_assert(secret_start(NULL) == ERR_OK);
}

TestSuite(secret, .init = start);
TestSuite(encode, .init = start);

Test(secret, starts_twice)
{
	cr_expect(secret_start(NULL) == ERR_OK);
}

Test(secret, is_zeroed_and_aligned)
{
	for (size_t n = 0; n < 100; n++) {
		uint8_t *p = secret_alloc(n);

		cr_assert(p != NULL);
		cr_expect((uintptr_t)p % _Alignof(max_align_t) == 0, "%zu", n);
		for (size_t i = 0; i < n; i++) {
			cr_assert(p[i] == 0);
		}
		memset(p, 0xA5, n);
		secret_free_mem(p);
	}
	cr_expect(secret_alloc(SIZE_MAX) == NULL);
	cr_expect(secret_alloc(SIZE_MAX / 2) == NULL);
	secret_free_mem(NULL);
}

Test(secret, new_copy_free)
{
	struct secret s;

	cr_assert(secret_new(&s, 33) == ERR_OK);
	cr_expect(s.n == 33 && s.p[0] == 0 && s.p[32] == 0);
	secret_free(&s);
	cr_expect(s.p == NULL && s.n == 0);
	secret_free(&s);
	cr_assert(secret_copy(&s, "abc", 3) == ERR_OK);
	cr_expect(s.n == 3 && secret_equal(s.p, "abc", 3) && !secret_equal(s.p, "abd", 3));
	secret_wipe(s.p, s.n);
	cr_expect(secret_equal(s.p, "\0\0\0", 3));
	secret_free(&s);
	cr_assert(secret_copy(&s, NULL, 0) == ERR_OK);
	secret_free(&s);
	cr_expect(secret_new(&s, SIZE_MAX) == ERR_NO_MEMORY && s.p == NULL && s.n == 0);
}

Test(secret, one_byte_too_far_is_fatal, .signal = SIGSEGV)
{
	struct secret s;

	cr_assert(secret_new(&s, 5) == ERR_OK);
	/* The guard page: libsodium's handler is SIGSEGV's own. */
	signal(SIGSEGV, SIG_DFL);
	*(volatile uint8_t *)(s.p + 5) = 1;
}

Test(secret, random_differs)
{
	uint8_t a[32] = {0}, b[32] = {0};

	secret_random(a, sizeof a);
	secret_random(b, sizeof b);
	cr_expect(memcmp(a, b, sizeof a) != 0);
}

Test(secret, probe_names_the_limit_and_the_cure)
{
	const struct rlimit little = {128 * 1024, 128 * 1024};
	struct why why = {""};

	cr_assert(setrlimit(RLIMIT_MEMLOCK, &little) == 0);
	/* Root may lock regardless of the limit: give that up. */
	cr_assert(geteuid() != 0 || setuid(65534) == 0);
	cr_expect(secret_probe(4096, &why) == ERR_OK, "%s", why.text);
	cr_expect(secret_probe(1 << 20, &why) == ERR_NO_MEMORY);
	cr_expect(strstr(why.text, "ulimit -l 1152") != NULL, "%s", why.text);
	cr_expect(strstr(why.text, "LimitMEMLOCK=1152K") != NULL, "%s", why.text);
	cr_expect(strstr(why.text, "is 128 KiB") != NULL, "%s", why.text);
}

Test(secret, hardened_process)
{
	struct rlimit core = {1, 1};

	secret_harden_process();
	cr_expect(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	cr_assert(getrlimit(RLIMIT_CORE, &core) == 0);
	cr_expect(core.rlim_cur == 0 && core.rlim_max == 0);
}

Test(encode, hex)
{
	uint8_t out[4];
	char text[9];
	size_t n;

	hex_encode(text, "\x00\x9f\xff", 3);
	cr_expect(strcmp(text, "009fff") == 0);
	hex_encode(text, "", 0);
	cr_expect(strcmp(text, "") == 0);
	cr_assert(hex_decode(out, 4, &n, "00aBfF10", 8) == ERR_OK && n == 4);
	cr_expect(memcmp(out, "\x00\xab\xff\x10", 4) == 0);
	cr_expect(hex_decode(out, 4, &n, "", 0) == ERR_OK && n == 0);
	cr_expect(hex_decode(out, 4, &n, "0011223344", 10) == ERR_TOO_LARGE && n == 0);
	cr_expect(hex_decode(out, 4, &n, "001", 3) == ERR_INVALID && n == 0);
	cr_expect(hex_decode(out, 4, &n, "00 1", 4) == ERR_INVALID && n == 0);
	cr_expect(hex_decode(out, 4, &n, "0g", 2) == ERR_INVALID);
	cr_expect(hex_decode(out, 4, &n, "0x00", 4) == ERR_INVALID);
	cr_expect(hex_decode(out, 4, &n, "00:1", 4) == ERR_INVALID);
	cr_expect(hex_decode(out, 4, &n, "00\n", 3) == ERR_INVALID);
}

/* RFC 4648 section 10. */
Test(encode, rfc4648_base64)
{
	static const struct {
		const char *plain, *standard, *url;
	} tests[] = {{"", "", ""},
		     {"f", "Zg==", "Zg"},
		     {"fo", "Zm8=", "Zm8"},
		     {"foo", "Zm9v", "Zm9v"},
		     {"foob", "Zm9vYg==", "Zm9vYg"},
		     {"fooba", "Zm9vYmE=", "Zm9vYmE"},
		     {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		     {"\xfb\xef\xff", "++//", "--__"}};

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		size_t len = strlen(tests[i].plain);
		uint8_t out[8];
		char text[16];
		size_t n;

		base64_encode(text, sizeof text, tests[i].plain, len);
		cr_expect(strcmp(text, tests[i].standard) == 0, "%s", text);
		base64url_encode(text, sizeof text, tests[i].plain, len);
		cr_expect(strcmp(text, tests[i].url) == 0, "%s", text);
		cr_assert(base64_decode(out, 8, &n, tests[i].standard, strlen(tests[i].standard)) ==
			  ERR_OK);
		cr_expect(n == len && memcmp(out, tests[i].plain, n) == 0);
		cr_assert(base64url_decode(out, 8, &n, tests[i].url, strlen(tests[i].url)) ==
			  ERR_OK);
		cr_expect(n == len && memcmp(out, tests[i].plain, n) == 0);
	}
}

Test(encode, base64_refused)
{
	static const struct {
		const char *text;
		bool standard, url; /* good there */
	} tests[] = {
		{"Zg==", true, false},    {"Zg", false, true},     {"Zh==", false, false},
		{"Zh", false, false},     {"Zm9", false, false},   {"Z", false, false},
		{"Zg=", false, false},    {"Zg===", false, false}, {"Zm 8=", false, false},
		{"Zm8=\n", false, false}, {"--__", false, true},   {"++//", true, false},
		{"Zm9vZm9v", true, true}, {"=", false, false},     {"Zm9vYmFyZm9v", false, false}};
	uint8_t out[6];
	size_t n;

	for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		const char *t = tests[i].text;

		cr_expect((base64_decode(out, 6, &n, t, strlen(t)) == ERR_OK) == tests[i].standard,
			  "standard: %s", t);
		cr_expect((base64url_decode(out, 6, &n, t, strlen(t)) == ERR_OK) == tests[i].url,
			  "url: %s", t);
	}
}

/* libsodium's decoder takes 0xC0 and others for digits; found by tests/fuzz/encode. */
Test(encode, base64_bug_bytes_above_ascii_were_digits)
{
	uint8_t out[6];
	size_t n;

	for (unsigned c = 0x80; c <= 0xFF; c++) {
		const char text[] = {(char)c, 'A', 'A', 'A'};

		cr_expect(base64_decode(out, 6, &n, text, 4) == ERR_INVALID && n == 0, "0x%x", c);
		cr_expect(base64url_decode(out, 6, &n, text, 4) == ERR_INVALID && n == 0, "0x%x",
			  c);
	}
}
