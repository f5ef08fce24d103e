/* SPDX-License-Identifier: BSD-2-Clause */
/* The front's functions on private keys at work. */
#include "front.h"

#include "check.h"

/* With CARD_PADDING_INFO_PRESENT the structure must be of version 2 and its padding be told. */
static DWORD
check_signing_padding(const CARD_SIGNING_INFO *info)
{
	if (check_version(info->dwVersion, CARD_SIGNING_INFO_CURRENT_VERSION) < CARD_SIGNING_INFO_CURRENT_VERSION)
		return ERROR_REVISION_MISMATCH;
	switch (info->dwPaddingType) {
	case CARD_PADDING_NONE: return SCARD_S_SUCCESS;
	case CARD_PADDING_PKCS1:
	case CARD_PADDING_PSS: return info->pPaddingInfo != NULL ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
	default: return SCARD_E_INVALID_PARAMETER;
	}
}

static DWORD
check_signing(const CARD_SIGNING_INFO *info)
{
	const bool size_only = (info->dwSigningFlags & CARD_BUFFER_SIZE_ONLY) != 0;

	if ((info->dwSigningFlags & ~(CARD_PADDING_INFO_PRESENT | CARD_BUFFER_SIZE_ONLY)) != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (!size_only && (info->pbData == NULL || info->cbData == 0))
		return SCARD_E_INVALID_PARAMETER;
	if (check_key_spec(info->dwKeySpec) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_PARAMETER;
	if (check_key_spec_agrees(info->dwKeySpec))
		return SCARD_E_UNSUPPORTED_FEATURE;
	if ((info->dwSigningFlags & CARD_PADDING_INFO_PRESENT) == 0 || check_key_spec_bits(info->dwKeySpec) != 0)
		return SCARD_S_SUCCESS;
	return check_signing_padding(info);
}

/* Without padding information it is PKCS#1 v1.5 on the data as it is; for a key that is not RSA no padding counts. */
static CARD_SIGNING_INFO
signing_spelled_out(const CARD_SIGNING_INFO *info)
{
	static const BCRYPT_PKCS1_PADDING_INFO no_hash = { NULL };
	CARD_SIGNING_INFO whole = *info;

	if ((info->dwSigningFlags & CARD_PADDING_INFO_PRESENT) == 0) {
		whole.dwSigningFlags |= CARD_PADDING_INFO_PRESENT;
		whole.dwPaddingType = CARD_PADDING_PKCS1;
		whole.pPaddingInfo = &no_hash;
	}
	whole.dwVersion = CARD_SIGNING_INFO_CURRENT_VERSION;
	return whole;
}

static DWORD
sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo)
{
	CARD_DATA *own = front_own(card);
	CARD_SIGNING_INFO whole;
	DWORD r;

	if (own == NULL || pInfo == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_signing(pInfo)) != SCARD_S_SUCCESS)
		return r;
	whole = signing_spelled_out(pInfo);
	if ((r = FRONT_CALL(own, pfnCardSignData, card, &whole)) != SCARD_S_SUCCESS)
		return r;
	pInfo->pbSignedData = whole.pbSignedData;
	pInfo->cbSignedData = whole.cbSignedData;
	return SCARD_S_SUCCESS;
}

/* Version 1 of the structure has no padding. */
static bool
without_padding(const CARD_RSA_DECRYPT_INFO *info)
{
	return check_version(info->dwVersion, CARD_RSA_DECRYPT_INFO_CURRENT_VERSION) <
	       CARD_RSA_DECRYPT_INFO_CURRENT_VERSION;
}

/* A context of version 7 does not take version 1. */
static DWORD
check_decryption(const CARD_DATA *card, const CARD_RSA_DECRYPT_INFO *info)
{
	const BCRYPT_OAEP_PADDING_INFO *oaep = info->pPaddingInfo;
	const bool old = without_padding(info);

	if (info->pbData == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (old && card->dwVersion >= CARD_DATA_VERSION_SEVEN)
		return ERROR_REVISION_MISMATCH;
	if (!old && info->dwPaddingType != CARD_PADDING_NONE && info->dwPaddingType != CARD_PADDING_PKCS1 &&
	    info->dwPaddingType != CARD_PADDING_OAEP)
		return SCARD_E_INVALID_PARAMETER;
	if (!old && info->dwPaddingType == CARD_PADDING_OAEP && (oaep == NULL || oaep->pszAlgId == NULL))
		return SCARD_E_INVALID_PARAMETER;
	if (check_key_spec(info->dwKeySpec) != SCARD_S_SUCCESS)
		return SCARD_E_INVALID_PARAMETER;
	return info->dwKeySpec == AT_KEYEXCHANGE ? SCARD_S_SUCCESS : SCARD_E_UNSUPPORTED_FEATURE;
}

/* No padding means the raw block. */
static CARD_RSA_DECRYPT_INFO
decryption_spelled_out(const CARD_RSA_DECRYPT_INFO *info)
{
	CARD_RSA_DECRYPT_INFO whole = *info;

	if (without_padding(info))
		whole.dwPaddingType = CARD_PADDING_NONE;
	whole.dwVersion = CARD_RSA_DECRYPT_INFO_CURRENT_VERSION;
	return whole;
}

static DWORD
rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo)
{
	CARD_DATA *own = front_own(card);
	CARD_RSA_DECRYPT_INFO whole;
	DWORD r;

	if (own == NULL || pInfo == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if ((r = check_decryption(card, pInfo)) != SCARD_S_SUCCESS)
		return r;
	whole = decryption_spelled_out(pInfo);
	if ((r = FRONT_CALL(own, pfnCardRSADecrypt, card, &whole)) != SCARD_S_SUCCESS)
		return r;
	pInfo->cbData = whole.cbData;
	return SCARD_S_SUCCESS;
}

/* Version 1 of the structure is another one, of old. */
static DWORD
construct_agreement(CARD_DATA *card, CARD_DH_AGREEMENT_INFO *pAgreementInfo)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pAgreementInfo == NULL || pAgreementInfo->pPublicKey == NULL || pAgreementInfo->dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (check_version(pAgreementInfo->dwVersion, CARD_DH_AGREEMENT_INFO_VERSION) < CARD_DH_AGREEMENT_INFO_VERSION)
		return ERROR_REVISION_MISMATCH;
	return FRONT_CALL(own, pfnCardConstructDHAgreement, card, pAgreementInfo);
}

static DWORD
derive_key(CARD_DATA *card, CARD_DERIVE_KEY *pAgreementInfo)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pAgreementInfo == NULL || pAgreementInfo->pszKDF == NULL || pAgreementInfo->dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardDeriveKey, card, pAgreementInfo);
}

static DWORD
destroy_agreement(CARD_DATA *card, BYTE bSecretAgreementIndex, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardDestroyDHAgreement, card, bSecretAgreementIndex, dwFlags);
}

void
front_keys(CARD_DATA *card)
{
	card->pfnCardSignData = sign_data;
	card->pfnCardRSADecrypt = rsa_decrypt;
	card->pfnCardConstructDHAgreement = construct_agreement;
	card->pfnCardDeriveKey = derive_key;
	card->pfnCardDestroyDHAgreement = destroy_agreement;
}
