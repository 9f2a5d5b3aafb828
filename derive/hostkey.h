/* SPDX-License-Identifier: MIT */
/*
 * Verifies a signature by an SSH host key (session-bind, PROTOCOL.agent): the primitives, on values
 * that ssh/ has parsed. libcrypto. Any thread.
 */
#ifndef LANYARD_HOSTKEY_H
#define LANYARD_HOSTKEY_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buf.h"
#include "protocol/err.h"

enum hash { HASH_SHA256, HASH_SHA384, HASH_SHA512 };
void hash_sha256(uint8_t out[static 32], const void *p, size_t n);
/* For the hashed names of known_hosts files, which are defined with it. */
void hash_hmac_sha1(uint8_t out[static 20], const void *key, size_t key_len, const void *p,
		    size_t n);

/* RSASSA-PKCS1-v1_5; n of 1024 to 16384 bits, else ERR_UNSUPPORTED. A wrong signature is
 * ERR_DEVICE_ERROR everywhere here. */
enum err verify_rsa(struct slice e, struct slice n, enum hash hash, struct slice data,
		    struct slice sig) MUST_CHECK;
/* `bits` 256, 384 or 521; point uncompressed; r and s unsigned big endian. */
enum err verify_ecdsa(unsigned bits, struct slice point, struct slice data, struct slice r,
		      struct slice s) MUST_CHECK;
enum err verify_ed25519(struct slice pub, struct slice data, struct slice sig) MUST_CHECK;

#endif
