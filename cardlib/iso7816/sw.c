/* SPDX-License-Identifier: BSD-2-Clause */
/* What status words mean in general (ISO 7816-4, tables 5 and 6); a card's own meanings come before these. */
#include "iso7816/sw.h"

#include "carderr.h"

#define SW_BLOCKED 0x6983u

/* clang-format off */
static const struct sw_row common_rows[] = {
	{ 0x9000, 0xFFFF, SCARD_S_SUCCESS,            "normal processing" },
	{ 0x6282, 0xFFFF, SCARD_S_SUCCESS,            "end of data before Le bytes" },
	{ 0x6283, 0xFFFF, SCARD_E_UNEXPECTED,         "selected file deactivated" },
	{ 0x6285, 0xFFFF, SCARD_E_UNEXPECTED,         "selected file in termination state" },
	{ 0x6300, 0xFFF0, SCARD_W_WRONG_CHV,          "verification failed" },
	{ 0x63C0, 0xFFF0, SCARD_W_WRONG_CHV,          "verification failed, low nibble is the tries left" },
	{ 0x6581, 0xFFFF, SCARD_E_UNEXPECTED,         "memory failure" },
	{ 0x6700, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "wrong length" },
	{ 0x6883, 0xFFFF, SCARD_E_UNEXPECTED,         "last command of the chain expected" },
	{ 0x6884, 0xFFFF, SCARD_E_UNSUPPORTED_FEATURE, "command chaining not supported" },
	{ 0x6800, 0xFF00, SCARD_E_UNSUPPORTED_FEATURE, "function in CLA not supported" },
	{ 0x6981, 0xFFFF, SCARD_E_FILE_NOT_FOUND,     "command incompatible with file structure" },
	{ 0x6982, 0xFFFF, SCARD_W_SECURITY_VIOLATION, "security status not satisfied" },
	{ 0x6983, 0xFFFF, SCARD_W_CHV_BLOCKED,        "authentication method blocked" },
	{ 0x6984, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "reference data not usable" },
	{ 0x6985, 0xFFFF, SCARD_E_UNEXPECTED,         "conditions of use not satisfied" },
	{ 0x6986, 0xFFFF, SCARD_E_UNEXPECTED,         "no current file or application" },
	{ 0x6999, 0xFFFF, SCARD_E_FILE_NOT_FOUND,     "no such application" },
	{ 0x6A80, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "incorrect parameters in the data field" },
	{ 0x6A81, 0xFFFF, SCARD_E_UNSUPPORTED_FEATURE, "function not supported" },
	{ 0x6A82, 0xFFFF, SCARD_E_FILE_NOT_FOUND,     "file or application not found" },
	{ 0x6A83, 0xFFFF, SCARD_E_FILE_NOT_FOUND,     "record not found" },
	{ 0x6A84, 0xFFFF, SCARD_E_WRITE_TOO_MANY,     "not enough memory in the file" },
	{ 0x6A85, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "Lc inconsistent with TLV structure" },
	{ 0x6A86, 0xFFFF, SCARD_E_UNSUPPORTED_FEATURE, "incorrect P1-P2" },
	{ 0x6A87, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "Lc inconsistent with P1-P2" },
	{ 0x6A88, 0xFFFF, SCARD_E_FILE_NOT_FOUND,     "referenced data not found" },
	{ 0x6A89, 0xFFFF, ERROR_FILE_EXISTS,          "file already exists" },
	{ 0x6A8A, 0xFFFF, ERROR_FILE_EXISTS,          "DF name already exists" },
	{ 0x6B00, 0xFFFF, SCARD_E_INVALID_PARAMETER,  "wrong P1-P2" },
	{ 0x6D00, 0xFF00, SCARD_E_UNSUPPORTED_FEATURE, "instruction not supported" },
	{ 0x6E00, 0xFF00, SCARD_E_UNSUPPORTED_FEATURE, "class not supported" },
};
/* clang-format on */

static const struct sw_row unknown_row = { 0, 0, SCARD_E_UNEXPECTED, "unknown status word" };

static const struct sw_row *
find_in(uint16_t sw, const struct sw_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((sw & rows[i].mask) == rows[i].value)
			return &rows[i];
	return NULL;
}

const struct sw_row *
sw_find(uint16_t sw, const struct sw_row *rows, size_t count)
{
	const struct sw_row *row = find_in(sw, rows, rows != NULL ? count : 0);

	if (row == NULL)
		row = find_in(sw, common_rows, ARRAY_SIZE(common_rows));
	return row != NULL ? row : &unknown_row;
}

DWORD
sw_code(uint16_t sw, const struct sw_row *rows, size_t count)
{
	return sw_find(sw, rows, count)->code;
}

bool
sw_tries_left(uint16_t sw, unsigned *ret_tries)
{
	if (sw == SW_BLOCKED)
		*ret_tries = 0;
	else if (sw == 0x6300) /* ISO 7816-4: failed, no information given */
		*ret_tries = SW_TRIES_UNKNOWN;
	else if ((sw & 0xFFF0) == 0x63C0 || (sw & 0xFFF0) == 0x6300)
		*ret_tries = sw & 0x0F;
	else
		return false;
	return true;
}
