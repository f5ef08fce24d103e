/* SPDX-License-Identifier: BSD-2-Clause */
/* Building commands and their bytes (ISO 7816-3, 12.1: the four cases, short and extended). */
#include "iso7816/apdu.h"

#define CLA_CHAIN 0x10u
#define SHORT_DATA_MAX 255u
#define SHORT_LE_MAX 256u
#define EXTENDED_DATA_MAX 65535u

struct apdu
apdu_of(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, size_t le)
{
	return (struct apdu){
		.cla = cla, .ins = ins, .p1 = p1, .p2 = p2, .data = BUF_INIT_MAX(LIMIT_COMMAND), .le = le
	};
}

void
apdu_free(struct apdu *a)
{
	if (a != NULL)
		buf_free(&a->data);
}

void
apdu_put_secret(struct apdu *a, const struct secret *s)
{
	a->secret = true;
	buf_put(&a->data, s->p, s->len);
}

static void
put_extended(struct buf *b, struct cursor data, size_t le)
{
	buf_u8(b, 0);
	if (data.left > 0) {
		buf_be16(b, (uint16_t)data.left);
		buf_put_cur(b, data);
	}
	if (le != APDU_LE_NONE)
		buf_be16(b, (uint16_t)le); /* 65536 is 0000 */
}

static void
put_short(struct buf *b, struct cursor data, size_t le, bool t0)
{
	if (data.left > 0) {
		buf_u8(b, (uint8_t)data.left);
		buf_put_cur(b, data);
	}
	/* T=0 has one length byte: case 4 goes as case 3, case 1 with P3 = 00 (ISO 7816-3, 12.2) */
	if (t0 ? data.left == 0 : le != APDU_LE_NONE)
		buf_u8(b, le < SHORT_LE_MAX ? (uint8_t)le : 0);
}

static bool
fits(struct cursor data, size_t le, bool extended)
{
	if (extended)
		return data.left <= EXTENDED_DATA_MAX && le <= APDU_LE_MAX;
	return data.left <= SHORT_DATA_MAX && (le <= SHORT_LE_MAX || le == APDU_LE_MAX);
}

bool
apdu_encode(const struct apdu *a, struct cursor data, bool last_part, bool extended, bool t0, struct buf *ret_bytes)
{
	size_t le = last_part ? a->le : APDU_LE_NONE;

	if (!fits(data, le, extended))
		return false;
	buf_u8(ret_bytes, last_part ? a->cla : (uint8_t)(a->cla | CLA_CHAIN));
	buf_u8(ret_bytes, a->ins);
	buf_u8(ret_bytes, a->p1);
	buf_u8(ret_bytes, a->p2);
	if (extended && (data.left > 0 || le != APDU_LE_NONE))
		put_extended(ret_bytes, data, le);
	else
		put_short(ret_bytes, data, le, t0);
	return !buf_failed(ret_bytes);
}
