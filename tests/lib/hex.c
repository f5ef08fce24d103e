/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes from text. */
#include "lib/hex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

bool
hex_put(struct buf *b, const char *text)
{
	int high, low;

	while (*text != '\0') {
		if (isspace((unsigned char)*text)) {
			text++;
			continue;
		}
		if ((high = digit(text[0])) < 0 || (low = digit(text[1])) < 0)
			return false;
		buf_u8(b, (uint8_t)(high << 4 | low));
		text += 2;
	}
	return !buf_failed(b);
}

bool
hex_is(struct cursor bytes, const char *text)
{
	AUTO_BUF struct buf wanted = BUF_INIT;

	return hex_put(&wanted, text) && cur_equals(&bytes, wanted.p, wanted.len);
}

uint8_t *
hex_heap(struct cursor bytes)
{
	uint8_t *copy = malloc(bytes.left);

	if (copy != NULL && bytes.left > 0)
		memcpy(copy, bytes.p, bytes.left);
	return copy;
}
