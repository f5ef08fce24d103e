/* SPDX-License-Identifier: BSD-2-Clause */
/* Decompression of certificates with a bound on the output, whatever the stream claims; and their compression. */
#include "base/inflate.h"

#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#include "base/auto.h"

#define INFLATE_STEP 2048u
#define WINDOW_BITS 15
#define WINDOW_GZIP 16

/* Runs the stream to its end. The ceiling of ret_data stops a bomb: the first step over it is the last. */
static bool
run(z_stream *z, struct buf *ret_data)
{
	uint8_t step[INFLATE_STEP];
	int r;

	do {
		z->next_out = step;
		z->avail_out = sizeof(step);
		r = inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END)
			return false;
		buf_put(ret_data, step, sizeof(step) - z->avail_out);
		if (buf_failed(ret_data))
			return false;
	} while (r != Z_STREAM_END);
	return z->avail_in == 0;
}

static bool
inflate_all(enum inflate_form form, struct cursor data, struct buf *ret_data)
{
	z_stream z = { .next_in = data.p, .avail_in = (uInt)data.left };
	bool ok;

	if (inflateInit2(&z, form == INFLATE_GZIP ? WINDOW_BITS + WINDOW_GZIP : WINDOW_BITS) != Z_OK)
		return false;
	ok = run(&z, ret_data);
	(void)inflateEnd(&z);
	return ok;
}

bool
inflate_stream(enum inflate_form form, struct cursor data, size_t exact_size, size_t max_size, struct buf *ret_data)
{
	AUTO_BUF struct buf out = BUF_INIT_MAX(max_size);

	buf_reset(ret_data);
	if (max_size == 0 || exact_size > max_size || data.left == 0 || data.left > UINT32_MAX)
		return false;
	if (!inflate_all(form, data, &out) || (exact_size != 0 && out.len != exact_size))
		return false;
	buf_move(ret_data, &out);
	if (!buf_failed(ret_data))
		return true;
	buf_reset(ret_data);
	return false;
}

bool
deflate_stream(struct cursor data, struct buf *ret_data)
{
	AUTO_BUF struct buf out = BUF_INIT_MAX(ret_data->max);
	uLongf len = compressBound((uLong)data.left);
	uint8_t *room;

	if (data.left > UINT32_MAX || (room = buf_extend(&out, len)) == NULL)
		return false;
	if (compress2(room, &len, data.p, (uLong)data.left, Z_BEST_COMPRESSION) != Z_OK)
		return false;
	buf_truncate(&out, len);
	buf_move(ret_data, &out);
	return !buf_failed(ret_data);
}
