/* SPDX-License-Identifier: MIT */
/*
 * The floor: an epoll loop and one worker thread that sign and verify with keys kept ready, by
 * libsodium and libcrypto directly. No derivation, no policy, no checks, no locked memory, no log:
 * what an agent of this shape cannot go below; never an agent to use.
 *
 *	floor SOCKET KEYS
 *
 * serves KEYS keys of each type until a signal.
 *
 *	floor raw TYPE COUNT
 *
 * signs and verifies COUNT times and does nothing else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "tests/bench/wire.h"

enum { KEYS_MAX = 100, FRAME_MAX = 2048, DER_MAX = 80 };

struct key {
	enum wire_type type;
	uint8_t blob[WIRE_BLOB_MAX];
	size_t blob_len;
	uint8_t pub[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES]; /* ed25519 */
	EVP_PKEY *pkey;                                                          /* nistp256 */
};

struct client {
	int fd;
	bool busy, gone;
	uint8_t in[FRAME_MAX];
	size_t in_len;
	const struct key *key; /* of the signature in flight, and what is signed */
	struct get data;
	uint8_t out[512];
	size_t out_len;
	struct client *next;
};

static struct {
	struct key keys[2 * KEYS_MAX];
	size_t key_count;
	uint8_t list[WIRE_MAX];
	size_t list_len;
	int epoll, wake;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct client *queued, **queued_end, *finished;
} floor_ = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/* ---- keys ---- */

static void key_new(struct key *k, enum wire_type type)
{
	struct put w = {.p = k->blob, .room = sizeof(k->blob)};
	uint8_t point[65];
	size_t n = 0;

	k->type = type;
	put_text(&w, wire_name(type));
	if (type == WIRE_ED25519) {
		crypto_sign_keypair(k->pub, k->sk);
		put_string(&w, k->pub, sizeof(k->pub));
	} else {
		k->pkey = EVP_EC_gen("P-256");
		if (k->pkey == NULL ||
		    EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
						    sizeof(point), &n) != 1)
			die("libcrypto makes no P-256 key");
		put_text(&w, "nistp256");
		put_string(&w, point, n);
	}
	k->blob_len = w.n;
}

static void put_mpint(struct put *w, const BIGNUM *bn)
{
	uint8_t bytes[33] = {0};
	int n = BN_bn2bin(bn, bytes + 1);
	bool high = n > 0 && (bytes[1] & 0x80) != 0;

	put_string(w, high ? bytes : bytes + 1, (size_t)n + high);
}

static void put_ecdsa(struct put *w, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	size_t mark = put_open(w);

	put_mpint(w, ECDSA_SIG_get0_r(sig));
	put_mpint(w, ECDSA_SIG_get0_s(sig));
	put_close(w, mark);
	ECDSA_SIG_free(sig);
}

static void sign_ed25519(struct put *w, const struct key *k, struct get data)
{
	uint8_t sig[crypto_sign_BYTES];

	crypto_sign_detached(sig, NULL, data.p, data.n, k->sk);
	if (crypto_sign_verify_detached(sig, data.p, data.n, k->pub) != 0)
		die("a signature that does not verify");
	put_string(w, sig, sizeof(sig));
}

static void sign_nistp256(struct put *w, const struct key *k, struct get data)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	uint8_t hash[crypto_hash_sha256_BYTES], der[DER_MAX];
	size_t n = sizeof(der);

	crypto_hash_sha256(hash, data.p, data.n);
	if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_sign(ctx, der, &n, hash, sizeof(hash)) != 1 ||
	    EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_verify(ctx, der, n, hash, sizeof(hash)) != 1)
		die("a signature that does not verify");
	EVP_PKEY_CTX_free(ctx);
	put_ecdsa(w, der, n);
}

/* The whole answer. */
static void sign(struct put *w, const struct key *k, struct get data)
{
	size_t message = put_open(w), sig;

	put_u8(w, WIRE_SIGNATURE);
	sig = put_open(w);
	put_text(w, wire_name(k->type));
	if (k->type == WIRE_ED25519)
		sign_ed25519(w, k, data);
	else
		sign_nistp256(w, k, data);
	put_close(w, sig);
	put_close(w, message);
}

/* ---- the worker ---- */

static void *worker(void *arg)
{
	const uint64_t one = 1;

	(void)arg;
	for (;;) {
		struct client *c;
		struct put w;

		pthread_mutex_lock(&floor_.lock);
		while (floor_.queued == NULL)
			pthread_cond_wait(&floor_.more, &floor_.lock);
		c = floor_.queued;
		floor_.queued = c->next;
		if (floor_.queued == NULL)
			floor_.queued_end = &floor_.queued;
		pthread_mutex_unlock(&floor_.lock);

		w = (struct put){.p = c->out, .room = sizeof(c->out)};
		sign(&w, c->key, c->data);
		c->out_len = w.n;

		pthread_mutex_lock(&floor_.lock);
		c->next = floor_.finished;
		floor_.finished = c;
		pthread_mutex_unlock(&floor_.lock);
		if (write(floor_.wake, &one, sizeof(one)) != sizeof(one))
			die("eventfd: %s", strerror(errno));
	}
	return NULL;
}

static void worker_give(struct client *c)
{
	c->busy = true;
	c->next = NULL;
	pthread_mutex_lock(&floor_.lock);
	*floor_.queued_end = c;
	floor_.queued_end = &c->next;
	pthread_cond_signal(&floor_.more);
	pthread_mutex_unlock(&floor_.lock);
}

/* ---- the loop ---- */

static void client_drop(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->gone = true;
	if (!c->busy)
		free(c);
}

static const struct key *key_find(struct get blob)
{
	for (size_t i = 0; i < floor_.key_count; i++)
		if (floor_.keys[i].blob_len == blob.n &&
		    memcmp(floor_.keys[i].blob, blob.p, blob.n) == 0)
			return &floor_.keys[i];
	return NULL;
}

/* One whole frame is in c->in. */
static void client_message(struct client *c)
{
	static const uint8_t failure[] = {0, 0, 0, 1, WIRE_FAILURE};
	struct get r = {.p = c->in, .n = c->in_len}, body = get_string(&r);
	const void *answer = failure;
	size_t n = sizeof(failure);
	uint8_t type = get_u8(&body);

	c->in_len = 0;
	if (type == WIRE_SIGN) {
		c->key = key_find(get_string(&body));
		c->data = get_string(&body);
		if (c->key != NULL && !body.bad) {
			worker_give(c);
			return;
		}
	} else if (type == WIRE_LIST) {
		answer = floor_.list;
		n = floor_.list_len;
	}
	if (send(c->fd, answer, n, MSG_NOSIGNAL) != (ssize_t)n)
		client_drop(c);
}

static void client_ready(struct client *c)
{
	ssize_t k = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);

	if (k <= 0 || c->busy) {
		client_drop(c);
		return;
	}
	c->in_len += (size_t)k;
	if (c->in_len >= 4 &&
	    c->in_len >= 4 + (size_t)get_u32(&(struct get){.p = c->in, .n = c->in_len}))
		client_message(c);
}

static void finished_ready(void)
{
	struct client *c, *next;
	uint64_t count;

	if (read(floor_.wake, &count, sizeof(count)) != sizeof(count))
		return;
	pthread_mutex_lock(&floor_.lock);
	c = floor_.finished;
	floor_.finished = NULL;
	pthread_mutex_unlock(&floor_.lock);
	for (; c != NULL; c = next) {
		next = c->next;
		c->busy = false;
		/* A client that left while we answered is noticed by its own event. */
		if (c->gone)
			client_drop(c);
		else
			(void)!send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
	}
}

static void watch(int fd, void *what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(floor_.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll: %s", strerror(errno));
}

static void accept_ready(int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		die("out of memory");
	c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0)
		die("accept: %s", strerror(errno));
	watch(c->fd, c);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die("%s: the path is too long for a socket", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 128) != 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static int serve(const char *path)
{
	struct epoll_event events[64];
	int fd = listen_on(path);
	pthread_t thread;

	floor_.queued_end = &floor_.queued;
	floor_.epoll = epoll_create1(EPOLL_CLOEXEC);
	floor_.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch(fd, NULL);
	watch(floor_.wake, &floor_.wake);
	if (pthread_create(&thread, NULL, worker, NULL) != 0)
		die("no thread");
	for (;;) {
		int n = epoll_wait(floor_.epoll, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_ready(fd);
			else if (events[i].data.ptr == &floor_.wake)
				finished_ready();
			else
				client_ready(events[i].data.ptr);
		}
	}
}

static void make_keys(unsigned each)
{
	struct put w = {.p = floor_.list, .room = sizeof(floor_.list)};
	size_t mark = put_open(&w);

	put_u8(&w, WIRE_KEYS);
	put_u32(&w, 2 * each);
	for (; floor_.key_count < 2 * each; floor_.key_count++) {
		struct key *k = &floor_.keys[floor_.key_count];

		key_new(k, floor_.key_count < each ? WIRE_ED25519 : WIRE_NISTP256);
		put_string(&w, k->blob, k->blob_len);
		put_text(&w, "bench@host.example");
	}
	put_close(&w, mark);
	floor_.list_len = w.n;
}

static int raw(enum wire_type type, unsigned count)
{
	static uint8_t request[1024];
	struct put w = {.p = request, .room = sizeof(request)};
	struct get body = {.p = request + 5};
	uint8_t answer[512];
	struct key k = {0};

	key_new(&k, type);
	wire_put_sign(&w, type, k.blob, k.blob_len);
	body.n = w.n - 5;
	(void)get_string(&body);
	body = get_string(&body);
	while (count-- > 0) {
		struct put out = {.p = answer, .room = sizeof(answer)};

		sign(&out, &k, body);
	}
	EVP_PKEY_free(k.pkey);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n;

	if (sodium_init() < 0)
		die("libsodium did not start");
	if (argc == 4 && strcmp(argv[1], "raw") == 0)
		return raw(wire_type_of(argv[2]), (unsigned)strtoul(argv[3], NULL, 10));
	n = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	if (n < 1 || n > KEYS_MAX) {
		fputs("usage: floor SOCKET KEYS\n       floor raw TYPE COUNT\n", stderr);
		return 2;
	}
	make_keys(n);
	return serve(argv[1]);
}
