/* SPDX-License-Identifier: BSD-2-Clause */
/* Which numbers are believed to be public keys. */
#include "base/pubkey.h"

#include <string.h>

#include "lib/test.h"

static const uint8_t e65537[] = { 0x01, 0x00, 0x01 };

/* A number of so many bits: first and last bit set, others not. */
static size_t
number(uint8_t *out, unsigned bits)
{
	size_t len = (bits + 7) / 8;

	memset(out, 0, len);
	out[0] = (uint8_t)(1u << ((bits - 1) % 8));
	out[len - 1] |= 1;
	return len;
}

static bool
takes_modulus(unsigned bits)
{
	struct public_key key;
	uint8_t n[LIMIT_RSA_BYTES + 2];

	return pubkey_set_rsa(&key, n, number(n, bits), e65537, sizeof(e65537)) && key.bits == bits;
}

static bool
takes_exponent(const void *e, size_t e_len)
{
	struct public_key key;
	uint8_t n[256];

	return pubkey_set_rsa(&key, n, number(n, 2048), e, e_len);
}

static void
test_rsa_sizes(void **state)
{
	(void)state;
	assert_true(takes_modulus(1024) && takes_modulus(1025) && takes_modulus(2048) && takes_modulus(2047));
	assert_true(takes_modulus(3072) && takes_modulus(4096));
	assert_false(takes_modulus(1) || takes_modulus(8) || takes_modulus(512) || takes_modulus(1023));
	assert_false(takes_modulus(4097) || takes_modulus(4104));
}

static void
test_rsa_zeros_and_parity(void **state)
{
	uint8_t n[1 + 2 + 256] = { 0 };
	struct public_key key = { .type = KEY_NONE };

	(void)state;
	(void)number(n + 3, 2048);
	assert_true(pubkey_set_rsa(&key, n, sizeof(n), (const uint8_t *)"\0\0\1\0\1", 5));
	assert_int_equal(key.type, KEY_RSA);
	assert_int_equal(key.bits, 2048);
	assert_int_equal(key.modulus_len, 256);
	assert_memory_equal(key.modulus, n + 3, 256);
	assert_int_equal(key.exponent_len, 3);
	assert_int_equal(pubkey_signature_len(&key), 256);
	n[sizeof(n) - 1] = 0x02;
	assert_false(pubkey_set_rsa(&key, n, sizeof(n), e65537, sizeof(e65537)));
	memset(n, 0, sizeof(n));
	assert_false(pubkey_set_rsa(&key, n, sizeof(n), e65537, sizeof(e65537)));
	assert_false(pubkey_set_rsa(&key, NULL, 0, e65537, sizeof(e65537)));
	assert_int_equal(key.bits, 2048);
}

static void
test_rsa_exponents(void **state)
{
	(void)state;
	assert_true(takes_exponent("\3", 1));
	assert_true(takes_exponent("\0\3", 2));
	assert_true(takes_exponent("\1\1", 2));
	assert_true(takes_exponent("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8));
	assert_false(takes_exponent("\1", 1));
	assert_false(takes_exponent("\2", 1));
	assert_false(takes_exponent("\0", 1));
	assert_false(takes_exponent("\1\0", 2));
	assert_false(takes_exponent(NULL, 0));
	assert_false(takes_exponent("\1\0\0\0\0\0\0\0\1", 9));
}

static void
test_ec(void **state)
{
	uint8_t point[200] = { 0x04 };
	struct public_key key = { .type = KEY_NONE };
	bool ok;

	(void)state;
	for (size_t len = 0; len < sizeof(point); len++) {
		ok = pubkey_set_ec(&key, point, len);
		assert_int_equal(ok, len == 65 || len == 97 || len == 133);
		assert_true(!ok || (key.type == KEY_EC && pubkey_signature_len(&key) == len - 1));
	}
	assert_int_equal(key.bits, 521);
	point[0] = 0x02;
	assert_false(pubkey_set_ec(&key, point, 65));
	assert_int_equal(pubkey_ec_bytes(256), 32);
	assert_int_equal(pubkey_ec_bytes(384), 48);
	assert_int_equal(pubkey_ec_bytes(521), 66);
	assert_int_equal(pubkey_ec_bytes(0), 0);
	assert_int_equal(pubkey_ec_bytes(255), 0);
}

static void
test_equal(void **state)
{
	struct public_key a, b, none = { .type = KEY_NONE };
	uint8_t n[256], point[65] = { 0x04 };

	(void)state;
	assert_true(pubkey_set_rsa(&a, n, number(n, 2048), e65537, sizeof(e65537)));
	assert_true(pubkey_set_rsa(&b, n, number(n, 2048), e65537, sizeof(e65537)));
	assert_true(pubkey_equal(&a, &b));
	assert_true(pubkey_set_rsa(&b, n, sizeof(n), (const uint8_t *)"\3", 1));
	assert_false(pubkey_equal(&a, &b));
	n[100] = 1;
	assert_true(pubkey_set_rsa(&b, n, sizeof(n), e65537, sizeof(e65537)));
	assert_false(pubkey_equal(&a, &b));
	assert_true(pubkey_set_ec(&a, point, sizeof(point)));
	assert_false(pubkey_equal(&a, &b));
	assert_true(pubkey_equal(&none, &none));
	assert_int_equal(pubkey_signature_len(&none), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsa_sizes),     cmocka_unit_test(test_rsa_zeros_and_parity),
		cmocka_unit_test(test_rsa_exponents), cmocka_unit_test(test_ec),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests_name("/base/pubkey", tests, NULL, NULL);
}
