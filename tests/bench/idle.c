/* SPDX-License-Identifier: MIT */
/*
 * What an agent costs that nobody asks anything.
 *
 *	idle start SOCKET KEYS COMMAND [ARG...]
 *
 * prints the µs from the start of COMMAND to the first answered listing of at least KEYS keys, then
 * stops it, if it has not put itself into the background.
 *
 *	idle hold SOCKET PID CLIENTS SECONDS
 *
 * prints Pss and RssAnon in KiB, the context switches in SECONDS, and the number of processes, with
 * CLIENTS connections that are quiet. PID stands for itself and its descendants; "-" is what the
 * kernel does not let us read.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/wire.h"

enum { CLIENTS_MAX = 1024, START_MAX_S = 20, PATH_LEN = 512 };

/* ---- start ---- */

static bool listed(const char *path, uint32_t want)
{
	static uint8_t answer[WIRE_MAX];
	uint8_t bytes[8], key[WIRE_BLOB_MAX];
	struct put request = {.p = bytes, .room = sizeof(bytes)};
	size_t n = 0, len = 0;
	int fd = wire_dial(path);

	if (fd < 0)
		return false;
	wire_put_list(&request);
	len = wire_call(fd, &request, answer);
	close(fd);
	return len > 0 && wire_find_key(answer, len, WIRE_ED25519, key, &n) >= want;
}

static int start(const char *path, uint32_t keys, char **command)
{
	uint64_t begin = now_ns(), took;
	pid_t pid = fork();
	bool runs = true;
	int null, status;

	if (pid == 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null >= 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2)
			execvp(command[0], command);
		_exit(127);
	}
	while (!listed(path, keys)) {
		if (runs && waitpid(pid, &status, WNOHANG) != 0) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				die("%s ended before it answered", command[0]);
			runs = false;
		}
		if (now_ns() - begin > START_MAX_S * UINT64_C(1000000000)) {
			if (runs)
				kill(pid, SIGKILL);
			die("%s did not list %u keys in %d s", command[0], keys, START_MAX_S);
		}
		usleep(50);
	}
	took = now_ns() - begin;
	if (runs) {
		kill(pid, SIGTERM); /* not reaped yet, so it is still this process */
		waitpid(pid, NULL, 0);
	}
	printf("%llu\n", (unsigned long long)took / 1000);
	return 0;
}

/* ---- hold ---- */

/* The number after `field` in a file of /proc; -1 when it cannot be read. */
static long field_of(const char *path, const char *field)
{
	char line[256];
	size_t n = strlen(field);
	FILE *f = fopen(path, "re");
	long v = -1;

	if (f == NULL)
		return -1;
	while (v < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, n) == 0)
			v = strtol(line + n, NULL, 10);
	fclose(f);
	return v;
}

struct sums {
	long pss, anon, switches;
	unsigned processes;
};

static void add(long *sum, long v)
{
	*sum = *sum < 0 || v < 0 ? -1 : *sum + v;
}

static void sum_threads(int pid, struct sums *s)
{
	char pattern[PATH_LEN];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/status", pid);
	if (glob(pattern, 0, NULL, &g) != 0)
		die("process %d is not there", pid);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		add(&s->switches, field_of(g.gl_pathv[i], "voluntary_ctxt_switches:"));
		add(&s->switches, field_of(g.gl_pathv[i], "nonvoluntary_ctxt_switches:"));
	}
	globfree(&g);
}

static void sum_process(int pid, struct sums *s)
{
	char path[PATH_LEN];
	glob_t g;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	add(&s->pss, field_of(path, "Pss:"));
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	add(&s->anon, field_of(path, "RssAnon:"));
	sum_threads(pid, s);
	s->processes++;
	/* Every process whose parent this is. */
	if (glob("/proc/[0-9]*/status", 0, NULL, &g) != 0)
		die("/proc cannot be read");
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (field_of(g.gl_pathv[i], "PPid:") == pid)
			sum_process((int)field_of(g.gl_pathv[i], "Pid:"), s);
	globfree(&g);
}

static void print_or_dash(long v)
{
	if (v < 0)
		printf("- ");
	else
		printf("%ld ", v);
}

static int hold(const char *path, int pid, unsigned clients, unsigned seconds)
{
	static uint8_t answer[WIRE_MAX];
	uint8_t bytes[8];
	struct put request = {.p = bytes, .room = sizeof(bytes)};
	struct sums before = {0}, after = {0};
	int fd;

	wire_put_list(&request);
	for (unsigned i = 0; i < clients; i++) {
		fd = wire_dial(path); /* stays open until the end */
		if (fd < 0 || wire_call(fd, &request, answer) == 0)
			die("%s: client %u: %s", path, i + 1, strerror(errno));
	}
	sleep(1); /* whatever the last answers left to do */
	sum_process(pid, &before);
	sleep(seconds);
	sum_process(pid, &after);
	print_or_dash(after.pss);
	print_or_dash(after.anon);
	print_or_dash(after.switches < 0 || before.switches < 0 ? -1
								: after.switches - before.switches);
	printf("%u\n", after.processes);
	return 0;
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v < min || v > max)
		die("'%s' is no number from %u to %u", text, min, max);
	return (unsigned)v;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "start") == 0)
		return start(argv[2], number(argv[3], 0, 10000), argv + 4);
	if (argc == 6 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2], (int)number(argv[3], 1, 1 << 30),
			    number(argv[4], 1, CLIENTS_MAX), number(argv[5], 1, 3600));
	fputs("usage: idle start SOCKET KEYS COMMAND [ARG...]\n"
	      "       idle hold SOCKET PID CLIENTS SECONDS\n",
	      stderr);
	return 2;
}
