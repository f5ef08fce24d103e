/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growing byte buffer with a ceiling. The first failure (no memory, over the ceiling) is remembered: later writes do
 * nothing, and buf_failed() tells at the end. The memory is wiped when it is freed or moved, so that answers which
 * turn out to be secret leave nothing behind.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/cursor.h"

struct buf {
	uint8_t *p;
	size_t len;
	size_t room;
	size_t max; /* ceiling in bytes; 0 means LIMIT_RESPONSE */
	bool failed;
};

#define BUF_INIT                                                                                                       \
	{                                                                                                              \
		0                                                                                                      \
	}
#define BUF_INIT_MAX(limit)                                                                                            \
	{                                                                                                              \
		.max = (limit)                                                                                         \
	}

void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_cur(struct buf *b, struct cursor c);
void buf_u8(struct buf *b, uint8_t v);
void buf_be16(struct buf *b, uint16_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_le16(struct buf *b, uint16_t v);
void buf_le32(struct buf *b, uint32_t v);
void buf_zeros(struct buf *b, size_t n);

/* Makes room for n more bytes and returns their place, counted as written; NULL on failure. */
uint8_t *buf_extend(struct buf *b, size_t n);
/* Forgets what lies behind the first len bytes (wiping it). len beyond the end is ignored. */
void buf_truncate(struct buf *b, size_t len);
/* Empties the buffer, keeps the memory, clears the failure. */
void buf_reset(struct buf *b);
/* Wipes and frees; the buffer can be used again. NULL is fine. */
void buf_free(struct buf *b);
/* Moves the content of from to to (whose old content is freed); from is empty afterwards. */
void buf_move(struct buf *to, struct buf *from);

bool buf_failed(const struct buf *b);
/* View of the content. */
struct cursor buf_cur(const struct buf *b);

#endif
