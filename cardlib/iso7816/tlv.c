/* SPDX-License-Identifier: BSD-2-Clause */
/* BER-TLV, read with cursors and written with minimal lengths. */
#include "iso7816/tlv.h"

#define TAG_MORE_BYTES 0x1Fu /* low bits of the first tag byte: the number follows */
#define TAG_NOT_LAST 0x80u   /* in a following tag byte */
#define TAG_MAX_BYTES 3
#define LENGTH_LONG 0x80u
#define LENGTH_MAX_BYTES 4u

/* ASN.1 */
#define TAG_SEQUENCE 0x30u
#define TAG_INTEGER 0x02u

static bool
read_tag(struct cursor *c, uint32_t *ret_tag)
{
	uint32_t tag;
	uint8_t byte;

	if (!cur_u8(c, &byte))
		return false;
	tag = byte;
	if ((byte & TAG_MORE_BYTES) != TAG_MORE_BYTES) {
		*ret_tag = tag;
		return true;
	}
	for (int n = 1; n < TAG_MAX_BYTES; n++) {
		if (!cur_u8(c, &byte))
			return false;
		tag = (tag << 8) | byte;
		if ((byte & TAG_NOT_LAST) == 0) {
			*ret_tag = tag;
			return true;
		}
	}
	return false;
}

static bool
read_length(struct cursor *c, uint32_t *ret_len)
{
	uint8_t first, byte;
	uint32_t len = 0;

	if (!cur_u8(c, &first))
		return false;
	if (first < LENGTH_LONG) {
		*ret_len = first;
		return true;
	}
	/* 80 is the indefinite form, which these standards do not have */
	if (first == LENGTH_LONG || first - LENGTH_LONG > LENGTH_MAX_BYTES)
		return false;
	for (unsigned n = first - LENGTH_LONG; n > 0; n--) {
		if (!cur_u8(c, &byte))
			return false;
		len = (len << 8) | byte;
	}
	*ret_len = len;
	return true;
}

bool
tlv_next(struct cursor *c, uint32_t *ret_tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint32_t tag, len;

	if (!read_tag(&at, &tag) || !read_length(&at, &len) || !cur_take(&at, len, &value))
		return false;
	*c = at;
	*ret_tag = tag;
	*ret_value = value;
	return true;
}

bool
tlv_get(struct cursor *c, uint32_t tag, struct cursor *ret_value)
{
	struct cursor at = *c, value;
	uint32_t found;

	if (!tlv_next(&at, &found, &value) || found != tag)
		return false;
	*c = at;
	*ret_value = value;
	return true;
}

bool
tlv_find(struct cursor c, uint32_t tag, struct cursor *ret_value)
{
	struct cursor value;
	uint32_t found;

	while (tlv_next(&c, &found, &value)) {
		if (found == tag) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* A number that has at most width bytes without its leading zeros. */
static bool
take_number(struct cursor *c, size_t width, struct cursor *ret_number)
{
	if (!tlv_get(c, TAG_INTEGER, ret_number))
		return false;
	cur_strip_zeros(ret_number);
	return ret_number->left > 0 && ret_number->left <= width;
}

bool
tlv_ecdsa_signature(struct cursor der, size_t size, uint8_t *ret_signature)
{
	struct cursor numbers, r, s;
	const size_t width = size / 2;

	if (!tlv_get(&der, TAG_SEQUENCE, &numbers) || !cur_at_end(&der) || !take_number(&numbers, width, &r) ||
	    !take_number(&numbers, width, &s) || !cur_at_end(&numbers))
		return false;
	return cur_number(r, width, width, ret_signature) && cur_number(s, width, width, ret_signature + width);
}

static void
put_number(struct buf *b, uint32_t number, unsigned bytes)
{
	while (bytes-- > 0)
		buf_u8(b, (uint8_t)(number >> (8 * bytes)));
}

static unsigned
bytes_of(uint32_t number)
{
	return number > 0xFFFFFF ? 4 : number > 0xFFFF ? 3 : number > 0xFF ? 2 : 1;
}

void
tlv_put_head(struct buf *b, uint32_t tag, size_t len)
{
	/* a longer value is over the ceiling of every buffer; its length is cut, its value will not fit */
	uint32_t number = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;

	put_number(b, tag, bytes_of(tag));
	if (number >= LENGTH_LONG)
		buf_u8(b, (uint8_t)(LENGTH_LONG + bytes_of(number)));
	put_number(b, number, bytes_of(number));
}

void
tlv_put(struct buf *b, uint32_t tag, struct cursor value)
{
	tlv_put_head(b, tag, value.left);
	buf_put_cur(b, value);
}

void
tlv_put_u8(struct buf *b, uint32_t tag, uint8_t value)
{
	tlv_put(b, tag, cur_of(&value, 1));
}
