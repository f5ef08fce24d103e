/* SPDX-License-Identifier: BSD-2-Clause */
/* BER-TLV read from good, cut and lying bytes, and written. */
#include "iso7816/tlv.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "lib/fault.h"
#include "lib/hex.h"
#include "lib/mutate.h"
#include "lib/test.h"

/* The application's FCI and a public key, as a card answers them. */
#define FCI "61 12 4F 0B A000000397425446590201 73 03 40 01 C0"
#define PUBKEY "7F49 82 0009 81 02 C3A1 82 03 010001"

static bool
next_is(const char *bytes, uint32_t tag, const char *value, size_t left)
{
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t *exact;
	struct cursor c, got;
	uint32_t got_tag;
	bool ok;

	assert_true(hex_put(&b, bytes));
	assert_non_null(exact = hex_heap(buf_cur(&b)));
	c = cur_of(exact, b.len);
	ok = tlv_next(&c, &got_tag, &got) && got_tag == tag && hex_is(got, value) && c.left == left;
	free(exact);
	return ok;
}

static bool
refused(const char *bytes)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct cursor c, before, got = { NULL, 77 };
	uint8_t *exact;
	uint32_t tag = 77;
	bool ok;

	assert_true(hex_put(&b, bytes));
	assert_non_null(exact = hex_heap(buf_cur(&b)));
	before = c = cur_of(exact, b.len);
	ok = !tlv_next(&c, &tag, &got) && tag == 77 && got.left == 77 && c.p == before.p && c.left == before.left;
	free(exact);
	return ok;
}

static void
test_tags(void **state)
{
	(void)state;
	assert_true(next_is("84 01 AA", 0x84, "AA", 0));
	assert_true(next_is("DF20 01 AA", 0xDF20, "AA", 0));
	assert_true(next_is("7F49 00", 0x7F49, "", 0));
	assert_true(next_is("5FC105 01 AA", 0x5FC105, "AA", 0));
	assert_true(next_is("00 00 00", 0x00, "", 1));
	assert_true(refused("5FC1C105 00"));
	assert_true(refused("5FC1C1"));
	assert_true(refused("5F"));
	assert_true(refused("5FC1"));
	assert_true(refused(""));
}

static void
test_lengths(void **state)
{
	(void)state;
	assert_true(next_is("84 02 AABB CC", 0x84, "AABB", 1));
	assert_true(next_is("84 8102 AABB", 0x84, "AABB", 0));
	assert_true(next_is("84 820002 AABB", 0x84, "AABB", 0));
	assert_true(next_is("84 83000002 AABB", 0x84, "AABB", 0));
	assert_true(next_is("84 8400000002 AABB", 0x84, "AABB", 0));
	assert_true(refused("84"));
	assert_true(refused("84 80 AABB 0000"));
	assert_true(refused("84 850000000002 AABB"));
	assert_true(refused("84 FF AABB"));
	assert_true(refused("84 03 AABB"));
	assert_true(refused("84 81"));
	assert_true(refused("84 82 00"));
	assert_true(refused("84 84 FFFFFFFF AABB"));
	assert_true(refused("84 84 7FFFFFFF AABB"));
}

static void
test_get(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct cursor c, fci, aid, more, value;

	(void)state;
	assert_true(hex_put(&b, "61 0C 4F 02 A000 73 06 40 01 C0 41 01 00"));
	c = buf_cur(&b);
	assert_false(tlv_get(&c, 0x62, &fci));
	assert_int_equal(c.left, 14);
	assert_true(tlv_get(&c, 0x61, &fci) && cur_at_end(&c));
	assert_true(tlv_get(&fci, 0x4F, &aid) && hex_is(aid, "A000"));
	assert_true(tlv_get(&fci, 0x73, &more) && cur_at_end(&fci));
	assert_true(tlv_find(more, 0x41, &value) && hex_is(value, "00"));
	assert_true(tlv_find(more, 0x40, &value) && hex_is(value, "C0"));
	assert_false(tlv_find(more, 0x42, &value));
	assert_false(tlv_get(&fci, 0x73, &more));
}

/* The first of two counts; nothing is found behind what is malformed. */
static void
test_find(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT, bad = BUF_INIT;
	struct cursor value;

	(void)state;
	assert_true(hex_put(&b, "81 01 01 82 01 02 81 01 03"));
	assert_true(tlv_find(buf_cur(&b), 0x81, &value) && hex_is(value, "01"));
	assert_true(hex_put(&bad, "81 01 01 82 80 84 01 02"));
	assert_true(tlv_find(buf_cur(&bad), 0x81, &value));
	assert_false(tlv_find(buf_cur(&bad), 0x84, &value));
}

static void
put_sized(struct buf *b, size_t len)
{
	static const uint8_t zeros[70000];

	buf_reset(b);
	tlv_put(b, 0x53, cur_of(zeros, len));
}

static void
test_put(void **state)
{
	static const struct {
		size_t len;
		const char *head;
	} sizes[] = {
		{ 0, "53 00" },	     { 1, "53 01" },	    { 127, "53 7F" },	     { 128, "53 81 80" },
		{ 255, "53 81 FF" }, { 256, "53 82 0100" }, { 65535, "53 82 FFFF" }, { 65536, "53 83 010000" },
	};
	AUTO_BUF struct buf b = BUF_INIT_MAX(70000);
	struct cursor c, head, value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		put_sized(&b, sizes[i].len);
		assert_false(buf_failed(&b));
		c = buf_cur(&b);
		assert_true(cur_take(&c, b.len - sizes[i].len, &head) && hex_is(head, sizes[i].head));
		c = buf_cur(&b);
		assert_true(tlv_get(&c, 0x53, &value) && cur_at_end(&c));
		assert_int_equal(value.left, sizes[i].len);
	}
	buf_reset(&b);
	tlv_put_u8(&b, 0x80, 0x57);
	tlv_put_u8(&b, 0x7F49, 0x01);
	tlv_put_u8(&b, 0x5FC105, 0x02);
	tlv_put_head(&b, 0xDF20, 300);
	tlv_put_head(&b, 0x70, SIZE_MAX);
	assert_true(hex_is(buf_cur(&b), "80 01 57 7F49 01 01 5FC105 01 02 DF20 82 012C 70 84 FFFFFFFF"));
}

static void
test_put_failures(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT_MAX(100);

	(void)state;
	put_sized(&b, 99);
	assert_true(buf_failed(&b));
	put_sized(&b, 98);
	assert_false(buf_failed(&b));
	buf_free(&b);
	fault_arm(1);
	put_sized(&b, 50);
	assert_true(fault_fired());
	assert_true(buf_failed(&b));
}

/* A full walk, as deep as it goes: what it visits lies within the bytes, and it ends. */
static void
walk(struct cursor c, unsigned depth, unsigned *objects)
{
	struct cursor value;
	uint32_t tag;

	while (tlv_next(&c, &tag, &value)) {
		(*objects)++;
		assert_true(*objects < 1000);
		if (depth < LIMIT_TLV_DEPTH)
			walk(value, depth + 1, objects);
	}
}

static void
walk_all(struct cursor bytes, void *context)
{
	unsigned objects = 0;

	(void)context;
	walk(bytes, 0, &objects);
}

static void
does_not_parse(struct cursor bytes, void *context)
{
	struct cursor value;

	walk_all(bytes, context);
	assert_false(tlv_get(&bytes, 0x7F49, &value));
}

static void
test_cut_and_lying(void **state)
{
	AUTO_BUF struct buf fci = BUF_INIT, key = BUF_INIT;

	(void)state;
	assert_true(hex_put(&fci, FCI));
	assert_true(hex_put(&key, PUBKEY));
	mutate_cut(buf_cur(&key), does_not_parse, NULL);
	mutate_cut(buf_cur(&fci), walk_all, NULL);
	mutate_lengths(buf_cur(&key), walk_all, NULL);
	mutate_lengths(buf_cur(&fci), walk_all, NULL);
}

static bool
ecdsa_is(const char *der, const char *signature)
{
	AUTO_BUF struct buf b = BUF_INIT;
	uint8_t got[4] = { 0xEE, 0xEE, 0xEE, 0xEE };

	assert_true(hex_put(&b, der));
	return tlv_ecdsa_signature(buf_cur(&b), sizeof(got), got) ? hex_is(cur_of(got, sizeof(got)), signature)
								  : signature == NULL && got[0] == 0xEE;
}

static void
test_ecdsa_signature(void **state)
{
	(void)state;
	assert_true(ecdsa_is("30 08 02 02 1234 02 02 5678", "1234 5678"));
	assert_true(ecdsa_is("30 09 02 03 00 8234 02 02 5678", "8234 5678"));
	assert_true(ecdsa_is("30 06 02 01 12 02 01 34", "0012 0034"));
	assert_true(ecdsa_is("30 0C 02 04 00001234 02 04 00005678", "1234 5678"));
	assert_true(ecdsa_is("30 09 02 02 1234 02 03 015678", NULL));
	assert_true(ecdsa_is("30 09 02 03 011234 02 02 5678", NULL));
	assert_true(ecdsa_is("30 06 02 02 1234 02 00", NULL));
	assert_true(ecdsa_is("30 04 02 02 1234", NULL));
	assert_true(ecdsa_is("30 0B 02 02 1234 02 02 5678 02 01 00", NULL));
	assert_true(ecdsa_is("30 08 02 02 1234 02 02 5678 00", NULL));
	assert_true(ecdsa_is("31 08 02 02 1234 02 02 5678", NULL));
	assert_true(ecdsa_is("30 08 02 02 1234 04 02 5678", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),	      cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_get),	      cmocka_unit_test(test_find),
		cmocka_unit_test(test_put),	      cmocka_unit_test(test_put_failures),
		cmocka_unit_test(test_cut_and_lying), cmocka_unit_test(test_ecdsa_signature),
	};

	return cmocka_run_group_tests_name("/iso7816/tlv", tests, NULL, NULL);
}
