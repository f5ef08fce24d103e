/* SPDX-License-Identifier: BSD-2-Clause */
/* What a card says of itself (PKCS#11 3.1, 5.5.3). */
#include <string.h>

#include "p11/p11.h"

/* Clients hold the SO PIN to the user PIN's limits; an admin key in hex has this many digits. */
#define ADMIN_KEY_DIGITS 48u

/* A card that has no identifier has not been personalised: there is no file system, and no PIN was set. */
static CK_FLAGS
life_flags(const struct csp_token_info *token)
{
	if (token->serial[0] == '\0')
		return 0;
	return token->pin_unset ? CKF_TOKEN_INITIALIZED : CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;
}

static CK_FLAGS
tries_flags(const struct csp_token_info *token)
{
	CK_FLAGS flags = 0;

	if (token->tries_left == CSP_UNKNOWN)
		return flags;
	if (token->tries_max != CSP_UNKNOWN && token->tries_left < token->tries_max)
		flags |= CKF_USER_PIN_COUNT_LOW;
	if (token->tries_left == 1)
		flags |= CKF_USER_PIN_FINAL_TRY;
	if (token->tries_left == 0)
		flags |= CKF_USER_PIN_LOCKED;
	return flags;
}

/* Only a card that counts the tries of the administrator's key tells of them, and only when one was refused. */
static CK_FLAGS
officer_flags(const struct p11_slot *slot)
{
	if (!slot->so_refused || slot->so_tries == CSP_UNKNOWN)
		return 0;
	switch (slot->so_tries) {
	case 0: return CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_LOCKED;
	case 1: return CKF_SO_PIN_COUNT_LOW | CKF_SO_PIN_FINAL_TRY;
	default: return CKF_SO_PIN_COUNT_LOW;
	}
}

static void
fill_token_info(const struct p11_slot *slot, const struct csp_token_info *token, CK_TOKEN_INFO *info)
{
	memset(info, 0, sizeof(*info));
	p11_pad(info->label, sizeof(info->label), token->label);
	p11_pad(info->manufacturerID, sizeof(info->manufacturerID), token->manufacturer);
	p11_pad(info->model, sizeof(info->model), token->model);
	p11_pad(info->serialNumber, sizeof(info->serialNumber), token->serial);
	p11_pad(info->utcTime, sizeof(info->utcTime), "");
	info->flags = CKF_RNG | life_flags(token) | tries_flags(token) | officer_flags(slot);
	if (token->pin_at_reader)
		info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (token->login_required)
		info->flags |= CKF_LOGIN_REQUIRED;
	if (token->read_only)
		info->flags |= CKF_WRITE_PROTECTED;
	info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulSessionCount = p11_session_count(slot, 0);
	info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulRwSessionCount = p11_session_count(slot, CKF_RW_SESSION);
	info->ulMaxPinLen = token->pin_max > ADMIN_KEY_DIGITS ? token->pin_max : ADMIN_KEY_DIGITS;
	info->ulMinPinLen = token->pin_min;
	info->ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
}

static CK_RV
token_info(struct p11_slot *slot, CK_TOKEN_INFO *info)
{
	struct csp_token_info token;
	struct csp_card *card;
	CK_RV rv;
	DWORD r;

	if (info == NULL)
		return CKR_ARGUMENTS_BAD;
	if ((rv = p11_card(slot, &card)) != CKR_OK)
		return rv;
	if ((r = csp_token_info(card, &token)) != SCARD_S_SUCCESS)
		return p11_rv(r, P11_CTX_TOKEN);
	slot->pin_unset = token.pin_unset;
	fill_token_info(slot, &token, info);
	return CKR_OK;
}

CK_RV
C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	struct p11_slot *slot;
	CK_RV rv = p11_enter_slot(id, &slot);

	return rv != CKR_OK ? rv : p11_leave_slot(slot, __func__, token_info(slot, info));
}
