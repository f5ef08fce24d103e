/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a virtual reader: what is typed where, and every byte of the structures that it refuses. */
#include "vcard/keypad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "lib/hex.h"
#include "lib/test.h"

/* PIN_VERIFY and PIN_MODIFY for blocks of eight bytes FF, and for commands without blocks. */
/* clang-format off */
#define VERIFY_BLOCK "1E1E" "82" "08" "00" "0804" "02" "01" "0904" "00" "000000" "0D000000" "0020008008FFFFFFFFFFFFFFFF"
#define VERIFY_PLAIN "1E1E" "82" "00" "00" "0804" "02" "01" "0904" "00" "000000" "05000000" "0020008000"
#define MODIFY_BLOCK \
	"1E1E" "82" "08" "00" "0008" "0804" "03" "02" "03" "0904" "000102" "000000" "15000000" \
	"0024008010FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
#define MODIFY_PLAIN \
	"1E1E" "82" "00" "00" "0000" "0804" "03" "02" "03" "0904" "000102" "000000" "05000000" "0024008000"
/* the new PIN alone, with and without being asked for twice */
#define MODIFY_NEW \
	"1E1E" "82" "00" "00" "0000" "0804" "01" "02" "02" "0904" "010200" "000000" "05000000" "002C028000"
#define MODIFY_ONCE \
	"1E1E" "82" "00" "00" "0000" "0804" "00" "02" "01" "0904" "010000" "000000" "05000000" "002C028000"
/* clang-format on */

struct typed {
	struct buf command;
	struct buf answer;
	struct buf rest;
	const char *why;
	enum keypad_result result;
};

/* From a block of exactly the structure's size. */
static void
enter_bytes(const char *text, bool verify, struct cursor structure, struct typed *ret_typed)
{
	struct typed t = { .why = NULL };
	uint8_t *heap = hex_heap(structure);
	struct keypad k;

	assert_true(keypad_parse(cur_of(text, strlen(text)), &k));
	t.result = keypad_control(&k, verify ? KEYPAD_VERIFY : KEYPAD_MODIFY, cur_of(heap, structure.left), &t.answer,
				  &t.command, &t.why);
	keypad_put_text(&k, &t.rest);
	free(heap);
	*ret_typed = t;
}

static void
clear(struct typed *t)
{
	buf_free(&t->command);
	buf_free(&t->answer);
	buf_free(&t->rest);
}

/* A command, or an answer of the reader's. */
static void
enter_at(const char *text, bool verify, const char *structure, const char *command, const char *answer, int line)
{
	AUTO_BUF struct buf bytes = BUF_INIT;
	struct typed t;
	bool good;

	assert_true(hex_put(&bytes, structure));
	enter_bytes(text, verify, buf_cur(&bytes), &t);
	good = command != NULL ? t.result == KEYPAD_COMMAND && hex_is(buf_cur(&t.command), command)
			       : t.result == KEYPAD_ANSWER && hex_is(buf_cur(&t.answer), answer) && t.command.len == 0;
	if (!good) {
		(void)fprintf(stderr, "result %d, %s\n", (int)t.result, t.why != NULL ? t.why : "");
		_fail(__FILE__, line);
	}
	clear(&t);
}

#define typed(text, verify, structure, command) enter_at(text, verify, structure, command, NULL, __LINE__)
#define answered(text, verify, structure, sw) enter_at(text, verify, structure, NULL, sw, __LINE__)

static void
test_verify(void **state)
{
	(void)state;
	typed("123456", true, VERIFY_BLOCK, "0020008008313233343536FFFF");
	typed("12345678", true, VERIFY_BLOCK, "00200080083132333435363738");
	typed("123456", true, VERIFY_PLAIN, "0020008006313233343536");
	/* the command ends with its header: the length is the reader's as well */
	typed("1234", true, "1E1E820000080402010904000000000400000000200080", "002000800431323334");
	/* a block of six behind two bytes */
	typed("1234", true,
	      "1E1E92060006040201090400000000"
	      "0D000000"
	      "0020008008AABBFFFFFFFFFFFF",
	      "0020008008AABB31323334FFFF");
}

static void
test_modify(void **state)
{
	(void)state;
	typed("123456 87654321 87654321", false, MODIFY_BLOCK, "0024008010313233343536FFFF3837363534333231");
	typed("123456 87654321", false, MODIFY_PLAIN, "002400800E3132333435363837363534333231");
	typed("87654321", false, MODIFY_NEW, "002C0280083837363534333231");
	typed("1111 2222", false, MODIFY_ONCE, "002C02800431313131");
	answered("123456 87654321 87654322", false, MODIFY_BLOCK, "6402");
	answered("1111 1112", false, MODIFY_NEW, "6402");
}

static void
test_what_people_do(void **state)
{
	(void)state;
	answered("", true, VERIFY_PLAIN, "6400");
	answered("timeout", true, VERIFY_PLAIN, "6400");
	answered("cancel", true, VERIFY_PLAIN, "6401");
	answered("123", true, VERIFY_PLAIN, "6403");
	answered("123456789", true, VERIFY_PLAIN, "6403");
	answered("123456 cancel", false, MODIFY_PLAIN, "6401");
	answered("123456 1234 timeout", false, MODIFY_PLAIN, "6400");
	answered("123456 123 123", false, MODIFY_PLAIN, "6403");
	/* the entry ends by itself with the fourth key */
	typed("123456", true, "1E1E82000004040301090400000000050000000020008000", "002000800431323334");
}

static void
rest_is(const char *text, bool verify, const char *structure, const char *rest)
{
	AUTO_BUF struct buf bytes = BUF_INIT;
	struct typed t;

	assert_true(hex_put(&bytes, structure));
	enter_bytes(text, verify, buf_cur(&bytes), &t);
	buf_u8(&t.rest, 0);
	assert_string_equal((const char *)t.rest.p, rest);
	clear(&t);
}

/* Each prompt takes a word, but the last word stays. */
static void
test_what_is_left(void **state)
{
	(void)state;
	rest_is("1111,2222\n3333", true, VERIFY_PLAIN, "min=4 max=12 2222 3333\n");
	rest_is("3333", true, VERIFY_PLAIN, "min=4 max=12 3333\n");
	rest_is("min=5 max=8 11111 22222 22222 cancel", false,
		"1E1E82000000000805030203090400010200000005000000"
		"0024008000",
		"min=5 max=8 cancel\n");
	/* who gives up at the second prompt is not asked a third time */
	rest_is("1111 cancel 2222 3333", false, MODIFY_PLAIN, "min=4 max=12 2222 3333\n");
	rest_is("verify-only blind cancel 1111", true, "1E1E82000008040200090400000000050000000020008000",
		"verify-only blind min=4 max=12 1111\n");
	/* a structure that is refused costs nothing */
	rest_is("1111 2222", true, "1E1E81000008040201090400000000050000000020008000", "min=4 max=12 1111 2222\n");
}

/* Each of these bytes matters: with another value, or with one byte more or less, nothing is typed. */
static void
spoil(const char *good, bool verify, const uint8_t *free_bytes, size_t free_count)
{
	AUTO_BUF struct buf bytes = BUF_INIT;
	struct typed t;
	size_t i, j;

	assert_true(hex_put(&bytes, good));
	for (i = 0; i < bytes.len; i++) {
		bool is_free = false;

		for (j = 0; j < free_count; j++)
			is_free |= free_bytes[j] == i;
		bytes.p[i] ^= 0x40;
		enter_bytes("123456 1111 1111", verify, buf_cur(&bytes), &t);
		bytes.p[i] ^= 0x40;
		if ((t.result == KEYPAD_COMMAND) != is_free)
			fail_msg("byte %zu: result %d", i, (int)t.result);
		assert_true(t.result == KEYPAD_COMMAND || t.why != NULL);
		clear(&t);
	}
	for (i = 0; i < bytes.len; i++) {
		enter_bytes("123456 1111 1111", verify, cur_of(bytes.p, i), &t);
		assert_int_equal(t.result, KEYPAD_BROKEN);
		clear(&t);
	}
	buf_u8(&bytes, 0);
	enter_bytes("123456 1111 1111", verify, buf_cur(&bytes), &t);
	assert_int_equal(t.result, KEYPAD_BROKEN);
	clear(&t);
}

static void
test_every_byte_is_checked(void **state)
{
	/* timeouts, language, class to P2, padding */
	static const uint8_t free_verify[] = { 0, 1, 9, 10, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 31 };
	static const uint8_t free_modify[] = { 0,  1,  12, 13, 24, 25, 26, 27, 29, 30, 31, 32,
					       33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44 };

	(void)state;
	spoil(VERIFY_BLOCK, true, free_verify, sizeof(free_verify));
	spoil(MODIFY_BLOCK, false, free_modify, sizeof(free_modify));
}

static void
test_contradictions(void **state)
{
	(void)state;
	/* lengths the reader does not take, longer than the block, the wrong way round, none */
	answered("min=5 1234", true, VERIFY_PLAIN, "6B80");
	answered("max=7 1234", true, VERIFY_PLAIN, "6B80");
	answered("1234", true, "1E1E820600080402010904000000000B0000000020008006FFFFFFFFFFFF", "6B80");
	answered("1234", true, "1E1E82000004080201090400000000050000000020008000", "6B80");
	/* binary, BCD, right, a position in bits */
	answered("1234", true, "1E1E80000008040201090400000000050000000020008000", "6B80");
	answered("1234", true, "1E1E81000008040201090400000000050000000020008000", "6B80");
	answered("1234", true, "1E1E86000008040201090400000000050000000020008000", "6B80");
	answered("1234", true, "1E1E0A0600060402010904000000000D0000000020008008AABBFFFFFFFFFFFF", "6B80");
	/* no end of the entry */
	answered("1234", true, "1E1E82000008040001090400000000050000000020008000", "6B80");
	answered("1234", true, "1E1E82000008040101090400000000050000000020008000", "6B80");
	/* messages on a reader without display */
	answered("blind 1234", true, VERIFY_PLAIN, "6B80");
	/* data and no block; a block and no data; a block that ends outside */
	answered("1234", true, "1E1E820000080402010904000000000D0000000020008008FFFFFFFFFFFFFFFF", "6B80");
	answered("1234", true, "1E1E82080008040201090400000000050000000020008000", "6B80");
	answered("1234", true,
		 "1E1E8A080008040201090400000000"
		 "0D000000"
		 "0020008008FFFFFFFFFFFFFFFF",
		 "6B80");
	/* new over old; an offset where there are no blocks */
	answered("1234", false,
		 "1E1E820800000408040302030904000102000000150000000024008010FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "6B80");
	answered("1234", false, "1E1E820000000808040302030904000102000000050000000024008000", "6B80");
}

static void
test_texts(void **state)
{
	static const char *const bad[] = { "12x4", "min=0", "min=9 max=8", "max=16", "max=", "1234 min=4", "min=100" };
	struct keypad k;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(keypad_parse(cur_of(bad[i], strlen(bad[i])), &k));
	assert_true(keypad_parse(cur_of("verify-only min=6\n", 18), &k));
	assert_false(k.modifies);
	assert_int_equal(k.min, 6);
	assert_int_equal(k.max, 12);
}

static void
says(const char *text, uint32_t code, const char *answer)
{
	AUTO_BUF struct buf bytes = BUF_INIT, command = BUF_INIT;
	const char *why;
	struct keypad k;

	assert_true(keypad_parse(cur_of(text, strlen(text)), &k));
	assert_int_equal(keypad_control(&k, code, cur_of(NULL, 0), &bytes, &command, &why),
			 answer != NULL ? KEYPAD_ANSWER : KEYPAD_UNKNOWN);
	assert_true(hex_is(buf_cur(&bytes), answer != NULL ? answer : ""));
	assert_int_equal(command.len, 0);
}

static void
test_what_the_reader_says(void **state)
{
	(void)state;
	says("", KEYPAD_FEATURES, "0604423300060704423300070A044233000A120442330012");
	says("", KEYPAD_PROPERTIES, "10020300");
	says("", KEYPAD_TLV_PROPERTIES, "0102100202010303010006010407010C0A0400000100");
	says("verify-only blind", KEYPAD_FEATURES, "0604423300060A044233000A120442330012");
	says("verify-only blind", KEYPAD_PROPERTIES, "00000300");
	says("verify-only", KEYPAD_MODIFY, NULL);
	says("", 0x42330005, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_modify),
		cmocka_unit_test(test_what_people_do),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_every_byte_is_checked),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_what_the_reader_says),
	};

	return cmocka_run_group_tests_name("/vcard/keypad", tests, NULL, NULL);
}
