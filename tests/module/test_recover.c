/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures with recovery: the same as others, and back to what was signed. */
#include "module/ops.h"

#define K 128u

static CK_RV
sign_recover(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_BYTE *data, CK_ULONG data_len, CK_BYTE ret_signature[K])
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_ULONG len = K;
	CK_RV rv = mt->C_SignRecoverInit(s, &mechanism, ops_private(s, ALICE_RSA1024));

	if (rv == CKR_OK)
		rv = mt->C_SignRecover(s, data, data_len, ret_signature, &len);
	if (rv == CKR_OK)
		assert_int_equal(len, K);
	return rv;
}

static CK_RV
recover(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_BYTE *signature, CK_ULONG signature_len, CK_BYTE *ret_data,
	CK_ULONG *len)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_RV rv = mt->C_VerifyRecoverInit(s, &mechanism, ops_public(s, ALICE_RSA1024));

	return rv != CKR_OK ? rv : mt->C_VerifyRecover(s, signature, signature_len, ret_data, len);
}

/* A signature is that of C_Sign, byte for byte, and gives back the data. */
static void
test_round(void **state)
{
	static const CK_ULONG lengths[] = { 1, 35, 117 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[K], expected[OPS_MAX], data[OPS_MAX];
	CK_SESSION_HANDLE s = mt_start_user();
	CK_ULONG len;
	CK_RV rv;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		assert_rv(sign_recover(s, CKM_RSA_PKCS, ops_message, lengths[i], signature), CKR_OK);
		assert_int_equal(ops_sign(s, mechanism, ops_private(s, ALICE_RSA1024), lengths[i], expected, &rv), K);
		assert_memory_equal(signature, expected, K);
		len = lengths[i]; /* room for the data and no more */
		assert_rv(recover(s, CKM_RSA_PKCS, signature, K, data, &len), CKR_OK);
		assert_int_equal(len, lengths[i]);
		assert_memory_equal(data, ops_message, len);
	}
	assert_rv(sign_recover(s, CKM_RSA_PKCS, ops_message, 118, signature), CKR_DATA_LEN_RANGE);
}

static void
test_raw(void **state)
{
	CK_BYTE signature[K], data[OPS_MAX], zeros[K] = { 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_ULONG len = sizeof data;

	(void)state;
	assert_rv(sign_recover(s, CKM_RSA_X_509, ops_message, 20, signature), CKR_OK);
	assert_rv(recover(s, CKM_RSA_X_509, signature, K, data, &len), CKR_OK);
	assert_int_equal(len, K);
	assert_memory_equal(data, zeros, K - 20);
	assert_memory_equal(data + K - 20, ops_message, 20);
	/* nothing of PKCS#1 is in it */
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K, data, &len), CKR_SIGNATURE_INVALID);
}

/* P-120, P-134: without a card, and without login. */
static void
test_verify_codes(void **state)
{
	CK_BYTE signature[K], data[OPS_MAX];
	CK_SESSION_HANDLE s = mt_start_user();
	CK_ULONG len = 0;
	unsigned long before;

	(void)state;
	assert_rv(sign_recover(s, CKM_RSA_PKCS, ops_message, 30, signature), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K, NULL, &len), CKR_OK);
	assert_int_equal(len, 30);
	before = mt_exchanges(MT_READER);
	len = 29;
	assert_rv(mt->C_VerifyRecover(s, signature, K, data, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 30);
	assert_rv(mt->C_VerifyRecover(s, signature, K, data, &len), CKR_OK);
	assert_memory_equal(data, ops_message, 30);
	assert_int_equal(mt_exchanges(MT_READER), before);
	assert_rv(mt->C_VerifyRecover(s, signature, K, data, &len), CKR_OPERATION_NOT_INITIALIZED);

	len = sizeof data;
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K - 1, data, &len), CKR_SIGNATURE_LEN_RANGE);
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K, data, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(recover(s, CKM_RSA_PKCS, NULL, K, data, &len), CKR_ARGUMENTS_BAD);
	signature[K - 1] ^= 1;
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K, data, &len), CKR_SIGNATURE_INVALID);
	memset(signature, 0xFF, K); /* beyond the modulus */
	assert_rv(recover(s, CKM_RSA_PKCS, signature, K, data, &len), CKR_SIGNATURE_INVALID);
	assert_rv(recover(s, CKM_RSA_X_509, signature, K, data, &len), CKR_SIGNATURE_INVALID);
	assert_rv(mt->C_VerifyRecover(s, signature, K, data, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* P-117, P-119, P-057, P-058, P-067 */
static void
test_states(void **state)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 },
		     hashed = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_private(s, ALICE_RSA1024), public = ops_public(s, ALICE_RSA1024);
	CK_BYTE bytes[OPS_MAX];
	CK_ULONG len = sizeof bytes;

	(void)state;
	assert_rv(mt->C_SignRecoverInit(s, &hashed, key), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_SignRecoverInit(s, &ecdsa, ops_private(s, ALICE_P256)), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_SignRecoverInit(s, &mechanism, ops_private(s, ALICE_P256)), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_VerifyRecoverInit(s, &mechanism, key), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_SignRecover(s, ops_message, 1, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignRecoverInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_SignRecoverInit(s, &mechanism, key), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_SignInit(s, &mechanism, key), CKR_OK); /* beside it */
	assert_rv(mt3->C_SessionCancel(s, CKF_SIGN_RECOVER), CKR_OK);
	assert_rv(mt->C_SignRecover(s, ops_message, 1, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_VerifyRecoverInit(s, &mechanism, public), CKR_OK);
	assert_rv(mt->C_VerifyRecoverInit(s, NULL, 0), CKR_OK);
	assert_rv(mt->C_VerifyRecover(s, bytes, K, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_VerifyRecoverInit(s, &mechanism, public), CKR_OK);
	assert_rv(mt3->C_SessionCancel(s, CKF_VERIFY_RECOVER), CKR_OK);
	assert_rv(mt->C_VerifyRecover(s, bytes, K, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_SignRecoverInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	assert_rv(mt->C_SignRecover(s, ops_message, 1, bytes, &len), CKR_OPERATION_NOT_INITIALIZED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round),
		TEST(test_raw),
		TEST(test_verify_codes),
		TEST(test_states),
	};

	return cmocka_run_group_tests_name("/module/recover", tests, mt_load, mt_unload);
}
