/* SPDX-License-Identifier: MIT */
#include "tests/bench/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const char *const names[WIRE_TYPES] = {
	[WIRE_ED25519] = "ssh-ed25519",
	[WIRE_NISTP256] = "ecdsa-sha2-nistp256",
};

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

const char *wire_name(enum wire_type type)
{
	return names[type];
}

enum wire_type wire_type_of(const char *name)
{
	for (enum wire_type t = 0; t < WIRE_TYPES; t++)
		if (strcmp(names[t], name) == 0)
			return t;
	die("key type '%s'; allowed: %s, %s", name, names[0], names[1]);
}

/* ---- fields ---- */

void put_u8(struct put *w, uint8_t v)
{
	if (w->n == w->room)
		die("a message over %zu bytes", w->room);
	w->p[w->n++] = v;
}

void put_u32(struct put *w, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put_u8(w, (uint8_t)(v >> shift));
}

void put_string(struct put *w, const void *p, size_t n)
{
	put_u32(w, (uint32_t)n);
	if (n > w->room - w->n)
		die("a message over %zu bytes", w->room);
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

void put_text(struct put *w, const char *text)
{
	put_string(w, text, strlen(text));
}

size_t put_open(struct put *w)
{
	put_u32(w, 0);
	return w->n;
}

void put_close(struct put *w, size_t mark)
{
	struct put length = {.p = w->p + mark - 4, .room = 4};

	put_u32(&length, (uint32_t)(w->n - mark));
}

uint8_t get_u8(struct get *r)
{
	if (r->n == 0) {
		r->bad = true;
		return 0;
	}
	r->n--;
	return *r->p++;
}

uint32_t get_u32(struct get *r)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | get_u8(r);
	return v;
}

struct get get_string(struct get *r)
{
	uint32_t n = get_u32(r);
	struct get s = {.p = r->p, .n = n};

	if (r->bad || n > r->n) {
		r->bad = true;
		return (struct get){.p = r->p, .bad = true};
	}
	r->p += n;
	r->n -= n;
	return s;
}

bool get_is(const struct get *r, const char *text)
{
	return !r->bad && r->n == strlen(text) && memcmp(r->p, text, r->n) == 0;
}

/* ---- requests ---- */

int wire_dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (strlen(path) >= sizeof(address.sun_path))
		die("%s: the path is too long for a socket", path);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

size_t wire_call(int fd, const struct put *request, uint8_t answer[static WIRE_MAX])
{
	size_t n = 0, want = 4;
	ssize_t k;

	if (send(fd, request->p, request->n, MSG_NOSIGNAL) != (ssize_t)request->n)
		return 0;
	while (n < want) {
		k = recv(fd, answer + n, want - n, 0);
		if (k <= 0)
			return 0;
		n += (size_t)k;
		if (n == 4)
			want += get_u32(&(struct get){.p = answer, .n = 4});
		if (want > WIRE_MAX)
			die("an answer of %zu bytes", want);
	}
	return n;
}

void wire_put_list(struct put *w)
{
	put_u32(w, 1);
	put_u8(w, WIRE_LIST);
}

void wire_put_sign(struct put *w, enum wire_type type, const uint8_t *key, size_t n)
{
	enum { SSH_MSG_USERAUTH_REQUEST = 50 };
	static const char session[32] = "thirty-two bytes of a session id";
	size_t message = put_open(w), data;

	put_u8(w, WIRE_SIGN);
	put_string(w, key, n);
	data = put_open(w);
	put_string(w, session, sizeof(session));
	put_u8(w, SSH_MSG_USERAUTH_REQUEST);
	put_text(w, "bench");
	put_text(w, "ssh-connection");
	put_text(w, "publickey");
	put_u8(w, 1);
	put_text(w, names[type]);
	put_string(w, key, n);
	put_close(w, data);
	put_u32(w, 0);
	put_close(w, message);
}

/* ---- answers ---- */

uint32_t wire_find_key(const uint8_t *answer, size_t len, enum wire_type type,
		       uint8_t key[static WIRE_BLOB_MAX], size_t *n)
{
	struct get r = {.p = answer, .n = len}, body = get_string(&r);
	uint8_t kind = get_u8(&body);
	uint32_t count = get_u32(&body);

	*n = 0;
	if (kind != WIRE_KEYS || body.bad)
		die("an answer of type %u to a listing", kind);
	for (uint32_t i = 0; i < count; i++) {
		struct get blob = get_string(&body), rest = blob, name = get_string(&rest);

		(void)get_string(&body);
		if (body.bad)
			die("a listing that is cut short");
		if (*n == 0 && get_is(&name, names[type]) && blob.n <= WIRE_BLOB_MAX) {
			memcpy(key, blob.p, blob.n);
			*n = blob.n;
		}
	}
	return count;
}

static EVP_PKEY *public_key(enum wire_type type, struct get blob)
{
	char group[] = "prime256v1";
	OSSL_PARAM params[3];
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx;
	struct get point;

	(void)get_string(&blob);
	if (type == WIRE_ED25519) {
		point = get_string(&blob);
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.p, point.n);
	}
	(void)get_string(&blob);
	point = get_string(&blob);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.p,
						      point.n);
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* r and s as SSH writes them to DER. */
static size_t ecdsa_to_der(struct get sig, uint8_t *der)
{
	struct get r = get_string(&sig), s = get_string(&sig);
	ECDSA_SIG *rs = ECDSA_SIG_new();
	int n;

	if (rs == NULL || sig.bad || sig.n > 0 || r.n > 33 || s.n > 33 ||
	    ECDSA_SIG_set0(rs, BN_bin2bn(r.p, (int)r.n, NULL), BN_bin2bn(s.p, (int)s.n, NULL)) != 1)
		die("an ECDSA signature that is none");
	n = i2d_ECDSA_SIG(rs, &der);
	ECDSA_SIG_free(rs);
	return n > 0 ? (size_t)n : 0;
}

void wire_check(enum wire_type type, const struct put *request, const uint8_t *answer, size_t len)
{
	struct get q = {.p = request->p + 5, .n = request->n - 5};
	struct get key = get_string(&q), data = get_string(&q);
	struct get r = {.p = answer, .n = len}, body = get_string(&r);
	uint8_t kind = get_u8(&body), der[80];
	struct get outer = get_string(&body), name = get_string(&outer), sig = get_string(&outer);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey = public_key(type, key);

	if (kind != WIRE_SIGNATURE || !get_is(&name, names[type]) || outer.bad)
		die("an answer of type %u to a sign request for %s", kind, names[type]);
	if (type == WIRE_NISTP256)
		sig = (struct get){.p = der, .n = ecdsa_to_der(sig, der)};
	if (ctx == NULL || pkey == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, type == WIRE_NISTP256 ? EVP_sha256() : NULL, NULL,
				 pkey) != 1 ||
	    EVP_DigestVerify(ctx, sig.p, sig.n, data.p, data.n) != 1)
		die("a %s signature that does not verify", names[type]);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}
