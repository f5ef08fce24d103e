/* SPDX-License-Identifier: BSD-2-Clause */
/* C_InitToken (PKCS#11 3.1, 5.5.7): a blank card is made, one that is not loses all that is on it. */
#include <string.h>

#include "base/auto.h"
#include "p11/pin.h"

#define LABEL_LEN 32u

/* A caller's label: blank-padded, without NUL. */
static void
take_label(const CK_UTF8CHAR *label, char ret_label[LABEL_LEN + 1])
{
	size_t len = LABEL_LEN;

	memcpy(ret_label, label, LABEL_LEN);
	while (len > 0 && (ret_label[len - 1] == ' ' || ret_label[len - 1] == '\0'))
		len--;
	memset(ret_label + len, 0, LABEL_LEN + 1 - len);
}

/* A GIDS card wants a PIN from the start: one that nobody knows, until C_InitPIN. What says nothing takes one of eight. */
static CK_RV
unknown_pin(struct csp_card *card, struct secret *ret_pin)
{
	struct csp_token_info token;

	if (csp_token_info(card, &token) != SCARD_S_SUCCESS)
		token = (struct csp_token_info){ .pin_min = 8, .pin_max = 8 };
	return p11_random_pin(&token, ret_pin);
}

/* The card keeps its old name when it has no place for another. */
static DWORD
name_it(struct csp_card *card, const char *label)
{
	DWORD r = csp_token_name(card, label, true);

	return r == SCARD_E_UNSUPPORTED_FEATURE || r == SCARD_E_INVALID_VALUE ? SCARD_S_SUCCESS : r;
}

static bool
is_blank(struct csp_card *card)
{
	struct csp_card_info info;

	return csp_card_info(card, &info) == SCARD_S_SUCCESS && info.blank;
}

/* What is missing is made, as on a card that was pulled while it was made; what there is, is emptied. */
static DWORD
make(struct csp_card *card, const struct secret *key, const struct secret *pin)
{
	const struct csp_create what = {
		.user_pin = cur_of(pin->p, pin->len),
		.admin_key = cur_of(key->p, key->len),
	};
	const bool blank = is_blank(card);
	DWORD r = csp_create(card, &what);

	if (r != SCARD_S_SUCCESS && r != ERROR_FILE_EXISTS)
		return r;
	r = csp_login(card, CSP_ROLE_ADMIN, key->p, key->len, NULL);
	if (r == SCARD_S_SUCCESS && !blank)
		r = csp_recreate(card, cur_of(pin->p, pin->len));
	return r;
}

static CK_RV
make_token(struct csp_card *card, const struct secret *key, const char *label)
{
	AUTO_SECRET struct secret pin = SECRET_INIT;
	CK_RV rv = unknown_pin(card, &pin);
	DWORD r;

	if (rv != CKR_OK)
		return rv;
	if ((r = make(card, key, &pin)) == SCARD_S_SUCCESS)
		r = name_it(card, label);
	return r == SCARD_E_UNSUPPORTED_FEATURE ? CKR_FUNCTION_NOT_SUPPORTED : p11_rv(r, P11_CTX_LOGIN);
}

static CK_RV
init_token(struct p11_slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_len, const CK_UTF8CHAR *label)
{
	AUTO_SECRET struct secret key = SECRET_INIT;
	char text[LABEL_LEN + 1];
	struct csp_card *card;
	CK_RV rv;

	if (label == NULL || (pin == NULL && pin_len != 0))
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if (p11_session_count(slot, 0) > 0)
		return CKR_SESSION_EXISTS;
	if (pin == NULL)
		return CKR_ARGUMENTS_BAD;
	if (csp_card_read_only(card))
		return CKR_TOKEN_WRITE_PROTECTED;
	if ((rv = p11_admin_key_given(pin, pin_len, &key)) != CKR_OK)
		return rv;
	take_label(label, text);
	rv = make_token(card, &key, text);
	csp_logout(slot->reader);
	p11_objects_drop(slot);
	slot->pin_unset = rv == CKR_OK;
	return rv;
}

CK_RV
C_InitToken(CK_SLOT_ID id, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, init_token(slot, pin, pin_len, label));
}
