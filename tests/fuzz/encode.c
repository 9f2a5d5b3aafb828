/* SPDX-License-Identifier: MIT */
/* derive/encode.h: hexadecimal and base64 both ways. */
#include "fuzz.h"

#include <ctype.h>

#include "derive/encode.h"
#include "derive/secret.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	CHECK(secret_start(NULL) == ERR_OK);
	return 0;
}

typedef void encoder(char *out, size_t cap, const void *p, size_t n);
typedef enum err decoder(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len);

static void hex(char *out, size_t cap, const void *p, size_t n)
{
	CHECK(cap > 2 * n);
	hex_encode(out, p, n);
}

/* Bytes, encoded and decoded, are the bytes; with a byte less of room they are refused. */
static void check_bytes(const uint8_t *data, size_t size, encoder *encode, decoder *decode)
{
	char *text = malloc(2 * size + 8);
	uint8_t *again = malloc(size + 1);
	size_t n = 0;

	CHECK(text != NULL && again != NULL);
	encode(text, 2 * size + 8, data, size);
	CHECK(strlen(text) <= 2 * size + 4);
	CHECK(decode(again, size, &n, text, strlen(text)) == ERR_OK);
	CHECK(n == size && (n == 0 || memcmp(again, data, n) == 0));
	if (size > 0)
		CHECK(decode(again, size - 1, &n, text, strlen(text)) != ERR_OK && n == 0);
	free(text);
	free(again);
}

/* What is accepted is the one encoding of what it decodes to (hexadecimal in either case). */
static void check_text(const uint8_t *data, size_t size, encoder *encode, decoder *decode)
{
	char *text = fuzz_text(data, size), *again = malloc(2 * size + 8);
	uint8_t *bytes = malloc(size + 1);
	size_t n = 1;
	enum err e = decode(bytes, size, &n, text, size);

	CHECK(again != NULL && bytes != NULL);
	CHECK(e == ERR_OK ? n <= size : n == 0);
	if (e == ERR_OK) {
		encode(again, 2 * size + 8, bytes, n);
		for (size_t i = 0; decode == hex_decode && i < size; i++)
			text[i] = (char)tolower((unsigned char)text[i]);
		CHECK(strlen(again) == size && memcmp(again, text, size) == 0);
	}
	free(text);
	free(again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static encoder *const encoders[] = {hex, base64_encode, base64url_encode};
	static decoder *const decoders[] = {hex_decode, base64_decode, base64url_decode};

	for (size_t i = 0; i < 3; i++) {
		check_bytes(data, size, encoders[i], decoders[i]);
		check_text(data, size, encoders[i], decoders[i]);
	}
	return 0;
}
