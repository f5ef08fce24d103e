/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes on one card at once: each logs in and signs. Usage:
 *
 *   crowd STATS-FILE PIN ID MODULE PROCESSES SIGNATURES-OF-EACH
 *
 * A line: processes, signatures of each, exchanges, bytes to the card, bytes from it, milliseconds until the last was ready, milliseconds of
 * the one that was ready first, processes that failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/caller.h"
#include "bench/meter.h"

#define PROCESSES_MAX 64

static _Noreturn void
sign_many(struct caller *c, unsigned long signatures)
{
	caller_login(c);
	while (signatures-- > 0)
		caller_sign(c);
	caller_finalize(c);
	exit(0);
}

static void
start_all(struct caller *c, unsigned long processes, unsigned long signatures)
{
	unsigned long i;

	for (i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			die("no process", i);
		if (child == 0)
			sign_many(c, signatures);
	}
}

int
main(int argc, char **argv)
{
	struct caller c = { 0 };
	struct cost first = { 0 }, all = { 0 };
	struct meter meter;
	unsigned long processes, signatures, i, failed = 0;
	int status;

	processes = argc == 7 ? strtoul(argv[5], NULL, 10) : 0;
	signatures = argc == 7 ? strtoul(argv[6], NULL, 10) : 0;
	if (processes < 1 || processes > PROCESSES_MAX) {
		fprintf(stderr, "usage: crowd STATS-FILE PIN ID MODULE PROCESSES SIGNATURES\n");
		return 2;
	}
	c.pin = argv[2];
	c.id = argv[3];
	caller_load(&c, argv[4]); /* here, so that it is no part of what is measured */
	meter_start(&meter, argv[1]);
	start_all(&c, processes, signatures);
	for (i = 0; i < processes; i++) {
		if (wait(&status) < 0 || status != 0)
			failed++;
		all = meter_read(&meter);
		if (i == 0)
			first = all;
	}
	printf("%lu\t%lu\t%lu\t%lu\t%lu\t%.1f\t%.1f\t%lu\n", processes, signatures, all.exchanges, all.up, all.down,
	       all.ms, first.ms, failed);
	return 0;
}
