/* SPDX-License-Identifier: BSD-2-Clause */
/* BER-TLV reader and writer of the virtual card. */
#include "vcard/tlv.h"

#define TAG_BYTES_MAX 3
#define LENGTH_BYTES_MAX 3

static bool
read_tag(struct cursor *c, uint32_t *ret_tag)
{
	uint32_t tag;
	uint8_t byte;
	unsigned n;

	if (!cur_u8(c, &byte) || byte == 0x00 || byte == 0xFF)
		return false;
	tag = byte;
	if ((byte & 0x1F) == 0x1F) {
		for (n = 1; n < TAG_BYTES_MAX; n++) {
			if (!cur_u8(c, &byte))
				return false;
			tag = tag << 8 | byte;
			if ((byte & 0x80) == 0)
				break;
		}
		if ((byte & 0x80) != 0)
			return false;
	}
	*ret_tag = tag;
	return true;
}

static bool
read_length(struct cursor *c, size_t *ret_len)
{
	uint8_t byte, bytes;
	size_t len = 0;

	if (!cur_u8(c, &byte))
		return false;
	if (byte < 0x80) {
		*ret_len = byte;
		return true;
	}
	bytes = byte & 0x7F;
	if (bytes == 0 || bytes > LENGTH_BYTES_MAX)
		return false;
	while (bytes-- > 0) {
		if (!cur_u8(c, &byte))
			return false;
		len = len << 8 | byte;
	}
	*ret_len = len;
	return true;
}

bool
vcard_tlv_tag(struct cursor *c, uint32_t *ret_tag)
{
	struct cursor at = *c;

	if (!read_tag(&at, ret_tag))
		return false;
	*c = at;
	return true;
}

bool
vcard_tlv_header(struct cursor *c, uint32_t *ret_tag, size_t *ret_len)
{
	struct cursor at = *c;
	uint32_t tag;
	size_t len;

	if (!read_tag(&at, &tag) || !read_length(&at, &len))
		return false;
	*c = at;
	*ret_tag = tag;
	*ret_len = len;
	return true;
}

bool
vcard_tlv_next(struct cursor *c, uint32_t *ret_tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint32_t tag;
	size_t len;

	if (!vcard_tlv_header(&at, &tag, &len) || !cur_take(&at, len, &value))
		return false;
	*c = at;
	*ret_tag = tag;
	*ret_value = value;
	return true;
}

bool
vcard_tlv_expect(struct cursor *c, uint32_t tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint32_t found;

	if (!vcard_tlv_next(&at, &found, &value) || found != tag)
		return false;
	*c = at;
	*ret_value = value;
	return true;
}

bool
vcard_tlv_find(struct cursor objects, uint32_t tag, struct cursor *ret_value)
{
	struct cursor value;
	uint32_t found;

	while (vcard_tlv_next(&objects, &found, &value)) {
		if (found == tag) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

bool
vcard_tlv_find_u8(struct cursor objects, uint32_t tag, uint8_t *ret_value)
{
	struct cursor value;
	uint8_t byte;

	if (!vcard_tlv_find(objects, tag, &value) || !cur_u8(&value, &byte) || !cur_at_end(&value))
		return false;
	*ret_value = byte;
	return true;
}

void
vcard_tlv_put_tag(struct buf *b, uint32_t tag)
{
	if (tag > 0xFFFF)
		buf_u8(b, (uint8_t)(tag >> 16));
	if (tag > 0xFF)
		buf_u8(b, (uint8_t)(tag >> 8));
	buf_u8(b, (uint8_t)tag);
}

void
vcard_tlv_put_header(struct buf *b, uint32_t tag, size_t len)
{
	vcard_tlv_put_tag(b, tag);
	if (len > 0xFFFF) {
		buf_u8(b, 0x83);
		buf_u8(b, (uint8_t)(len >> 16));
		buf_be16(b, (uint16_t)len);
	} else if (len > 0xFF) {
		buf_u8(b, 0x82);
		buf_be16(b, (uint16_t)len);
	} else {
		if (len > 0x7F)
			buf_u8(b, 0x81);
		buf_u8(b, (uint8_t)len);
	}
}

void
vcard_tlv_put(struct buf *b, uint32_t tag, struct cursor value)
{
	vcard_tlv_put_header(b, tag, value.left);
	buf_put_cur(b, value);
}

void
vcard_tlv_put_u8(struct buf *b, uint32_t tag, uint8_t value)
{
	vcard_tlv_put_header(b, tag, 1);
	buf_u8(b, value);
}
