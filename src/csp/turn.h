/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns: how processes of one user that have this module wait for a card that one of them uses. PC/SC's own wait looks
 * every 100 ms or so, and knows no order. Here a process that wants a card draws a ticket, waits until nobody has an
 * earlier one, and asks whoever only holds the card to let go of it.
 *
 * It is an agreement and protects nothing: that is what the transaction is for, begun after the turn was taken. No wait
 * here is without end, and whatever cannot be had (no directory, no room, a damaged file) leaves PC/SC's wait alone.
 */
#ifndef CSP_TURN_H
#define CSP_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct csp_turn {
	const char *runtime; /* directory of the user's running programs */
	const char *reader;
	const atomic_bool *cancelled;
	uint32_t patience_ms;

	bool tried;	 /* the queue was looked for */
	int directory;	 /* -1: there is no queue, and so for the other two */
	int queue;	 /* its locks are our place in it */
	int bell;	 /* a FIFO in which others ring for us */
	unsigned seat;	 /* names the bell */
	uint64_t ticket; /* 0: none */
	char name[24];
	/* when this process began to use the card without a pause for others, and when it last did */
	uint64_t since_ms, last_ms;
};

/*
 * Without a queue yet. The texts and the flag, which ends waits, live as long as the turn. patience_ms: how long to wait
 * at most for one and the same process, 0 for the usual.
 */
void csp_turn_init(struct csp_turn *turn, const char *runtime, const char *reader, uint32_t patience_ms,
		   const atomic_bool *cancelled);
/* Gives up ticket and seat, closes. */
void csp_turn_close(struct csp_turn *turn);
/* In a forked child: the ticket stays the parent's. */
void csp_turn_forget(struct csp_turn *turn);
/*
 * Waits for the turn. Programs that are not in the queue must be able to get the card as well: when it has been in use
 * for busy_ms without a pause, one is made that is longer than PC/SC's step. 0: no pause.
 */
void csp_turn_take(struct csp_turn *turn, uint32_t busy_ms);
/* After the transaction: tells the next one. Harmless without a turn. */
void csp_turn_give(struct csp_turn *turn);
/* True when somebody waits behind us. Who comes later rings the bell. */
bool csp_turn_wanted(const struct csp_turn *turn);
/* Readable when somebody has rung; -1: nobody can. */
int csp_turn_bell(const struct csp_turn *turn);
/* Forgets that a bell was rung. */
void csp_turn_hush(int bell);

#endif
