/* SPDX-License-Identifier: BSD-2-Clause */
/* What minidriver-tool makes of bytes: texts that can be shown, hex, Base64, PEM, OpenSSH's keys, names of certificates. */
#include "lib/test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mutate.h"
#include "tool/encode.h"
#include "tool/out.h"

#define REPLACED "\xEF\xBF\xBD"

/* Texts --------------------------------------------------------------------------------------------------------------- */

static void
shows(const char *bytes, size_t len, const char *expected)
{
	char *exact = malloc(len > 0 ? len : 1), text[200];

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	out_safe(exact, len, text, sizeof(text));
	assert_string_equal(text, expected);
	free(exact);
}

static void
test_text(void **state)
{
	(void)state;
	shows("", 0, "");
	shows("plain", 5, "plain");
	shows("\u00E4\u20AC\U0001F600", 9, "\u00E4\u20AC\U0001F600");
	/* control characters, those of C1 too */
	shows("a\x1B[2J\nb\x7F", 8, "a" REPLACED "[2J" REPLACED "b" REPLACED);
	shows("\xC2\x9B"
	      "2J",
	      4, REPLACED "2J");
	shows("a\0b", 3, "a" REPLACED "b");
	/* marks that turn the direction, or cannot be seen */
	shows("\u202Egpj.exe", 10, REPLACED "gpj.exe");
	shows("a\u200Bb", 5, "a" REPLACED "b");
}

static void
test_text_not_utf8(void **state)
{
	(void)state;
	shows("\xFF", 1, REPLACED);
	shows("\xC3", 1, REPLACED);
	shows("\xC3z", 2, REPLACED "z");
	shows("\xC0\xAF", 2, REPLACED REPLACED);
	shows("\xE0\x80\xAF", 3, REPLACED REPLACED REPLACED);
	shows("\xED\xA0\x80", 3, REPLACED REPLACED REPLACED);
	shows("\xF5\x80\x80\x80", 4, REPLACED REPLACED REPLACED REPLACED);
}

static void
test_text_is_cut_at_a_character(void **state)
{
	char text[4];

	(void)state;
	out_safe("ab\u20AC", 5, text, sizeof(text));
	assert_string_equal(text, "ab");
	out_safe("abcdef", 6, text, sizeof(text));
	assert_string_equal(text, "abc");
}

/* Hex, Base64, PEM ------------------------------------------------------------------------------------------------------ */

static bool
hex_is(const char *text, const char *bytes, size_t len)
{
	AUTO_SECRET struct secret decoded = SECRET_INIT;

	return decode_hex(cur_of(text, strlen(text)), &decoded) && decoded.len == len &&
	       memcmp(decoded.p, bytes, len) == 0;
}

static void
test_hex(void **state)
{
	AUTO_SECRET struct secret nothing = SECRET_INIT;
	static const char *const wrong[] = { "", "0", "012", "0g", "  ", "01 2", "0 1" };
	char text[16];

	(void)state;
	assert_true(hex_is("00ffA5", "\x00\xFF\xA5", 3));
	assert_true(hex_is("00 ff:A5-01\r", "\x00\xFF\xA5\x01", 4));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(decode_hex(cur_of(wrong[i], strlen(wrong[i])), &nothing));
	assert_true(encode_hex(cur_of("\x01\xAB\xFF", 3), text, 7));
	assert_string_equal(text, "01ABFF");
	assert_false(encode_hex(cur_of("\x01\xAB\xFF", 3), text, 6));
	assert_true(encode_hex_groups(cur_of("\x01\xAB\xFF\x00\x22", 5), text, sizeof(text)));
	assert_string_equal(text, "01AB FF00 22");
}

static void
base64_is(const char *bytes, const char *expected)
{
	AUTO_BUF struct buf text = BUF_INIT;

	encode_base64(&text, cur_of(bytes, strlen(bytes)));
	assert_int_equal(text.len, strlen(expected));
	if (text.len > 0)
		assert_memory_equal(text.p, expected, text.len);
}

/* RFC 4648 10 */
static void
test_base64(void **state)
{
	(void)state;
	base64_is("", "");
	base64_is("f", "Zg==");
	base64_is("fo", "Zm8=");
	base64_is("foo", "Zm9v");
	base64_is("foobar", "Zm9vYmFy");
}

static void
test_pem(void **state)
{
	static const char expected[] = "-----BEGIN X-----\n"
				       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
				       "AA==\n-----END X-----\n";
	AUTO_BUF struct buf text = BUF_INIT;
	static const uint8_t zeros[49];

	(void)state;
	encode_pem(&text, "X", cur_of(zeros, sizeof(zeros)));
	assert_int_equal(text.len, sizeof(expected) - 1);
	assert_memory_equal(text.p, expected, text.len);
}

/* A modulus has its highest bit set, so its number gets a zero in front; the comment is the card's and is made harmless. */
static void
test_ssh(void **state)
{
	static const char expected[] = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCA";
	static const uint8_t exponent[] = { 1, 0, 1 };
	AUTO_BUF struct buf text = BUF_INIT;
	uint8_t modulus[256] = { 0x80 };
	struct public_key key;

	(void)state;
	modulus[255] = 1;
	assert_true(pubkey_set_rsa(&key, modulus, sizeof(modulus), exponent, sizeof(exponent)));
	assert_true(encode_ssh(&text, &key, "a\nssh-rsa b"));
	assert_true(text.len > sizeof(expected));
	assert_memory_equal(text.p, expected, sizeof(expected) - 1);
	assert_ptr_equal(memchr(text.p, '\n', text.len), text.p + text.len - 1);
	key.type = KEY_NONE;
	assert_false(encode_ssh(&text, &key, ""));
}

/* Names ----------------------------------------------------------------------------------------------------------------- */

/* O=Exämple (UTF-8), DC=example (IA5), CN=Ä (BMP) */
static const uint8_t name[] = {
	0x30, 0x3B, 0x31, 0x11, 0x30, 0x0F, 0x06, 0x03, 0x55, 0x04, 0x0A, 0x0C, 0x08, 'E',  'x',  0xC3,
	0xA4, 'm',  'p',  'l',	'e',  0x31, 0x17, 0x30, 0x15, 0x06, 0x0A, 0x09, 0x92, 0x26, 0x89, 0x93,
	0xF2, 0x2C, 0x64, 0x01, 0x19, 0x16, 0x07, 'e',	'x',  'a',  'm',  'p',	'l',  'e',  0x31, 0x0D,
	0x30, 0x0B, 0x06, 0x03, 0x55, 0x04, 0x03, 0x1E, 0x04, 0x00, 0xC4, 0x00, 'x',
};

static void
test_name(void **state)
{
	char text[100], small[8];

	(void)state;
	encode_name(cur_of(name, sizeof(name)), text, sizeof(text));
	assert_string_equal(text, "CN=\u00C4x, DC=example, O=Ex\u00E4mple");
	encode_name(cur_of(name, sizeof(name)), small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	encode_name(cur_of(NULL, 0), text, sizeof(text));
	assert_string_equal(text, "");
}

static void
spoiled(struct cursor bytes, void *context)
{
	char text[100];

	(void)context;
	encode_name(bytes, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text));
}

static void
test_name_spoiled(void **state)
{
	(void)state;
	mutate_cut(cur_of(name, sizeof(name)), spoiled, NULL);
	mutate_lengths(cur_of(name, sizeof(name)), spoiled, NULL);
}

static void
test_integer(void **state)
{
	static const uint8_t number[] = { 0x02, 0x02, 0x00, 0x80 };
	struct cursor value;

	(void)state;
	value = encode_integer(cur_of(number, sizeof(number)));
	assert_true(cur_equals(&value, "\x80", 1));
	value = encode_integer(cur_of(number, 3));
	assert_true(cur_at_end(&value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_not_utf8),
		cmocka_unit_test(test_text_is_cut_at_a_character),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_ssh),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_name_spoiled),
		cmocka_unit_test(test_integer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
