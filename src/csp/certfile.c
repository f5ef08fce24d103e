/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificate files mscp\kxcNN and mscp\kscNN: their names and their two forms. */
#include <stdio.h>

#include "base/auto.h"
#include "base/inflate.h"
#include "csp/card.h"

/* The first word of the compressed form, and what follows: the length of the certificate, then a zlib stream. */
#define METHOD_ZLIB 1u
#define DER_SEQUENCE 0x30u

void
csp_certfile_name(bool exchange, uint8_t index, bool decimal, char ret_name[9])
{
	const char *prefix = exchange ? "kxc" : "ksc";

	if (decimal)
		(void)snprintf(ret_name, 9, "%s%02u", prefix, index);
	else
		(void)snprintf(ret_name, 9, "%s%02x", prefix, index);
}

/* The length field of a DER element in at most two bytes, as a certificate of at most 64 KB has it. */
static bool
der_length(struct cursor *c, size_t *ret_len)
{
	uint8_t first, low;
	uint16_t two;

	if (!cur_u8(c, &first))
		return false;
	if (first < 0x80)
		*ret_len = first;
	else if (first == 0x81 && cur_u8(c, &low))
		*ret_len = low;
	else if (first == 0x82 && cur_be16(c, &two))
		*ret_len = two;
	else
		return false;
	return true;
}

/* The outermost element; what a card has behind it is not part of the certificate. */
static bool
whole_der(struct cursor content, struct cursor *ret_der)
{
	struct cursor c = content;
	uint8_t tag;
	size_t len;

	if (!cur_u8(&c, &tag) || tag != DER_SEQUENCE || !der_length(&c, &len) || len == 0 || len > c.left)
		return false;
	return cur_take(&content, content.left - c.left + len, ret_der);
}

static bool
inflated(struct cursor content, struct buf *ret_data)
{
	uint16_t method, size;

	return cur_le16(&content, &method) && method == METHOD_ZLIB && cur_le16(&content, &size) && size > 0 &&
	       inflate_stream(INFLATE_ZLIB, content, size, LIMIT_CERTIFICATE, ret_data);
}

bool
csp_certfile_decode(struct cursor content, struct buf *ret_der)
{
	struct buf data = BUF_INIT_MAX(LIMIT_CERTIFICATE);
	struct cursor der;
	uint8_t first;
	bool ok = false;

	if (!cur_peek(&content, &first))
		return false;
	if (first == DER_SEQUENCE)
		buf_put_cur(&data, content);
	else if (!inflated(content, &data))
		goto out;
	if (buf_failed(&data) || !whole_der(buf_cur(&data), &der))
		goto out;
	buf_truncate(&data, der.left);
	buf_move(ret_der, &data);
	ok = true;
out:
	buf_free(&data);
	return ok;
}

bool
csp_certfile_encode(struct cursor der, struct buf *ret_content)
{
	AUTO_BUF struct buf stream = BUF_INIT_MAX(2 * LIMIT_CERTIFICATE);

	if (der.left > LIMIT_CERTIFICATE || !deflate_stream(der, &stream))
		return false;
	buf_reset(ret_content);
	if (stream.len + 4 < der.left) {
		buf_le16(ret_content, METHOD_ZLIB);
		buf_le16(ret_content, (uint16_t)der.left);
		buf_put_cur(ret_content, buf_cur(&stream));
	} else {
		buf_put_cur(ret_content, der);
	}
	return !buf_failed(ret_content);
}
