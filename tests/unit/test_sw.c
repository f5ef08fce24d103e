/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words, all 65,536 of them. */
#include "iso7816/sw.h"

#include "carderr.h"
#include "lib/test.h"

/* clang-format off */
static const struct {
	uint16_t sw;
	DWORD code;
} known[] = {
	{ 0x9000, SCARD_S_SUCCESS },            { 0x6282, SCARD_S_SUCCESS },
	{ 0x6283, SCARD_E_UNEXPECTED },         { 0x6285, SCARD_E_UNEXPECTED },
	{ 0x63C0, SCARD_W_WRONG_CHV },          { 0x63C2, SCARD_W_WRONG_CHV },
	{ 0x63CF, SCARD_W_WRONG_CHV },          { 0x6302, SCARD_W_WRONG_CHV },
	{ 0x6310, SCARD_E_UNEXPECTED },         { 0x6400, SCARD_E_UNEXPECTED },
	{ 0x6581, SCARD_E_UNEXPECTED },         { 0x6700, SCARD_E_INVALID_PARAMETER },
	{ 0x6881, SCARD_E_UNSUPPORTED_FEATURE }, { 0x6882, SCARD_E_UNSUPPORTED_FEATURE },
	{ 0x6883, SCARD_E_UNEXPECTED },         { 0x6884, SCARD_E_UNSUPPORTED_FEATURE },
	{ 0x6981, SCARD_E_FILE_NOT_FOUND },     { 0x6982, SCARD_W_SECURITY_VIOLATION },
	{ 0x6983, SCARD_W_CHV_BLOCKED },        { 0x6984, SCARD_E_INVALID_PARAMETER },
	{ 0x6985, SCARD_E_UNEXPECTED },         { 0x6986, SCARD_E_UNEXPECTED },
	{ 0x6999, SCARD_E_FILE_NOT_FOUND },     { 0x6A80, SCARD_E_INVALID_PARAMETER },
	{ 0x6A81, SCARD_E_UNSUPPORTED_FEATURE }, { 0x6A82, SCARD_E_FILE_NOT_FOUND },
	{ 0x6A84, SCARD_E_WRITE_TOO_MANY },     { 0x6A86, SCARD_E_UNSUPPORTED_FEATURE },
	{ 0x6A88, SCARD_E_FILE_NOT_FOUND },     { 0x6A89, ERROR_FILE_EXISTS },
	{ 0x6D00, SCARD_E_UNSUPPORTED_FEATURE }, { 0x6E00, SCARD_E_UNSUPPORTED_FEATURE },
	{ 0x6F00, SCARD_E_UNEXPECTED },         { 0x0000, SCARD_E_UNEXPECTED },
	{ 0x6100, SCARD_E_UNEXPECTED },         { 0x6C10, SCARD_E_UNEXPECTED },
	{ 0x9001, SCARD_E_UNEXPECTED },         { 0xFFFF, SCARD_E_UNEXPECTED },
};
/* clang-format on */

static void
test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		assert_int_equal(sw_code(known[i].sw, NULL, 0), known[i].code);
}

/* Nothing but 9000 and "end of data" is success, whatever a card says; and every word has a row with a text. */
static void
test_all(void **state)
{
	(void)state;
	for (uint32_t sw = 0; sw <= 0xFFFF; sw++) {
		const struct sw_row *row = sw_find((uint16_t)sw, NULL, 0);

		assert_non_null(row);
		assert_non_null(row->text);
		assert_int_equal(row->code, sw_code((uint16_t)sw, NULL, 0));
		assert_int_equal(row->code == SCARD_S_SUCCESS, sw == 0x9000 || sw == 0x6282);
		assert_int_equal(row->code == SCARD_W_CHV_BLOCKED, sw == 0x6983);
	}
}

static void
test_all_tries(void **state)
{
	unsigned tries, expected;
	bool counts;

	(void)state;
	for (uint32_t sw = 0; sw <= 0xFFFF; sw++) {
		counts = sw == 0x6983 || (sw & 0xFFF0) == 0x63C0 || (sw & 0xFFF0) == 0x6300;
		expected = sw == 0x6983 ? 0 : sw == 0x6300 ? SW_TRIES_UNKNOWN : sw & 0x0F;
		tries = 99;
		assert_int_equal(sw_tries_left((uint16_t)sw, &tries), counts);
		assert_int_equal(tries, counts ? expected : 99);
	}
}

static void
test_card_rows_first(void **state)
{
	static const struct sw_row rows[] = {
		{ 0x6F00, 0xFFFF, SCARD_E_NO_KEY_CONTAINER, "of this card" },
		{ 0x6F00, 0xFF00, SCARD_E_NO_ACCESS, "the rest" },
	};

	(void)state;
	assert_int_equal(sw_code(0x6F00, rows, 2), SCARD_E_NO_KEY_CONTAINER);
	assert_int_equal(sw_code(0x6F01, rows, 2), SCARD_E_NO_ACCESS);
	assert_int_equal(sw_code(0x6F01, rows, 1), SCARD_E_UNEXPECTED);
	assert_int_equal(sw_code(0x9000, rows, 2), SCARD_S_SUCCESS);
	assert_int_equal(sw_code(0x6F00, NULL, 2), SCARD_E_UNEXPECTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_all_tries),
		cmocka_unit_test(test_card_rows_first),
	};

	return cmocka_run_group_tests_name("/iso7816/sw", tests, NULL, NULL);
}
