/* SPDX-License-Identifier: MIT */
#include "test_ssh_vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derive/encode.h"
#include "ssh/blob.h"

static const char vectors[] = "tests/vectors/ssh_agent.txt";

void ssh_vector(struct ssh_vector *v, const char *kind, const char *name)
{
	FILE *f = fopen(vectors, "r");
	char *line = NULL, *words[4];
	size_t cap = 0;
	bool found = false;

	cr_assert(f != NULL, "%s: cannot open (run from the tree's root)", vectors);
	while (!found && getline(&line, &cap, f) > 0) {
		char *rest = line;

		for (size_t i = 0; i < 4; i++)
			words[i] = strsep(&rest, " \n");
		if (words[0] == NULL || strcmp(words[0], kind) != 0 || strcmp(words[1], name) != 0)
			continue;
		found = true;
		snprintf(v->fingerprint, sizeof(v->fingerprint), "%s", words[2]);
		cr_assert(hex_decode(v->data, sizeof(v->data), &v->n, words[3], strlen(words[3])) ==
			  ERR_OK);
	}
	free(line);
	fclose(f);
	cr_assert(found, "%s: no %s %s", vectors, kind, name);
}

void ssh_vector_message(struct ssh_vector *v, const char *kind, const char *name,
			struct ssh_message *m)
{
	struct wbuf w;
	size_t used;

	ssh_vector(v, kind, name);
	cr_assert(v->n + 4 <= sizeof(v->data));
	memmove(v->data + 4, v->data, v->n);
	w = wbuf_new(v->data, 4);
	wbuf_u32(&w, (uint32_t)v->n);
	v->n += 4;
	cr_assert(ssh_frame_parse(v->data, v->n, m, &used, NULL) == SSH_FRAME_OK);
	cr_assert(used == v->n);
}

void ssh_vector_key(struct key *key, const char *name, const char *uri)
{
	struct ssh_vector v;

	*key = (struct key){.known = true, .listed = true, .allow = ALLOW_DEFAULT};
	ssh_vector(&v, "key", name);
	cr_assert(identity_parse(&key->id, uri, NULL) == ERR_OK);
	cr_assert(ssh_parse_key((struct slice){v.data, v.n}, &key->id.curve, key->public_key) ==
		  ERR_OK);
}

uint8_t *exact_copy(const void *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);

	cr_assert(copy != NULL);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

static void host_secret(uint8_t key[static 32], uint8_t host)
{
	memset(key, 7, 32);
	key[0] = host;
}

void make_host_key(struct wbuf *w, uint8_t host)
{
	uint8_t key[32], pub[PUBLIC_KEY_LEN];

	host_secret(key, host);
	cr_assert(ecc_public(CURVE_ED25519, key, pub) == ERR_OK);
	cr_assert(ssh_put_key(w, CURVE_ED25519, pub) == ERR_OK);
}

void make_bind(struct wbuf *w, uint8_t host, struct slice session_id, uint8_t forwarding)
{
	uint8_t key[32], sig[SIGNATURE_LEN];
	size_t mark = wbuf_open_string(w);

	make_host_key(w, host);
	wbuf_close_string(w, mark);
	wbuf_string(w, session_id.p, session_id.n);
	host_secret(key, host);
	cr_assert(ecc_sign(CURVE_ED25519, SIGNING_SSH, key, session_id.p, session_id.n, NULL,
			   sig) == ERR_OK);
	mark = wbuf_open_string(w);
	cr_assert(ssh_put_signature(w, CURVE_ED25519, sig) == ERR_OK);
	wbuf_close_string(w, mark);
	wbuf_u8(w, forwarding);
	cr_assert(wbuf_ok(w));
}

struct slice slice_text(const char *text)
{
	return (struct slice){(const uint8_t *)text, strlen(text)};
}
