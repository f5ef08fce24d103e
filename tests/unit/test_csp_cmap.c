/* SPDX-License-Identifier: BSD-2-Clause */
/* The container map, the freshness counters and the names and forms of certificate files, as bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/auto.h"
#include "csp/card.h"
#include "lib/hex.h"
#include "lib/test.h"

#define RECORD 86u

static void
put_record(struct buf *b, const char *name, uint8_t flags, uint16_t signature_bits, uint16_t exchange_bits)
{
	size_t units = strlen(name);

	assert_true(units <= 40);
	for (size_t i = 0; i < units; i++)
		buf_le16(b, (uint8_t)name[i]);
	buf_zeros(b, 80 - 2 * units);
	buf_u8(b, flags);
	buf_u8(b, 0);
	buf_le16(b, signature_bits);
	buf_le16(b, exchange_bits);
}

/* Decodes from a block of exactly the right size. */
static struct csp_cmap
decode(const struct buf *b)
{
	struct csp_cmap map;
	uint8_t *exact = malloc(b->len == 0 ? 1 : b->len);

	assert_non_null(exact);
	if (b->len > 0)
		memcpy(exact, b->p, b->len);
	memset(&map, 0xA5, sizeof(map));
	csp_cmap_decode(cur_of(exact, b->len), &map);
	free(exact);
	return map;
}

/* position is index, zeroed records are free. */
static void
test_positions(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct csp_cmap map;

	(void)state;
	put_record(&b, "one", 1, 0, 2048);
	buf_zeros(&b, RECORD);
	put_record(&b, "two", 3, 2048, 1024);
	map = decode(&b);
	assert_int_equal(map.count, 2);
	assert_int_equal(map.records, 3);
	assert_false(map.damaged);
	assert_string_equal(map.containers[0].name, "one");
	assert_int_equal(map.containers[0].index, 0);
	assert_int_equal(map.containers[0].exchange_bits, 2048);
	assert_false(map.containers[0].is_default);
	assert_string_equal(map.containers[1].name, "two");
	assert_int_equal(map.containers[1].index, 2);
	assert_int_equal(map.containers[1].signature_bits, 2048);
	assert_int_equal(map.containers[1].exchange_bits, 1024);
	assert_true(map.containers[1].is_default);
}

/* flags 0, 1, 3; one default. */
static void
test_flags(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct csp_cmap map;

	(void)state;
	put_record(&b, "a", 3, 0, 2048);
	put_record(&b, "b", 3, 0, 2048);
	put_record(&b, "c", 2, 0, 2048);
	put_record(&b, "d", 0xF1, 0, 2048);
	map = decode(&b);
	assert_true(map.damaged);
	assert_int_equal(map.count, 3);
	assert_true(map.containers[0].is_default);
	assert_false(map.containers[1].is_default);
	assert_string_equal(map.containers[2].name, "d");
	assert_false(map.containers[2].is_default);
}

/* names have at most 39 units, whatever stands in the fortieth. */
static void
test_names(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct csp_cmap map;

	(void)state;
	put_record(&b, "0123456789012345678901234567890123456789", 1, 0, 2048);
	put_record(&b, "", 1, 0, 2048);
	map = decode(&b);
	assert_string_equal(map.containers[0].name, "012345678901234567890123456789012345678");
	assert_string_equal(map.containers[1].name, "");
	/* 39 characters of three UTF-8 bytes each fill the name */
	for (size_t i = 0; i < 40; i++) {
		b.p[2 * i] = 0xAC;
		b.p[2 * i + 1] = 0x20;
	}
	map = decode(&b);
	assert_int_equal(strlen(map.containers[0].name), CSP_NAME_MAX - 1);
}

static void
test_partial_record(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct csp_cmap map;

	(void)state;
	put_record(&b, "a", 1, 0, 2048);
	put_record(&b, "b", 1, 0, 2048);
	for (size_t len = 0; len <= 2 * RECORD; len++) {
		buf_truncate(&b, 2 * RECORD - len);
		map = decode(&b);
		assert_int_equal(map.count, (2 * RECORD - len) / RECORD);
		assert_int_equal(map.damaged, len % RECORD != 0);
	}
}

static void
test_too_many(void **state)
{
	AUTO_BUF struct buf b = BUF_INIT;
	struct csp_cmap map;

	(void)state;
	for (size_t i = 0; i < LIMIT_CONTAINERS; i++)
		put_record(&b, "x", 1, 0, 2048);
	map = decode(&b);
	assert_int_equal(map.count, LIMIT_CONTAINERS);
	assert_false(map.damaged);
	put_record(&b, "x", 1, 0, 2048);
	map = decode(&b);
	assert_int_equal(map.count, LIMIT_CONTAINERS);
	assert_true(map.damaged);
	buf_zeros(&b, 65535 - b.len);
	map = decode(&b);
	assert_int_equal(map.count, LIMIT_CONTAINERS);
}

static void
test_sizes(void **state)
{
	static const uint16_t none[] = { 0, 1, 254, 257, 383, 512, 520, 528, 1023, 4097, 8192, 65535 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(csp_key_type_of(none[i], false), KEY_NONE);
	/* the slot tells which */
	assert_int_equal(csp_key_type_of(255, false), KEY_ED25519);
	assert_int_equal(csp_key_type_of(255, true), KEY_X25519);
	assert_int_equal(csp_key_type_of(256, false), KEY_EC);
	assert_int_equal(csp_key_type_of(384, false), KEY_EC);
	assert_int_equal(csp_key_type_of(521, false), KEY_EC);
	assert_int_equal(csp_key_type_of(1024, false), KEY_RSA);
	assert_int_equal(csp_key_type_of(4096, false), KEY_RSA);
}

/* version, pins, containers, files; applications may have more behind. */
static void
test_cardcf(void **state)
{
	static const uint8_t cardcf[] = { 9, 0xFE, 0x34, 0x12, 0xFF, 0xFF, 1, 2, 3, 4 };
	struct csp_freshness f = { 0 };

	(void)state;
	assert_true(csp_freshness_decode(cur_of(cardcf, sizeof(cardcf)), &f));
	assert_int_equal(f.pins, 0xFE);
	assert_int_equal(f.containers, 0x1234);
	assert_int_equal(f.files, 0xFFFF);
	for (size_t len = 0; len < 6; len++)
		assert_false(csp_freshness_decode(cur_of(cardcf, len), &f));
	assert_true(csp_freshness_decode(cur_of(cardcf, 6), &f));
}

static void
test_cert_names(void **state)
{
	char name[9];

	(void)state;
	csp_certfile_name(true, 7, false, name);
	assert_string_equal(name, "kxc07");
	csp_certfile_name(false, 0x1d, false, name);
	assert_string_equal(name, "ksc1d");
	csp_certfile_name(false, 29, true, name);
	assert_string_equal(name, "ksc29");
	csp_certfile_name(true, 99, true, name);
	assert_string_equal(name, "kxc99");
}

/* Certificate files ------------------------------------------------------------------------------------------------- */

/* 30 len 04 .. 04 ..: enough of a SEQUENCE for what is tested here. */
static void
put_der(struct buf *b, size_t inside)
{
	buf_u8(b, 0x30);
	if (inside < 0x80) {
		buf_u8(b, (uint8_t)inside);
	} else if (inside < 0x100) {
		buf_u8(b, 0x81);
		buf_u8(b, (uint8_t)inside);
	} else {
		buf_u8(b, 0x82);
		buf_be16(b, (uint16_t)inside);
	}
	for (size_t i = 0; i < inside; i++)
		buf_u8(b, (uint8_t)i);
}

static void
put_compressed(struct buf *b, const struct buf *der, uint16_t method, uint16_t size)
{
	uint8_t stream[70000];
	uLongf len = sizeof(stream);

	assert_int_equal(compress(stream, &len, der->p, der->len), Z_OK);
	buf_le16(b, method);
	buf_le16(b, size);
	buf_put(b, stream, len);
}

static bool
decodes(const struct buf *content, const struct buf *want)
{
	AUTO_BUF struct buf der = BUF_INIT;
	uint8_t *exact = malloc(content->len == 0 ? 1 : content->len);
	bool ok;

	assert_non_null(exact);
	if (content->len > 0)
		memcpy(exact, content->p, content->len);
	ok = csp_certfile_decode(cur_of(exact, content->len), &der);
	free(exact);
	if (!ok)
		return false;
	assert_int_equal(der.len, want->len);
	assert_memory_equal(der.p, want->p, want->len);
	return true;
}

static void
test_cert_forms(void **state)
{
	static const size_t sizes[] = { 5, 0x7F, 0x80, 0xFF, 0x100, 817, 65531 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_BUF struct buf der = BUF_INIT, file = BUF_INIT_MAX(100000);

		put_der(&der, sizes[i]);
		assert_true(decodes(&der, &der));
		put_compressed(&file, &der, 1, (uint16_t)der.len);
		assert_true(decodes(&file, &der));
	}
}

/* A wrong size, a cut or longer stream, another method. */
static void
test_cert_damage(void **state)
{
	AUTO_BUF struct buf der = BUF_INIT, file = BUF_INIT, bad = BUF_INIT;
	static const uint16_t sizes[] = { 0, 1, 3, 4, 65535 };

	(void)state;
	put_der(&der, 300);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		buf_reset(&bad);
		put_compressed(&bad, &der, 1, sizes[i]);
		assert_false(decodes(&bad, &der));
	}
	buf_reset(&bad);
	put_compressed(&bad, &der, 2, (uint16_t)der.len);
	assert_false(decodes(&bad, &der));
	put_compressed(&file, &der, 1, (uint16_t)der.len);
	for (size_t len = 0; len < file.len; len++) {
		buf_reset(&bad);
		buf_put(&bad, file.p, len);
		assert_false(decodes(&bad, &der));
	}
	buf_u8(&file, 0);
	assert_false(decodes(&file, &der));
}

/* Plain DER: complete, and without what the card has behind it. */
static void
test_cert_plain(void **state)
{
	AUTO_BUF struct buf der = BUF_INIT, file = BUF_INIT;
	static const char *const bad[] = { "30", "30 80 00 00", "30 00", "30 83 000001 00", "30 82 01", "31 01 00" };

	(void)state;
	put_der(&der, 300);
	buf_put(&file, der.p, der.len);
	buf_zeros(&file, 100);
	assert_true(decodes(&file, &der));
	for (size_t len = 0; len < der.len; len++) {
		buf_truncate(&file, der.len - 1 - len);
		assert_false(decodes(&file, &der));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		buf_reset(&file);
		assert_true(hex_put(&file, bad[i]));
		assert_false(decodes(&file, &der));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),  cmocka_unit_test(test_flags),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_partial_record),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_cardcf),	   cmocka_unit_test(test_cert_names),
		cmocka_unit_test(test_cert_forms), cmocka_unit_test(test_cert_damage),
		cmocka_unit_test(test_cert_plain),
	};

	return cmocka_run_group_tests_name("csp cmap", tests, NULL, NULL);
}
