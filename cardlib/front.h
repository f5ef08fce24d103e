/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in front of every minidriver: one set of functions for all cards, which check what can be checked without a
 * card (minidriver specification, "General error rules" and the rules of each function) and then call the minidriver's own.
 * A minidriver behind it need not look at NULL pointers, undefined flags, names, roles, key specifications and property
 * names; names of files and directories come to it in lower case, the root as NULL, and what is to be signed or decrypted in
 * the current version of its structure, with the padding told. CP_CARD_PIN_INFO of a role is asked for
 * before each act of that role: where the role answers challenges the minidriver answers without a word to the card, which
 * would make the challenge void.
 */
#ifndef FRONT_H
#define FRONT_H

#include "cardmod.h"

/*
 * Takes the table that a minidriver has filled and puts the front's into its place; before is what CARD_DATA was when
 * the minidriver was called: members that the negotiated version does not have become again what they were.
 * ERROR_NOT_ENOUGH_MEMORY; the context is deleted then.
 */
DWORD front_install(CARD_DATA *card, const CARD_DATA *before);

/* The minidriver's own table; NULL for a context that was not acquired, or not any more. */
CARD_DATA *front_own(CARD_DATA *card);
/* SCARD_E_UNSUPPORTED_FEATURE for what a read-only card does not do. */
DWORD front_may_change(const CARD_DATA *card);

#define FRONT_CALL(own, member, ...) ((own)->member != NULL ? (own)->member(__VA_ARGS__) : SCARD_E_UNSUPPORTED_FEATURE)

/* Each fills its part of the table. */
void front_card(CARD_DATA *card);
void front_files(CARD_DATA *card);
void front_containers(CARD_DATA *card);
void front_keys(CARD_DATA *card);
void front_pins(CARD_DATA *card);
void front_old_pins(CARD_DATA *card);
void front_injection(CARD_DATA *card);

/*
 * What is known of a role. SCARD_E_INVALID_PARAMETER: the card does not have it. A card that has no such property has PINs of
 * the usual kind.
 */
DWORD front_pin_info(CARD_DATA *card, PIN_ID role, PIN_INFO *ret_info);

/* The functions on PINs of version 6, for those of version 4: pfnCardAuthenticateEx and so on. */
DWORD front_authenticate(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
			 BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining);
DWORD front_deauthenticate(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags);
DWORD front_challenge(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags);
DWORD front_change(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData,
		   PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount,
		   DWORD *pcAttemptsRemaining);

#endif
