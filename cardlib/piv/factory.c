/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tokens have beyond the standard for those who hand them out: the number of tries, and the way back to factory state. A card
 * that has neither says so.
 */
#include "piv/piv.h"

#include <string.h>

#define SW_BAD_P1P2 0x6A86u
#define SW_BAD_DATA 0x6A80u

static DWORD
command(struct piv *p, uint8_t ins, uint8_t p1, uint8_t p2)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, ins, p1, p2, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r = apdu_exchange(&p->ch, &a, NULL, &sw);

	if (piv_unknown_instruction(sw))
		return SCARD_E_UNSUPPORTED_FEATURE;
	return sw == SW_BAD_P1P2 || sw == SW_BAD_DATA ? SCARD_E_INVALID_PARAMETER : r;
}

/* The card wants the management key and the PIN. PIN and PUK are what they were when the card came from the factory afterwards. */
static DWORD
set_retries(struct piv *p, const CARD_PIN_RETRIES *retries)
{
	const PIN_SET both = CREATE_PIN_SET(ROLE_ADMIN) | CREATE_PIN_SET(ROLE_USER);
	DWORD r;

	if (retries->dwPin == 0 || retries->dwPin > UINT8_MAX || retries->dwPuk == 0 || retries->dwPuk > UINT8_MAX)
		return SCARD_E_INVALID_PARAMETER;
	if ((p->authenticated & both) != both)
		return SCARD_W_SECURITY_VIOLATION;
	r = command(p, PIV_INS_SET_RETRIES, (uint8_t)retries->dwPin, (uint8_t)retries->dwPuk);
	if (r == SCARD_S_SUCCESS)
		p->authenticated &= ~(CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(PIV_ROLE_ALWAYS));
	return r;
}

/* The card does so when PIN and PUK are blocked; to block them is left to who wants that. */
static DWORD
reset(struct piv *p)
{
	DWORD r = piv_confirm(p);

	if (r != SCARD_S_SUCCESS || (r = command(p, PIV_INS_RESET, 0x00, 0x00)) == SCARD_E_UNSUPPORTED_FEATURE ||
	    r == SCARD_W_SECURITY_VIOLATION)
		return r;
	/* what an answer got lost of may have been done */
	p->authenticated = 0;
	p->management_algorithm = 0;
	p->kept_exchange = 0;
	p->chuid_known = p->chuid_current = p->default_named = false;
	memset(p->named, 0, sizeof(p->named));
	buf_reset(&p->cardcf);
	piv_forget_card(p);
	return r;
}

DWORD
piv_set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags)
{
	struct piv *p = piv_context(card);
	CARD_PIN_RETRIES retries;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_RESET) == 0)
		return cbData == 0 ? reset(p) : SCARD_E_INVALID_PARAMETER;
	if (strcmp(pszProperty, CP_CARD_PIN_RETRIES) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (cbData != sizeof(retries))
		return SCARD_E_INVALID_PARAMETER;
	memcpy(&retries, pbData, sizeof(retries));
	return set_retries(p, &retries);
}
