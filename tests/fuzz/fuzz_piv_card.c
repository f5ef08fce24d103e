/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole PIV card: the input is its answers one after the other, each with its length in two bytes, and everything that the
 * PIV minidriver does with a card is done. The first byte of the input chooses the protocol.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
list(CARD_DATA *card, const char *directory)
{
	char *names;
	DWORD len;

	if (card->pfnCardEnumFiles(card, directory, &names, &len, 0) == SCARD_S_SUCCESS)
		card->pfnCspFree(names);
}

static void
sign(CARD_DATA *card, BYTE index, DWORD spec, DWORD padding, const void *padding_info)
{
	static const BYTE data[256] = { 0, 1 };
	CARD_SIGNING_INFO info = { .dwVersion = 2,
				   .bContainerIndex = index,
				   .dwKeySpec = spec,
				   .pbData = data,
				   .cbData = padding == CARD_PADDING_NONE ? 256 : 32,
				   .dwPaddingType = padding,
				   .pPaddingInfo = padding_info,
				   .dwSigningFlags = CARD_PADDING_INFO_PRESENT };

	if (card->pfnCardSignData(card, &info) == SCARD_S_SUCCESS)
		card->pfnCspFree(info.pbSignedData);
}

static void
decrypt(CARD_DATA *card, BYTE index, DWORD padding)
{
	BYTE block[256] = { 1 };
	CARD_RSA_DECRYPT_INFO info = { .dwVersion = 2,
				       .bContainerIndex = index,
				       .dwKeySpec = AT_KEYEXCHANGE,
				       .pbData = block,
				       .cbData = sizeof(block),
				       .dwPaddingType = padding };

	if (card->pfnCardRSADecrypt(card, &info) == SCARD_S_SUCCESS && info.cbData > sizeof(block))
		abort();
}

static void
agree(CARD_DATA *card, BYTE index)
{
	const struct public_key peer = { .type = KEY_EC, .bits = 256, .point = { 4 }, .point_len = 65 };
	CARD_DH_AGREEMENT_INFO agreement = { .dwVersion = 2, .bContainerIndex = index, .pPublicKey = &peer };
	CARD_DERIVE_KEY derive = { .dwVersion = 2, .pszKDF = BCRYPT_KDF_RAW_SECRET };

	if (card->pfnCardConstructDHAgreement(card, &agreement) != SCARD_S_SUCCESS)
		return;
	derive.bSecretAgreementIndex = agreement.bSecretAgreementIndex;
	if (card->pfnCardDeriveKey(card, &derive) == SCARD_S_SUCCESS)
		card->pfnCspFree(derive.pbDerivedKey);
}

static void
use_keys(CARD_DATA *card)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 32, NULL };
	CONTAINER_INFO info;

	for (BYTE i = 0; i < 6; i++)
		(void)card->pfnCardGetContainerInfo(card, i, 0, &info);
	sign(card, 0, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1);
	sign(card, 0, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss);
	sign(card, 1, AT_ECDSA_P256, 0, NULL);
	sign(card, 3, AT_ECDSA_P256, 0, NULL);
	sign(card, 3, AT_ECDSA_P384, 0, NULL);
	decrypt(card, 2, CARD_PADDING_PKCS1);
	decrypt(card, 2, CARD_PADDING_NONE);
	agree(card, 3);
}

static void
manage(CARD_DATA *card)
{
	static const BYTE response[16] = { 1 };
	BYTE *challenge;
	DWORD len, tries;

	if (card->pfnCardGetChallengeEx(card, ROLE_ADMIN, &challenge, &len, 0) == SCARD_S_SUCCESS) {
		(void)card->pfnCardAuthenticateEx(card, ROLE_ADMIN, 0, response, len, NULL, NULL, NULL);
		card->pfnCspFree(challenge);
	}
	(void)card->pfnCardCreateContainerEx(card, 4, CARD_CREATE_CONTAINER_KEY_GEN, AT_ECDHE_P256, 0, NULL, ROLE_USER);
	(void)card->pfnCardWriteFile(card, "mscp", "kxc00", 0, response, sizeof(response));
	(void)card->pfnCardChangeAuthenticatorEx(card, PIN_CHANGE_FLAG_CHANGEPIN, ROLE_USER, (const BYTE *)"123456", 6,
						 ROLE_USER, (const BYTE *)"123456", 6, 0, &tries);
	(void)card->pfnCardDeleteContainer(card, 4, 0);
}

/* In an order that reads what a listing reads first, so that a tape of a good card gets far. */
static void
use_card(CARD_DATA *card)
{
	static const char *const files[] = { "kxc00", "ksc01", "kxc02", "ksc03", "kxc04", "msroots" };
	CARD_PIN_TRIES tries;
	DWORD len, attempts;

	answers_read(card, NULL, "cardid");
	answers_read(card, "mscp", "cmapfile");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		answers_read(card, "mscp", files[i]);
	(void)card->pfnCardAuthenticateEx(card, ROLE_USER, 0, (const BYTE *)"123456", 6, NULL, NULL, &attempts);
	(void)card->pfnCardGetProperty(card, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len, ROLE_USER);
	use_keys(card);
	card->dwTransaction++;
	answers_read(card, "mscp", "cmapfile");
	answers_read(card, "mscp", "kxc00");
	manage(card);
	(void)card->pfnCardReconnect(card);
	list(card, "mscp");
	list(card, "piv");
	(void)card->pfnCardDeauthenticateEx(card, 0xFF, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t atr[5] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
	struct cursor input = cur_of(data, size);
	struct answers answers;
	uint8_t how;

	if (!cur_u8(&input, &how))
		return 0;
	answers_open(&answers, input, how, cur_of(atr, sizeof(atr)));
	if (registry_acquire(&answers.card, &answers.memory) == SCARD_S_SUCCESS)
		use_card(&answers.card);
	answers_close(&answers);
	return 0;
}
