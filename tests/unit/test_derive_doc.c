/* SPDX-License-Identifier: MIT */
/*
 * Computes every value that doc/DERIVATION.md prints, and compares. The values there come from an
 * independent program, so this is a test of the code as much as of the page.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include "derive/ecc.h"
#include "derive/encode.h"
#include "derive/hostkey.h"
#include "derive/kdf.h"
#include "derive/mnemonic.h"
#include "derive/secret.h"
#include "test_derive_vectors.h"

enum { VALUES_MAX = 100 };

struct values {
	size_t n;
	struct {
		char name[40];
		char value[200];
		bool seen;
	} of[VALUES_MAX];
};

static const char ssh_uri[] = "ssh://satoshi@bitcoin.org";
static const char wg_a[] = "wg://wg0@peer1";
static const char wg_b[] = "wg://wg0@peer2";
static const char disk[] = "secret://backup/disk";

static void put(struct values *v, const char *name, const char *value)
{
	cr_assert(v->n < VALUES_MAX && strlen(name) < 40 && strlen(value) < 200);
	strcpy(v->of[v->n].name, name);
	strcpy(v->of[v->n].value, value);
	v->n++;
}

static void put_hex(struct values *v, const char *name, const void *p, size_t n)
{
	char hex[200];

	cr_assert(2 * n < sizeof hex);
	hex_encode(hex, p, n);
	put(v, name, hex);
}

static void put_base64(struct values *v, const char *name, const uint8_t p[static 32])
{
	char text[48];

	base64_encode(text, sizeof text, p, 32);
	put(v, name, text);
}

static void seed_of(uint8_t seed[static MNEMONIC_SEED_LEN], const char *typed)
{
	char words[MNEMONIC_MAX];

	cr_assert(mnemonic_check(words, typed, NULL) == ERR_OK);
	cr_assert(mnemonic_seed(seed, words, "", NULL) == ERR_OK);
}

static void seed_a(uint8_t seed[static MNEMONIC_SEED_LEN])
{
	seed_of(seed, "all all all all all all all all all all all all");
}

static void seed_b(uint8_t seed[static MNEMONIC_SEED_LEN])
{
	seed_of(seed,
		"alcohol woman abuse must during monitor noble actual mixed trade anger aisle");
}

static struct node node_of(void (*seed_maker)(uint8_t *), enum curve curve, enum purpose purpose,
			   const char *uri, uint32_t index)
{
	uint8_t seed[MNEMONIC_SEED_LEN];
	struct node node;

	seed_maker(seed);
	cr_assert(slip13_node(&node, seed, sizeof seed, curve, purpose, uri, index) == ERR_OK);
	return node;
}

static void put_path(struct values *v, const char *name, enum purpose purpose, uint32_t index)
{
	uint32_t path[PATH_LEN];
	char text[100] = "m";
	size_t n = 1;

	slip13_path(path, purpose, ssh_uri, index);
	for (size_t i = 0; i < PATH_LEN; i++) {
		cr_assert((path[i] & HARDENED) != 0);
		n += (size_t)snprintf(text + n, sizeof text - n, "/%u'", path[i] & ~HARDENED);
	}
	put(v, name, text);
}

static void put_nodes(struct values *v, enum purpose purpose, enum curve last)
{
	const enum curve curves[] = {CURVE_NIST256P1, CURVE_SECP256K1, last};

	for (unsigned i = 0; i < 3; i++) {
		struct node node = node_of(seed_a, curves[i], purpose, ssh_uri, 0);
		uint8_t pub[PUBLIC_KEY_LEN];
		char name[60];
		int n = snprintf(name, sizeof name, "slip%d.%s", (int)purpose,
				 curve_name(curves[i]));

		strcpy(name + n, ".private");
		put_hex(v, name, node.key, 32);
		strcpy(name + n, ".chain");
		put_hex(v, name, node.chain, 32);
		strcpy(name + n, ".public");
		cr_assert(ecc_public(curves[i], node.key, pub) == ERR_OK);
		put_hex(v, name, pub, sizeof pub);
	}
}

static void slip13_values(struct values *v)
{
	uint8_t seed[MNEMONIC_SEED_LEN], hash[32], pub[PUBLIC_KEY_LEN];
	char text[100] = {0}; /* LE32(0) first */
	struct node node;

	seed_a(seed);
	put_hex(v, "seed", seed, sizeof seed);
	strcpy(text + 4, ssh_uri);
	hash_sha256(hash, text, 4 + strlen(ssh_uri));
	put_hex(v, "slip13.hash", hash, 32);
	put_path(v, "slip13.path", PURPOSE_SIGN, 0);
	put_path(v, "slip17.path", PURPOSE_ECDH, 0);
	put_path(v, "slip13.index7.path", PURPOSE_SIGN, 7);
	put_nodes(v, PURPOSE_SIGN, CURVE_ED25519);
	put_nodes(v, PURPOSE_ECDH, CURVE_CURVE25519);

	node = node_of(seed_a, CURVE_ED25519, PURPOSE_SIGN, "lanyard://wallet", 0);
	cr_assert(ecc_public(CURVE_ED25519, node.key, pub) == ERR_OK);
	put_hex(v, "wallet.public", pub, sizeof pub);
	hash_sha256(hash, pub + 1, 32);
	put_hex(v, "wallet.fingerprint", hash, 32);
}

static void sign_values(struct values *v)
{
	static const char *const names[] = {[SIGNING_SSH] = "sign.ssh.ed25519",
					    [SIGNING_GPG] = "sign.gpg.ed25519",
					    [SIGNING_SIGNIFY] = "sign.signify.ed25519",
					    [SIGNING_OTHER] = "sign.other.ed25519"};
	static const char visual[] = "2015-03-23 17:39:22";
	struct node node = node_of(seed_a, CURVE_ED25519, PURPOSE_SIGN, ssh_uri, 0);
	uint8_t data[32], parts[64], text[90], digest[32], pub[PUBLIC_KEY_LEN], sig[SIGNATURE_LEN];

	unhex(data, 32, "cd8552569d6e4509266ef137584d1e62c7579b5b8ed69bbafa4b864c6521e7c2");
	put_hex(v, "sign.data", data, 32);
	hash_sha256(parts, data, 32);
	put_hex(v, "sign.ssh.digest", parts, 32);
	hash_sha256(parts + 32, visual, strlen(visual));
	memcpy(text,
	       "\x18"
	       "Bitcoin Signed Message:\n"
	       "\x40",
	       26);
	memcpy(text + 26, parts, 64);
	hash_sha256(digest, text, 90);
	hash_sha256(digest, digest, 32);
	put_hex(v, "sign.other.digest", digest, 32);
	cr_assert(ecc_public(CURVE_ED25519, node.key, pub) == ERR_OK);
	for (unsigned how = SIGNING_SSH; how <= SIGNING_OTHER; how++) {
		cr_assert(ecc_sign(CURVE_ED25519, (enum signing)how, node.key, data, 32, visual,
				   sig) == ERR_OK);
		put_hex(v, names[how], sig, sizeof sig);
	}
	/* The digest above is what the last of them is over. */
	cr_expect(ecc_verify(NULL, CURVE_ED25519, SIGNING_SSH, pub, digest, 32, NULL, sig) ==
		  ERR_OK);
}

static void secret_of(uint8_t out[static SECRET_LEN], void (*seed_maker)(uint8_t *),
		      const char *uri, uint32_t index)
{
	struct node node = node_of(seed_maker, CURVE_CURVE25519, PURPOSE_ECDH, uri, index);
	uint8_t u[32], shared[SHARED_MAX];
	size_t n;

	kdf_secret_point(u, uri, index);
	cr_assert(ecc_ecdh(CURVE_CURVE25519, node.key, u, 32, shared, &n) == ERR_OK);
	kdf_secret(out, shared, n, uri);
}

/* SHA-256("lanyard secret v1" || 00 || disk || LE32(1)), written out. */
static void disk_hash(uint8_t out[static 32])
{
	static const char text[] = "lanyard secret v1\0secret://backup/disk\1\0\0";

	hash_sha256(out, text, sizeof text); /* with the last of LE32's zeros */
}

static void secret_values(struct values *v)
{
	struct node node = node_of(seed_a, CURVE_CURVE25519, PURPOSE_ECDH, wg_a, 0);
	uint8_t u[32], shared[SHARED_MAX], secret[SECRET_LEN];
	size_t n;

	kdf_secret_point(u, wg_a, 0);
	put_hex(v, "secret.point", u, 32);
	cr_assert(ecc_ecdh(CURVE_CURVE25519, node.key, u, 32, shared, &n) == ERR_OK);
	put_hex(v, "secret.shared", shared, n);
	secret_of(secret, seed_a, wg_a, 0);
	put_hex(v, "secret.value", secret, 32);

	disk_hash(u);
	put_hex(v, "secret.masked.hash", u, 32);
	kdf_secret_point(u, disk, 1);
	put_hex(v, "secret.masked.point", u, 32);
	secret_of(secret, seed_a, disk, 1);
	put_hex(v, "secret.masked.value", secret, 32);
}

static void p256_values(struct values *v)
{
	static const char message[] = "wg://wg0@peer1\0\0\0"; /* and the final NUL: LE32(0) */
	struct node node = node_of(seed_a, CURVE_NIST256P1, PURPOSE_ECDH, wg_a, 0);
	uint8_t point[65], shared[SHARED_MAX], secret[SECRET_LEN];
	size_t n;

	hash_to_p256(point, message, sizeof message, "lanyard secret p256 v1");
	put_hex(v, "secret.p256.point", point, sizeof point);
	cr_assert(ecc_ecdh(CURVE_NIST256P1, node.key, point, 65, shared, &n) == ERR_OK);
	put_hex(v, "secret.p256.x", shared + 1, 32);
	kdf_secret(secret, shared + 1, 32, wg_a);
	put_hex(v, "secret.p256.value", secret, 32);
}

/* As the KeepKey does it (SLIP-0011). */
static void keepkey_values(struct values *v)
{
	static const char key[] = "lanyard secret v1 secret://backup/diskE1D1";
	struct node node = node_of(seed_a, CURVE_SECP256K1, PURPOSE_ECDH, disk, 1);
	uint8_t k[crypto_auth_hmacsha512_BYTES], value[32], cipher[64], secret[SECRET_LEN];
	crypto_auth_hmacsha512_state st;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	disk_hash(value);
	crypto_auth_hmacsha512_init(&st, node.key, 32);
	crypto_auth_hmacsha512_update(&st, (const uint8_t *)key, strlen(key));
	crypto_auth_hmacsha512_final(&st, k);
	cr_assert(EVP_EncryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, k, k + 32) == 1);
	cr_assert(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
	cr_assert(EVP_EncryptUpdate(ctx, cipher, &n, value, 32) == 1 && n == 32);
	EVP_CIPHER_CTX_free(ctx);
	put_hex(v, "secret.keepkey.cipher", cipher, 32);
	kdf_secret(secret, cipher, 32, disk);
	put_hex(v, "secret.keepkey.value", secret, 32);
}

static void fido_values(struct values *v)
{
	static const char seed_label[] = "lanyard fido seed v1";
	static const char wrap_label[] = "lanyard fido wrap v1";
	uint8_t bytes[80], out[32], pub[PUBLIC_KEY_LEN];
	struct node node;

	for (unsigned i = 0; i < sizeof bytes; i++) {
		bytes[i] = (uint8_t)i;
	}
	hash_sha256(out, "lanyard:v1", 10);
	put_hex(v, "fido.rp-id-hash", out, 32);
	hash_sha256(out, seed_label, strlen(seed_label));
	put_hex(v, "fido.seed.salt", out, 32);
	hash_sha256(out, wrap_label, strlen(wrap_label));
	put_hex(v, "fido.wrap.salt", out, 32);
	hkdf(out, bytes + 32, 32, wrap_label, bytes + 64, 16);
	put_hex(v, "fido.wrap.key", out, 32);
	hkdf(out, bytes, 32, seed_label, NULL, 0);
	put_hex(v, "fido.seed", out, 32);
	cr_assert(slip13_node(&node, out, 32, CURVE_ED25519, PURPOSE_SIGN, ssh_uri, 0) == ERR_OK);
	cr_assert(ecc_public(CURVE_ED25519, node.key, pub) == ERR_OK);
	put_hex(v, "fido.ed25519.public", pub, sizeof pub);
}

struct wg_party {
	uint8_t secret[32], private_key[32];
	char peer_uri[80];
	struct wg_side side;
};

static void wg_keys(struct wg_party *p, void (*seed_maker)(uint8_t *), const char *uri)
{
	secret_of(p->secret, seed_maker, uri, 0);
	kdf_wg_private(p->private_key, p->secret, uri);
	kdf_wg_public(p->side.public_key, p->private_key);
}

static void wg_peer_uri(struct wg_party *p, const char *uri, const struct wg_party *other)
{
	char peer[48];
	struct identity id;

	base64url_encode(peer, sizeof peer, other->side.public_key, 32);
	snprintf(p->peer_uri, sizeof p->peer_uri, "%s/%s", uri, peer);
	cr_assert(identity_parse(&id, p->peer_uri, NULL) == ERR_OK && id.class == CLASS_WG_PEER);
}

static void put_point(struct values *v, const char *q_name, const char *point_name,
		      const uint8_t q[static 32], uint8_t point[static 32])
{
	kdf_wg_public(point, q);
	put_hex(v, q_name, q, 32);
	put_hex(v, point_name, point, 32);
}

static void wg_pair_values(struct values *v, const struct wg_party *a, const struct wg_party *b,
			   const uint8_t qa[static 32], const uint8_t qb[static 32])
{
	static const uint32_t epochs[] = {0, 1, 14186666, UINT32_MAX};
	uint8_t shared[SHARED_MAX], r[32], other[32], extra[32];
	struct wg_tree tree;
	size_t n;

	for (unsigned i = 0; i < 32; i++) {
		extra[i] = (uint8_t)(96 + i);
	}
	cr_assert(ecc_ecdh(CURVE_CURVE25519, qa, b->side.point, 32, shared, &n) == ERR_OK);
	put_hex(v, "wg.pair.shared", shared, n);
	cr_assert(kdf_wg_pair_shared(r, shared, &a->side, &b->side, 0, NULL) == ERR_OK);
	put_hex(v, "wg.pair.r0", r, 32);
	cr_assert(kdf_wg_pair(r, qb, &b->side, &a->side, 120, extra) == ERR_OK);
	put_hex(v, "wg.pair.r120-extra", r, 32);
	cr_assert(kdf_wg_pair(other, qb, &b->side, &a->side, 120, NULL) == ERR_OK);
	cr_assert(kdf_wg_pair(r, qa, &a->side, &b->side, 120, NULL) == ERR_OK);
	cr_expect(memcmp(r, other, 32) == 0, "both sides");
	put_hex(v, "wg.pair.r120", r, 32);
	wg_tree_start(&tree, r);
	for (unsigned i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
		char name[40];

		cr_assert(wg_tree_step(&tree, epochs[i]) == ERR_OK);
		cr_assert(wg_tree_psk(r, &tree, epochs[i]) == ERR_OK);
		snprintf(name, sizeof name, "wg.pair.epoch.%u", epochs[i]);
		put_hex(v, name, r, 32);
	}
}

static void wg_values(struct values *v)
{
	struct wg_party a, b;
	uint8_t qb[32], q[32], out[32];
	struct node qa;

	wg_keys(&a, seed_a, wg_a);
	wg_keys(&b, seed_b, wg_b);
	wg_peer_uri(&a, wg_a, &b);
	wg_peer_uri(&b, wg_b, &a);
	put_hex(v, "wg.a.private", a.private_key, 32);
	put_base64(v, "wg.a.public", a.side.public_key);
	put_hex(v, "wg.b.secret", b.secret, 32);
	put_hex(v, "wg.b.private", b.private_key, 32);
	put_base64(v, "wg.b.public", b.side.public_key);
	put(v, "wg.a.peer-uri", a.peer_uri);
	put(v, "wg.b.peer-uri", b.peer_uri);

	kdf_wg_child(q, a.secret, a.peer_uri);
	put_point(v, "wg.a.agent.q", "wg.a.agent.point", q, out);
	qa = node_of(seed_a, CURVE_CURVE25519, PURPOSE_ECDH, a.peer_uri, 0);
	put_point(v, "wg.a.device.q", "wg.a.device.point", qa.key, a.side.point);
	kdf_wg_child(qb, b.secret, b.peer_uri);
	put_point(v, "wg.b.agent.q", "wg.b.agent.point", qb, b.side.point);
	wg_pair_values(v, &a, &b, qa.key, qb);
	kdf_wg_single(out, a.secret, a.peer_uri);
	put_hex(v, "wg.a.single", out, 32);
}

/* One line of the page: known, printed once, and true. */
static void check_line(struct values *v, char *line)
{
	char *value = strchr(line, ' ');

	cr_assert(value != NULL, "not \"name value\": %s", line);
	*value++ = '\0';
	for (size_t i = 0; i < v->n; i++) {
		if (strcmp(v->of[i].name, line) == 0) {
			cr_expect(!v->of[i].seen, "%s is there twice", line);
			v->of[i].seen = true;
			cr_expect(strcmp(v->of[i].value, value) == 0, "%s\n page %s\n code %s",
				  line, value, v->of[i].value);
			return;
		}
	}
	cr_expect_fail("the page has a vector that nothing computes: %s", line);
}

Test(derivation_page, every_vector_is_true)
{
	static struct values v;
	FILE *f = fopen("doc/DERIVATION.md", "re");
	char line[400];
	bool inside = false;

	cr_assert(f != NULL);
	cr_assert(secret_start(NULL) == ERR_OK);
	slip13_values(&v);
	sign_values(&v);
	secret_values(&v);
	p256_values(&v);
	keepkey_values(&v);
	fido_values(&v);
	wg_values(&v);
	while (fgets(line, sizeof line, f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			inside = strcmp(line, "```vectors") == 0;
		} else if (inside) {
			check_line(&v, line);
		}
	}
	fclose(f);
	for (size_t i = 0; i < v.n; i++) {
		cr_expect(v.of[i].seen, "the page lacks %s", v.of[i].name);
	}
	cr_expect(v.n == 71);
}
