/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes out to the caller: the rule of output buffers and the fixed text fields. */
#include <string.h>

#include "p11/p11.h"

CK_RV
p11_output(CK_ULONG need, const void *out, CK_ULONG *len, bool *ret_stop)
{
	CK_ULONG room;

	if (len == NULL)
		return CKR_ARGUMENTS_BAD;
	room = *len;
	*ret_stop = out == NULL || room < need;
	if (!*ret_stop)
		return CKR_OK;
	*len = need;
	return out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
}

/* The first byte of a character tells its length (RFC 3629); 0 when it is none. */
static size_t
utf8_length(uint8_t first)
{
	if (first < 0x80)
		return first >= 0x20 && first != 0x7F ? 1 : 0;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* Bounds of the second byte keep out overlong forms, surrogates and what lies beyond Unicode. */
static bool
utf8_second_fits(uint8_t first, uint8_t second)
{
	uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
	uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;

	return second >= low && second <= high;
}

/* The next character of the text; false when its first byte begins none. */
static bool
take_character(struct cursor *text, struct cursor *ret_character)
{
	struct cursor at = *text, rest;
	uint8_t first, next;
	size_t n;

	if (!cur_u8(&at, &first) || (n = utf8_length(first)) == 0)
		return false;
	rest = at;
	for (size_t i = 1; i < n; i++) {
		if (!cur_u8(&rest, &next) || (next & 0xC0) != 0x80)
			return false;
		if (i == 1 && !utf8_second_fits(first, next))
			return false;
	}
	return cur_take(text, n, ret_character);
}

void
p11_pad(CK_UTF8CHAR *ret_field, size_t size, const char *text)
{
	static const struct cursor replacement = { (const uint8_t *)"?", 1 };
	struct cursor left = cur_of(text, strlen(text));
	size_t used = 0;

	memset(ret_field, ' ', size);
	while (!cur_at_end(&left)) {
		struct cursor character;

		if (!take_character(&left, &character)) {
			cur_skip(&left, 1);
			character = replacement;
		}
		if (character.left > size - used)
			return;
		memcpy(&ret_field[used], character.p, character.left);
		used += character.left;
	}
}
