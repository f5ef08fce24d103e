/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes as they are written in the standards, and bytes in heap blocks of exactly their size. */
#ifndef LIB_HEX_H
#define LIB_HEX_H

#include "base/buf.h"

/* Appends the bytes of a text of hex digits; blanks between bytes are skipped. False for anything else. */
bool hex_put(struct buf *b, const char *text);
/* True when the bytes are those of the text. */
bool hex_is(struct cursor bytes, const char *text);

/* A copy in a heap block of exactly this size, so that a read past its end is seen. NULL when there is no memory. */
uint8_t *hex_heap(struct cursor bytes);

#endif
