/* SPDX-License-Identifier: MIT */
/* The host's side of a replay: an emulator that it starts, commands and packets. */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { REPLAY_PACKET = 64, REPLAY_MESSAGE_MAX = 4096, REPLAY_TIMEOUT_MS = 5000 };

struct replay_host {
	const char *program; /* the emulator */
	char dir[32], control[48];
	pid_t pid;
	FILE *commands;
	int udp;
	unsigned sent, compared;
};

struct replay_message {
	uint16_t type;
	size_t len;
	uint8_t data[REPLAY_MESSAGE_MAX];
};

/* Each prints why it failed and returns false. */
bool host_start(struct replay_host *host, const char *args);
/* False if it was not well until its end. */
bool host_stop(struct replay_host *host);
/* answer: NULL, or 256 bytes for the first line of the answer. */
bool host_command(struct replay_host *host, const char *command, char *answer);
bool host_send(struct replay_host *host, const uint8_t *data, size_t len);
bool host_send_message(struct replay_host *host, const struct replay_message *msg);
/* One datagram within the time. */
bool host_recv(struct replay_host *host, uint8_t packet[static REPLAY_PACKET], size_t *len);
bool host_recv_message(struct replay_host *host, struct replay_message *msg);
/* The emulator has read everything and has nothing more to say. */
bool host_silent(struct replay_host *host);
/* Nobody has the port any more. */
bool host_gone(struct replay_host *host);

/* Hexadecimal digits to bytes; false if they are none or too many. */
bool from_hex(const char *hex, uint8_t *to, size_t size, size_t *len);
void print_hex(const char *before, const uint8_t *data, size_t len);

#endif
