/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification and encryption with the token's public keys: in software, without login, as libcrypto does it. */
#include "module/ops.h"

/* A signature by the card for what follows; the login that it takes is over afterwards. */
static CK_ULONG
card_signature(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container, CK_ULONG data_len,
	       CK_BYTE ret_signature[OPS_MAX])
{
	CK_ULONG len;
	CK_RV rv;

	assert_rv(mt_login(s, MT_PIN), CKR_OK);
	len = ops_sign(s, mechanism, ops_private(s, container), data_len, ret_signature, &rv);
	assert_rv(rv, CKR_OK);
	assert_rv(mt->C_Logout(s), CKR_OK);
	return len;
}

static CK_RV
verify_parts(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_ULONG data_len, CK_BYTE *signature,
	     CK_ULONG signature_len)
{
	assert_rv(mt->C_VerifyInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_VerifyUpdate(s, ops_message, data_len / 2), CKR_OK);
	assert_rv(mt->C_VerifyUpdate(s, ops_message + data_len / 2, data_len - data_len / 2), CKR_OK);
	return mt->C_VerifyFinal(s, signature, signature_len);
}

/* P-134, P-137 */
static void
verify_round(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container, CK_ULONG data_len)
{
	CK_OBJECT_HANDLE key = ops_public(s, container);
	CK_BYTE signature[OPS_MAX] = { 0 };
	CK_ULONG len = card_signature(s, mechanism, container, data_len, signature);
	unsigned long before;

	assert_rv(ops_verify(s, mechanism, key, data_len, signature, len), CKR_OK);
	before = mt_exchanges(MT_READER); /* the key has been read, once */
	assert_rv(verify_parts(s, mechanism, key, data_len, signature, len), CKR_OK);
	signature[len / 2 - 1] ^= 1;
	assert_rv(ops_verify(s, mechanism, key, data_len, signature, len), CKR_SIGNATURE_INVALID);
	assert_rv(verify_parts(s, mechanism, key, data_len, signature, len), CKR_SIGNATURE_INVALID);
	signature[len / 2 - 1] ^= 1;
	ops_message[0] ^= 1;
	assert_rv(ops_verify(s, mechanism, key, data_len, signature, len), CKR_SIGNATURE_INVALID);
	ops_message[0] ^= 1;
	assert_rv(ops_verify(s, mechanism, key, data_len, signature, len - 1), CKR_SIGNATURE_LEN_RANGE);
	assert_rv(ops_verify(s, mechanism, key, data_len, signature, len + 1), CKR_SIGNATURE_LEN_RANGE);
	assert_rv(ops_verify(s, mechanism, key, data_len, signature, 0), CKR_SIGNATURE_LEN_RANGE);
	assert_rv(verify_parts(s, mechanism, key, data_len, signature, len + 2), CKR_SIGNATURE_LEN_RANGE);
	assert_int_equal(mt_exchanges(MT_READER), before);
}

static void
test_rsa(void **state)
{
	CK_SESSION_HANDLE s = mt_start();
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA1, 11 };

	(void)state;
	verify_round(s, (CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 }, ALICE_RSA1024, 51);
	verify_round(s, (CK_MECHANISM){ CKM_RSA_X_509, NULL, 0 }, ALICE_RSA1024, 50);
	verify_round(s, (CK_MECHANISM){ CKM_SHA1_RSA_PKCS, NULL, 0 }, ALICE_RSA1024, 300);
	verify_round(s, (CK_MECHANISM){ CKM_SHA512_RSA_PKCS, NULL, 0 }, ALICE_RSA2048, 300);
	verify_round(s, (CK_MECHANISM){ CKM_RSA_PKCS_PSS, &pss, sizeof pss }, ALICE_RSA1024, 32);
	verify_round(s, (CK_MECHANISM){ CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss }, ALICE_RSA1024, 300);
}

static void
test_ecdsa(void **state)
{
	CK_SESSION_HANDLE s = mt_start();

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(ops_ec_containers); c++) {
		verify_round(s, (CK_MECHANISM){ CKM_ECDSA, NULL, 0 }, ops_ec_containers[c], 32);
		verify_round(s, (CK_MECHANISM){ CKM_ECDSA_SHA384, NULL, 0 }, ops_ec_containers[c], 300);
	}
}

/* Two shorter halves are the same numbers. */
static void
test_ecdsa_short_halves(void **state)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE key = ops_public(s, ALICE_P521);
	CK_BYTE signature[OPS_MAX] = { 0 };
	CK_BYTE shorter[130];

	(void)state;
	/* the first byte of a half holds one bit of the number: half of the time it is zero */
	do
		assert_int_equal(card_signature(s, mechanism, ALICE_P521, 20, signature), 132);
	while (signature[0] != 0 || signature[66] != 0);
	memcpy(shorter, signature + 1, 65);
	memcpy(shorter + 65, signature + 67, 65);
	assert_rv(ops_verify(s, mechanism, key, 20, shorter, 130), CKR_OK);
	shorter[129] ^= 1;
	assert_rv(ops_verify(s, mechanism, key, 20, shorter, 130), CKR_SIGNATURE_INVALID);
	assert_rv(ops_verify(s, mechanism, key, 20, shorter, 129), CKR_SIGNATURE_LEN_RANGE);
}

static void
test_verify_codes(void **state)
{
	CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 }, pss = { CKM_RSA_PKCS_PSS, NULL, 0 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();
	CK_OBJECT_HANDLE key = ops_public(s, ALICE_RSA1024);
	CK_BYTE signature[OPS_MAX] = { 0 };

	(void)state;
	assert_rv(mt->C_VerifyInit(s, &oaep, key), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_VerifyInit(s, &pss, key), CKR_MECHANISM_PARAM_INVALID);
	assert_rv(mt->C_VerifyInit(s, &ecdsa, key), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, ops_private(s, ALICE_RSA1024)), CKR_KEY_TYPE_INCONSISTENT);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, mt_object(s, CKO_CERTIFICATE, ALICE_RSA2048)), CKR_KEY_HANDLE_INVALID);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, 0), CKR_KEY_HANDLE_INVALID);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, key), CKR_OK);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, key), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_VerifyInit(s, NULL, key), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 1, signature, 128), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(ops_verify(s, pkcs1, key, 118, signature, 128), CKR_DATA_LEN_RANGE);
	assert_rv(mt->C_VerifyInit(s, &pkcs1, key), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 1, NULL, 128), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Verify(s, ops_message, 1, signature, 128), CKR_OPERATION_NOT_INITIALIZED);
	/* P-122 */
	assert_rv(mt->C_VerifyInit(s, &pkcs1, key), CKR_OK);
	assert_rv(mt->C_VerifyUpdate(s, ops_message, 1), CKR_OK);
	assert_rv(mt->C_Verify(s, ops_message, 1, signature, 128), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_VerifyFinal(s, signature, 128), CKR_OPERATION_NOT_INITIALIZED);
}

/* Encryption ----------------------------------------------------------------------------------------------------------- */

/* Encrypts in one shot and over Updates, and lets the card decrypt. */
static void
encrypt_round(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE container, CK_ULONG k, CK_ULONG len)
{
	CK_OBJECT_HANDLE key = ops_public(s, container);
	CK_BYTE cipher[2][OPS_MAX], plain[OPS_MAX];
	CK_ULONG cipher_len = OPS_MAX, none = OPS_MAX, plain_len;

	assert_rv(mt->C_EncryptInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Encrypt(s, ops_message, len, cipher[0], &cipher_len), CKR_OK);
	assert_int_equal(cipher_len, k);
	assert_rv(mt->C_EncryptInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_EncryptUpdate(s, ops_message, len / 2, cipher[1], &none), CKR_OK);
	assert_int_equal(none, 0);
	none = OPS_MAX;
	assert_rv(mt->C_EncryptUpdate(s, ops_message, 1, NULL, &none), CKR_OK); /* asks only */
	assert_int_equal(none, 0);
	assert_rv(mt->C_EncryptUpdate(s, ops_message + len / 2, len - len / 2, cipher[1], &none), CKR_OK);
	cipher_len = k - 1;
	assert_rv(mt->C_EncryptFinal(s, cipher[1], &cipher_len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(cipher_len, k);
	assert_rv(mt->C_EncryptFinal(s, cipher[1], &cipher_len), CKR_OK);
	for (int i = 0; i < 2; i++) {
		const CK_BYTE *message = plain;

		plain_len = OPS_MAX;
		assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, container)), CKR_OK);
		assert_rv(mt->C_Decrypt(s, cipher[i], k, plain, &plain_len), CKR_OK);
		if (mechanism.mechanism == CKM_RSA_X_509) { /* zeros are kept */
			assert_int_equal(plain_len, k);
			message = plain + k - len;
		} else {
			assert_int_equal(plain_len, len);
		}
		assert_memory_equal(message, ops_message, len);
	}
}

/* P-137 */
static void
test_encryption(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start_user();

	(void)state;
	encrypt_round(s, (CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 }, ALICE_RSA2048, 256, 245);
	encrypt_round(s, (CK_MECHANISM){ CKM_RSA_X_509, NULL, 0 }, ALICE_RSA2048, 256, 200);
	encrypt_round(s, (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep }, ALICE_RSA2048, 256, 190);
}

static CK_RV
encrypt(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG len)
{
	CK_BYTE cipher[OPS_MAX];
	CK_ULONG cipher_len = sizeof cipher;

	assert_rv(mt->C_EncryptInit(s, &mechanism, key), CKR_OK);
	return mt->C_Encrypt(s, data, len, cipher, &cipher_len);
}

static void
test_encryption_codes(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof params }, ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_SESSION_HANDLE s = mt_start();
	CK_OBJECT_HANDLE key = ops_public(s, ALICE_RSA2048);
	CK_BYTE block[256], cipher[256];
	CK_ULONG len = sizeof cipher;

	(void)state;
	memset(block, 0xFF, sizeof block);
	assert_rv(encrypt(s, pkcs1, key, ops_message, 246), CKR_DATA_LEN_RANGE);
	assert_rv(encrypt(s, oaep, key, ops_message, 215), CKR_DATA_LEN_RANGE);
	assert_rv(encrypt(s, oaep, key, ops_message, 214), CKR_OK);
	assert_rv(encrypt(s, raw, key, ops_message, 257), CKR_DATA_LEN_RANGE);
	assert_rv(encrypt(s, raw, key, block, 256), CKR_DATA_INVALID);
	assert_rv(encrypt(s, raw, key, NULL, 0), CKR_OK);
	assert_rv(encrypt(s, raw, key, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_EncryptInit(s, &ecdsa, key), CKR_MECHANISM_INVALID);
	assert_rv(mt->C_EncryptInit(s, &pkcs1, ops_public(s, ALICE_P256)), CKR_KEY_TYPE_INCONSISTENT);
	oaep.ulParameterLen--;
	assert_rv(mt->C_EncryptInit(s, &oaep, key), CKR_MECHANISM_PARAM_INVALID);
	/* P-122 */
	assert_rv(mt->C_EncryptInit(s, &pkcs1, key), CKR_OK);
	assert_rv(mt->C_Encrypt(s, ops_message, 1, NULL, &len), CKR_OK);
	assert_int_equal(len, 256);
	assert_rv(mt->C_EncryptFinal(s, cipher, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_EncryptFinal(s, cipher, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_EncryptInit(s, &pkcs1, key), CKR_OK);
	assert_rv(mt->C_EncryptUpdate(s, ops_message, 1, cipher, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_EncryptFinal(s, cipher, &len), CKR_OPERATION_NOT_INITIALIZED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rsa),		 TEST(test_ecdsa),	TEST(test_ecdsa_short_halves),
		TEST(test_verify_codes), TEST(test_encryption), TEST(test_encryption_codes),
	};

	return cmocka_run_group_tests_name("/module/verify", tests, mt_load, mt_unload);
}
