/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing buffer that remembers its first failure and wipes what it leaves behind. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/secret.h"

#define BUF_FIRST_ROOM 64u

static size_t
ceiling(const struct buf *b)
{
	return b->max != 0 ? b->max : LIMIT_RESPONSE;
}

static size_t
next_room(const struct buf *b, size_t need)
{
	size_t room = b->room != 0 ? b->room : BUF_FIRST_ROOM;

	while (room < need && room < ceiling(b))
		room *= 2;
	return room < ceiling(b) ? room : ceiling(b);
}

/* Not realloc(): that would leave a copy of the content in the old block. */
static bool
grow(struct buf *b, size_t need)
{
	size_t room = next_room(b, need);
	uint8_t *p = malloc(room);

	if (p == NULL)
		return false;
	if (b->p != NULL) {
		memcpy(p, b->p, b->len);
		secret_wipe(b->p, b->len);
		free(b->p);
	}
	b->p = p;
	b->room = room;
	return true;
}

uint8_t *
buf_extend(struct buf *b, size_t n)
{
	uint8_t *place;

	if (b->failed)
		return NULL;
	if (b->len > ceiling(b) || n > ceiling(b) - b->len ||
	    ((b->p == NULL || n > b->room - b->len) && !grow(b, b->len + n))) {
		b->failed = true;
		return NULL;
	}
	place = b->p + b->len;
	b->len += n;
	return place;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	uint8_t *place;

	if (n == 0)
		return;
	if ((place = buf_extend(b, n)) != NULL)
		memcpy(place, p, n);
}

void
buf_put_cur(struct buf *b, struct cursor c)
{
	buf_put(b, c.p, c.left);
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void
buf_be16(struct buf *b, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_be32(struct buf *b, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_le16(struct buf *b, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_le32(struct buf *b, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	buf_put(b, bytes, sizeof(bytes));
}

void
buf_zeros(struct buf *b, size_t n)
{
	uint8_t *place;

	if (n == 0)
		return;
	if ((place = buf_extend(b, n)) != NULL)
		memset(place, 0, n);
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	secret_wipe(b->p + len, b->len - len);
	b->len = len;
}

void
buf_reset(struct buf *b)
{
	buf_truncate(b, 0);
	b->failed = false;
}

void
buf_free(struct buf *b)
{
	if (b == NULL)
		return;
	buf_reset(b);
	free(b->p);
	b->p = NULL;
	b->room = 0;
}

void
buf_move(struct buf *to, struct buf *from)
{
	if (to == from)
		return;
	buf_free(to);
	to->failed = from->failed || from->len > ceiling(to);
	if (to->failed) {
		buf_free(from);
		return;
	}
	to->p = from->p;
	to->len = from->len;
	to->room = from->room;
	*from = (struct buf){ .max = from->max };
}

bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

struct cursor
buf_cur(const struct buf *b)
{
	return cur_of(b->p, b->len);
}
