/* SPDX-License-Identifier: BSD-2-Clause */
/* Distinguished names of certificates (X.501, DER) in short. */
#include <stdio.h>
#include <string.h>

#include "base/utf16.h"
#include "tool/encode.h"
#include "tool/out.h"

#define NAME_PARTS 32u
#define NAME_VALUE 256u

enum {
	DER_INTEGER = 0x02,
	DER_OID = 0x06,
	DER_UTF8 = 0x0C,
	DER_PRINTABLE = 0x13,
	DER_T61 = 0x14,
	DER_IA5 = 0x16,
	DER_BMP = 0x1E,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31
};

/* One element: a tag of one byte, a definite length of at most two (X.690 8.1). */
static bool
take_element(struct cursor *c, uint8_t *ret_tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint8_t tag, first, byte;
	uint16_t length;

	if (!cur_u8(&at, &tag) || (tag & 0x1F) == 0x1F || !cur_u8(&at, &first))
		return false;
	length = first;
	if (first == 0x81) {
		if (!cur_u8(&at, &byte))
			return false;
		length = byte;
	} else if (first == 0x82) {
		if (!cur_be16(&at, &length))
			return false;
	} else if (first >= 0x80) {
		return false;
	}
	if (!cur_take(&at, length, &value))
		return false;
	*ret_tag = tag;
	*ret_value = value;
	*c = at;
	return true;
}

static bool
take(struct cursor *c, uint8_t tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint8_t seen;

	if (!take_element(&at, &seen, &value) || seen != tag)
		return false;
	*c = at;
	*ret_value = value;
	return true;
}

/* Attribute types below 2.5.4, and those of RFC 4519 and PKCS#9 that people know. */
static const char *
type_name(struct cursor oid)
{
	/* clang-format off */
	static const struct {
		uint8_t oid[10];
		uint8_t len;
		const char *name;
	} types[] = {
		{ { 0x55, 0x04, 0x03 }, 3, "CN" },
		{ { 0x55, 0x04, 0x04 }, 3, "SN" },
		{ { 0x55, 0x04, 0x05 }, 3, "serialNumber" },
		{ { 0x55, 0x04, 0x06 }, 3, "C" },
		{ { 0x55, 0x04, 0x07 }, 3, "L" },
		{ { 0x55, 0x04, 0x08 }, 3, "ST" },
		{ { 0x55, 0x04, 0x0A }, 3, "O" },
		{ { 0x55, 0x04, 0x0B }, 3, "OU" },
		{ { 0x55, 0x04, 0x2A }, 3, "GN" },
		{ { 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x01 }, 10, "UID" },
		{ { 0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19 }, 10, "DC" },
		{ { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01 }, 9, "emailAddress" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (cur_equals(&oid, types[i].oid, types[i].len))
			return types[i].name;
	}
	return "?";
}

/* BMPString is big-endian; the converter wants it the other way round. */
static void
convert_bmp(struct cursor value, char *ret_text, size_t room)
{
	AUTO_BUF struct buf units = BUF_INIT;
	uint16_t unit;

	while (cur_be16(&value, &unit))
		buf_le16(&units, unit);
	(void)utf16le_to_utf8(buf_cur(&units), ret_text, room);
}

static void
convert_value(uint8_t tag, struct cursor value, char *ret_text, size_t room)
{
	AUTO_BUF struct buf text = BUF_INIT;

	if (tag == DER_BMP) {
		convert_bmp(value, ret_text, room);
		return;
	}
	if (tag != DER_UTF8 && tag != DER_PRINTABLE && tag != DER_IA5 && tag != DER_T61) {
		(void)snprintf(ret_text, room, "?");
		return;
	}
	buf_put_cur(&text, value);
	buf_u8(&text, 0);
	if (buf_failed(&text))
		(void)snprintf(ret_text, room, "?");
	else
		out_safe((const char *)text.p, value.left, ret_text, room);
}

static bool
read_part(struct cursor *names, char *ret_text, size_t room)
{
	struct cursor set, pair, oid, value;
	char converted[NAME_VALUE];
	uint8_t tag;

	if (!take(names, DER_SET, &set) || !take(&set, DER_SEQUENCE, &pair) || !take(&pair, DER_OID, &oid) ||
	    !take_element(&pair, &tag, &value))
		return false;
	convert_value(tag, value, converted, sizeof(converted));
	(void)snprintf(ret_text, room, "%s=%s", type_name(oid), converted);
	return true;
}

void
encode_name(struct cursor name, char *ret_text, size_t room)
{
	char parts[NAME_PARTS][NAME_VALUE + 16];
	size_t count = 0, at = 0;
	struct cursor names;

	ret_text[0] = '\0';
	if (!take(&name, DER_SEQUENCE, &names))
		return;
	while (count < NAME_PARTS && read_part(&names, parts[count], sizeof(parts[count])))
		count++;
	for (size_t i = count; i > 0 && at < room; i--) {
		int n = snprintf(ret_text + at, room - at, "%s%s", parts[i - 1], i > 1 ? ", " : "");

		if (n < 0)
			break;
		at += (size_t)n;
	}
}

struct cursor
encode_integer(struct cursor der)
{
	struct cursor value = cur_of(NULL, 0);

	if (take(&der, DER_INTEGER, &value))
		cur_strip_zeros(&value);
	return value;
}
