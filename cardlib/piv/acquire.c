/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts of the PIV minidriver: acquired, reconnected after a reset, deleted. */
#include "piv/piv.h"

#include <string.h>

static void
destroy(const CARD_DATA *card, struct piv *p)
{
	piv_forget_card(p);
	piv_agreements_forget(p);
	buf_free(&p->chuid);
	buf_free(&p->cardcf);
	buf_free(&p->history.rest);
	secret_free(&p->shown_pin);
	card->pfnCspFree(p);
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
	struct piv *p = piv_context(card);

	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	piv_doubt(p);
	return piv_select(p);
}

static void
fill_table(CARD_DATA *card)
{
	card->pfnCardDeleteContext = delete_context;
	card->pfnCardReconnect = reconnect;
	card->pfnCardQueryCapabilities = piv_query_capabilities;
	card->pfnCardQueryFreeSpace = piv_query_free_space;
	card->pfnCardQueryKeySizes = piv_query_key_sizes;
	card->pfnCardGetProperty = piv_get_property;
	card->pfnCardSetProperty = piv_set_property;
	card->pfnCardReadFile = piv_read_file;
	card->pfnCardEnumFiles = piv_enum_files;
	card->pfnCardGetFileInfo = piv_get_file_info;
	card->pfnCardGetContainerInfo = piv_get_container_info;
	card->pfnCardGetContainerProperty = piv_get_container_property;
	card->pfnCardAuthenticateEx = piv_authenticate_ex;
	card->pfnCardDeauthenticateEx = piv_deauthenticate_ex;
	card->pfnCardGetChallengeEx = piv_get_challenge_ex;
	card->pfnCardChangeAuthenticatorEx = piv_change_authenticator_ex;
	card->pfnCardCreateFile = piv_file_create;
	card->pfnCardWriteFile = piv_file_write;
	card->pfnCardDeleteFile = piv_file_delete;
	card->pfnCardCreateContainerEx = piv_create_container_ex;
	card->pfnCardDeleteContainer = piv_delete_container;
	card->pfnCardSignData = piv_sign_data;
	card->pfnCardRSADecrypt = piv_rsa_decrypt;
	card->pfnCardConstructDHAgreement = piv_construct_dh_agreement;
	card->pfnCardDeriveKey = piv_derive_key;
	card->pfnCardDestroyDHAgreement = piv_destroy_dh_agreement;
}

DWORD
piv_acquire(CARD_DATA *card, DWORD dwFlags)
{
	struct piv *p;
	DWORD r;

	if ((r = check_acquire(card, dwFlags)) != SCARD_S_SUCCESS)
		return r;
	if ((p = card->pfnCspAlloc(sizeof(*p))) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memset(p, 0, sizeof(*p));
	p->card = card;
	p->ch.io = card->io;
	/* only answers: what a command that changes something did, or used up, when it is refused is another matter */
	p->ch.long_answers =
		apdu_atr_extended(cur_of(card->io->atr, card->io->atr_len)) && io_data_max(card->io) >= APDU_LE_MAX;
	p->transaction = card->dwTransaction;
	if ((r = piv_select(p)) != SCARD_S_SUCCESS) {
		destroy(card, p);
		return r;
	}
	card->pvVendorSpecific = p;
	fill_table(card);
	return SCARD_S_SUCCESS;
}
