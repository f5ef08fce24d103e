/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's table: put before a minidriver's, cut to the negotiated version, and taken away. */
#include "front.h"

#include <stddef.h>
#include <string.h>

CARD_DATA *
front_own(CARD_DATA *card)
{
	return card != NULL ? card->pvRegistry : NULL;
}

DWORD
front_may_change(const CARD_DATA *card)
{
	return card->fReadOnly ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_S_SUCCESS;
}

/* A context is deleted once; what is left of it afterwards is nobody's. */
static DWORD
delete_context(CARD_DATA *card)
{
	CARD_DATA *own = front_own(card);
	DWORD r;

	if (card == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (own == NULL)
		return SCARD_S_SUCCESS;
	r = FRONT_CALL(own, pfnCardDeleteContext, card);
	card->pvRegistry = NULL;
	card->pfnCspFree(own);
	return r;
}

static DWORD
reconnect(CARD_DATA *card)
{
	CARD_DATA *own = front_own(card);

	return own == NULL ? SCARD_E_INVALID_PARAMETER : FRONT_CALL(own, pfnCardReconnect, card);
}

/* Members first .. last of the table become those of before. */
#define RESTORE(card, before, first, last)                                                                             \
	memcpy((char *)(card) + offsetof(CARD_DATA, first), (const char *)(before) + offsetof(CARD_DATA, first),       \
	       offsetof(CARD_DATA, last) - offsetof(CARD_DATA, first) + sizeof((card)->last))

static void
cut(CARD_DATA *card, const CARD_DATA *before)
{
	if (card->dwVersion < CARD_DATA_VERSION_FIVE)
		RESTORE(card, before, pfnCardDeriveKey, pfnCardDestroyDHAgreement);
	if (card->dwVersion < CARD_DATA_VERSION_SIX)
		RESTORE(card, before, pfnCardGetChallengeEx, pfnCardSetProperty);
	if (card->dwVersion < CARD_DATA_VERSION_SEVEN)
		RESTORE(card, before, pfnMDImportSessionKey, pfnCardCreateContainerEx);
}

DWORD
front_install(CARD_DATA *card, const CARD_DATA *before)
{
	CARD_DATA *own = card->pfnCspAlloc(sizeof(*own));

	if (own == NULL) {
		(void)FRONT_CALL(card, pfnCardDeleteContext, card);
		RESTORE(card, before, pfnCardDeleteContext, pfnCardCreateCard);
		return ERROR_NOT_ENOUGH_MEMORY;
	}
	*own = *card;
	card->pvRegistry = own;
	card->pfnCardDeleteContext = delete_context;
	card->pfnCardReconnect = reconnect;
	front_card(card);
	front_files(card);
	front_containers(card);
	front_keys(card);
	front_pins(card);
	front_old_pins(card);
	front_injection(card);
	cut(card, before);
	return SCARD_S_SUCCESS;
}
