/* SPDX-License-Identifier: BSD-2-Clause */
/* Containers as the interface asks about them: public keys, roles, names. A container is a key slot. */
#include "piv/piv.h"

#include <string.h>

static void
put_info(const struct piv_key *key, CONTAINER_INFO *ret_info)
{
	*ret_info = (CONTAINER_INFO){ .dwVersion = CONTAINER_INFO_CURRENT_VERSION };
	if (key->exchange)
		ret_info->KeyExPublicKey = key->public;
	else
		ret_info->SigPublicKey = key->public;
}

/* A key that has a certificate, if somebody wanted that, is what it says; in any case of the card as it is now. */
static DWORD
container_info(struct piv *p, BYTE index, CONTAINER_INFO *ret_info)
{
	struct piv_key *key;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if ((key->unread || key->object.len > 0) && (r = piv_key_freshen(p, index, key)) != SCARD_S_SUCCESS)
		return r;
	if (key->used != PIV_YES)
		return SCARD_E_NO_KEY_CONTAINER;
	put_info(key, ret_info);
	return SCARD_S_SUCCESS;
}

/* The same without a question to the card. */
static DWORD
known_info(struct piv *p, BYTE index, CONTAINER_INFO *ret_info)
{
	struct piv_key *key;
	DWORD r = piv_key_recall(p, index, &key);

	if (r != SCARD_S_SUCCESS)
		return r;
	if (key->public.type == KEY_NONE)
		return SCARD_E_NO_KEY_CONTAINER;
	put_info(key, ret_info);
	return SCARD_S_SUCCESS;
}

DWORD
piv_get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo)
{
	struct piv *p = piv_context(card);

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return container_info(p, bContainerIndex, pContainerInfo);
}

static DWORD
role_of(struct piv *p, BYTE index, PIN_ID *ret_role)
{
	struct piv_key *key;
	DWORD r;

	if ((r = piv_key_find_only(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (key->doubted && (r = piv_slot_ask_role(p, index, key)) != SCARD_S_SUCCESS)
		return r;
	*ret_role = key->role;
	return SCARD_S_SUCCESS;
}

/*
 * The key that agrees on the certificate's behalf: key management if it is on the same curve, then the retired ones.
 */
static DWORD
associated_key(struct piv *p, BYTE index, BYTE *ret_index)
{
	struct piv_key *key, *other;
	DWORD r;

	if ((r = piv_key_find(p, index, &key)) != SCARD_S_SUCCESS)
		return r;
	if (piv_algorithm_is_rsa(key->algorithm))
		return SCARD_E_UNSUPPORTED_FEATURE;
	for (BYTE i = PIV_SLOT_MANAGEMENT; i < PIV_SLOTS; i++) {
		r = piv_key_find(p, i, &other);
		if (r == SCARD_S_SUCCESS && other->exchange && other->algorithm == key->algorithm) {
			*ret_index = i;
			return r;
		}
		if (r != SCARD_S_SUCCESS && r != SCARD_E_NO_KEY_CONTAINER)
			return r;
	}
	return SCARD_E_UNSUPPORTED_FEATURE;
}

/* Also of a place that has no key yet: it is chosen by them. */
static DWORD
usual_names(BYTE index, CARD_KEY_NAMES *ret_names)
{
	CARD_KEY_NAMES names = { .bNumber = (BYTE)(index + 1) };

	if (index >= PIV_SLOTS)
		return SCARD_E_NO_KEY_CONTAINER;
	piv_slot_name(index, names.szName);
	*ret_names = names;
	return SCARD_S_SUCCESS;
}

union container_property {
	CONTAINER_INFO info;
	PIN_ID role;
	BYTE associated;
	CARD_KEY_NAMES names;
};

static DWORD
read_property(struct piv *p, BYTE index, const char *name, union container_property *ret_value)
{
	if (strcmp(name, CCP_CONTAINER_INFO) == 0)
		return container_info(p, index, &ret_value->info);
	if (strcmp(name, CCP_KNOWN_INFO) == 0)
		return known_info(p, index, &ret_value->info);
	if (strcmp(name, CCP_PIN_IDENTIFIER) == 0)
		return role_of(p, index, &ret_value->role);
	if (strcmp(name, CCP_KEY_NAMES) == 0)
		return usual_names(index, &ret_value->names);
	return associated_key(p, index, &ret_value->associated);
}

static size_t
property_size(const char *name)
{
	if (strcmp(name, CCP_CONTAINER_INFO) == 0 || strcmp(name, CCP_KNOWN_INFO) == 0)
		return sizeof(CONTAINER_INFO);
	if (strcmp(name, CCP_PIN_IDENTIFIER) == 0)
		return sizeof(PIN_ID);
	if (strcmp(name, CCP_KEY_NAMES) == 0)
		return sizeof(CARD_KEY_NAMES);
	return strcmp(name, CCP_ASSOCIATED_ECDH_KEY) == 0 ? sizeof(BYTE) : 0;
}

DWORD
piv_get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData, DWORD cbData,
			   DWORD *pdwDataLen, DWORD dwFlags)
{
	struct piv *p = piv_context(card);
	union container_property value = { .associated = 0 };
	size_t size;
	DWORD r;

	(void)dwFlags;
	if (p == NULL || (size = property_size(pszProperty)) == 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_property_room(pbData, cbData, pdwDataLen, size)) != SCARD_S_SUCCESS)
		return r;
	if ((r = read_property(p, bContainerIndex, pszProperty, &value)) == SCARD_S_SUCCESS)
		memcpy(pbData, &value, size);
	return r;
}
