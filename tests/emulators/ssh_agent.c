/* SPDX-License-Identifier: MIT */
/*
 * An ssh-agent that does not behave: ssh_agent SOCKET LOG MODE [PUBLIC-KEY-FILE].
 *
 * Accepts session-binds and lists the key of the file, unless the mode says otherwise; refuses what
 * else it is asked. Appends to LOG: "connected", each request ("list", "sign", "bind", "chain",
 * "other"), "closed". Modes:
 *   hang      never answers a signature
 *   wrong     says "success" to a request for a signature
 *   mute      never answers
 *   drip      answers a byte each 10 ms
 *   old       knows no session-bind
 *   length    answers with a length of 4 GB
 *   short     lists two keys, sends one
 *   nul       has a NUL in the comment
 *   nokey     lists an empty key
 *   many      lists 2049 keys
 *   big       lists 393 keys, as much as a list can hold
 *   twice     answers everything twice
 *   eager     speaks first
 *   close     closes instead of an answer
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "derive/encode.h"
#include "protocol/buf.h"
#include "ssh/message.h"

static int log_fd;
static const char *mode;
static uint8_t key[1024];
static size_t key_len;
static uint8_t out[4 + SSH_FRAME_MAX];

static bool is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static void note(const char *what)
{
	char line[40];
	int n = snprintf(line, sizeof(line), "%s\n", what);

	if (write(log_fd, line, (size_t)n) != n)
		_exit(1);
}

static void put_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t part = is("drip") ? 1 : n;
		ssize_t sent = send(fd, p, part, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		p += sent;
		n -= (size_t)sent;
		if (is("drip"))
			usleep(10 * 1000);
	}
}

static void answer(int fd, struct wbuf *w)
{
	wbuf_close_string(w, 0);
	if (!wbuf_ok(w))
		_exit(1);
	if (is("length"))
		memset(w->p, 0xff, 4);
	put_all(fd, w->p, w->n);
	if (is("twice"))
		put_all(fd, w->p, w->n);
}

static void answer_type(int fd, uint8_t type)
{
	struct wbuf w = wbuf_new(out, sizeof(out));

	wbuf_open_string(&w);
	wbuf_u8(&w, type);
	answer(fd, &w);
}

/* The keys after the first differ from it in their last bytes. */
static void answer_list(int fd)
{
	static char comment[608] = "fake";
	uint32_t count = is("many") ? 2049 : is("big") ? 393 : 1;
	size_t comment_len = is("big") ? sizeof(comment) : 4;
	struct wbuf w = wbuf_new(out, sizeof(out));
	uint8_t blob[sizeof(key)];

	memcpy(blob, key, sizeof(blob));
	if (is("big"))
		memset(comment, 'c', sizeof(comment));
	if (is("nul"))
		comment[1] = '\0';
	wbuf_open_string(&w);
	wbuf_u8(&w, SSH_AGENT_IDENTITIES_ANSWER);
	wbuf_u32(&w, is("short") ? 2 : count);
	for (uint32_t i = 0; i < count; i++) {
		wbuf_string(&w, blob, is("nokey") ? 0 : key_len);
		wbuf_string(&w, comment, comment_len);
		blob[key_len - 1]++;
		blob[key_len - 2] += blob[key_len - 1] == 0;
	}
	answer(fd, &w);
}

static void handle(int fd, const struct ssh_message *m)
{
	bool bind = slice_is(m->name, "session-bind@openssh.com");

	note(m->type == SSH_AGENTC_REQUEST_IDENTITIES      ? "list"
	     : m->type == SSH_AGENTC_SIGN_REQUEST          ? "sign"
	     : bind                                        ? "bind"
	     : slice_is(m->name, "upstream-chain@lanyard") ? "chain"
							   : "other");
	if (is("mute") || (is("hang") && m->type == SSH_AGENTC_SIGN_REQUEST))
		return;
	if (is("close"))
		shutdown(fd, SHUT_RDWR);
	else if (is("wrong") && m->type == SSH_AGENTC_SIGN_REQUEST)
		answer_type(fd, SSH_AGENT_SUCCESS);
	else if (m->type == SSH_AGENTC_REQUEST_IDENTITIES)
		answer_list(fd);
	else
		answer_type(fd, bind && !is("old") ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
}

static void serve(int fd)
{
	static uint8_t in[4 + SSH_FRAME_MAX];
	struct ssh_message m;
	size_t n = 0, used;
	ssize_t got;

	note("connected");
	if (is("eager"))
		answer_type(fd, SSH_AGENT_SUCCESS);
	while ((got = recv(fd, in + n, sizeof(in) - n, 0)) > 0) {
		n += (size_t)got;
		while (ssh_frame_parse(in, n, &m, &used, NULL) == SSH_FRAME_OK) {
			handle(fd, &m);
			n -= used;
			memmove(in, in + used, n);
		}
	}
	note("closed");
	_exit(0);
}

static void read_key(const char *path)
{
	char line[2048];
	FILE *f = fopen(path, "r");
	char *text;

	if (f == NULL || fgets(line, sizeof(line), f) == NULL || strtok(line, " ") == NULL ||
	    (text = strtok(NULL, " \n")) == NULL ||
	    base64_decode(key, sizeof(key), &key_len, text, strlen(text)) != ERR_OK) {
		fprintf(stderr, "%s: no public key\n", path);
		exit(1);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, client;

	if (argc < 4 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fputs("usage: ssh_agent SOCKET LOG MODE [PUBLIC-KEY-FILE]\n", stderr);
		return 2;
	}
	mode = argv[3];
	if (argc > 4)
		read_key(argv[4]);
	memcpy(address.sun_path, argv[1], strlen(argv[1]));
	unlink(argv[1]);
	signal(SIGCHLD, SIG_IGN);
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (log_fd < 0 || fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 16) != 0) {
		fprintf(stderr, "ssh_agent: %s\n", strerror(errno));
		return 1;
	}
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (fork() == 0)
			serve(client);
		close(client);
	}
	return 1;
}
