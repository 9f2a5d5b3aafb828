/* SPDX-License-Identifier: MIT */
/* wg-hook/keys.h and query.h before agents that say anything. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "derive/kdf.h"
#include "wg-hook/keys.h"
#include "wg-hook/query.h"

/* Of DERIVATION.md's vectors. */
#define KEY_A    "nC5Njevw9Sc9TAJ0GQzwKMhaAstjudwVDljr5I1lW2I="
#define KEY_B    "txGznCjUbYaBay1Gw/O+cVSxXq0eEIig+FnqzybI5Qg="
#define POINT    "KeQnccGC/W7PSXeXwVgHe+98bFqq75qVSx1XE2fMI2I="
#define PEER_URI "wg://wg0@peer1/txGznCjUbYaBay1Gw_O-cVSxXq0eEIig-FnqzybI5Qg"
#define HEAD     "[interface]\nidentity = wg://wg0@peer1\n"
#define PRIVATE                                                                                    \
	"D "                                                                                       \
	"%80%89%63%15%65%24%B0%AC%25%96%B5%E2%28%D7%1B%35%1E%87%D9%9B%22%AF%52%47%ED%4B%F0%2F%E8"  \
	"%6D%86%49\nOK\n"
#define ONES "D AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nOK\n"
#define ZERO                                                                                       \
	"D "                                                                                       \
	"%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00"  \
	"%00%00%00\nOK\n"

enum { STEPS_MAX = 8 };

static char place[] = "/tmp/lanyard-wgkeys-XXXXXX";
static char path[64];

static void enter(void)
{
	cr_assert(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/agent.sock", place);
	cr_assert_eq(secret_start(NULL), ERR_OK);
}

static void leave(void)
{
	unlink(path);
	rmdir(place);
}

TestSuite(wg_keys, .init = enter, .fini = leave, .timeout = 60);

/* What the client must send, or with a "<" in front what it is sent; one after another. With a "?"
 * it must have sent no more until then. */
static bool play(int fd, const char *step)
{
	size_t n = strlen(step);
	struct pollfd more = {.fd = fd, .events = POLLIN};

	if (*step == '?' && poll(&more, 1, 50) != 0)
		return false;
	if (*step == '?')
		return send(fd, step + 1, n - 1, MSG_NOSIGNAL) == (ssize_t)(n - 1);
	if (*step == '<')
		return send(fd, step + 1, n - 1, MSG_NOSIGNAL) == (ssize_t)(n - 1);
	for (size_t i = 0; i < n; i++) {
		char c;

		if (read(fd, &c, 1) != 1 || c != step[i])
			return false;
	}
	return true;
}

static struct client *serve(const char *const *steps, pid_t *pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	struct client *c;
	struct why why;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	*pid = fork();
	if (*pid == 0) {
		int fd = accept(listener, NULL, NULL);

		if (!play(fd, "<OK lanyard test ready\n"))
			_exit(1);
		for (size_t i = 0; i < STEPS_MAX && steps[i] != NULL; i++)
			if (!play(fd, steps[i]))
				_exit(1);
		_exit(0);
	}
	close(listener);
	cr_assert_eq(client_open(&c, path, &why), ERR_OK, "%s", why.text);
	return c;
}

/* True when the agent was told what it expected. */
static bool served(struct client *c, pid_t pid)
{
	int status;

	client_close(c);
	unlink(path);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static struct settings settings_of(const char *text)
{
	struct settings s;
	struct why why;

	cr_assert_eq(settings_parse(&s, "FILE", text, strlen(text), &why), ERR_OK, "%s", why.text);
	return s;
}

static struct tunnel_peer peer_of(enum psk_mode mode, const uint8_t *point, const char *extra)
{
	struct tunnel_peer p = {.psk_mode = mode, .point = point, .extra = extra};

	cr_assert_eq(wg_key_parse(p.key, KEY_B, strlen(KEY_B)), ERR_OK);
	return p;
}

Test(wg_keys, a_whole_tunnel)
{
	static const char *const steps[] = {
		"WGKEYS --device=0123 --index=7 --peers=2 wg://wg0@peer1\n",
		"<S WAITING 0123 soft:home 30\n" PRIVATE,
		"WGKEYS --psk-mode=agent --point=" POINT " --rotate=120 --index=7 " PEER_URI "\n",
		"<" ONES,
		"WGKEYS --psk-mode=single --index=7 " PEER_URI "\n",
		"<" ONES,
		NULL,
	};
	struct settings s = settings_of(
		HEAD "index = 7\ndevice = 0123\nrotate = 120\npublic-key = " KEY_A "\n");
	uint8_t point[WG_KEY_LEN];
	struct tunnel_peer peers[3];
	struct keys *k = NULL;
	struct why why = {0};
	pid_t pid;
	struct client *c = serve(steps, &pid);

	cr_assert_eq(wg_key_parse(point, POINT, strlen(POINT)), ERR_OK);
	peers[0] = peer_of(PSK_AGENT, point, NULL);
	peers[1] = peer_of(PSK_SINGLE, NULL, NULL);
	peers[2] = peer_of(PSK_NONE, NULL, NULL);
	cr_assert_eq(keys_fetch(&k, c, &s, peers, 3, NULL, &why), ERR_OK, "%s", why.text);
	cr_expect(served(c, pid));
	cr_expect_arr_eq(k->public_key, s.public_key, WG_KEY_LEN);
	cr_expect(k->count == 3 && k->rotate == 120);
	cr_expect(k->peers[0].has_psk && k->peers[0].is_root);
	cr_expect(k->peers[1].has_psk && !k->peers[1].is_root);
	cr_expect(!k->peers[2].has_psk && !k->peers[2].is_root);
	cr_expect_eq(k->peers[0].psk[31], 'A');
	cr_expect_arr_eq(k->peers[2].key, peers[2].key, WG_KEY_LEN);
	keys_free(k);
	settings_free(&s);
}

/* Commands go ahead of their answers, but none before or after one that may ask back. */
Test(wg_keys, what_goes_ahead_of_answers)
{
	static const char single[] = "WGKEYS --psk-mode=single --index=0 " PEER_URI "\n";
	static const char device[] = "WGKEYS --psk-mode=device --point=" POINT
				     " --index=0 " PEER_URI "\n";
	static char two[2 * sizeof(single)];
	const char *const steps[] = {
		"WGKEYS --index=0 --peers=5 wg://wg0@peer1\n",
		"<" PRIVATE,
		two,
		"?" ONES ONES,
		device,
		"?" ONES,
		two,
		"<" ONES ONES,
	};
	struct settings s = settings_of(HEAD);
	uint8_t point[WG_KEY_LEN];
	struct keys *k = NULL;
	struct why why = {0};
	pid_t pid;

	cr_assert_eq(wg_key_parse(point, POINT, strlen(POINT)), ERR_OK);
	snprintf(two, sizeof(two), "%s%s", single, single);
	struct client *c = serve(steps, &pid);
	const struct tunnel_peer peers[] = {
		peer_of(PSK_SINGLE, NULL, NULL),  peer_of(PSK_SINGLE, NULL, NULL),
		peer_of(PSK_DEVICE, point, NULL), peer_of(PSK_NONE, NULL, NULL),
		peer_of(PSK_SINGLE, NULL, NULL),  peer_of(PSK_SINGLE, NULL, NULL),
	};
	cr_expect_eq(keys_fetch(&k, c, &s, peers, 6, NULL, &why), ERR_OK, "%s", why.text);
	cr_expect(served(c, pid));
	for (size_t i = 0; k != NULL && i < 6; i++)
		cr_expect_eq(k->peers[i].has_psk && k->peers[i].psk[0] == 'A', i != 3, "%zu", i);
	keys_free(k);
	settings_free(&s);
}

/* Whatever the agent answers for the interface or for the peer: an error, and nothing is kept. */
Test(wg_keys, hostile_answers)
{
	static const struct {
		const char *interface, *peer; /* peer NULL: it does not come to that */
		enum err e;
		const char *says;
	} rows[] = {
		{"<OK\n", NULL, ERR_SYNTAX, "a key of 0 bytes"},
		{"<D A\nOK\n", NULL, ERR_SYNTAX, "a key of 1 bytes"},
		{"<D AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nOK\n", NULL, ERR_TOO_LARGE,
		 "longer than 32"},
		{"<D %4\nOK\n", NULL, ERR_SYNTAX, "bad escape"},
		{"<" ONES, NULL, ERR_SYNTAX, "no X25519 private key"},
		{"<" ZERO, NULL, ERR_SYNTAX, "no X25519 private key"},
		{"<ERR 1 refused: no\n", NULL, ERR_REFUSED, "no"},
		{"<ERR 1 ok: no\n", NULL, ERR_INTERNAL, ""},
		{"<INQUIRE EXTRA\n", NULL, ERR_NO_AGENT, ""},
		{"<" PRIVATE, "<" ZERO, ERR_SYNTAX, "peer " KEY_B ": the agent does not follow"},
		{"<" PRIVATE, "<OK\n", ERR_SYNTAX, "peer " KEY_B},
		{"<" PRIVATE, "<ERR 1 bad-point: own\n", ERR_BAD_POINT, "peer " KEY_B ": own"},
		{"<" PRIVATE "OK\n", NULL, ERR_NO_AGENT, "closed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *const steps[STEPS_MAX] = {
			"WGKEYS --index=0 --peers=1 wg://wg0@peer1\n", rows[i].interface,
			rows[i].peer != NULL ? "WGKEYS --psk-mode=single --index=0 " PEER_URI "\n"
					     : NULL,
			rows[i].peer};
		struct settings s = settings_of(HEAD);
		struct tunnel_peer peer = peer_of(PSK_SINGLE, NULL, NULL);
		struct keys *k = (struct keys *)&s;
		struct why why = {0};
		pid_t pid;
		struct client *c = serve(steps, &pid);

		cr_expect_eq(keys_fetch(&k, c, &s, &peer, 1, NULL, &why), rows[i].e, "row %zu: %s",
			     i, why.text);
		cr_expect(strstr(why.text, rows[i].says), "row %zu: said \"%s\"", i, why.text);
		cr_expect_null(k);
		(void)served(c, pid);
		settings_free(&s);
	}
}

Test(wg_keys, another_key_than_expected)
{
	static const char *const steps[] = {"WGKEYS --index=0 --peers=0 wg://wg0@peer1\n",
					    "<" PRIVATE, NULL};
	struct settings s = settings_of(HEAD "public-key = " KEY_B "\n");
	struct keys *k = NULL;
	struct why why = {0};
	pid_t pid;
	struct client *c = serve(steps, &pid);

	cr_expect_eq(keys_fetch(&k, c, &s, NULL, 0, NULL, &why), ERR_MISMATCH);
	cr_expect(strstr(why.text, KEY_A) && strstr(why.text, KEY_B), "%s", why.text);
	cr_expect_null(k);
	cr_expect(served(c, pid));
	settings_free(&s);
}

/* The extra key goes to who asks for EXTRA after --extra, from a file that only root can read. */
Test(wg_keys, extra)
{
	static const char *const asked[] = {
		"WGKEYS --index=0 --peers=1 wg://wg0@peer1\n",
		"<" PRIVATE,
		"WGKEYS --psk-mode=device --point=" POINT " --extra --index=0 " PEER_URI "\n",
		"<S INQUIRE_MAXLEN 32\nINQUIRE EXTRA\n",
		"D %9C.M%8D%EB",
		NULL,
	};
	static const char *const refused[] = {
		asked[0], asked[1], asked[2], asked[3], "CAN\n", "<ERR 1 canceled: x\n", NULL};
	struct settings s = settings_of(HEAD);
	uint8_t point[WG_KEY_LEN];
	char file[80];
	bool root = geteuid() == 0;
	struct keys *k = NULL;
	struct why why = {0};
	pid_t pid;

	cr_assert_eq(wg_key_parse(point, POINT, strlen(POINT)), ERR_OK);
	snprintf(file, sizeof(file), "%s/extra", place);
	struct tunnel_peer peer = peer_of(PSK_DEVICE, point, file);
	for (unsigned mode = 0600; mode <= 0640; mode += 040) {
		FILE *f = fopen(file, "w");
		bool good = root && mode == 0600;

		cr_assert(f != NULL);
		fputs(KEY_A "\n", f);
		fclose(f);
		cr_assert_eq(chmod(file, mode), 0);
		struct client *c = serve(good ? asked : refused, &pid);
		enum err e = keys_fetch(&k, c, &s, &peer, 1, NULL, &why);
		/* The script of the good one ends in the middle. */
		cr_expect_eq(e, good ? ERR_NO_AGENT : ERR_PERMISSION, "%o: %s", mode, why.text);
		cr_expect(served(c, pid), "%o", mode);
	}
	unlink(file);
	settings_free(&s);
}

Test(wg_keys, query)
{
	static const char *const steps[] = {
		"PUBKEY --index=0 wg://wg0@peer1\n",
		"<D " KEY_A "\nOK\n",
		"PUBKEY --index=0 --psk-mode=agent " PEER_URI "\n",
		"<D AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nOK\n",
		"KEYS\n",
		"<S KEY wg://wg0@peer1 1 curve25519 wrong known\nS KEY wg://wg0@peer1 0 curve25519 "
		"0123\n"
		"S KEY x\nS KEY\nOK\n",
		"KEYS\n",
		"<S KEY wg://wg0@peer1/x 0 curve25519 0123\nOK\n",
	};
	struct settings s = settings_of(HEAD);
	struct tunnel_peer peer = peer_of(PSK_AGENT, NULL, NULL);
	char serial[SETTINGS_DEVICE_MAX] = "";
	uint8_t key[WG_KEY_LEN], want[WG_KEY_LEN];
	struct why why = {0};
	pid_t pid;
	struct client *c = serve(steps, &pid);

	cr_assert_eq(wg_key_parse(want, KEY_A, strlen(KEY_A)), ERR_OK);
	cr_expect_eq(query_public(key, c, &s, NULL, &why), ERR_OK, "%s", why.text);
	cr_expect_arr_eq(key, want, WG_KEY_LEN);
	cr_expect_eq(query_public(key, c, &s, &peer, &why), ERR_SYNTAX);
	cr_expect_eq(query_serial(serial, c, &s, &why), ERR_OK, "%s", why.text);
	cr_expect_str_eq(serial, "0123");
	serial[0] = '\0';
	cr_expect_eq(query_serial(serial, c, &s, &why), ERR_NOT_FOUND);
	cr_expect(served(c, pid));
	settings_free(&s);
}
