/* SPDX-License-Identifier: MIT */
/*
 * Host keys: a signature by one, plain or certified. ssh-ed25519, ecdsa-sha2-nistp256/384/521 and
 * RSA with rsa-sha2-256/512, and certificates of these. Pure; any thread.
 */
#ifndef LANYARD_SSH_HOST_H
#define LANYARD_SSH_HOST_H

#include "protocol/buf.h"
#include "protocol/err.h"

enum { SSH_HOST_KEY_MAX = 2100 }; /* bytes of a plain key: RSA with 16384 bits fits */

/*
 * ERR_OK when `signature` (a signature blob) by the key in `blob` over `data` is good. For a
 * certificate it is the certified key that counts; the CA's signature is the SSH client's affair,
 * and nothing here rests on it. `fingerprint` gets the SHA-256 of the plain key's blob.
 */
enum err ssh_host_verify(struct slice blob, struct slice data, struct slice signature,
			 uint8_t fingerprint[static 32], struct why *why) MUST_CHECK;

#endif
