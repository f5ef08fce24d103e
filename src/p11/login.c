/* SPDX-License-Identifier: BSD-2-Clause */
/* Login and logout (PKCS#11 3.1, 5.6.8 to 5.6.10). The login belongs to the token and is shared by its sessions. */
#include "base/auto.h"
#include "base/limits.h"
#include "p11/pin.h"

/*
 * What a PIN looks like before any card is asked: an empty or overlong one is never sent, so it costs no try. NULL is
 * right where the PIN is typed at the reader.
 */
static CK_RV
check_pin(struct csp_card *card, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct csp_token_info token;

	if (pin != NULL)
		return pin_len == 0 || pin_len > LIMIT_PIN ? CKR_PIN_INCORRECT : CKR_OK;
	if (pin_len != 0 || csp_token_info(card, &token) != SCARD_S_SUCCESS || !token.pin_at_reader)
		return CKR_ARGUMENTS_BAD;
	return CKR_OK;
}

static CK_RV
login_user(struct p11_slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (slot->login == P11_USER)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (slot->login == P11_SO)
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	if ((rv = p11_card(slot, &card)) != CKR_OK || (rv = check_pin(card, pin, pin_len)) != CKR_OK)
		return rv;
	r = csp_login(card, CSP_ROLE_USER, pin, pin_len, NULL);
	if (r == SCARD_W_WRONG_CHV && slot->pin_unset)
		return CKR_USER_PIN_NOT_INITIALIZED;
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_LOGIN);
	slot->login = P11_USER;
	slot->fresh_login = true;
	slot->viewed = false; /* private objects appear */
	return CKR_OK;
}

/* The security officer's PIN is the administrator's key in hexadecimal digits; it is never typed at a reader. */
static CK_RV
login_so(struct p11_slot *slot, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	AUTO_SECRET struct secret key = SECRET_INIT;
	uint32_t tries = CSP_UNKNOWN;
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (slot->login != P11_PUBLIC)
		return slot->login == P11_SO ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	if (p11_session_count(slot, 0) > p11_session_count(slot, CKF_RW_SESSION))
		return CKR_SESSION_READ_ONLY_EXISTS;
	if (pin == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_admin_key_given(pin, pin_len, &key)) != CKR_OK || (rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	r = csp_login(card, CSP_ROLE_ADMIN, key.p, key.len, &tries);
	slot->so_refused = r == SCARD_W_WRONG_CHV || r == SCARD_W_CHV_BLOCKED;
	slot->so_tries = r == SCARD_W_CHV_BLOCKED ? 0 : tries;
	if (r == SCARD_E_UNSUPPORTED_FEATURE)
		return CKR_USER_TYPE_INVALID;
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_LOGIN);
	slot->login = P11_SO;
	return CKR_OK;
}

/* The private-key operation that waits for its PIN; one that has it already may be given it again. */
static struct p11_op *
waiting_operation(struct p11_session *session)
{
	struct p11_op *served = NULL;

	for (size_t i = 0; i < P11_OP_KINDS; i++) {
		struct p11_op *op = &session->ops[i];

		if (op->phase == P11_PHASE_IDLE || !op->always_authenticate)
			continue;
		if (!op->context_login)
			return op;
		served = op;
	}
	return served;
}

static CK_RV
login_context(struct p11_session *session, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct p11_op *op = waiting_operation(session);
	const struct csp_key *key;
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (op == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	if ((rv = p11_card(session->slot, &card)) != CKR_OK || (rv = check_pin(card, pin, pin_len)) != CKR_OK)
		return rv;
	if ((key = csp_key_find(card, op->key_id)) == NULL)
		return CKR_OPERATION_NOT_INITIALIZED;
	r = csp_login_once(card, key->role, pin, pin_len, NULL);
	if (r == SCARD_W_CHV_BLOCKED)
		p11_logout(session->slot);
	if (r != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_LOGIN);
	op->context_login = true;
	return CKR_OK;
}

static CK_RV
login(struct p11_session *session, CK_USER_TYPE user, const CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	switch (user) {
	case CKU_USER: return login_user(session->slot, pin, pin_len);
	case CKU_SO: return login_so(session->slot, pin, pin_len);
	case CKU_CONTEXT_SPECIFIC: return login_context(session, pin, pin_len);
	default: return CKR_USER_TYPE_INVALID;
	}
}

CK_RV
C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	return rv != CKR_OK ? rv : p11_leave(session, __func__, login(session, user, pin, pin_len));
}

/* A card has one user, whatever the name. */
CK_RV
C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *name,
	    CK_ULONG name_len)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = name == NULL && name_len != 0 ? CKR_ARGUMENTS_BAD : login(session, user, pin, pin_len);
	return p11_leave(session, __func__, rv);
}

CK_RV
C_Logout(CK_SESSION_HANDLE handle)
{
	struct p11_session *session;
	CK_RV rv = p11_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (session->slot->login == P11_PUBLIC)
		return p11_leave(session, __func__, CKR_USER_NOT_LOGGED_IN);
	p11_logout(session->slot);
	return p11_leave(session, __func__, CKR_OK);
}
