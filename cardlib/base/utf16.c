/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-16LE to UTF-8 for show, UTF-8 to UTF-16 for the card; nothing invalid passes in either direction. */
#include "base/utf16.h"

#include <string.h>

#define REPLACEMENT 0xFFFDu

static bool
is_high(uint32_t u)
{
	return u >= 0xD800 && u < 0xDC00;
}

static bool
is_low(uint32_t u)
{
	return u >= 0xDC00 && u < 0xE000;
}

static bool
is_control(uint32_t u)
{
	return u < 0x20 || (u >= 0x7F && u < 0xA0);
}

/* The next character; false at a NUL, at the end and at an odd last byte. */
static bool
next_char(struct cursor *units, uint32_t *ret_char)
{
	struct cursor ahead;
	uint16_t unit, low;

	if (!cur_le16(units, &unit) || unit == 0)
		return false;
	*ret_char = is_low(unit) || is_high(unit) || is_control(unit) ? REPLACEMENT : unit;
	ahead = *units;
	if (is_high(unit) && cur_le16(&ahead, &low) && is_low(low)) {
		*ret_char = 0x10000u + ((uint32_t)(unit - 0xD800u) << 10) + (uint32_t)(low - 0xDC00u);
		*units = ahead;
	}
	return true;
}

static size_t
encode_utf8(uint32_t c, char out[4])
{
	static const uint8_t lead[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (c & 0x3F));
		c >>= 6;
	}
	out[0] = (char)(lead[n] | c);
	return n;
}

size_t
utf16le_to_utf8(struct cursor units, char *ret_text, size_t room)
{
	char bytes[4] = { 0 };
	size_t len = 0, n;
	uint32_t c;

	if (room == 0)
		return 0;
	while (next_char(&units, &c)) {
		n = encode_utf8(c, bytes);
		if (n >= room - len)
			break;
		memcpy(ret_text + len, bytes, n);
		len += n;
	}
	ret_text[len] = '\0';
	return len;
}

/* One character of well-formed UTF-8 (Unicode table 3-7): no overlong form, no surrogate, nothing past U+10FFFF. */
static bool
decode_utf8(struct cursor *text, uint32_t *ret_char)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first, next;
	uint32_t c;
	size_t more;

	if (!cur_u8(text, &first))
		return false;
	more = first < 0x80 ? 0 : (first & 0xE0) == 0xC0 ? 1 : (first & 0xF0) == 0xE0 ? 2 : 3;
	if (more == 3 && (first & 0xF8) != 0xF0)
		return false;
	c = more == 0 ? first : first & (0x3Fu >> more);
	for (size_t i = 0; i < more; i++) {
		if (!cur_u8(text, &next) || (next & 0xC0) != 0x80)
			return false;
		c = (c << 6) | (next & 0x3Fu);
	}
	*ret_char = c;
	return c >= least[more] && c <= 0x10FFFF && !is_high(c) && !is_low(c);
}

static size_t
encode_utf16(uint32_t c, uint16_t out[2])
{
	if (c < 0x10000) {
		out[0] = (uint16_t)c;
		return 1;
	}
	out[0] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
	out[1] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
	return 2;
}

bool
utf8_to_utf16(const char *text, uint16_t *ret_units, size_t max, size_t *ret_count)
{
	struct cursor rest = cur_of(text, strlen(text));
	uint16_t units[2] = { 0 };
	size_t count = 0, n;
	uint32_t c;

	while (!cur_at_end(&rest)) {
		if (!decode_utf8(&rest, &c))
			return false;
		n = encode_utf16(c, units);
		if (n > max - count)
			return false;
		memcpy(ret_units + count, units, n * sizeof(units[0]));
		count += n;
	}
	*ret_count = count;
	return true;
}
