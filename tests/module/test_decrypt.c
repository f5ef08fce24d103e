/* SPDX-License-Identifier: BSD-2-Clause */
/* Decryption by the card through the built module, of what libcrypto has encrypted. */
#include <stdlib.h>

#include "module/ops.h"

#define K 128u

/* Bob's card has one RSA-1024 key that decrypts. */
static CK_SESSION_HANDLE
start_bob(void)
{
	mt_remove(MT_READER);
	mt_insert(MT_READER, MT_BOB);
	return mt_start_user();
}

static CK_RV
decrypt(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE *cipher, CK_ULONG cipher_len, CK_BYTE *ret_plain,
	CK_ULONG *len)
{
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	return mt->C_Decrypt(s, cipher, cipher_len, ret_plain, len);
}

/* P-135: room for the message and no more, in a heap block. */
static void
decrypt_exactly(CK_SESSION_HANDLE s, CK_MECHANISM mechanism, CK_BYTE *cipher, CK_ULONG expected)
{
	CK_BYTE *plain = malloc(expected + (expected == 0));
	CK_ULONG len = expected;

	assert_non_null(plain);
	assert_rv(decrypt(s, mechanism, cipher, K, plain, &len), CKR_OK);
	assert_int_equal(len, expected);
	assert_memory_equal(plain, ops_message, expected);
	free(plain);
}

static const CK_MECHANISM pkcs1 = { CKM_RSA_PKCS, NULL, 0 };

static void
test_pkcs1(void **state)
{
	static const size_t lengths[] = { 0, 1, 16, 48, 116, 117 };
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE cipher[OPS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message, lengths[i], cipher);
		decrypt_exactly(s, pkcs1, cipher, lengths[i]);
	}
	EVP_PKEY_free(pkey);
}

static void
oaep_round(CK_SESSION_HANDLE s, EVP_PKEY *pkey, const struct ops_hash *hash, const struct ops_hash *mgf, char *label,
	   CK_ULONG label_len, CK_ULONG len)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { hash->digest, mgf->mgf, CKZ_DATA_SPECIFIED, label, label_len };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &params, sizeof params };
	CK_BYTE cipher[OPS_MAX];

	keys_encrypt(pkey, hash->name, mgf->name, label, label_len, ops_message, len, cipher);
	decrypt_exactly(s, mechanism, cipher, len);
}

/* P-131 */
static void
test_oaep(void **state)
{
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	char label[] = "a label";

	(void)state;
	oaep_round(s, pkey, &ops_hashes[0], &ops_hashes[0], NULL, 0, 86);
	oaep_round(s, pkey, &ops_hashes[0], &ops_hashes[0], label, 7, 16);
	oaep_round(s, pkey, OPS_SHA256, OPS_SHA256, NULL, 0, 62);
	oaep_round(s, pkey, OPS_SHA256, OPS_SHA256, label, 7, 0);
	oaep_round(s, pkey, OPS_SHA256, &ops_hashes[0], label, 3, 5);
	oaep_round(s, pkey, &ops_hashes[1], &ops_hashes[4], NULL, 0, 5);
	oaep_round(s, pkey, &ops_hashes[3], &ops_hashes[3], NULL, 0, 5);
	EVP_PKEY_free(pkey);
}

/* As pkcs11-tool asks: no source at all. The label may change after Init. */
static void
test_oaep_parameters(void **state)
{
	char label[] = "abc";
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA_1, CKG_MGF1_SHA1, 0, NULL, 0 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_OAEP, &params, sizeof params };
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE cipher[OPS_MAX], plain[OPS_MAX];
	CK_ULONG len = sizeof plain;

	(void)state;
	keys_encrypt(pkey, "SHA1", "SHA1", NULL, 0, ops_message, 10, cipher);
	decrypt_exactly(s, mechanism, cipher, 10);
	keys_encrypt(pkey, "SHA1", "SHA1", label, 3, ops_message, 10, cipher);
	params = (CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, 3 };
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	memset(label, 0, sizeof label);
	memset(&params, 0, sizeof params);
	assert_rv(mt->C_Decrypt(s, cipher, K, plain, &len), CKR_OK);
	assert_int_equal(len, 10);
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_MECHANISM_PARAM_INVALID);
	EVP_PKEY_free(pkey);
}

static void
test_raw(void **state)
{
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	CK_SESSION_HANDLE s = start_bob();
	CK_BYTE cipher[K] = { 0 }, plain[K], zeros[K - 1] = { 0 };
	CK_ULONG len = sizeof plain;

	(void)state;
	cipher[K - 1] = 1; /* one to any power */
	assert_rv(decrypt(s, raw, cipher, K, plain, &len), CKR_OK);
	assert_int_equal(len, K);
	assert_memory_equal(plain, zeros, K - 1);
	assert_int_equal(plain[K - 1], 1);
	memset(cipher, 0xFF, sizeof cipher);
	assert_rv(decrypt(s, raw, cipher, K, plain, &len), CKR_ENCRYPTED_DATA_INVALID);
}

/* P-135 */
static void
test_wrong_length(void **state)
{
	CK_SESSION_HANDLE s = start_bob();
	CK_BYTE plain[OPS_MAX];
	CK_ULONG len = sizeof plain;

	(void)state;
	ops_message[0] &= 0x7F;
	assert_rv(decrypt(s, pkcs1, ops_message, K - 1, plain, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_rv(mt->C_Decrypt(s, ops_message, K, plain, &len), CKR_OPERATION_NOT_INITIALIZED); /* P-121 */
	assert_rv(decrypt(s, pkcs1, ops_message, K + 1, plain, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_rv(decrypt(s, pkcs1, ops_message, 0, plain, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_rv(decrypt(s, pkcs1, NULL, K, plain, &len), CKR_ARGUMENTS_BAD);
	assert_rv(decrypt(s, pkcs1, ops_message, K, plain, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(mt->C_Decrypt(s, ops_message, K, plain, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* Twice the same message, at most what fits under the padding. */
static void
decrypts_to_something(CK_SESSION_HANDLE s, CK_BYTE *cipher)
{
	CK_BYTE plain[2][OPS_MAX];
	CK_ULONG len[2];

	for (int i = 0; i < 2; i++) {
		len[i] = sizeof plain[i];
		assert_rv(decrypt(s, pkcs1, cipher, K, plain[i], &len[i]), CKR_OK);
	}
	assert_int_equal(len[0], len[1]);
	assert_true(len[0] <= K - 11);
	assert_memory_equal(plain[0], plain[1], len[0]);
}

/* P-136: whatever is wrong with the padding, OAEP has one answer, and PKCS#1 v1.5 a message that is none. */
static void
test_bad_padding(void **state)
{
	CK_RSA_PKCS_OAEP_PARAMS params = { CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &params, sizeof params };
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE blocks[4][K] = { { 1, 2 }, { 0, 1 }, { 0, 2, 9, 9, 0 }, { 0, 2 } }, cipher[K], plain[OPS_MAX];
	size_t cipher_len = K;
	CK_ULONG len = sizeof plain;

	(void)state;
	memset(blocks[3] + 2, 0xAA, K - 2); /* no end of the padding */
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

		assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
		assert_int_equal(EVP_PKEY_encrypt(ctx, cipher, &cipher_len, blocks[i], K), 1);
		EVP_PKEY_CTX_free(ctx);
		decrypts_to_something(s, cipher);
		assert_rv(decrypt(s, oaep, cipher, K, plain, &len), CKR_ENCRYPTED_DATA_INVALID);
		assert_rv(mt->C_Decrypt(s, cipher, K, plain, &len), CKR_OPERATION_NOT_INITIALIZED);
	}
	keys_encrypt(pkey, "SHA256", "SHA256", "x", 1, ops_message, 5, cipher); /* another label */
	assert_rv(decrypt(s, oaep, cipher, K, plain, &len), CKR_ENCRYPTED_DATA_INVALID);
	EVP_PKEY_free(pkey);
}

/* P-120, P-135: asking costs nothing, and a result that did not fit is not made again. */
static void
test_short_buffer(void **state)
{
	CK_MECHANISM mechanism = pkcs1;
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE cipher[K], plain[OPS_MAX] = { 0 };
	unsigned long before;
	CK_ULONG len = 0;

	(void)state;
	keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message, 48, cipher);
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	before = mt_exchanges(MT_READER);
	assert_rv(mt->C_Decrypt(s, cipher, K, NULL, &len), CKR_OK);
	assert_int_equal(len, K);
	assert_int_equal(mt_exchanges(MT_READER), before);
	len = 47;
	assert_rv(mt->C_Decrypt(s, cipher, K, plain, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, K); /* not the message's length */
	before = mt_exchanges(MT_READER);
	len = 0;
	assert_rv(mt->C_Decrypt(s, cipher, K, NULL, &len), CKR_OK);
	len = 1;
	assert_rv(mt->C_Decrypt(s, cipher, K, plain, &len), CKR_BUFFER_TOO_SMALL);
	len = 48;
	assert_rv(mt->C_Decrypt(s, cipher, K, plain, &len), CKR_OK);
	assert_int_equal(len, 48);
	assert_memory_equal(plain, ops_message, 48);
	assert_int_equal(mt_exchanges(MT_READER), before);
	EVP_PKEY_free(pkey);
}

/* The kept result belongs to its ciphertext. */
static void
test_another_ciphertext(void **state)
{
	CK_MECHANISM mechanism = pkcs1;
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE first[K], second[K], plain[OPS_MAX];
	CK_ULONG len = 3;

	(void)state;
	keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message, 20, first);
	keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message + 1, 10, second);
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	assert_rv(mt->C_Decrypt(s, first, K, plain, &len), CKR_BUFFER_TOO_SMALL);
	assert_rv(mt->C_Decrypt(s, second, K, plain, &len), CKR_OK);
	assert_int_equal(len, 10);
	assert_memory_equal(plain, ops_message + 1, 10);
	EVP_PKEY_free(pkey);
}

static void
test_parts(void **state)
{
	CK_MECHANISM mechanism = pkcs1;
	CK_SESSION_HANDLE s = start_bob();
	EVP_PKEY *pkey = ops_key(s, 0);
	CK_BYTE cipher[K], plain[OPS_MAX];
	CK_ULONG len = sizeof plain;

	(void)state;
	keys_encrypt(pkey, NULL, NULL, NULL, 0, ops_message, 20, cipher);
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	assert_rv(mt->C_DecryptUpdate(s, cipher, 100, plain, &len), CKR_OK);
	assert_int_equal(len, 0);
	assert_rv(mt->C_DecryptUpdate(s, cipher + 100, 28, plain, &len), CKR_OK);
	len = 19;
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, K);
	len = 20;
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_OK);
	assert_int_equal(len, 20);
	assert_memory_equal(plain, ops_message, 20);
	/* what comes after a short buffer is not overlooked */
	assert_rv(mt->C_DecryptInit(s, &mechanism, ops_private(s, 0)), CKR_OK);
	assert_rv(mt->C_DecryptUpdate(s, cipher, K, plain, &len), CKR_OK);
	len = 1;
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_BUFFER_TOO_SMALL);
	assert_rv(mt->C_DecryptUpdate(s, cipher, 1, plain, &len), CKR_OK);
	len = sizeof plain;
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	EVP_PKEY_free(pkey);
}

/* P-122 */
static void
test_mixing(void **state)
{
	CK_MECHANISM mechanism = pkcs1;
	CK_SESSION_HANDLE s = start_bob();
	CK_OBJECT_HANDLE key = ops_private(s, 0);
	CK_BYTE plain[OPS_MAX];
	CK_ULONG len = sizeof plain;

	(void)state;
	assert_rv(mt->C_DecryptInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_DecryptInit(s, &mechanism, key), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_DecryptUpdate(s, ops_message, 1, plain, &len), CKR_OK);
	assert_rv(mt->C_Decrypt(s, ops_message, K, plain, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_DecryptInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_Decrypt(s, ops_message, K, NULL, &len), CKR_OK);
	assert_rv(mt->C_DecryptFinal(s, plain, &len), CKR_OPERATION_ACTIVE);
	assert_rv(mt->C_DecryptUpdate(s, ops_message, 1, plain, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_rv(mt->C_DecryptInit(s, &mechanism, key), CKR_OK);
	assert_rv(mt->C_DecryptInit(s, NULL, key), CKR_OK);
	assert_rv(mt->C_Decrypt(s, ops_message, K, plain, &len), CKR_OPERATION_NOT_INITIALIZED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, mt_set_up, mt_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pkcs1),	    TEST(test_oaep),
		TEST(test_oaep_parameters), TEST(test_raw),
		TEST(test_wrong_length),    TEST(test_bad_padding),
		TEST(test_short_buffer),    TEST(test_another_ciphertext),
		TEST(test_parts),	    TEST(test_mixing),
	};

	return cmocka_run_group_tests_name("/module/decrypt", tests, mt_load, mt_unload);
}
