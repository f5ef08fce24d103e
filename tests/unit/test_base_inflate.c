/* SPDX-License-Identifier: BSD-2-Clause */
/* Decompression of what is damaged, cut, too long or made to explode. */
#include "base/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "lib/hex.h"
#include "lib/mutate.h"
#include "lib/test.h"

#define FORM_BITS(form) ((form) == INFLATE_GZIP ? 15 + 16 : 15)

/* n bytes, not too regular unless they are to be zeros. */
static void
fill(struct buf *b, size_t n, bool zeros)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245u + 12345u;
		buf_u8(b, zeros ? 0 : (uint8_t)(x >> 28));
	}
	assert_false(buf_failed(b));
}

static void
deflated(enum inflate_form form, const struct buf *plain, struct buf *ret_packed)
{
	z_stream z = { 0 };
	uint8_t *out;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, FORM_BITS(form), 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.avail_out = (uInt)deflateBound(&z, plain->len);
	assert_non_null(z.next_out = out = malloc(z.avail_out));
	z.next_in = plain->p;
	z.avail_in = (uInt)plain->len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_put(ret_packed, out, z.total_out);
	assert_false(buf_failed(ret_packed));
	assert_int_equal(deflateEnd(&z), Z_OK);
	free(out);
}

static void
round_trip(enum inflate_form form, size_t n)
{
	AUTO_BUF struct buf plain = BUF_INIT, packed = BUF_INIT, out = BUF_INIT;
	struct cursor view;

	fill(&plain, n, false);
	deflated(form, &plain, &packed);
	view = buf_cur(&packed);
	assert_true(inflate_stream(form, view, n, LIMIT_CERTIFICATE, &out));
	assert_int_equal(out.len, n);
	assert_true(n == 0 || memcmp(out.p, plain.p, n) == 0);
	assert_true(inflate_stream(form, view, 0, LIMIT_CERTIFICATE, &out));
	assert_false(inflate_stream(form, view, n + 1, LIMIT_CERTIFICATE, &out));
	assert_int_equal(out.len, 0);
	assert_true(n < 2 || !inflate_stream(form, view, n - 1, LIMIT_CERTIFICATE, &out));
	/* the limit is inclusive */
	assert_true(n == 0 || inflate_stream(form, view, 0, n, &out));
	assert_true(n < 2 || !inflate_stream(form, view, 0, n - 1, &out));
	/* the other form is not taken for this one */
	assert_false(
		inflate_stream(form == INFLATE_GZIP ? INFLATE_ZLIB : INFLATE_GZIP, view, 0, LIMIT_CERTIFICATE, &out));
}

static void
test_round_trips(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 761, 2047, 2048, 2049, 4096, 65535 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		round_trip(INFLATE_ZLIB, sizes[i]);
		round_trip(INFLATE_GZIP, sizes[i]);
	}
}

static void
refuses(struct cursor bytes, void *context)
{
	const enum inflate_form *form = context;
	AUTO_BUF struct buf out = BUF_INIT;

	assert_false(inflate_stream(*form, bytes, 0, LIMIT_CERTIFICATE, &out));
	assert_int_equal(out.len, 0);
	assert_false(buf_failed(&out));
}

static void
test_cut_and_trailing(void **state)
{
	AUTO_BUF struct buf plain = BUF_INIT, zlib = BUF_INIT, gzip = BUF_INIT;
	enum inflate_form form = INFLATE_ZLIB;

	(void)state;
	fill(&plain, 700, false);
	deflated(INFLATE_ZLIB, &plain, &zlib);
	deflated(INFLATE_GZIP, &plain, &gzip);
	mutate_cut(buf_cur(&zlib), refuses, &form);
	buf_u8(&zlib, 0);
	refuses(buf_cur(&zlib), &form);
	form = INFLATE_GZIP;
	mutate_cut(buf_cur(&gzip), refuses, &form);
	/* a second member is trailing bytes too */
	deflated(INFLATE_GZIP, &plain, &gzip);
	refuses(buf_cur(&gzip), &form);
}

static void
survives(struct cursor bytes, void *context)
{
	AUTO_BUF struct buf out = BUF_INIT;

	(void)context;
	(void)inflate_stream(INFLATE_ZLIB, bytes, 0, LIMIT_CERTIFICATE, &out);
	assert_true(out.len <= LIMIT_CERTIFICATE);
}

static void
test_damage(void **state)
{
	AUTO_BUF struct buf plain = BUF_INIT, packed = BUF_INIT;
	enum inflate_form form = INFLATE_ZLIB;

	(void)state;
	fill(&plain, 300, false);
	deflated(INFLATE_ZLIB, &plain, &packed);
	mutate_lengths(buf_cur(&packed), survives, NULL);
	packed.p[packed.len - 1] ^= 1;
	refuses(buf_cur(&packed), &form);
}

static void
test_bomb(void **state)
{
	AUTO_BUF struct buf plain = BUF_INIT_MAX(64 << 20), packed = BUF_INIT, out = BUF_INIT;

	(void)state;
	buf_zeros(&plain, 32 << 20);
	deflated(INFLATE_ZLIB, &plain, &packed);
	assert_true(packed.len < LIMIT_CERTIFICATE);
	assert_false(inflate_stream(INFLATE_ZLIB, buf_cur(&packed), 0, LIMIT_CERTIFICATE, &out));
	assert_int_equal(out.len, 0);
}

static void
test_limits_of_the_caller(void **state)
{
	AUTO_BUF struct buf plain = BUF_INIT, packed = BUF_INIT, small = BUF_INIT_MAX(10);

	(void)state;
	fill(&plain, 100, false);
	deflated(INFLATE_ZLIB, &plain, &packed);
	assert_false(inflate_stream(INFLATE_ZLIB, buf_cur(&packed), 0, 0, &small));
	assert_false(inflate_stream(INFLATE_ZLIB, buf_cur(&packed), 101, 100, &small));
	assert_false(inflate_stream(INFLATE_ZLIB, cur_of(NULL, 0), 0, 100, &small));
	/* and the buffer's own ceiling */
	assert_false(inflate_stream(INFLATE_ZLIB, buf_cur(&packed), 100, 100, &small));
	assert_int_equal(small.len, 0);
	assert_false(buf_failed(&small));
}

/* What we compress comes back; what does not fit is not half there. */
static void
test_deflate(void **state)
{
	static const size_t sizes[] = { 0, 1, 700, 65535 };
	AUTO_BUF struct buf small = BUF_INIT_MAX(10);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_BUF struct buf plain = BUF_INIT, packed = BUF_INIT_MAX(1 << 20), out = BUF_INIT;

		fill(&plain, sizes[i], false);
		assert_true(deflate_stream(buf_cur(&plain), &packed));
		assert_true(sizes[i] < 700 || packed.len < sizes[i]);
		if (sizes[i] == 0)
			continue;
		assert_true(inflate_stream(INFLATE_ZLIB, buf_cur(&packed), sizes[i], 65536, &out));
		assert_memory_equal(out.p, plain.p, sizes[i]);
		assert_false(deflate_stream(buf_cur(&plain), &small) && sizes[i] > 10);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_cut_and_trailing),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_limits_of_the_caller),
		cmocka_unit_test(test_deflate),
	};

	return cmocka_run_group_tests_name("/base/inflate", tests, NULL, NULL);
}
