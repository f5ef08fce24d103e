/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program costs a card, from its start to its end. Usage:
 *
 *   spent STATS-FILE NAME COMMAND...         a line with the name (see cost_print())
 *
 * The program's output goes to standard error; when it fails, so does this one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/meter.h"

static _Noreturn void
become(char **command)
{
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		die("no standard error", 0);
	execvp(command[0], command);
	die(command[0], 0);
}

int
main(int argc, char **argv)
{
	struct meter meter;
	struct cost c;
	pid_t child;
	int status = 0;

	if (argc < 4) {
		fprintf(stderr, "usage: spent STATS-FILE NAME COMMAND...\n");
		return 2;
	}
	meter_start(&meter, argv[1]);
	child = fork();
	if (child == 0)
		become(argv + 3);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		die(argv[2], (unsigned long)status);
	c = meter_read(&meter);
	cost_print(argv[2], &c);
	return 0;
}
