/* SPDX-License-Identifier: BSD-2-Clause */
/* What the historical bytes of an ATR say of the card (ISO 7816-3, 8.2; ISO 7816-4, 12.1.1). */
#include "iso7816/apdu.h"

#define HAS_TA 0x10u
#define HAS_TB 0x20u
#define HAS_TC 0x40u
#define HAS_TD 0x80u
#define INTERFACES_MAX 16u

/* The historical bytes are compact TLV, the first of these with a status indicator behind them. */
#define CATEGORY_STATUS_LAST 0x00u
#define CATEGORY_TLV 0x80u
#define STATUS_BYTES 3u
#define TAG_CAPABILITIES 7u
/* In the third byte of the capabilities. */
#define EXTENDED_LENGTHS 0x40u

static bool
historical_bytes(struct cursor atr, struct cursor *ret_bytes)
{
	uint8_t format, next, skipped;
	bool more;

	if (!cur_skip(&atr, 1) || !cur_u8(&atr, &format))
		return false;
	next = format;
	for (unsigned i = 0; i < INTERFACES_MAX; i++) {
		skipped = (uint8_t)(((next & HAS_TA) != 0) + ((next & HAS_TB) != 0) + ((next & HAS_TC) != 0));
		more = (next & HAS_TD) != 0;
		if (!cur_skip(&atr, skipped) || (more && !cur_u8(&atr, &next)))
			return false;
		if (!more)
			return cur_take(&atr, format & 0x0Fu, ret_bytes);
	}
	return false;
}

bool
apdu_atr_extended(struct cursor atr)
{
	struct cursor bytes, value;
	uint8_t category, head, third;

	if (!historical_bytes(atr, &bytes) || !cur_u8(&bytes, &category))
		return false;
	if (category == CATEGORY_STATUS_LAST) {
		if (bytes.left < STATUS_BYTES || !cur_take(&bytes, bytes.left - STATUS_BYTES, &bytes))
			return false;
	} else if (category != CATEGORY_TLV) {
		return false;
	}
	while (cur_u8(&bytes, &head) && cur_take(&bytes, head & 0x0Fu, &value))
		if (head >> 4 == TAG_CAPABILITIES)
			return cur_skip(&value, 2) && cur_u8(&value, &third) && (third & EXTENDED_LENGTHS) != 0;
	return false;
}
