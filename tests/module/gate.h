/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes whose calls of PC/SC go one at a time, in an order that a scheduler decides: each call that has to
 * do with a card waits at the gate until it is let through. The scheduler knows who is in a transaction and does not let
 * through what would only wait for its end, so nothing depends on time as long as the processes have one thread each.
 *
 * A program that is linked with this has the calls of PC/SC that are gated as its own, before those of the library; in a
 * process that has not joined they go straight on.
 */
#ifndef MODULE_GATE_H
#define MODULE_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define GATE_PROCESSES 3u
#define GATE_THREADS 4u /* of one process, that wait at the same time */
#define GATE_NOBODY GATE_PROCESSES

enum gate_call {
	GATE_READY, /* not a call: the process has done all it was told */
	GATE_STEP,  /* not a call: the process is between two of its calls of PKCS#11 */
	GATE_CONNECT,
	GATE_STATUS,
	GATE_BEGIN,
	GATE_TRANSMIT,
	GATE_END,
	GATE_RECONNECT,
	GATE_DISCONNECT,
};

/* Somebody at the gate. */
struct gate_choice {
	unsigned process, thread;
	enum gate_call call;
	uint8_t instruction; /* INS of GATE_TRANSMIT */
};

/* Makes the gate, before processes are forked; and takes it away again. */
void gate_set_up(void);
void gate_tear_down(void);
/* Memory of the gate's that all processes share, zeros at first; for the test's own use. */
void *gate_shared(size_t size);

/* The processes' side ------------------------------------------------------------------------------------------------- */

/* In a forked child: from now on this is the process of this number. */
void gate_join(unsigned process);
/* Nothing of this process waits any more. */
void gate_leave(void);
/* Waits to be let through. */
void gate_pass(enum gate_call call);

/* The scheduler's side ------------------------------------------------------------------------------------------------- */

/* Waits until one of the process's threads is at the gate. False: not within so many milliseconds. */
bool gate_wait(unsigned process, unsigned ms);
/* Those who can go, all but GATE_READY; returns how many. */
unsigned gate_choices(struct gate_choice ret_choices[GATE_PROCESSES * GATE_THREADS]);
/* Whether the process is at GATE_READY. */
bool gate_is_ready(unsigned process);
void gate_let(const struct gate_choice *choice);
/* Lets a process at GATE_READY go. */
void gate_start(unsigned process);
/* Who is in a transaction, or GATE_NOBODY. */
unsigned gate_owner(void);
/* The process is dead. */
void gate_bury(unsigned process);

#endif
