/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target once on each file, and on each file of each directory, named as an argument:
 * the corpus in `make test`, and a reproducer under a debugger, without clang.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { REPLAY_MAX = 1 << 20 };

#pragma weak LLVMFuzzerInitialize

static void fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(2);
}

static void replay_file(const char *path)
{
	uint8_t *bytes = malloc(REPLAY_MAX);
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (f == NULL || bytes == NULL)
		fail(path);
	n = fread(bytes, 1, REPLAY_MAX, f);
	if (ferror(f) != 0 || fclose(f) != 0)
		fail(path);
	/* What is on stderr when it crashes. */
	if (getenv("REPLAY_QUIET") == NULL)
		fprintf(stderr, "%s: %zu bytes\n", path, n);
	exact = fuzz_copy(bytes, n);
	free(bytes);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static size_t replay(const char *path)
{
	struct dirent *entry;
	size_t count = 0;
	struct stat st;
	DIR *dir;

	if (stat(path, &st) != 0)
		fail(path);
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path);
		return 1;
	}
	dir = opendir(path);
	if (dir == NULL)
		fail(path);
	while ((entry = readdir(dir)) != NULL) {
		char *file = NULL;

		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0)
			fail(path);
		replay_file(file);
		free(file);
		count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	size_t count = 0;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		count += replay(argv[i]);
	if (count == 0) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY... (with at least one file)\n", argv[0]);
		return 2;
	}
	return 0;
}
