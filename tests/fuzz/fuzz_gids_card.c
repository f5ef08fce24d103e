/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole card: the input is its answers one after the other, each with its length in two bytes, and everything that the
 * GIDS minidriver does with a card is done. The first byte of the input chooses the protocol and the ATR.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_directory(CARD_DATA *card, const char *directory)
{
	CARD_FILE_INFO info = { 0 };
	char *names, *name;
	DWORD len;

	if (card->pfnCardEnumFiles(card, directory, &names, &len, 0) != SCARD_S_SUCCESS)
		return;
	for (name = names; *name != '\0' && answers_exchanges() < 1000; name += strlen(name) + 1) {
		answers_read(card, directory, name);
		(void)card->pfnCardGetFileInfo(card, directory, name, &info);
	}
	card->pfnCspFree(names);
}

static void
sign(CARD_DATA *card, BYTE index, DWORD spec, DWORD padding, const void *padding_info)
{
	static const BYTE data[128] = { 0, 1 };
	CARD_SIGNING_INFO info = { .dwVersion = 2,
				   .bContainerIndex = index,
				   .dwKeySpec = spec,
				   .pbData = data,
				   .cbData = padding == CARD_PADDING_NONE ? 128 : 32,
				   .dwPaddingType = padding,
				   .pPaddingInfo = padding_info,
				   .dwSigningFlags = CARD_PADDING_INFO_PRESENT };

	if (card->pfnCardSignData(card, &info) == SCARD_S_SUCCESS)
		card->pfnCspFree(info.pbSignedData);
}

static void
decrypt(CARD_DATA *card, BYTE index, DWORD padding, const void *padding_info)
{
	static const DWORD sizes[] = { 128, 256, 512 };
	BYTE block[512] = { 1 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CARD_RSA_DECRYPT_INFO info = { .dwVersion = 2,
					       .bContainerIndex = index,
					       .dwKeySpec = AT_KEYEXCHANGE,
					       .pbData = block,
					       .cbData = sizes[i],
					       .dwPaddingType = padding,
					       .pPaddingInfo = padding_info };

		if (card->pfnCardRSADecrypt(card, &info) == SCARD_S_SUCCESS && info.cbData > sizes[i])
			abort();
	}
}

static void
use_key(CARD_DATA *card, BYTE index)
{
	const BCRYPT_PKCS1_PADDING_INFO pkcs1 = { "SHA256" };
	const BCRYPT_PSS_PADDING_INFO pss = { "SHA256", 32, NULL };
	const BCRYPT_OAEP_PADDING_INFO oaep = { .pszAlgId = "SHA1" };
	CONTAINER_INFO info;

	(void)card->pfnCardGetContainerInfo(card, index, 0, &info);
	sign(card, index, AT_KEYEXCHANGE, CARD_PADDING_PKCS1, &pkcs1);
	sign(card, index, AT_KEYEXCHANGE, CARD_PADDING_PSS, &pss);
	sign(card, index, AT_SIGNATURE, CARD_PADDING_NONE, NULL);
	sign(card, index, AT_ECDSA_P256, 0, NULL);
	sign(card, index, AT_ECDSA_P521, 0, NULL);
	decrypt(card, index, CARD_PADDING_PKCS1, NULL);
	decrypt(card, index, CARD_PADDING_OAEP, &oaep);
	decrypt(card, index, CARD_PADDING_NONE, NULL);
}

/* In an order that reads what a listing reads first, so that a tape of a good card gets far. */
static void
use_card(CARD_DATA *card)
{
	CARD_PIN_TRIES tries;
	DWORD len, attempts;

	answers_read(card, NULL, "cardid");
	answers_read(card, "mscp", "cmapfile");
	answers_read(card, NULL, "cardcf");
	(void)card->pfnCardGetProperty(card, CP_CARD_PIN_TRIES, (BYTE *)&tries, sizeof(tries), &len, ROLE_USER);
	(void)card->pfnCardAuthenticateEx(card, ROLE_USER, 0, (const BYTE *)"123456", 6, NULL, NULL, &attempts);
	use_key(card, 0);
	use_key(card, 1);
	card->dwTransaction++;
	answers_read(card, NULL, "cardcf");
	use_key(card, 0);
	read_directory(card, NULL);
	read_directory(card, "mscp");
	(void)card->pfnCardReconnect(card);
	(void)card->pfnCardDeauthenticateEx(card, 0xFF, 0);
}

static void
manage_pins(CARD_DATA *card)
{
	static const BYTE zeros[24];
	BYTE *challenge = NULL, *session = NULL;
	DWORD len = 0, session_len = 0, tries;
	CARD_CHALLENGE_KEY key;
	PIN_INFO info;

	for (DWORD role = ROLE_USER; role < MAX_PINS; role++)
		(void)card->pfnCardGetProperty(card, CP_CARD_PIN_INFO, (BYTE *)&info, sizeof(info), &len, role);
	(void)card->pfnCardGetProperty(card, CP_CARD_CHALLENGE_KEY, (BYTE *)&key, sizeof(key), &len, ROLE_ADMIN);
	for (DWORD i = 0; i < 3; i++) {
		if (card->pfnCardGetChallengeEx(card, ROLE_ADMIN, &challenge, &len, 0) != SCARD_S_SUCCESS)
			continue;
		if (i == 0)
			(void)card->pfnCardAuthenticateEx(card, ROLE_ADMIN, 0, challenge, len, &session, &session_len,
							  &tries);
		else
			(void)card->pfnCardChangeAuthenticatorEx(
				card, i == 1 ? PIN_CHANGE_FLAG_UNBLOCK : PIN_CHANGE_FLAG_CHANGEPIN, ROLE_ADMIN,
				challenge, len, i == 1 ? ROLE_USER : ROLE_ADMIN, zeros, i == 1 ? 6 : 24, 0, &tries);
		card->pfnCspFree(challenge);
		challenge = NULL;
	}
	card->pfnCspFree(session);
	session = NULL;
	(void)card->pfnCardUnblockPin(card, CARD_USER_USER, (const BYTE *)"12345678", 8, (const BYTE *)"123456", 6, 0,
				      2);
	(void)card->pfnCardChangeAuthenticator(card, CARD_USER_USER, (const BYTE *)"123456", 6, (const BYTE *)"654321",
					       6, 0, CARD_AUTHENTICATE_PIN_PIN, &tries);
	if (card->pfnCardAuthenticateEx(card, ROLE_USER, CARD_AUTHENTICATE_GENERATE_SESSION_PIN, (const BYTE *)"123456",
					6, &session, &session_len, &tries) == SCARD_S_SUCCESS)
		(void)card->pfnCardAuthenticateEx(card, ROLE_USER, CARD_AUTHENTICATE_SESSION_PIN, session, session_len,
						  NULL, NULL, &tries);
	card->pfnCspFree(session);
}

/* What a card is told, and made to believe, by whoever manages it. */
static void
manage_card(CARD_DATA *card)
{
	static const BYTE bytes[24] = { 1 };
	const CARD_CREATE_INFO info = { .dwVersion = CARD_CREATE_INFO_CURRENT_VERSION,
					.pbUserPin = bytes,
					.cbUserPin = 8,
					.AdminAlgorithm = CardKey3Des,
					.pbAdminKey = bytes,
					.cbAdminKey = sizeof(bytes) };
	BYTE d[32] = { 7 }, point[65] = { 4 };
	struct private_key key = { .d = { d, sizeof(d), sizeof(d) } };

	manage_pins(card);
	if (!pubkey_set_ec(&key.public, point, sizeof(point)))
		abort();
	(void)card->pfnCardCreateContainerEx(card, 3, CARD_CREATE_CONTAINER_KEY_IMPORT, AT_ECDSA_P256, 0, &key,
					     ROLE_USER);
	(void)card->pfnCardCreateContainerEx(card, 3, CARD_CREATE_CONTAINER_KEY_GEN, AT_KEYEXCHANGE, 2048, NULL,
					     ROLE_USER);
	use_key(card, 3);
	(void)card->pfnCardDeleteContainer(card, 3, 0);
	(void)card->pfnCardCreateDirectory(card, "app", UserCreateDeleteDirAc);
	(void)card->pfnCardCreateFile(card, "app", "file", 9, UserReadWriteAc);
	(void)card->pfnCardWriteFile(card, "app", "file", 0, bytes, sizeof(bytes));
	answers_read(card, "app", "file");
	(void)card->pfnCardDeleteFile(card, "app", "file", 0);
	(void)card->pfnCardDeleteDirectory(card, "app");
	(void)card->pfnCardSetProperty(card, CP_CARD_GUID, bytes, 16, 0);
	(void)card->pfnCardCreateCard(card, &info);
	read_directory(card, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t gids[17] = { 0x3B, 0x8D, 0x01, 0x80, 0xFB, 0xA0, 0x00, 0x00, 0x03,
					  0x97, 0x42, 0x54, 0x46, 0x59, 0x02, 0x01, 0xC9 };
	static const uint8_t any[5] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };
	struct cursor input = cur_of(data, size);
	struct answers answers;
	uint8_t how;

	if (!cur_u8(&input, &how))
		return 0;
	answers_open(&answers, input, how, (how & 2) != 0 ? cur_of(any, sizeof(any)) : cur_of(gids, sizeof(gids)));
	if (registry_acquire(&answers.card, &answers.memory) == SCARD_S_SUCCESS)
		((how & 4) != 0 ? manage_card : use_card)(&answers.card);
	answers_close(&answers);
	return 0;
}
