/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading of bytes that came from outside. A cursor is a view: it owns nothing and is valid as long as the bytes are.
 * Every function leaves the cursor and the outputs as they were when it returns false.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/types.h"

struct cursor {
	const uint8_t *p;
	size_t left;
};

/* A view of len bytes at p; p may be NULL when len is 0. */
struct cursor cur_of(const void *p, size_t len);

bool cur_at_end(const struct cursor *c);

/* The next n bytes as a view of their own. */
bool cur_take(struct cursor *c, size_t n, struct cursor *ret_part);
/* The next n bytes copied to ret_bytes (n bytes of room). */
bool cur_copy(struct cursor *c, void *ret_bytes, size_t n);
bool cur_skip(struct cursor *c, size_t n);

bool cur_u8(struct cursor *c, uint8_t *ret_value);
bool cur_be16(struct cursor *c, uint16_t *ret_value);
bool cur_be32(struct cursor *c, uint32_t *ret_value);
bool cur_le16(struct cursor *c, uint16_t *ret_value);
bool cur_le32(struct cursor *c, uint32_t *ret_value);

/* The next byte without moving. */
bool cur_peek(const struct cursor *c, uint8_t *ret_value);

/* True when what is left equals the n bytes at p. Not for secrets. */
bool cur_equals(const struct cursor *c, const void *p, size_t n);

/*
 * A whole value as a big-endian number of size bytes, with up to max_missing leading zero bytes that it came without. False
 * for an empty value, a longer one, and one that lacks more.
 */
bool cur_number(struct cursor value, size_t size, size_t max_missing, uint8_t *ret_number);

/* Drops leading zero bytes but leaves at least one byte if there was any. */
void cur_strip_zeros(struct cursor *c);

#endif
