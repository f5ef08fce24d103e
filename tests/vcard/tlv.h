/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BER-TLV for the virtual card (ISO 7816-4, 5.2.2). Written apart from the module's own reader on purpose: a
 * misunderstanding in one of them must not be hidden by the other.
 */
#ifndef VCARD_TLV_H
#define VCARD_TLV_H

#include "base/buf.h"

/*
 * Tag (one to three bytes, read as one number: 5C, DF24, DF8101) and length. Lengths have the short form or 81, 82,
 * 83; the length is not compared with what is left. False, and nothing moved, when the bytes are no such header.
 */
bool vcard_tlv_header(struct cursor *c, uint32_t *ret_tag, size_t *ret_len);

/* A tag alone, as in tag lists. */
bool vcard_tlv_tag(struct cursor *c, uint32_t *ret_tag);

/* One whole object. */
bool vcard_tlv_next(struct cursor *c, uint32_t *ret_tag, struct cursor *ret_value);

/* One whole object, which must have this tag. */
bool vcard_tlv_expect(struct cursor *c, uint32_t tag, struct cursor *ret_value);

/* The first object with this tag among objects that follow each other. */
bool vcard_tlv_find(struct cursor objects, uint32_t tag, struct cursor *ret_value);

/* The first object with this tag, which must hold exactly one byte. */
bool vcard_tlv_find_u8(struct cursor objects, uint32_t tag, uint8_t *ret_value);

void vcard_tlv_put_tag(struct buf *b, uint32_t tag);
void vcard_tlv_put_header(struct buf *b, uint32_t tag, size_t len);
void vcard_tlv_put(struct buf *b, uint32_t tag, struct cursor value);
void vcard_tlv_put_u8(struct buf *b, uint32_t tag, uint8_t value);

#endif
