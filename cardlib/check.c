/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of parameters that every minidriver shares. */
#include "check.h"

#include <string.h>

#define ATR_MIN 2u

DWORD
check_acquire(CARD_DATA *card, DWORD flags)
{
	if (card == NULL || (flags & ~CARD_SECURE_KEY_INJECTION_NO_CARD_MODE) != 0)
		return SCARD_E_INVALID_PARAMETER;
	if (flags != 0)
		return SCARD_E_UNSUPPORTED_FEATURE;
	if (card->dwVersion < CARD_DATA_VERSION_FOUR)
		return ERROR_REVISION_MISMATCH;
	if (card->pbAtr == NULL || card->cbAtr < ATR_MIN || card->cbAtr > LIMIT_ATR || card->pszCardName == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (card->pfnCspAlloc == NULL || card->pfnCspReAlloc == NULL || card->pfnCspFree == NULL)
		return SCARD_E_INVALID_PARAMETER;
	if (card->io == NULL)
		return SCARD_E_INVALID_HANDLE;
	card->dwVersion = check_version(card->dwVersion, CARD_DATA_CURRENT_VERSION);
	return SCARD_S_SUCCESS;
}

DWORD
check_version(DWORD asked, DWORD current)
{
	if (asked == 0)
		return 1;
	return asked < current ? asked : current;
}

/* Windows' rule for file names, on ASCII: what lies above depends on a code page that nobody names. */
static bool
may_stand(char c)
{
	return c >= 0x20 && c < 0x7F && strchr("\"*/:<>?\\|", c) == NULL;
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
check_name(const char *name, char ret_folded[CHECK_NAME_MAX + 1])
{
	char folded[CHECK_NAME_MAX + 1] = { 0 };
	size_t i;

	if (name == NULL || name[0] == '\0')
		return false;
	for (i = 0; name[i] != '\0'; i++) {
		if (i == CHECK_NAME_MAX || !may_stand(name[i]))
			return false;
		folded[i] = fold(name[i]);
	}
	memcpy(ret_folded, folded, sizeof(folded));
	return true;
}

DWORD
check_key_spec(DWORD key_spec)
{
	return check_key_spec_type(key_spec) != KEY_NONE ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

unsigned
check_key_spec_bits(DWORD key_spec)
{
	switch (key_spec) {
	case AT_ECDSA_P256:
	case AT_ECDHE_P256: return 256;
	case AT_ECDSA_P384:
	case AT_ECDHE_P384: return 384;
	case AT_ECDSA_P521:
	case AT_ECDHE_P521: return 521;
	case AT_EDDSA_25519:
	case AT_ECDHE_25519: return PUBKEY_25519_BITS;
	default: return 0;
	}
}

enum key_type
check_key_spec_type(DWORD key_spec)
{
	switch (key_spec) {
	case AT_KEYEXCHANGE:
	case AT_SIGNATURE: return KEY_RSA;
	case AT_EDDSA_25519: return KEY_ED25519;
	case AT_ECDHE_25519: return KEY_X25519;
	default: return check_key_spec_bits(key_spec) != 0 ? KEY_EC : KEY_NONE;
	}
}

bool
check_key_spec_agrees(DWORD key_spec)
{
	return (key_spec >= AT_ECDHE_P256 && key_spec <= AT_ECDHE_P521) || key_spec == AT_ECDHE_25519;
}

DWORD
check_key_length(CARD_KEY_ALGORITHM algorithm)
{
	switch (algorithm) {
	case CardKey3Des112:
	case CardKeyAes128: return 16;
	case CardKey3Des:
	case CardKeyAes192: return 24;
	case CardKeyAes256: return 32;
	case CardKeyUnknown: break;
	}
	return 0;
}

/* clang-format off */
static const struct check_property properties[] = {
	{ CP_CARD_FREE_SPACE,              CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_CAPABILITIES,            CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_KEYSIZES,                CHECK_OF_KEY_SPEC,  CHECK_SET_NEVER,    0 },
	{ CP_CARD_READ_ONLY,               CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, sizeof(bool) },
	{ CP_CARD_CACHE_MODE,              CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, sizeof(DWORD) },
	{ CP_CARD_GUID,                    CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, CARD_ID_LEN },
	{ CP_CARD_SERIAL_NO,               CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_INFO,                CHECK_OF_ROLE,      CHECK_SET_BY_ADMIN, sizeof(PIN_INFO) },
	{ CP_CARD_LIST_PINS,               CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_AUTHENTICATED_STATE,     CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_STRENGTH_VERIFY,     CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_STRENGTH_CHANGE,     CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_STRENGTH_UNBLOCK,    CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_PARENT_WINDOW,                CHECK_OF_CARD,      CHECK_SET_ONLY,     sizeof(uintptr_t) },
	{ CP_PIN_CONTEXT_STRING,           CHECK_OF_CARD,      CHECK_SET_ONLY,     0 },
	{ CP_SUPPORTS_WIN_X509_ENROLLMENT, CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, sizeof(bool) },
	{ CP_ENUM_ALGORITHMS,              CHECK_OF_OPERATION, CHECK_SET_NEVER,    0 },
	{ CP_PADDING_SCHEMES,              CHECK_OF_OPERATION, CHECK_SET_NEVER,    0 },
	{ CP_CHAINING_MODES,               CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_KEY_IMPORT_SUPPORT,           CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_TRIES,               CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_LIMITS,              CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_CHALLENGE_KEY,           CHECK_OF_ROLE,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_NAME,                    CHECK_OF_CARD,      CHECK_SET_NEVER,    0 },
	{ CP_CARD_PIN_RETRIES,             CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, sizeof(CARD_PIN_RETRIES) },
	{ CP_CARD_RESET,                   CHECK_OF_CARD,      CHECK_SET_BY_ADMIN, 0 },
};
/* clang-format on */

const struct check_property *
check_property_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(properties); i++)
		if (strcmp(properties[i].name, name) == 0)
			return &properties[i];
	return NULL;
}

DWORD
check_property_room(const BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, size_t size)
{
	if (pdwDataLen == NULL || (pbData == NULL && cbData != 0))
		return SCARD_E_INVALID_PARAMETER;
	*pdwDataLen = (DWORD)size;
	return cbData < size ? ERROR_INSUFFICIENT_BUFFER : SCARD_S_SUCCESS;
}
