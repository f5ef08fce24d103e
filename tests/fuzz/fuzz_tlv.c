/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BER-TLV from outside: every object of the input at every depth lies within it, and what is read can be written again
 * and read to the same.
 */
#include "iso7816/tlv.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static void
write_and_read(uint32_t tag, struct cursor value)
{
	AUTO_BUF struct buf b = BUF_INIT_MAX(value.left + 16);
	struct cursor c, again;

	tlv_put(&b, tag, value);
	require(!buf_failed(&b));
	c = buf_cur(&b);
	require(tlv_get(&c, tag, &again) && cur_at_end(&c));
	require(cur_equals(&again, value.p, value.left));
}

static void
walk(struct cursor whole, unsigned depth)
{
	struct cursor c = whole, value, first;
	uint32_t tag;

	while (tlv_next(&c, &tag, &value)) {
		require(value.left < whole.left);
		require(value.left == 0 || (value.p >= whole.p && value.p + value.left <= whole.p + whole.left));
		require(tlv_find(whole, tag, &first));
		write_and_read(tag, value);
		if (depth < LIMIT_TLV_DEPTH)
			walk(value, depth + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(cur_of(data, size), 0);
	return 0;
}
