/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card whose answers are the input of a fuzz target, one after the other, each with its length in two bytes, and a
 * minidriver's context over it.
 */
#ifndef FUZZ_ANSWERS_H
#define FUZZ_ANSWERS_H

#include "registry.h"
#include "transport/transport.h"

struct answers {
	struct io io;
	CARD_DATA card;
	struct registry_memory memory;
};

/* The context is not acquired yet. Bit 0 of how chooses the protocol; an ATR is at most LIMIT_ATR bytes. */
void answers_open(struct answers *answers, struct cursor input, uint8_t how, struct cursor atr);
/* Deletes the context if there is one. Ends the program when a block of the caller's memory is lost. */
void answers_close(struct answers *answers);
/* Exchanges so far. Nothing needs as many as end the program: a card that keeps a caller busy for longer is a finding. */
unsigned answers_exchanges(void);
/* Reads a file and frees it. */
void answers_read(CARD_DATA *card, const char *directory, const char *name);

#endif
