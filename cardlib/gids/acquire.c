/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts of the GIDS minidriver: acquired, reconnected after a reset, deleted. */
#include "gids/gids.h"

#include <string.h>

static void
destroy(const CARD_DATA *card, struct gids *g)
{
	g->keys_state = GIDS_KEYS_NONE;
	gids_forget_session(g);
	buf_free(&g->kept_cardcf);
	card->pfnCspFree(g);
}

/* No word to the card, which may be gone, and no transaction. */
static DWORD
delete_context(CARD_DATA *card)
{
	if (card == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (card->pvVendorSpecific != NULL)
		destroy(card, card->pvVendorSpecific);
	card->pvVendorSpecific = NULL;
	return SCARD_S_SUCCESS;
}

static DWORD
reconnect(CARD_DATA *card)
{
	struct gids *g = gids_of(card);

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	gids_forget_session(g);
	g->challenge = GIDS_CHALLENGE_NONE;
	return gids_select(g);
}

static void
fill_table(CARD_DATA *card)
{
	card->pfnCardDeleteContext = delete_context;
	card->pfnCardReconnect = reconnect;
	card->pfnCardQueryCapabilities = gids_query_capabilities;
	card->pfnCardQueryFreeSpace = gids_query_free_space;
	card->pfnCardQueryKeySizes = gids_query_key_sizes;
	card->pfnCardGetProperty = gids_get_property;
	card->pfnCardReadFile = gids_read_file;
	card->pfnCardEnumFiles = gids_enum_files;
	card->pfnCardGetFileInfo = gids_get_file_info;
	card->pfnCardGetContainerInfo = gids_get_container_info;
	card->pfnCardGetContainerProperty = gids_get_container_property;
	card->pfnCardAuthenticateEx = gids_authenticate_ex;
	card->pfnCardDeauthenticateEx = gids_deauthenticate_ex;
	card->pfnCardSignData = gids_sign_data;
	card->pfnCardRSADecrypt = gids_rsa_decrypt;
	card->pfnCardCreateDirectory = gids_directory_create;
	card->pfnCardDeleteDirectory = gids_directory_delete;
	card->pfnCardCreateFile = gids_file_create;
	card->pfnCardWriteFile = gids_file_write;
	card->pfnCardDeleteFile = gids_file_delete;
	card->pfnCardSetProperty = gids_set_property;
	card->pfnCardSetContainerProperty = gids_set_container_property;
	card->pfnCardGetChallengeEx = gids_get_challenge_ex;
	card->pfnCardChangeAuthenticatorEx = gids_change_authenticator_ex;
	card->pfnCardCreateCard = gids_create_card;
	card->pfnCardCreateContainerEx = gids_create_container_ex;
	card->pfnCardDeleteContainer = gids_delete_container;
}

static DWORD
acquire(CARD_DATA *card, DWORD flags, bool registered)
{
	struct gids *g;
	DWORD r;

	if ((r = check_acquire(card, flags)) != SCARD_S_SUCCESS)
		return r;
	if ((g = card->pfnCspAlloc(sizeof(*g))) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memset(g, 0, sizeof(*g));
	g->ch.io = card->io;
	g->transaction = card->dwTransaction;
	g->protocols = GIDS_PROTOCOLS_DEFAULT;
	g->cardid_place = (struct gids_place){ GIDS_EF_CARDID, GIDS_DO_CARDID };
	g->cardcf_place = (struct gids_place){ GIDS_EF_PUBLIC, GIDS_DO_CARDCF };
	if ((r = gids_discover(g, registered)) != SCARD_S_SUCCESS) {
		destroy(card, g);
		return r;
	}
	card->pvVendorSpecific = g;
	fill_table(card);
	return SCARD_S_SUCCESS;
}

DWORD
gids_acquire(CARD_DATA *card, DWORD dwFlags)
{
	return acquire(card, dwFlags, false);
}

DWORD
gids_acquire_registered(CARD_DATA *card, DWORD dwFlags)
{
	return acquire(card, dwFlags, true);
}
