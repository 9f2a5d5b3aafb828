/* SPDX-License-Identifier: MIT */
/*
 * Looks for secrets in the memory of a process, as root may.
 *
 *   memscan PID <SECRETS     "NAME HEX" a line: prints each that is there, as "NAME FORM MAPPING"
 *   memscan keys URI... <WORDS   the seed of these BIP-39 words, and every node and key on the way
 *                                to each URI, as such lines
 *
 * A secret is found when 16 bytes of it in a row are: as they are, as hexadecimal, as base64 at any
 * alignment, and as the byte-swapped words that hash functions work on.
 */
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "derive/encode.h"
#include "derive/mnemonic.h"
#include "derive/secret.h"
#include "derive/slip10.h"

enum {
	SECRET_MAX = 512,
	WINDOW = 16,
	NEEDLE_MIN = 8, /* what is looked up at each byte */
	NEEDLE_MAX = 2 * WINDOW,
	NEEDLES_MAX = 20000,
	CHUNK = 1 << 20,
	SLOT_BITS = 20,
};

struct needle {
	uint8_t p[NEEDLE_MAX];
	size_t n;
	struct needle *next; /* of the same slot */
	char name[64];
	const char *form;
};

static struct needle needles[NEEDLES_MAX];
static size_t needle_count;
static struct needle *slots[1 << SLOT_BITS]; /* by their first bytes */

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static size_t slot(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return (size_t)((v * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - SLOT_BITS));
}

static void needle_add(const char *name, const char *form, const void *p, size_t n)
{
	struct needle *x = &needles[needle_count], **at;

	if (n < NEEDLE_MIN)
		return;
	if (needle_count++ == NEEDLES_MAX) {
		fputs("memscan: too many secrets\n", stderr);
		exit(2);
	}
	x->n = n < NEEDLE_MAX ? n : NEEDLE_MAX;
	memcpy(x->p, p, x->n);
	snprintf(x->name, sizeof(x->name), "%s", name);
	x->form = form;
	at = &slots[slot(x->p)];
	x->next = *at;
	*at = x;
}

static void swapped(uint8_t *to, const uint8_t *p, size_t word)
{
	for (size_t i = 0; i < WINDOW; i++)
		to[i] = p[i / word * word + word - 1 - i % word];
}

static void needle_base64(const char *name, const uint8_t *p, size_t n)
{
	uint8_t shifted[2 + WINDOW] = {0};
	char text[2 * WINDOW];

	/* The characters at both ends also depend on what stands beside. */
	for (size_t at = 0; at < 3; at++) {
		memcpy(shifted + at, p, n);
		base64_encode(text, sizeof(text), shifted, at + n);
		size_t first = (at * 8 + 5) / 6, last = (at + n) * 8 / 6;
		needle_add(name, "base64", text + first, last - first);
	}
}

static void window_add(const char *name, const uint8_t *p, size_t n)
{
	char hex[2 * WINDOW + 1];
	uint8_t words[WINDOW];
	size_t distinct = 0;

	for (size_t i = 0; i < n; i++)
		distinct += memchr(p, p[i], i) == NULL;
	if (distinct < 4)
		return; /* zeros, say */
	needle_add(name, "raw", p, n);
	hex_encode(hex, p, n);
	needle_add(name, "hex", hex, 2 * n);
	for (size_t i = 0; i < 2 * n; i++)
		hex[i] = (char)toupper((unsigned char)hex[i]);
	needle_add(name, "HEX", hex, 2 * n);
	needle_base64(name, p, n);
	if (n < WINDOW)
		return;
	swapped(words, p, 4);
	needle_add(name, "32-bit words", words, WINDOW);
	swapped(words, p, 8);
	needle_add(name, "64-bit words", words, WINDOW);
}

static void secrets_read(void)
{
	char line[64 + 2 * SECRET_MAX + 2], name[64], hex[2 * SECRET_MAX + 1];
	uint8_t p[SECRET_MAX];
	size_t n;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "%63s %1024s", name, hex) != 2 ||
		    hex_decode(p, sizeof(p), &n, hex, strlen(hex)) != ERR_OK) {
			fprintf(stderr, "memscan: not a secret: %s", line);
			exit(2);
		}
		for (size_t at = 0; at + WINDOW < n; at += WINDOW)
			window_add(name, p + at, WINDOW);
		window_add(name, n < WINDOW ? p : p + n - WINDOW, n < WINDOW ? n : WINDOW);
	}
}

static bool chunk_scan(const uint8_t *p, size_t n, uint64_t address, const char *mapping)
{
	bool found = false;

	for (size_t i = 0; i + NEEDLE_MIN <= n; i++)
		for (const struct needle *x = slots[slot(p + i)]; x != NULL; x = x->next)
			if (x->n <= n - i && memcmp(p + i, x->p, x->n) == 0) {
				printf("%s %s %" PRIx64 " %s", x->name, x->form, address + i,
				       mapping);
				found = true;
			}
	return found;
}

static bool process_scan(const char *pid)
{
	static uint8_t chunk[NEEDLE_MAX + CHUNK]; /* begins with the end of the one before */
	char path[64], line[512];
	uint64_t from, to;
	int fd, at = 0;
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	maps = fopen(path, "re");
	if (maps == NULL)
		die(path);
	while (fgets(line, sizeof(line), maps) != NULL) {
		size_t kept = 0;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %n", &from, &to, &at) != 2)
			die("maps");
		if (strncmp(line + at, "---", 3) == 0)
			continue; /* guard pages, and what no heap has grown into */
		while (from < to) {
			size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
			ssize_t n = pread(fd, chunk + kept, want, (off_t)from);

			if (n <= 0)
				break; /* the kernel's own pages */
			found |= chunk_scan(chunk, kept + (size_t)n, from - kept, line + at);
			from += (uint64_t)n;
			kept += (size_t)n;
			memmove(chunk, chunk + kept - NEEDLE_MAX, NEEDLE_MAX);
			kept = NEEDLE_MAX;
		}
	}
	fclose(maps);
	close(fd);
	return found;
}

/* ---- what there is to look for ---- */

static void key_print(const char *name, const void *p, size_t n)
{
	char hex[2 * SECRET_MAX + 1];

	hex_encode(hex, p, n);
	printf("%s %s\n", name, hex);
}

static void node_print(const char *what, const struct node *node, size_t depth)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s-key%zu", what, curve_name(node->curve), depth);
	key_print(name, node->key, sizeof(node->key));
	snprintf(name, sizeof(name), "%s-%s-chain%zu", what, curve_name(node->curve), depth);
	key_print(name, node->chain, sizeof(node->chain));
}

static enum err keys_print(const char *uri, const uint8_t *seed, enum purpose purpose)
{
	uint32_t path[PATH_LEN];
	struct node node;
	enum err e = ERR_OK;

	slip13_path(path, purpose, uri, 0);
	for (enum curve c = 0; c < CURVE_COUNT && e == ERR_OK; c++) {
		e = slip10_master(&node, c, seed, SEED_MAX);
		for (size_t i = 0; i < PATH_LEN && e == ERR_OK; i++) {
			node_print(uri, &node, i);
			e = slip10_child(&node, path[i]);
		}
		if (e == ERR_OK)
			node_print(uri, &node, PATH_LEN);
	}
	return e;
}

static int keys(int count, char **uris)
{
	static char words[1024];
	uint8_t seed[SEED_MAX];
	struct why why = {0};
	enum err e = ERR_OK;

	if (fgets(words, sizeof(words), stdin) == NULL)
		die("the words");
	words[strcspn(words, "\n")] = '\0';
	key_print("mnemonic", words, strlen(words));
	if (mnemonic_seed(seed, words, "", &why) != ERR_OK)
		die(why.text);
	key_print("seed", seed, sizeof(seed));
	for (int i = 0; i < count && e == ERR_OK; i++) {
		e = keys_print(uris[i], seed, PURPOSE_SIGN);
		if (e == ERR_OK)
			e = keys_print(uris[i], seed, PURPOSE_ECDH);
	}
	return e == ERR_OK ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct why why = {0};

	if (argc < 2 || secret_start(&why) != ERR_OK) {
		fputs("usage: memscan PID <SECRETS | memscan keys URI... <WORDS\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "keys") == 0)
		return keys(argc - 2, argv + 2);
	secrets_read();
	return process_scan(argv[1]) ? 0 : 1;
}
