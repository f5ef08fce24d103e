/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The user PIN and the PUK: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, logout, and what is known of the counters
 * (GIDS 2.0; ISO 7816-4, 11.5.6). A PIN is sent only when GIDS is known to be selected: another application would take it
 * for a try of its own PIN.
 */
#include "gids/gids.h"

#include <string.h>

#include "base/log.h"
#include "iso7816/tlv.h"

/* References of VERIFY: the application's PIN, the PUK, and "forget the security status". */
#define REFERENCE_PUK 0x81u
#define REFERENCE_LOGOUT 0x82u

/* P1 of RESET RETRY COUNTER. */
#define UNBLOCK_BY_PUK 0x00u
#define UNBLOCK_BY_ADMIN 0x02u

/* Digits that a reader takes: as many as cards take at least, and as a reader's block can hold. */
#define READER_PIN_MIN 4u
#define READER_PIN_MAX 15u

#define SW_NO_SUCH_PIN 0x6A88u
#define SW_NO_FILE 0x6A82u
#define SW_WRONG_LENGTH 0x6700u
#define SW_WRONG_DATA 0x6A80u
#define SW_NOT_USABLE 0x6984u

#define DO_PIN_GLOBAL 0x7F71u
#define DO_PIN_LOCAL 0x7F72u
#define DO_PUK 0x7F73u
#define TAG_TRIES_LEFT 0x97u
#define TAG_TRIES_LEFT_OLD 0x9F17u
#define TAG_TRIES_MAX 0x93u

bool
gids_guards_keys(const struct gids *g, PIN_ID role)
{
	return role == ROLE_USER || (role < MAX_PINS && IS_PIN_SET(g->roles, role));
}

static uint8_t
reference_of(const struct gids *g, PIN_ID role)
{
	if (role == ROLE_USER)
		return GIDS_REFERENCE_PIN;
	return gids_guards_keys(g, role) ? (uint8_t)(GIDS_REFERENCE_PIN | role) : REFERENCE_PUK;
}

static DWORD
tries_of(uint16_t sw)
{
	unsigned tries;

	if (!sw_tries_left(sw, &tries) || tries == SW_TRIES_UNKNOWN)
		return CARD_DATA_VALUE_UNKNOWN;
	return tries;
}

DWORD
gids_verify_code(DWORD r, uint16_t sw, DWORD *ret_tries)
{
	if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED)
		*ret_tries = tries_of(sw);
	if (sw == SW_NO_SUCH_PIN || sw == SW_NO_FILE)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (sw == SW_WRONG_LENGTH)
		return SCARD_E_INVALID_PARAMETER;
	return r;
}

static void
put_pin(struct apdu *a, const BYTE *pin, size_t len)
{
	a->secret = true;
	buf_put(&a->data, pin, len);
}

/* A failed VERIFY ends an earlier one, but on some cards not the environment that it had allowed. */
DWORD
gids_verify_done(struct gids *g, PIN_ID role, DWORD r, uint16_t sw, DWORD *ret_tries)
{
	if (r == SCARD_S_SUCCESS) {
		g->verified |= CREATE_PIN_SET(role);
		return r;
	}
	g->verified &= ~CREATE_PIN_SET(role);
	g->environment.set = false;
	return gids_verify_code(r, sw, ret_tries);
}

static DWORD
verify(struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, DWORD *ret_tries)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, reference_of(g, role), APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	put_pin(&a, pin, len);
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_exchange(g, &a, NULL, &sw);
	return gids_verify_done(g, role, r, sw, ret_tries);
}

/* At the reader ------------------------------------------------------------------------------------------------------- */

bool
gids_pin_external(struct gids *g)
{
	return io_pinpad(g->ch.io, IO_PINPAD_VERIFY);
}

/* PINs follow each other without a byte between them, and none is filled up. */
static DWORD
at_reader(struct gids *g, uint8_t ins, PIN_ID role, bool modify, uint16_t *ret_sw)
{
	const struct io_pin_entry entry = {
		.header = { 0x00, ins, 0x00, reference_of(g, role) },
		.min = READER_PIN_MIN,
		.max = READER_PIN_MAX,
		.with_old = modify,
	};
	DWORD r;

	*ret_sw = 0;
	g->challenge = GIDS_CHALLENGE_NONE;
	if ((r = gids_confirm(g)) != SCARD_S_SUCCESS)
		return r;
	r = modify ? io_modify_pin(g->ch.io, &entry, ret_sw) : io_verify_pin(g->ch.io, &entry, ret_sw);
	return r == SCARD_S_SUCCESS ? sw_code(*ret_sw, NULL, 0) : r;
}

static DWORD
verify_at_reader(struct gids *g, PIN_ID role, DWORD *ret_tries)
{
	uint16_t sw;
	DWORD r = at_reader(g, GIDS_INS_VERIFY, role, false, &sw);

	/* the reader's own word: no try was made, and what was verified still is */
	return sw == 0 ? r : gids_verify_done(g, role, r, sw, ret_tries);
}

/* Authentication ------------------------------------------------------------------------------------------------------ */

/* The card's cryptogram for a caller that wants to check it. */
static DWORD
give_proof(CARD_DATA *card, const struct buf *proof, BYTE **ppbProof, DWORD *pcbProof)
{
	BYTE *copy;

	if (ppbProof == NULL || proof->len == 0)
		return SCARD_S_SUCCESS;
	if ((copy = card->pfnCspAlloc(proof->len)) == NULL)
		return ERROR_NOT_ENOUGH_MEMORY;
	memcpy(copy, proof->p, proof->len);
	*ppbProof = copy;
	*pcbProof = (DWORD)proof->len;
	return SCARD_S_SUCCESS;
}

static DWORD
authenticate_admin(CARD_DATA *card, struct gids *g, const BYTE *response, DWORD len, BYTE **ppbProof, DWORD *pcbProof,
		   DWORD *ret_tries)
{
	AUTO_BUF struct buf proof = BUF_INIT;
	DWORD r = gids_respond(g, response, len, &proof, ret_tries);

	return r == SCARD_S_SUCCESS ? give_proof(card, &proof, ppbProof, pcbProof) : r;
}

/* The PIN that was entered at the reader is known to nobody; what stands for it later is a session PIN, if the card has any. */
static DWORD
authenticate_user(CARD_DATA *card, struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, BYTE **ppbSessionPin,
		  DWORD *pcbSessionPin, DWORD *ret_tries)
{
	DWORD r;

	if (pin != NULL)
		return len <= GIDS_PIN_MAX ? verify(g, role, pin, len, ret_tries) : SCARD_E_INVALID_PARAMETER;
	r = verify_at_reader(g, role, ret_tries);
	if (r == SCARD_S_SUCCESS && g->session_pins && ppbSessionPin != NULL)
		(void)gids_session_ask(card, g, role, ppbSessionPin, pcbSessionPin);
	return r;
}

/* Entered at the reader the PIN unlocks the card, which is then locked again. */
static DWORD
make_session(CARD_DATA *card, struct gids *g, PIN_ID role, const BYTE *pin, DWORD len, BYTE **ppbSessionPin,
	     DWORD *pcbSessionPin, DWORD *ret_tries)
{
	DWORD r;

	if (!g->session_pins || pin != NULL)
		return gids_session_make(card, g, role, pin, len, ppbSessionPin, pcbSessionPin, ret_tries);
	if ((r = verify_at_reader(g, role, ret_tries)) != SCARD_S_SUCCESS)
		return r;
	r = gids_session_ask(card, g, role, ppbSessionPin, pcbSessionPin);
	(void)gids_deauthenticate(g);
	return r;
}

static void
tell_tries(DWORD r, DWORD tries, DWORD *pcAttemptsRemaining)
{
	if (pcAttemptsRemaining != NULL && (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED))
		*pcAttemptsRemaining = tries;
}

DWORD
gids_authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
		     BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	const DWORD session = CARD_AUTHENTICATE_GENERATE_SESSION_PIN | CARD_AUTHENTICATE_SESSION_PIN;
	struct gids *g = gids_of(card);
	DWORD r, tries = CARD_DATA_VALUE_UNKNOWN;

	if (g == NULL || (PinId != ROLE_ADMIN && !gids_guards_keys(g, PinId)))
		return SCARD_E_INVALID_PARAMETER;
	if (PinId == ROLE_ADMIN && (dwFlags & session) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (PinId == ROLE_ADMIN)
		r = authenticate_admin(card, g, pbPinData, cbPinData, ppbSessionPin, pcbSessionPin, &tries);
	else if ((dwFlags & CARD_AUTHENTICATE_SESSION_PIN) != 0)
		r = gids_session_present(g, PinId, pbPinData, cbPinData);
	else if ((dwFlags & CARD_AUTHENTICATE_GENERATE_SESSION_PIN) != 0)
		r = make_session(card, g, PinId, pbPinData, cbPinData, ppbSessionPin, pcbSessionPin, &tries);
	else
		r = authenticate_user(card, g, PinId, pbPinData, cbPinData, ppbSessionPin, pcbSessionPin, &tries);
	tell_tries(r, tries, pcAttemptsRemaining);
	return r;
}

DWORD
gids_deauthenticate(struct gids *g)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, REFERENCE_LOGOUT, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	g->environment.set = false;
	g->verified = 0;
	r = gids_send(g, &a, NULL, &sw);
	if (gids_selection_lost(g, sw))
		g->confirmed = false;
	/* the caller resets the card then */
	return gids_refused(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}

/* One command drops everybody; roles that are not on this card are not authenticated. */
DWORD
gids_deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	struct gids *g = gids_of(card);

	(void)dwFlags;
	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((PinId & (CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(ROLE_ADMIN) | g->roles)) == 0)
		return SCARD_S_SUCCESS;
	return gids_deauthenticate(g);
}

/* Change and unblock -------------------------------------------------------------------------------------------------- */

/* A refusal that is no count is about the new PIN: the old one was compared before. */
static DWORD
change_code(DWORD r, uint16_t sw, DWORD *ret_tries)
{
	if (r == SCARD_S_SUCCESS || !gids_refused(sw))
		return r;
	if (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED)
		*ret_tries = tries_of(sw);
	switch (sw) {
	case SW_NO_SUCH_PIN:
	case SW_NO_FILE: return SCARD_E_UNSUPPORTED_FEATURE;
	case SW_WRONG_LENGTH:
	case SW_WRONG_DATA:
	case SW_NOT_USABLE: return SCARD_E_INVALID_CHV;
	default: return r;
	}
}

/* CHANGE REFERENCE DATA and RESET RETRY COUNTER: what proves the right, if it is in the command, and the new PIN. */
static DWORD
set_pin(struct gids *g, uint8_t ins, uint8_t p1, uint8_t reference, struct cursor proof, struct cursor pin,
	DWORD *ret_tries)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, ins, p1, reference, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	put_pin(&a, proof.p, proof.left);
	put_pin(&a, pin.p, pin.left);
	if (buf_failed(&a.data))
		return SCARD_E_NO_MEMORY;
	r = gids_change(g, &a, NULL, &sw);
	return change_code(r, sw, ret_tries);
}

static DWORD
change_pin(struct gids *g, PIN_ID role, struct cursor old, struct cursor new, DWORD *ret_tries)
{
	uint16_t sw;
	DWORD r;

	if (old.p == NULL) {
		if (!gids_guards_keys(g, role))
			return SCARD_E_INVALID_PARAMETER;
		r = at_reader(g, GIDS_INS_CHANGE, role, true, &sw);
		r = change_code(r, sw, ret_tries);
	} else {
		if (old.left > GIDS_PIN_MAX)
			return SCARD_E_INVALID_PARAMETER;
		if (new.left > GIDS_PIN_MAX)
			return SCARD_E_INVALID_CHV;
		r = set_pin(g, GIDS_INS_CHANGE, 0x00, reference_of(g, role), old, new, ret_tries);
	}
	g->environment.set = false;
	if (r == SCARD_S_SUCCESS && gids_guards_keys(g, role))
		g->verified |= CREATE_PIN_SET(role);
	else
		g->verified &= ~CREATE_PIN_SET(role);
	return r;
}

/* The card's file says once and for all which algorithm its key has. */
static DWORD
change_key(CARD_DATA *card, struct gids *g, DWORD flags, struct cursor response, struct cursor key, DWORD *ret_tries)
{
	const CARD_KEY_ALGORITHM wanted = (CARD_KEY_ALGORITHM)((flags & PIN_CHANGE_KEY_ALGORITHM_MASK) >> 8);
	CARD_KEY_ALGORITHM algorithm;
	DWORD r;

	if ((r = gids_respond(g, response.p, (DWORD)response.left, NULL, ret_tries)) != SCARD_S_SUCCESS)
		return r;
	if ((r = gids_admin_algorithm(g, &algorithm)) != SCARD_S_SUCCESS)
		return r;
	if (wanted != CardKeyUnknown && wanted != algorithm)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (key.left != check_key_length(algorithm))
		return SCARD_E_INVALID_CHV;
	return gids_admin_key_write(card, g, algorithm, key.p, (DWORD)key.left);
}

static DWORD
unblock(struct gids *g, PIN_ID authority, struct cursor proof, PIN_ID role, struct cursor pin, DWORD *ret_tries)
{
	const uint8_t reference = reference_of(g, role);
	const struct cursor nothing = cur_of(NULL, 0);
	DWORD r;

	if (pin.left > GIDS_PIN_MAX)
		return SCARD_E_INVALID_CHV;
	if (authority != ROLE_ADMIN)
		return proof.left > GIDS_PIN_MAX
			       ? SCARD_E_INVALID_PARAMETER
			       : set_pin(g, GIDS_INS_RESET_RETRY, UNBLOCK_BY_PUK, reference, proof, pin, ret_tries);
	if ((r = gids_respond(g, proof.p, (DWORD)proof.left, NULL, ret_tries)) != SCARD_S_SUCCESS)
		return r;
	return set_pin(g, GIDS_INS_RESET_RETRY, UNBLOCK_BY_ADMIN, reference, nothing, pin, ret_tries);
}

/* Nobody is authenticated afterwards. Cards drop everybody themselves when the administrator has unblocked, and nobody otherwise. */
static DWORD
unblock_and_forget(struct gids *g, PIN_ID authority, struct cursor proof, PIN_ID role, struct cursor pin,
		   DWORD *ret_tries)
{
	const bool asked = authority != ROLE_ADMIN || g->challenge != GIDS_CHALLENGE_NONE;
	DWORD r = unblock(g, authority, proof, role, pin, ret_tries), also = SCARD_S_SUCCESS;

	g->environment.set = false;
	if (asked && (r != SCARD_S_SUCCESS || authority != ROLE_ADMIN))
		also = gids_deauthenticate(g);
	g->verified = 0;
	return r == SCARD_S_SUCCESS ? also : r;
}

DWORD
gids_change_authenticator_ex(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData,
			     PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount,
			     DWORD *pcAttemptsRemaining)
{
	const struct cursor proof = cur_of(pbAuthData, cbAuthData), value = cur_of(pbTargetData, cbTargetData);
	DWORD r, tries = CARD_DATA_VALUE_UNKNOWN;
	struct gids *g = gids_of(card);

	if (g == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (cRetryCount != 0 && cRetryCount != CARD_DATA_VALUE_UNKNOWN) {
		g->challenge = GIDS_CHALLENGE_NONE;
		return SCARD_E_INVALID_PARAMETER;
	}
	if ((dwFlags & PIN_CHANGE_FLAG_UNBLOCK) != 0)
		r = pbAuthData != NULL ? unblock_and_forget(g, AuthPinId, proof, TargetPinId, value, &tries)
				       : SCARD_E_INVALID_PARAMETER;
	else if (TargetPinId == ROLE_ADMIN)
		r = change_key(card, g, dwFlags, proof, value, &tries);
	else
		r = change_pin(g, TargetPinId, proof, value, &tries);
	/* who was believed on the way to a new value that is none is not authenticated by that */
	if (r == SCARD_E_INVALID_CHV)
		(void)gids_deauthenticate(g);
	tell_tries(r, tries, pcAttemptsRemaining);
	return r;
}

/* Tries --------------------------------------------------------------------------------------------------------------- */

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
	AUTO_APDU struct apdu a = apdu_of(0x00, GIDS_INS_VERIFY, 0x00, GIDS_REFERENCE_PIN, APDU_LE_NONE);
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

static DWORD
user_tries(struct gids *g, CARD_PIN_TRIES *ret_tries)
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

static DWORD
puk_tries(struct gids *g, CARD_PIN_TRIES *ret_tries)
{
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r;

	(void)tries_from_object(g, DO_PUK, &tries, &r);
	if (r == SCARD_E_FILE_NOT_FOUND || r == SCARD_E_DIR_NOT_FOUND || r == SCARD_E_COMM_DATA_LOST ||
	    r == SCARD_W_SECURITY_VIOLATION) {
		g->puk = GIDS_PUK_NONE;
		return SCARD_E_INVALID_PARAMETER;
	}
	if (r != SCARD_S_SUCCESS)
		return r;
	g->puk = GIDS_PUK_THERE;
	*ret_tries = tries;
	return SCARD_S_SUCCESS;
}

DWORD
gids_puk(struct gids *g, bool *ret_there)
{
	CARD_PIN_TRIES tries;
	DWORD r = SCARD_S_SUCCESS;

	if (g->puk == GIDS_PUK_UNKNOWN)
		r = puk_tries(g, &tries);
	if (r != SCARD_S_SUCCESS && r != SCARD_E_INVALID_PARAMETER)
		return r;
	*ret_there = g->puk == GIDS_PUK_THERE;
	return SCARD_S_SUCCESS;
}

/* 7F71 and the role: as the user's, where the card has such PINs. */
static DWORD
role_tries(struct gids *g, PIN_ID role, CARD_PIN_TRIES *ret_tries)
{
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r;

	(void)tries_from_object(g, DO_PIN_GLOBAL + role, &tries, &r);
	if (r == SCARD_W_REMOVED_CARD || r == SCARD_W_RESET_CARD || r == SCARD_E_NO_MEMORY)
		return r;
	*ret_tries = tries;
	return SCARD_S_SUCCESS;
}

DWORD
gids_pin_tries(struct gids *g, PIN_ID role, CARD_PIN_TRIES *ret_tries)
{
	if (role == ROLE_USER)
		return user_tries(g, ret_tries);
	return gids_guards_keys(g, role) ? role_tries(g, role, ret_tries) : puk_tries(g, ret_tries);
}
