/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on PINs in the forms of version 4, made of the later forms: two users by their names. */
#include "front.h"

#include <string.h>

static DWORD
role_of(const char *user, PIN_ID *ret_role)
{
	if (user != NULL && strcmp(user, CARD_USER_USER) == 0)
		*ret_role = ROLE_USER;
	else if (user != NULL && strcmp(user, CARD_USER_ADMIN) == 0)
		*ret_role = ROLE_ADMIN;
	else
		return SCARD_E_INVALID_PARAMETER;
	return SCARD_S_SUCCESS;
}

static DWORD
authenticate_pin(CARD_DATA *card, const char *pszUserId, const BYTE *pbPin, DWORD cbPin, DWORD *pcAttemptsRemaining)
{
	PIN_INFO info;
	PIN_ID role;
	DWORD r;

	if (front_own(card) == NULL || pbPin == NULL || role_of(pszUserId, &role) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = front_pin_info(card, role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (info.PinType != AlphaNumericPinType)
		return SCARD_E_INVALID_PARAMETER;
	return front_authenticate(card, role, 0, pbPin, cbPin, NULL, NULL, pcAttemptsRemaining);
}

static DWORD
get_challenge(CARD_DATA *card, BYTE **ppbChallenge, DWORD *pcbChallenge)
{
	return front_challenge(card, ROLE_ADMIN, ppbChallenge, pcbChallenge, 0);
}

static DWORD
authenticate_challenge(CARD_DATA *card, const BYTE *pbResponse, DWORD cbResponse, DWORD *pcAttemptsRemaining)
{
	return front_authenticate(card, ROLE_ADMIN, 0, pbResponse, cbResponse, NULL, NULL, pcAttemptsRemaining);
}

static DWORD
deauthenticate(CARD_DATA *card, const char *pszUserId, DWORD dwFlags)
{
	PIN_ID role;

	if (front_own(card) == NULL || role_of(pszUserId, &role) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_PARAMETER;
	return front_deauthenticate(card, CREATE_PIN_SET(role), dwFlags);
}

/* The role that does nothing but unblock, if the card has one. */
static DWORD
find_unblocker(CARD_DATA *card, PIN_ID *ret_role)
{
	PIN_INFO info;
	DWORD r;

	for (PIN_ID role = ROLE_ADMIN + 1; role < MAX_PINS; role++) {
		r = front_pin_info(card, role, &info);
		if (r == SCARD_S_SUCCESS && info.PinPurpose == UnblockOnlyPin) {
			*ret_role = role;
			return SCARD_S_SUCCESS;
		}
		if (r != SCARD_S_SUCCESS && r != SCARD_E_INVALID_PARAMETER)
			return r;
	}
	return SCARD_E_INVALID_PARAMETER;
}

/*
 * A response of the administrator, or a PUK. Which one the data are the flags tell badly: callers give a PUK with any of
 * the three. So the response is tried where one was asked for, and costs nothing where there was no challenge; nothing
 * may be asked of the card before, or the challenge would be void.
 */
static DWORD
unblock_pin(CARD_DATA *card, const char *pszUserId, const BYTE *pbAuthenticationData, DWORD cbAuthenticationData,
	    const BYTE *pbNewPin, DWORD cbNewPin, DWORD cRetryCount, DWORD dwFlags)
{
	PIN_ID role, authority = ROLE_ADMIN;
	DWORD r = SCARD_E_INVALID_VALUE;

	if (front_own(card) == NULL || role_of(pszUserId, &role) != SCARD_S_SUCCESS || pbAuthenticationData == NULL ||
	    pbNewPin == NULL || dwFlags > CARD_AUTHENTICATE_PIN_PIN)
		return SCARD_E_INVALID_PARAMETER;
	if (dwFlags == CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE)
		r = front_change(card, PIN_CHANGE_FLAG_UNBLOCK, authority, pbAuthenticationData, cbAuthenticationData,
				 role, pbNewPin, cbNewPin, cRetryCount, NULL);
	if (r != SCARD_E_INVALID_VALUE)
		return r;
	if (find_unblocker(card, &authority) != SCARD_S_SUCCESS)
		return dwFlags == CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE ? r : SCARD_E_INVALID_PARAMETER;
	return front_change(card, PIN_CHANGE_FLAG_UNBLOCK, authority, pbAuthenticationData, cbAuthenticationData, role,
			    pbNewPin, cbNewPin, cRetryCount, NULL);
}

static DWORD
change_authenticator(CARD_DATA *card, const char *pszUserId, const BYTE *pbCurrent, DWORD cbCurrent, const BYTE *pbNew,
		     DWORD cbNew, DWORD cRetryCount, DWORD dwFlags, DWORD *pcAttemptsRemaining)
{
	PIN_INFO info;
	PIN_ID role;
	DWORD r;

	if (front_own(card) == NULL || role_of(pszUserId, &role) != SCARD_S_SUCCESS || pbCurrent == NULL ||
	    pbNew == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = front_pin_info(card, role, &info)) != SCARD_S_SUCCESS)
		return r;
	if (dwFlags != (info.PinType == ChallengeResponsePinType ? CARD_AUTHENTICATE_PIN_CHALLENGE_RESPONSE
								 : CARD_AUTHENTICATE_PIN_PIN))
		return SCARD_E_INVALID_PARAMETER;
	return front_change(card, PIN_CHANGE_FLAG_CHANGEPIN, role, pbCurrent, cbCurrent, role, pbNew, cbNew,
			    cRetryCount, pcAttemptsRemaining);
}

void
front_old_pins(CARD_DATA *card)
{
	card->pfnCardAuthenticatePin = authenticate_pin;
	card->pfnCardGetChallenge = get_challenge;
	card->pfnCardAuthenticateChallenge = authenticate_challenge;
	card->pfnCardDeauthenticate = deauthenticate;
	card->pfnCardUnblockPin = unblock_pin;
	card->pfnCardChangeAuthenticator = change_authenticator;
}
