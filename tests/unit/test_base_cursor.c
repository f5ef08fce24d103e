/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading with a cursor: nothing moves on failure, nothing is read past the end. */
#include "base/cursor.h"

#include <stdlib.h>

#include "lib/hex.h"
#include "lib/test.h"

static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05 };

static void
test_take(void **state)
{
	struct cursor c = cur_of(bytes, sizeof(bytes)), part = { NULL, 99 };

	(void)state;
	assert_false(cur_take(&c, 6, &part));
	assert_int_equal(c.left, 5);
	assert_int_equal(part.left, 99);
	assert_true(cur_take(&c, 2, &part));
	assert_true(cur_equals(&part, bytes, 2));
	assert_true(cur_take(&c, 3, &part));
	assert_true(cur_equals(&part, bytes + 2, 3));
	assert_true(cur_at_end(&c));
	assert_true(cur_take(&c, 0, &part));
	assert_int_equal(part.left, 0);
	assert_false(cur_take(&c, 1, &part));
	assert_false(cur_take(&c, SIZE_MAX, &part));
}

static void
test_copy_and_skip(void **state)
{
	struct cursor c = cur_of(bytes, sizeof(bytes));
	uint8_t out[5] = { 0 };

	(void)state;
	assert_false(cur_copy(&c, out, 6));
	assert_int_equal(out[0], 0);
	assert_true(cur_copy(&c, out, 2));
	assert_int_equal(out[1], 0x02);
	assert_false(cur_skip(&c, 4));
	assert_true(cur_skip(&c, 3));
	assert_true(cur_at_end(&c));
	assert_true(cur_skip(&c, 0));
	assert_true(cur_copy(&c, out, 0));
}

static void
test_numbers(void **state)
{
	struct cursor c = cur_of(bytes, sizeof(bytes)), start = c;
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;

	(void)state;
	assert_true(cur_peek(&c, &u8) && u8 == 0x01);
	assert_int_equal(c.left, 5);
	assert_true(cur_u8(&c, &u8) && u8 == 0x01);
	assert_true(cur_be32(&c, &u32) && u32 == 0x02030405);
	assert_true(cur_at_end(&c));
	c = start;
	assert_true(cur_le32(&c, &u32) && u32 == 0x04030201);
	c = start;
	assert_true(cur_be16(&c, &u16) && u16 == 0x0102);
	assert_true(cur_le16(&c, &u16) && u16 == 0x0403);
}

/* Every reader on every cut of its bytes, in a block of exactly that size. */
static void
test_numbers_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < 4; len++) {
		uint8_t *p = hex_heap(cur_of(bytes, len)), u8 = 7;
		struct cursor c = cur_of(p, len);
		uint16_t u16 = 7;
		uint32_t u32 = 7;

		assert_non_null(p);
		assert_false(cur_be32(&c, &u32) || cur_le32(&c, &u32));
		assert_int_equal(u32, 7);
		assert_true(len >= 2 || (!cur_be16(&c, &u16) && !cur_le16(&c, &u16) && u16 == 7));
		assert_true(len >= 1 || (!cur_u8(&c, &u8) && !cur_peek(&c, &u8) && u8 == 7));
		assert_int_equal(c.left, len);
		free(p);
	}
}

static void
test_nothing(void **state)
{
	struct cursor c = cur_of(NULL, 0), part;
	uint8_t out;

	(void)state;
	assert_true(cur_at_end(&c));
	assert_true(cur_take(&c, 0, &part));
	assert_true(cur_skip(&c, 0));
	assert_true(cur_copy(&c, &out, 0));
	assert_true(cur_equals(&c, NULL, 0));
	assert_false(cur_equals(&c, "x", 1));
	cur_strip_zeros(&c);
	assert_true(cur_at_end(&c));
}

static void
test_strip_zeros(void **state)
{
	static const uint8_t padded[] = { 0, 0, 1, 0 }, zeros[] = { 0, 0, 0 };
	struct cursor c = cur_of(padded, sizeof(padded));

	(void)state;
	cur_strip_zeros(&c);
	assert_true(cur_equals(&c, padded + 2, 2));
	c = cur_of(zeros, sizeof(zeros));
	cur_strip_zeros(&c);
	assert_true(cur_equals(&c, zeros, 1));
}

/* A number that came without some of its leading zero bytes. */
static void
test_number(void **state)
{
	static const uint8_t cut[] = { 0x01, 0x02, 0x03 }, whole[] = { 0, 0, 1, 2, 3 };
	uint8_t number[5] = { 0xEE, 0xEE, 0xEE, 0xEE, 0xEE };

	(void)state;
	assert_false(cur_number(cur_of(cut, 3), 2, 2, number));
	assert_false(cur_number(cur_of(cut, 3), 5, 1, number));
	assert_false(cur_number(cur_of(cut, 0), 5, 5, number));
	assert_int_equal(number[0], 0xEE);
	assert_true(cur_number(cur_of(cut, 3), 5, 2, number));
	assert_memory_equal(number, whole, sizeof(whole));
	assert_true(cur_number(cur_of(cut, 3), 3, 0, number));
	assert_memory_equal(number, cut, sizeof(cut));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),	cmocka_unit_test(test_copy_and_skip),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_numbers_cut),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_strip_zeros),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests_name("/base/cursor", tests, NULL, NULL);
}
