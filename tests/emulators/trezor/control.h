/* SPDX-License-Identifier: MIT */
/* The test's hand: a Unix socket, a command a line; the answer is lines, the last of which is "ok"
 * or "error TEXT". `help` lists the commands. */
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include <poll.h>
#include <stdbool.h>

struct control;
struct device;

enum { CONTROL_CLIENTS = 8, CONTROL_FDS = 1 + CONTROL_CLIENTS };

/* path may be NULL: nobody commands. NULL with a message if it cannot listen. */
struct control *control_open(const char *path);
void control_close(struct control *control);
/* For the poll in device_pump. */
void control_fds(const struct control *control, struct pollfd fds[static CONTROL_FDS]);
int control_deadline(const struct control *control, int ms);
void control_events(struct control *control, struct device *dev,
		    const struct pollfd fds[static CONTROL_FDS]);
/* The device's state has changed, or it is back after `replug`: answers whoever waits for that. */
void control_state(struct control *control, const struct device *dev);
void control_plugged(struct control *control, bool ok);
/* The client's side: sends one command and prints the answer. An exit status. */
int control_tell(const char *path, const char *command);

/* "auto", "delay 200", "refuse", "never" and "vanish 3", "length 1 4294967295" …; false if it is
 * none of them. */
bool parse_finger(const char *text, struct device *dev);
bool parse_fault(const char *text, struct device *dev);

#endif
