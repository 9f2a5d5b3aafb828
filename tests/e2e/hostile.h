/* SPDX-License-Identifier: MIT */
/* What the parts of the hostile client share (hostile.c). */
#ifndef LANYARD_HOSTILE_H
#define LANYARD_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

enum { WAIT_MS = 20000 };

struct hostile {
	const char *line_path, *ssh_path;
	const char *blob; /* hexadecimal of a key that is offered */
	const char *doing;
};
extern struct hostile hostile;

/* Prints what was being done and why it is not so, ends the program. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A connection; not blocking. */
int dial(const char *path);
/* False when the other side has closed. */
bool put(int fd, const void *p, size_t n);
/* Exactly n bytes; false at an end before them. */
bool get(int fd, void *p, size_t n);

/* A new client of ssh.sock gets an answer. */
void expect_alive(void);

/* hostile_ssh.c, hostile_line.c */
void ssh_lengths(void);
void ssh_cut(void);
void ssh_types(void);
void lines(void);
void line_garbage(void);

#endif
