/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PIN and what is known of its counter (SP 800-73-4 part 2, 3.2). The roles of the user and of the signature key are one
 * PIN with two rules: what is verified for one is verified for the other.
 */
#include "piv/piv.h"

#include <string.h>

#define PIN_LEN 8u
#define PAD 0xFFu
#define P1_LOGOUT 0xFFu

#define SW_NO_REFERENCE 0x6A88u
#define SW_WRONG_LENGTH 0x6700u
#define SW_BAD_DATA 0x6A80u

#define USER_ROLES (CREATE_PIN_SET(ROLE_USER) | CREATE_PIN_SET(PIV_ROLE_ALWAYS))

/*
 * Eight bytes, filled up. A card may count what it cannot be against the PIN, so it is not asked: only digits, but on
 * tokens that are known to take any character.
 */
static bool
encode_pin(const struct piv *p, const BYTE *pin, DWORD len, struct secret *ret_pin)
{
	if (len < PIV_PIN_MIN || len > PIV_PIN_MAX)
		return false;
	for (DWORD i = 0; i < len; i++)
		if ((pin[i] < '0' || pin[i] > '9') && !(p->any_pin && pin[i] > 0x20 && pin[i] < 0x7F))
			return false;
	if (!secret_alloc(ret_pin, PIN_LEN))
		return false;
	memset(ret_pin->p, PAD, PIN_LEN);
	memcpy(ret_pin->p, pin, len);
	return true;
}

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
	if (sw == SW_NO_REFERENCE)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (sw == SW_WRONG_LENGTH || sw == SW_BAD_DATA)
		return SCARD_E_INVALID_PARAMETER;
	return r;
}

/* What a signature will need is asked before, since nothing may come between the PIN and the signature. */
static DWORD
prepare(struct piv *p, PIN_ID role, uint8_t *ret_reference)
{
	struct piv_key *key;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS ||
	    (r = piv_pin_reference_recall(p, ret_reference)) != SCARD_S_SUCCESS)
		return r;
	if (role == PIV_ROLE_ALWAYS) {
		r = piv_key_find_only(p, PIV_SLOT_SIGNATURE, &key);
		return r == SCARD_E_NO_KEY_CONTAINER ? SCARD_S_SUCCESS : r;
	}
	return SCARD_S_SUCCESS;
}

bool
piv_pin_external(struct piv *p)
{
	return io_pinpad(p->ch.io, IO_PINPAD_VERIFY);
}

/* Typed at the reader's keys: one block of eight bytes for each PIN. Without a status word the card was not asked. */
static DWORD
at_reader(struct piv *p, uint8_t ins, uint8_t reference, uint16_t *ret_sw)
{
	const bool modify = ins == PIV_INS_CHANGE;
	const struct io_pin_entry entry = {
		.header = { 0x00, ins, 0x00, reference },
		.min = PIV_PIN_MIN,
		.max = PIV_PIN_MAX,
		.block = PIN_LEN,
		.pad = PAD,
		.with_old = modify,
	};
	DWORD r;

	*ret_sw = 0;
	p->presented = true;
	r = modify ? io_modify_pin(p->ch.io, &entry, ret_sw) : io_verify_pin(p->ch.io, &entry, ret_sw);
	return r == SCARD_S_SUCCESS ? sw_code(*ret_sw, NULL, 0) : r;
}

static DWORD
send_pin(struct piv *p, uint8_t reference, const struct secret *pin, uint16_t *ret_sw)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_VERIFY, 0x00, reference, APDU_LE_NONE);

	apdu_put_secret(&a, pin);
	p->presented = true;
	return apdu_exchange(&p->ch, &a, NULL, ret_sw);
}

/* A PIN that is wrong may be the other one, if it was the cache that said which one counts: that is not asked twice. */
static void
doubt_reference(struct piv *p)
{
	if (p->pin_reference_recalled) {
		p->pin_reference_known = p->pin_reference_recalled = false;
		piv_cache_forget_pin_reference(p);
	}
}

/*
 * Whether the card was shown this PIN for the user, found it right, and has heard nothing since: then it is the one that
 * the signature key wants shown directly before.
 */
static bool
is_shown(const struct piv *p, PIN_ID role, const struct secret *pin)
{
	return role == PIV_ROLE_ALWAYS && IS_PIN_SET(p->authenticated, ROLE_USER) && pin->len > 0 &&
	       p->shown_exchange == p->ch.io->exchanges && secret_equal(pin, &p->shown_pin);
}

static void
note_shown(struct piv *p, struct secret *pin)
{
	secret_free(&p->shown_pin);
	p->shown_pin = *pin;
	*pin = (struct secret)SECRET_INIT;
	p->shown_exchange = p->ch.io->exchanges;
}

/* pin NULL: the reader asks for it. */
static DWORD
verify(struct piv *p, PIN_ID role, const BYTE *pin, DWORD len, DWORD *ret_tries)
{
	AUTO_SECRET struct secret padded = SECRET_INIT;
	uint8_t reference = 0;
	uint16_t sw = 0;
	DWORD r;

	if (pin != NULL && !encode_pin(p, pin, len, &padded))
		return SCARD_E_INVALID_PARAMETER;
	if ((r = prepare(p, role, &reference)) != SCARD_S_SUCCESS)
		return r;
	if (is_shown(p, role, &padded))
		return SCARD_S_SUCCESS;
	r = pin != NULL ? send_pin(p, reference, &padded, &sw) : at_reader(p, PIV_INS_VERIFY, reference, &sw);
	if (sw != 0 || pin != NULL)
		p->authenticated &= ~USER_ROLES;
	if (r != SCARD_S_SUCCESS) {
		doubt_reference(p);
		return sw != 0 ? verify_code(r, sw, ret_tries) : r;
	}
	p->authenticated |= USER_ROLES;
	p->pin_reference_recalled = false;
	note_shown(p, &padded);
	return SCARD_S_SUCCESS;
}

DWORD
piv_authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
		    BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	struct piv *p = piv_context(card);
	DWORD r, tries = CARD_DATA_VALUE_UNKNOWN;

	(void)ppbSessionPin, (void)pcbSessionPin;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	/* there are no session PINs on this card edge */
	if ((dwFlags & ~CARD_PIN_SILENT_CONTEXT) != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	switch (PinId) {
	case ROLE_USER:
	case PIV_ROLE_ALWAYS: r = verify(p, PinId, pbPinData, cbPinData, &tries); break;
	case ROLE_ADMIN: r = piv_respond(p, pbPinData, cbPinData); break;
	default: return SCARD_E_UNSUPPORTED_FEATURE;
	}
	if (pcAttemptsRemaining != NULL && (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED))
		*pcAttemptsRemaining = tries;
	return r;
}

/* Changing and unblocking ---------------------------------------------------------------------------------------------- */

/* Old one and new one, or PUK and new PIN, in one command. What the new one cannot be costs no try of the old one. */
static DWORD
change(struct piv *p, struct apdu *a, const struct secret *old, const struct secret *new, DWORD *ret_tries)
{
	uint16_t sw = 0;
	DWORD r;

	apdu_put_secret(a, old);
	apdu_put_secret(a, new);
	p->presented = true;
	r = apdu_exchange(&p->ch, a, NULL, &sw);
	if (sw == SW_BAD_DATA)
		return SCARD_E_INVALID_CHV;
	return piv_unknown_instruction(sw) ? SCARD_E_UNSUPPORTED_FEATURE : verify_code(r, sw, ret_tries);
}

/* Eight bytes of any value by the standard; what people type is filled up. */
static bool
encode_puk(const BYTE *puk, DWORD len, struct secret *ret_puk)
{
	if (len < PIV_PIN_MIN || len > PIV_PIN_MAX || !secret_alloc(ret_puk, PIN_LEN))
		return false;
	memset(ret_puk->p, PAD, PIN_LEN);
	memcpy(ret_puk->p, puk, len);
	return true;
}

static bool
encode(const struct piv *p, PIN_ID role, const BYTE *pin, DWORD len, struct secret *ret_pin)
{
	return role == PIV_ROLE_PUK ? encode_puk(pin, len, ret_pin) : encode_pin(p, pin, len, ret_pin);
}

struct change {
	struct piv *p;
	PIN_ID authority, target;
	const BYTE *old, *new;
	DWORD old_len, new_len;
};

/* The old PIN may be another role's that is the same PIN. */
static DWORD
change_pin(const struct change *c, bool unblock, DWORD *ret_tries)
{
	AUTO_APDU struct apdu a =
		apdu_of(0x00, unblock ? PIV_INS_RESET_RETRY : PIV_INS_CHANGE, 0x00, PIV_REFERENCE_PUK, APDU_LE_NONE);
	AUTO_SECRET struct secret old = SECRET_INIT, new = SECRET_INIT;
	DWORD r;

	if (!encode(c->p, c->authority, c->old, c->old_len, &old))
		return SCARD_E_INVALID_PARAMETER;
	if (!encode(c->p, c->target, c->new, c->new_len, &new))
		return SCARD_E_INVALID_CHV;
	if ((r = piv_confirm(c->p)) != SCARD_S_SUCCESS)
		return r;
	if (c->target != PIV_ROLE_PUK && (r = piv_pin_reference(c->p, &a.p2)) != SCARD_S_SUCCESS)
		return r;
	/* the PUK is one of the application's own PIN */
	if (unblock && a.p2 != PIV_REFERENCE_PIN)
		return SCARD_E_UNSUPPORTED_FEATURE;
	c->p->authenticated &= ~USER_ROLES;
	r = change(c->p, &a, &old, &new, ret_tries);
	if (r == SCARD_S_SUCCESS && !unblock && c->target != PIV_ROLE_PUK)
		c->p->authenticated |= USER_ROLES;
	return r;
}

/* Both PINs typed at the reader, which compares what is typed twice. */
static DWORD
change_at_reader(const struct change *c, DWORD *ret_tries)
{
	uint8_t reference;
	uint16_t sw = 0;
	DWORD r;

	if ((r = piv_confirm(c->p)) != SCARD_S_SUCCESS || (r = piv_pin_reference(c->p, &reference)) != SCARD_S_SUCCESS)
		return r;
	r = at_reader(c->p, PIV_INS_CHANGE, reference, &sw);
	if (sw == 0)
		return r;
	c->p->authenticated &= ~USER_ROLES;
	if (sw == SW_BAD_DATA)
		return SCARD_E_INVALID_CHV;
	if (r != SCARD_S_SUCCESS)
		return verify_code(r, sw, ret_tries);
	c->p->authenticated |= USER_ROLES;
	return SCARD_S_SUCCESS;
}

static DWORD
change_key(const struct change *c, CARD_KEY_ALGORITHM algorithm)
{
	DWORD r = piv_respond(c->p, c->old, c->old_len);

	return r == SCARD_S_SUCCESS ? piv_management_key_set(c->p, algorithm, c->new, c->new_len) : r;
}

DWORD
piv_change_authenticator_ex(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData,
			    PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount,
			    DWORD *pcAttemptsRemaining)
{
	const struct change c = { .p = piv_context(card),
				  .authority = AuthPinId,
				  .target = TargetPinId,
				  .old = pbAuthData,
				  .old_len = cbAuthData,
				  .new = pbTargetData,
				  .new_len = cbTargetData };
	const CARD_KEY_ALGORITHM algorithm = (CARD_KEY_ALGORITHM)((dwFlags & PIN_CHANGE_KEY_ALGORITHM_MASK) >> 8);
	DWORD r, tries = CARD_DATA_VALUE_UNKNOWN;

	if (c.p == NULL || (cRetryCount != 0 && cRetryCount != CARD_DATA_VALUE_UNKNOWN))
		return SCARD_E_INVALID_PARAMETER;
	if (TargetPinId == ROLE_ADMIN)
		r = pbAuthData != NULL ? change_key(&c, algorithm) : SCARD_E_INVALID_PARAMETER;
	else if (pbAuthData == NULL)
		r = (dwFlags & PIN_CHANGE_FLAG_UNBLOCK) == 0 ? change_at_reader(&c, &tries)
							     : SCARD_E_UNSUPPORTED_FEATURE;
	else
		r = change_pin(&c, (dwFlags & PIN_CHANGE_FLAG_UNBLOCK) != 0, &tries);
	if (pcAttemptsRemaining != NULL && (r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED))
		*pcAttemptsRemaining = tries;
	return r;
}

/* Logout and tries ------------------------------------------------------------------------------------------------------- */

/* VERIFY with P1 FF (SP 800-73-4); older cards do not know it, and the caller resets them then. */
DWORD
piv_deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_VERIFY, P1_LOGOUT, PIV_REFERENCE_PIN, APDU_LE_NONE);
	struct piv *p = piv_context(card);
	uint16_t sw = 0;
	DWORD r;

	(void)dwFlags;
	if (p == NULL)
		return SCARD_E_INVALID_PARAMETER;
	piv_agreements_forget(p);
	/* nothing but a reset takes the management key's rights back */
	if (IS_PIN_SET(PinId, ROLE_ADMIN) && IS_PIN_SET(p->authenticated, ROLE_ADMIN))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((PinId & USER_ROLES) == 0)
		return SCARD_S_SUCCESS;
	if (p->pin_reference_known)
		a.p2 = p->pin_reference;
	p->authenticated &= ~USER_ROLES;
	secret_free(&p->shown_pin);
	r = apdu_exchange(&p->ch, &a, NULL, &sw);
	return piv_refused(sw) ? SCARD_E_UNSUPPORTED_FEATURE : r;
}

/* VERIFY without data. "Verified already" does not tell the tries; nor do cards that do not know the question. */
static DWORD
ask_tries(struct piv *p, DWORD *ret_left)
{
	AUTO_APDU struct apdu a = apdu_of(0x00, PIV_INS_VERIFY, 0x00, 0x00, APDU_LE_NONE);
	uint16_t sw = 0;
	DWORD r;

	if ((r = piv_confirm(p)) != SCARD_S_SUCCESS || (r = piv_pin_reference(p, &a.p2)) != SCARD_S_SUCCESS)
		return r;
	r = apdu_exchange(&p->ch, &a, NULL, &sw);
	*ret_left = tries_of(sw);
	return r == SCARD_S_SUCCESS || piv_refused(sw) ? SCARD_S_SUCCESS : r;
}

DWORD
piv_pin_tries(struct piv *p, PIN_ID role, CARD_PIN_TRIES *ret_tries)
{
	CARD_PIN_TRIES tries = { CARD_DATA_VALUE_UNKNOWN, CARD_DATA_VALUE_UNKNOWN };
	DWORD r = SCARD_S_SUCCESS;

	if (p->presented && (role == ROLE_USER || role == PIV_ROLE_ALWAYS))
		r = ask_tries(p, &tries.dwLeft);
	if (r == SCARD_S_SUCCESS)
		*ret_tries = tries;
	return r;
}
