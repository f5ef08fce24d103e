/* SPDX-License-Identifier: BSD-2-Clause */
/* The rule of output buffers, and text fields. */
#include <string.h>

#include "lib/test.h"
#include "p11/p11.h"

static void
test_size_query(void **state)
{
	CK_ULONG len = 77;
	bool stop = false;

	(void)state;
	assert_int_equal(p11_output(256, NULL, &len, &stop), CKR_OK);
	assert_true(stop);
	assert_int_equal(len, 256);
}

static void
test_too_small(void **state)
{
	CK_ULONG len = 255;
	bool stop = false;
	char out = 0;

	(void)state;
	assert_int_equal(p11_output(256, &out, &len, &stop), CKR_BUFFER_TOO_SMALL);
	assert_true(stop);
	assert_int_equal(len, 256);
}

static void
test_room_enough(void **state)
{
	CK_ULONG len = 256;
	bool stop = true;
	char out = 0;

	(void)state;
	assert_int_equal(p11_output(256, &out, &len, &stop), CKR_OK);
	assert_false(stop);
	assert_int_equal(len, 256);
	len = 1000;
	assert_int_equal(p11_output(256, &out, &len, &stop), CKR_OK);
	assert_false(stop);
	assert_int_equal(len, 1000);
}

static void
test_no_length(void **state)
{
	bool stop = false;
	char out = 0;

	(void)state;
	assert_int_equal(p11_output(1, &out, NULL, &stop), CKR_ARGUMENTS_BAD);
	assert_int_equal(p11_output(1, NULL, NULL, &stop), CKR_ARGUMENTS_BAD);
}

static void
assert_padded(const char *text, const char *expected)
{
	CK_UTF8CHAR field[9];

	field[8] = 'x';
	p11_pad(field, 8, text);
	assert_memory_equal(field, expected, 8);
	assert_int_equal(field[8], 'x');
}

static void
test_padding(void **state)
{
	(void)state;
	assert_padded("", "        ");
	assert_padded("abc", "abc     ");
	assert_padded("12345678", "12345678");
	assert_padded("123456789", "12345678");
}

static void
test_cut_at_a_character(void **state)
{
	(void)state;
	assert_padded("1234567\xC3\xA9", "1234567 ");
	assert_padded("123456\xC3\xA9", "123456\xC3\xA9");
	assert_padded("12345\xE2\x82\xAC"
		      "9",
		      "12345\xE2\x82\xAC");
	assert_padded("123456\xE2\x82\xAC", "123456  ");
	assert_padded("12345\xF0\x9F\x98\x80", "12345   ");
}

static void
test_what_is_no_text(void **state)
{
	(void)state;
	assert_padded("a\nb\x7F", "a?b?    ");
	assert_padded("\xFF\xC0\x80", "???     ");     /* never bytes of UTF-8; overlong */
	assert_padded("\xED\xA0\x80", "???     ");     /* surrogate */
	assert_padded("\xF4\x90\x80\x80", "????    "); /* beyond Unicode */
	assert_padded("\xE0\x9F\xBF", "???     ");     /* overlong */
	assert_padded("a\xC3", "a?      ");	       /* cut short */
	assert_padded("a\xE2\x82", "a??     ");
	assert_padded("\xC3"
		      "a",
		      "?a      ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_query),	cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_room_enough),	cmocka_unit_test(test_no_length),
		cmocka_unit_test(test_padding),		cmocka_unit_test(test_cut_at_a_character),
		cmocka_unit_test(test_what_is_no_text),
	};

	return cmocka_run_group_tests_name("p11 output", tests, NULL, NULL);
}
