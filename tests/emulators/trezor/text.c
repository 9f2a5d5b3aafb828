/* SPDX-License-Identifier: MIT */
/* Keys as text: base 58, and output descriptors with their checksum. */
#include "tests/emulators/trezor/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void base58check(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t bytes[128], hash[32], value[160] = {0};
	size_t used = 0, zeros = 0;

	memcpy(bytes, data, len);
	crypto_hash_sha256(hash, data, len);
	crypto_hash_sha256(hash, hash, sizeof(hash));
	memcpy(bytes + len, hash, 4);
	len += 4;
	while (zeros < len && bytes[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < len; i++) {
		uint32_t carry = bytes[i];

		for (size_t j = 0; j < used || carry; j++) {
			carry += (uint32_t)value[j] << 8;
			value[j] = (uint8_t)(carry % 58);
			carry /= 58;
			if (j == used)
				used++;
		}
	}
	memset(out, '1', zeros);
	for (size_t j = 0; j < used; j++)
		out[zeros + j] = digits[value[used - 1 - j]];
	out[zeros + used] = '\0';
}

static uint64_t polymod(uint64_t c, unsigned value)
{
	static const uint64_t generator[] = {0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a,
					     0x644d626ffd};
	unsigned top = (unsigned)(c >> 35);

	c = (c & 0x7ffffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			c ^= generator[i];
	return c;
}

/* BIP-380's eight characters for `text`. */
static void checksum(const char *text, char out[static 9])
{
	static const char input[] = "0123456789()[],'/*abcdefgh@:$%{}"
				    "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
				    "ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
	static const char output[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	uint64_t c = 1;
	unsigned group = 0, in_group = 0;

	for (; *text; text++) {
		unsigned at = (unsigned)(strchr(input, *text) - input);

		c = polymod(c, at & 31);
		group = group * 3 + (at >> 5);
		if (++in_group == 3) {
			c = polymod(c, group);
			group = in_group = 0;
		}
	}
	if (in_group > 0)
		c = polymod(c, group);
	for (int i = 0; i < 8; i++)
		c = polymod(c, 0);
	c ^= 1;
	for (int i = 0; i < 8; i++)
		out[i] = output[c >> (5 * (7 - i)) & 31];
	out[8] = '\0';
}

void descriptor(uint32_t root, const uint32_t *path, size_t count, const char *xpub,
		char out[static DESCRIPTOR_MAX + 1])
{
	size_t size = DESCRIPTOR_MAX + 1;
	size_t len = (size_t)snprintf(out, size, "pkh([%08x", root);
	char sum[9];

	for (size_t i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "/%u%s", path[i] & 0x7fffffff,
					path[i] >> 31 ? "h" : "");
	if (len < size)
		len += (size_t)snprintf(out + len, size - len, "]%s/<0;1>/*)", xpub);
	if (len + 10 > size) {
		out[0] = '\0'; /* the firmware leaves the field out */
		return;
	}
	checksum(out, sum);
	snprintf(out + len, size - len, "#%s", sum);
}
