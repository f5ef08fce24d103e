/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on PIN roles: who may authenticate, change and unblock (minidriver specification, "Card PIN operations"). */
#include "front.h"

#include <string.h>

#include "check.h"

static bool
is_role(PIN_ID role)
{
	return role != ROLE_EVERYONE && role < MAX_PINS;
}

DWORD
front_pin_info(CARD_DATA *card, PIN_ID role, PIN_INFO *ret_info)
{
	CARD_DATA *own = front_own(card);
	PIN_INFO info = { .dwVersion = PIN_INFO_CURRENT_VERSION };
	DWORD len, r;

	if (!is_role(role))
		return SCARD_E_INVALID_PARAMETER;
	r = FRONT_CALL(own, pfnCardGetProperty, card, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, role);
	if (r == SCARD_E_UNSUPPORTED_FEATURE)
		info = (PIN_INFO){ .dwVersion = PIN_INFO_CURRENT_VERSION };
	else if (r != SCARD_S_SUCCESS)
		return r;
	*ret_info = info;
	return SCARD_S_SUCCESS;
}

/* Whether bytes, or none, are what this kind of PIN is presented with. */
static DWORD
check_data(const PIN_INFO *info, DWORD flags, const BYTE *data, DWORD len)
{
	const bool external = info->PinType == ExternalPinType;

	if (info->PinType == EmptyPinType || (data == NULL) != (len == 0))
		return SCARD_E_INVALID_PARAMETER;
	if (data == NULL)
		return external && (flags & CARD_PIN_SILENT_CONTEXT) == 0 ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
	if (external && (info->dwFlags & PIN_INFO_REQUIRE_SECURE_ENTRY) != 0 &&
	    (flags & CARD_AUTHENTICATE_SESSION_PIN) == 0)
		return SCARD_E_INVALID_PARAMETER;
	return SCARD_S_SUCCESS;
}

static DWORD
check_authentication(CARD_DATA *card, PIN_ID role, DWORD flags, const BYTE *data, DWORD len)
{
	PIN_INFO info;
	DWORD r = front_pin_info(card, role, &info);

	if (r != SCARD_S_SUCCESS)
		return r;
	return info.PinPurpose == UnblockOnlyPin ? SCARD_E_UNSUPPORTED_FEATURE : check_data(&info, flags, data, len);
}

DWORD
front_authenticate(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
		   BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	const DWORD flags =
		CARD_AUTHENTICATE_GENERATE_SESSION_PIN | CARD_AUTHENTICATE_SESSION_PIN | CARD_PIN_SILENT_CONTEXT;
	CARD_DATA *own = front_own(card);
	DWORD r;

	if (own == NULL || !is_role(PinId) || (dwFlags & ~flags) != 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((ppbSessionPin == NULL) != (pcbSessionPin == NULL) ||
	    ((dwFlags & CARD_AUTHENTICATE_GENERATE_SESSION_PIN) != 0 && ppbSessionPin == NULL))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_authentication(card, PinId, dwFlags, pbPinData, cbPinData)) != SCARD_S_SUCCESS)
		return r;
	if (ppbSessionPin != NULL) {
		*ppbSessionPin = NULL;
		*pcbSessionPin = 0;
	}
	return FRONT_CALL(own, pfnCardAuthenticateEx, card, PinId, dwFlags, pbPinData, cbPinData, ppbSessionPin,
			  pcbSessionPin, pcAttemptsRemaining);
}

/* The bit of everyone is ignored, and so are those above the roles. */
DWORD
front_deauthenticate(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);
	const PIN_SET roles = PinId & PIN_SET_ALL_ROLES & ~CREATE_PIN_SET(ROLE_EVERYONE);

	if (own == NULL || dwFlags != 0 || (PinId & ~PIN_SET_ALL_ROLES) != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardDeauthenticateEx, card, roles, dwFlags);
}

DWORD
front_challenge(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);
	PIN_INFO info;
	DWORD r;

	if (own == NULL || ppbChallenge == NULL || pcbChallenge == NULL || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = front_pin_info(card, PinId, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info.PinType != ChallengeResponsePinType)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetChallengeEx, card, PinId, ppbChallenge, pcbChallenge, dwFlags);
}

/*
 * The authority is what the card says of the target: its own PIN among those that may unblock it counts for nothing, and
 * everybody's right is nobody's. The authority is asked for first, since a card may learn of it only then.
 */
static DWORD
check_change(CARD_DATA *card, DWORD what, PIN_ID authority, PIN_ID target, PIN_INFO *ret_authority)
{
	const bool unblock = what == PIN_CHANGE_FLAG_UNBLOCK;
	PIN_INFO info;
	PIN_SET permission;
	DWORD r;

	if ((what != PIN_CHANGE_FLAG_UNBLOCK && what != PIN_CHANGE_FLAG_CHANGEPIN) || (unblock && authority == target))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = front_pin_info(card, authority, ret_authority)) != SCARD_S_SUCCESS ||
	    (r = front_pin_info(card, target, &info)) != SCARD_S_SUCCESS)
		return r;
	permission = unblock ? info.dwUnblockPermission : info.dwChangePermission;
	return IS_PIN_SET(permission, authority) ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

/* The algorithm of a new key is told by the flags if it is another than the old one's. */
static bool
algorithm_fits(DWORD flags, DWORD len)
{
	const CARD_KEY_ALGORITHM algorithm = (CARD_KEY_ALGORITHM)((flags & PIN_CHANGE_KEY_ALGORITHM_MASK) >> 8);

	return algorithm == CardKeyUnknown || (len != 0 && len == check_key_length(algorithm));
}

DWORD
front_change(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData,
	     PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount,
	     DWORD *pcAttemptsRemaining)
{
	const DWORD what = dwFlags & (PIN_CHANGE_FLAG_UNBLOCK | PIN_CHANGE_FLAG_CHANGEPIN);
	CARD_DATA *own = front_own(card);
	PIN_INFO authority;
	DWORD r;

	if (own == NULL || (pbTargetData == NULL) != (cbTargetData == 0) ||
	    (pbAuthData == NULL) != (pbTargetData == NULL) ||
	    (dwFlags & ~(what | CARD_PIN_SILENT_CONTEXT | PIN_CHANGE_KEY_ALGORITHM_MASK)) != 0 ||
	    !algorithm_fits(dwFlags, cbTargetData))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_change(card, what, AuthPinId, TargetPinId, &authority)) != SCARD_S_SUCCESS ||
	    (r = check_data(&authority, dwFlags, pbAuthData, cbAuthData)) != SCARD_S_SUCCESS)
		return r;
	return FRONT_CALL(own, pfnCardChangeAuthenticatorEx, card, dwFlags & ~CARD_PIN_SILENT_CONTEXT, AuthPinId,
			  pbAuthData, cbAuthData, TargetPinId, pbTargetData, cbTargetData, cRetryCount,
			  pcAttemptsRemaining);
}

void
front_pins(CARD_DATA *card)
{
	card->pfnCardAuthenticateEx = front_authenticate;
	card->pfnCardDeauthenticateEx = front_deauthenticate;
	card->pfnCardGetChallengeEx = front_challenge;
	card->pfnCardChangeAuthenticatorEx = front_change;
}
