/* SPDX-License-Identifier: MIT */
/* The commands of the control socket. */
#ifndef EMULATOR_COMMANDS_H
#define EMULATOR_COMMANDS_H

struct client;
struct device;

enum waiting { WAIT_NOTHING, WAIT_STATE, WAIT_PLUGGED, WAIT_QUIET };

/* Runs one line. Answers at once, or says what the client waits for. */
void command_run(struct client *client, struct device *dev, char *line);

void client_say(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void client_wait(struct client *client, enum waiting waiting, const char *state, int ms);

#endif
