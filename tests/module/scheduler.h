/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which the processes of interleave.h pass the gate: random, from a seed that is printed and that TEST_SEED
 * sets. What goes wrong fails the test, and tells what everybody did in this round.
 */
#ifndef MODULE_SCHEDULER_H
#define MODULE_SCHEDULER_H

#include "module/interleave.h"

#define SCHEDULER_ORDERS 1000u

extern struct stage *stage;

/* Since the beginning. */
extern struct scheduler_total {
	unsigned rounds, calls;
	unsigned attacks; /* commands of the foreign program between the user's login and logout */
	unsigned order_count;
	uint64_t orders[SCHEDULER_ORDERS]; /* that were different, as hashes */
} scheduler_total;

/* For a group of tests, and for each of them; the end kills whoever is still there. */
void scheduler_read_seed(void);
void scheduler_set_up(void);
void scheduler_tear_down(void);

/* 0 to count - 1. */
unsigned scheduler_choose(unsigned count);
void scheduler_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Starts the three processes, and the series of the seed anew. patience_ms: how long a process may take for one step
 * before the others go on without it; 0 if it has no other reason to wait than the gate, and everything is decided by chance.
 * check_free is called whenever a transaction has ended.
 */
void scheduler_begin(unsigned patience_ms, void (*check_free)(void));
/* Dismisses them. */
void scheduler_end(void);

/* One process, or all, do what is in their scripts. */
void scheduler_play(unsigned process);
void scheduler_play_all(void);

/* Kills the user's process after so many steps; 0: not. */
void scheduler_kill_user(unsigned steps);
bool scheduler_is_alive(unsigned process);
/* Starts one that is not alive. */
void scheduler_bring(unsigned process);

#endif
