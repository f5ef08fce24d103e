/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which minidriver serves which card: by registered ATR and mask, else by asking each minidriver in turn (PIV before
 * GIDS, as the Windows class driver does). What was found is remembered per ATR for as long as the memory lives.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "cardmod.h"

/* Remembers which row of the registry served an ATR. Guarded by its owner's lock. */
struct registry_memory {
	struct {
		uint8_t atr[LIMIT_ATR];
		size_t atr_len;
		unsigned row;
	} seen[16];
	unsigned count; /* entries ever written; the newest overwrite the oldest */
};

/*
 * Acquires a context from the minidriver that knows the card; the caller has filled the members up to io (version,
 * ATR, callbacks, connection) and holds a transaction. Members that the minidriver leaves NULL are filled.
 * SCARD_E_UNKNOWN_CARD when no minidriver knows the card; transport errors as they are.
 */
DWORD registry_acquire(CARD_DATA *card, struct registry_memory *memory);

#endif
