/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user PIN: VERIFY, what is known of its counter, and logout (GIDS 2.0, VERIFY; ISO 7816-4, 11.5.6). A PIN is sent
 * only when GIDS is known to be selected: another application would take it for a try of its own PIN.
 */
#include "gids/gids.h"

#include "base/log.h"
#include "iso7816/tlv.h"

/* References of VERIFY: the application's PIN, and "forget the security status". */
#define REFERENCE_PIN 0x80u
#define REFERENCE_LOGOUT 0x82u

/* The specification's longest PIN. What is shorter or longer than a card's own limits the card refuses without a try. */
#define PIN_LENGTH_MAX 127u

#define SW_NO_SUCH_PIN 0x6A88u
#define SW_NO_FILE 0x6A82u
#define SW_WRONG_LENGTH 0x6700u

#define DO_PIN_GLOBAL 0x7F71u
#define DO_PIN_LOCAL 0x7F72u
#define TAG_TRIES_LEFT 0x97u
#define TAG_TRIES_LEFT_OLD 0x9F17u
#define TAG_TRIES_MAX 0x93u

static DWORD
tries_of(uint16_t sw)
{
	unsigned tries;

	if (!sw_tries_left(sw, &tries) || tries == SW_TRIES_UNKNOWN)
		return CARD_DATA_VALUE_UNKNOWN;
	return tries;
}

static DWORD
verify_code(DWORD r, uint16_t sw, DWORD *ret_tries)
{
	if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED)
		*ret_tries = tries_of(sw);
	if (sw == SW_NO_SUCH_PIN || sw == SW_NO_FILE)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (sw == SW_WRONG_LENGTH)
		return SCARD_E_INVALID_PARAMETER;
	return r;
}

static DWORD
verify(struct gids *g, const struct secret *pin, DWORD *ret_tries)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, REFERENCE_PIN, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	apdu_put_secret(&a, pin);
	if ((r = gids_exchange(g, &a, NULL, &sw)) == SCARD_S_SUCCESS)
		return r;
	/* a failed VERIFY ends an earlier one, but on some cards not the environment that it had allowed */
	g->environment.set = false;
	return verify_code(r, sw, ret_tries);
}

static DWORD
authenticate_check(PIN_ID role, DWORD flags, const BYTE *pin, DWORD pin_len, bool wants_session_pin)
{
	const DWORD session = CARD_AUTHENTICATE_GENERATE_SESSION_PIN | CARD_AUTHENTICATE_SESSION_PIN;

	if ((flags & ~(session | CARD_PIN_SILENT_CONTEXT)) != 0 || role == ROLE_EVERYONE || role > ROLE_ADMIN)
		return SCARD_E_INVALID_PARAMETER;
	if ((flags & CARD_AUTHENTICATE_GENERATE_SESSION_PIN) != 0 && !wants_session_pin)
		return SCARD_E_INVALID_PARAMETER;
	if (pin == NULL || pin_len == 0)
		return SCARD_E_INVALID_PARAMETER;
	if (role != ROLE_USER || (flags & session) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	return pin_len <= PIN_LENGTH_MAX ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

DWORD
gids_authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
		     BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;
	struct gids *g = gids_of(card);
	DWORD r, tries = CARD_DATA_VALUE_UNKNOWN;

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	r = authenticate_check(PinId, dwFlags, pbPinData, cbPinData, ppbSessionPin != NULL && pcbSessionPin != NULL);
	if (r != SCARD_S_SUCCESS)
		return r;
	if (!secret_set(&pin, pbPinData, cbPinData))
		return ERROR_NOT_ENOUGH_MEMORY;
	r = verify(g, &pin, &tries);
	if (pcAttemptsRemaining != NULL && (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED))
		*pcAttemptsRemaining = tries;
	return r;
}

/* One command drops user and administrator alike; roles above are not on this card, so they are not authenticated. */
DWORD
gids_deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, REFERENCE_LOGOUT, APDU_LE_NONE);
	struct gids *g = gids_of(card);
	uint16_t sw = 0;
	DWORD r;

	if (g == NULL || dwFlags != 0 || PinId >= CREATE_PIN_SET(MAX_PINS))
		return SCARD_E_INVALID_PARAMETER;
	if (!IS_PIN_SET(PinId, ROLE_USER) && !IS_PIN_SET(PinId, ROLE_ADMIN))
		return SCARD_S_SUCCESS;
	g->environment.set = false;
	r = apdu_exchange(&g->ch, &a, NULL, &sw);
	if (gids_selection_lost(g, sw))
		g->confirmed = false;
	/* the caller resets the card then */
	return gids_refused(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}

static DWORD
small_number(struct cursor list, uint32_t tag)
{
	struct cursor value;
	uint8_t number;

	if (!tlv_find(list, tag, &value) || !cur_u8(&value, &number) || !cur_at_end(&value))
		return CARD_DATA_VALUE_UNKNOWN;
	return number;
}

/* The status object of a PIN. False when the card does not have it or does not tell the tries. */
static bool
tries_from_object(struct gids *g, uint32_t tag, CARD_PIN_TRIES *tries, DWORD *ret_code)
{
	AUTO_BUF struct buf scratch = BUF_INIT;
	struct cursor list;
	DWORD r = gids_object(g, (struct gids_place){ GIDS_EF_WHOLE, tag }, false, &scratch, &list);

	*ret_code = r;
	if (r == SCARD_W_REMOVED_CARD || r == SCARD_W_RESET_CARD || r == SCARD_E_NO_MEMORY)
		return true;
	if (r != SCARD_S_SUCCESS)
		return false;
	tries->dwLeft = small_number(list, TAG_TRIES_LEFT);
	if (tries->dwLeft == CARD_DATA_VALUE_UNKNOWN)
		tries->dwLeft = small_number(list, TAG_TRIES_LEFT_OLD);
	tries->dwMax = small_number(list, TAG_TRIES_MAX);
	return tries->dwLeft != CARD_DATA_VALUE_UNKNOWN;
}

/* VERIFY without data is a question, and never one about an empty PIN: there is no data field at all. */
static bool
tries_from_verify(struct gids *g, CARD_PIN_TRIES *tries, DWORD *ret_code)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, REFERENCE_PIN, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	if ((r = gids_confirm(g)) == SCARD_S_SUCCESS)
		r = gids_exchange(g, &a, NULL, &sw);
	*tries = (CARD_PIN_TRIES){ tries_of(sw), CARD_DATA_VALUE_UNKNOWN };
	*ret_code = gids_refused(sw) ? SCARD_S_SUCCESS : r;
	return r == SCARD_S_SUCCESS || !gids_refused(sw) || tries->dwLeft != CARD_DATA_VALUE_UNKNOWN;
}

static bool
tries_from(struct gids *g, enum gids_tries_source source, CARD_PIN_TRIES *tries, DWORD *ret_code)
{
	switch (source) {
	case GIDS_TRIES_LOCAL: return tries_from_object(g, DO_PIN_LOCAL, tries, ret_code);
	case GIDS_TRIES_GLOBAL: return tries_from_object(g, DO_PIN_GLOBAL, tries, ret_code);
	case GIDS_TRIES_VERIFY: return tries_from_verify(g, tries, ret_code);
	case GIDS_TRIES_NONE: break;
	}
	*tries = (CARD_PIN_TRIES){ CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	*ret_code = SCARD_S_SUCCESS;
	return true;
}

DWORD
gids_pin_tries(struct gids *g, CARD_PIN_TRIES *ret_tries)
{
	enum gids_tries_source source = g->tries_source;
	CARD_PIN_TRIES tries = { 0 };
	DWORD r;

	while (!tries_from(g, source, &tries, &r))
		source++;
	if (r != SCARD_S_SUCCESS)
		return r;
	g->tries_source = source;
	*ret_tries = tries;
	return SCARD_S_SUCCESS;
}
