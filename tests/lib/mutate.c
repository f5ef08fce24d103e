/* SPDX-License-Identifier: BSD-2-Clause */
/* Systematic damage to good bytes. */
#include "lib/mutate.h"

#include <stdlib.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "lib/test.h"

static const char *const lengths[] = {
	"00", "01", "7F", "80", "8180", "81FF", "820100", "82FFFF", "847FFFFFFF", "850100000000", "FF",
};

static void
test_in_heap(struct cursor bytes, mutate_test test, void *context)
{
	uint8_t *copy = hex_heap(bytes);

	assert_non_null(copy);
	test(cur_of(copy, bytes.left), context);
	free(copy);
}

size_t
mutate_stride(void)
{
	const char *text = getenv("TEST_STRIDE");
	long stride = text != NULL ? strtol(text, NULL, 10) : 1;

	return stride > 0 ? (size_t)stride : 1;
}

void
mutate_cut(struct cursor good, mutate_test test, void *context)
{
	for (size_t len = 0; len < good.left; len += mutate_stride())
		test_in_heap(cur_of(good.p, len), test, context);
}

/* The good bytes with the one at this place replaced. */
static void
replaced(struct cursor good, size_t place, struct cursor by, mutate_test test, void *context)
{
	AUTO_BUF struct buf bad = BUF_INIT;
	struct cursor head;

	assert_true(cur_take(&good, place, &head) && cur_skip(&good, 1));
	buf_put_cur(&bad, head);
	buf_put_cur(&bad, by);
	buf_put_cur(&bad, good);
	assert_false(buf_failed(&bad));
	test_in_heap(buf_cur(&bad), test, context);
}

void
mutate_lengths(struct cursor good, mutate_test test, void *context)
{
	for (size_t place = 0; place < good.left; place += mutate_stride()) {
		const uint8_t less = (uint8_t)(good.p[place] - 1), more = (uint8_t)(good.p[place] + 1);

		replaced(good, place, cur_of(&less, 1), test, context);
		replaced(good, place, cur_of(&more, 1), test, context);
		for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
			AUTO_BUF struct buf by = BUF_INIT;

			assert_true(hex_put(&by, lengths[i]));
			replaced(good, place, buf_cur(&by), test, context);
		}
	}
}
