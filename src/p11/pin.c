/* SPDX-License-Identifier: BSD-2-Clause */
/* Setting of PINs (PKCS#11 3.1, 5.5.8 and 5.5.9), by the user and by the security officer. */
#include "p11/pin.h"

#include "base/auto.h"
#include "base/limits.h"

/* Bytes of a PIN that nobody is to guess, where the card takes so many. */
#define RANDOM_PIN_LEN 16u

/* Forms --------------------------------------------------------------------------------------------------------------- */

/* 16 for what is no digit. */
static unsigned
digit_value(CK_UTF8CHAR c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10u;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* CKR_PIN_LEN_RANGE for another number of digits, CKR_PIN_INVALID for what is no digit. */
static CK_RV
admin_key(const CK_UTF8CHAR *digits, CK_ULONG count, struct secret *ret_key)
{
	AUTO_SECRET struct secret key = SECRET_INIT;

	if (count != 32 && count != 48 && count != 64)
		return CKR_PIN_LEN_RANGE;
	if (!secret_alloc(&key, count / 2))
		return CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; i < count; i++) {
		unsigned value = digit_value(digits[i]);

		if (value > 15)
			return CKR_PIN_INVALID;
		key.p[i / 2] = (uint8_t)((unsigned)key.p[i / 2] << 4 | value);
	}
	return secret_copy(ret_key, &key) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV
p11_admin_key_given(const CK_UTF8CHAR *digits, CK_ULONG count, struct secret *ret_key)
{
	CK_RV rv = admin_key(digits, count, ret_key);

	return rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID ? CKR_PIN_INCORRECT : rv;
}

CK_RV
p11_random_pin(const struct csp_token_info *token, struct secret *ret_pin)
{
	size_t len = token->pin_max < RANDOM_PIN_LEN ? token->pin_max : RANDOM_PIN_LEN;

	if (len < token->pin_min)
		len = token->pin_min;
	if (len == 0 || !secret_alloc(ret_pin, len))
		return CKR_HOST_MEMORY;
	if (!secret_random(ret_pin->p, len))
		return CKR_FUNCTION_FAILED;
	for (size_t i = 0; i < len; i++)
		ret_pin->p[i] = (uint8_t)('0' + ret_pin->p[i] % 10);
	return CKR_OK;
}

/* A PIN that is to be set is measured without a try; NULL is right where it is typed at the reader. */
static CK_RV
check_new_pin(const struct csp_token_info *token, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	if (pin == NULL)
		return len == 0 && token->pin_at_reader ? CKR_OK : CKR_ARGUMENTS_BAD;
	return len == 0 || len < token->pin_min || len > token->pin_max ? CKR_PIN_LEN_RANGE : CKR_OK;
}

/*
 * What the code of a change of a PIN means. A card that was given a wrong one locks, and what was kept is forgotten: whoever
 * was logged in with that role is so no more.
 */
static CK_RV
change_rv(struct p11_slot *slot, DWORD r)
{
	switch (r) {
	case SCARD_W_WRONG_CHV: p11_logout(slot); return CKR_PIN_INCORRECT;
	case SCARD_W_CHV_BLOCKED: p11_logout(slot); return CKR_PIN_LOCKED;
	case SCARD_E_INVALID_VALUE: return CKR_PIN_INVALID;
	case SCARD_E_UNSUPPORTED_FEATURE: return CKR_FUNCTION_NOT_SUPPORTED;
	case SCARD_W_CARD_NOT_AUTHENTICATED: p11_logout(slot); return CKR_USER_NOT_LOGGED_IN;
	default: return p11_rv(r, P11_CTX_LOGIN);
	}
}

/* C_InitPIN ----------------------------------------------------------------------------------------------------------- */

static CK_RV
init_pin(struct p11_session *session, const CK_UTF8CHAR *pin, CK_ULONG len)
{
	struct p11_slot *slot = session->slot;
	struct csp_token_info token;
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (pin == NULL && len != 0)
		return CKR_ARGUMENTS_BAD;
	if (slot->login != P11_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if ((r = csp_token_info(card, &token)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if ((rv = check_new_pin(&token, pin, len)) != CKR_OK)
		return rv;
	r = csp_pin_unblock(card, CSP_ROLE_USER, CSP_ROLE_ADMIN, cur_of(NULL, 0), cur_of(pin, len), 0, NULL);
	/* the key has been changed meanwhile; the card does not let it unblock this PIN */
	if (r == SCARD_W_WRONG_CHV)
		r = SCARD_W_CARD_NOT_AUTHENTICATED;
	if (r == SCARD_E_INVALID_PARAMETER)
		r = SCARD_E_UNSUPPORTED_FEATURE;
	if (r != SCARD_S_SUCCESS)
		return change_rv(slot, r);
	/* from now on somebody knows it */
	if (token.pin_unset && (r = csp_token_name(card, NULL, false)) != SCARD_S_SUCCESS)
		return change_rv(slot, r);
	slot->pin_unset = false;
	return CKR_OK;
}

CK_RV
C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, init_pin(session, pin, pin_len));
}

/* C_SetPIN ------------------------------------------------------------------------------------------------------------ */

/* The arguments of C_SetPIN. */
struct pins {
	const CK_UTF8CHAR *old, *new;
	CK_ULONG old_len, new_len;
};

static CK_RV
set_admin_key(struct p11_slot *slot, struct csp_card *card, const struct pins *pins)
{
	AUTO_SECRET struct secret old = SECRET_INIT, new = SECRET_INIT;
	CK_RV rv;
	DWORD r;

	if (pins->old == NULL || pins->new == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = admin_key(pins->new, pins->new_len, &new)) != CKR_OK ||
	    (rv = p11_admin_key_given(pins->old, pins->old_len, &old)) != CKR_OK)
		return rv;
	r = csp_pin_change(card, CSP_ROLE_ADMIN, cur_of(old.p, old.len), cur_of(new.p, new.len), NULL);
	return r == SCARD_S_SUCCESS ? CKR_OK : change_rv(slot, r);
}

static const struct csp_role_info *
find_role(const struct csp_role_info *roles, size_t count, uint32_t role)
{
	for (size_t i = 0; i < count; i++)
		if (roles[i].role == role)
			return &roles[i];
	return NULL;
}

/* Whether what was given as the old PIN can be the secret of this role; nothing else is sent to the card. */
static bool
can_be_of(const struct csp_role_info *role, const struct pins *pins)
{
	AUTO_SECRET struct secret key = SECRET_INIT;

	if (role->type == CSP_PIN_CHALLENGE)
		return admin_key(pins->old, pins->old_len, &key) == CKR_OK;
	return role->type == CSP_PIN_TYPED && pins->old_len >= role->pin_min && pins->old_len <= role->pin_max;
}

/* The role that unblocks the user's PIN with what was given, or NULL. A key is told from a PIN by its form. */
static const struct csp_role_info *
find_authority(const struct csp_role_info *roles, size_t count, const struct pins *pins)
{
	const struct csp_role_info *user = find_role(roles, count, CSP_ROLE_USER), *found = NULL;

	for (size_t i = 0; i < count && user != NULL; i++) {
		if (&roles[i] == user || (user->unblock_roles & CSP_ROLE_BIT(roles[i].role)) == 0 ||
		    !can_be_of(&roles[i], pins))
			continue;
		if (found == NULL || roles[i].type == CSP_PIN_CHALLENGE)
			found = &roles[i];
	}
	return found;
}

/* A blocked PIN cannot be changed, so that who gives an old one means what unblocks it: pkcs11-tool --unlock-pin. */
static CK_RV
unblock(struct csp_card *card, const struct pins *pins)
{
	AUTO_SECRET struct secret key = SECRET_INIT;
	struct cursor given = cur_of(pins->old, pins->old_len);
	struct csp_role_info roles[CSP_ROLES];
	const struct csp_role_info *authority;
	size_t count = 0;
	CK_RV rv;
	DWORD r;

	if ((r = csp_role_list(card, roles, &count)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if ((authority = find_authority(roles, count, pins)) == NULL)
		return CKR_PIN_LOCKED;
	if (authority->type == CSP_PIN_CHALLENGE) {
		if ((rv = p11_admin_key_given(pins->old, pins->old_len, &key)) != CKR_OK)
			return rv;
		given = cur_of(key.p, key.len);
	}
	r = csp_pin_unblock(card, CSP_ROLE_USER, authority->role, given, cur_of(pins->new, pins->new_len), 0, NULL);
	return r == SCARD_E_INVALID_VALUE ? CKR_PIN_INVALID : p11_rv(r, P11_CTX_LOGIN);
}

static CK_RV
set_user_pin(struct p11_slot *slot, struct csp_card *card, const struct pins *pins)
{
	struct csp_token_info token;
	CK_RV rv;
	DWORD r;

	if ((r = csp_token_info(card, &token)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	if ((pins->old == NULL) != (pins->new == NULL) || (pins->old == NULL && pins->old_len != 0))
		return CKR_ARGUMENTS_BAD;
	if ((rv = check_new_pin(&token, pins->new, pins->new_len)) != CKR_OK)
		return rv;
	if (pins->old != NULL && (pins->old_len == 0 || pins->old_len > LIMIT_PIN))
		return CKR_PIN_INCORRECT;
	if (token.tries_left == 0 && slot->login == P11_PUBLIC && pins->old != NULL)
		return unblock(card, pins);
	r = csp_pin_change(card, CSP_ROLE_USER, cur_of(pins->old, pins->old_len), cur_of(pins->new, pins->new_len),
			   NULL);
	return r == SCARD_S_SUCCESS ? CKR_OK : change_rv(slot, r);
}

static CK_RV
set_pin(struct p11_session *session, const struct pins *pins)
{
	struct p11_slot *slot = session->slot;
	struct csp_card *card;
	CK_RV rv;

	if ((session->flags & CKF_RW_SESSION) == 0)
		return CKR_SESSION_READ_ONLY;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if (slot->login == P11_SO)
		return set_admin_key(slot, card, pins);
	rv = set_user_pin(slot, card, pins);
	/* whoever is not logged in must not become so by the way */
	if (slot->login == P11_PUBLIC)
		csp_logout(slot->reader);
	return rv;
}

CK_RV
C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old_pin, CK_ULONG old_len, CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
	const struct pins pins = { old_pin, new_pin, old_len, new_len };
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, set_pin(session, &pins));
}
