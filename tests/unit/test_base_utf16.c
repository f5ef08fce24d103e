/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of containers: UTF-16LE to UTF-8 and back, with what a card or a user can do wrong. */
#include "base/utf16.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "lib/test.h"

static void
shows(const char *units, const char *expected)
{
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t *exact;
	char text[100];

	assert_true(hex_put(&b, units));
	exact = hex_heap(buf_cur(&b));
	assert_non_null(exact);
	assert_int_equal(utf16le_to_utf8(cur_of(exact, b.len), text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
	free(exact);
}

static void
test_to_utf8(void **state)
{
	(void)state;
	shows("", "");
	shows("4100 4200", "AB");
	shows("4100 0000 4200", "A");
	shows("4100 42", "A");
	shows("E400 AC20", "\u00E4\u20AC");
	shows("3DD8 00DE", "\U0001F600");
	shows("FFDB FFDF", "\U0010FFFF");
	shows("FFFF", "\uFFFF");
}

static void
test_to_utf8_damaged(void **state)
{
	(void)state;
	shows("3DD8", "\uFFFD");
	shows("3DD8 4100", "\uFFFDA");
	shows("3DD8 0000", "\uFFFD");
	shows("3DD8 3DD8 00DE", "\uFFFD\U0001F600");
	shows("00DE 4100", "\uFFFDA");
	shows("0A00 1B00 7F00 8500", "\uFFFD\uFFFD\uFFFD\uFFFD");
}

/* Every room, each in a block of that size: the text is cut at a character and always ends. */
static void
test_to_utf8_short_room(void **state)
{
	static const uint8_t units[] = { 0xE4, 0x00, 0x3D, 0xD8, 0x00, 0xDE, 0x41, 0x00 };
	static const size_t expected[] = { 0, 0, 0, 2, 2, 2, 2, 6, 7, 7 };

	(void)state;
	for (size_t room = 0; room < ARRAY_SIZE(expected); room++) {
		char *text = malloc(room > 0 ? room : 1);

		assert_non_null(text);
		assert_int_equal(utf16le_to_utf8(cur_of(units, sizeof(units)), text, room), expected[room]);
		assert_true(room == 0 || text[expected[room]] == '\0');
		free(text);
	}
}

static void
test_to_utf16(void **state)
{
	uint16_t units[4];
	size_t count = 99;

	(void)state;
	assert_true(utf8_to_utf16("", units, 0, &count));
	assert_int_equal(count, 0);
	assert_true(utf8_to_utf16("A\u20AC\U0001F600", units, 4, &count));
	assert_int_equal(count, 4);
	assert_int_equal(units[0], 'A');
	assert_int_equal(units[1], 0x20AC);
	assert_int_equal(units[2], 0xD83D);
	assert_int_equal(units[3], 0xDE00);
	count = 99;
	assert_false(utf8_to_utf16("A\u20AC\U0001F600", units, 3, &count));
	assert_false(utf8_to_utf16("ABCDE", units, 4, &count));
	assert_int_equal(count, 99);
}

static void
test_to_utf16_malformed(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xBF",
		"\xC3",
		"\xC3(",
		"\xE2\x82",
		"\xE2\x28\xA1",
		"\xC0\x80",
		"\xC1\xBF",
		"\xE0\x80\x80",
		"\xE0\x9F\xBF",
		"\xF0\x80\x80\x80",
		"\xF0\x8F\xBF\xBF",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xF8\x88\x80\x80",
		"\xFF",
		"ok\xC3",
	};
	uint16_t units[16];
	size_t count = 99;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(utf8_to_utf16(bad[i], units, 16, &count));
	assert_int_equal(count, 99);
}

/* Every character there is, forth and back. */
static void
test_round_trip(void **state)
{
	uint16_t units[2];
	uint8_t bytes[4];
	char text[8];
	size_t count, len;

	(void)state;
	for (uint32_t c = 0xA0; c <= 0x10FFFF; c += c < 0x1000 ? 1 : 13) {
		if (c >= 0xD800 && c < 0xE000)
			continue;
		count = c < 0x10000 ? 1 : 2;
		units[0] = (uint16_t)(count == 1 ? c : 0xD800 + ((c - 0x10000) >> 10));
		units[1] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
		for (size_t i = 0; i < count; i++) {
			bytes[2 * i] = (uint8_t)units[i];
			bytes[2 * i + 1] = (uint8_t)(units[i] >> 8);
		}
		len = utf16le_to_utf8(cur_of(bytes, 2 * count), text, sizeof(text));
		assert_true(len >= 2 && len <= 4);
		units[0] = units[1] = 0;
		assert_true(utf8_to_utf16(text, units, 2, &len));
		assert_int_equal(len, count);
		assert_int_equal((uint8_t)units[0], bytes[0]);
		assert_int_equal((uint8_t)(units[0] >> 8), bytes[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_utf8),
		cmocka_unit_test(test_to_utf8_damaged),
		cmocka_unit_test(test_to_utf8_short_room),
		cmocka_unit_test(test_to_utf16),
		cmocka_unit_test(test_to_utf16_malformed),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("/base/utf16", tests, NULL, NULL);
}
