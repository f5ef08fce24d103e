/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of parameters that every minidriver shares. */
#include "check.h"

#include <string.h>

#define ATR_MIN 2u

DWORD
check_acquire(CARD_DATA *card, DWORD flags)
{
	if (card == NULL || flags != 0)
		return SCARD_E_INVALID_PARAMETER;
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
bool
check_name_char(char c)
{
	return c >= 0x20 && c < 0x7F && strchr("\"*/:<>?\\|", c) == NULL;
}

char
check_fold(char c)
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
		if (i == CHECK_NAME_MAX || !check_name_char(name[i]))
			return false;
		folded[i] = check_fold(name[i]);
	}
	memcpy(ret_folded, folded, sizeof(folded));
	return true;
}

DWORD
check_key_spec(DWORD key_spec)
{
	return key_spec >= AT_KEYEXCHANGE && key_spec <= AT_ECDHE_P521 ? SCARD_S_SUCCESS : SCARD_E_INVALID_PARAMETER;
}

DWORD
check_property_room(const BYTE *pbData, DWORD cbData, DWORD *pdwDataLen, size_t size)
{
	if (pdwDataLen == NULL || (pbData == NULL && cbData != 0))
		return SCARD_E_INVALID_PARAMETER;
	*pdwDataLen = (DWORD)size;
	return cbData < size ? ERROR_INSUFFICIENT_BUFFER : SCARD_S_SUCCESS;
}
