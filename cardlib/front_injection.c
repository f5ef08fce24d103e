/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front's functions of secure key injection. No minidriver here has it, so that every valid call of them ends in
 * SCARD_E_UNSUPPORTED_FEATURE, and CP_KEY_IMPORT_SUPPORT is 0.
 */
#include "front.h"

static DWORD
md_import_session_key(CARD_DATA *card, const char *pszBlobType, const char *pszAlgId, CARD_KEY_HANDLE *phKey,
		      const BYTE *pbInput, DWORD cbInput)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszBlobType == NULL || pszAlgId == NULL || phKey == NULL || pbInput == NULL || cbInput == 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnMDImportSessionKey, card, pszBlobType, pszAlgId, phKey, pbInput, cbInput);
}

static DWORD
md_encrypt_data(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszSecureFunction, const BYTE *pbInput,
		DWORD cbInput, DWORD dwFlags, CARD_ENCRYPTED_DATA **ppEncryptedData, DWORD *pcEncryptedData)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszSecureFunction == NULL || pbInput == NULL || cbInput == 0 || dwFlags > 1 ||
	    ppEncryptedData == NULL || pcEncryptedData == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnMDEncryptData, card, hKey, pszSecureFunction, pbInput, cbInput, dwFlags,
			  ppEncryptedData, pcEncryptedData);
}

static DWORD
import_session_key(CARD_DATA *card, BYTE bContainerIndex, const void *pPaddingInfo, const char *pszBlobType,
		   const char *pszAlgId, CARD_KEY_HANDLE *phKey, const BYTE *pbInput, DWORD cbInput, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszBlobType == NULL || pszAlgId == NULL || phKey == NULL || pbInput == NULL ||
	    cbInput == 0 ||
	    (dwFlags != CARD_PADDING_NONE && dwFlags != CARD_PADDING_PKCS1 && dwFlags != CARD_PADDING_OAEP))
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardImportSessionKey, card, bContainerIndex, pPaddingInfo, pszBlobType, pszAlgId,
			  phKey, pbInput, cbInput, dwFlags);
}

static DWORD
get_shared_key_handle(CARD_DATA *card, const BYTE *pbInput, DWORD cbInput, BYTE **ppbOutput, DWORD *pcbOutput,
		      CARD_KEY_HANDLE *phKey)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pbInput == NULL || cbInput == 0 || (ppbOutput == NULL) != (pcbOutput == NULL) ||
	    phKey == NULL)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetSharedKeyHandle, card, pbInput, cbInput, ppbOutput, pcbOutput, phKey);
}

static DWORD
get_algorithm_property(CARD_DATA *card, const char *pszAlgId, const char *pszProperty, BYTE *pbData, DWORD cbData,
		       DWORD *pdwDataLen, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszAlgId == NULL || pszProperty == NULL || (pbData == NULL && cbData != 0) ||
	    pdwDataLen == NULL || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetAlgorithmProperty, card, pszAlgId, pszProperty, pbData, cbData, pdwDataLen,
			  dwFlags);
}

static DWORD
get_key_property(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszProperty, BYTE *pbData, DWORD cbData,
		 DWORD *pdwDataLen, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszProperty == NULL || (pbData == NULL && cbData != 0) || pdwDataLen == NULL || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardGetKeyProperty, card, hKey, pszProperty, pbData, cbData, pdwDataLen, dwFlags);
}

static DWORD
set_key_property(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszProperty, const BYTE *pbData, DWORD cbData,
		 DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszProperty == NULL || pbData == NULL || cbData == 0 || dwFlags != 0)
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardSetKeyProperty, card, hKey, pszProperty, pbData, cbData, dwFlags);
}

static DWORD
destroy_key(CARD_DATA *card, CARD_KEY_HANDLE hKey)
{
	CARD_DATA *own = front_own(card);

	return own == NULL ? SCARD_E_INVALID_PARAMETER : FRONT_CALL(own, pfnCardDestroyKey, card, hKey);
}

static DWORD
process_encrypted_data(CARD_DATA *card, CARD_KEY_HANDLE hKey, const char *pszSecureFunction,
		       const CARD_ENCRYPTED_DATA *pEncryptedData, DWORD cEncryptedData, BYTE *pbOutput, DWORD cbOutput,
		       DWORD *pdwOutputLen, DWORD dwFlags)
{
	CARD_DATA *own = front_own(card);

	if (own == NULL || pszSecureFunction == NULL || pEncryptedData == NULL || cEncryptedData == 0 ||
	    (pbOutput == NULL && cbOutput != 0))
		return SCARD_E_INVALID_PARAMETER;
	return FRONT_CALL(own, pfnCardProcessEncryptedData, card, hKey, pszSecureFunction, pEncryptedData,
			  cEncryptedData, pbOutput, cbOutput, pdwOutputLen, dwFlags);
}

void
front_injection(CARD_DATA *card)
{
	card->pfnMDImportSessionKey = md_import_session_key;
	card->pfnMDEncryptData = md_encrypt_data;
	card->pfnCardImportSessionKey = import_session_key;
	card->pfnCardGetSharedKeyHandle = get_shared_key_handle;
	card->pfnCardGetAlgorithmProperty = get_algorithm_property;
	card->pfnCardGetKeyProperty = get_key_property;
	card->pfnCardSetKeyProperty = set_key_property;
	card->pfnCardDestroyKey = destroy_key;
	card->pfnCardProcessEncryptedData = process_encrypted_data;
}
