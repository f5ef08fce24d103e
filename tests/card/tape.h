/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tape of what a card answers in a scenario, played again with one answer spoiled: thousands of runs need no card. What is
 * asked of a minidriver is that the context can be deleted, that no block is lost, and that a lie costs little.
 */
#ifndef CARD_TAPE_H
#define CARD_TAPE_H

#include "card/gids_card.h"

#define TAPE_MAX 200u

/* Acquires the context of a rig that is open, and works with it; the steps that have failed. */
typedef unsigned (*tape_scenario)(struct rig *rig);

struct tape {
	struct io io; /* first: the connection that plays */
	tape_scenario scenario;
	struct io *source; /* recording from it; NULL while playing */
	struct buf answers[TAPE_MAX];
	size_t count;
	size_t at;	/* exchanges so far */
	size_t spoiled; /* the exchange that gets another answer; TAPE_MAX: none */
	struct cursor bad;
};

/* Runs the scenario on a fresh copy of the kit's card. Returns what it returned. */
unsigned tape_record(struct tape *tape, const struct kit *kit, tape_scenario scenario);
/* Runs it again, over the tape. */
unsigned tape_play(struct tape *tape);
/* The same with these bytes for the answer that is spoiled; for mutate.h. */
void tape_play_spoiled(struct cursor bytes, void *tape);
void tape_free(struct tape *tape);

#endif
