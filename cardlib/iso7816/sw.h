/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words (ISO 7816-4, 5.6) as codes of carderr.h. */
#ifndef ISO7816_SW_H
#define ISO7816_SW_H

#include "base/types.h"

#define SW_OK 0x9000u
#define SW_TRIES_UNKNOWN 15u

struct sw_row {
	uint16_t value;
	uint16_t mask;
	DWORD code;
	const char *text;
};

/* The first row that matches, the given ones before the common ones; SCARD_E_UNEXPECTED for a word nobody knows. */
const struct sw_row *sw_find(uint16_t sw, const struct sw_row *rows, size_t count);
DWORD sw_code(uint16_t sw, const struct sw_row *rows, size_t count);

/*
 * Tries left as told by 63Cx (and 6301 to 630F of one implementation): 0 to 15 with SW_TRIES_UNKNOWN meaning "cannot
 * tell", which 6300 says too, and 0 for 6983.
 * False for every other status word.
 */
bool sw_tries_left(uint16_t sw, unsigned *ret_tries);

#endif
