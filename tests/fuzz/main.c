/* SPDX-License-Identifier: BSD-2-Clause */
/* main() of a fuzz target outside libFuzzer: runs it once over each file named, or in each directory named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file in a heap block of exactly its size, so that a read past the end is seen. */
static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;
	int ok = 0;

	if (f == NULL || fstat(fileno(f), &st) != 0)
		goto out;
	data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
	if (data == NULL || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	ok = 1;
out:
	if (!ok)
		fprintf(stderr, "cannot read %s\n", path);
	free(data);
	if (f != NULL)
		fclose(f);
	return ok;
}

/* Returns the number of files run, or -1. */
static int
run_directory(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	int done = 0;

	for (int i = 0; i < n; i++) {
		char file[4096];

		if (names[i]->d_name[0] != '.' && done >= 0) {
			snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
			done = run_file(file) ? done + 1 : -1;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n < 0 ? -1 : done;
}

int
main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		int n = -1;

		if (stat(argv[i], &st) == 0)
			n = S_ISDIR(st.st_mode) ? run_directory(argv[i]) : run_file(argv[i]);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs replayed\n", total);
	return total > 0 ? 0 : 1;
}
