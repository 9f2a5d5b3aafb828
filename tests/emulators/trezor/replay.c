/* SPDX-License-Identifier: MIT */
/* Replays sessions through the emulator: trezor-replay EMULATOR FILE... A .tsv is a table of calls,
 * anything else a session; what their lines mean is said at the top of
 * tests/vectors/trezor_wire.txt and tests/vectors/trezor_calls.tsv. Ends at the first difference,
 * with status 1. */
#include "tests/emulators/trezor/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUTTON_REQUEST = 26, BUTTON_ACK = 27 };

static bool same(const uint8_t *got, size_t got_len, const uint8_t *want, size_t want_len)
{
	if (got_len == want_len && !memcmp(got, want, want_len))
		return true;
	print_hex("wanted ", want, want_len);
	print_hex("got    ", got, got_len);
	return false;
}

static bool packet_out(struct replay_host *host, const char *args)
{
	uint8_t packet[REPLAY_PACKET] = {0};
	size_t len, size = REPLAY_PACKET;
	char *end;

	if (args[0] != ' ') {
		size = strtoul(args, &end, 10);
		args = end;
	}
	return size <= sizeof(packet) && args[0] == ' ' &&
	       from_hex(args + 1, packet, sizeof(packet), &len) && host_send(host, packet, size);
}

static bool packet_in(struct replay_host *host, const char *args)
{
	uint8_t want[REPLAY_PACKET] = {0}, got[REPLAY_PACKET];
	size_t len, got_len;
	bool whole = args[0] == ' ';

	args += strcspn(args, " ");
	host->compared++;
	return from_hex(args + (args[0] == ' '), want, sizeof(want), &len) &&
	       host_recv(host, got, &got_len) &&
	       same(got, got_len, want, whole ? REPLAY_PACKET : len);
}

/* "TYPE HEX" */
static bool parse_message(const char *args, struct replay_message *msg)
{
	char *end;

	msg->type = (uint16_t)strtoul(args, &end, 10);
	return from_hex(end[0] == ' ' ? end + 1 : end, msg->data, sizeof(msg->data), &msg->len);
}

static bool message_out(struct replay_host *host, const char *args)
{
	struct replay_message msg;

	return parse_message(args, &msg) && host_send_message(host, &msg);
}

static bool message_in(struct replay_host *host, const char *args)
{
	struct replay_message got, want;
	char copy[1024] = "";
	size_t len = strlen(args);
	bool prefix = len > 0 && args[len - 1] == '*';

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, args, prefix ? len - 1 : len);
	host->compared++;
	if (!parse_message(copy, &want) || !host_recv_message(host, &got))
		return false;
	if (got.type != want.type)
		fprintf(stderr, "wanted type %u, got %u\n", want.type, got.type);
	if (prefix && got.len > want.len)
		got.len = want.len;
	return got.type == want.type && same(got.data, got.len, want.data, want.len);
}

/* "COMMAND = the first line of its answer" */
static bool ask(struct replay_host *host, const char *line)
{
	const char *want = strstr(line, " = ");
	char command[128], got[256];

	if (!want || (size_t)(want - line) >= sizeof(command))
		return false;
	snprintf(command, sizeof(command), "%.*s", (int)(want - line), line);
	host->compared++;
	if (!host_command(host, command, got))
		return false;
	if (strcmp(got, want + 3))
		fprintf(stderr, "wanted %s, got %s\n", want + 3, got);
	return !strcmp(got, want + 3);
}

static bool session_line(struct replay_host *host, const char *line)
{
	unsigned long times;
	char *rest;

	if (line[0] >= '0' && line[0] <= '9') {
		for (times = strtoul(line, &rest, 10); times > 0; times--)
			if (rest[0] != ' ' || !session_line(host, rest + 1))
				return false;
		return true;
	}
	if (line[0] == '\0')
		return true;
	if (line[0] == '#')
		return host->pid == 0 || host_silent(host);
	if (!strncmp(line, "start ", 6))
		return host_start(host, line + 6);
	if (!strncmp(line, "! ", 2))
		return host_command(host, line + 2, NULL);
	if (!strncmp(line, "? ", 2))
		return ask(host, line + 2);
	if (!strcmp(line, "gone"))
		return host_gone(host);
	if (!strncmp(line, ">> ", 3))
		return message_out(host, line + 3);
	if (!strncmp(line, "<< ", 3))
		return message_in(host, line + 3);
	if (line[0] == '>')
		return packet_out(host, line + 1);
	if (line[0] == '<')
		return packet_in(host, line + 1);
	fputs("a line of no known kind\n", stderr);
	return false;
}

/* Acknowledges the expected ButtonRequests ("7,1"; "-": none) and reads the reply after them. */
static bool buttons(struct replay_host *host, const char *codes, struct replay_message *reply)
{
	struct replay_message ack = {.type = BUTTON_ACK};
	char *end;

	if (!host_recv_message(host, reply))
		return false;
	while (codes[0] && codes[0] != '-') {
		uint8_t body[2] = {8, (uint8_t)strtoul(codes, &end, 10)};

		if (reply->type != BUTTON_REQUEST) {
			fprintf(stderr, "wanted a ButtonRequest, got type %u\n", reply->type);
			return false;
		}
		if (!same(reply->data, reply->len, body, sizeof(body)) ||
		    !host_send_message(host, &ack) || !host_recv_message(host, reply))
			return false;
		codes = end[0] == ',' ? end + 1 : end;
	}
	return true;
}

/* request type, request, buttons, reply type, reply, remark */
static bool call_line(struct replay_host *host, char *line)
{
	struct replay_message request, want, got;
	char *column[6], *rest = line;
	bool any;

	if (line[0] == '#')
		return true;
	if (!strncmp(line, "start\t", 6))
		return host_start(host, line + 6);
	for (int i = 0; i < 6; i++)
		if (!(column[i] = strsep(&rest, "\t")))
			return false;
	request.type = (uint16_t)atoi(column[0]);
	want.type = (uint16_t)atoi(column[3]);
	any = !strcmp(column[4], "*");
	host->compared++;
	if (!from_hex(column[1], request.data, sizeof(request.data), &request.len) ||
	    !from_hex(any ? "" : column[4], want.data, sizeof(want.data), &want.len) ||
	    !host_send_message(host, &request) || !buttons(host, column[2], &got))
		return false;
	if (got.type != want.type)
		fprintf(stderr, "wanted type %u, got %u\n", want.type, got.type);
	return got.type == want.type && (any || same(got.data, got.len, want.data, want.len));
}

static bool replay(struct replay_host *host, const char *path)
{
	size_t len = strlen(path), size = 0;
	bool calls = len > 4 && !strcmp(path + len - 4, ".tsv"), good = true;
	char *line = NULL;
	unsigned number = 0;
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		return false;
	}
	host->sent = host->compared = 0;
	while (good && getline(&line, &size, file) > 0) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		good = calls ? call_line(host, line) : session_line(host, line);
	}
	good = good && host->compared > 0 && host_silent(host);
	if (good)
		printf("%s: %u packets sent, %u answers compared\n", path, host->sent,
		       host->compared);
	else
		fprintf(stderr, "%s:%u: %s\n", path, number, line ? line : "");
	free(line);
	fclose(file);
	return host_stop(host) && good;
}

int main(int argc, char **argv)
{
	struct replay_host host = {.program = argc > 1 ? argv[1] : NULL, .udp = -1};

	if (argc < 3) {
		fputs("usage: trezor-replay EMULATOR FILE...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (!replay(&host, argv[i]))
			return 1;
	return 0;
}
