/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BER-TLV (ISO 7816-4, 5.2.2; X.690 without the indefinite form). Tags are written as printed in the standards: 0x84,
 * 0x7F49, 0xDF20. Lengths need not be minimal. A reader gets a cursor per value and checks with cur_at_end() that
 * nothing is left over.
 */
#ifndef ISO7816_TLV_H
#define ISO7816_TLV_H

#include "base/buf.h"

/*
 * The next object, whatever its tag (up to three bytes). False at the end, for a cut or indefinite length, for a value
 * longer than what is left; nothing has moved then.
 */
bool tlv_next(struct cursor *c, uint32_t *ret_tag, struct cursor *ret_value);
/* The next object if it has this tag. */
bool tlv_get(struct cursor *c, uint32_t tag, struct cursor *ret_value);
/* The first object with this tag among all of them; what precedes must be well-formed. The cursor does not move. */
bool tlv_find(struct cursor c, uint32_t tag, struct cursor *ret_value);

/* ECDSA-Sig-Value (RFC 3279, 2.2.3) as r || s of size bytes. Numbers need not be minimal. False for anything else. */
bool tlv_ecdsa_signature(struct cursor der, size_t size, uint8_t *ret_signature);

/* Writes tag, minimal length and value. */
void tlv_put(struct buf *b, uint32_t tag, struct cursor value);
void tlv_put_u8(struct buf *b, uint32_t tag, uint8_t value);
/* Writes tag and minimal length only; the caller writes the value. */
void tlv_put_head(struct buf *b, uint32_t tag, size_t len);

#endif
