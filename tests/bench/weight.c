/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a module costs the program that loads it. Usage:
 *
 *   weight PIN ID MODULE
 *
 * A line for each step: its name, the milliseconds that it took, and what the process has grown since the beginning, in
 * kB: resident memory, and the part of it that no file backs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/caller.h"
#include "bench/meter.h"

struct memory {
	long resident, own;
};

/* proc(5): VmRSS and RssAnon, in kB */
static struct memory
memory_now(void)
{
	struct memory m = { 0 };
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	if (f == NULL)
		die("no /proc/self/status", 0);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			m.resident = strtol(line + 6, NULL, 10);
		if (strncmp(line, "RssAnon:", 8) == 0)
			m.own = strtol(line + 8, NULL, 10);
	}
	fclose(f);
	return m;
}

static void
step_print(const char *name, const struct memory *base, const struct meter *meter)
{
	struct cost c = meter_read(meter);
	struct memory now = memory_now();

	printf("%s\t%.1f\t%ld\t%ld\n", name, c.ms, now.resident - base->resident, now.own - base->own);
}

int
main(int argc, char **argv)
{
	struct caller c = { 0 };
	struct meter meter;
	struct memory base;

	if (argc != 4) {
		fprintf(stderr, "usage: weight PIN ID MODULE\n");
		return 2;
	}
	c.pin = argv[1];
	c.id = argv[2];
	base = memory_now();
	meter_start(&meter, "");
	caller_load(&c, argv[3]);
	step_print("load", &base, &meter);
	meter_start(&meter, "");
	caller_login(&c);
	caller_list(&c);
	caller_sign(&c);
	step_print("use", &base, &meter);
	caller_finalize(&c);
	return 0;
}
