/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters of a virtual reader, and time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/meter.h"

void
die(const char *what, unsigned long code)
{
	fprintf(stderr, "bench: %s: 0x%lX\n", what, code);
	exit(2);
}

/* The number in the file's next line, after word. */
static unsigned long
counter(FILE *f, const char *word)
{
	char line[64];

	if (fgets(line, sizeof(line), f) == NULL || strncmp(line, word, strlen(word)) != 0)
		die("counters cannot be read", 0);
	return strtoul(line + strlen(word), NULL, 10);
}

static struct cost
counters(const char *path)
{
	struct cost c = { 0 };
	FILE *f = fopen(path, "r");

	if (f == NULL)
		return c;
	c.exchanges = counter(f, "exchanges ");
	c.up = counter(f, "up ");
	c.down = counter(f, "down ");
	fclose(f);
	return c;
}

void
meter_start(struct meter *m, const char *stats)
{
	m->stats = stats;
	m->base = counters(stats);
	clock_gettime(CLOCK_MONOTONIC, &m->begin);
}

struct cost
meter_read(const struct meter *m)
{
	struct timespec end;
	struct cost now;

	clock_gettime(CLOCK_MONOTONIC, &end);
	now = counters(m->stats);
	now.exchanges -= m->base.exchanges;
	now.up -= m->base.up;
	now.down -= m->base.down;
	now.ms = (double)(end.tv_sec - m->begin.tv_sec) * 1e3 + (double)(end.tv_nsec - m->begin.tv_nsec) / 1e6;
	return now;
}

void
cost_print(const char *name, const struct cost *c)
{
	printf("%s\t%lu\t%lu\t%lu\t%.1f\n", name, c->exchanges, c->up, c->down, c->ms);
	fflush(stdout);
}
