/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests and random numbers through the built module: no login, no exchange with the card. */
#include "module/ops.h"

static CK_RV
digest_init(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };

	return mt->C_DigestInit(s, &mechanism);
}

/* P-145; the unit test has the standard's examples. */
static void
test_digests(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	unsigned long before = mt_exchanges(MT_READER);
	CK_BYTE expected[64], value[64];
	CK_ULONG len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++) {
		const struct ops_hash *h = &ops_hashes[i];

		assert_int_equal(EVP_Digest(ops_message, 400, expected, NULL, EVP_get_digestbyname(h->name), NULL), 1);
		assert_rv(digest_init(s, h->digest), CKR_OK);
		len = h->len;
		assert_rv(mt->C_Digest(s, ops_message, 400, value, &len), CKR_OK);
		assert_int_equal(len, h->len);
		assert_memory_equal(value, expected, len);

		assert_rv(digest_init(s, h->digest), CKR_OK);
		for (CK_ULONG at = 0; at < 400; at += 100)
			assert_rv(mt->C_DigestUpdate(s, ops_message + at, 100), CKR_OK);
		len = 0;
		assert_rv(mt->C_DigestFinal(s, NULL, &len), CKR_OK);
		assert_int_equal(len, h->len);
		len = h->len - 1;
		assert_rv(mt->C_DigestFinal(s, value, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, h->len);
		assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
		assert_memory_equal(value, expected, len);
	}
	assert_int_equal(mt_exchanges(MT_READER), before);
}

static void
test_nothing_to_digest(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	CK_BYTE expected[32], value[32];
	CK_ULONG len = sizeof value;

	(void)state;
	assert_int_equal(EVP_Digest("", 0, expected, NULL, EVP_sha256(), NULL), 1);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
	assert_memory_equal(value, expected, 32);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, NULL, 0), CKR_OK);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
	assert_memory_equal(value, expected, 32);
}

/* P-121, P-122 */
static void
test_codes(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	CK_MECHANISM bad = { CKM_SHA256, ops_message, 1 };
	CK_BYTE value[64];
	CK_ULONG len = sizeof value;

	(void)state;
	assert_rv(digest_init(s, CKM_MD5), CKR_MECHANISM_INVALID);
	assert_rv(digest_init(s, CKM_SHA256_RSA_PKCS), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_DigestInit(s, &bad), CKR_MECHANISM_PARAM_INVALID);
	assert_rv(mt->C_Digest(s, ops_message, 1, value, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_Digest(s, ops_message, 1, value, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Digest(s, ops_message, 1, value, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, ops_message, 1), CKR_OK);
	assert_rv(mt->C_Digest(s, ops_message, 1, value, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_Digest(s, ops_message, 1, NULL, &len), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, ops_message, 1), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_DigestInit(s, NULL), CKR_OK); /* P-058 */
	assert_rv(mt->C_DigestUpdate(s, NULL, 1), CKR_ARGUMENTS_BAD);
}

/* P-145 */
static void
test_digest_key(void **state)
{
	CK_SESSION_HANDLE s = mt_start_user();
	CK_BYTE value[32];
	CK_ULONG len = sizeof value;

	(void)state;
	assert_rv(mt->C_DigestKey(s, ops_private(s, ALICE_RSA2048)), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestKey(s, ops_private(s, ALICE_RSA2048)), CKR_KEY_INDIGESTIBLE);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestKey(s, ops_public(s, ALICE_P256)), CKR_KEY_INDIGESTIBLE);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestKey(s, 0), CKR_KEY_HANDLE_INVALID);
}

/* P-145: a key in memory can be hashed, and does not get out by it. */
static void
test_digest_secret_key(void **state)
{
	CK_MECHANISM generate = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_BYTE data[23 + 5], value[32], expected[32];
	CK_ULONG key_len = 23, len = sizeof value;
	CK_ATTRIBUTE template = { CKA_VALUE_LEN, &key_len, sizeof key_len };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key;

	(void)state;
	assert_rv(mt->C_GenerateKey(s, &generate, &template, 1, &key), CKR_OK);
	assert_int_equal(mt_get(s, key, CKA_VALUE, data, 23), 23);
	memcpy(data + 23, ops_message, 5);
	assert_int_equal(EVP_Digest(data, sizeof data, expected, NULL, EVP_sha256(), NULL), 1);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestKey(s, key), CKR_OK);
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_STATE_UNSAVEABLE);
	assert_rv(mt->C_DigestUpdate(s, ops_message, 5), CKR_OK);
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_STATE_UNSAVEABLE);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
	assert_memory_equal(value, expected, 32);
}

/* Saved operations -------------------------------------------------------------------------------------------------------- */

#define HEADER_AND_MARK 41u
#define STATE_MAX (64 * 1024 + 100)
static CK_BYTE saved[STATE_MAX];

static CK_ULONG
save(CK_SESSION_HANDLE s)
{
	CK_ULONG len = 0, need;

	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_OK);
	need = len--;
	assert_rv(mt->C_GetOperationState(s, saved, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, need);
	assert_rv(mt->C_GetOperationState(s, saved, &len), CKR_OK);
	assert_int_equal(len, need);
	return len;
}

/* Ends a digest with some more data; it is that of the first data_len bytes of the message. */
static void
ends_as(CK_SESSION_HANDLE s, const struct ops_hash *h, CK_ULONG done, CK_ULONG data_len)
{
	CK_BYTE value[64], expected[64];
	CK_ULONG len = sizeof value;

	assert_int_equal(EVP_Digest(ops_message, data_len, expected, NULL, EVP_get_digestbyname(h->name), NULL), 1);
	assert_rv(mt->C_DigestUpdate(s, ops_message + done, data_len - done), CKR_OK);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
	assert_int_equal(len, h->len);
	assert_memory_equal(value, expected, len);
}

/* A duplicate goes on in another session, several times over, and the first one is not disturbed. */
static void
test_state(void **state)
{
	CK_SESSION_HANDLE s = mt_start(), other = mt_open(0);
	CK_ULONG len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops_hashes); i++) {
		assert_rv(digest_init(s, ops_hashes[i].digest), CKR_OK);
		assert_rv(mt->C_DigestUpdate(s, ops_message, 100), CKR_OK);
		assert_rv(mt->C_DigestUpdate(s, ops_message + 100, 20), CKR_OK);
		len = save(s);
		assert_rv(mt->C_SetOperationState(other, saved, len, 0, 0), CKR_OK);
		ends_as(s, &ops_hashes[i], 120, 130);
		ends_as(other, &ops_hashes[i], 120, 300);
		assert_rv(mt->C_SetOperationState(s, saved, len, 0, 0), CKR_OK);
		ends_as(s, &ops_hashes[i], 120, 121);
	}
	/* before any data, where the one-shot call is still to be had; in the place of another digest */
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	len = save(s);
	assert_rv(digest_init(other, CKM_SHA512), CKR_OK);
	assert_rv(mt->C_SetOperationState(other, saved, len, 0, 0), CKR_OK);
	len = 0;
	assert_rv(mt->C_Digest(other, ops_message, 3, NULL, &len), CKR_OK);
	assert_int_equal(len, 32);
}

static void
test_state_codes(void **state)
{
	CK_MECHANISM sign = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_ULONG len = 0;

	(void)state;
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_GetOperationState(s, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SetOperationState(s, NULL, 0, 0, 0), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SetOperationState(s, saved, 0, 0, 0), CKR_SAVED_STATE_INVALID);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, ops_message, 10), CKR_OK);
	len = save(s);
	assert_rv(mt->C_SetOperationState(s, saved, len, ops_private(s, 0), 0), CKR_KEY_NOT_NEEDED);
	assert_rv(mt->C_SetOperationState(s, saved, len, 0, ops_private(s, 0)), CKR_KEY_NOT_NEEDED);
	for (CK_ULONG i = 0; i < len; i++) {
		saved[i] ^= 1;
		assert_rv(mt->C_SetOperationState(s, saved, len, 0, 0), CKR_SAVED_STATE_INVALID);
		assert_rv(mt->C_SetOperationState(s, saved, i, 0, 0), CKR_SAVED_STATE_INVALID);
		saved[i] ^= 1;
	}
	assert_rv(mt->C_SetOperationState(s, saved, len + 1, 0, 0), CKR_SAVED_STATE_INVALID);
	/* the digest that was there has gone on all the time */
	assert_rv(mt->C_SignInit(s, &sign, ops_private(s, ALICE_RSA1024)), CKR_OK);
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_STATE_UNSAVEABLE);
	assert_rv(mt->C_SignInit(s, NULL, 0), CKR_OK);
	ends_as(s, OPS_SHA256, 10, 20);
	assert_rv(mt->C_SignInit(s, &sign, ops_private(s, ALICE_RSA1024)), CKR_OK);
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_STATE_UNSAVEABLE);
	/* of another life of the module */
	len = HEADER_AND_MARK + 10;
	assert_rv(mt->C_Finalize(NULL), CKR_OK);
	s = mt_start();
	assert_rv(mt->C_SetOperationState(s, saved, len, 0, 0), CKR_SAVED_STATE_INVALID);
}

/* A long message is hashed all the same. */
static void
test_state_too_long(void **state)
{
	static CK_BYTE data[64 * 1024 + 1];
	CK_SESSION_HANDLE s = mt_start();
	CK_BYTE value[32], expected[32];
	CK_ULONG len = sizeof value;

	(void)state;
	assert_int_equal(EVP_Digest(data, sizeof data, expected, NULL, EVP_sha256(), NULL), 1);
	assert_rv(digest_init(s, CKM_SHA256), CKR_OK);
	assert_rv(mt->C_DigestUpdate(s, data, sizeof data - 1), CKR_OK);
	assert_int_equal(save(s), HEADER_AND_MARK + sizeof data - 1);
	assert_rv(mt->C_DigestUpdate(s, data, 1), CKR_OK);
	assert_rv(mt->C_GetOperationState(s, NULL, &len), CKR_STATE_UNSAVEABLE);
	assert_rv(mt->C_DigestFinal(s, value, &len), CKR_OK);
	assert_memory_equal(value, expected, 32);
}

/* P-146 */
static void
test_random(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	unsigned long before = mt_exchanges(MT_READER);
	CK_BYTE a[48] = { 0 }, b[48] = { 0 };

	(void)state;
	assert_rv(mt->C_GenerateRandom(s, a, sizeof a), CKR_OK);
	assert_rv(mt->C_GenerateRandom(s, b, sizeof b), CKR_OK);
	assert_memory_not_equal(a, b, sizeof a);
	assert_rv(mt->C_GenerateRandom(s, NULL, 0), CKR_OK);
	assert_rv(mt->C_GenerateRandom(s, a, 0), CKR_OK);
	assert_rv(mt->C_GenerateRandom(s, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_SeedRandom(s, a, sizeof a), CKR_RANDOM_SEED_NOT_SUPPORTED);
	assert_rv(mt->C_SeedRandom(s, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_GenerateRandom(0, a, 1), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_digests),	TEST(test_nothing_to_digest), TEST(test_codes),
		TEST(test_digest_key),	TEST(test_digest_secret_key), TEST(test_state),
		TEST(test_state_codes), TEST(test_state_too_long),    TEST(test_state),
		TEST(test_state_codes), TEST(test_state_too_long),    TEST(test_random),
	};

	return cmocka_run_group_tests_name("/module/digest", tests, mt_load, mt_unload);
}
