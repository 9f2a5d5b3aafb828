/* SPDX-License-Identifier: MIT */
/*
 * A pinentry that follows a script: pinentry SCRIPT LOG.
 *
 * Takes the first line off SCRIPT when it starts, and does what that says; appends what it is told,
 * and what it can see of its surroundings, to LOG. Lines of the script:
 *   pin TEXT      answer TEXT
 *   when FILE TEXT answer TEXT when FILE is there; without TEXT, confirm
 *   ok            confirm, or an empty answer
 *   cancel        the person closed it
 *   refuse        the person said no
 *   fail          it cannot show anything there (also: no line left)
 *   ttyonly TEXT  like pin, where it was given a terminal; else like fail
 *   hang          shows the question and waits; ends on SIGTERM
 *   deaf          the same, but ends on SIGKILL only
 *   silent        does not even greet
 *   early         ends before it greets
 *   crash         ends when asked
 *   garbage       answers with what is no Assuan
 *   longline      answers with a line that has no end
 *   overlong      answers with 5000 bytes
 *   split TEXT    answers byte by byte, percent-encoded
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096, SCRIPT = 64 * 1024 };

static FILE *out_log;

static void say(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

/* The script's first line, which it then no longer has. */
static void take_line(const char *path, char *line, size_t cap)
{
	char *rest = malloc(SCRIPT);
	FILE *f = fopen(path, "r");
	size_t n = 0;

	snprintf(line, cap, "fail");
	if (f == NULL || rest == NULL)
		exit(2);
	if (fgets(line, (int)cap, f) != NULL)
		n = fread(rest, 1, SCRIPT, f);
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	f = fopen(path, "w");
	if (f == NULL || fwrite(rest, 1, n, f) != n || fclose(f) != 0)
		exit(2);
	free(rest);
}

static void log_variable(const char *name)
{
	const char *value = getenv(name);

	if (value != NULL)
		fprintf(out_log, "env %s=%s\n", name, value);
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* "FILE TEXT", or "FILE": a yes */
static void answer_when(const char *words)
{
	char file[LINE];
	size_t n = strcspn(words, " ");

	snprintf(file, sizeof(file), "%.*s", (int)n, words);
	while (access(file, F_OK) != 0)
		usleep(20 * 1000);
	if (words[n] != '\0')
		printf("D %s\n", words + n + 1);
	say("OK\n");
}

static void answer_split(const char *text)
{
	char piece[8];

	for (; *text != '\0'; text++) {
		snprintf(piece, sizeof(piece), "D %%%02X\n", (unsigned char)*text);
		for (const char *p = piece; *p != '\0'; p++)
			if (write(STDOUT_FILENO, p, 1) != 1)
				exit(2);
	}
	say("OK\n");
}

static void answer_overlong(void)
{
	for (int i = 0; i < 10; i++) {
		say("D ");
		for (int k = 0; k < 500; k++)
			putchar('x');
		say("\n");
	}
	say("OK\n");
}

/* GETPIN or CONFIRM. */
static void answer(const char *action, bool tty)
{
	if (strncmp(action, "pin ", 4) == 0) {
		printf("S PASSWORD_QUALITY 1\n# a comment\nD %s\n", action + 4);
		say("OK\n");
	} else if (strncmp(action, "when ", 5) == 0) {
		answer_when(action + 5);
	} else if (strncmp(action, "ttyonly ", 8) == 0 && tty) {
		printf("D %s\n", action + 8);
		say("OK\n");
	} else if (strncmp(action, "split ", 6) == 0) {
		answer_split(action + 6);
	} else if (strcmp(action, "ok") == 0) {
		say("OK\n");
	} else if (strcmp(action, "cancel") == 0) {
		say("ERR 83886179 Operation cancelled <Pinentry>\n");
	} else if (strcmp(action, "refuse") == 0) {
		say("ERR 83886194 Not confirmed <Pinentry>\n");
	} else if (strcmp(action, "hang") == 0 || strcmp(action, "deaf") == 0) {
		wait_for_ever();
	} else if (strcmp(action, "crash") == 0) {
		exit(3);
	} else if (strcmp(action, "garbage") == 0) {
		say("\x1b[31mhello\n");
	} else if (strcmp(action, "longline") == 0) {
		for (int i = 0; i < 5000; i++)
			putchar('x');
		fflush(stdout);
		wait_for_ever();
	} else if (strcmp(action, "overlong") == 0) {
		answer_overlong();
	} else {
		say("ERR 83886340 No place to show it <Pinentry>\n");
	}
}

int main(int argc, char **argv)
{
	static const char *const seen[] = {"DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY",
					   "TERM",    "XAUTHORITY",      "LANYARD_CANARY"};
	char action[LINE], line[LINE];
	bool tty = false;

	if (argc != 3 || (out_log = fopen(argv[2], "a")) == NULL) {
		fputs("usage: pinentry SCRIPT LOG\n", stderr);
		return 2;
	}
	setvbuf(out_log, NULL, _IOLBF, 0);
	take_line(argv[1], action, sizeof(action));
	fprintf(out_log, "start %d\n", (int)getpid());
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		log_variable(seen[i]);
	if (strcmp(action, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	if (strcmp(action, "silent") == 0)
		wait_for_ever();
	if (strcmp(action, "early") == 0)
		return 3;
	say("OK Pleased to meet you\n");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		fprintf(out_log, "%s\n", line);
		tty = tty || strncmp(line, "OPTION ttyname=", 15) == 0;
		if (strcmp(line, "BYE") == 0)
			break;
		if (strcmp(line, "GETPIN") == 0 || strcmp(line, "CONFIRM") == 0)
			answer(action, tty);
		else if (strcmp(line, "OPTION no-grab") == 0)
			say("ERR 83886254 Unknown option <Pinentry>\n");
		else
			say("OK\n");
	}
	fprintf(out_log, "end\n");
	return 0;
}
