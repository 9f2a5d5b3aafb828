/* SPDX-License-Identifier: MIT */
/* ssh/bind.h and ssh/host.h: session-binds of one connection, each a string (RFC 4251). */
#include "fuzz.h"

#include "derive/hostkey.h"
#include <sys/stat.h>
#include <unistd.h>

#include "ssh/bind.h"
#include "ssh/destination.h"
#include "ssh/host.h"

static char home[] = "/tmp/lanyard-fuzz-XXXXXX", path[64];

/* What a bind that was accepted proves: this key signed this session id, and nothing else. */
static void check_proof(struct slice contents, const struct ssh_bind *bind)
{
	struct rbuf r = rbuf_from(contents);
	struct slice host_key = rbuf_string(&r);
	struct slice session_id = rbuf_string(&r);
	struct slice signature = rbuf_string(&r);
	uint8_t hash[32], other[SSH_SESSION_ID_MAX + 1];

	CHECK((rbuf_u8(&r) != 0) == bind->forwarding && rbuf_end(&r));
	CHECK(session_id.n > 0 && session_id.n <= SSH_SESSION_ID_MAX);
	hash_sha256(hash, host_key.p, host_key.n);
	CHECK(memcmp(hash, bind->host_key, 32) == 0 && ssh_hash_is(hash, host_key));
	CHECK(!ssh_hash_is(hash, session_id));
	hash_sha256(hash, session_id.p, session_id.n);
	CHECK(memcmp(hash, bind->session_id, 32) == 0);
	CHECK(ssh_host_verify(host_key, session_id, signature, hash, NULL) == ERR_OK);
	CHECK(memcmp(hash, bind->fingerprint, 32) == 0);
	memcpy(other, session_id.p, session_id.n);
	other[session_id.n] = 0;
	CHECK(ssh_host_verify(host_key, (struct slice){other, session_id.n + 1}, signature, hash,
			      NULL) != ERR_OK);
	other[0] ^= 1;
	CHECK(ssh_host_verify(host_key, (struct slice){other, session_id.n}, signature, hash,
			      NULL) != ERR_OK);
	CHECK(ssh_host_verify(host_key, session_id, (struct slice){signature.p, signature.n - 1},
			      hash, NULL) != ERR_OK);
}

static void check_list(const struct ssh_binds *binds)
{
	CHECK(binds->count <= SSH_BINDS_MAX);
	CHECK(ssh_bind_last(binds) == (binds->count > 0 ? &binds->list[binds->count - 1] : NULL));
	for (size_t i = 0; i < binds->count; i++) {
		/* Only the last may be for a login, and a session is there once. */
		CHECK(i + 1 == binds->count || binds->list[i].forwarding);
		CHECK(!binds->list[i].forwarding || binds->forwarded);
		for (size_t k = 0; k < i; k++)
			CHECK(memcmp(binds->list[i].session_id, binds->list[k].session_id, 32) !=
			      0);
	}
}

/* tests/vectors' hosts are known by their CA, as localhost. */
#define CA "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICjylYA5b6ohfDjux5GBTLi37IKdA7SGhnzxvOg/d66Q\n"
static const char known_hosts[] = "@cert-authority localhost,other,gone,[localhost]:2 " CA
				  "@revoked gone " CA;

static void clean_up(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(home);
}

static void make_home(void)
{
	FILE *f;

	CHECK(mkdtemp(home) != NULL && setenv("HOME", home, 1) == 0);
	snprintf(path, sizeof(path), "%.30s/.ssh", home);
	CHECK(mkdir(path, 0700) == 0);
	strcat(path, "/known_hosts");
	f = fopen(path, "w");
	CHECK(f != NULL && fputs(known_hosts, f) >= 0 && fclose(f) == 0);
	CHECK(atexit(clean_up) == 0);
}

static bool permits(const struct ssh_binds *binds, const char *list, const struct slice *user)
{
	struct ssh_chain chain = {.binds = binds};
	struct why why = {0};
	enum err e = ssh_chain_permits(&chain, list, user, &why);

	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_NOT_ALLOWED);
	CHECK(ssh_chain_permits(&chain, list, user, NULL) == e);
	ssh_chain_end(&chain);
	return e == ERR_OK;
}

/* ssh/destination.h: who may sign is certified for that name, from here on; others may not. */
static void check_destinations(const struct ssh_binds *binds)
{
	static const char list[] = "u@localhost,localhost>localhost,other";
	struct slice user = {(const uint8_t *)"u", 1}, root = {(const uint8_t *)"root", 4};
	const struct ssh_bind *last = ssh_bind_last(binds);
	bool signs = permits(binds, list, &user), all_certs = true;

	for (size_t i = 0; i < binds->count; i++) {
		CHECK(binds->list[i].cert == NULL ||
		      memcmp(binds->list[i].host_key, binds->list[i].fingerprint, 32) != 0);
		all_certs = all_certs && binds->list[i].cert != NULL;
	}
	CHECK(permits(binds, NULL, &user) && !permits(binds, "unheard-of", &user));
	CHECK(!signs || (last != NULL && !last->forwarding && all_certs));
	CHECK(!signs || permits(binds, list, NULL));
	CHECK(!permits(binds, list, &root) || binds->count > 1);
	CHECK(last != NULL || permits(binds, list, NULL) == !binds->tried);
	CHECK(!permits(binds, "localhost", NULL) || binds->count < 2);
	CHECK(!permits(binds, "other", &user)); /* no principal */
	CHECK(!permits(binds, "gone", &user));
	CHECK(permits(binds, "localhost:2", &user) == permits(binds, "localhost", &user));
}

/* What ssh/host.h does not let through, the primitives refuse as well. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct slice zeros = {(const uint8_t[32]){0}, 32};

	(void)argc;
	(void)argv;
	CHECK(verify_ecdsa(255, zeros, zeros, zeros, zeros) == ERR_UNSUPPORTED);
	make_home();
	zeros.n = 31;
	CHECK(verify_ed25519(zeros, zeros, zeros) == ERR_BAD_POINT);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rbuf r = rbuf_new(data, size);
	struct ssh_binds binds = {.count = 0};

	while (r.n > 0) {
		struct slice contents = rbuf_string(&r);
		struct ssh_binds before = binds;
		struct why why = {0};
		uint8_t *copy = fuzz_copy(contents.p, contents.n);
		enum err e = ssh_bind_add(&binds, (struct slice){copy, contents.n}, &why);

		free(copy);
		fuzz_check_why(e, &why);
		CHECK(binds.count == before.count ||
		      (e == ERR_OK && binds.count == before.count + 1));
		CHECK(memcmp(binds.list, before.list, before.count * sizeof(before.list[0])) == 0);
		CHECK(binds.forwarded || !before.forwarded);
		check_list(&binds);
		if (binds.count > before.count) {
			CHECK(before.count == 0 || before.list[before.count - 1].forwarding);
			check_proof(contents, ssh_bind_last(&binds));
		}
	}
	check_destinations(&binds);
	ssh_binds_end(&binds);
	return 0;
}
