/* SPDX-License-Identifier: MIT */
/* Where the sockets are, connecting to one, and commands under construction. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/client.h"

static void enter(void)
{
	unsetenv("LANYARD_SOCK");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_STATE_HOME");
}

TestSuite(protocol_sockets, .init = enter);

static int listen_at(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

Test(protocol_sockets, connecting)
{
	char place[] = "/tmp/lanyard-sockets-XXXXXX", path[64], text[SOCKET_PATH_MAX + 2];
	struct why why;
	int fd;

	cr_assert(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/agent.sock", place);
	cr_expect_eq(client_connect(path, &fd, &why), ERR_NO_AGENT);
	cr_expect(strstr(why.text, path) && strstr(why.text, "lanyard-agent"), "%s", why.text);
	cr_expect_eq(fd, -1);
	close(listen_at(path)); /* stale: nobody listens any more */
	cr_expect_eq(client_connect(path, &fd, &why), ERR_NO_AGENT);
	cr_assert_eq(unlink(path), 0);
	int listener = listen_at(path);
	cr_assert_eq(client_connect(path, &fd, &why), ERR_OK);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(listener);
	cr_assert_eq(unlink(path) | rmdir(place), 0);
	memset(text, 'x', sizeof(text));
	text[SOCKET_PATH_MAX] = '\0';
	cr_expect_eq(client_connect(text, &fd, &why), ERR_NO_AGENT);
	text[SOCKET_PATH_MAX] = 'x';
	text[SOCKET_PATH_MAX + 1] = '\0';
	cr_expect_eq(client_connect(text, &fd, &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "108 bytes long, at most 107"), "%s", why.text);
}

Test(protocol_sockets, socket_paths)
{
	char out[SOCKET_PATH_MAX + 1], dir[200], user[64], want[100];
	struct stat st;
	struct why why;

	setenv("HOME", "/h", 1);
	snprintf(user, sizeof(user), "/run/user/%u", (unsigned)geteuid());
	bool ours = stat(user, &st) == 0 && st.st_uid == geteuid();
	snprintf(want, sizeof(want), "%s/agent.sock",
		 ours ? strcat(user, "/lanyard") : "/h/.local/state/lanyard/run");
	cr_expect_eq(client_socket_path(out, NULL, "agent.sock", &why), ERR_OK);
	cr_expect_str_eq(out, want);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	cr_expect_eq(client_socket_path(out, NULL, "agent.sock", &why), ERR_OK);
	cr_expect_str_eq(out, want);

	setenv("XDG_RUNTIME_DIR", "/r", 1);
	cr_expect_eq(client_socket_path(out, NULL, "ssh.sock", &why), ERR_OK);
	cr_expect_str_eq(out, "/r/lanyard/ssh.sock");
	cr_expect_eq(client_socket_dir(dir, sizeof(dir), NULL, &why), ERR_OK);
	cr_expect_str_eq(dir, "/r/lanyard");
	cr_expect_eq(client_socket_dir(dir, 10, NULL, &why), ERR_TOO_LARGE);

	setenv("LANYARD_SOCK", "/l/other.sock", 1);
	cr_expect_eq(client_socket_path(out, NULL, "agent.sock", &why), ERR_OK);
	cr_expect_str_eq(out, "/l/other.sock");
	cr_expect_eq(client_socket_path(out, NULL, "ssh.sock", &why), ERR_OK);
	cr_expect_str_eq(out, "/l/ssh.sock");
	cr_expect_eq(client_socket_path(out, "/d", "agent.sock", &why), ERR_OK);
	cr_expect_str_eq(out, "/d/agent.sock");
	setenv("LANYARD_SOCK", "/agent.sock", 1);
	cr_expect_eq(client_socket_dir(dir, sizeof(dir), NULL, &why), ERR_OK);
	cr_expect_str_eq(dir, "/");
	setenv("LANYARD_SOCK", "agent.sock", 1);
	cr_expect_eq(client_socket_path(out, NULL, "agent.sock", &why), ERR_INVALID);
	cr_expect_eq(client_socket_path(out, "d", "agent.sock", &why), ERR_INVALID);
}

Test(protocol_sockets, a_socket_path_that_is_too_long)
{
	char out[SOCKET_PATH_MAX + 1], dir[200] = "/";
	struct why why;

	memset(dir + 1, 'd', sizeof(dir) - 2);
	dir[SOCKET_PATH_MAX - strlen("/ssh.sock")] = '\0';
	cr_expect_eq(client_socket_path(out, dir, "ssh.sock", &why), ERR_OK, "%s", why.text);
	cr_expect_eq(strlen(out), SOCKET_PATH_MAX);
	cr_expect_eq(client_socket_path(out, dir, "agent.sock", &why), ERR_TOO_LARGE);
	cr_expect(strstr(why.text, "109 bytes long, at most 107"), "%s", why.text);
}

Test(protocol_sockets, words_come_back_as_they_were)
{
	for (unsigned c = 1; c < 256; c++) {
		const char word[] = {(char)c, '-', (char)c, '\0'};
		char text[128];
		struct wbuf w = wbuf_new(text, sizeof(text));
		struct line l;
		struct why why;

		wbuf_text(&w, "SIGN");
		client_option(&w, "device", word);
		client_option(&w, "index", NULL);
		client_word(&w, word);
		client_word(&w, "--last");
		cr_assert(wbuf_ok(&w));
		cr_assert_eq(line_parse(&l, text, w.n, &why), ERR_OK, "%u: %s", c, why.text);
		cr_expect_str_eq(line_option(&l, "device"), word, "%u", c);
		cr_expect_eq(line_option(&l, "index"), NULL);
		cr_expect_str_eq(line_operand(&l, 0), word, "%u", c);
		cr_expect_str_eq(line_operand(&l, 1), "--last");
		cr_expect_eq(line_operands(&l), 2);
	}
}

Test(protocol_sockets, an_operand_is_no_option)
{
	char text[64];
	struct wbuf w = wbuf_new(text, sizeof(text));
	struct line l;
	struct why why;

	wbuf_text(&w, "SIGN");
	client_word(&w, "--yes");
	cr_assert_eq(line_parse(&l, text, w.n, &why), ERR_OK);
	cr_expect_eq(line_option(&l, "yes"), NULL);
	cr_expect_str_eq(line_operand(&l, 0), "--yes");
	client_word(&w, "");
	cr_expect_not(wbuf_ok(&w), "an empty word would be lost on the way");
}
