/* SPDX-License-Identifier: BSD-2-Clause */
/* What the benchmark's programs measure: the counters of a virtual reader, and time. */
#pragma once

#include <time.h>

struct cost {
	unsigned long exchanges, up, down; /* command APDUs, their bytes, the bytes of the answers */
	double ms;
};

struct meter {
	const char *stats; /* the reader's file of counters */
	struct timespec begin;
	struct cost base;
};

/* From now on. A reader that has seen nothing has no file of counters yet. */
void meter_start(struct meter *m, const char *stats);

/* Since meter_start(). */
struct cost meter_read(const struct meter *m);

/* A line NAME, exchanges, bytes to the card, bytes from it, milliseconds, between tabulators. */
void cost_print(const char *name, const struct cost *c);

/* Ends the program. */
void die(const char *what, unsigned long code) __attribute__((noreturn));
