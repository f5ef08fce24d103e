/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on the card as a whole: capabilities, sizes, properties, a new card. */
#include "front.h"

#include "check.h"

static DWORD
query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pCapabilities == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardQueryCapabilities, card, pCapabilities);
}

static DWORD
query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || dwFlags != 0 || pInfo == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardQueryFreeSpace, card, dwFlags, pInfo);
}

static DWORD
query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || dwFlags != 0 || pKeySizes == NULL || check_key_spec(dwKeySpec) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardQueryKeySizes, card, dwKeySpec, dwFlags, pKeySizes);
}

/* dwFlags of a property: nothing, or what it is asked of. */
static bool
flags_fit(const struct check_property *property, DWORD flags)
{
	switch (property->asks) {
	case CHECK_OF_CARD: return flags == 0;
	case CHECK_OF_ROLE: return flags != ROLE_EVERYONE && flags < MAX_PINS;
	case CHECK_OF_KEY_SPEC: return check_key_spec(flags) == SCARD_S_SUCCESS;
	case CHECK_OF_OPERATION: break;
	}
	return true;
}

static DWORD
get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags)
{
	const struct check_property *property = check_property_find(pszProperty);
	CARD_DATA *own = front_own(card);

	if (own == NULL || property == NULL || pdwDataLen == NULL || (pbData == NULL && cbData != 0) ||
	    !flags_fit(property, dwFlags))
		return SCARD_E_INVALID_PARAMETER;
	if (property->set == CHECK_SET_ONLY)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardGetProperty, card, pszProperty, pbData, cbData, pdwDataLen, dwFlags);
}

/*
 * The two that can only be set are for a window that asks for a PIN; there is none here, whatever the card. They may be
 * set on a read-only card as well, and nothing else may.
 */
static DWORD
set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags)
{
	const struct check_property *property = check_property_find(pszProperty);
	CARD_DATA *own = front_own(card);

	if (own == NULL || property == NULL || (pbData == NULL && cbData != 0) || !flags_fit(property, dwFlags))
		return SCARD_E_INVALID_PARAMETER;
	if (property->set == CHECK_SET_NEVER)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (property->size != 0 && cbData != property->size)
		return SCARD_E_INVALID_PARAMETER;
	if (property->set == CHECK_SET_ONLY)
		return SCARD_S_SUCCESS;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardSetProperty, card, pszProperty, pbData, cbData, dwFlags);
}

static bool
create_info_fits(const CARD_CREATE_INFO *info)
{
	return check_version(info->dwVersion, CARD_CREATE_INFO_CURRENT_VERSION) == CARD_CREATE_INFO_CURRENT_VERSION &&
	       info->pbUserPin != NULL && info->cbUserPin != 0 && info->pbAdminKey != NULL &&
	       info->cbAdminKey == check_key_length(info->AdminAlgorithm) && info->cbAdminKey != 0 &&
	       (info->pbPuk == NULL) == (info->cbPuk == 0);
}

static DWORD
create_card(CARD_DATA *card, const CARD_CREATE_INFO *pInfo)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pInfo == NULL || !create_info_fits(pInfo))
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardCreateCard, card, pInfo);
}

void
front_card(CARD_DATA *card)
{
	card->pfnCardQueryCapabilities = query_capabilities;
	card->pfnCardQueryFreeSpace = query_free_space;
	card->pfnCardQueryKeySizes = query_key_sizes;
	card->pfnCardGetProperty = get_property;
	card->pfnCardSetProperty = set_property;
	card->pfnCardCreateCard = create_card;
}
