/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/replay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 32 };

static bool failed(const char *what)
{
	fprintf(stderr, "%s\n", what);
	return false;
}

/* In the child: `args` are words without quotes. */
static _Noreturn void exec_emulator(const char *program, const char *control, const char *args,
				    int out)
{
	char *argv[ARGS_MAX] = {strdup(program), strdup("--control"), strdup(control)};
	char *copy = strdup(args), *save = NULL;
	int n = 3;

	for (char *word = strtok_r(copy, " ", &save); word && n < ARGS_MAX - 1;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	dup2(out, STDOUT_FILENO);
	execv(program, argv);
	perror(program);
	_exit(127);
}

bool host_start(struct replay_host *host, const char *args)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	char line[32] = "";
	unsigned port = 0;
	FILE *out;
	int fds[2];

	if (!host_stop(host))
		return false;
	strcpy(host->dir, "/tmp/replay.XXXXXX");
	if (!mkdtemp(host->dir) || pipe(fds) < 0)
		return failed(strerror(errno));
	snprintf(host->control, sizeof(host->control), "%s/control", host->dir);
	host->pid = fork();
	if (host->pid == 0)
		exec_emulator(host->program, host->control, args, fds[1]);
	close(fds[1]);
	out = fdopen(fds[0], "r");
	if (!out || !fgets(line, sizeof(line), out) || sscanf(line, "port %u", &port) != 1)
		line[0] = '\0';
	if (out)
		fclose(out);
	if (!line[0])
		return failed("the emulator did not start");
	to.sin_port = htons((uint16_t)port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	host->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (host->udp < 0 || connect(host->udp, (struct sockaddr *)&to, sizeof(to)) < 0)
		return failed(strerror(errno));
	return true;
}

bool host_stop(struct replay_host *host)
{
	int status = 0;
	bool asked;

	if (host->pid <= 0)
		return true;
	asked = host_command(host, "quit", NULL);
	if (!asked)
		kill(host->pid, SIGTERM);
	waitpid(host->pid, &status, 0);
	if (host->commands)
		fclose(host->commands);
	if (host->udp >= 0)
		close(host->udp);
	unlink(host->control);
	rmdir(host->dir);
	*host = (struct replay_host){.program = host->program,
				     .udp = -1,
				     .sent = host->sent,
				     .compared = host->compared};
	return asked && (status == 0 || failed("the emulator did not end well"));
}

/* The socket of the emulator's commands, opened at the first of them. */
static bool open_control(struct replay_host *host)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, host->control);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return failed(strerror(errno));
	host->commands = fdopen(fd, "r+");
	return host->commands != NULL;
}

bool host_command(struct replay_host *host, const char *command, char *answer)
{
	char line[256], first[256] = "";

	if (!host->commands && !open_control(host))
		return false;
	fprintf(host->commands, "%s\n", command);
	fflush(host->commands);
	while (fgets(line, sizeof(line), host->commands)) {
		if (!strcmp(line, "ok\n")) {
			if (answer)
				memcpy(answer, first, sizeof(first));
			return true;
		}
		if (!strncmp(line, "error ", 6))
			break;
		line[strcspn(line, "\n")] = '\0';
		if (!first[0])
			memcpy(first, line, sizeof(first));
	}
	fprintf(stderr, "%s: %s", command, line);
	return false;
}

bool host_send(struct replay_host *host, const uint8_t *data, size_t len)
{
	host->sent++;
	if (send(host->udp, data, len, 0) != (ssize_t)len)
		return failed(strerror(errno));
	return true;
}

bool host_send_message(struct replay_host *host, const struct replay_message *msg)
{
	uint8_t packet[REPLAY_PACKET] = {'?', '#', '#', (uint8_t)(msg->type >> 8),
					 (uint8_t)msg->type};
	size_t at = 9, done = 0;

	packet[7] = (uint8_t)(msg->len >> 8);
	packet[8] = (uint8_t)msg->len;
	do {
		size_t n = msg->len - done < sizeof(packet) - at ? msg->len - done
								 : sizeof(packet) - at;

		memcpy(packet + at, msg->data + done, n);
		memset(packet + at + n, 0, sizeof(packet) - at - n);
		if (!host_send(host, packet, sizeof(packet)))
			return false;
		done += n;
		at = 1;
	} while (done < msg->len);
	return true;
}

bool host_recv(struct replay_host *host, uint8_t packet[static REPLAY_PACKET], size_t *len)
{
	struct pollfd fd = {host->udp, POLLIN, 0};
	ssize_t n;

	if (poll(&fd, 1, REPLAY_TIMEOUT_MS) <= 0)
		return failed("no answer");
	n = recv(host->udp, packet, REPLAY_PACKET, 0);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 || failed("the device is gone");
}

static bool recv_whole(struct replay_host *host, uint8_t packet[static REPLAY_PACKET])
{
	size_t len;

	return host_recv(host, packet, &len) &&
	       (len == REPLAY_PACKET || failed("not a whole packet"));
}

bool host_recv_message(struct replay_host *host, struct replay_message *msg)
{
	uint8_t packet[REPLAY_PACKET];
	size_t at = 9, done = 0;

	if (!recv_whole(host, packet))
		return false;
	if (memcmp(packet, "?##", 3) || packet[5] || packet[6])
		return failed("not the first packet of a message");
	msg->type = (uint16_t)(packet[3] << 8 | packet[4]);
	msg->len = (size_t)packet[7] << 8 | packet[8];
	if (msg->len > sizeof(msg->data))
		return failed("a message that is too long");
	for (;; at = 1) {
		size_t n = sizeof(packet) - at;

		if (n > msg->len - done)
			n = msg->len - done;
		memcpy(msg->data + done, packet + at, n);
		done += n;
		if (done == msg->len)
			return true;
		if (!recv_whole(host, packet))
			return false;
		if (packet[0] != '?')
			return failed("not a packet of a message");
	}
}

bool host_silent(struct replay_host *host)
{
	uint8_t packet[REPLAY_PACKET];

	if (!host_command(host, "quiet", NULL))
		return false;
	if (recv(host->udp, packet, sizeof(packet), MSG_DONTWAIT) < 0)
		return true;
	print_hex("unexpected: ", packet, sizeof(packet));
	return false;
}

bool host_gone(struct replay_host *host)
{
	uint8_t packet[REPLAY_PACKET] = {0};
	struct pollfd fd = {host->udp, POLLIN, 0};
	bool refused = false;

	/* The first send may still find the port, or brings the refusal only to the next call. */
	for (int i = 0; i < 3 && !refused; i++) {
		refused = send(host->udp, packet, sizeof(packet), 0) < 0 && errno == ECONNREFUSED;
		if (!refused && poll(&fd, 1, 200) > 0)
			refused = recv(host->udp, packet, sizeof(packet), MSG_PEEK) < 0;
	}
	return refused || failed("the device is still there");
}

bool from_hex(const char *hex, uint8_t *to, size_t size, size_t *len)
{
	unsigned byte;

	for (*len = 0; hex[0]; hex += 2) {
		if (*len == size || sscanf(hex, "%2x", &byte) != 1)
			return failed("bad hexadecimal digits");
		to[(*len)++] = (uint8_t)byte;
	}
	return true;
}

void print_hex(const char *before, const uint8_t *data, size_t len)
{
	fputs(before, stderr);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", data[i]);
	fputc('\n', stderr);
}
