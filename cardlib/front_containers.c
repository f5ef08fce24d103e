/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on containers. */
#include "front.h"

#include <string.h>

#include "base/cursor.h"
#include "check.h"

/* Whether a key that is brought is whole and of the kind that the key specification names. */
static bool
key_fits(const struct private_key *key, DWORD key_spec, DWORD size)
{
	const bool rsa = key_spec == AT_KEYEXCHANGE || key_spec == AT_SIGNATURE;

	if (!privkey_is_whole(key) || (size != 0 && (!rsa || size != key->public.bits)))
		return false;
	return rsa ? key->public.type == KEY_RSA
		   : key->public.type == check_key_spec_type(key_spec) &&
			       key->public.bits == check_key_spec_bits(key_spec);
}

static DWORD
check_creation(DWORD flags, DWORD key_spec, DWORD size, const struct private_key *key, PIN_ID role)
{
	const bool rsa = key_spec == AT_KEYEXCHANGE || key_spec == AT_SIGNATURE;

	if (check_key_spec(key_spec) != SCARD_S_SUCCESS || role == ROLE_EVERYONE || role >= MAX_PINS)
		return SCARD_E_INVALID_PARAMETER;
	switch (flags) {
	case CARD_CREATE_CONTAINER_KEY_GEN:
		if (key != NULL || (rsa ? size == 0 : size != 0))
			return SCARD_E_INVALID_PARAMETER;
		break;
	case CARD_CREATE_CONTAINER_KEY_IMPORT:
		if (key == NULL || !key_fits(key, key_spec, size))
			return SCARD_E_INVALID_PARAMETER;
		break;
	default: return SCARD_E_INVALID_PARAMETER;
	}
	return role == ROLE_ADMIN ? SCARD_W_SECURITY_VIOLATION : SCARD_S_SUCCESS;
}

static DWORD
create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
		    const struct private_key *pKeyData, PIN_ID PinId)
{
	CARD_DATA *own = front_own(card);
	DWORD r;

	if (own == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_creation(dwFlags, dwKeySpec, dwKeySize, pKeyData, PinId)) != SCARD_S_SUCCESS ||
	    (r = front_may_change(card)) != SCARD_S_SUCCESS)
		return r;
	return FRONT_CALL(own, pfnCardCreateContainerEx, card, bContainerIndex, dwFlags, dwKeySpec, dwKeySize, pKeyData,
			  PinId);
}

/* The user's, as all containers of that time. */
static DWORD
create_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
		 const struct private_key *pKeyData)
{
	return create_container_ex(card, bContainerIndex, dwFlags, dwKeySpec, dwKeySize, pKeyData, ROLE_USER);
}

static DWORD
delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || dwReserved != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return FRONT_CALL(own, pfnCardDeleteContainer, card, bContainerIndex, dwReserved);
}

static DWORD
get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || dwFlags != 0 || pContainerInfo == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetContainerInfo, card, bContainerIndex, dwFlags, pContainerInfo);
}

static bool
property_exists(const char *name)
{
	return name != NULL && (strcmp(name, CCP_CONTAINER_INFO) == 0 || strcmp(name, CCP_PIN_IDENTIFIER) == 0 ||
				strcmp(name, CCP_ASSOCIATED_ECDH_KEY) == 0 || strcmp(name, CCP_KEY_NAMES) == 0 ||
				strcmp(name, CCP_KNOWN_INFO) == 0);
}

static DWORD
get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData, DWORD cbData,
		       DWORD *pdwDataLen, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || !property_exists(pszProperty) || pdwDataLen == NULL || (pbData == NULL && cbData != 0) ||
	    dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetContainerProperty, card, bContainerIndex, pszProperty, pbData, cbData,
			  pdwDataLen, dwFlags);
}

static DWORD
check_role(const BYTE *data, DWORD len)
{
	struct cursor c = cur_of(data, len);
	PIN_ID role;

	if (!cur_copy(&c, &role, sizeof(role)) || !cur_at_end(&c) || role == ROLE_EVERYONE || role >= MAX_PINS)
		return SCARD_E_INVALID_PARAMETER;
	return role == ROLE_ADMIN ? SCARD_W_SECURITY_VIOLATION : SCARD_S_SUCCESS;
}

static DWORD
set_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, const BYTE *pbData, DWORD cbData,
		       DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);
	DWORD r = SCARD_S_SUCCESS;

	if (own == NULL || !property_exists(pszProperty) || (pbData == NULL && cbData != 0) || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CCP_CONTAINER_INFO) == 0 || strcmp(pszProperty, CCP_KEY_NAMES) == 0 ||
	    front_may_change(card) != SCARD_S_SUCCESS)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (strcmp(pszProperty, CCP_PIN_IDENTIFIER) == 0)
		r = check_role(pbData, cbData);
	else if (cbData != 1)
		r = SCARD_E_INVALID_PARAMETER;
	if (r != SCARD_S_SUCCESS)
		return r;
	return FRONT_CALL(own, pfnCardSetContainerProperty, card, bContainerIndex, pszProperty, pbData, cbData,
			  dwFlags);
}

void
front_containers(CARD_DATA *card)
{
	card->pfnCardCreateContainer = create_container;
	card->pfnCardCreateContainerEx = create_container_ex;
	card->pfnCardDeleteContainer = delete_container;
	card->pfnCardGetContainerInfo = get_container_info;
	card->pfnCardGetContainerProperty = get_container_property;
	card->pfnCardSetContainerProperty = set_container_property;
}
