/* SPDX-License-Identifier: BSD-2-Clause */
/* The buffer: ceilings, the remembered failure, wiping, and what is left when memory is short. */
#include "base/auto.h"

#include <string.h>

#include "base/limits.h"
#include "lib/fault.h"
#include "lib/hex.h"
#include "lib/test.h"

static void
test_numbers(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;

	(void)state;
	buf_u8(&b, 0x01);
	buf_be16(&b, 0x0203);
	buf_be32(&b, 0x04050607);
	buf_le16(&b, 0x0908);
	buf_le32(&b, 0x0D0C0B0A);
	buf_zeros(&b, 2);
	buf_zeros(&b, 0);
	buf_put(&b, NULL, 0);
	assert_false(buf_failed(&b));
	assert_true(hex_is(buf_cur(&b), "01 0203 04050607 0809 0A0B0C0D 0000"));
}

static void
test_growth_keeps_content(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		buf_u8(&b, (uint8_t)i);
	assert_false(buf_failed(&b));
	assert_int_equal(b.len, 5000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(b.p[i], (uint8_t)i);
}

static void
test_ceiling(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT_MAX(10), d = BUF_INIT;

	(void)state;
	buf_zeros(&b, 10);
	assert_false(buf_failed(&b));
	buf_u8(&b, 1);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 10);
	buf_reset(&b);
	assert_false(buf_failed(&b));
	buf_zeros(&b, SIZE_MAX);
	assert_true(buf_failed(&b));
	assert_null(buf_extend(&b, 1));
	buf_zeros(&d, LIMIT_RESPONSE);
	assert_false(buf_failed(&d));
	buf_u8(&d, 0);
	assert_true(buf_failed(&d));
}

/* After the first failure nothing more is written, even what would fit. */
static void
test_failure_stays(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT_MAX(4);

	(void)state;
	buf_be16(&b, 0x0102);
	buf_be32(&b, 0);
	buf_u8(&b, 3);
	assert_true(buf_failed(&b));
	assert_true(hex_is(buf_cur(&b), "0102"));
}

static void
test_truncate_wipes(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;

	(void)state;
	buf_put(&b, "secret", 6);
	buf_truncate(&b, 9);
	assert_int_equal(b.len, 6);
	buf_truncate(&b, 2);
	assert_memory_equal(b.p, "se\0\0\0\0", 6);
	buf_reset(&b);
	assert_memory_equal(b.p, "\0\0\0\0\0\0", 6);
	assert_int_equal(b.len, 0);
	buf_free(&b);
	buf_free(&b);
	buf_free(NULL);
	buf_truncate(&b, 0);
	assert_null(b.p);
}

static void
test_move(void **state)
{
	AUTO_BUF struct buf a = BUF_INIT, b = BUF_INIT_MAX(3);

	(void)state;
	buf_put(&a, "xyz", 3);
	buf_put(&b, "old", 3);
	buf_move(&b, &a);
	assert_true(hex_is(buf_cur(&b), "78797A"));
	assert_int_equal(b.max, 3);
	assert_null(a.p);
	assert_int_equal(a.len, 0);
	buf_move(&b, &b);
	assert_int_equal(b.len, 3);
	/* what does not fit the new ceiling is refused, and so is what had failed before */
	buf_put(&a, "wxyz", 4);
	buf_move(&b, &a);
	assert_true(buf_failed(&b));
	assert_int_equal(b.len, 0);
	assert_null(a.p);
	buf_reset(&b);
	a.failed = true;
	buf_move(&b, &a);
	assert_true(buf_failed(&b));
}

static void
test_extend_is_written(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t *place = buf_extend(&b, 3);

	(void)state;
	assert_non_null(place);
	memset(place, 0xAA, 3);
	assert_int_equal(b.len, 3);
	assert_non_null(buf_extend(&b, 0));
	assert_true(hex_is(buf_cur(&b), "AAAAAA"));
}

static void
test_no_memory(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1;; n++) {
		AUTO_BUF struct buf b = BUF_INIT;

		fault_arm(n);
		for (int i = 0; i < 300; i++)
			buf_u8(&b, 0x55);
		if (!fault_fired())
			break;
		assert_true(buf_failed(&b));
		assert_true(b.len < 300);
	}
	assert_true(n > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),		  cmocka_unit_test(test_growth_keeps_content),
		cmocka_unit_test(test_ceiling),		  cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_truncate_wipes),	  cmocka_unit_test(test_move),
		cmocka_unit_test(test_extend_is_written), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("/base/buf", tests, NULL, NULL);
}
