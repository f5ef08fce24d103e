/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries for what a minidriver does not serve: callers find a function in every member of the table. They look at
 * mandatory pointers all the same, so that a caller's mistake is told as such by every minidriver.
 */
#include "unsupported.h"

static DWORD
unsupported(bool parameters_valid)
{
	return parameters_valid ? SCARD_E_UNSUPPORTED_FEATURE : SCARD_E_INVALID_PARAMETER;
}

static DWORD
delete_context(CARD_DATA *card)
{
	return unsupported(card != NULL);
}

static DWORD
query_capabilities(CARD_DATA *card, CARD_CAPABILITIES *pCapabilities)
{
	return unsupported(card != NULL && pCapabilities != NULL);
}

static DWORD
get_container_info(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, CONTAINER_INFO *pContainerInfo)
{
	(void)bContainerIndex;
	return unsupported(card != NULL && dwFlags == 0 && pContainerInfo != NULL);
}

static DWORD
read_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, BYTE **ppbData, DWORD *pcbData)
{
	(void)pszDirectory;
	return unsupported(card != NULL && pszFile != NULL && dwFlags == 0 && ppbData != NULL && pcbData != NULL);
}

static DWORD
enum_files(CARD_DATA *card, const char *pszDirectory, char **pmszFiles, DWORD *pcbFiles, DWORD dwFlags)
{
	(void)pszDirectory;
	return unsupported(card != NULL && pmszFiles != NULL && pcbFiles != NULL && dwFlags == 0);
}

static DWORD
get_file_info(CARD_DATA *card, const char *pszDirectory, const char *pszFile, CARD_FILE_INFO *pInfo)
{
	(void)pszDirectory;
	return unsupported(card != NULL && pszFile != NULL && pInfo != NULL);
}

static DWORD
query_free_space(CARD_DATA *card, DWORD dwFlags, CARD_FREE_SPACE_INFO *pInfo)
{
	return unsupported(card != NULL && dwFlags == 0 && pInfo != NULL);
}

static DWORD
query_key_sizes(CARD_DATA *card, DWORD dwKeySpec, DWORD dwFlags, CARD_KEY_SIZES *pKeySizes)
{
	(void)dwKeySpec;
	return unsupported(card != NULL && dwFlags == 0 && pKeySizes != NULL);
}

static DWORD
sign_data(CARD_DATA *card, CARD_SIGNING_INFO *pInfo)
{
	return unsupported(card != NULL && pInfo != NULL);
}

static DWORD
rsa_decrypt(CARD_DATA *card, CARD_RSA_DECRYPT_INFO *pInfo)
{
	return unsupported(card != NULL && pInfo != NULL);
}

static DWORD
construct_dh_agreement(CARD_DATA *card, CARD_DH_AGREEMENT_INFO *pAgreementInfo)
{
	return unsupported(card != NULL && pAgreementInfo != NULL && pAgreementInfo->pPublicKey != NULL);
}

static DWORD
derive_key(CARD_DATA *card, CARD_DERIVE_KEY *pAgreementInfo)
{
	return unsupported(card != NULL && pAgreementInfo != NULL && pAgreementInfo->pszKDF != NULL);
}

static DWORD
destroy_dh_agreement(CARD_DATA *card, BYTE bSecretAgreementIndex, DWORD dwFlags)
{
	(void)bSecretAgreementIndex;
	return unsupported(card != NULL && dwFlags == 0);
}

static DWORD
authenticate_ex(CARD_DATA *card, PIN_ID PinId, DWORD dwFlags, const BYTE *pbPinData, DWORD cbPinData,
		BYTE **ppbSessionPin, DWORD *pcbSessionPin, DWORD *pcAttemptsRemaining)
{
	(void)PinId, (void)dwFlags, (void)cbPinData, (void)ppbSessionPin, (void)pcbSessionPin;
	(void)pcAttemptsRemaining;
	return unsupported(card != NULL && pbPinData != NULL);
}

static DWORD
deauthenticate_ex(CARD_DATA *card, PIN_SET PinId, DWORD dwFlags)
{
	(void)PinId;
	return unsupported(card != NULL && dwFlags == 0);
}

static DWORD
get_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, BYTE *pbData, DWORD cbData,
		       DWORD *pdwDataLen, DWORD dwFlags)
{
	(void)bContainerIndex, (void)pbData, (void)cbData;
	return unsupported(card != NULL && pszProperty != NULL && pdwDataLen != NULL && dwFlags == 0);
}

static DWORD
get_property(CARD_DATA *card, const char *pszProperty, BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, DWORD dwFlags)
{
	(void)pbData, (void)cbData, (void)dwFlags;
	return unsupported(card != NULL && pszProperty != NULL && pdwDataLen != NULL);
}

static DWORD
set_property(CARD_DATA *card, const char *pszProperty, const BYTE *pbData, DWORD cbData, DWORD dwFlags)
{
	(void)dwFlags;
	return unsupported(card != NULL && pszProperty != NULL && (pbData != NULL || cbData == 0));
}

static DWORD
set_container_property(CARD_DATA *card, BYTE bContainerIndex, const char *pszProperty, const BYTE *pbData, DWORD cbData,
		       DWORD dwFlags)
{
	(void)bContainerIndex;
	return unsupported(card != NULL && pszProperty != NULL && (pbData != NULL || cbData == 0) && dwFlags == 0);
}

static DWORD
get_challenge_ex(CARD_DATA *card, PIN_ID PinId, BYTE **ppbChallenge, DWORD *pcbChallenge, DWORD dwFlags)
{
	(void)PinId;
	return unsupported(card != NULL && ppbChallenge != NULL && pcbChallenge != NULL && dwFlags == 0);
}

static DWORD
change_authenticator_ex(CARD_DATA *card, DWORD dwFlags, PIN_ID AuthPinId, const BYTE *pbAuthData, DWORD cbAuthData,
			PIN_ID TargetPinId, const BYTE *pbTargetData, DWORD cbTargetData, DWORD cRetryCount,
			DWORD *pcAttemptsRemaining)
{
	(void)dwFlags, (void)AuthPinId, (void)cbAuthData, (void)TargetPinId, (void)cbTargetData, (void)cRetryCount;
	(void)pcAttemptsRemaining;
	return unsupported(card != NULL && pbAuthData != NULL && pbTargetData != NULL);
}

static DWORD
create_directory(CARD_DATA *card, const char *pszDirectory, CARD_DIRECTORY_ACCESS_CONDITION ac)
{
	(void)ac;
	return unsupported(card != NULL && pszDirectory != NULL);
}

static DWORD
delete_directory(CARD_DATA *card, const char *pszDirectory)
{
	return unsupported(card != NULL && pszDirectory != NULL);
}

static DWORD
create_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD cbInitial,
	    CARD_FILE_ACCESS_CONDITION ac)
{
	(void)pszDirectory, (void)cbInitial, (void)ac;
	return unsupported(card != NULL && pszFile != NULL);
}

static DWORD
write_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags, const BYTE *pbData,
	   DWORD cbData)
{
	(void)pszDirectory;
	return unsupported(card != NULL && pszFile != NULL && dwFlags == 0 && (pbData != NULL || cbData == 0));
}

static DWORD
delete_file(CARD_DATA *card, const char *pszDirectory, const char *pszFile, DWORD dwFlags)
{
	(void)pszDirectory;
	return unsupported(card != NULL && pszFile != NULL && dwFlags == 0);
}

static DWORD
create_container_ex(CARD_DATA *card, BYTE bContainerIndex, DWORD dwFlags, DWORD dwKeySpec, DWORD dwKeySize,
		    const struct private_key *pKeyData, PIN_ID PinId)
{
	(void)bContainerIndex, (void)dwKeySpec, (void)dwKeySize, (void)PinId;
	return unsupported(card != NULL && (pKeyData != NULL) == (dwFlags == CARD_CREATE_CONTAINER_KEY_IMPORT));
}

static DWORD
delete_container(CARD_DATA *card, BYTE bContainerIndex, DWORD dwReserved)
{
	(void)bContainerIndex;
	return unsupported(card != NULL && dwReserved == 0);
}

static DWORD
reconnect(CARD_DATA *card)
{
	return unsupported(card != NULL);
}

#define FILL(member, function)                                                                                         \
	do {                                                                                                           \
		if ((member) == NULL)                                                                                  \
			(member) = (function);                                                                         \
	} while (0)

static void
fill_reading(CARD_DATA *card)
{
	FILL(card->pfnCardDeleteContext, delete_context);
	FILL(card->pfnCardQueryCapabilities, query_capabilities);
	FILL(card->pfnCardGetContainerInfo, get_container_info);
	FILL(card->pfnCardReadFile, read_file);
	FILL(card->pfnCardEnumFiles, enum_files);
	FILL(card->pfnCardGetFileInfo, get_file_info);
	FILL(card->pfnCardQueryFreeSpace, query_free_space);
	FILL(card->pfnCardQueryKeySizes, query_key_sizes);
	FILL(card->pfnCardSignData, sign_data);
	FILL(card->pfnCardRSADecrypt, rsa_decrypt);
	FILL(card->pfnCardConstructDHAgreement, construct_dh_agreement);
	FILL(card->pfnCardDeriveKey, derive_key);
	FILL(card->pfnCardDestroyDHAgreement, destroy_dh_agreement);
	FILL(card->pfnCardAuthenticateEx, authenticate_ex);
	FILL(card->pfnCardDeauthenticateEx, deauthenticate_ex);
	FILL(card->pfnCardGetContainerProperty, get_container_property);
	FILL(card->pfnCardGetProperty, get_property);
	FILL(card->pfnCardReconnect, reconnect);
}

static void
fill_writing(CARD_DATA *card)
{
	FILL(card->pfnCardSetProperty, set_property);
	FILL(card->pfnCardSetContainerProperty, set_container_property);
	FILL(card->pfnCardGetChallengeEx, get_challenge_ex);
	FILL(card->pfnCardChangeAuthenticatorEx, change_authenticator_ex);
	FILL(card->pfnCardCreateDirectory, create_directory);
	FILL(card->pfnCardDeleteDirectory, delete_directory);
	FILL(card->pfnCardCreateFile, create_file);
	FILL(card->pfnCardWriteFile, write_file);
	FILL(card->pfnCardDeleteFile, delete_file);
	FILL(card->pfnCardCreateContainerEx, create_container_ex);
	FILL(card->pfnCardDeleteContainer, delete_container);
}

void
unsupported_fill(CARD_DATA *card)
{
	fill_reading(card);
	fill_writing(card);
}
