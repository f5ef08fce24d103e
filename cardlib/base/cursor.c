/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded reading; the one place where a pointer moves over bytes from outside. */
#include "base/cursor.h"

#include <string.h>

struct cursor
cur_of(const void *p, size_t len)
{
	return (struct cursor){ p, len };
}

bool
cur_at_end(const struct cursor *c)
{
	return c->left == 0;
}

/* Nothing is added to the pointer for n = 0: it may be NULL then. */
static void
advance(struct cursor *c, size_t n)
{
	if (n == 0)
		return;
	c->p += n;
	c->left -= n;
}

bool
cur_take(struct cursor *c, size_t n, struct cursor *ret_part)
{
	struct cursor part = { c->p, n };

	if (n > c->left)
		return false;
	advance(c, n);
	*ret_part = part;
	return true;
}

bool
cur_copy(struct cursor *c, void *ret_bytes, size_t n)
{
	if (n > c->left)
		return false;
	if (n > 0)
		memcpy(ret_bytes, c->p, n);
	advance(c, n);
	return true;
}

bool
cur_skip(struct cursor *c, size_t n)
{
	if (n > c->left)
		return false;
	advance(c, n);
	return true;
}

bool
cur_u8(struct cursor *c, uint8_t *ret_value)
{
	return cur_copy(c, ret_value, 1);
}

bool
cur_be16(struct cursor *c, uint16_t *ret_value)
{
	uint8_t b[2];

	if (!cur_copy(c, b, sizeof(b)))
		return false;
	*ret_value = (uint16_t)((b[0] << 8) | b[1]);
	return true;
}

bool
cur_be32(struct cursor *c, uint32_t *ret_value)
{
	uint8_t b[4];

	if (!cur_copy(c, b, sizeof(b)))
		return false;
	*ret_value = ((uint32_t)b[0] << 24) | ((uint32_t)b[1] << 16) | ((uint32_t)b[2] << 8) | b[3];
	return true;
}

bool
cur_le16(struct cursor *c, uint16_t *ret_value)
{
	uint8_t b[2];

	if (!cur_copy(c, b, sizeof(b)))
		return false;
	*ret_value = (uint16_t)((b[1] << 8) | b[0]);
	return true;
}

bool
cur_le32(struct cursor *c, uint32_t *ret_value)
{
	uint8_t b[4];

	if (!cur_copy(c, b, sizeof(b)))
		return false;
	*ret_value = ((uint32_t)b[3] << 24) | ((uint32_t)b[2] << 16) | ((uint32_t)b[1] << 8) | b[0];
	return true;
}

bool
cur_peek(const struct cursor *c, uint8_t *ret_value)
{
	if (c->left == 0)
		return false;
	*ret_value = *c->p;
	return true;
}

bool
cur_equals(const struct cursor *c, const void *p, size_t n)
{
	return c->left == n && (n == 0 || memcmp(c->p, p, n) == 0);
}

bool
cur_number(struct cursor value, size_t size, size_t max_missing, uint8_t *ret_number)
{
	size_t missing = size - value.left;

	if (value.left == 0 || value.left > size || missing > max_missing)
		return false;
	memset(ret_number, 0, missing);
	return cur_copy(&value, ret_number + missing, value.left);
}

void
cur_strip_zeros(struct cursor *c)
{
	while (c->left > 1 && *c->p == 0)
		advance(c, 1);
}
