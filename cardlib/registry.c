/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The minidrivers and the cards they serve. A card is looked for by its registered ATR, then by what served the same
 * ATR last time, then by asking: PIV before GIDS, which is the order of the Windows class driver. An unknown card costs
 * one SELECT for each question, a known one a single SELECT.
 */
#include "registry.h"

#include <string.h>

#include "front.h"
#include "gids/gids.h"
#include "piv/piv.h"

/* Rows with an ATR come first; the card's ATR under the mask has to equal the row's, which is masked already. */
static const struct row {
	const char *name;
	uint8_t atr[LIMIT_ATR], mask[LIMIT_ATR];
	size_t atr_len; /* 0: found by asking */
	PFN_CARD_ACQUIRE_CONTEXT acquire;
} rows[] = {
	{
		/* the GIDS AID in the historical bytes; version bytes and check byte vary */
		.name = "Microsoft virtual smart card",
		.atr = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59 },
		.mask = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF },
		.atr_len = 17,
		.acquire = gids_acquire_registered,
	},
	{ .name = "PIV", .acquire = piv_acquire },
	{ .name = "GIDS", .acquire = gids_acquire },
};

#define NO_ROW ((unsigned)ARRAY_SIZE(rows))

static bool
row_matches(const struct row *row, const CARD_DATA *card)
{
	size_t i;

	if (row->atr_len == 0 || row->atr_len != card->cbAtr)
		return false;
	for (i = 0; i < row->atr_len; i++)
		if ((card->pbAtr[i] & row->mask[i]) != row->atr[i])
			return false;
	return true;
}

static unsigned
registered_row(const CARD_DATA *card)
{
	unsigned i;

	for (i = 0; i < NO_ROW; i++)
		if (row_matches(&rows[i], card))
			return i;
	return NO_ROW;
}

static unsigned
remembered_row(const CARD_DATA *card, const struct registry_memory *memory)
{
	size_t i, used = memory->count < ARRAY_SIZE(memory->seen) ? memory->count : ARRAY_SIZE(memory->seen);

	for (i = 0; i < used; i++) {
		struct cursor atr = cur_of(memory->seen[i].atr, memory->seen[i].atr_len);

		if (cur_equals(&atr, card->pbAtr, card->cbAtr))
			return memory->seen[i].row;
	}
	return NO_ROW;
}

static void
remember(const CARD_DATA *card, struct registry_memory *memory, unsigned row)
{
	size_t i;

	if (remembered_row(card, memory) == row)
		return;
	for (i = 0; i < ARRAY_SIZE(memory->seen) && i < memory->count; i++) {
		struct cursor atr = cur_of(memory->seen[i].atr, memory->seen[i].atr_len);

		if (cur_equals(&atr, card->pbAtr, card->cbAtr)) {
			memory->seen[i].row = row;
			return;
		}
	}
	i = memory->count++ % ARRAY_SIZE(memory->seen);
	memcpy(memory->seen[i].atr, card->pbAtr, card->cbAtr);
	memory->seen[i].atr_len = card->cbAtr;
	memory->seen[i].row = row;
}

static DWORD
acquire_row(CARD_DATA *card, unsigned row)
{
	card->pszCardName = rows[row].name;
	return rows[row].acquire(card, 0);
}

/* Asks every minidriver but the one that has just said no. */
static DWORD
ask_all(CARD_DATA *card, struct registry_memory *memory, unsigned asked)
{
	DWORD r = SCARD_E_UNKNOWN_CARD;
	unsigned i;

	for (i = 0; i < NO_ROW && r == SCARD_E_UNKNOWN_CARD; i++)
		if (rows[i].atr_len == 0 && i != asked) {
			r = acquire_row(card, i);
			if (r == SCARD_S_SUCCESS)
				remember(card, memory, i);
		}
	return r;
}

static DWORD
acquire_any(CARD_DATA *card, struct registry_memory *memory)
{
	unsigned row = registered_row(card);
	DWORD r = SCARD_E_UNKNOWN_CARD;

	if (row == NO_ROW)
		row = remembered_row(card, memory);
	if (row != NO_ROW)
		r = acquire_row(card, row);
	return r == SCARD_E_UNKNOWN_CARD ? ask_all(card, memory, row) : r;
}

DWORD
registry_acquire(CARD_DATA *card, struct registry_memory *memory)
{
	CARD_DATA before;
	DWORD r;

	if (card == NULL || memory == NULL || card->pbAtr == NULL || card->cbAtr > LIMIT_ATR)
		return SCARD_E_INVALID_PARAMETER;
	before = *card;
	if ((r = acquire_any(card, memory)) == SCARD_S_SUCCESS)
		r = front_install(card, &before);
	if (r != SCARD_S_SUCCESS)
		card->pszCardName = NULL;
	return r;
}
