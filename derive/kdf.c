/* SPDX-License-Identifier: MIT */
#include "derive/kdf.h"

#include <string.h>

#include <sodium.h>

static const char SECRET_LABEL[] = "lanyard secret v1";

void hkdf(uint8_t out[static 32], const void *ikm, size_t ikm_len, const char *salt,
	  const void *info, size_t info_len)
{
	static const uint8_t first = 1;
	crypto_auth_hmacsha256_state st;
	uint8_t prk[crypto_auth_hmacsha256_BYTES];

	(void)crypto_auth_hmacsha256_init(&st, (const uint8_t *)salt, strlen(salt));
	(void)crypto_auth_hmacsha256_update(&st, ikm, ikm_len);
	(void)crypto_auth_hmacsha256_final(&st, prk);

	(void)crypto_auth_hmacsha256_init(&st, prk, sizeof prk);
	(void)crypto_auth_hmacsha256_update(&st, info, info_len);
	(void)crypto_auth_hmacsha256_update(&st, &first, 1);
	(void)crypto_auth_hmacsha256_final(&st, out);

	sodium_memzero(&st, sizeof st);
	sodium_memzero(prk, sizeof prk);
}

void kdf_secret_hash(uint8_t out[static 32], const char *uri, uint32_t index)
{
	const uint8_t le[4] = {(uint8_t)index, (uint8_t)(index >> 8), (uint8_t)(index >> 16),
			       (uint8_t)(index >> 24)};
	crypto_hash_sha256_state st;

	(void)crypto_hash_sha256_init(&st);
	/* sizeof: the label's NUL is the 0x00 that ends it. */
	(void)crypto_hash_sha256_update(&st, (const uint8_t *)SECRET_LABEL, sizeof SECRET_LABEL);
	(void)crypto_hash_sha256_update(&st, (const uint8_t *)uri, strlen(uri));
	(void)crypto_hash_sha256_update(&st, le, sizeof le);
	(void)crypto_hash_sha256_final(&st, out);
}

void kdf_secret_point(uint8_t u[static 32], const char *uri, uint32_t index)
{
	kdf_secret_hash(u, uri, index);
	u[31] &= 0x7F; /* some cards answer garbage to a point with bit 255 set */
}

void kdf_wallet(uint8_t out[static 32], const uint8_t pub[static 33])
{
	(void)crypto_hash_sha256(out, pub + 1, 32);
}

void kdf_secret(uint8_t out[static SECRET_LEN], const void *shared, size_t n, const char *uri)
{
	hkdf(out, shared, n, SECRET_LABEL, uri, strlen(uri));
}
