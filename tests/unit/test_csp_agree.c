/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets out of the card: agreed ones, and decrypted ones of which nobody must learn whether they are. */
#include <openssl/ec.h>
#include <string.h>

#include "base/auto.h"
#include "csp/card.h"
#include "csp/padding.h"
#include "lib/fakecard.h"
#include "unit/keys_fixture.h"

static struct fake_csp f;

static int
setup(void **state)
{
	*state = NULL;
	fake_csp_open(&f, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(f.fake.agreements, 0);
	fake_csp_close(&f);
	return 0;
}

/* The point with the smallest x coordinate. */
static struct public_key
small_point(const char *curve, unsigned bits)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(curve));
	EC_POINT *point = EC_POINT_new(group);
	uint8_t bytes[LIMIT_EC_POINT];
	struct public_key key;
	BIGNUM *x = BN_new();
	size_t len;

	do {
		assert_int_equal(BN_add_word(x, 1), 1);
	} while (EC_POINT_set_compressed_coordinates(group, point, x, 0, NULL) != 1);
	len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof bytes, NULL);
	assert_true(pubkey_set_ec(&key, bytes, len));
	assert_int_equal(key.bits, bits);
	BN_free(x);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return key;
}

/* Three containers that agree, one that signs, one RSA key. Logged in. */
static void
open_keys(void)
{
	fake_container(&f.fake, 0, "p256", 1, 0, 256);
	fake_container(&f.fake, 1, "p384", 1, 0, 384);
	fake_container(&f.fake, 2, "p521", 1, 0, 521);
	fake_container(&f.fake, 3, "signs", 1, 256, 0);
	fake_container(&f.fake, 4, "rsa", 1, 0, 1024);
	fake_lock(&f);
	assert_int_equal(csp_refresh(f.card, NULL), SCARD_S_SUCCESS);
	assert_int_equal(csp_key_count(f.card), 5);
	assert_int_equal(csp_login(f.card, CSP_ROLE_USER, (const uint8_t *)"1234", 4, NULL), SCARD_S_SUCCESS);
	(void)fake_calls(&f.fake);
}

static uint32_t
id_at(size_t index)
{
	return csp_key_at(f.card, index)->id;
}

/* P-139: all bytes of the field element are there, whatever the card leaves out. */
static void
test_agree(void **state)
{
	static const struct {
		const char *curve;
		unsigned bits;
	} curves[] = { { "P-256", 256 }, { "P-384", 384 }, { "P-521", 521 } };
	AUTO_SECRET struct secret z = SECRET_INIT;
	struct public_key peer;

	(void)state;
	open_keys();
	assert_true(csp_card_agrees(f.card));
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++) {
		peer = small_point(curves[i].curve, curves[i].bits);
		assert_true(csp_key_at(f.card, i)->can_derive);
		assert_int_equal(csp_agree(f.card, id_at(i), &peer, &z), SCARD_S_SUCCESS);
		assert_int_equal(z.len, pubkey_ec_bytes(curves[i].bits));
		assert_memory_equal(z.p, peer.point + 1, z.len);
		assert_int_equal(z.p[0], 0);
	}
	assert_non_null(strstr(fake_calls(&f.fake), "agree0 derive7 destroy7 "));
	fake_unlock(&f);
}

/* P-138: none of these gets to the card. */
static void
test_agree_refused(void **state)
{
	AUTO_SECRET struct secret z = SECRET_INIT;
	struct public_key peer = small_point("P-256", 256), other = small_point("P-384", 384), off = peer;

	(void)state;
	open_keys();
	off.point[64] ^= 1;
	assert_int_equal(csp_agree(f.card, id_at(0), &off, &z), SCARD_E_INVALID_VALUE);
	memset(off.point + 1, 0, 64);
	assert_int_equal(csp_agree(f.card, id_at(0), &off, &z), SCARD_E_INVALID_VALUE);
	memset(off.point + 1, 0xFF, 64);
	assert_int_equal(csp_agree(f.card, id_at(0), &off, &z), SCARD_E_INVALID_VALUE);
	assert_int_equal(csp_agree(f.card, id_at(0), &other, &z), SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_agree(f.card, id_at(3), &peer, &z), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_agree(f.card, id_at(4), &peer, &z), SCARD_E_UNSUPPORTED_FEATURE);
	assert_int_equal(csp_agree(f.card, 0, &peer, &z), SCARD_E_NO_KEY_CONTAINER);
	assert_string_equal(fake_calls(&f.fake), "");
	/* a secret that cannot be one */
	f.fake.secret_len = 33;
	assert_int_equal(csp_agree(f.card, id_at(0), &peer, &z), SCARD_E_UNEXPECTED);
	assert_null(z.p);
	fake_unlock(&f);
}

/* A card without the mechanism has no key that derives, and says so without an exchange. */
static void
test_card_without_agreement(void **state)
{
	(void)state;
	f.fake.cannot_agree = true;
	open_keys();
	assert_false(csp_card_agrees(f.card));
	for (size_t i = 0; i < csp_key_count(f.card); i++)
		assert_false(csp_key_at(f.card, i)->can_derive);
	assert_string_equal(fake_calls(&f.fake), "");
	fake_unlock(&f);
}

/* The fake card's message is the ciphertext without its first byte; FF in front is bad padding. */
static void
test_decrypt_exactly(void **state)
{
	AUTO_SECRET struct secret plain = SECRET_INIT, again = SECRET_INIT;
	uint8_t cipher[128];

	(void)state;
	for (size_t i = 0; i < sizeof cipher; i++)
		cipher[i] = (uint8_t)i;
	open_keys();
	assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 127, &plain), SCARD_S_SUCCESS);
	assert_int_equal(plain.len, 127);
	assert_memory_equal(plain.p, cipher + 1, 127);
	for (int bad = 0; bad < 2; bad++) {
		cipher[0] = bad == 0 ? 0 : 0xFF; /* another length; no message at all */
		assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 48, &plain),
				 SCARD_S_SUCCESS);
		assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 48, &again),
				 SCARD_S_SUCCESS);
		assert_int_equal(plain.len, 48);
		assert_true(secret_equal(&plain, &again));
		assert_memory_not_equal(plain.p, cipher + 1, 48);
		cipher[5] ^= 1;
		assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 48, &again),
				 SCARD_S_SUCCESS);
		assert_false(secret_equal(&plain, &again));
	}
	assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 0, &plain),
			 SCARD_E_INVALID_PARAMETER);
	assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 129, &plain),
			 SCARD_E_INVALID_PARAMETER);
	f.fake.fail_sign = SCARD_E_COMM_DATA_LOST;
	assert_int_equal(csp_decrypt_exactly(f.card, id_at(4), cur_of(cipher, 128), 48, &plain),
			 SCARD_E_COMM_DATA_LOST);
	fake_unlock(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_agree),
		TEST(test_agree_refused),
		TEST(test_card_without_agreement),
		TEST(test_decrypt_exactly),
	};

	return cmocka_run_group_tests_name("/csp/agree", tests, NULL, NULL);
}
